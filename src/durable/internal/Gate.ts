/**
 * Hands out answers, one at a time, in the order in which the journal recorded them.
 *
 * Recorded answers come first, each when its step is asked for and its turn has come; then the steps that have no record
 * may start, in the order in which they were asked for; then come the answers of the steps that run, in the order of
 * their commits. Between two of them the execution's code runs until it is idle, when recorded and when live: so a
 * replay asks for the same steps in the same order.
 */
import type { Idle } from "./Idle.ts"

/** Something that waits for its turn; called once. */
export type Waiter = () => void

/** The order of an execution's answers. */
export class Gate {
  readonly #idle: Idle
  readonly #order: ReadonlyArray<string>
  readonly #unasked: ReadonlySet<string>
  #next = 0
  readonly #asked = new Map<string, Waiter>()
  readonly #skipped = new Set<string>()
  readonly #starts = new Map<Waiter, string>()
  readonly #answers = new Map<Waiter, string>()
  #isScheduled = false
  /** Called when the execution is idle, and there is nothing to hand out to it. */
  onQuiet: () => void = () => {}
  /** Called when the turn of something has come that nobody asks for. */
  onUnasked: (key: string) => void = () => {}

  constructor(order: ReadonlyArray<string>, unasked: ReadonlySet<string>, idle: Idle) {
    this.#order = order
    this.#unasked = unasked
    this.#idle = idle
    idle.onIdle = () => this.#schedule()
  }

  /** The step whose answer is to be handed out next, while there are recorded ones. */
  get expected(): string | undefined {
    for (let next = this.#next; next < this.#order.length; next++) {
      if (!this.#unasked.has(this.#order[next]!)) return this.#order[next]
    }
    return undefined
  }

  /** Whether recorded answers are still to be handed out, or a step waits for its start. */
  get isReplaying(): boolean {
    return this.#next < this.#order.length || this.#starts.size > 0
  }

  /** A step that waits for the history to go on. */
  get waiting(): string | undefined {
    for (const key of this.#asked.keys()) return key
    for (const key of this.#starts.values()) return key
    return undefined
  }

  /** How many recorded answers were handed out. */
  get handedOut(): number {
    return this.#next
  }

  /** Waits for a recorded answer's turn; gives what takes it back: whoever asked is gone, and it will not be answered. */
  awaitRecorded(key: string, waiter: Waiter): () => void {
    this.#asked.set(key, waiter)
    this.#schedule()
    return () => {
      this.#asked.delete(key)
      this.#skipped.add(key)
      this.#skip()
    }
  }

  /** Waits until every recorded answer was handed out; gives what takes it back. */
  awaitStart(key: string, waiter: Waiter): () => void {
    return this.#enqueue(this.#starts, waiter, key)
  }

  /** Waits for the turn of an answer that was just committed; gives what takes it back. */
  awaitCommitted(waiter: Waiter): () => void {
    return this.#enqueue(this.#answers, waiter, "")
  }

  /** Has `onQuiet` called when the execution is idle, as after an answer. */
  settle(): void {
    this.#schedule()
  }

  #skip(): void {
    while (this.#skipped.has(this.#order[this.#next]!)) this.#next++
    this.#schedule()
  }

  #enqueue(queue: Map<Waiter, string>, waiter: Waiter, key: string): () => void {
    queue.set(waiter, key)
    this.#schedule()
    return () => {
      queue.delete(waiter)
    }
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    // when a microtask runs, no fiber does
    queueMicrotask(() => {
      this.#isScheduled = false
      if (this.#idle.isIdle) this.#handOut()
    })
  }

  #handOut(): void {
    const waiter = this.#take()
    if (waiter === undefined) return this.onQuiet()
    waiter()
    this.#schedule()
  }

  #take(): Waiter | undefined {
    const key = this.#order[this.#next]
    if (key !== undefined) {
      if (this.#unasked.has(key)) {
        this.#next++
        this.#skip()
        return () => this.onUnasked(key)
      }
      const waiter = this.#asked.get(key)
      if (waiter === undefined) return undefined
      this.#asked.delete(key)
      this.#next++
      this.#skip()
      return waiter
    }
    const queue = this.#starts.size > 0 ? this.#starts : this.#answers
    for (const waiter of queue.keys()) {
      queue.delete(waiter)
      return waiter
    }
    return undefined
  }
}
