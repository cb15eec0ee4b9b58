/**
 * What the tests of this folder share: requests, responses of our own writing, and a model over HTTP.
 */
import { Effect, type Scope, Stream } from "effect"
import { type AiError, Prompt, type Response } from "effect/ai"
import * as Driver from "../../../src/agent/Driver.ts"
import type { ModelUnresolved } from "../../../src/core/AgentError.ts"
import * as Ollama from "../../../src/provider/ollama/Ollama.ts"
import type { ChatChunk } from "../../../src/provider/ollama/OllamaResponse.ts"

export type Part = Response.StreamPartEncoded

/** A request, of a question unless more is said. */
export const request = (
  given: Partial<Omit<Driver.ModelRequest, "prompt">> & { readonly prompt?: Prompt.RawInput } = {}
): Driver.ModelRequest => ({
  tools: [],
  toolChoice: "auto",
  responseFormat: { type: "text" },
  options: {},
  ...given,
  prompt: Prompt.make(given.prompt ?? "hello")
})

/** A chunk that carries a message. */
export const chunk = (message: NonNullable<ChatChunk["message"]>): ChatChunk => ({
  model: "llama3.2",
  created_at: "2026-01-02T03:04:05.678901234Z",
  message,
  done: false
})

/** The last chunk. */
export const done = (more: Partial<ChatChunk> = {}): ChatChunk => ({
  ...chunk({ content: "" }),
  done: true,
  done_reason: "stop",
  total_duration: 5_000_000,
  prompt_eval_count: 11,
  eval_count: 7,
  ...more
})

/** Chunks as the server writes them. */
export const ndjson = (...chunks: ReadonlyArray<unknown>): string =>
  chunks.map((chunk) => `${JSON.stringify(chunk)}\n`).join("")

/** The driver of a model, as a provider with these options makes it. */
export const driver = (
  options: NonNullable<Parameters<typeof Ollama.provider>[0]>,
  model = "llama3.2"
): Effect.Effect<Driver.Driver, ModelUnresolved, Scope.Scope> =>
  Effect.map(Ollama.provider(options).model(model), (made) => Driver.of(made)!)

/** All parts of one call. */
export const call = (
  options: NonNullable<Parameters<typeof Ollama.provider>[0]>,
  asked: Driver.ModelRequest = request(),
  model?: string
): Effect.Effect<Array<Part>, ModelUnresolved | AiError.AiError> =>
  driver(options, model).pipe(
    Effect.flatMap((driver) => Stream.runCollect(driver.stream(asked))),
    Effect.scoped
  )

/** What the parts say. */
export const summary = (parts: ReadonlyArray<Part>) => {
  let text = ""
  let reasoning = ""
  const calls: Array<{ readonly name: string; readonly params: unknown }> = []
  let finish: Response.FinishPartEncoded | undefined
  for (const part of parts) {
    if (part.type === "text-delta") text += part.delta
    else if (part.type === "reasoning-delta") reasoning += part.delta
    else if (part.type === "tool-call") calls.push({ name: part.name, params: part.params })
    else if (part.type === "finish") finish = part
  }
  return { text, reasoning, calls, finish: finish?.reason, usage: finish?.usage }
}
