/**
 * What goes wrong at Anthropic in its own way: one typed error each, that says what to do and holds no key. What goes wrong
 * everywhere is in the promise P11 and in `bad-input.test.ts`.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { Anthropic } from "../../../src/provider/anthropic/index.ts"
import * as Asking from "../support/Asking.ts"
import * as Collect from "../support/Collect.ts"
import * as VendorServer from "../support/VendorServer.ts"
import * as Wire from "./fixtures/Wire.ts"

const apiKey = "sk-ant-test-abcdefghijklmnop"

const driver = (url: string, options: Partial<Anthropic.Options> = {}) =>
  Collect.driverOf(
    Anthropic.layer({ model: "claude-sonnet-4-6", apiKey: Redacted.make(apiKey), baseUrl: url, ...options })
  )

const { ask, bothWays } = Asking.make(driver, apiKey)

const refusal = (
  status: number,
  type: string,
  message: string,
  more: { readonly headers?: Record<string, string>; readonly code?: string } = {}
): VendorServer.Reply => ({
  status,
  headers: { "content-type": "application/json", "x-should-retry": "true", "request-id": "req_1", ...more.headers },
  body: JSON.stringify({
    type: "error",
    error: { type, message, ...(more.code === undefined ? {} : { details: { error_code: more.code } }) },
    request_id: "req_1"
  })
})

const sse = { "content-type": "text/event-stream" }
const events = Wire.events(Wire.scenarios[0]!)

describe("Anthropic's refusals", () => {
  bothWays(
    "404: no such model",
    refusal(404, "not_found_error", "model: claude-sonet-4"),
    ({ isRetryable, message, reason }) => {
      assert.deepInclude(reason, { _tag: "InvalidRequestError", parameter: "model" })
      assert.isFalse(isRetryable)
      assert.include(message, `anthropic has no model "claude-sonnet-4-6"`)
    }
  )

  for (
    const [what, reply] of [
      ["no answer of the API's", { status: 404, body: "nothing here" }],
      ["the API's own answer", refusal(404, "not_found_error", "Not Found")]
    ] as const
  ) {
    bothWays(`404 at a wrong address: ${what}`, reply, ({ message, reason }) => {
      assert.strictEqual(reason._tag, "InvalidRequestError")
      assert.match(message, /check the address http:\/\/127\.0\.0\.1:\d+\/v1\/messages/)
    })
  }

  bothWays("404: no such file", refusal(404, "not_found_error", "File not found: file_1"), ({ message, reason }) => {
    assert.strictEqual(reason._tag, "InvalidRequestError")
    assert.notInclude(message, "check the address")
  })

  const spent = refusal(429, "rate_limit_error", "…", { code: "enforced_spend_limit_reached" })
  bothWays("429 at a limit on spending", spent, ({ isRetryable, reason }) => {
    assert.strictEqual(reason._tag, "QuotaExhaustedError")
    assert.isFalse(isRetryable)
  })

  for (
    const [type, tag] of [
      ["overloaded_error", "InternalProviderError"],
      ["api_error", "InternalProviderError"],
      ["rate_limit_error", "RateLimitError"],
      ["invalid_request_error", "InvalidRequestError"]
    ]
  ) {
    it.effect(`${type} inside of a stream, or with status 200, is classified by its type`, () =>
      Effect.gen(function*() {
        const error = { type: "error", error: { type, message: "Something is wrong" } }
        const streamed = yield* ask({ headers: sse, body: Wire.sse([...events.slice(0, 4), error]) }, true)
        assert.strictEqual(streamed.reason._tag, tag)
        assert.include(streamed.message + JSON.stringify(streamed.reason), "Something is wrong")
        const json = { headers: { "content-type": "application/json" }, body: JSON.stringify(error) }
        for (const stream of [true, false]) assert.strictEqual((yield* ask(json, stream)).reason._tag, tag)
      }))
  }
})

describe("what is no answer", () => {
  it.effect("JSON that is cut, and JSON of something else", () =>
    Effect.gen(function*() {
      const json = { "content-type": "application/json" }
      for (const body of [`{"id": "msg_1", "cont`, `{"choices": []}`, `{"type": "error"}`, `[]`, ``]) {
        const error = yield* ask({ headers: json, body }, false)
        assert.strictEqual(error.reason._tag, "InvalidResponseError", body)
      }
      const broken = yield* ask({ headers: sse, body: `event: message_start\ndata: {"type": "message_st\n\n` }, true)
      assert.strictEqual(broken.reason._tag, "InvalidResponseError")
    }))

  bothWays("invalid UTF-8", { headers: sse, body: Uint8Array.of(0xff, 0xfe, 0x80, 0x0a, 0x0a) }, (error, stream) => {
    assert.strictEqual(error.reason._tag, stream ? "NetworkError" : "InvalidResponseError")
  })

  it.effect("invalid UTF-8 inside of a delta becomes a replacement character", () =>
    Effect.gen(function*() {
      const [before, after] = Wire.sse(Wire.events({ blocks: [Wire.text("a~b")], end: {} })).split(`"text":"a~b"`)
      const encode = new TextEncoder()
      const body = [encode.encode(`${before}"text":"a`), Uint8Array.of(0xff), encode.encode(`b"${after}`)]
      const server = yield* VendorServer.make([{ headers: sse, body }])
      const model = yield* driver(server.url)
      assert.strictEqual(Collect.summarize(yield* Collect.parts(model)).text, "a\uFFFDb")
    }))
})
