/**
 * Calls the `ollama` SDK so that a call can be aborted, prints nothing, and fails with what happened.
 *
 * The SDK takes no signal, writes broken lines and odd error bodies to the console, and drops the headers of a refusal.
 * All this is put right in the `fetch` below it: each call runs on a view of the client whose `fetch` carries the call's
 * signal, and lets the SDK see only what it can read.
 */
import * as Result from "effect/Result"
import type { Ollama } from "ollama"
import { type Failure, Thrown } from "../internal/Failure.ts"
import * as WholeBody from "../internal/WholeBody.ts"
import type { Fetch } from "../internal/WireLog.ts"
import * as OllamaFailure from "./OllamaFailure.ts"
import type { ChatRequest } from "./OllamaRequest.ts"
import type { ChatChunk } from "./OllamaResponse.ts"

/** One call: the chunks of its response. A whole response is one chunk. */
export type Chat = (request: ChatRequest, signal: AbortSignal) => Promise<AsyncIterable<ChatChunk>>

/** Calls through a client; `wrap` goes around its `fetch`. */
export const make = (client: Ollama, wrap: (fetch: Fetch) => Fetch = (fetch) => fetch): Chat => {
  const fetch = wrap((client as unknown as { readonly fetch?: Fetch }).fetch ?? globalThis.fetch)
  return async (request, signal) => {
    let lines: LineReader | undefined
    const view: Ollama = Object.create(client, {
      fetch: {
        // The SDK has a signal of its own that nobody can reach, so it is not heeded.
        value: async (...[url, init]: Parameters<Fetch>) => {
          const response = await fetch(url, { ...init, signal })
          if (!response.ok) throw new Thrown(await refusal(response))
          if (WholeBody.isPage(response)) throw new Thrown(OllamaFailure.notJson(await response.text()))
          if (request.stream && response.body !== null) lines = new LineReader(response.body.getReader())
          return {
            ok: true,
            body: lines === undefined ? null : { getReader: () => lines },
            json: async () => whole(await response.text())
          }
        }
      },
      // Images are base64 here. The SDK would look for a file of that name, and send what is in it.
      encodeImage: { value: (image: unknown) => Promise.resolve(image) },
      // The SDK never forgets a stream that was aborted.
      ongoingStreamedRequests: { value: [] }
    })
    const answer: unknown = await view.chat(request as unknown as Parameters<Ollama["chat"]>[0])
    return chunks(answer as ChatChunk | AsyncIterable<ChatChunk>, () => lines)
  }
}

async function* chunks(
  answer: ChatChunk | AsyncIterable<ChatChunk>,
  lines: () => LineReader | undefined
): AsyncGenerator<ChatChunk> {
  if (!(Symbol.asyncIterator in answer)) return yield answer
  yield* answer
  // The SDK stops at the last chunk. Whoever reads on learns whether the server ends there, too, and may hang up.
  await lines()?.readRest()
}

const refusal = async (response: Response): Promise<Failure> => {
  const body = await response.text()
  const said = decode(body)
  const message = Result.isFailure(said) && said.failure._tag === "Refused" ? said.failure.message : body
  return {
    _tag: "Refused",
    status: response.status,
    headers: response.headers,
    body,
    message: message === "" ? response.statusText : message
  }
}

/** A chunk, or what is wrong with it: it is none, or it is an error that the server reports. */
const decode = (text: string): Result.Result<object, Failure> => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    value = undefined
  }
  if (typeof value !== "object" || value === null) return Result.fail(OllamaFailure.notJson(text))
  const error = OllamaFailure.reported(value)
  return error === undefined ? Result.succeed(value) : Result.fail({ _tag: "Refused", ...error })
}

const whole = (text: string): object => {
  const chunk = decode(text)
  if (Result.isFailure(chunk)) throw new Thrown(chunk.failure)
  return chunk.success
}

const cutShort: Failure = { _tag: "Broken", message: "the connection broke before the answer was complete" }

const encoder = new TextEncoder()

/**
 * Reads a body for the SDK, in place of the body's own reader: gives out whole lines that are chunks, and throws at
 * one that is not, once the lines before it were read.
 */
class LineReader {
  readonly source: ReadableStreamDefaultReader<Uint8Array>
  readonly decoder = new TextDecoder()
  /** The beginning of a line. */
  rest = ""
  failure: Failure | undefined

  constructor(source: ReadableStreamDefaultReader<Uint8Array>) {
    this.source = source
  }

  async read(): Promise<{ readonly done: boolean; readonly value: Uint8Array | undefined }> {
    while (this.failure === undefined) {
      const { done, value } = await this.source.read()
      const lines = this.decoder.decode(value, { stream: !done }).split("\n")
      lines[0] = this.rest + lines[0]!
      this.rest = done ? "" : lines.pop()!
      let chunks = ""
      for (const line of lines) {
        if (line.trim() === "") continue
        const chunk = decode(line)
        if (Result.isFailure(chunk)) {
          // what is no JSON and has no end is a line that was cut
          const isCut = done && line.startsWith("{") && chunk.failure._tag === "Undecodable"
          this.failure = isCut ? cutShort : chunk.failure
          break
        }
        chunks += `${line}\n`
      }
      if (chunks !== "") return { done: false, value: encoder.encode(chunks) }
      if (done && this.failure === undefined) return { done, value: undefined }
    }
    throw new Thrown(this.failure)
  }

  releaseLock(): void {
    this.source.releaseLock()
  }

  async readRest(): Promise<void> {
    while (!(await this.source.read()).done);
  }
}
