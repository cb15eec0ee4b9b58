/**
 * Builds the request of one model call: pure, from our `ModelRequest` to the body of Ollama's `POST /api/chat`.
 *
 * Each message and each tool is encoded once and shared by later requests, so nobody may change what is built here.
 * The API has no `tool_choice`: "none" leaves the tools out, `oneOf` leaves the others out, and what cannot be said is
 * refused. `providerOptions.ollama` is laid over the result last: objects are merged, everything else replaced.
 */
import * as AiError from "effect/ai/AiError"
import type * as LanguageModel from "effect/ai/LanguageModel"
import type * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import type * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { ModelRequest } from "../../agent/Driver.ts"
import type { ModelOptions } from "../../agent/ModelOptions.ts"
import * as FileData from "../internal/FileData.ts"
import { memo } from "../internal/Memo.ts"
import * as Overlay from "../internal/Overlay.ts"
import * as Refusal from "../internal/Refusal.ts"
import * as ToolOutput from "../internal/ToolOutput.ts"
import * as ToolSpec from "../internal/ToolSpec.ts"

/** A message as the server takes it. The SDK's type lacks the ids, which newer servers read. */
export interface ChatMessage {
  readonly role: "system" | "user" | "assistant" | "tool"
  readonly content: string
  /** Reasoning of an earlier answer. */
  readonly thinking?: string
  /** Base64. */
  readonly images?: ReadonlyArray<string>
  readonly tool_calls?: ReadonlyArray<{
    readonly id: string
    readonly function: { readonly name: string; readonly arguments: { readonly [name: string]: unknown } }
  }>
  readonly tool_name?: string
  readonly tool_call_id?: string
}

/** A tool as the server takes it. */
export interface ChatTool {
  readonly type: "function"
  readonly function: { readonly name: string; readonly description?: string; readonly parameters: JsonObject }
}

/** The body of `POST /api/chat`. */
export interface ChatRequest {
  readonly model: string
  readonly messages: ReadonlyArray<ChatMessage>
  readonly stream: boolean
  readonly tools?: ReadonlyArray<ChatTool>
  readonly format?: JsonObject
  readonly think?: boolean | "low" | "medium" | "high"
  readonly keep_alive?: string | number
  readonly options?: { readonly [name: string]: unknown }
}

/** What is the same in all requests to one model. */
export interface ModelSettings {
  readonly model: string
  /** It sees images: those in tool results are sent too. */
  readonly vision: boolean
  /** How long the model stays loaded: seconds, or as in `"10m"`; -1 for ever. */
  readonly keepAlive?: string | number | undefined
  /** The size of its context, in tokens. The server silently cuts what is longer. */
  readonly numCtx?: number | undefined
}

type JsonObject = { readonly [key: string]: unknown }

/** The body for a request, or why there is none. */
export const make = (
  request: ModelRequest,
  settings: ModelSettings
): Result.Result<ChatRequest, AiError.AiErrorReason> => Refusal.capture(() => build(request, settings))

const build = (request: ModelRequest, settings: ModelSettings): ChatRequest => {
  const { options, responseFormat } = request
  const json = responseFormat.type === "json"
  // a grammar for the answer leaves no room for calls
  const tools = json ? [] : allowedTools(request.tools, request.toolChoice)
  const parameters = toParameters(options, settings)
  const body: ChatRequest = {
    model: settings.model,
    messages: request.prompt.content.flatMap(settings.vision ? encodeSeen : encodeUnseen),
    ...(tools.length === 0 ? undefined : { tools: tools.map(toTool) }),
    ...(json ? { format: toFormat(responseFormat.schema) } : undefined),
    ...(options.reasoning === undefined ? undefined : { think: toThink(settings.model, options.reasoning) }),
    ...(settings.keepAlive === undefined ? undefined : { keep_alive: settings.keepAlive }),
    ...(Object.keys(parameters).length === 0 ? undefined : { options: parameters }),
    stream: options.stream !== false
  }
  const own = options.providerOptions?.["ollama"]
  return own === undefined ? body : { ...Overlay.make({ ...body }, own) as unknown as ChatRequest, stream: body.stream }
}

// Of all models, gpt-oss has levels; older servers refuse them for the others.
const toThink = (model: string, reasoning: "low" | "medium" | "high") => /gpt-?oss/i.test(model) ? reasoning : true

const toParameters = (options: ModelOptions, settings: ModelSettings): JsonObject => {
  const parameters = {
    num_ctx: settings.numCtx,
    num_predict: options.maxTokens,
    temperature: options.temperature,
    top_p: options.topP,
    seed: options.seed,
    stop: options.stopSequences
  }
  return Object.fromEntries(Object.entries(parameters).filter(([, value]) => value !== undefined))
}

const isRecord = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)

// --- Tools

const allowedTools = (tools: ReadonlyArray<Tool.Any>, choice: LanguageModel.ToolChoice<string>) => {
  if (choice === "none") return []
  if (choice === "auto") return tools
  if (typeof choice === "object" && "oneOf" in choice && choice.mode !== "required") {
    return tools.filter((tool) => choice.oneOf.includes(tool.name))
  }
  throw new AiError.InvalidRequestError({
    parameter: "toolChoice",
    description: "Ollama cannot make a model call a tool; use toolChoice \"auto\", \"none\" or { oneOf }"
  })
}

const toSpec = ToolSpec.make()

const toTool = memo((tool: Tool.Any): ChatTool => {
  if (Tool.isProviderDefined(tool)) {
    throw new AiError.InvalidRequestError({
      parameter: "tools",
      description: `Ollama has no tool "${tool.name}" of its own; give one that runs here`
    })
  }
  const { description, name, schema } = toSpec(tool)
  return {
    type: "function",
    function: {
      name,
      ...(description === undefined ? undefined : { description }),
      parameters: inlineReferences(schema)
    }
  }
})

// --- Schemas

const toFormat = memo((schema: Schema.Constraint): JsonObject => {
  try {
    // closed objects: a grammar made of an open one lets the model add properties without end
    const document = Schema.toJsonSchemaDocument(schema, { onExcessProperty: "error" })
    return inlineReferences({ ...document.schema, $defs: document.definitions })
  } catch (cause) {
    throw new AiError.UnsupportedSchemaError({
      description: `the output's Schema has no JSON Schema: ${cause instanceof Error ? cause.message : String(cause)}`
    })
  }
})

/**
 * Puts definitions where they are referred to, since the server drops a `$ref` in a tool's parameters. Only recursive
 * ones stay.
 */
const inlineReferences = ({ $defs, definitions, ...root }: JsonObject): JsonObject => {
  const known: JsonObject = { ...definitions as JsonObject, ...$defs as JsonObject }
  let isRecursive = false
  const walk = (node: unknown, within: ReadonlyArray<string>): unknown => {
    if (Array.isArray(node)) return node.map((item) => walk(item, within))
    if (!isRecord(node)) return node
    const name = typeof node.$ref === "string" ? definitionName(node.$ref) : undefined
    if (name !== undefined && within.includes(name)) {
      isRecursive = true
      return node
    }
    const definition = name === undefined || !Object.hasOwn(known, name) ? undefined : known[name]
    const own = Object.fromEntries(
      Object.entries(node)
        .filter(([key]) => key !== "$ref" || definition === undefined)
        .map(([key, value]) => [key, walk(value, within)])
    )
    return definition === undefined ? own : { ...walk(definition, [...within, name!]) as JsonObject, ...own }
  }
  const out = walk(root, []) as JsonObject
  if (!isRecursive) return out
  return {
    ...out,
    ...(definitions === undefined ? undefined : { definitions }),
    ...($defs === undefined ? undefined : { $defs })
  }
}

const definitionName = (reference: string): string | undefined =>
  /^#\/(?:\$defs|definitions)\/([^/]+)$/.exec(reference)?.[1]?.replaceAll("~1", "/").replaceAll("~0", "~")

// --- Messages

const encodeMessage = (message: Prompt.Message, vision: boolean): ReadonlyArray<ChatMessage> => {
  switch (message.role) {
    case "system":
      return [{ role: "system", content: message.content }]
    case "user":
      return [encodeUser(message)]
    case "assistant":
      return encodeAssistant(message)
    case "tool":
      return message.content.flatMap((part) => part.type === "tool-result" ? [encodeToolResult(part, vision)] : [])
  }
}

const encodeSeen = memo((message: Prompt.Message) => encodeMessage(message, true))
const encodeUnseen = memo((message: Prompt.Message) => encodeMessage(message, false))

const encodeUser = (message: Prompt.UserMessage): ChatMessage => {
  const texts: Array<string> = []
  const images: Array<string> = []
  for (const part of message.content) {
    if (part.type === "text") texts.push(part.text)
    else images.push(toImage(part) ?? refuseFile(part))
  }
  return { role: "user", content: texts.join("\n\n"), ...(images.length === 0 ? undefined : { images }) }
}

const encodeAssistant = (message: Prompt.AssistantMessage): ReadonlyArray<ChatMessage> => {
  let content = ""
  let thinking = ""
  const calls: Array<NonNullable<ChatMessage["tool_calls"]>[number]> = []
  for (const part of message.content) {
    if (part.type === "text") content += part.text
    else if (part.type === "reasoning") thinking += part.text
    else if (part.type === "tool-call" && !part.providerExecuted) {
      calls.push({ id: part.id, function: { name: part.name, arguments: toArguments(part.params) } })
    }
  }
  if (content === "" && thinking === "" && calls.length === 0) return []
  return [{
    role: "assistant",
    content,
    ...(thinking === "" ? undefined : { thinking }),
    ...(calls.length === 0 ? undefined : { tool_calls: calls })
  }]
}

/** Arguments have to be an object; those that the model wrote wrong are shown to it as they were. */
const toArguments = (params: unknown): JsonObject =>
  params === undefined || params === null ? {} : isRecord(params) ? params : { arguments: params }

const encodeToolResult = (part: Prompt.ToolResultPart, vision: boolean): ChatMessage => {
  const images: Array<string> = []
  // an image that cannot be sent is named in the text instead
  const modelOutput = part.modelOutput?.filter((output) => {
    const image = vision && output.type === "file" ? toImage(output) : undefined
    if (image !== undefined) images.push(image)
    return image === undefined
  })
  return {
    role: "tool",
    content: ToolOutput.toText({ ...part, modelOutput }),
    ...(images.length === 0 ? undefined : { images }),
    tool_name: part.name,
    tool_call_id: part.id
  }
}

/** The base64 of an image that is given as such or as bytes. */
const toImage = (part: Prompt.FilePart): string | undefined => {
  if (!part.mediaType.startsWith("image/")) return undefined
  const data = FileData.read(part)
  const base64 = data._tag === "Base64" ? data.base64.replace(/\s+/g, "") : ""
  return base64.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(base64) ? base64 : undefined
}

const refuseFile = (part: Prompt.FilePart): never => {
  const what = part.fileName === undefined ? part.mediaType : `${part.fileName} (${part.mediaType})`
  throw new AiError.InvalidUserInputError({
    description: !part.mediaType.startsWith("image/")
      ? `Ollama takes no files but images, not ${what}: give the file's text instead`
      : FileData.read(part)._tag === "Url"
      ? `Ollama does not fetch images: download ${what} and give its bytes instead`
      : `the data of ${what} is not base64: give its bytes, a \`data:\` URL, or base64`
  })
}
