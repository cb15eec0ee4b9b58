/**
 * What was shown of the outermost agent's turn, for encodings that can only add to it.
 *
 * After a gap, which has the whole text so far, only what is new of it is added: what a reader was given is how it
 * begins.
 */
import type { AgentEvent } from "../../core/AgentEvent.ts"

/** What an event adds. */
export interface Added {
  readonly text: string
  readonly reasoning: string
}

/** Follows the outermost agent's text. */
export class Said {
  #text = ""
  #reasoning = ""

  /** Takes one of the outermost agent's events; says what it adds to the text, if it may. */
  see(event: AgentEvent): Added | undefined {
    switch (event._tag) {
      case "TurnStarted":
        this.#text = ""
        this.#reasoning = ""
        return undefined
      case "TextDelta":
        this.#text += event.delta
        return { text: event.delta, reasoning: "" }
      case "ReasoningDelta":
        this.#reasoning += event.delta
        return { text: "", reasoning: event.delta }
      case "Gap": {
        const added = {
          text: event.text.slice(this.#text.length),
          reasoning: event.reasoning.slice(this.#reasoning.length)
        }
        this.#text += added.text
        this.#reasoning += added.reasoning
        return added
      }
      default:
        return undefined
    }
  }

  /** Whether the run's answer is the text that was shown. */
  isAnswer(output: unknown): boolean {
    return output === this.#text
  }
}
