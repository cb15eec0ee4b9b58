/**
 * A vendor on a local port whose answers are Effects of the test: what it sends and when, and whether it still can.
 * OpenAI's Responses API and Ollama's chat, behind the real SDKs.
 */
import { Deferred, Effect, type Layer, Redacted, type Scope } from "effect"
import type { LanguageModel } from "effect/ai"
import { Ollama } from "fluxion/ollama"
import { OpenAi } from "fluxion/openai"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"

/** How one vendor writes a streamed response. */
export interface Wire {
  readonly name: "openai" | "ollama"
  readonly contentType: string
  /** What comes before the first piece of text. */
  readonly begin: string
  readonly text: (delta: string) => string
  /** What comes after the last piece; `text` is all of it. */
  readonly end: (text: string) => string
  /** A whole response that calls tools. */
  readonly calls: (calls: ReadonlyArray<readonly [name: string, params: object]>) => string
  readonly layer: (url: string) => Layer.Layer<LanguageModel.LanguageModel, unknown>
}

/** What every answer here is said to have cost. */
export const usage = { input: 12, output: 7 }

const sse = (event: { readonly type: string; readonly [field: string]: unknown }) =>
  `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`

const response = (status: string, output: ReadonlyArray<object>) => ({
  id: "resp_1",
  object: "response",
  created_at: 1750705330,
  status,
  error: null,
  incomplete_details: null,
  model: "gpt-5-2025-08-07",
  output,
  usage: status !== "completed" ? null : {
    input_tokens: usage.input,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: usage.output,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: usage.input + usage.output
  }
})

const at = { item_id: "msg_1", output_index: 0, content_index: 0 }
const outputText = (text: string) => ({ type: "output_text", annotations: [], logprobs: [], text })
const message = (status: string, content: ReadonlyArray<object>) => ({
  id: "msg_1",
  type: "message",
  role: "assistant",
  status,
  content
})

const openai: Wire = {
  name: "openai",
  contentType: "text/event-stream; charset=utf-8",
  begin: sse({ type: "response.created", response: response("in_progress", []) })
    + sse({ type: "response.output_item.added", output_index: 0, item: message("in_progress", []) })
    + sse({ type: "response.content_part.added", ...at, part: outputText("") }),
  text: (delta) => sse({ type: "response.output_text.delta", ...at, delta, logprobs: [] }),
  end: (text) =>
    sse({ type: "response.output_text.done", ...at, text, logprobs: [] })
    + sse({ type: "response.content_part.done", ...at, part: outputText(text) })
    + sse(
      {
        type: "response.output_item.done",
        output_index: 0,
        item: message("completed", [outputText(text)])
      }
    )
    + sse(
      {
        type: "response.completed",
        response: response("completed", [message("completed", [outputText(text)])])
      }
    ),
  calls: (calls) => {
    const items = calls.map(([name, params], index) => ({
      id: `fc_${index}`,
      type: "function_call",
      status: "completed",
      arguments: JSON.stringify(params),
      call_id: `call_${index}`,
      name
    }))
    return sse({ type: "response.created", response: response("in_progress", []) })
      + items.map((item, output_index) =>
        sse({ type: "response.output_item.added", output_index, item: { ...item, arguments: "" } })
        + sse(
          {
            type: "response.function_call_arguments.delta",
            item_id: item.id,
            output_index,
            delta: item.arguments
          }
        )
        + sse(
          {
            type: "response.function_call_arguments.done",
            item_id: item.id,
            output_index,
            arguments: item.arguments
          }
        )
        + sse({ type: "response.output_item.done", output_index, item })
      ).join("")
      + sse({ type: "response.completed", response: response("completed", items) })
  },
  layer: (url) => OpenAi.layer({ model: "gpt-5", apiKey: Redacted.make("test-key"), baseUrl: `${url}/v1` })
}

const line = (chunk: object) =>
  `${JSON.stringify({ model: "llama3.2", created_at: "2026-01-02T03:04:05Z", ...chunk })}\n`
const last = { done: true, done_reason: "stop", prompt_eval_count: usage.input, eval_count: usage.output }

const ollama: Wire = {
  name: "ollama",
  contentType: "application/x-ndjson",
  begin: "",
  text: (delta) => line({ message: { role: "assistant", content: delta }, done: false }),
  end: () => line({ message: { role: "assistant", content: "" }, ...last }),
  calls: (calls) =>
    line({
      message: {
        role: "assistant",
        content: "",
        tool_calls: calls.map(([name, params]) => ({ function: { name, arguments: params } }))
      },
      done: false
    }) + line({ message: { role: "assistant", content: "" }, ...last }),
  layer: (url) => Ollama.layer({ model: "llama3.2", host: url })
}

/** The vendors. */
export const wires: ReadonlyArray<Wire> = [openai, ollama]

/** One request, and the way to answer it. */
export interface Exchange {
  /** 0 for the first request. */
  readonly index: number
  readonly json: any
  /** Sends the headers, then this; waits until the socket takes more. */
  readonly send: (text: string) => Effect.Effect<void>
  readonly end: Effect.Effect<void>
  /** Done when the client closed the connection before the answer was over. */
  readonly closed: Deferred.Deferred<void>
}

/** A vendor that runs. */
export interface LiveVendor {
  readonly url: string
  readonly exchanges: ReadonlyArray<Exchange>
  /** How often `send` was called, and how often the socket took what it was given. */
  readonly sent: () => { readonly begun: number; readonly taken: number }
}

/** Starts a vendor that answers every request with an Effect. */
export const make = (
  contentType: string,
  answer: (exchange: Exchange) => Effect.Effect<void>
): Effect.Effect<LiveVendor, never, Scope.Scope> =>
  Effect.gen(function*() {
    const context = yield* Effect.context<Scope.Scope>()
    const exchanges: Array<Exchange> = []
    const sent = { begun: 0, taken: 0 }
    const server = Http.createServer((request, response) => {
      const chunks: Array<Buffer> = []
      request.on("data", (chunk: Buffer) => chunks.push(chunk))
      request.on("end", () => {
        const closed = Deferred.makeUnsafe<void>()
        response.on("close", () => {
          if (!response.writableFinished) Deferred.doneUnsafe(closed, Effect.void)
        })
        const exchange: Exchange = {
          index: exchanges.length,
          json: JSON.parse(Buffer.concat(chunks).toString("utf8")),
          send: (text) =>
            Effect.callback<void>((resume) => {
              sent.begun++
              if (!response.headersSent) response.writeHead(200, { "content-type": contentType })
              const taken = () => {
                sent.taken++
                resume(Effect.void)
              }
              if (response.write(text)) setImmediate(taken)
              else response.once("drain", taken)
            }),
          end: Effect.sync(() => response.end()),
          closed
        }
        exchanges.push(exchange)
        Effect.runForkWith(context)(Effect.forkScoped(answer(exchange)))
      })
    })
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => {
        server.listen(0, "127.0.0.1", () => resume(Effect.void))
      }),
      () =>
        Effect.callback<void>((resume) => {
          server.closeAllConnections()
          server.close(() => resume(Effect.void))
        })
    )
    const { port } = server.address() as AddressInfo
    return { url: `http://127.0.0.1:${port}`, exchanges, sent: () => ({ ...sent }) }
  })

/** Done when the vendor writes no more, since every buffer on the way is full: a write waits for who reads. */
export const standstill = (vendor: LiveVendor): Effect.Effect<ReturnType<LiveVendor["sent"]>> =>
  Effect.gen(function*() {
    let standing = vendor.sent()
    for (let still = 0; still < 10;) {
      yield* Effect.sleep("20 millis")
      const now = vendor.sent()
      still = now.taken === standing.taken ? still + 1 : 0
      standing = now
    }
    return standing
  })

/** Answers with a whole text, in these pieces. */
export const say = (wire: Wire, { end, send }: Exchange, pieces: ReadonlyArray<string>): Effect.Effect<void> =>
  Effect.gen(function*() {
    if (wire.begin !== "") yield* send(wire.begin)
    for (const piece of pieces) yield* send(wire.text(piece))
    yield* send(wire.end(pieces.join("")))
    yield* end
  })

/** Answers with calls of tools. */
export const call = (
  wire: Wire,
  { end, send }: Exchange,
  calls: ReadonlyArray<readonly [name: string, params: object]>
): Effect.Effect<void> => Effect.andThen(send(wire.calls(calls)), end)
