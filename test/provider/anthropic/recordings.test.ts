/**
 * Recorded traffic of the Messages API, served over HTTP, through the real SDK: it decodes to what an independent
 * parser read from it, also when it is cut at every byte.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, type Scope } from "effect"
import type { AiError, Response } from "effect/ai"
import { Anthropic } from "../../../src/provider/anthropic/index.ts"
import * as Collect from "../support/Collect.ts"
import * as Recordings from "../support/Recordings.ts"
import * as Recut from "../support/Recut.ts"
import * as VendorServer from "../support/VendorServer.ts"

type Parts = ReadonlyArray<Response.StreamPartEncoded>

const recordings = Recordings.of("anthropic")

const contentType = (recording: Recordings.Recording) => recording.streaming ? "text/event-stream" : "application/json"

const driver = (url: string, fetch?: typeof globalThis.fetch) =>
  Collect.driverOf(Anthropic.layer({
    model: "claude-sonnet-4-6",
    apiKey: Redacted.make("test-key"),
    baseUrl: url,
    ...(fetch === undefined ? undefined : { fetch })
  }))

const call = (
  recording: Recordings.Recording,
  fetch?: typeof globalThis.fetch
): Effect.Effect<Parts, AiError.AiError, Scope.Scope> =>
  Effect.gen(function*() {
    const server = yield* VendorServer.make([{
      status: recording.status,
      headers: { "content-type": contentType(recording), ...recording.responseHeaders },
      body: recording.body()
    }])
    const model = yield* Effect.orDie(driver(server.url, fetch))
    return yield* Collect.parts(model, Collect.request("Hello", { options: { stream: recording.streaming } }))
  })

const kept = (part: Response.StreamPartEncoded): any => part.metadata?.["anthropic"] ?? {}

const check = (recording: Recordings.Recording, parts: Parts) => {
  const expect = recording.expect as Recordings.Expected & {
    readonly stopSequence: unknown
    readonly stopDetails: unknown
  }
  const summary = Collect.summarize(parts)
  assert.deepStrictEqual(Collect.violations(parts), [])
  assert.strictEqual(summary.text, expect.text)
  assert.strictEqual(summary.reasoning, expect.reasoning.map(({ text }) => text ?? "").join(""))
  assert.deepStrictEqual(summary.calls, expect.toolCalls.map(({ args, id, name }) => ({ id, name, params: args })))
  assert.strictEqual(summary.finish, expect.finish)
  assert.strictEqual(summary.responseId, expect.responseId)
  assert.strictEqual(summary.model, expect.model)
  const usage = expect.usage!
  assert.strictEqual(summary.usage?.inputTokens.total, usage["inputTotal"])
  assert.strictEqual(summary.usage?.inputTokens.uncached, usage["inputUncached"])
  assert.strictEqual(summary.usage?.inputTokens.cacheRead ?? 0, usage["cacheRead"])
  assert.strictEqual(summary.usage?.inputTokens.cacheWrite ?? 0, usage["cacheWrite"])
  assert.strictEqual(summary.usage?.outputTokens.total, usage["outputTotal"])
  assert.strictEqual(summary.usage?.outputTokens.reasoning ?? null, usage["reasoning"])

  const finish = kept(parts.at(-1)!)
  assert.strictEqual(finish.stopReason, expect.finishRaw)
  assert.deepStrictEqual(finish.stopSequence ?? null, expect.stopSequence)
  assert.deepStrictEqual(finish.stopDetails ?? null, expect.stopDetails)
  const thoughts = parts.filter((part) => part.type === "reasoning-end").map(kept)
  assert.deepStrictEqual(
    thoughts.map(({ redactedData, signature }) => redactedData?.length ?? signature.length > 0),
    expect.reasoning.map((reasoning: any) => reasoning.redacted === true ? reasoning.dataLength : reasoning.signature)
  )
  const hosted = parts.filter((part) => "providerExecuted" in part).map((part) => kept(part).type)
  assert.deepStrictEqual(hosted, [...expect.providerItems])
}

describe.skipIf(!Recordings.present)("Anthropic recordings (../shared/recordings)", () => {
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
          const { reason } = yield* Effect.flip(call(recording, fetch))
          const { message, status, type } = recording.expect.error!
          assert(reason._tag === "InvalidRequestError")
          assert.deepInclude(reason.metadata["anthropic"], { status, type, message })
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
        const step = Math.max(1, Math.floor(body.length / 150))
        for (cut = 1; cut < body.length; cut += step) {
          assert.deepStrictEqual(yield* Collect.parts(model), whole)
        }
      }))
  }
})
