/**
 * How many tokens something is, estimated: vendors count each in their own way, and tell only afterwards.
 *
 * Four ASCII characters are a token, and so are one and a half others; a message is 4 more, a file 1,500. English text and
 * JSON come out somewhat high, so that what should fit does.
 */
import type * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"

/** Characters of English, or of JSON, in one token. */
export const asciiPerToken = 4
const othersPerToken = 1.5
const perMessage = 4
const perFile = 1500

/** The tokens of a text. */
export const ofText = (text: string): number => {
  let ascii = 0
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) < 128) ascii++
  return Math.ceil(ascii / asciiPerToken + (text.length - ascii) / othersPerToken)
}

const ofJson = (value: unknown): number => ofText(JSON.stringify(value) ?? "")

const ofPart = (part: Exclude<Prompt.Message["content"], string>[number]): number => {
  switch (part.type) {
    case "text":
    case "reasoning":
      return ofText(part.text)
    case "file":
      return perFile
    case "tool-call":
      return ofText(part.name) + ofJson(part.params)
    case "tool-result":
      return ofText(part.name) + ofJson(part.result)
    default:
      return ofJson(part)
  }
}

const messages = new WeakMap<Prompt.Message, number>()

/** The tokens of a message; counted once. */
export const ofMessage = (message: Prompt.Message): number => {
  let tokens = messages.get(message)
  if (tokens === undefined) {
    tokens = perMessage
    if (typeof message.content === "string") tokens += ofText(message.content)
    else for (const part of message.content) tokens += ofPart(part)
    messages.set(message, tokens)
  }
  return tokens
}

const tools = new WeakMap<ReadonlyArray<Tool.Any>, number>()

/** The tokens of tools, as a model is told of them; counted once for a list. */
export const ofTools = (list: ReadonlyArray<Tool.Any>): number => {
  let tokens = tools.get(list)
  if (tokens === undefined) {
    tokens = list.reduce(
      (sum, tool) =>
        sum + ofText(tool.name + (Tool.getDescription(tool) ?? ""))
        + (Tool.isProviderDefined(tool) ? 0 : ofJson(Tool.getJsonSchema(tool))),
      0
    )
    tools.set(list, tokens)
  }
  return tokens
}
