/**
 * From prompt messages to the Responses API's input items. Each message is encoded once, as long as it lives.
 *
 * Items go without their ids, except where an id is required: OpenAI checks ids against each other, and a history that
 * was trimmed would be refused. Reasoning goes back only with what makes it readable without a store: its encrypted
 * content, or the raw text of open models.
 */
import type * as Prompt from "effect/ai/Prompt"
import type OpenAI from "openai"
import * as CallName from "../internal/CallName.ts"
import * as FileData from "../internal/FileData.ts"
import { memo } from "../internal/Memo.ts"
import * as ToolOutput from "../internal/ToolOutput.ts"
import * as Item from "./OpenAiItem.ts"

type InputItem = OpenAI.Responses.ResponseInputItem
type InputContent = OpenAI.Responses.ResponseInputContent
type ReasoningItem = OpenAI.Responses.ResponseReasoningItem

const extra = (part: { readonly options: Prompt.ProviderOptions }): object | undefined => {
  const own = part.options["openai"]
  return typeof own === "object" && own !== null ? own : undefined
}

const toContent = (part: Prompt.TextPart | Prompt.FilePart): InputContent => {
  if (part.type === "text") return { type: "input_text", text: part.text, ...extra(part) }
  const data = FileData.read(part)
  if (part.mediaType.startsWith("image/")) {
    return { type: "input_image", detail: "auto", image_url: FileData.toUrl(data), ...extra(part) }
  }
  return data._tag === "Url"
    ? { type: "input_file", file_url: data.url, ...extra(part) }
    : {
      type: "input_file",
      filename: part.fileName ?? (part.mediaType === "application/pdf" ? "file.pdf" : "file"),
      file_data: FileData.toUrl(data),
      ...extra(part)
    }
}

const user = (message: Prompt.UserMessage): ReadonlyArray<InputItem> => {
  const [first, ...others] = message.content
  if (first === undefined) return []
  return first.type === "text" && others.length === 0 && extra(first) === undefined
    ? [{ role: "user", content: first.text }]
    : [{ role: "user", content: message.content.map(toContent) }]
}

const toolOutput = (part: Prompt.ToolResultPart): InputItem => ({
  type: "function_call_output",
  call_id: part.id,
  output: part.modelOutput?.some((content) => content.type === "file") === true
    ? part.modelOutput.map(toContent)
    : ToolOutput.toText(part)
})

const tool = (message: Prompt.ToolMessage): ReadonlyArray<InputItem> =>
  message.content.flatMap((part) => part.type === "tool-result" && !part.providerExecuted ? [toolOutput(part)] : [])

const isReadable = (item: ReasoningItem): boolean => item.encrypted_content != null || item.content !== undefined

/** Adds a part of a reasoning to its item, which is the last one if it has the same id. */
const addReasoning = (items: Array<InputItem>, part: Prompt.ReasoningPart, id: string): void => {
  const last = items[items.length - 1]
  let item: ReasoningItem
  if (last?.type === "reasoning" && last.id === id) item = last
  else items.push(item = { type: "reasoning", id, summary: [] })
  const encrypted = Item.readText(part.options, "encryptedContent")
  if (encrypted !== undefined) item.encrypted_content = encrypted
  if (part.text === "") return
  if (Item.isMarked(part.options, "raw")) (item.content ??= []).push({ type: "reasoning_text", text: part.text })
  else item.summary.push({ type: "summary_text", text: part.text })
}

const assistantText = (part: Prompt.TextPart): InputItem => {
  const phase = Item.readText(part.options, "phase")
  return {
    type: "message",
    role: "assistant",
    content: part.text,
    ...(phase === "commentary" || phase === "final_answer" ? { phase } : undefined)
  }
}

const toolCall = (part: Prompt.ToolCallPart): InputItem => ({
  type: "function_call",
  call_id: part.id,
  name: CallName.make(part.name, 64),
  arguments: typeof part.params === "string" ? part.params : JSON.stringify(part.params ?? {})
})

const assistant = (message: Prompt.AssistantMessage, reasons: boolean): ReadonlyArray<InputItem> => {
  const items: Array<InputItem> = []
  // What OpenAI ran itself; it is refused without the reasoning that led to it.
  const hosted = new Set<InputItem>()
  const results = new Map<string, unknown>()
  for (const part of message.content) {
    if (part.type === "tool-result" && part.providerExecuted) results.set(part.id, part.result)
  }
  for (const part of message.content) {
    switch (part.type) {
      case "text":
        if (part.text !== "") items.push(assistantText(part))
        break
      case "reasoning": {
        const id = Item.readText(part.options, "itemId")
        if (id !== undefined) addReasoning(items, part, id)
        break
      }
      case "tool-call": {
        if (!part.providerExecuted) {
          items.push(toolCall(part))
          break
        }
        const itemType = Item.readText(part.options, "itemType")
        if (itemType === undefined || !results.has(part.id)) break
        const item = Item.join(itemType, part.id, part.params, results.get(part.id)) as unknown as InputItem
        items.push(item)
        hosted.add(item)
        break
      }
      case "tool-result":
        if (!part.providerExecuted) items.push(toolOutput(part))
        break
      case "file": {
        const id = Item.readText(part.options, "itemId")
        const data = FileData.read(part)
        if (id === undefined || data._tag === "Url") break
        const item: InputItem = { type: "image_generation_call", id, status: "completed", result: data.base64 }
        items.push(item)
        hosted.add(item)
      }
    }
  }
  const lost = items.some((item) => item.type === "reasoning" && !(reasons && isReadable(item)))
  const kept = lost ? items.filter((item) => item.type !== "reasoning" && !hosted.has(item)) : items
  // Reasoning that led to nothing, since it was interrupted, is refused.
  while (kept.at(-1)?.type === "reasoning") kept.pop()
  return kept
}

const encoder = (reasons: boolean): (message: Prompt.Message) => ReadonlyArray<InputItem> =>
  memo((message) => {
    switch (message.role) {
      case "system":
        return [{ role: "developer", content: message.content }]
      case "user":
        return user(message)
      case "assistant":
        return assistant(message, reasons)
      case "tool":
        return tool(message)
    }
  })

const withReasoning = encoder(true)
const withoutReasoning = encoder(false)

/**
 * The items of a history. Each is shared: nobody may change it. Models that do not reason refuse reasoning, so for
 * them (`reasons` false) it is left out.
 */
export const encodeAll = (messages: ReadonlyArray<Prompt.Message>, reasons: boolean): Array<InputItem> => {
  const encode = reasons ? withReasoning : withoutReasoning
  const items: Array<InputItem> = []
  for (const message of messages) for (const item of encode(message)) items.push(item)
  return items
}
