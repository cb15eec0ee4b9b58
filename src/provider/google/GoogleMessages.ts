/**
 * From prompt messages to Gemini's contents. Each message is encoded once for each way to think, as long as it lives.
 *
 * What Gemini made goes back as it came, part by part, with its thought signature; what other vendors reasoned or ran
 * themselves is left out. Contents alternate, and the first is the user's. Gemini 3 refuses a turn of calls without a
 * signature, as other vendors make them: its first call gets the one that Google documents for that.
 */
import type { Content, FunctionResponsePart, Part } from "@google/genai"
import * as Prompt from "effect/ai/Prompt"
import * as FileData from "../internal/FileData.ts"
import { memo } from "../internal/Memo.ts"
import type { Thinking } from "./GoogleCapabilities.ts"
import * as GoogleKeep from "./GoogleKeep.ts"

/** A content under construction. */
interface Turn {
  readonly role: "user" | "model"
  readonly parts: Array<Part>
}

/** Stands for the signature of a call that Gemini did not make. Source: "Thought Signatures", FAQ, Gemini API. */
const noSignature = "skip_thought_signature_validator"

/** The name of a call: a model may have called a tool by a name that no tool can have. */
const toName = (name: string): string => {
  const clean = name.replace(/[^\w.:-]/g, "_").slice(0, 127)
  return /^[A-Za-z_]/.test(clean) ? clean : `_${clean}`
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const toFile = (part: Prompt.FilePart): { inlineData: object } | { fileData: object } => {
  const data = FileData.read(part)
  if (data._tag === "Base64") return { inlineData: { mimeType: data.mediaType, data: data.base64 } }
  return { fileData: { fileUri: data.url, mimeType: part.mediaType === "image/*" ? "image/jpeg" : part.mediaType } }
}

const user = (message: Prompt.UserMessage): Array<Part> =>
  message.content.flatMap((part): Array<Part> => {
    if (part.type === "text" && part.text === "") return []
    const own = part.options["google"]
    return [{ ...(part.type === "text" ? { text: part.text } : toFile(part)), ...(isRecord(own) ? own : undefined) }]
  })

/** Arguments have to be an object; those that a model wrote wrong are shown to it as they were. */
const toArguments = (params: unknown): Record<string, unknown> =>
  params === undefined || params === null ? {} : isRecord(params) ? params : { arguments: params }

/** The result of a call, and its files: Gemini 3 reads them in the result, earlier ones beside it. */
const toolResult = (part: Prompt.ToolResultPart, thinking: Thinking): Array<Part> => {
  const texts = part.modelOutput?.filter((output) => output.type === "text")
  const files = part.modelOutput?.filter((output) => output.type === "file").map(toFile) ?? []
  const value = texts === undefined ? part.result ?? null : Prompt.toolModelOutputToText(texts)
  const inside = thinking === "level" && files.length > 0
  const functionResponse = {
    ...GoogleKeep.givenId(part.id),
    name: toName(part.name),
    response: part.isFailure ? { error: value } : { output: value },
    ...(inside ? { parts: files as Array<FunctionResponsePart> } : undefined)
  }
  return [{ functionResponse }, ...(inside ? [] : files)]
}

const tool = (message: Prompt.ToolMessage, thinking: Thinking): Array<Part> =>
  message.content.flatMap((part) =>
    part.type === "tool-result" && !part.providerExecuted ? toolResult(part, thinking) : []
  )

/** What Google ran itself, as the part it came in. */
const toHosted = (id: string, value: unknown, keep: GoogleKeep.Keep | undefined): ReadonlyArray<Part> =>
  keep?.part === undefined || !isRecord(value)
    ? []
    : [{ [keep.part]: { ...value, ...GoogleKeep.givenId(id) }, ...GoogleKeep.signature(keep) }]

/** A text, or a thought, with its signature where that came. */
const toText = (text: string, signature: GoogleKeep.Keep, isApart: boolean): ReadonlyArray<Part> => {
  if (isApart) return [{ text }, { text: "", ...signature }]
  return text === "" && signature.thoughtSignature === undefined ? [] : [{ text, ...signature }]
}

const modelParts = (
  part: Prompt.AssistantMessagePart,
  thinking: Thinking,
  answered: ReadonlySet<string>
): ReadonlyArray<Part> => {
  const keep = "options" in part ? GoogleKeep.read(part.options) : undefined
  const signature = thinking === "none" ? {} : GoogleKeep.signature(keep)
  switch (part.type) {
    case "text":
      return toText(part.text, signature, thinking !== "none" && keep?.apart === true)
    case "reasoning":
      return keep === undefined || thinking === "none"
        ? []
        : toText(part.text, signature, false).map((own) => ({ ...own, thought: true }))
    case "file":
      return keep === undefined ? [] : [{ ...toFile(part), ...signature }]
    case "tool-call":
      if (!part.providerExecuted) {
        const functionCall = { ...GoogleKeep.givenId(part.id), name: toName(part.name), args: toArguments(part.params) }
        return [{ functionCall, ...signature }]
      }
      return answered.has(part.id) ? toHosted(part.id, part.params, keep) : []
    case "tool-result":
      return toHosted(part.id, part.result, keep)
    default:
      return []
  }
}

const assistant = (message: Prompt.AssistantMessage, thinking: Thinking): ReadonlyArray<Turn> => {
  const turns: Array<Turn> = []
  const add = (role: Turn["role"], ...parts: ReadonlyArray<Part>) => {
    if (parts.length === 0) return
    const last = turns.at(-1)
    if (last?.role === role) last.parts.push(...parts)
    else turns.push({ role, parts: [...parts] })
  }
  const answered = new Set<string>()
  for (const part of message.content) if (part.type === "tool-result") answered.add(part.id)
  for (const part of message.content) {
    if (part.type === "tool-result" && !part.providerExecuted) {
      add("user", ...toolResult(part, thinking))
      continue
    }
    add("model", ...modelParts(part, thinking, answered))
  }
  if (thinking === "level") turns.forEach(sign)
  return turns
}

const sign = ({ parts }: Turn): void => {
  const first = parts.find((part) => part.functionCall !== undefined)
  if (first !== undefined) first.thoughtSignature ??= noSignature
}

const encoder = (thinking: Thinking): (message: Prompt.Message) => ReadonlyArray<Turn> =>
  memo((message) => {
    switch (message.role) {
      case "system":
        return []
      case "assistant":
        return assistant(message, thinking)
      default: {
        const parts = message.role === "user" ? user(message) : tool(message, thinking)
        return parts.length === 0 ? [] : [{ role: "user", parts }]
      }
    }
  })

const encoders: { readonly [way in Thinking]: ReturnType<typeof encoder> } = {
  none: encoder("none"),
  budget: encoder("budget"),
  level: encoder("level")
}

/** A history, encoded. Each content is shared: nobody may change it. */
export interface Encoded {
  readonly contents: Array<Content>
  /** What the system says, wherever in the history it does: Gemini takes it in one place only. */
  readonly system: Array<Part>
}

// for a history that was cut off at its front
const beginning: Content = { role: "user", parts: [{ text: "(The beginning is left out.)" }] }

/** Encodes a history for a model that thinks in a certain way. */
export const encodeAll = (messages: ReadonlyArray<Prompt.Message>, thinking: Thinking): Encoded => {
  const encode = encoders[thinking]
  const contents: Array<Content> = []
  const system: Array<Part> = []
  // the last content, if it was joined here and may grow
  let joined: Turn | undefined
  for (const message of messages) {
    if (message.role === "system" && message.content !== "") system.push({ text: message.content })
    for (const turn of encode(message)) {
      const last = contents.at(-1)
      if (last?.role !== turn.role) {
        contents.push(turn)
        joined = undefined
      } else if (joined !== undefined) {
        joined.parts.push(...turn.parts)
      } else {
        joined = { role: turn.role, parts: [...last.parts ?? [], ...turn.parts] }
        contents[contents.length - 1] = joined
      }
    }
  }
  if (contents[0]?.role === "model") contents.unshift(beginning)
  return { contents, system }
}
