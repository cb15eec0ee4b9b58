/**
 * A run as plain text: what the outermost agent's model writes, as it comes, and nothing else.
 *
 * An answer that is not that text, a typed one or a fallback's, follows when the run is over. Plain text cannot say that
 * a run failed, nor keep a connection open: a body that breaks off says the first, and nothing the second.
 */
import type { AgentEvent } from "../core/AgentEvent.ts"
import type { EncodeOptions, Encoder, Factory } from "./Encoder.ts"
import * as ClientEvent from "./internal/clientEvent.ts"
import { toJson } from "./internal/json.ts"
import { Said } from "./internal/Said.ts"

/** Makes encoders of a run as plain text. */
export const make = (options: EncodeOptions = {}): Factory => () => new Text(options)

class Text implements Encoder {
  readonly contentType = "text/plain; charset=utf-8"
  // a browser that guesses the type holds back the first kilobyte
  readonly headers = { "x-content-type-options": "nosniff" }
  readonly #toOutput: (value: unknown) => unknown
  readonly #said = new Said()
  #isEmpty = true
  /** The first half of a character whose second half is in the next delta. */
  #half = ""

  constructor(options: EncodeOptions) {
    this.#toOutput = ClientEvent.outputEncoder(options)
  }

  encode(event: AgentEvent): string | undefined {
    if (!ClientEvent.isOutermost(event)) return undefined
    return this.#write(
      event._tag === "RunCompleted" ? this.#answer(event.result.output) : this.#said.see(event)?.text ?? ""
    )
  }

  failed(): undefined {
    return undefined
  }

  /** The answer, if it is not what was shown. */
  #answer(output: unknown): string {
    if (this.#said.isAnswer(output)) return ""
    return `${this.#isEmpty ? "" : "\n"}${typeof output === "string" ? output : toJson(this.#toOutput(output))}`
  }

  #write(added: string): string | undefined {
    let text = this.#half + added
    this.#half = ""
    if (/[\ud800-\udbff]$/.test(text)) {
      this.#half = text.slice(-1)
      text = text.slice(0, -1)
    }
    if (text === "") return undefined
    this.#isEmpty = false
    return text
  }
}
