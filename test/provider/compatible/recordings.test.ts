/**
 * Recorded traffic of Chat Completions, of OpenAI, Azure, DeepSeek, Groq and OpenRouter, served over HTTP, through the
 * real SDK: it decodes to what an independent parser read from it, also when it is cut at every byte.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { OpenAiCompatible } from "../../../src/provider/compatible/index.ts"
import * as Collect from "../support/Collect.ts"
import * as Recordings from "../support/Recordings.ts"
import * as Recut from "../support/Recut.ts"

const recordings = Recordings.of("openai-chat")

const driver = (url: string, fetch?: typeof globalThis.fetch) =>
  Collect.driverOf(OpenAiCompatible.layer({
    name: "recorded",
    model: "any",
    apiKey: Redacted.make("test-key"),
    baseUrl: `${url}/v1`,
    ...(fetch === undefined ? undefined : { fetch })
  }))

const check = (recording: Recordings.Recording, parts: ReadonlyArray<unknown>): void => {
  const expect = recording.expect as Recordings.Expected & { readonly deltaReasoning: string }
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

Recordings.suite({
  title: "Chat Completions",
  recordings,
  driver,
  path: () => "/v1/chat/completions",
  check,
  checkError: ({ expect }, { reason }) => {
    const { code, message, status } = expect.error!
    assert.strictEqual(reason._tag, reasons[code!])
    assert.deepInclude(("metadata" in reason ? reason.metadata : {})["recorded"], { code, message, status })
  }
})

describe.skipIf(!Recordings.present)("a recorded stream of Chat Completions", () => {
  for (const recording of recordings.filter(({ streaming }) => streaming)) {
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
