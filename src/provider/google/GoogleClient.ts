/**
 * Calls the `@google/genai` SDK so that nobody but the caller retries, continues or calls functions, and so that it
 * fails with what happened.
 *
 * The SDK drops the headers of a refusal, and reads a stream out of whatever comes. Both are put right in the `fetch`
 * below it, which each call has of its own.
 */
import type { GenerateContentParameters, GenerateContentResponse, GoogleGenAI } from "@google/genai"
import * as AiError from "effect/ai/AiError"
import * as Failure from "../internal/Failure.ts"
import { fromEvents } from "../internal/PartStream.ts"
import * as WholeBody from "../internal/WholeBody.ts"
import type { Fetch } from "../internal/WireLog.ts"
import * as GoogleFailure from "./GoogleFailure.ts"

/** One call: the chunks of its response. A whole response is one chunk. `signal` aborts it, also while they are read. */
export type Call = (
  params: GenerateContentParameters,
  streamed: boolean,
  signal: AbortSignal
) => Promise<AsyncIterable<GenerateContentResponse>>

/** Calls through a client, by this `fetch`. */
export const make = (client: GoogleGenAI, fetch: Fetch): Call => async (params, streamed, signal) => {
  let sent = false
  const own: Fetch = async (input, init) => {
    sent = true
    return read(await fetch(input, init), streamed, String(input))
  }
  const asked: GenerateContentParameters = {
    ...params,
    config: {
      ...params.config,
      abortSignal: signal,
      automaticContinuation: false,
      automaticFunctionCalling: { disable: true },
      // A ready client may have retries of its own.
      httpOptions: { ...params.config?.httpOptions, retryOptions: { attempts: 1 }, fetch: own }
    }
  }
  try {
    return streamed
      ? await client.models.generateContentStream(asked)
      : fromEvents([await client.models.generateContent(asked)])
  } catch (cause) {
    throw sent ? cause : unsent(cause)
  }
}

/** What the SDK throws before it sends anything is about the request: a field that only Vertex AI has. */
const unsent = (cause: unknown): unknown =>
  cause instanceof Error && Object.getPrototypeOf(cause) === Error.prototype
    ? new AiError.InvalidRequestError({ description: `the SDK refuses the request: ${cause.message}` })
    : cause

/** The answer as the SDK can read it; throws what it says went wrong. */
const read = async (response: Response, streamed: boolean, url: string): Promise<Response> => {
  if (!response.ok) throw new Failure.Thrown(GoogleFailure.fromAnswer(response, await response.text(), url))
  if (streamed && !WholeBody.isWholeType(response)) return response
  const answer = await WholeBody.read(response, isAnswer, "response of the Gemini API")
  const error = GoogleFailure.reported(answer)
  if (error !== undefined) throw new Failure.Thrown(GoogleFailure.fromError(error, undefined))
  if (!streamed) return Response.json(answer)
  const chunks: ReadonlyArray<unknown> = Array.isArray(answer) ? answer : [answer]
  return new Response(chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join(""))
}

/** Servers that cannot stream answer whole, or with a list of chunks. */
const isAnswer = (value: unknown): value is object =>
  Array.isArray(value)
    ? value.length > 0 && value.every(isAnswer)
    : typeof value === "object" && value !== null
      && ["candidates", "promptFeedback", "usageMetadata", "error"].some((field) => field in value)
