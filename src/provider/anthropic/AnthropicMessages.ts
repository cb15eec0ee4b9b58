/**
 * From prompt messages to Anthropic's `system` and `messages`. Each message is encoded once, as long as it lives; what
 * depends on its neighbours is done on the list, which shares the blocks.
 *
 * Anthropic's rules: turns alternate and begin with the user; all results of a turn's calls stand at the beginning of
 * one user message; no text is blank; a turn does not end with thinking; the last text of a history does not end with
 * white space. Thinking goes back unchanged, and only what Anthropic signed. System messages all go to the front, since
 * few models take them elsewhere.
 */
import type AnthropicSdk from "@anthropic-ai/sdk"
import type * as Prompt from "effect/ai/Prompt"
import { memo } from "../internal/Memo.ts"
import * as ToolOutput from "../internal/ToolOutput.ts"
import * as Block from "./AnthropicBlock.ts"
import * as File from "./AnthropicFile.ts"
import { toName } from "./AnthropicTools.ts"

type Content = AnthropicSdk.ContentBlockParam
type SystemBlock = AnthropicSdk.TextBlockParam

/** A message with its blocks; several of one role in a row become one. */
interface Turn {
  readonly role: "user" | "assistant"
  readonly content: Array<Content>
}

const isBlank = (text: string): boolean => text.trim() === ""

const isThinking = (block: Content | undefined): boolean =>
  block?.type === "thinking" || block?.type === "redacted_thinking"

/** Puts the cache breakpoint of a whole message on its last block. */
const withCacheControl = (turns: ReadonlyArray<Turn>, options: Prompt.ProviderOptions): ReadonlyArray<Turn> => {
  const field = Block.cacheControl(Block.own(options))
  const last = turns.at(-1)
  if (last === undefined || field["cache_control"] === undefined) return turns
  const block = { ...last.content.at(-1)!, ...field } as Content
  return [...turns.slice(0, -1), { role: last.role, content: [...last.content.slice(0, -1), block] }]
}

const userTurn = (content: Array<Content>): ReadonlyArray<Turn> =>
  content.length === 0 ? [] : [{ role: "user", content }]

const user = (message: Prompt.UserMessage): ReadonlyArray<Turn> =>
  userTurn(message.content.flatMap((part): ReadonlyArray<Content> => {
    if (part.type === "file") return [File.toBlock(part)]
    return isBlank(part.text) ? [] : [{ type: "text", text: part.text, ...Block.toFields(Block.own(part.options)) }]
  }))

type ResultContent = Exclude<AnthropicSdk.ToolResultBlockParam["content"], undefined>

const resultContent = (part: Prompt.ToolResultPart): ResultContent => {
  if (part.modelOutput?.some(({ type }) => type === "file") !== true) return ToolOutput.toPlainText(part)
  return part.modelOutput.flatMap((content): ReadonlyArray<Exclude<ResultContent, string>[number]> => {
    if (content.type === "file") return [File.toBlockOrNote(content)]
    return isBlank(content.text) ? [] : [{ type: "text", text: content.text }]
  })
}

const toolResult = (part: Prompt.ToolResultPart): Content => {
  const content = resultContent(part)
  const isEmpty = typeof content === "string" ? isBlank(content) : content.length === 0
  return {
    type: "tool_result",
    tool_use_id: toName(part.id),
    // A failure has to say something.
    ...(isEmpty ? (part.isFailure ? { content: "The tool failed." } : undefined) : { content }),
    ...(part.isFailure ? { is_error: true } : undefined),
    ...Block.cacheControl(Block.own(part.options))
  }
}

const tool = (message: Prompt.ToolMessage): ReadonlyArray<Turn> =>
  userTurn(
    message.content.flatMap((part) => part.type === "tool-result" && !part.providerExecuted ? [toolResult(part)] : [])
  )

const assistantText = (part: Prompt.TextPart): Content => {
  const own = Block.own(part.options)
  return {
    type: "text",
    text: part.text,
    ...(own["citations"] === undefined ? undefined : { citations: own["citations"] }),
    ...Block.cacheControl(own)
  } as Content
}

const thinking = (part: Prompt.ReasoningPart): ReadonlyArray<Content> => {
  const { redactedData, signature } = Block.own(part.options)
  if (typeof redactedData === "string") return [{ type: "redacted_thinking", data: redactedData }]
  return typeof signature === "string" ? [{ type: "thinking", thinking: part.text, signature }] : []
}

/** Anthropic takes objects only; the text of malformed arguments, say, is put into one. */
const toInput = (params: unknown): unknown => {
  if (params === undefined || params === null) return {}
  return typeof params === "object" && !Array.isArray(params) ? params : { invalid_input: params }
}

const toolUse = (part: Prompt.ToolCallPart): Content => {
  const { caller, name, ...own } = Block.own(part.options)
  return {
    type: "tool_use",
    id: toName(part.id),
    name: typeof name === "string" ? name : toName(part.name),
    input: toInput(part.params),
    ...(caller === undefined ? undefined : { caller }),
    ...Block.cacheControl(own)
  } as Content
}

/** What Anthropic ran itself, as it was; what another vendor ran is not shown. */
const server = (part: Prompt.ToolCallPart | Prompt.ToolResultPart): ReadonlyArray<Content> => {
  const keep = Block.own(part.options)
  if (!Block.isServer(keep)) return []
  const rest = part.type === "tool-call"
    ? { id: part.id, input: part.params }
    : { tool_use_id: part.id, content: part.result }
  return [{ ...Block.toFields(keep), ...rest } as unknown as Content]
}

interface Variant {
  /** The model takes thinking back. */
  readonly reasons: boolean
  /** The turn goes on after this message: what Anthropic runs may still be without a result. */
  readonly goesOn: boolean
}

const assistant = (message: Prompt.AssistantMessage, { goesOn, reasons }: Variant): ReadonlyArray<Turn> => {
  const turns: Array<Turn> = []
  let content: Array<Content> = []
  const end = () => {
    while (isThinking(content.at(-1))) content.pop()
    if (content.length > 0) turns.push({ role: "assistant", content })
    content = []
  }
  const ended = new Set<string>()
  for (const part of message.content) if (part.type === "tool-result") ended.add(part.id)
  for (const part of message.content) {
    switch (part.type) {
      case "text":
        if (!isBlank(part.text)) content.push(assistantText(part))
        break
      case "reasoning":
        if (reasons) content.push(...thinking(part))
        break
      case "tool-call":
        if (!part.providerExecuted) content.push(toolUse(part))
        else if (goesOn || ended.has(part.id)) content.push(...server(part))
        break
      case "tool-result":
        if (part.providerExecuted) content.push(...server(part))
        else {
          end()
          turns.push({ role: "user", content: [toolResult(part)] })
        }
        break
    }
  }
  end()
  return turns
}

const encoder = (variant: Variant): (message: Prompt.Message) => ReadonlyArray<Turn> =>
  memo((message) => {
    switch (message.role) {
      case "system":
        return []
      case "user":
        return withCacheControl(user(message), message.options)
      case "assistant":
        return withCacheControl(assistant(message, variant), message.options)
      case "tool":
        return withCacheControl(tool(message), message.options)
    }
  })

const encoders = {
  reasoning: { ended: encoder({ reasons: true, goesOn: false }), goesOn: encoder({ reasons: true, goesOn: true }) },
  plain: { ended: encoder({ reasons: false, goesOn: false }), goesOn: encoder({ reasons: false, goesOn: true }) }
}

const system = memo((message: Prompt.SystemMessage): ReadonlyArray<SystemBlock> =>
  isBlank(message.content)
    ? []
    : [{ type: "text", text: message.content, ...Block.cacheControl(Block.own(message.options)) }]
)

/** Whether an assistant's turn goes on in the next message: it was paused while Anthropic ran something. */
const goesOn = (next: Prompt.Message | undefined): boolean =>
  next === undefined
  || (next.role === "assistant" && next.content.some((part) => part.type === "tool-result" && part.providerExecuted))

/** Turns in the making: neighbours of one role are joined, results come first. */
class Turns {
  readonly list: Array<Turn> = []
  /** Whether the last turn was made here, and may be added to. */
  #isOurs = false

  add(turn: Turn): void {
    const last = this.list.at(-1)
    if (last?.role !== turn.role) {
      this.list.push(turn)
      this.#isOurs = false
      return
    }
    const content = this.#isOurs ? last.content : last.content.slice()
    if (!this.#isOurs) this.list[this.list.length - 1] = { role: turn.role, content }
    this.#isOurs = true
    for (const block of turn.content) {
      const at = block.type === "tool_result" ? content.findIndex(({ type }) => type !== "tool_result") : -1
      if (at === -1) content.push(block)
      else content.splice(at, 0, block)
    }
  }

  /** Without the white space at the end of an answer that is to be gone on with. */
  trimEnd(): void {
    const last = this.list.at(-1)
    const block = last?.content.at(-1)
    if (last?.role !== "assistant" || block?.type !== "text" || !/\s$/.test(block.text)) return
    const trimmed = { ...block, text: block.text.trimEnd() }
    this.list[this.list.length - 1] = { role: "assistant", content: [...last.content.slice(0, -1), trimmed] }
  }
}

// For a history that was cut off at its front.
const beginning: Turn = { role: "user", content: [{ type: "text", text: "(The beginning is left out.)" }] }

/**
 * The system prompt and the messages of a history. Blocks are shared: nobody may change them. Models that do not
 * reason refuse thinking, so for them (`reasons` false) it is left out.
 */
export const encodeAll = (
  messages: ReadonlyArray<Prompt.Message>,
  reasons: boolean
): { readonly system: Array<SystemBlock>; readonly messages: Array<AnthropicSdk.MessageParam> } => {
  const encode = reasons ? encoders.reasoning : encoders.plain
  const front: Array<SystemBlock> = []
  const turns = new Turns()
  messages.forEach((message, index) => {
    if (message.role === "system") front.push(...system(message))
    const encoded = message.role === "assistant" && goesOn(messages[index + 1])
      ? encode.goesOn(message)
      : encode.ended(message)
    for (const turn of encoded) turns.add(turn)
  })
  if (turns.list[0]?.role === "assistant") turns.list.unshift(beginning)
  turns.trimEnd()
  return { system: front, messages: turns.list }
}

/** Where a turn begins that is under way, with calls and results; the number of messages if none is. */
const openTurn = (messages: ReadonlyArray<AnthropicSdk.MessageParam>): number => {
  let begins = messages.length
  for (let index = messages.length - 1; index >= 0; index--) {
    const { content, role } = messages[index]!
    if (role === "assistant") begins = index
    else if (typeof content === "string" || content[0]?.type !== "tool_result") break
  }
  return begins
}

const contentOf = (message: AnthropicSdk.MessageParam | undefined): ReadonlyArray<Content> =>
  message === undefined || typeof message.content === "string" ? [] : message.content

/** Whether a turn is under way that did not begin with thinking. */
export const isUnderWayWithoutThinking = (messages: ReadonlyArray<AnthropicSdk.MessageParam>): boolean => {
  const [first] = contentOf(messages[openTurn(messages)])
  return first !== undefined && !isThinking(first)
}

/** The messages without the thinking of a turn under way, which is refused where no thinking is asked for. */
export const withoutOpenThinking = (
  messages: Array<AnthropicSdk.MessageParam>
): Array<AnthropicSdk.MessageParam> => {
  const begins = openTurn(messages)
  if (!messages.slice(begins).some((message) => contentOf(message).some(isThinking))) return messages
  return messages.map((message, index) =>
    index < begins || message.role === "user"
      ? message
      : { role: "assistant", content: contentOf(message).filter((block) => !isThinking(block)) }
  )
}

/** The names of the tools that a history called. */
export const calledIn = (messages: ReadonlyArray<AnthropicSdk.MessageParam>): ReadonlySet<string> => {
  const names = new Set<string>()
  for (const { content, role } of messages) {
    if (role !== "assistant" || typeof content === "string") continue
    for (const block of content) if (block.type === "tool_use") names.add(block.name)
  }
  return names
}
