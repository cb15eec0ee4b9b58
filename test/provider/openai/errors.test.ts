/**
 * What goes wrong at OpenAI in its own way: one typed error each, that says what to do and holds no key. What goes wrong
 * everywhere is in the promise P11 and in `bad-input.test.ts`.
 */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Redacted } from "effect"
import { OpenAi } from "../../../src/provider/openai/index.ts"
import * as Asking from "../support/Asking.ts"
import * as Collect from "../support/Collect.ts"
import * as VendorServer from "../support/VendorServer.ts"
import * as Wire from "./fixtures/Wire.ts"

const apiKey = "sk-test-abcdefghijklmnop"

const driver = (url: string, options: Partial<OpenAi.Options> = {}) =>
  Collect.driverOf(OpenAi.layer({ model: "gpt-5", apiKey: Redacted.make(apiKey), baseUrl: `${url}/v1`, ...options }))

const { ask, bothWays } = Asking.make(driver, apiKey)

const refusal = (status: number, error: object, headers: Record<string, string> = {}): VendorServer.Reply => ({
  status,
  headers: { "content-type": "application/json", ...headers },
  body: JSON.stringify({ error })
})

const sse = { "content-type": "text/event-stream" }
const events = Wire.events(Wire.scenarios[0]!)

describe("OpenAI's refusals", () => {
  for (const status of [400, 404]) {
    bothWays(
      `${status}: no such model`,
      refusal(status, { message: "The model 'gpt-6' does not exist.", code: "model_not_found", param: "model" }),
      ({ isRetryable, message, reason }) => {
        assert.deepInclude(reason, { _tag: "InvalidRequestError", parameter: "model" })
        assert.isFalse(isRetryable)
        assert.include(message, `openai has no model "gpt-5"`)
      }
    )
  }

  bothWays("404 at a wrong address", { status: 404, body: "nothing here" }, ({ message, reason }) => {
    assert.strictEqual(reason._tag, "InvalidRequestError")
    assert.match(message, /check the address http:\/\/127\.0\.0\.1:\d+\/v1\/responses/)
  })

  bothWays("a prompt that a filter refuses", refusal(400, { message: "no", code: "content_filter" }), ({ reason }) => {
    assert.strictEqual(reason._tag, "ContentPolicyError")
  })

  it.effect("an error inside of the stream is classified by its code", () =>
    Effect.gen(function*() {
      const nested = {
        type: "error",
        error: { type: "tokens", code: "rate_limit_exceeded", message: "try again in 1.5s" }
      }
      const error = yield* ask({ headers: sse, body: Wire.sse([...events.slice(0, 4), nested]) }, true)
      assert(error.reason._tag === "RateLimitError")
      assert.strictEqual(Duration.toMillis(error.reason.retryAfter!), 1500)
      const flat = { type: "error", code: "server_error", message: "oops", param: null, sequence_number: 3 }
      const other = yield* ask({ headers: sse, body: `data: ${JSON.stringify(flat)}\n\n` }, true)
      assert.strictEqual(other.reason._tag, "InternalProviderError")
    }))

  it.effect("a response that failed is an error, not an answer", () =>
    Effect.gen(function*() {
      const end = { status: "failed", error: { code: "invalid_image_url", message: "no image there" } }
      const streamed = yield* ask({ headers: sse, body: Wire.sse(Wire.events({ items: [], end })) }, true)
      assert.strictEqual(streamed.reason._tag, "InvalidRequestError")
    }))
})

describe("what is no answer", () => {
  it.effect("JSON that is cut, and JSON of something else", () =>
    Effect.gen(function*() {
      const json = { "content-type": "application/json" }
      for (const body of [`{"id": "resp_1", "outp`, `{"choices": []}`, `[]`, ``]) {
        const error = yield* ask({ headers: json, body }, false)
        assert.strictEqual(error.reason._tag, "InvalidResponseError", body)
      }
      const broken = yield* ask({ headers: sse, body: `data: {"type": "response.cre\n\n` }, true)
      assert.strictEqual(broken.reason._tag, "InvalidResponseError")
    }))

  bothWays(
    "invalid UTF-8",
    { headers: sse, body: Uint8Array.of(0xff, 0xfe, 0x80, 0x0a, 0x0a) },
    ({ message, reason }) => {
      assert.strictEqual(reason._tag, "InvalidResponseError")
      assert.include(message, "UTF-8")
    }
  )
})
