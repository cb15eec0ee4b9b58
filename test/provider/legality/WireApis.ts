/**
 * The wire APIs side by side: how each is reached, answers, and is asked. A run of any agent can be made with any of
 * them, over HTTP and with the vendor's own SDK, and its requests read in one way.
 */
import { type Layer, Redacted } from "effect"
import { Tool } from "effect/ai"
import { Models } from "fluxion"
import { Anthropic } from "../../../src/provider/anthropic/index.ts"
import { OpenAiCompatible } from "../../../src/provider/compatible/index.ts"
import { Google } from "../../../src/provider/google/index.ts"
import { Ollama } from "../../../src/provider/ollama/index.ts"
import { OpenAi } from "../../../src/provider/openai/index.ts"
import * as AnthropicWire from "../anthropic/fixtures/Wire.ts"
import * as GoogleWire from "../google/fixtures/Wire.ts"
import * as OllamaWire from "../ollama/fixtures.ts"
import * as OpenAiWire from "../openai/fixtures/Wire.ts"
import type { Received, Reply } from "../support/VendorServer.ts"
import * as AnthropicMessages from "./AnthropicMessages.ts"
import * as ChatCompletions from "./ChatCompletions.ts"
import { families, type Family } from "./Families.ts"
import * as GeminiGenerateContent from "./GeminiGenerateContent.ts"
import * as OllamaChat from "./OllamaChat.ts"
import * as OpenAiResponses from "./OpenAiResponses.ts"
import { isObject, list } from "./Shape.ts"

/** What a model says in one response. */
export interface Answer {
  /** It thought before; the response holds what has to go back. */
  readonly reasoning?: string | undefined
  readonly text?: string | undefined
  readonly calls?: ReadonlyArray<readonly [name: string, args: object | string]> | undefined
}

/** What a request says, whichever way its vendor writes it. */
export interface Said {
  /** The names of the tools that it declares. */
  readonly tools: ReadonlyArray<string>
  /** `undefined`: nothing is said, which is `auto` everywhere. */
  readonly choice: "none" | "forced" | undefined
  /** The JSON Schema that the answer is held to. */
  readonly schema: unknown
  /** The parameters of the declared tool of that name. */
  readonly parameters: (name: string) => unknown
  /** How much the model is to think, as it stands there. */
  readonly reasoning: unknown
  readonly maxTokens: unknown
  readonly stream: unknown
  /** The results of calls, in order: the texts or values that the model is shown. */
  readonly results: ReadonlyArray<string>
}

/** A wire API. */
export interface WireApi {
  readonly name: string
  readonly providers: (url: string) => ReadonlyArray<Models.Provider>
  /** The response of a model with this answer, the `turn`-th of a run. */
  readonly reply: (answer: Answer, stream: boolean, turn: number, family: Family) => Reply
  /** What a request's path and body say. */
  readonly read: (request: Pick<Received, "json" | "path">) => Said
  /** What the vendor would refuse. */
  readonly violations: (body: unknown, model: string) => ReadonlyArray<string>
  /** What of a response with reasoning and calls has to be in the next request. */
  readonly given: (turn: number) => ReadonlyArray<string>
  /** A tool that the vendor runs itself, and a response in which it did. */
  readonly hosted?: { readonly tool: Tool.Any; readonly reply: (stream: boolean, turn: number) => Reply }
}

const apiKey = Redacted.make("test-key-0123456789")

const json = (value: unknown): Reply => ({
  headers: { "content-type": "application/json" },
  body: JSON.stringify(value)
})

const events = (body: string, type = "text/event-stream"): Reply => ({ headers: { "content-type": type }, body })

/** What all signatures of a wire API have in them, and no others. */
export const mark = (api: string): string => btoa(`${api} signed turn`).slice(0, 16)

/** A signature as vendors make them: base64, long, of no meaning to us. */
const signature = (api: string, turn: number) => btoa(`${api} signed turn ${turn} of a run and nothing else`)

/** Arguments as a text; one that a model wrote wrong is a text already. */
const toText = (args: object | string) => typeof args === "string" ? args : JSON.stringify(args)

/** Arguments as an object: not all vendors can give others. */
const toObject = (args: object | string) => (typeof args === "string" ? {} : args) as Record<string, unknown>

const arrayOf = (value: unknown) => list(value).filter(isObject) as ReadonlyArray<any>

const openai: WireApi = {
  name: "openai",
  providers: (url) => [OpenAi.provider({ apiKey, baseUrl: `${url}/v1` })],
  reply: ({ calls = [], reasoning, text }, stream, turn) => {
    const items = [
      ...(reasoning === undefined
        ? []
        : [OpenAiWire.reasoning([reasoning], { id: `rs_${turn}`, encrypted: signature("openai", turn) })]),
      ...(text === undefined ? [] : [OpenAiWire.message(text, { id: `msg_${turn}` })]),
      ...calls.map(([name, args], index) => OpenAiWire.call(`call_${turn}_${index}`, name, toText(args)))
    ]
    const scenario = { items, end: {} }
    return stream ? events(OpenAiWire.sse(OpenAiWire.events(scenario))) : json(OpenAiWire.whole(scenario))
  },
  read: ({ json: body }) => ({
    tools: arrayOf(body.tools).map((tool) => tool.name ?? tool.type),
    choice: body.tool_choice === "none"
      ? "none"
      : body.tool_choice === "required" || body.tool_choice?.type === "function"
      ? "forced"
      : undefined,
    schema: body.text?.format?.schema,
    parameters: (name) => arrayOf(body.tools).find((tool) => tool.name === name)?.parameters,
    reasoning: body.reasoning?.effort,
    maxTokens: body.max_output_tokens,
    stream: body.stream ?? false,
    results: arrayOf(body.input).filter((item) => item.type === "function_call_output").map((item) => item.output)
  }),
  violations: OpenAiResponses.violations,
  given: (turn) => [signature("openai", turn)],
  hosted: {
    tool: Tool.providerDefined({
      id: "openai.web_search",
      customName: "search_the_web",
      providerName: "web_search"
    })(undefined),
    reply: (stream, turn) => {
      const items = [
        OpenAiWire.reasoning([], { id: `rs_hosted_${turn}`, encrypted: signature("openai", turn) }),
        OpenAiWire.webSearch("inch", `ws_${turn}`),
        OpenAiWire.message("2.54 cm", { id: `msg_hosted_${turn}` })
      ]
      return stream
        ? events(OpenAiWire.sse(OpenAiWire.events({ items, end: {} })))
        : json(OpenAiWire.whole({ items, end: {} }))
    }
  }
}

const anthropic: WireApi = {
  name: "anthropic",
  providers: (url) => [Anthropic.provider({ apiKey, baseUrl: url })],
  reply: ({ calls = [], reasoning, text }, stream, turn) => {
    const blocks = [
      ...(reasoning === undefined ? [] : [AnthropicWire.thinking(reasoning, signature("anthropic", turn))]),
      ...(text === undefined ? [] : [AnthropicWire.text(text)]),
      ...calls.map(([name, args], index) => AnthropicWire.call(`toolu_${turn}_${index}`, name, toText(args)))
    ]
    const scenario = { blocks, end: { stop_reason: calls.length > 0 ? "tool_use" : "end_turn" } }
    return stream ? events(AnthropicWire.sse(AnthropicWire.events(scenario))) : json(AnthropicWire.whole(scenario))
  },
  read: ({ json: body }) => ({
    tools: arrayOf(body.tools).map((tool) => tool.name),
    choice: body.tool_choice?.type === "none"
      ? "none"
      : body.tool_choice?.type === "any" || body.tool_choice?.type === "tool"
      ? "forced"
      : undefined,
    schema: body.output_config?.format?.schema,
    parameters: (name) => arrayOf(body.tools).find((tool) => tool.name === name)?.input_schema,
    reasoning: body.thinking?.budget_tokens ??
      (body.thinking?.type === "adaptive" ? body.output_config?.effort : undefined),
    maxTokens: body.max_tokens,
    stream: body.stream ?? false,
    results: arrayOf(body.messages).flatMap((message) => arrayOf(message.content))
      .filter((block) => block.type === "tool_result").map((block) => block.content)
  }),
  violations: AnthropicMessages.violations,
  given: (turn) => [signature("anthropic", turn)],
  hosted: {
    tool: Tool.providerDefined({
      id: "anthropic.web_search_20250305",
      customName: "search_the_web",
      providerName: "web_search"
    })(undefined),
    reply: (stream, turn) => {
      const blocks = [
        AnthropicWire.redacted(signature("anthropic", turn)),
        AnthropicWire.serverCall(`srvtoolu_${turn}`, "web_search", { query: "inch" }),
        AnthropicWire.serverResult(`srvtoolu_${turn}`, "web_search_tool_result", AnthropicWire.found),
        AnthropicWire.text("2.54 cm", { citations: [AnthropicWire.citation] })
      ]
      return stream
        ? events(AnthropicWire.sse(AnthropicWire.events({ blocks, end: {} })))
        : json(AnthropicWire.whole({ blocks, end: {} }))
    }
  }
}

const google: WireApi = {
  name: "google",
  providers: (url) => [Google.provider({ apiKey, baseUrl: url })],
  reply: ({ calls = [], reasoning, text }, stream, turn) => {
    const thoughtSignature = signature("google", turn)
    const signed = reasoning === undefined ? {} : { thoughtSignature }
    const parts = [
      ...(reasoning === undefined ? [] : [{ text: reasoning, thought: true }]),
      ...(text === undefined ? [] : [{ text, ...(calls.length === 0 ? signed : {}) }]),
      ...calls.map(([name, args], index) => ({
        functionCall: { name, args: toObject(args) },
        ...(index === 0 ? signed : {})
      })),
      // Gemini ends turns so, also after calls
      ...(calls.length === 0 || reasoning === undefined
        ? []
        : [{ text: "", thoughtSignature: signature("google", -turn) }])
    ]
    const scenario = { parts, end: { finishReason: "STOP" } }
    return stream ? events(GoogleWire.sse(GoogleWire.chunks(scenario))) : json(GoogleWire.whole(scenario))
  },
  read: ({ json: body, path }) => {
    const declared = arrayOf(body.tools).flatMap((tool) => arrayOf(tool.functionDeclarations))
    const mode = body.toolConfig?.functionCallingConfig?.mode
    const thinking = body.generationConfig?.thinkingConfig
    return {
      tools: declared.map((tool) => tool.name),
      choice: mode === "NONE" ? "none" : mode === "ANY" ? "forced" : undefined,
      schema: body.generationConfig?.responseJsonSchema,
      parameters: (name) => declared.find((tool) => tool.name === name)?.parametersJsonSchema,
      reasoning: thinking?.thinkingLevel ?? thinking?.thinkingBudget,
      maxTokens: body.generationConfig?.maxOutputTokens,
      stream: path.includes(":streamGenerateContent"),
      results: arrayOf(body.contents).flatMap((content) => arrayOf(content.parts))
        .flatMap((part) => part.functionResponse === undefined ? [] : [JSON.stringify(part.functionResponse.response)])
    }
  },
  violations: GeminiGenerateContent.violations,
  given: (turn) => [signature("google", turn), signature("google", -turn)],
  hosted: {
    tool: Tool.providerDefined({
      id: "google.code_execution",
      customName: "run_code",
      providerName: "codeExecution"
    })(undefined),
    reply: (stream, turn) => {
      const parts = [
        { executableCode: { language: "PYTHON", code: "print(2.54)" }, thoughtSignature: signature("google", turn) },
        { codeExecutionResult: { outcome: "OUTCOME_OK", output: "2.54\n" } },
        { text: "2.54 cm" }
      ]
      const scenario = { parts, end: { finishReason: "STOP" } }
      return stream ? events(GoogleWire.sse(GoogleWire.chunks(scenario))) : json(GoogleWire.whole(scenario))
    }
  }
}

const ollama: WireApi = {
  name: "ollama",
  providers: (url) => [Ollama.provider({ host: url })],
  reply: ({ calls = [], reasoning, text = "" }, stream, turn) => {
    const thinking = reasoning === undefined ? {} : { thinking: `${reasoning} ${signature("ollama", turn)}` }
    const tool_calls = calls.map(([name, args]) => ({ function: { name, arguments: toObject(args) } }))
    const message = { content: text, ...thinking, ...(calls.length === 0 ? {} : { tool_calls }) }
    return stream
      ? events(
        OllamaWire.ndjson(
          ...(reasoning === undefined ? [] : [OllamaWire.chunk({ content: "", ...thinking })]),
          OllamaWire.chunk({ content: text, ...(calls.length === 0 ? {} : { tool_calls }) }),
          OllamaWire.done()
        ),
        "application/x-ndjson"
      )
      : json(OllamaWire.done({ message }))
  },
  read: ({ json: body }) => ({
    tools: arrayOf(body.tools).map((tool) => tool.function.name),
    choice: body.tools === undefined ? "none" : undefined,
    schema: body.format,
    parameters: (name) => arrayOf(body.tools).find((tool) => tool.function.name === name)?.function.parameters,
    reasoning: body.think,
    maxTokens: body.options?.num_predict,
    stream: body.stream ?? true,
    results: arrayOf(body.messages).filter((message) => message.role === "tool").map((message) => message.content)
  }),
  violations: OllamaChat.violations,
  given: (turn) => [signature("ollama", turn)]
}

/** The fields in which servers give reasoning. */
const reasoningFields = (provider: string, text: string) =>
  provider === "openrouter"
    ? { reasoning: text, reasoning_details: [{ type: "reasoning.text", text, format: "unknown", index: 0 }] }
    : provider === "groq"
    ? { reasoning: text }
    : { reasoning_content: text }

const compatible: WireApi = {
  name: "compatible",
  providers: (url) =>
    [...new Set(families["compatible"]!.map(({ provider }) => provider))].map((server) =>
      OpenAiCompatible.provider(server, { apiKey, baseUrl: `${url}/v1` })
    ),
  reply: ({ calls = [], reasoning, text }, stream, turn, { model, provider }) => {
    const head = { id: `chatcmpl-${turn}`, created: 1_760_000_000, model }
    const usage = { prompt_tokens: 36, completion_tokens: 12, total_tokens: 48 }
    const finish_reason = calls.length > 0 ? "tool_calls" : "stop"
    const said = {
      ...(reasoning === undefined
        ? {}
        : reasoningFields(provider, `${reasoning} ${signature("compatible", turn)}`)),
      ...(text === undefined ? {} : { content: text })
    }
    const tool_calls = calls.map(([name, args], index) => ({
      index,
      id: `call_${turn}_${index}`,
      type: "function",
      function: { name, arguments: toText(args) }
    }))
    const delta = { role: "assistant", ...said, ...(calls.length === 0 ? {} : { tool_calls }) }
    if (!stream) {
      const message = { content: null, ...delta }
      return json({ ...head, object: "chat.completion", choices: [{ index: 0, message, finish_reason }], usage })
    }
    const chunks = [
      { choices: [{ index: 0, delta, finish_reason: null }] },
      { choices: [{ index: 0, delta: {}, finish_reason }] },
      { choices: [], usage }
    ].map((chunk) => `data: ${JSON.stringify({ ...head, object: "chat.completion.chunk", ...chunk })}\n\n`)
    return events(`${chunks.join("")}data: [DONE]\n\n`)
  },
  read: ({ json: body }) => ({
    tools: arrayOf(body.tools).map((tool) => tool.function.name),
    choice: body.tool_choice === "none"
      ? "none"
      : body.tool_choice === "required" || body.tool_choice?.type === "function"
      ? "forced"
      : undefined,
    schema: body.response_format?.json_schema?.schema,
    parameters: (name) => arrayOf(body.tools).find((tool) => tool.function.name === name)?.function.parameters,
    reasoning: body.reasoning_effort ?? body.reasoning?.effort,
    maxTokens: body.max_completion_tokens ?? body.max_tokens,
    stream: body.stream ?? false,
    results: arrayOf(body.messages).filter((message) => message.role === "tool").map((message) => message.content)
  }),
  violations: ChatCompletions.violations,
  given: (turn) => [signature("compatible", turn)]
}

/** All of them. */
export const wireApis: ReadonlyArray<WireApi> = [openai, anthropic, google, ollama, compatible]

/** The one of that name. */
export const wireApi = (name: string): WireApi => wireApis.find((each) => each.name === name)!

/** `Models` of these, at one address for all. */
export const models = (url: string): Layer.Layer<Models.Models> =>
  Models.layer(wireApis.flatMap((each) => each.providers(url)))

/** Which vendor a request is for: they are told apart by their paths. */
export const ofRequest = ({ path }: Pick<Received, "path">): WireApi =>
  wireApi(
    path.includes("/v1/chat/completions")
      ? "compatible"
      : path.includes("/v1/responses")
      ? "openai"
      : path.includes("/v1/messages")
      ? "anthropic"
      : path.includes("/api/chat")
      ? "ollama"
      : "google"
  )

/** The model that a request is for. */
export const modelOf = ({ json, path }: Pick<Received, "json" | "path">): string =>
  json.model ?? /models\/([^:/]+):/.exec(path)?.[1] ?? ""

/** What is wrong with a request, whichever vendor it is for. */
export const violationsOf = (request: Pick<Received, "json" | "path">): ReadonlyArray<string> =>
  ofRequest(request).violations(request.json, modelOf(request))
