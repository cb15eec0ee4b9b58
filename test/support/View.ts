/**
 * What a watcher shows of each agent, by nothing but the events that it was given.
 */
import type { AgentEvent } from "fluxion"

/** What is shown of one agent's latest turn. */
export interface Shown {
  turn: number
  text: string
  reasoning: string
  value?: unknown
}

/** Follows events. A gap replaces what is shown. */
export class View {
  readonly #agents = new Map<string, Shown>()

  see(event: AgentEvent.AgentEvent<unknown>): void {
    switch (event._tag) {
      case "TurnStarted":
        this.#agents.set(event.path, { turn: event.turn, text: "", reasoning: "" })
        break
      case "Gap":
        this.#agents.set(event.path, {
          turn: event.turn,
          text: event.text,
          reasoning: event.reasoning,
          ...("value" in event ? { value: event.value } : {})
        })
        break
      case "OutputPartial":
        this.#agents.get(event.path)!.value = event.value
        break
      case "TextDelta":
        this.#agents.get(event.path)!.text += event.delta
        break
      case "ReasoningDelta":
        this.#agents.get(event.path)!.reasoning += event.delta
    }
  }

  of(path: string): Shown | undefined {
    const shown = this.#agents.get(path)
    return shown && { ...shown }
  }

  all(): ReadonlyMap<string, Shown> {
    return new Map([...this.#agents].map(([path, shown]) => [path, { ...shown }]))
  }
}

/** What is shown after all these events. */
export const of = (events: Iterable<AgentEvent.AgentEvent<unknown>>): View => {
  const view = new View()
  for (const event of events) view.see(event)
  return view
}
