/**
 * From a `ModelRequest` to the parameters of `models.generateContent`: a pure function.
 *
 * `providerOptions.google` is laid over `config` last: objects are merged, everything else replaced.
 */
import type {
  FunctionCallingConfig,
  FunctionCallingConfigMode,
  GenerateContentConfig,
  GenerateContentParameters,
  ThinkingConfig,
  ThinkingLevel
} from "@google/genai"
import * as AiError from "effect/ai/AiError"
import type * as Tool from "effect/ai/Tool"
import type * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Capabilities } from "../../agent/Capabilities.ts"
import type { ModelRequest } from "../../agent/Driver.ts"
import type { ModelOptions, Reasoning } from "../../agent/ModelOptions.ts"
import { memo } from "../internal/Memo.ts"
import * as Overlay from "../internal/Overlay.ts"
import * as Refusal from "../internal/Refusal.ts"
import { thinking } from "./GoogleCapabilities.ts"
import * as GoogleMessages from "./GoogleMessages.ts"
import * as GoogleSchema from "./GoogleSchema.ts"
import * as GoogleTools from "./GoogleTools.ts"

const refuse = (parameter: string, description: string): never => {
  throw new AiError.InvalidRequestError({ parameter, description })
}

/** The output's Schema, as Gemini reads it; objects closed. */
const jsonSchema = memo((schema: Schema.Constraint): object => {
  let reason: string
  try {
    const { definitions, schema: root } = Schema.toJsonSchemaDocument(schema, { onExcessProperty: "error" })
    const json = GoogleSchema.toGoogle({ ...root, ...(isEmpty(definitions) ? undefined : { $defs: definitions }) })
    const cycle = GoogleSchema.requiredCycle(json)
    if (cycle === undefined) return json
    reason = `"${cycle}" leads back to itself by what is required; make a property on the way optional`
  } catch (cause) {
    reason = cause instanceof Error ? cause.message : String(cause)
  }
  throw new AiError.UnsupportedSchemaError({ description: `Google cannot answer by the output's Schema: ${reason}` })
})

const isEmpty = (record: object) => Object.keys(record).length === 0

// As Google's OpenAI-compatible API translates an effort.
const budgets: { readonly [effort in Reasoning]: number } = { low: 1024, medium: 8192, high: 24_576 }

const shares: { readonly [effort in Reasoning]: number } = { low: 0.25, medium: 0.5, high: 0.75 }

// The least that all models take.
const minBudget = 512

/** Thoughts are a part of the limit: they have to leave room for an answer. */
const toBudget = (effort: Reasoning, maxTokens = Infinity): number =>
  Math.min(budgets[effort], Math.max(minBudget, Math.floor(maxTokens * shares[effort])))

const levels = { low: "LOW", medium: "MEDIUM", high: "HIGH" } as { readonly [effort in Reasoning]: ThinkingLevel }

const toThinking = (
  model: string,
  capabilities: Capabilities,
  effort: Reasoning,
  maxTokens: number | undefined
): ThinkingConfig | undefined => {
  switch (thinking(model, capabilities)) {
    case "none":
      return undefined
    case "budget":
      return { includeThoughts: true, thinkingBudget: toBudget(effort, maxTokens) }
    case "level": {
      // Gemini 3 Pro, unlike all others, has no medium.
      const level = effort === "medium" && /\bgemini-3-pro\b/.test(model) ? "high" : effort
      return { includeThoughts: true, thinkingLevel: levels[level] }
    }
  }
}

/** The tools that a request offers, and how the model may choose among them. */
interface Offer {
  readonly tools: ReadonlyArray<Tool.Any>
  readonly mode: "AUTO" | "ANY" | "NONE"
  readonly names?: ReadonlyArray<string>
}

const offer = ({ toolChoice, tools }: ModelRequest): Offer => {
  switch (toolChoice) {
    case "auto":
      return { tools, mode: "AUTO" }
    case "required":
      return { tools, mode: "ANY" }
    case "none":
      // Google runs its own tools whatever the mode is.
      return { tools: tools.filter((tool) => !GoogleTools.isHosted(tool)), mode: "NONE" }
  }
  if ("tool" in toolChoice) return { tools, mode: "ANY", names: [toolChoice.tool] }
  if (toolChoice.mode === "required") return { tools, mode: "ANY", names: toolChoice.oneOf }
  // Names may be given only where a call is forced.
  return { tools: tools.filter((tool) => toolChoice.oneOf.includes(tool.name)), mode: "AUTO" }
}

const toTools = (model: string, capabilities: Capabilities, request: ModelRequest): GenerateContentConfig => {
  const { mode, names, tools } = offer(request)
  if (tools.length === 0) return {}
  if (request.responseFormat.type === "json" && !capabilities.outputWithTools) {
    if (mode === "NONE") return {}
    refuse("responseFormat", `${model} takes tools or structured output in one request, not both; leave one out`)
  }
  const hosted = tools.filter(GoogleTools.isHosted)
  const isMixed = hosted.length > 0 && hosted.length < tools.length
  if (isMixed && thinking(model, capabilities) !== "level") {
    refuse("tools", `${model} takes Google's own tools or others in one request, not both; leave one kind out`)
  }
  if (
    mode === "ANY" &&
    (names === undefined ? hosted.length === tools.length : hosted.some(({ name }) => names.includes(name)))
  ) {
    refuse("toolChoice", "Google's own tools cannot be forced; use toolChoice \"auto\" or \"none\"")
  }
  const choice: FunctionCallingConfig = {
    mode: mode as FunctionCallingConfigMode,
    ...(names === undefined ? undefined : { allowedFunctionNames: [...names] })
  }
  return {
    tools: GoogleTools.declare(tools),
    ...(hosted.length === tools.length ? undefined : {
      toolConfig: {
        functionCallingConfig: choice,
        ...(isMixed ? { includeServerSideToolInvocations: true } : undefined)
      }
    })
  }
}

const toSampling = (capabilities: Capabilities, options: ModelOptions): GenerateContentConfig => ({
  ...(options.maxTokens === undefined ? undefined : { maxOutputTokens: options.maxTokens }),
  ...(options.temperature === undefined || !capabilities.sampling ? undefined : { temperature: options.temperature }),
  ...(options.topP === undefined || !capabilities.sampling ? undefined : { topP: options.topP }),
  ...(options.seed === undefined || !capabilities.seed ? undefined : { seed: options.seed }),
  ...(options.stopSequences === undefined || options.stopSequences.length === 0
    ? undefined
    : { stopSequences: [...options.stopSequences] })
})

const build = (model: string, capabilities: Capabilities, request: ModelRequest): GenerateContentParameters => {
  const { options, responseFormat } = request
  if ((options.stopSequences?.length ?? 0) > 5) {
    refuse("stopSequences", "Google takes at most 5; leave some out")
  }
  if (responseFormat.type === "json" && !capabilities.structuredOutput) {
    refuse(
      "responseFormat",
      `${model} cannot be held to a Schema; name another model, or ask for the answer by a tool`
    )
  }
  const { contents, system } = GoogleMessages.encodeAll(request.prompt.content, thinking(model, capabilities))
  if (contents.length === 0) {
    throw new AiError.InvalidUserInputError({
      description: "there is nothing to ask: no message has any content"
    })
  }
  const thinkingConfig = options.reasoning === undefined
    ? undefined
    : toThinking(model, capabilities, options.reasoning, options.maxTokens)
  const config: GenerateContentConfig = {
    ...(system.length === 0 ? undefined : { systemInstruction: { parts: system } }),
    ...toTools(model, capabilities, request),
    ...(responseFormat.type === "text"
      ? undefined
      : { responseMimeType: "application/json", responseJsonSchema: jsonSchema(responseFormat.schema) }),
    ...toSampling(capabilities, options),
    ...(thinkingConfig === undefined ? undefined : { thinkingConfig })
  }
  const own = options.providerOptions?.["google"]
  return { model, contents, config: own === undefined ? config : Overlay.make({ ...config }, own) }
}

/** The parameters of the request; or why it cannot be made. */
export const make = (
  model: string,
  capabilities: Capabilities,
  request: ModelRequest
): Result.Result<GenerateContentParameters, AiError.AiErrorReason> =>
  Refusal.capture(() => build(model, capabilities, request))
