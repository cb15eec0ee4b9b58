/**
 * Recorded traffic of the Messages API, served over HTTP, through the real SDK: it decodes to what an independent
 * parser read from it, also when it is cut at every byte.
 */
import { assert } from "@effect/vitest"
import { Redacted } from "effect"
import type { Response } from "effect/ai"
import { Anthropic } from "../../../src/provider/anthropic/index.ts"
import * as Collect from "../support/Collect.ts"
import * as Recordings from "../support/Recordings.ts"

type Parts = ReadonlyArray<Response.StreamPartEncoded>

const driver = (url: string, fetch?: typeof globalThis.fetch) =>
  Collect.driverOf(Anthropic.layer({
    model: "claude-sonnet-4-6",
    apiKey: Redacted.make("test-key"),
    baseUrl: url,
    ...(fetch === undefined ? undefined : { fetch })
  }))

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

Recordings.suite({
  title: "Anthropic",
  recordings: Recordings.of("anthropic"),
  driver,
  path: () => "/v1/messages",
  check,
  checkError: ({ expect }, { reason }) => {
    const { message, status, type } = expect.error!
    assert(reason._tag === "InvalidRequestError")
    assert.deepInclude(reason.metadata["anthropic"], { status, type, message })
  }
})
