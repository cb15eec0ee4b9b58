/**
 * What a history says, and whether every provider would take it.
 */
import { assert } from "@effect/vitest"
import type { Prompt } from "effect/ai"

type Messages = ReadonlyArray<Prompt.Message>

/** The results in a history, in order. */
export const results = (messages: Messages): ReadonlyArray<Prompt.ToolResultPart> =>
  messages.flatMap((message) =>
    message.role === "tool" ? message.content.filter((part) => part.type === "tool-result") : []
  )

/** What the model is told of each call, as `[name, result]`. */
export const told = (messages: Messages): ReadonlyArray<readonly [name: string, result: unknown]> =>
  results(messages).map((part) => [part.name, part.result] as const)

/** All text of a history. */
export const texts = (messages: Messages): ReadonlyArray<string> =>
  messages.flatMap((message) =>
    typeof message.content === "string"
      ? [message.content]
      : message.content.flatMap((part) => part.type === "text" ? [part.text] : [])
  )

/** Calls of a message that the run has to answer. */
const asked = (message: Prompt.Message): ReadonlyArray<string> =>
  message.role === "assistant"
    ? message.content.flatMap((part) => part.type === "tool-call" && !part.providerExecuted ? [part.id] : [])
    : []

/**
 * Fails unless the history is legal for every provider: no empty message, every call is answered exactly once, by the
 * very next message and in the order asked, nothing else is answered, and the vendor's own calls have their results.
 */
export const assertLegal = (messages: Messages): void => {
  messages.forEach((message, index) => {
    assert.notStrictEqual(message.content.length, 0, `message ${index} (${message.role}) is empty`)
    if (index > 0) assert.notStrictEqual(message.role, "system", "a system message in the history")
    const next = messages[index + 1]
    const answered = next?.role === "tool" ? results([next]).map((part) => part.id) : []
    assert.deepStrictEqual(answered, asked(message), `the calls of message ${index} (${message.role})`)
    if (message.role === "tool") assert.strictEqual(messages[index - 1]?.role, "assistant")
    if (message.role === "assistant") {
      assert.notStrictEqual(message.content.at(-1)?.type, "reasoning", "reasoning with nothing after it")
      const own = message.content.filter((part) => part.type === "tool-call" && part.providerExecuted)
      const done = message.content.filter((part) => part.type === "tool-result")
      assert.deepStrictEqual(done.map((part) => part.id), own.map((part) => (part as Prompt.ToolCallPart).id))
    }
  })
}
