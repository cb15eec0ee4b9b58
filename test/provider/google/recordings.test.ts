/**
 * Recorded traffic of the Gemini API, served over HTTP, through the real SDK: it decodes to what an independent parser
 * read from it, also when it is cut at every byte; and what came goes back as it came.
 */
import { assert } from "@effect/vitest"
import { Prompt, type Response } from "effect/ai"
import * as Driver from "../../../src/agent/Driver.ts"
import * as GoogleMessages from "../../../src/provider/google/GoogleMessages.ts"
import * as Collect from "../support/Collect.ts"
import * as Recordings from "../support/Recordings.ts"
import * as Wire from "./fixtures/Wire.ts"

type Parts = ReadonlyArray<Response.StreamPartEncoded>

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

Recordings.suite({
  title: "Google",
  recordings: Recordings.of("gemini"),
  driver: (url, fetch) => Wire.driver(url, fetch === undefined ? {} : { fetch }),
  path: ({ streaming }) =>
    `/v1beta/models/gemini-3-flash:${streaming ? "streamGenerateContent?alt=sse" : "generateContent"}`,
  check: (recording, parts) => {
    check(recording, parts)
    // it goes back as it came
    assert.deepStrictEqual(givenBack(parts), sent(recording))
  },
  checkError: ({ expect }, { message, reason }) => {
    const expected = expect.error!
    assert.deepInclude(("metadata" in reason ? reason.metadata : {})["google"], {
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
  },
  normalize: withoutIds
})
