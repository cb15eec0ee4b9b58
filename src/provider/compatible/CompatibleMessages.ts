/**
 * From prompt messages to those of Chat Completions. Each message is encoded once, as long as it lives; what depends on
 * its neighbours is done on the list, which shares the encoded ones.
 *
 * The rules that all servers and models' templates keep: one system message, at the front; users' messages in a row are
 * one; no message is empty; the results of a turn's calls follow it one by one, and hold text only, so that their files
 * come after them, as the user's. Reasoning goes back only to the server that it came from, where it takes it.
 */
import * as Prompt from "effect/ai/Prompt"
import type OpenAI from "openai"
import * as CallName from "../internal/CallName.ts"
import { memo } from "../internal/Memo.ts"
import * as Overlay from "../internal/Overlay.ts"
import * as ToolOutput from "../internal/ToolOutput.ts"
import * as CallId from "./CompatibleCallId.ts"
import type { Server } from "./CompatibleDialect.ts"
import * as File from "./CompatibleFile.ts"
import * as Keep from "./CompatibleKeep.ts"

type Message = OpenAI.Chat.ChatCompletionMessageParam
type UserMessage = OpenAI.Chat.ChatCompletionUserMessageParam
type ContentPart = OpenAI.Chat.ChatCompletionContentPart
type TextPart = OpenAI.Chat.ChatCompletionContentPartText
type Call = OpenAI.Chat.ChatCompletionMessageFunctionToolCall

/** What a message depends on, beside itself. */
interface Variant {
  readonly server: Server
  /** Reasoning goes back with it. */
  readonly reasons: boolean
  /** The model sees images: those of tools' results are sent. */
  readonly sees: boolean
}

/** A message, encoded; and the files of the results in it. */
interface Encoded {
  readonly messages: ReadonlyArray<Message>
  readonly files: ReadonlyArray<ContentPart>
}

const isBlank = (text: string): boolean => text.trim() === ""

/** A content part with the fields that its user gives it. */
const withOptions = <Part extends ContentPart>(part: Part, options: Prompt.ProviderOptions, name: string): Part => {
  const own = Keep.own(options, name)
  return Object.keys(own).length === 0 ? part : Overlay.make({ ...part }, own) as unknown as Part
}

const isPlain = (part: ContentPart): part is TextPart => part.type === "text" && Object.keys(part).length === 2

/** Content as one text, where it is that: some servers take nothing else. */
const toContent = (parts: ReadonlyArray<ContentPart>): string | Array<ContentPart> =>
  parts.every(isPlain) ? parts.map(({ text }) => text).join("\n\n") : [...parts]

const user = (message: Prompt.UserMessage, { server }: Variant): Encoded => {
  const parts = message.content.flatMap((part): ReadonlyArray<ContentPart> => {
    if (part.type === "file") return [withOptions(File.toContent(part, server.dialect), part.options, server.name)]
    return isBlank(part.text) ? [] : [withOptions({ type: "text", text: part.text }, part.options, server.name)]
  })
  return { messages: parts.length === 0 ? [] : [{ role: "user", content: toContent(parts) }], files: [] }
}

const describe = (part: Prompt.FilePart): string =>
  part.fileName === undefined ? `a file of type ${part.mediaType}` : `the file "${part.fileName}"`

/** A result as a message, and the images in it, which a note in the message stands for. */
const toolResult = (part: Prompt.ToolResultPart, { sees, server }: Variant): Encoded => {
  const files: Array<ContentPart> = []
  const modelOutput = part.modelOutput?.map((output): Prompt.TextPart | Prompt.FilePart => {
    if (output.type === "text") return output
    const isSent = sees && output.mediaType.startsWith("image/")
    if (isSent) files.push(File.toContent(output, server.dialect))
    const text = isSent ? `(${describe(output)}, shown below)` : `(${describe(output)}, which cannot be shown)`
    return Prompt.makePart("text", { text })
  })
  return {
    messages: [{
      role: "tool",
      tool_call_id: CallId.make(part.id, server.dialect.callIds),
      content: ToolOutput.toText({ ...part, modelOutput })
    }],
    files
  }
}

const tool = (message: Prompt.ToolMessage, variant: Variant): Encoded => {
  const results = message.content.flatMap((part) =>
    part.type === "tool-result" && !part.providerExecuted ? [toolResult(part, variant)] : []
  )
  return { messages: results.flatMap(({ messages }) => messages), files: results.flatMap(({ files }) => files) }
}

/** Arguments as the JSON of an object, since servers parse them; those that a model wrote wrong are put into one. */
const toArguments = (params: unknown): string =>
  JSON.stringify(
    params === undefined || params === null
      ? {}
      : typeof params === "object" && !Array.isArray(params)
      ? params
      : { arguments: params }
  )

const toCall = (part: Prompt.ToolCallPart, { server }: Variant): Call => ({
  id: CallId.make(part.id, server.dialect.callIds),
  type: "function",
  function: { name: CallName.make(part.name, 64), arguments: toArguments(part.params) }
})

/** An answer under construction. */
class Answer {
  readonly #variant: Variant
  text = ""
  readonly calls: Array<Call> = []
  #reasoning: { [field in Keep.ReasoningField]?: string } = {}
  #details: ReadonlyArray<unknown> | undefined

  constructor(variant: Variant) {
    this.#variant = variant
  }

  reason(part: Prompt.ReasoningPart): void {
    const field = Keep.fieldOf(part.options, this.#variant.server.name)
    if (field !== undefined) this.#reasoning[field] = (this.#reasoning[field] ?? "") + part.text
  }

  keep(options: Prompt.ProviderOptions): void {
    this.#details ??= Keep.detailsOf(options, this.#variant.server.name)
  }

  toMessages(): ReadonlyArray<Message> {
    const { reasons, server } = this.#variant
    if (isBlank(this.text) && this.calls.length === 0) return []
    const message: Message = {
      role: "assistant",
      content: isBlank(this.text) ? null : this.text,
      ...(this.calls.length === 0 ? undefined : { tool_calls: this.calls })
    }
    if (!reasons) return [message]
    return [{
      ...message,
      ...(server.dialect.reasoningRequired ? { reasoning_content: "" } : undefined),
      ...(this.#details === undefined ? this.#reasoning : { reasoning_details: this.#details })
    }]
  }
}

const assistant = (message: Prompt.AssistantMessage, variant: Variant): Encoded => {
  const messages: Array<Message> = []
  const files: Array<ContentPart> = []
  let answer = new Answer(variant)
  for (const part of message.content) {
    switch (part.type) {
      case "text":
        answer.text += part.text
        answer.keep(part.options)
        break
      case "reasoning":
        answer.reason(part)
        answer.keep(part.options)
        break
      case "tool-call":
        if (!part.providerExecuted) answer.calls.push(toCall(part, variant))
        answer.keep(part.options)
        break
      case "tool-result": {
        if (part.providerExecuted) break
        const result = toolResult(part, variant)
        messages.push(...answer.toMessages(), ...result.messages)
        files.push(...result.files)
        answer = new Answer(variant)
      }
    }
  }
  messages.push(...answer.toMessages())
  return { messages, files }
}

const encodeMessage = (message: Prompt.Message, variant: Variant): Encoded => {
  switch (message.role) {
    case "system":
      return { messages: [], files: [] }
    case "user":
      return user(message, variant)
    case "assistant":
      return assistant(message, variant)
    case "tool":
      return tool(message, variant)
  }
}

/** The encoders for a server; each remembers what it encoded. */
const encoders = memo((server: Server) => {
  const encoder = (reasons: boolean, sees: boolean) =>
    memo((message: Prompt.Message) => encodeMessage(message, { server, reasons, sees }))
  return {
    seeing: { reasoning: encoder(true, true), plain: encoder(false, true) },
    blind: { reasoning: encoder(true, false), plain: encoder(false, false) },
    system: memo((message: Prompt.SystemMessage): ReadonlyArray<TextPart> =>
      isBlank(message.content)
        ? []
        : [withOptions({ type: "text", text: message.content }, message.options, server.name)]
    )
  }
})

const joinContent = (left: UserMessage["content"], right: UserMessage["content"]): UserMessage["content"] => {
  const toParts = (content: UserMessage["content"]) =>
    typeof content === "string" ? [{ type: "text" as const, text: content }] : content
  return toContent([...toParts(left), ...toParts(right)])
}

/** A list of messages in the making. */
class Messages {
  readonly list: Array<Message> = []
  readonly #server: Server
  /** The files of the results that came last. */
  #files: ReadonlyArray<ContentPart> = []

  constructor(server: Server) {
    this.#server = server
  }

  add({ files, messages }: Encoded): void {
    for (const message of messages) {
      if (message.role !== "tool") this.showFiles()
      if (message.role === "user") this.#addUser(message)
      else this.list.push(message)
    }
    if (files.length > 0) this.#files = [...this.#files, ...files]
  }

  /** Shows the files of the last results, as the user's. */
  showFiles(): void {
    const files = this.#files
    if (files.length === 0) return
    this.#files = []
    this.#addUser({ role: "user", content: [{ type: "text", text: "(Files of the results above.)" }, ...files] })
  }

  #addUser(message: UserMessage): void {
    const last = this.list.at(-1)
    if (last?.role === "user") {
      this.list[this.list.length - 1] = { role: "user", content: joinContent(last.content, message.content) }
      return
    }
    if (last?.role === "tool" && this.#server.dialect.answerAfterResults) {
      this.list.push({ role: "assistant", content: "(The results are taken.)" })
    }
    this.list.push(message)
  }
}

/** Whether a message holds calls that were run here. */
const hasCalls = (message: Prompt.AssistantMessage): boolean =>
  message.content.some((part) => part.type === "tool-call" && !part.providerExecuted)

/** What a model takes of a history. */
export interface Takes {
  /** It reasons: its reasoning goes back. */
  readonly reasons: boolean
  /** It sees images. */
  readonly sees: boolean
}

/** The messages of a history. Those are shared: nobody may change them. */
export const encodeAll = (
  messages: ReadonlyArray<Prompt.Message>,
  server: Server,
  takes: Takes
): Array<Message> => {
  const encode = encoders(server)
  const { plain, reasoning } = takes.sees ? encode.seeing : encode.blind
  const back = takes.reasons ? server.dialect.reasoningBack : "never"
  const system: Array<TextPart> = []
  const out = new Messages(server)
  // whether the turn under way has calls
  let isToolTurn = false
  for (const message of messages) {
    if (message.role === "system") system.push(...encode.system(message))
    else if (message.role !== "assistant") {
      if (message.role === "user") isToolTurn = false
      out.add(plain(message))
    } else {
      isToolTurn ||= back === "tool-turns" && hasCalls(message)
      out.add((isToolTurn || back === "always" ? reasoning : plain)(message))
    }
  }
  out.showFiles()
  if (system.length > 0) out.list.unshift({ role: "system", content: toContent(system) as string | Array<TextPart> })
  return out.list
}
