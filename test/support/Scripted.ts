/**
 * A Model that streams whatever parts a test makes, one a pull.
 */
import { Effect, Layer, Stream } from "effect"
import { type AiError, LanguageModel, type Response } from "effect/ai"
import { Capabilities, Driver } from "fluxion"

/** A response part as drivers yield them. */
export type Part = Response.StreamPartEncoded

/** The last part of an answer. */
export const finish: Part = {
  type: "finish",
  reason: "stop",
  usage: { inputTokens: { total: 10 }, outputTokens: { total: 5 } } as never,
  response: undefined
}

/** A text in pieces, and the end of the answer. */
export function* say(pieces: Iterable<string>): Generator<Part> {
  yield { type: "text-start", id: "t" }
  for (const delta of pieces) yield { type: "text-delta", id: "t", delta }
  yield { type: "text-end", id: "t" }
  yield finish
}

/** Calls of tools, and the end of the answer. */
export function* calls(calls: ReadonlyArray<readonly [name: string, params: unknown]>): Generator<Part> {
  for (const [index, [name, params]] of calls.entries()) yield { type: "tool-call", id: `call_${index}`, name, params }
  yield { ...finish, reason: "tool-calls" } as Part
}

/** Parts as a Stream: pulled one by one, when they are asked for. */
export const parts = (parts: Iterable<Part>): Stream.Stream<Part> => Stream.fromIterable(parts, { chunkSize: 1 })

/** The Model of a driver that answers so. */
export const layer = (
  stream: (request: Driver.ModelRequest) => Stream.Stream<Part, AiError.AiError>
): Layer.Layer<LanguageModel.LanguageModel> =>
  Layer.effect(
    LanguageModel.LanguageModel,
    Effect.suspend(() =>
      Driver.toLanguageModel({ provider: "test", model: "scripted", capabilities: Capabilities.all, stream })
    )
  )
