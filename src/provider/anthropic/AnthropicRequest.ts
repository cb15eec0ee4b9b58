/**
 * From a `ModelRequest` to the parameters of `messages.create`: a pure function.
 *
 * Anthropic refuses a forced tool choice together with thinking: the choice is what the run needs, so thinking, a mere
 * hint, is left out then, and turned off where it is on by default. It has no choice among some of the tools either: the others are not declared.
 * `providerOptions.anthropic` is laid over the result last: objects are merged, everything else replaced.
 */
import type AnthropicSdk from "@anthropic-ai/sdk"
import * as AiError from "effect/ai/AiError"
import { toCodecAnthropic } from "effect/ai/AnthropicStructuredOutput"
import type * as Result from "effect/Result"
import type { Capabilities } from "../../agent/Capabilities.ts"
import type { ModelRequest } from "../../agent/Driver.ts"
import type { Reasoning } from "../../agent/ModelOptions.ts"
import * as OutputSchema from "../internal/OutputSchema.ts"
import * as Overlay from "../internal/Overlay.ts"
import * as Refusal from "../internal/Refusal.ts"
import * as AnthropicCapabilities from "./AnthropicCapabilities.ts"
import * as Messages from "./AnthropicMessages.ts"
import * as Tools from "./AnthropicTools.ts"

type Params = AnthropicSdk.MessageCreateParams

// Anthropic wants a limit; this is the default of agents.
const defaultMaxTokens = 4096

const jsonSchema = OutputSchema.make("Anthropic", toCodecAnthropic, { recursion: false })

/**
 * "Requests which include `tool_use` or `tool_result` blocks must define tools": where none are offered, those that the
 * history called are named, and none may be called.
 */
const declareUsed = (messages: Params["messages"]): Partial<Params> => {
  const names = Messages.calledIn(messages)
  return names.size === 0 ? {} : {
    tools: [...names].map((name) => ({ name, input_schema: { type: "object" } })),
    tool_choice: { type: "none" }
  }
}

const declareTools = (
  capabilities: Capabilities,
  { toolChoice, tools }: ModelRequest,
  messages: Params["messages"]
): Partial<Params> => {
  const some = typeof toolChoice === "object" && "oneOf" in toolChoice ? new Set(toolChoice.oneOf) : undefined
  const declared = some === undefined ? tools : tools.filter((tool) => some.has(tool.name))
  if (declared.length === 0) return declareUsed(messages)
  return { tools: declared.map(Tools.declare), tool_choice: choose(capabilities, { toolChoice, tools }) }
}

const choose = (
  capabilities: Capabilities,
  { toolChoice, tools }: Pick<ModelRequest, "toolChoice" | "tools">
): AnthropicSdk.ToolChoice => {
  if (toolChoice === "none") return { type: "none" }
  const single = capabilities.parallelTools ? undefined : { disable_parallel_tool_use: true }
  if (typeof toolChoice === "object" && "tool" in toolChoice) {
    const tool = tools.find((tool) => tool.name === toolChoice.tool)
    return { type: "tool", name: tool === undefined ? toolChoice.tool : Tools.nameOf(tool), ...single }
  }
  const isRequired = toolChoice === "required" || (typeof toolChoice === "object" && toolChoice.mode === "required")
  return { type: isRequired ? "any" : "auto", ...single }
}

const shares: { readonly [Level in Reasoning]: number } = { low: 0.25, medium: 0.5, high: 0.75 }
const minBudget = 1024

const isForced = ({ tool_choice }: Params) => tool_choice?.type === "any" || tool_choice?.type === "tool"

const think = (model: string, level: Reasoning, params: Params): Partial<Params> => {
  const { by, effort } = AnthropicCapabilities.thinking(model)
  const output = effort ? { output_config: { ...params.output_config, effort: level } } : undefined
  if (isForced(params)) return { ...output }
  if (by === "adaptive") return { thinking: { type: "adaptive", display: "summarized" }, ...output }
  // The budget is a part of the limit; and it is refused in the middle of a turn that began without thinking.
  const budget_tokens = Math.max(minBudget, Math.floor(params.max_tokens * shares[level]))
  return budget_tokens >= params.max_tokens || Messages.isUnderWayWithoutThinking(params.messages)
    ? { ...output }
    : { thinking: { type: "enabled", budget_tokens, display: "summarized" }, ...output }
}

/** What a request without thinking has to say or to leave out, so that it is one. */
const doNotThink = (model: string, params: Params): Partial<Params> => {
  const { by, byDefault } = AnthropicCapabilities.thinking(model)
  if (by === "budget") return { messages: Messages.withoutOpenThinking(params.messages) }
  return byDefault && isForced(params) ? { thinking: { type: "disabled" } } : {}
}

const build = (model: string, capabilities: Capabilities, request: ModelRequest): Params => {
  const { options, prompt, responseFormat } = request
  const { messages, system } = Messages.encodeAll(prompt.content, capabilities.reasoning)
  if (messages.length === 0) {
    throw new AiError.InvalidUserInputError({ description: "there is nothing to ask: no message has any content" })
  }
  const params: Params = {
    model,
    max_tokens: options.maxTokens ?? defaultMaxTokens,
    ...(system.length === 0 ? undefined : { system }),
    messages,
    ...declareTools(capabilities, request, messages)
  }
  if (responseFormat.type === "json") {
    if (!capabilities.structuredOutput) {
      throw new AiError.InvalidRequestError({
        parameter: "responseFormat",
        description: `${model} cannot be held to a Schema; name a later model, or ask for the answer by a tool`
      })
    }
    params.output_config = { format: { type: "json_schema", schema: jsonSchema(responseFormat.schema) } }
  }
  if (options.stopSequences !== undefined && options.stopSequences.length > 0) {
    params.stop_sequences = [...options.stopSequences]
  }
  if (capabilities.reasoning && options.reasoning !== undefined) {
    Object.assign(params, think(model, options.reasoning, params))
  }
  const own = options.providerOptions?.["anthropic"]
  if (params.thinking === undefined && own?.["thinking"] === undefined) {
    Object.assign(params, doNotThink(model, params))
  }
  return own === undefined ? params : Overlay.make({ ...params }, own) as unknown as Params
}

/** The parameters of the request, all but `stream`; or why it cannot be made. */
export const make = (
  model: string,
  capabilities: Capabilities,
  request: ModelRequest
): Result.Result<Params, AiError.AiErrorReason> => Refusal.capture(() => build(model, capabilities, request))
