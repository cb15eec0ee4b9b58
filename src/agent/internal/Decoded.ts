/**
 * Messages that were decoded lately, by their JSON: of a conversation the next run reads nearly all again.
 *
 * The same text gives the same message, so that what is known of a message by its identity, its tokens and its form for a
 * provider, is not made anew either.
 */
import type * as Prompt from "effect/ai/Prompt"
import { fromJson, toJson } from "../Conversations.ts"

/** Characters in each half: what was not asked for since both were full is forgotten. */
const most = 4_000_000

/** Decodes messages, each once while it is in use. */
export class Decoded {
  #young = new Map<string, Prompt.Message>()
  #old = new Map<string, Prompt.Message>()
  #size = 0

  /** The message of a text. */
  message(json: string): Prompt.Message {
    const found = this.#young.get(json)
    return found ?? this.#keep(json, this.#old.get(json) ?? fromJson(json))
  }

  /** The text of a message. */
  json(message: Prompt.Message): string {
    const json = toJson(message)
    this.#keep(json, message)
    return json
  }

  #keep(json: string, message: Prompt.Message): Prompt.Message {
    this.#young.set(json, message)
    this.#size += json.length
    if (this.#size > most) {
      this.#old = this.#young
      this.#young = new Map()
      this.#size = 0
    }
    return message
  }
}
