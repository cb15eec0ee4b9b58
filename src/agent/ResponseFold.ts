/**
 * Folds the parts of one model response into what the run keeps: the assistant's message, the calls, the usage.
 *
 * The fold is the only reader of a response, streamed or not. It can be asked at any part for the message so far, which
 * is legal for every provider: text that was not ended is kept, reasoning that was not ended is left out, since it may
 * lack the signature that its vendor wants back.
 */
import * as Prompt from "effect/ai/Prompt"
import type * as Response from "effect/ai/Response"
import * as Schema from "effect/Schema"
import * as Usage from "../core/Usage.ts"
import * as Metadata from "./internal/Metadata.ts"
import * as Parts from "./internal/Parts.ts"
import type { Call } from "./Turn.ts"

/** What a model answered in one turn; it crosses the journal. */
export const TurnResponse = Schema.Struct({
  content: Schema.Array(Prompt.AssistantMessagePart),
  finish: Schema.String,
  usage: Usage.Usage,
  model: Schema.optionalKey(Schema.String)
})

/** What a model answered in one turn. */
export type TurnResponse = typeof TurnResponse.Type

type Options = Prompt.ProviderOptions
type AnyPart = Response.StreamPartEncoded | Response.TextPartEncoded | Response.ReasoningPartEncoded

interface Block {
  readonly kind: "text" | "reasoning"
  readonly id: string
  readonly index: number
  text: string
  options: Options | undefined
}

/** What a delta shows to whoever watches. */
export type Shown =
  | { readonly _tag: "TextDelta" | "ReasoningDelta"; readonly delta: string }
  | { readonly _tag: "ToolInputDelta"; readonly id: string; readonly name: string; readonly delta: string }

/** A response under way. `push` takes the next part; `response` gives what is there. */
export class ResponseFold {
  /** The whole text so far. */
  text = ""
  /** The whole reasoning so far. */
  reasoning = ""
  /** How the vendor ended the response; `undefined` while it has not. */
  finish: string | undefined
  usage: Usage.Usage = Usage.empty
  model: string | undefined
  /** Whether a reader was shown any of it. */
  isShown = false
  #parts: Array<Prompt.AssistantMessagePart | undefined> | undefined
  // one at a time, as vendors go: a list is cheaper than a map
  #open: Array<Block> | undefined
  #inputs: Map<string, string> | undefined

  /** Takes a part; returns what it shows, if anything. */
  push(part: AnyPart): Shown | undefined {
    switch (part.type) {
      case "text-delta": {
        this.#append("text", part.id, part.delta, part.metadata)
        this.text += part.delta
        return part.delta === "" ? undefined : { _tag: "TextDelta", delta: part.delta }
      }
      case "reasoning-delta": {
        this.#append("reasoning", part.id, part.delta, part.metadata)
        this.reasoning += part.delta
        return part.delta === "" ? undefined : { _tag: "ReasoningDelta", delta: part.delta }
      }
      // a Model that answers all at once
      case "text":
      case "reasoning": {
        this.#start(part.type, "", part.metadata)
        const shown = this.push({ type: `${part.type}-delta`, id: "", delta: part.text })
        this.#end(part.type, "", undefined)
        return shown
      }
      case "text-start":
        this.#start("text", part.id, part.metadata)
        return undefined
      case "reasoning-start":
        this.#start("reasoning", part.id, part.metadata)
        return undefined
      case "text-end":
        this.#end("text", part.id, part.metadata)
        return undefined
      case "reasoning-end":
        this.#end("reasoning", part.id, part.metadata)
        return undefined
      case "tool-params-start":
        this.#inputs = (this.#inputs ?? new Map()).set(part.id, part.name)
        return undefined
      case "tool-params-delta":
        return { _tag: "ToolInputDelta", id: part.id, name: this.#inputs?.get(part.id) ?? "", delta: part.delta }
      case "tool-call": {
        const providerExecuted = part.providerExecuted === true
        this.#add(Parts.toolCall(part.id, part.name, part.params, providerExecuted, part.metadata))
        return undefined
      }
      case "tool-result": {
        if (part.preliminary === true) return undefined
        // decoded parts carry both
        const result = "encodedResult" in part ? part.encodedResult : part.result
        this.#add(Parts.toolResult(part.id, part.name, part.isFailure, result, true, part.metadata))
        return undefined
      }
      case "file": {
        this.#add(
          Prompt.makePart("file", { mediaType: part.mediaType, data: part.data, options: part.metadata })
        )
        return undefined
      }
      case "response-metadata":
        this.model = part.modelId ?? this.model
        return undefined
      case "finish":
        this.finish = part.reason
        this.usage = Usage.fromResponse(part.usage)
        return undefined
      default:
        return undefined
    }
  }

  /** The calls so far that are ours to run. */
  get calls(): ReadonlyArray<Call> {
    return (this.#parts ?? []).filter((part) => part?.type === "tool-call" && !part.providerExecuted) as Array<Call>
  }

  /** The response as it stands. */
  response(): TurnResponse {
    const content = this.#content()
    const finish = this.finish ?? "unknown"
    return this.model === undefined
      ? { content, finish, usage: this.usage }
      : { content, finish, usage: this.usage, model: this.model }
  }

  #content(): ReadonlyArray<Prompt.AssistantMessagePart> {
    const parts = this.#parts ?? []
    if (!parts.includes(undefined)) return parts.slice() as Array<Prompt.AssistantMessagePart>
    const content: Array<Prompt.AssistantMessagePart> = []
    for (let index = 0; index < parts.length; index++) {
      const part = parts[index]
      if (part !== undefined) {
        content.push(part)
        continue
      }
      const block = this.#open?.find((open) => open.index === index)
      if (block?.kind === "text" && block.text !== "") content.push(this.#close(block))
    }
    return content
  }

  /** An array begins with its first element: an empty one that grows takes seventeen places at once. */
  #add(part: Prompt.AssistantMessagePart | undefined): void {
    if (this.#parts === undefined) this.#parts = [part]
    else this.#parts.push(part)
  }

  #start(kind: Block["kind"], id: string, options: Options | undefined): Block {
    const block: Block = {
      kind,
      id,
      index: this.#parts?.length ?? 0,
      text: "",
      options: Metadata.merge(undefined, options)
    }
    this.#add(undefined)
    if (this.#open === undefined) this.#open = [block]
    else this.#open.push(block)
    return block
  }

  #find(kind: Block["kind"], id: string): Block | undefined {
    if (this.#open === undefined) return undefined
    for (const block of this.#open) if (block.id === id && block.kind === kind) return block
    return undefined
  }

  #append(kind: Block["kind"], id: string, delta: string, options: Options | undefined): void {
    const block = this.#find(kind, id) ?? this.#start(kind, id, undefined)
    block.text += delta
    if (options !== undefined) block.options = Metadata.merge(block.options, options)
  }

  #end(kind: Block["kind"], id: string, options: Options | undefined): void {
    const block = this.#find(kind, id)
    if (block === undefined) return
    if (this.#open!.length === 1) this.#open = undefined
    else this.#open!.splice(this.#open!.indexOf(block), 1)
    block.options = Metadata.merge(block.options, options)
    // an empty one is kept where it carries a signature
    if (block.text !== "" || block.options !== undefined) this.#parts![block.index] = this.#close(block)
  }

  #close(block: Block): Prompt.TextPart | Prompt.ReasoningPart {
    return Parts[block.kind](block.text, block.options)
  }
}
