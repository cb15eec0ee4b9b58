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

/** What an agent's forgotten progress had shown: the text and reasoning of one turn. */
interface Forgotten {
  readonly path: string
  turn: number
  text: string
  reasoning: string
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
  /** The id of the last forgotten progress. */
  #gapEnd = 0
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

  /** The cursor of a reader who comes back with an id; one that was never given out begins at the start. */
  cursorOf(id: number | undefined): number {
    return id !== undefined && id >= 1 && id <= this.#last ? Math.floor(id) : 0
  }

  /** The next events after `cursor`, at most `size` of them and a gap for each agent. */
  read(cursor: number): ReadonlyArray<Entry> {
    const entries: Array<Entry> = []
    const kept = Math.max(1, this.#last - this.#size + 1)
    let next = cursor + 1
    if (next < kept) {
      const gaps = cursor < this.#gapEnd ? this.#gapsAfter(cursor) : []
      let before = cursor
      let index = this.#durableAfter(cursor)
      for (const gap of gaps) {
        const end = this.#durableAfter(gap.last)
        const missed = gap.last - before - (end - this.#durableAfter(before))
        index = this.#addDurable(entries, index, end)
        if (index < end) return entries
        entries.push({ id: gap.last, event: toEvent(gap, missed) })
        before = gap.last
      }
      const end = this.#durableAfter(kept - 1)
      index = this.#addDurable(entries, index, end)
      if (index < end) return entries
      next = kept
    }
    while (next <= this.#last && entries.length < this.#size) entries.push(this.#ring[next++ % this.#size]!)
    return entries
  }

  /** Adds durable entries up to an index while there is room; returns the index of the next one. */
  #addDurable(entries: Array<Entry>, from: number, to: number): number {
    let index = from
    while (index < to && entries.length < this.#size) entries.push(this.#durable[index++]!)
    return index
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
    this.#gapEnd = id
    let shown = forgotten
    if (shown === undefined) {
      shown = { path, turn: event.turn, text: "", reasoning: "", last: id, isOver: false }
      this.#forgotten.set(path, shown)
    } else if (shown.isOver) {
      shown.turn = event.turn
      shown.text = ""
      shown.reasoning = ""
      shown.isOver = false
    }
    shown.last = id
    if (event._tag === "TextDelta") shown.text += event.delta
    else if (event._tag === "ReasoningDelta") shown.reasoning += event.delta
  }
}

const toEvent = ({ path, reasoning, text, turn }: Forgotten, missed: number): AgentEvent => ({
  _tag: "Gap",
  path,
  turn,
  missed,
  text,
  reasoning
})
