/**
 * What a watched run has said, bounded: the latest events, all durable ones, and what the forgotten ones had shown.
 *
 * ```
 *   event      1 2 3 4 5 6 7 8 | 9 10 11 12 13
 *   durable    x   x       x         x      x      kept, all of them
 *   ring                       | 9 10 11 12 13     the latest `size`; progress 2 4 5 6 8 is forgotten, 8 the last of it
 *   cursor       ^                                 gets 3, 7, a Gap in place of 8, then 9 to 13
 * ```
 * Three invariants: a reader sees every durable event after its cursor once and in order; it sees progress in an
 * unbroken run from what it saw before, or after a gap that holds the whole text up to there; and what is kept beside
 * durable events does not grow with the run. Ids rise in what is read, and a Gap has the id of the last event that it
 * stands for: a reader who comes back with any id that it was given goes on rightly.
 */
import { type AgentEvent, isProgress, isTerminal } from "../core/AgentEvent.ts"

/** An event and its id: ids count up from 1. */
export interface Entry<Event = AgentEvent> {
  readonly id: number
  readonly event: Event
}

/** Where a reader is. */
export interface Cursor {
  /** The id of the last event that it was given. */
  id: number
  /** How much progress it has missed that no gap has told of yet. */
  untold: number
}

/** What an agent's forgotten progress had shown: the text, reasoning and typed answer of one turn. */
interface Forgotten {
  readonly path: string
  turn: number
  text: string
  reasoning: string
  partial: { readonly value: unknown } | undefined
  /** The id of the last forgotten progress. */
  last: number
  /** A later turn has begun, of which nothing is forgotten yet. */
  isOver: boolean
}

/** The events of one run. */
export class Backlog {
  /** Whether the run is over: its last event is there. */
  ended = false
  readonly #size: number
  readonly #durable: Array<Entry> = []
  readonly #ring: Array<Entry | undefined>
  readonly #forgotten = new Map<string, Forgotten>()
  #last = 0
  #root: string | undefined

  /** `size`: how many of the latest events are kept whole, progress among them. */
  constructor(size: number) {
    this.#size = size
    this.#ring = new Array(size).fill(undefined)
  }

  /** Takes the next event. The one that ends the run of the first event's agent is the last. */
  push(event: AgentEvent): void {
    if (this.ended) return
    const entry = { id: ++this.#last, event }
    this.#root ??= event.path
    const slot = entry.id % this.#size
    const oldest = this.#ring[slot]
    this.#ring[slot] = entry
    if (oldest !== undefined) this.#forget(oldest)
    if (!isProgress(event)) this.#durable.push(entry)
    if (isTerminal(event) && event.path === this.#root) this.ended = true
  }

  /** No more events. */
  end(): void {
    this.ended = true
  }

  /** Where a reader begins who comes back with an id; one that was never given out begins at the start. */
  cursor(id: number | undefined): Cursor {
    return { id: id !== undefined && id >= 1 && id <= this.#last ? Math.floor(id) : 0, untold: 0 }
  }

  /** The next events after `cursor`, at most `size` of them and a gap for each agent; moves the cursor after them. */
  read(cursor: Cursor): ReadonlyArray<Entry> {
    const entries: Array<Entry> = []
    const kept = Math.max(1, this.#last - this.#size + 1)
    const isCaughtUp = cursor.id + 1 >= kept || this.#readForgotten(cursor, kept, entries)
    if (isCaughtUp) {
      let next = Math.max(kept, cursor.id + 1)
      while (next <= this.#last && entries.length < this.#size) entries.push(this.#ring[next++ % this.#size]!)
      cursor.id = next - 1
    }
    return entries
  }

  /** Adds what there is of the events before `kept`; whether that was all of it. */
  #readForgotten(cursor: Cursor, kept: number, entries: Array<Entry>): boolean {
    let index = this.#durableAfter(cursor.id)
    /** Adds the durable events up to an id while there is room, and counts the progress between them. */
    const addUpTo = (id: number): boolean => {
      const before = { id: cursor.id, index }
      const end = this.#durableAfter(id)
      while (index < end && entries.length < this.#size) entries.push(this.#durable[index++]!)
      if (index === end) cursor.id = id
      else if (index > before.index) cursor.id = this.#durable[index - 1]!.id
      cursor.untold += cursor.id - before.id - (index - before.index)
      return index === end
    }
    for (const gap of this.#gapsAfter(cursor.id)) {
      if (!addUpTo(gap.last)) return false
      entries.push({ id: gap.last, event: toEvent(gap, cursor.untold) })
      cursor.untold = 0
    }
    return addUpTo(kept - 1)
  }

  /** The index of the first durable event after an id. */
  #durableAfter(id: number): number {
    let low = 0
    let high = this.#durable.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#durable[middle]!.id <= id) low = middle + 1
      else high = middle
    }
    return low
  }

  /** What was forgotten after an id, by agent, in the order of the ids. */
  #gapsAfter(id: number): ReadonlyArray<Forgotten> {
    return [...this.#forgotten.values()].filter(({ last }) => last > id).sort((a, b) => a.last - b.last)
  }

  #forget({ event, id }: Entry): void {
    const { path } = event
    const forgotten = this.#forgotten.get(path)
    if (event._tag === "TurnStarted") {
      if (forgotten !== undefined) forgotten.isOver = true
      return
    }
    if (!isProgress(event) || !("turn" in event)) return
    let shown = forgotten
    if (shown === undefined) {
      shown = { path, turn: event.turn, text: "", reasoning: "", partial: undefined, last: id, isOver: false }
      this.#forgotten.set(path, shown)
    } else if (shown.isOver) {
      shown.turn = event.turn
      shown.text = ""
      shown.reasoning = ""
      shown.partial = undefined
      shown.isOver = false
    }
    shown.last = id
    if (event._tag === "TextDelta") shown.text += event.delta
    else if (event._tag === "ReasoningDelta") shown.reasoning += event.delta
    else if (event._tag === "OutputPartial") shown.partial = { value: event.value }
  }
}

const toEvent = ({ partial, path, reasoning, text, turn }: Forgotten, missed: number): AgentEvent => ({
  _tag: "Gap",
  path,
  turn,
  missed,
  text,
  reasoning,
  ...partial
})
