/**
 * What a watched run has said, bounded: a ring of the latest events, and all durable ones.
 *
 * ```
 *   durable   1     3           7        9      kept, all of them
 *   ring                    6 7 8 9 10          the latest `size`, progress among them
 *   cursor      ^ 2                             has missed progress 4, 5: gets 3, 7, 9, then Gap, then goes on after 10
 * ```
 * Three invariants: a reader sees every durable event after its cursor once and in order; it sees progress only in an
 * unbroken run from what it saw before, or after a gap that holds the whole text; and what is kept beside durable
 * events does not grow.
 */
import { type AgentEvent, isProgress, isTerminal } from "../core/AgentEvent.ts"

/** An event and its id: ids count up from 1. */
export interface Entry<Event = AgentEvent> {
  readonly id: number
  readonly event: Event
}

/** The text of an agent's latest turn. */
interface Text {
  readonly turn: number
  readonly path: string
  text: string
  reasoning: string
}

/** The events of one run. */
export class Backlog {
  /** Whether the run is over. */
  ended = false
  readonly #size: number
  readonly #durable: Array<Entry> = []
  readonly #ring: Array<Entry | undefined>
  readonly #texts = new Map<string, Text>()
  #last = 0
  #root: string | undefined

  constructor(size: number) {
    this.#size = size
    this.#ring = new Array(size).fill(undefined)
  }

  /** Takes the next event. */
  push(event: AgentEvent): void {
    if (this.ended) return
    const entry = { id: ++this.#last, event }
    this.#root ??= event.path
    this.#ring[entry.id % this.#size] = entry
    if (!isProgress(event)) this.#durable.push(entry)
    this.#follow(event)
  }

  /** No more events. */
  end(): void {
    this.ended = true
  }

  /** What comes after event `cursor`, and the cursor after that. */
  read(cursor: number): { readonly entries: ReadonlyArray<Entry>; readonly cursor: number } {
    if (cursor >= this.#last) return { entries: [], cursor }
    const oldest = Math.max(1, this.#last - this.#size + 1)
    const entries: Array<Entry> = []
    if (cursor + 1 >= oldest) {
      for (let id = cursor + 1; id <= this.#last; id++) entries.push(this.#ring[id % this.#size]!)
      return { entries, cursor: this.#last }
    }
    const from = this.#after(cursor)
    for (let index = from; index < this.#durable.length; index++) entries.push(this.#durable[index]!)
    let missed = this.#last - cursor - entries.length
    if (missed === 0) return { entries, cursor: this.#last }
    const last = entries.at(-1)
    const terminal = last !== undefined && isTerminal(last.event) && last.event.path === this.#root ? entries.pop() : undefined
    for (const { path, reasoning, text, turn } of this.#texts.values()) {
      entries.push({ id: this.#last, event: { _tag: "Gap", path, turn, missed, text, reasoning } })
      missed = 0
    }
    if (terminal !== undefined) entries.push(terminal)
    return { entries, cursor: this.#last }
  }

  /** The index of the first durable event after a cursor. */
  #after(cursor: number): number {
    let low = 0
    let high = this.#durable.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#durable[middle]!.id <= cursor) low = middle + 1
      else high = middle
    }
    return low
  }

  #follow(event: AgentEvent): void {
    switch (event._tag) {
      case "TurnStarted":
        this.#texts.set(event.path, { path: event.path, turn: event.turn, text: "", reasoning: "" })
        return
      case "TextDelta":
      case "ReasoningDelta": {
        const text = this.#texts.get(event.path)
        if (text === undefined) return
        if (event._tag === "TextDelta") text.text += event.delta
        else text.reasoning += event.delta
        return
      }
    }
  }
}
