/**
 * Builds the parts of a history as plain literals: `Prompt.makePart` copies its argument, and these are made for every
 * turn.
 */
import type * as Prompt from "effect/ai/Prompt"

const Part = "~effect/ai/Prompt/Part"
const Message = "~effect/ai/Prompt/Message"

const none: Prompt.ProviderOptions = {}

export const text = (text: string, options: Prompt.ProviderOptions = none): Prompt.TextPart => ({
  [Part]: Part,
  type: "text",
  options,
  text
})

export const reasoning = (text: string, options: Prompt.ProviderOptions = none): Prompt.ReasoningPart => ({
  [Part]: Part,
  type: "reasoning",
  options,
  text
})

export const toolCall = (
  id: string,
  name: string,
  params: unknown,
  providerExecuted: boolean,
  options: Prompt.ProviderOptions = none
): Prompt.ToolCallPart => ({ [Part]: Part, type: "tool-call", options, id, name, params, providerExecuted })

export const toolResult = (
  id: string,
  name: string,
  isFailure: boolean,
  result: unknown,
  providerExecuted: boolean,
  options: Prompt.ProviderOptions = none
): Prompt.ToolResultPart => ({
  [Part]: Part,
  type: "tool-result",
  options,
  id,
  name,
  isFailure,
  result,
  providerExecuted
})

export const user = (content: ReadonlyArray<Prompt.UserMessagePart>): Prompt.UserMessage => ({
  [Message]: Message,
  role: "user",
  options: none,
  content
})

export const system = (content: string): Prompt.SystemMessage => ({
  [Message]: Message,
  role: "system",
  options: none,
  content
})

export const assistant = (content: ReadonlyArray<Prompt.AssistantMessagePart>): Prompt.AssistantMessage => ({
  [Message]: Message,
  role: "assistant",
  options: none,
  content
})

export const tool = (content: ReadonlyArray<Prompt.ToolMessagePart>): Prompt.ToolMessage => ({
  [Message]: Message,
  role: "tool",
  options: none,
  content
})
