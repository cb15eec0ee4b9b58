/**
 * Who reads a response: a parser of Server-Sent Events, and the AI SDK's own client.
 */
import { assert } from "@effect/vitest"
import { DefaultChatTransport, readUIMessageStream, type UIMessage, type UIMessageChunk } from "ai"
import { Effect } from "effect"
import { Sse } from "effect/encoding"

/** The events of an event stream, however it is cut. */
export const parse = (chunks: Iterable<string>): ReadonlyArray<Sse.Event> => {
  const events: Array<Sse.Event> = []
  const parser = Sse.makeParser((event) => {
    assert.strictEqual(event._tag, "Event")
    if (event._tag === "Event") events.push(event)
  })
  for (const chunk of chunks) parser.feed(chunk)
  return events
}

/** The data of an event stream's events. */
export const data = (text: string): ReadonlyArray<any> => parse([text]).map((event) => JSON.parse(event.data))

/** What is read of a body until it ends, or breaks off. */
export const readAll = (response: Response): Promise<{ readonly text: string; readonly error: unknown }> =>
  read(response.body!.getReader())

const read = async (reader: ReadableStreamDefaultReader<Uint8Array>) => {
  const decoder = new TextDecoder()
  let text = ""
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return { text: text + decoder.decode(), error: undefined }
      text += decoder.decode(value, { stream: true })
    }
  } catch (error) {
    return { text, error }
  }
}

/** What `useChat` ends up with. */
export interface Chat {
  readonly chunks: ReadonlyArray<UIMessageChunk>
  /** The message as it grew. */
  readonly states: ReadonlyArray<UIMessage>
  readonly message: UIMessage | undefined
  readonly errors: ReadonlyArray<string>
}

/** A question as the AI SDK's client asks it. */
export interface Question {
  readonly api?: string
  readonly fetch?: typeof globalThis.fetch
  readonly signal?: AbortSignal
  readonly onChunk?: (chunk: UIMessageChunk) => void
}

/** Asks with the AI SDK's transport, and reads what comes with its reader of messages. */
export const chat = async ({ api, fetch, onChunk, signal }: Question): Promise<Chat> => {
  const transport = new DefaultChatTransport({ api: api ?? "http://localhost/", ...(fetch && { fetch }) })
  const stream = await transport.sendMessages({
    trigger: "submit-message",
    chatId: "chat",
    messageId: undefined,
    messages: [{ id: "1", role: "user", parts: [{ type: "text", text: "go" }] }],
    abortSignal: signal
  })
  const chunks: Array<UIMessageChunk> = []
  const errors: Array<string> = []
  const seen = stream.pipeThrough(
    new TransformStream<UIMessageChunk, UIMessageChunk>({
      transform: (chunk, controller) => {
        chunks.push(chunk)
        onChunk?.(chunk)
        controller.enqueue(chunk)
      }
    })
  )
  const states: Array<UIMessage> = []
  const messages = readUIMessageStream({
    stream: seen,
    onError: (error) => errors.push(error instanceof Error ? error.message : String(error))
  })
  for await (const state of messages) states.push(state)
  return { chunks, states, message: states.at(-1), errors }
}

/** The AI SDK's client over a response that is there already. */
export const chatOf = (response: Response): Effect.Effect<Chat> =>
  Effect.promise(() => chat({ fetch: () => Promise.resolve(response) }))
