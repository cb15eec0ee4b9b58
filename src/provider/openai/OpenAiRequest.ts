/**
 * From a `ModelRequest` to the parameters of `responses.create`: a pure function.
 *
 * Requests are stateless (`store: false`), so reasoning models are asked for encrypted reasoning, to be given back.
 * `providerOptions.openai` is laid over the result last: objects are merged, everything else replaced.
 */
import * as AiError from "effect/ai/AiError"
import { toCodecOpenAI } from "effect/ai/OpenAiStructuredOutput"
import type * as Result from "effect/Result"
import type OpenAI from "openai"
import type { Capabilities } from "../../agent/Capabilities.ts"
import type { ModelRequest } from "../../agent/Driver.ts"
import * as CallName from "../internal/CallName.ts"
import * as OutputSchema from "../internal/OutputSchema.ts"
import * as Overlay from "../internal/Overlay.ts"
import * as Refusal from "../internal/Refusal.ts"
import * as Messages from "./OpenAiMessages.ts"
import * as Tools from "./OpenAiTools.ts"

type Params = OpenAI.Responses.ResponseCreateParams

type Format = OpenAI.Responses.ResponseFormatTextJSONSchemaConfig

const jsonSchema = OutputSchema.make("OpenAI", toCodecOpenAI, { recursion: true })

const format = (name: string, schema: Parameters<typeof jsonSchema>[0]): Format => ({
  type: "json_schema",
  name: CallName.make(name || "output", 64),
  schema: jsonSchema(schema),
  strict: true
})

const toolChoice = (request: ModelRequest): NonNullable<Params["tool_choice"]> => {
  const choice = request.toolChoice
  if (typeof choice === "string") return choice
  const named = (name: string) => {
    const tool = request.tools.find((tool) => tool.name === name)
    return tool === undefined ? { type: "function", name } : Tools.choose(tool)
  }
  return "tool" in choice
    ? named(choice.tool) as OpenAI.Responses.ToolChoiceFunction
    : { type: "allowed_tools", mode: choice.mode ?? "auto", tools: choice.oneOf.map((name) => ({ ...named(name) })) }
}

const build = (model: string, capabilities: Capabilities, request: ModelRequest): Params => {
  const { options, responseFormat, tools } = request
  if (options.stopSequences !== undefined && options.stopSequences.length > 0) {
    throw new AiError.InvalidRequestError({
      parameter: "stopSequences",
      description: "OpenAI's Responses API has none; leave stopSequences out"
    })
  }
  const params: Params = {
    model,
    input: Messages.encodeAll(request.prompt.content, capabilities.reasoning),
    store: false
  }
  if (tools.length > 0) {
    params.tools = tools.map(Tools.declare)
    params.tool_choice = toolChoice(request)
    if (!capabilities.parallelTools) params.parallel_tool_calls = false
  }
  if (responseFormat.type === "json") params.text = { format: format(responseFormat.objectName, responseFormat.schema) }
  if (options.maxTokens !== undefined) params.max_output_tokens = options.maxTokens
  if (capabilities.sampling) {
    if (options.temperature !== undefined) params.temperature = options.temperature
    if (options.topP !== undefined) params.top_p = options.topP
  }
  if (capabilities.reasoning) {
    params.include = ["reasoning.encrypted_content"]
    if (options.reasoning !== undefined) params.reasoning = { effort: options.reasoning, summary: "auto" }
  }
  const own = options.providerOptions?.["openai"]
  return own === undefined ? params : Overlay.make({ ...params }, own) as unknown as Params
}

/** The parameters of the request, all but `stream`; or why it cannot be made. */
export const make = (
  model: string,
  capabilities: Capabilities,
  request: ModelRequest
): Result.Result<Params, AiError.AiErrorReason> => Refusal.capture(() => build(model, capabilities, request))
