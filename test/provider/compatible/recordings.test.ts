/**
 * Recorded traffic of Chat Completions, of OpenAI, Azure, DeepSeek, Groq and OpenRouter, served over HTTP, through the
 * real SDK: it decodes to what an independent parser read from it, also when it is cut at every byte.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, type Scope } from "effect"
import type { AiError } from "effect/ai"
import { OpenAiCompatible } from "../../../src/provider/compatible/index.ts"
import * as Collect from "../support/Collect.ts"
import * as Recordings from "../support/Recordings.ts"
import * as Recut from "../support/Recut.ts"
import * as VendorServer from "../support/VendorServer.ts"

interface Expected extends Omit<Recordings.Expected, "reasoning"> {
  readonly deltaReasoning: string
}

interface Recording extends Omit<Recordings.Recording, "expect"> {
  readonly expect: Expected
}

const recordings = Recordings.of("openai-chat") as unknown as ReadonlyArray<Recording>

const contentType = (recording: Recording) => recording.streaming ? "text/event-stream" : "application/json"

const driver = (url: string, fetch?: typeof globalThis.fetch) =>
  Collect.driverOf(OpenAiCompatible.layer({
    name: "recorded",
    model: "any",
    apiKey: Redacted.make("test-key"),
    baseUrl: `${url}/v1`,
    ...(fetch === undefined ? undefined : { fetch })
  }))

const call = (
  recording: Recording,
  fetch?: typeof globalThis.fetch,
  stream = recording.streaming
): Effect.Effect<ReadonlyArray<unknown>, AiError.AiError, Scope.Scope> =>
  Effect.gen(function*() {
    const server = yield* VendorServer.make([{
      status: recording.status,
      headers: { "content-type": contentType(recording), ...recording.responseHeaders },
      body: recording.body()
    }])
    const model = yield* Effect.orDie(driver(server.url, fetch))
    return yield* Collect.parts(model, Collect.request("Hello", { options: { stream } }))
  })

const check = ({ expect }: Recording, parts: ReadonlyArray<unknown>) => {
  const summary = Collect.summarize(parts as never)
  assert.deepStrictEqual(Collect.violations(parts as never), [])
  // a refusal is given as text, and ends the response as a filter does
  assert.strictEqual(summary.text, expect.text + (expect.refusal ?? ""))
  assert.strictEqual(summary.finish, expect.refusal === null ? expect.finish : "content-filter")
  assert.strictEqual(summary.reasoning, expect.deltaReasoning)
  assert.deepStrictEqual(summary.calls, expect.toolCalls.map(({ args, id, name }) => ({ id, name, params: args })))
  assert.strictEqual(summary.responseId, expect.responseId)
  assert.strictEqual(summary.model, expect.model)
  const { usage } = expect
  assert.strictEqual(summary.usage?.inputTokens.total ?? null, usage?.["inputTotal"] ?? null)
  assert.strictEqual(summary.usage?.outputTokens.total ?? null, usage?.["outputTotal"] ?? null)
  assert.strictEqual(summary.usage?.inputTokens.cacheRead ?? null, usage?.["cacheRead"] ?? null)
  assert.strictEqual(summary.usage?.inputTokens.cacheWrite ?? null, usage?.["cacheWrite"] ?? null)
  assert.strictEqual(summary.usage?.outputTokens.reasoning ?? null, usage?.["reasoning"] ?? null)
}

const reasons: { readonly [code: string]: string } = {
  model_not_found: "InvalidRequestError",
  tool_use_failed: "InvalidOutputError"
}

describe.skipIf(!Recordings.present)("recordings of Chat Completions (../shared/recordings)", () => {
  for (const recording of recordings.filter(({ expect }) => expect.error === undefined)) {
    it.effect(`${recording.file} decodes to what it says`, () =>
      Effect.gen(function*() {
        const parts = yield* call(recording)
        check(recording, parts)
        assert.deepStrictEqual(yield* call(recording, Recut.fetch(Recut.bytes)), parts)
        // a server that answers whole where a stream was asked for
        if (!recording.streaming) assert.deepStrictEqual(yield* call(recording, undefined, true), parts)
      }))
  }

  for (const recording of recordings.filter(({ expect }) => expect.error !== undefined)) {
    it.effect(`${recording.file} fails with its typed error`, () =>
      Effect.gen(function*() {
        for (const fetch of [undefined, Recut.fetch(Recut.bytes)]) {
          for (const stream of [true, false]) {
            const error = yield* Effect.flip(call(recording, fetch, stream))
            const { code, message, status } = recording.expect.error!
            assert.strictEqual(error.reason._tag, reasons[code!])
            const metadata = ("metadata" in error.reason ? error.reason.metadata : {}) as any
            assert.deepInclude(metadata.recorded, { code, message, status })
          }
        }
      }))
  }

  // Without a network, since every offset of every stream is many responses.
  for (const recording of recordings.filter(({ streaming }) => streaming)) {
    it.effect(`${recording.file} gives the same parts wherever it is cut in two`, () =>
      Effect.gen(function*() {
        const body = recording.body()
        let cut = 0
        const model = yield* driver("http://127.0.0.1:9", (input, init) =>
          Recut.answer(body, Recut.at(cut), { contentType: "text/event-stream" })(input, init))
        const whole = yield* Collect.parts(model)
        check(recording, whole)
        const step = Math.max(1, Math.floor(body.length / 300))
        for (cut = 1; cut < body.length; cut += step) {
          assert.deepStrictEqual(yield* Collect.parts(model), whole)
        }
      }))

    it.effect(`${recording.file} is an answer only when it is whole`, () =>
      Effect.gen(function*() {
        const body = recording.body()
        // before the chunk that says why it ends
        const end = new TextDecoder().decode(body).indexOf(`"finish_reason":"`)
        let length = 0
        const model = yield* driver("http://127.0.0.1:9", (input, init) =>
          Recut.answer(body.subarray(0, length), Recut.at(0), { contentType: "text/event-stream" })(input, init))
        const step = Math.max(1, Math.floor(end / 50))
        for (length = 0; length < end; length += step) {
          assert.strictEqual((yield* Effect.flip(Collect.parts(model))).reason._tag, "NetworkError")
        }
      }))
  }
})
