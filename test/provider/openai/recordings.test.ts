/**
 * Recorded traffic of the Responses API, served over HTTP, through the real SDK: it decodes to what an independent
 * parser read from it, also when it is cut at every byte.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, type Scope } from "effect"
import type { AiError } from "effect/ai"
import { OpenAi } from "../../../src/provider/openai/index.ts"
import * as Collect from "../support/Collect.ts"
import * as Recordings from "../support/Recordings.ts"
import * as Recut from "../support/Recut.ts"
import * as VendorServer from "../support/VendorServer.ts"

const recordings = Recordings.of("openai-responses")

const contentType = (recording: Recordings.Recording) => recording.streaming ? "text/event-stream" : "application/json"

const driver = (url: string, fetch?: typeof globalThis.fetch) =>
  Collect.driverOf(OpenAi.layer({
    model: "gpt-5",
    apiKey: Redacted.make("test-key"),
    baseUrl: `${url}/v1`,
    ...(fetch === undefined ? undefined : { fetch })
  }))

const call = (
  recording: Recordings.Recording,
  fetch?: typeof globalThis.fetch
): Effect.Effect<ReadonlyArray<unknown>, AiError.AiError, Scope.Scope> =>
  Effect.gen(function*() {
    const server = yield* VendorServer.make([{
      status: recording.status,
      headers: { "content-type": contentType(recording), ...recording.responseHeaders },
      body: recording.body()
    }])
    const model = yield* Effect.orDie(driver(server.url, fetch))
    return yield* Collect.parts(model, Collect.request("Hello", { options: { stream: recording.streaming } }))
  })

const check = (recording: Recordings.Recording, parts: ReadonlyArray<unknown>) => {
  const { expect } = recording
  const summary = Collect.summarize(parts as never)
  assert.deepStrictEqual(Collect.violations(parts as never), [])
  assert.strictEqual(summary.text, expect.text)
  assert.strictEqual(
    summary.reasoning,
    expect.reasoning.map((reasoning) => (reasoning.summary ?? "") + (reasoning.content ?? "")).join("")
  )
  assert.deepStrictEqual(
    summary.calls,
    expect.toolCalls.map(({ args, id, name }) => ({ id, name, params: args }))
  )
  assert.strictEqual(summary.finish, expect.finish)
  assert.strictEqual(summary.responseId, expect.responseId)
  assert.strictEqual(summary.model, expect.model)
  const usage = expect.usage!
  assert.strictEqual(summary.usage?.inputTokens.total, usage["inputTotal"])
  assert.strictEqual(summary.usage?.outputTokens.total, usage["outputTotal"])
  assert.strictEqual(summary.usage?.inputTokens.cacheRead ?? null, usage["cacheRead"])
  assert.strictEqual(summary.usage?.inputTokens.cacheWrite ?? null, usage["cacheWrite"])
  assert.strictEqual(summary.usage?.outputTokens.reasoning ?? null, usage["reasoning"])
  const encrypted = (parts as ReadonlyArray<any>).filter((part) =>
    part.metadata?.openai?.encryptedContent !== undefined
  )
  assert.strictEqual(encrypted.length, expect.reasoning.filter((reasoning) => reasoning.encrypted).length)
}

const reasons: { readonly [code: string]: string } = {
  insufficient_quota: "QuotaExhaustedError",
  // the recorded one asks for more tokens than a minute has
  rate_limit_exceeded: "QuotaExhaustedError",
  model_not_found: "InvalidRequestError"
}

describe.skipIf(!Recordings.present)("OpenAI recordings (../shared/recordings)", () => {
  for (const recording of recordings.filter(({ expect }) => expect.error === undefined)) {
    it.effect(`${recording.file} decodes to what it says`, () =>
      Effect.gen(function*() {
        const parts = yield* call(recording)
        check(recording, parts)
        const bytes = yield* call(recording, Recut.fetch(Recut.bytes))
        assert.deepStrictEqual(bytes, parts)
      }))
  }

  for (const recording of recordings.filter(({ expect }) => expect.error !== undefined)) {
    it.effect(`${recording.file} fails with its typed error`, () =>
      Effect.gen(function*() {
        for (const fetch of [undefined, Recut.fetch(Recut.bytes)]) {
          const error = yield* Effect.flip(call(recording, fetch))
          const { code, message } = recording.expect.error!
          assert.strictEqual(error.reason._tag, reasons[code!])
          const metadata = ("metadata" in error.reason ? error.reason.metadata : {}) as any
          assert.strictEqual(metadata.openai.code, code)
          assert.strictEqual(metadata.openai.message, message)
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
        const outcome = Effect.result(Collect.parts(model))
        const whole = yield* outcome
        const step = Math.max(1, Math.floor(body.length / 150))
        for (cut = 1; cut < body.length; cut += step) {
          const again = yield* outcome
          if (whole._tag === "Success") {
            assert.deepStrictEqual(again, whole)
          } else assert.strictEqual(again._tag === "Failure" && again.failure.message, whole.failure.message)
        }
      }))
  }
})
