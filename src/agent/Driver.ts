/**
 * The quick way into a Model, beside the standard one.
 *
 * `effect/ai`'s `streamText` decodes every part through Schema unions again. A Model made by our providers also has a
 * driver, which yields parts that were checked once. It is found by the identity of the service object, and only while
 * the object's `generateText` and `streamText` are the very functions that were registered: whoever wraps a Model, to
 * log or to cache, is never bypassed.
 */
import type * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import type * as Prompt from "effect/ai/Prompt"
import type * as Response from "effect/ai/Response"
import type * as Tool from "effect/ai/Tool"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Capabilities } from "./Capabilities.ts"
import * as Metadata from "./internal/Metadata.ts"
import { CurrentModelOptions, type ModelOptions } from "./ModelOptions.ts"

/** All that a model is asked in one call. */
export interface ModelRequest {
  /** The whole history, system messages first. Shared and growing: a driver must not keep it. */
  readonly prompt: Prompt.Prompt
  /** The tools the model may call, vendor tools among them. */
  readonly tools: ReadonlyArray<Tool.Any>
  readonly toolChoice: LanguageModel.ToolChoice<string>
  readonly responseFormat: LanguageModel.ProviderOptions["responseFormat"]
  readonly options: ModelOptions
}

/**
 * One model of one vendor.
 *
 * `stream` yields the encoded parts of `effect/ai`, in the order the vendor made them, and ends after one `finish`
 * part; a response that stops short of that fails. It fails with an `AiError` whose reason says what to do. Tool calls
 * carry the vendor's arguments as parsed JSON, or as the raw text when that is no JSON; undeclared names are passed on.
 * Interrupting it aborts the request. With `options.stream === false` it asks for the whole response and yields the
 * same parts.
 */
export interface Driver {
  /** The provider's name, as in `"provider/model"`. */
  readonly provider: string
  /** The model's name at that provider. */
  readonly model: string
  readonly capabilities: Capabilities
  /** How this vendor wants an output's Schema, and how its answers are decoded; default: the Schema as it is. */
  readonly codecTransformer?: LanguageModel.CodecTransformer | undefined
  readonly stream: (request: ModelRequest) => Stream.Stream<Response.StreamPartEncoded, AiError.AiError>
}

interface Registration {
  readonly driver: Driver
  readonly generateText: LanguageModel.LanguageModel["generateText"]
  readonly streamText: LanguageModel.LanguageModel["streamText"]
}

const registered = new WeakMap<LanguageModel.LanguageModel, Registration>()

/** The driver under a Model, unless somebody has put something in between. */
export const of = (model: LanguageModel.LanguageModel): Driver | undefined => {
  const found = registered.get(model)
  return found !== undefined && found.generateText === model.generateText && found.streamText === model.streamText
    ? found.driver
    : undefined
}

const toRequest = (options: LanguageModel.ProviderOptions, modelOptions: ModelOptions): ModelRequest => ({
  prompt: options.prompt,
  tools: options.tools,
  toolChoice: options.toolChoice,
  responseFormat: options.responseFormat,
  options: modelOptions
})

interface OpenBlock {
  readonly index: number
  text: string
  metadata: Response.ProviderMetadata | undefined
}

/** Joins streamed parts into whole ones, as `generateText` gives them. */
export const joinParts = (parts: ReadonlyArray<Response.StreamPartEncoded>): Array<Response.PartEncoded> => {
  const out: Array<Response.PartEncoded> = []
  const open = new Map<string, OpenBlock>()
  const add = (type: "text" | "reasoning", id: string, delta: string, more: Response.ProviderMetadata | undefined) => {
    const key = `${type} ${id}`
    let block = open.get(key)
    if (block === undefined) {
      block = { index: out.length, text: "", metadata: undefined }
      open.set(key, block)
    }
    block.text += delta
    block.metadata = Metadata.merge(block.metadata, more)
    const { index, metadata, text } = block
    out[index] = metadata === undefined ? { type, text } : { type, text, metadata }
  }
  for (const part of parts) {
    switch (part.type) {
      case "text-start":
      case "reasoning-start":
      case "text-delta":
      case "reasoning-delta":
      case "text-end":
      case "reasoning-end": {
        const type = part.type.startsWith("text") ? "text" : "reasoning"
        add(type, part.id, "delta" in part ? part.delta : "", part.metadata)
        if (part.type.endsWith("end")) open.delete(`${type} ${part.id}`)
        break
      }
      case "tool-params-start":
      case "tool-params-delta":
      case "tool-params-end":
      case "error":
        break
      default:
        out.push(part)
    }
  }
  return out
}

/**
 * The standard Model over a driver, with the driver registered under it: one implementation of a vendor serves our
 * loop, and everybody who calls `LanguageModel.generateText`, `streamText` or `generateObject`.
 */
export const toLanguageModel = (driver: Driver): Effect.Effect<LanguageModel.LanguageModel> =>
  Effect.map(
    LanguageModel.make({
      codecTransformer: driver.codecTransformer,
      generateText: (options) =>
        Effect.contextWith((context: Context.Context<never>) =>
          driver.stream(toRequest(options, Context.get(context, CurrentModelOptions))).pipe(
            Stream.runCollect,
            Effect.map(joinParts)
          )
        ),
      streamText: (options) =>
        Stream.unwrap(
          Effect.contextWith((context: Context.Context<never>) =>
            Effect.succeed(driver.stream(toRequest(options, Context.get(context, CurrentModelOptions))))
          )
        )
    }),
    (model) => {
      registered.set(model, { driver, generateText: model.generateText, streamText: model.streamText })
      return model
    }
  )
