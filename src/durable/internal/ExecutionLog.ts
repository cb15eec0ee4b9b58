/**
 * Where a run's events go: the execution's journal, from a sequence number on.
 *
 * A run hears of no failure. When an event cannot be appended, whoever waits for it waits on, and `onFailed` is told:
 * the run is to be stopped, and the next one goes on from what is there.
 */
import * as Effect from "effect/Effect"
import type { JournalEvent } from "../../core/JournalEvent.ts"
import type { Also, Change, Journal, JournalError } from "../Journal.ts"

/** Where a run's events go. */
export interface Log {
  /** Puts an event, and a change of the entry, behind those before; they are durable with the next event that is awaited. */
  readonly put: (event: JournalEvent, set?: Change) => void
  /** Puts an event, and waits until it is durable. */
  readonly append: (event: JournalEvent, also?: Also) => Effect.Effect<void>
}

/** The log of one execution on a journal. */
export class ExecutionLog implements Log {
  readonly #journal: Journal["Service"]
  readonly #execution: string
  #next: number
  #buffer: Array<JournalEvent> = []
  /** What changes in the entry with the events of the buffer. */
  #set: Change | undefined
  #isFailed = false
  /** How many events of the execution are durable. */
  durable: number
  /** Called once, when an event could not be appended. */
  onFailed: (error: JournalError) => void = () => {}
  /** Called when events are durable. */
  onAppended: () => void = () => {}
  /** Called when something was put, and nothing else waits already. */
  onPut: () => void = () => {}

  constructor(journal: Journal["Service"], execution: string, sequence: number) {
    this.#journal = journal
    this.#execution = execution
    this.#next = sequence
    this.durable = sequence
  }

  /** What was put, and waits for what takes it along; another one whenever something was appended. */
  get buffer(): ReadonlyArray<JournalEvent> {
    return this.#buffer
  }

  put(event: JournalEvent, set?: Change): void {
    if (set !== undefined) this.#set = { ...this.#set, ...set }
    if (this.#buffer.push(event) === 1) this.onPut()
  }

  /** Appends what was put. */
  flush(): Effect.Effect<void> {
    return this.#buffer.length === 0 ? Effect.void : Effect.matchEffect(this.tryAppend([]), {
      onSuccess: () => Effect.sync(() => this.onAppended()),
      onFailure: (error) => Effect.sync(() => this.#failed(error))
    })
  }

  #failed(error: JournalError): void {
    if (this.#isFailed) return
    this.#isFailed = true
    this.onFailed(error)
  }

  append(event: JournalEvent, also?: Also): Effect.Effect<void> {
    return this.#surely([event], also)
  }

  /** Messages are dealt with, and nothing is recorded of them. */
  take(names: ReadonlyArray<string>): Effect.Effect<void> {
    return this.#surely([], { take: names })
  }

  #surely(events: ReadonlyArray<JournalEvent>, also: Also | undefined): Effect.Effect<void> {
    return Effect.matchEffect(this.tryAppend(events, also), {
      onSuccess: () => Effect.sync(() => this.onAppended()),
      onFailure: (error) => {
        this.#failed(error)
        return Effect.never
      }
    })
  }

  /** Appends events behind those that were put. */
  tryAppend(events: ReadonlyArray<JournalEvent>, also?: Also): Effect.Effect<void, JournalError> {
    return Effect.suspend(() => {
      const from = this.#next
      const put = this.#buffer
      const all = put.length === 0 ? events : [...put, ...events]
      const set = this.#set
      this.#buffer = []
      this.#set = undefined
      this.#next += all.length
      const withSet = set === undefined ? also : { ...also, set: { ...set, ...also?.set } }
      return Effect.mapBoth(this.#journal.append(this.#execution, from, all, withSet), {
        onSuccess: () => {
          this.durable = Math.max(this.durable, from + all.length)
        },
        onFailure: (error) => {
          // nothing came behind it: tried again, it leaves no hole, and what was put goes with it
          if (this.#next === from + all.length) {
            this.#next = from
            this.#buffer = [...put, ...this.#buffer]
            if (set !== undefined) this.#set = { ...set, ...this.#set }
          }
          return error
        }
      })
    })
  }
}
