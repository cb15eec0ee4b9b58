/**
 * Recorded traffic of the Responses API, served over HTTP, through the real SDK: it decodes to what an independent
 * parser read from it, also when it is cut at every byte.
 */
import { assert } from "@effect/vitest"
import { Redacted } from "effect"
import { OpenAi } from "../../../src/provider/openai/index.ts"
import * as Collect from "../support/Collect.ts"
import * as Recordings from "../support/Recordings.ts"

const driver = (url: string, fetch?: typeof globalThis.fetch) =>
  Collect.driverOf(OpenAi.layer({
    model: "gpt-5",
    apiKey: Redacted.make("test-key"),
    baseUrl: `${url}/v1`,
    ...(fetch === undefined ? undefined : { fetch })
  }))

const check = (recording: Recordings.Recording, parts: ReadonlyArray<unknown>): void => {
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

Recordings.suite({
  title: "OpenAI",
  recordings: Recordings.of("openai-responses"),
  driver,
  path: () => "/v1/responses",
  check,
  checkError: ({ expect }, { reason }) => {
    const { code, message } = expect.error!
    assert.strictEqual(reason._tag, reasons[code!])
    assert.deepInclude(("metadata" in reason ? reason.metadata : {})["openai"], { code, message })
  }
})
