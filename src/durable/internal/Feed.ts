/**
 * What the steps of a run under way tell, bounded, for readers who come and go.
 *
 * The run never waits. The latest events are kept, and of each model call under way the whole text so far: a reader who
 * fell behind, or came late, gets that in place of what it missed. What is over is in the journal, and not kept here.
 * Every event has its position: how many events of the journal were durable when it was told.
 */
import * as Context from "effect/Context"
import type { Progress } from "../../core/ExecutionEvent.ts"

/** Progress, and how many of the journal's events come before it. */
export interface Told {
  readonly position: number
  readonly event: Progress
}

/** Somebody who reads progress. */
export interface Reader {
  /** What there is since the last time. */
  readonly take: () => ReadonlyArray<Told>
  /** Nothing more comes but what can be taken now. */
  readonly isOver: boolean
  /** Why nothing could be had. */
  readonly problem?: string | undefined
}

/** How many of the latest events are kept. */
const size = 256

/** A model call under way. */
interface Call {
  readonly turn: number
  text: string
  reasoning: string
  partial: { readonly value: unknown } | undefined
  /** How many events it was told of by. */
  count: number
  /** The number of the last of them. */
  last: number
}

/** The progress of one run of an execution. */
export class Feed {
  /** The run is over, or goes on elsewhere. */
  isOver = false
  readonly #position: () => number
  readonly #ring: Array<Told> = []
  readonly #calls = new Map<string, Call>()
  readonly #wakes = new Set<() => void>()
  #last = 0

  constructor(position: () => number) {
    this.#position = position
  }

  /** A model call begins, or begins anew: what was shown of it is void. */
  started(path: string, turn: number, model: string): void {
    this.#calls.set(path, { turn, text: "", reasoning: "", partial: undefined, count: 0, last: this.#last + 1 })
    this.push({ _tag: "TurnStarted", path, turn, model })
  }

  /** A model call was answered. */
  answered(path: string): void {
    this.#calls.delete(path)
  }

  /** Takes the next event. */
  push(event: Progress): void {
    if (this.isOver) return
    const call = "path" in event ? this.#calls.get(event.path) : undefined
    this.#ring[this.#last++ % size] = { position: this.#position(), event }
    if (call !== undefined) {
      call.count++
      call.last = this.#last
      if (event._tag === "TextDelta") call.text += event.delta
      else if (event._tag === "ReasoningDelta") call.reasoning += event.delta
      else if (event._tag === "OutputPartial") call.partial = { value: event.value }
    }
    for (const wake of this.#wakes) wake()
  }

  /** No more events. */
  end(): void {
    this.isOver = true
    for (const wake of this.#wakes) wake()
  }

  /** A reader, from the run's first event if it is kept still and `from` is 0, else from now; `wake` says that there is more. */
  reader(from: number, wake: () => void): Reader & { readonly close: () => void } {
    const isWhole = from === 0 && this.#last <= size
    const state = { next: isWhole ? 0 : this.#last, isBehind: !isWhole }
    const isOver = () => this.isOver && state.next === this.#last && !state.isBehind
    this.#wakes.add(wake)
    return {
      get isOver() {
        return isOver()
      },
      take: () => this.#read(state),
      close: () => {
        this.#wakes.delete(wake)
      }
    }
  }

  #read(state: { next: number; isBehind: boolean }): ReadonlyArray<Told> {
    const told: Array<Told> = []
    if (state.isBehind || state.next < this.#last - size) {
      this.#gaps(state.next, told)
      state.isBehind = false
    } else {
      while (state.next < this.#last) told.push(this.#ring[state.next++ % size]!)
    }
    state.next = this.#last
    return told
  }

  /** The whole text so far of the calls of which something came after event `next`, or of all for one who comes late. */
  #gaps(next: number, told: Array<Told>): void {
    const position = this.#position()
    let missed = this.#last - next
    const isLate = missed === 0
    for (const [path, { count, last, partial, reasoning, text, turn }] of this.#calls) {
      if (isLate ? count === 0 : last <= next) continue
      told.push({
        position,
        event: { _tag: "Gap", path, turn, missed: isLate ? count : missed, text, reasoning, ...partial }
      })
      missed = 0
    }
    if (told.length > 0 || isLate) return
    const message = "more came than the reader took, and what it was about is over"
    told.push({ position, event: { _tag: "ProgressLost", message, missed } })
  }
}

/** Takes the progress of the execution under way; `undefined` outside one. */
export const CurrentFeed: Context.Reference<Feed | undefined> = Context.Reference<Feed | undefined>(
  "fluxion/durable/Feed",
  { defaultValue: () => undefined }
)
