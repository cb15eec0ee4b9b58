/**
 * Recorded traffic of the Gemini API, served over HTTP, through the real SDK: it decodes to what an independent parser
 * read from it, also when it is cut at every byte; and what came goes back as it came.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { type AiError, Prompt, type Response } from "effect/ai"
import * as Driver from "../../../src/agent/Driver.ts"
import * as GoogleMessages from "../../../src/provider/google/GoogleMessages.ts"
import * as Collect from "../support/Collect.ts"
import * as Recordings from "../support/Recordings.ts"
import * as Recut from "../support/Recut.ts"
import * as VendorServer from "../support/VendorServer.ts"
import * as Wire from "./fixtures/Wire.ts"

type Parts = ReadonlyArray<Response.StreamPartEncoded>

const recordings = Recordings.of("gemini")

const contentType = (recording: Recordings.Recording) =>
  recording.streaming ? "text/event-stream" : "application/json; charset=UTF-8"

const asked = (recording: Recordings.Recording) =>
  Collect.request("Hello", { options: { stream: recording.streaming } })

const call = (
  recording: Recordings.Recording,
  fetch?: typeof globalThis.fetch
): Effect.Effect<Parts, AiError.AiError, Scope.Scope> =>
  Effect.gen(function*() {
    const server = yield* VendorServer.make([{
      status: recording.status,
      headers: { ...recording.responseHeaders, "content-type": contentType(recording) },
      body: recording.body()
    }])
    const model = yield* Effect.orDie(Wire.driver(server.url, fetch === undefined ? {} : { fetch }))
    const parts = yield* Collect.parts(model, asked(recording))
    const method = recording.streaming ? "streamGenerateContent?alt=sse" : "generateContent"
    assert.strictEqual(server.requests[0]!.path, `/v1beta/models/gemini-3-flash:${method}`)
    return parts
  })

/** Ids that were made are different each time. */
const withoutIds = (parts: Parts) =>
  JSON.parse(JSON.stringify(parts).replaceAll(/fluxion_call_\w+/g, "made")) as unknown

const check = (recording: Recordings.Recording, parts: Parts) => {
  const expect = recording.expect as Recordings.Expected & {
    readonly deltaReasoning: string
    readonly signatures: number
  }
  const summary = Collect.summarize(parts)
  assert.deepStrictEqual(Collect.violations(parts), [])
  assert.strictEqual(summary.text, expect.text)
  assert.strictEqual(summary.reasoning, expect.deltaReasoning)
  assert.deepStrictEqual(
    summary.calls.map(({ name, params }) => ({ name, params })),
    expect.toolCalls.map(({ args, name }) => ({ name, params: args }))
  )
  assert.strictEqual(new Set(summary.calls.map(({ id }) => id)).size, expect.toolCalls.length)
  assert.strictEqual(summary.finish, expect.finish)
  assert.strictEqual(summary.responseId ?? null, expect.responseId)
  assert.strictEqual(summary.model, expect.model)
  const usage = expect.usage!
  assert.strictEqual(summary.usage?.inputTokens.total ?? null, usage["inputTotal"])
  assert.strictEqual(summary.usage?.inputTokens.cacheRead ?? null, usage["cacheRead"])
  assert.strictEqual(summary.usage?.outputTokens.total ?? 0, usage["outputTotal"])
  assert.strictEqual(summary.usage?.outputTokens.text ?? null, usage["candidates"])
  assert.strictEqual(summary.usage?.outputTokens.reasoning ?? null, usage["reasoning"])
  assert.strictEqual(JSON.stringify(parts).split(`"thoughtSignature"`).length - 1, expect.signatures)
}

/** The model's parts as Google sent them; a stream's pieces of text joined. */
const sent = (recording: Recordings.Recording): ReadonlyArray<any> => {
  const body = new TextDecoder().decode(recording.body())
  const chunks = recording.streaming
    ? body.split("\n\n").filter((event) => event.trim() !== "").map((event) => JSON.parse(event.slice(5)))
    : [JSON.parse(body)]
  const parts: Array<any> = []
  for (const chunk of chunks) {
    for (const part of chunk.candidates?.[0]?.content?.parts ?? []) {
      const last = parts.at(-1)
      if (part.text === "" && part.thoughtSignature === undefined) continue
      if (
        part.text !== undefined && part.thoughtSignature === undefined && last?.thought === part.thought
        && last?.text !== undefined && last.thoughtSignature === undefined
      ) last.text += part.text
      else parts.push({ ...part })
    }
  }
  return parts
}

const givenBack = (parts: Parts): ReadonlyArray<any> => {
  const content = Driver.joinParts(parts).flatMap((part): Array<any> =>
    part.type === "text" || part.type === "reasoning" || part.type === "tool-call"
      ? [{ ...part, options: part.metadata ?? {} }]
      : []
  )
  const prompt = Prompt.make([{ role: "user", content: "Hello" }, { role: "assistant", content }])
  return GoogleMessages.encodeAll(prompt.content, "level").contents.slice(1).flatMap(({ parts }) => parts ?? [])
}

describe.skipIf(!Recordings.present)("Google recordings (../shared/recordings)", () => {
  it("are there", () => assert.isAbove(recordings.length, 10))

  for (const recording of recordings.filter(({ expect }) => expect.error === undefined)) {
    it.effect(`${recording.file} decodes to what it says, and goes back as it came`, () =>
      Effect.gen(function*() {
        const parts = yield* call(recording)
        check(recording, parts)
        assert.deepStrictEqual(withoutIds(yield* call(recording, Recut.fetch(Recut.bytes))), withoutIds(parts))
        assert.deepStrictEqual(givenBack(parts), sent(recording))
      }))
  }

  for (const recording of recordings.filter(({ expect }) => expect.error !== undefined)) {
    it.effect(`${recording.file} fails with its typed error`, () =>
      Effect.gen(function*() {
        for (const fetch of [undefined, Recut.fetch(Recut.bytes)]) {
          const { message, reason } = yield* Effect.flip(call(recording, fetch))
          const expected = recording.expect.error!
          const metadata = ("metadata" in reason ? reason.metadata : {}) as any
          assert.deepInclude(metadata.google, {
            status: expected.status,
            type: expected.type,
            message: expected.message
          })
          if (expected.status === 429) {
            assert(reason._tag === "RateLimitError")
            assert.deepStrictEqual(reason.retryAfter?.toJSON(), { _id: "Duration", _tag: "Millis", millis: 34_400 })
          } else {
            assert.strictEqual(reason._tag, "InvalidRequestError")
            assert.include(message, `google has no model "gemini-3-flash"`)
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
        const model = yield* Wire.driver("http://127.0.0.1:9", {
          fetch: (input, init) => Recut.answer(body, Recut.at(cut), { contentType: "text/event-stream" })(input, init)
        })
        const whole = withoutIds(yield* Collect.parts(model))
        const step = Math.max(1, Math.floor(body.length / 150))
        for (cut = 1; cut < body.length; cut += step) {
          assert.deepStrictEqual(withoutIds(yield* Collect.parts(model)), whole)
        }
      }))
  }
})
