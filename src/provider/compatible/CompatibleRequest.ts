/**
 * From a `ModelRequest` to the parameters of `chat.completions.create`: a pure function.
 *
 * A choice among some of the tools is made by declaring only these. What stands in `providerOptions` under the server's
 * name is laid over the result last: objects are merged, everything else replaced.
 */
import * as AiError from "effect/ai/AiError"
import type * as LanguageModel from "effect/ai/LanguageModel"
import { toCodecOpenAI } from "effect/ai/OpenAiStructuredOutput"
import type * as Tool from "effect/ai/Tool"
import type * as Result from "effect/Result"
import type OpenAI from "openai"
import type { Capabilities } from "../../agent/Capabilities.ts"
import type { ModelRequest } from "../../agent/Driver.ts"
import type { ModelOptions } from "../../agent/ModelOptions.ts"
import * as CallName from "../internal/CallName.ts"
import * as OutputSchema from "../internal/OutputSchema.ts"
import * as Overlay from "../internal/Overlay.ts"
import * as Refusal from "../internal/Refusal.ts"
import { anyServer, type Dialect, type Server } from "./CompatibleDialect.ts"
import * as Messages from "./CompatibleMessages.ts"
import * as Tools from "./CompatibleTools.ts"

/** The parameters, all but `stream`. */
export type Params = OpenAI.Chat.ChatCompletionCreateParams

const jsonSchema = OutputSchema.make("the server", toCodecOpenAI, { recursion: true })

const refuse = (parameter: string, description: string): never => {
  throw new AiError.InvalidRequestError({ parameter, description })
}

const format = (name: string, schema: Parameters<typeof jsonSchema>[0]): OpenAI.ResponseFormatJSONSchema => ({
  type: "json_schema",
  json_schema: {
    name: CallName.make(name || "output", 64),
    schema: jsonSchema(schema),
    strict: true
  }
})

type Choice = LanguageModel.ToolChoice<string>

/** The tools that a request offers. */
const offered = (tools: ReadonlyArray<Tool.Any>, choice: Choice, dialect: Dialect): ReadonlyArray<Tool.Any> => {
  if (typeof choice === "string") return tools
  if ("oneOf" in choice) return tools.filter(({ name }) => choice.oneOf.includes(name))
  return dialect.namedToolChoice ? tools : tools.filter(({ name }) => name === choice.tool)
}

/** The choice among them; "auto" is what servers do by themselves, and some refuse to be told so. */
const choose = (choice: Choice, dialect: Dialect): OpenAI.Chat.ChatCompletionToolChoiceOption | undefined => {
  if (typeof choice === "string") return choice === "auto" ? undefined : choice
  if ("oneOf" in choice) return choice.mode === "required" ? "required" : undefined
  return dialect.namedToolChoice ? { type: "function", function: { name: choice.tool } } : "required"
}

const toTools = (
  capabilities: Capabilities,
  { responseFormat, toolChoice, tools }: ModelRequest,
  dialect: Dialect
): Partial<Params> => {
  const offer = offered(tools, toolChoice, dialect)
  if (offer.length === 0) return {}
  if (responseFormat.type === "json" && !capabilities.outputWithTools) {
    if (toolChoice === "none") return {}
    refuse(
      "responseFormat",
      "the model is not known to take structured output together with tools; leave one out, or set its capability "
        + "`outputWithTools`"
    )
  }
  const tool_choice = choose(toolChoice, dialect)
  return {
    tools: offer.map(Tools.declare),
    ...(tool_choice === undefined ? undefined : { tool_choice }),
    ...(capabilities.parallelTools ? undefined : { parallel_tool_calls: false })
  }
}

const toLimits = (capabilities: Capabilities, options: ModelOptions, dialect: Dialect): Record<string, unknown> => {
  const limits: Record<string, unknown> = {}
  if (options.maxTokens !== undefined) limits[dialect.maxTokens] = options.maxTokens
  if (options.stopSequences !== undefined && options.stopSequences.length > 0) limits["stop"] = options.stopSequences
  if (capabilities.sampling && options.temperature !== undefined) limits["temperature"] = options.temperature
  if (capabilities.sampling && options.topP !== undefined) limits["top_p"] = options.topP
  if (capabilities.seed && options.seed !== undefined) limits[dialect.seed] = options.seed
  if (capabilities.reasoning && options.reasoning !== undefined) {
    limits[dialect.effort] = dialect.effort === "reasoning" ? { effort: options.reasoning } : options.reasoning
  }
  return limits
}

const build = (model: string, capabilities: Capabilities, request: ModelRequest, server: Server): Params => {
  const { options, prompt, responseFormat } = request
  const { dialect } = server
  const messages = Messages.encodeAll(prompt.content, server, {
    reasons: capabilities.reasoning,
    sees: capabilities.vision
  })
  if (messages.length === 0) {
    throw new AiError.InvalidUserInputError({ description: "there is nothing to ask: no message has any content" })
  }
  if (responseFormat.type === "json" && !capabilities.structuredOutput) {
    refuse(
      "responseFormat",
      `${model} cannot be held to a Schema; name another model, or ask for the answer by a tool`
    )
  }
  const params: Params = {
    model,
    messages,
    ...toTools(capabilities, request, dialect),
    ...(responseFormat.type === "json"
      ? { response_format: format(responseFormat.objectName, responseFormat.schema) }
      : undefined),
    ...toLimits(capabilities, options, dialect),
    ...(options.stream !== false && dialect.streamUsage ? { stream_options: { include_usage: true } } : undefined)
  }
  const own = options.providerOptions?.[server.name]
  return own === undefined ? params : Overlay.make({ ...params }, own) as unknown as Params
}

/** The parameters of the request; or why it cannot be made. */
export const make = (
  model: string,
  capabilities: Capabilities,
  request: ModelRequest,
  server: Server = anyServer
): Result.Result<Params, AiError.AiErrorReason> => Refusal.capture(() => build(model, capabilities, request, server))
