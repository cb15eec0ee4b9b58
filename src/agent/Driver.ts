/**
 * The quick way into a Model, beside the standard one.
 *
 * `effect/ai`'s `streamText` decodes every part through Schema unions again. A Model made by our providers also has a
 * driver, which yields parts that were checked once. It is found by the identity of the service object, and only while
 * the object's `generateText` and `streamText` are the very functions that were registered: whoever wraps a Model, to
 * log or to cache, is never bypassed.
 */
import * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import type * as Prompt from "effect/ai/Prompt"
import type * as Response from "effect/ai/Response"
import type * as Tool from "effect/ai/Tool"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Capabilities } from "./Capabilities.ts"
import { Behind } from "./internal/Behind.ts"
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
  /** Counts the tokens of a text as this model's vendor does; `undefined` where nothing is there that could. */
  readonly tokenizer?: Effect.Effect<((text: string) => number) | undefined> | undefined
  readonly stream: (request: ModelRequest) => Stream.Stream<Response.StreamPartEncoded, AiError.AiError>
}

const registered = new Behind<Driver>()

/** The driver under a Model, unless somebody has put something in between. */
export const of = (model: LanguageModel.LanguageModel): Driver | undefined => registered.of(model)

const toRequest = (options: LanguageModel.ProviderOptions, modelOptions: ModelOptions): ModelRequest => ({
  prompt: options.prompt,
  tools: options.tools,
  toolChoice: options.toolChoice,
  responseFormat: options.responseFormat,
  options: modelOptions
})

/**
 * Whether a call may wait until its vendor's rate limit is over, as it does by default. It may not where another model
 * can answer at once: then it fails as the limit would.
 */
export const MayWait: Context.Reference<boolean> = Context.Reference<boolean>("fluxion/agent/Driver/MayWait", {
  defaultValue: () => true
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
 * The parts for the standard Model. It cannot decode a call of a tool that it was not given, and would say so in words
 * that name no tool: unless whoever asks looks at the calls himself, such a call fails here.
 */
const ask = (driver: Driver, options: LanguageModel.ProviderOptions) =>
  Stream.unwrap(Effect.contextWith((context: Context.Context<never>) => {
    const parts = driver.stream(toRequest(options, Context.get(context, CurrentModelOptions)))
    if (options.toolCallValidation === "deferred") return Effect.succeed(parts)
    const names = new Set(options.tools.map(({ name }) => name))
    return Effect.succeed(
      Stream.mapEffect(
        parts,
        (part) =>
          part.type !== "tool-call" || names.has(part.name) ? Effect.succeed(part) : Effect.fail(AiError.make({
            module: "Driver",
            method: "stream",
            reason: new AiError.ToolNotFoundError({ toolName: part.name, availableTools: [...names] })
          }))
      )
    )
  }))

/**
 * The standard Model over a driver, with the driver registered under it: one implementation of a vendor serves our
 * loop, and everybody who calls `LanguageModel.generateText`, `streamText` or `generateObject`.
 */
export const toLanguageModel = (driver: Driver): Effect.Effect<LanguageModel.LanguageModel> =>
  Effect.map(
    LanguageModel.make({
      codecTransformer: driver.codecTransformer,
      generateText: (options) => Effect.map(Stream.runCollect(ask(driver, options)), joinParts),
      streamText: (options) => ask(driver, options)
    }),
    (model) => {
      registered.register(model, driver)
      return model
    }
  )
