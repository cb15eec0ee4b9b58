/**
 * What goes wrong at Anthropic, on the way, or before: one typed error each, that says what to do and holds no key.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Fiber, Redacted, Stream } from "effect"
import type { AiError } from "effect/ai"
import { TestClock } from "effect/testing"
import { Anthropic } from "../../../src/provider/anthropic/index.ts"
import * as Collect from "../support/Collect.ts"
import * as VendorServer from "../support/VendorServer.ts"
import * as Wire from "./fixtures/Wire.ts"

const apiKey = "sk-ant-test-abcdefghijklmnop"

const driver = (url: string, options: Partial<Anthropic.Options> = {}) =>
  Collect.driverOf(
    Anthropic.layer({ model: "claude-sonnet-4-6", apiKey: Redacted.make(apiKey), baseUrl: url, ...options })
  )

const ask = (reply: VendorServer.Reply, stream: boolean, options: Partial<Anthropic.Options> = {}) =>
  Effect.gen(function*() {
    const server = yield* VendorServer.make([reply])
    const model = yield* driver(server.url, options)
    const error = yield* Effect.flip(Collect.parts(model, Collect.request("Hi", { options: { stream } })))
    assert.strictEqual(server.requests.length, 1, "nobody but the caller retries")
    assert.notInclude(JSON.stringify(error) + error.message, apiKey)
    return error
  })

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

const bothWays = (
  title: string,
  reply: VendorServer.Reply,
  check: (error: AiError.AiError, stream: boolean) => void
) => {
  for (const stream of [true, false]) {
    it.effect(`${title} (${stream ? "streamed" : "whole"})`, () =>
      Effect.map(ask(reply, stream), (error) => check(error, stream)))
  }
}

const sse = { "content-type": "text/event-stream" }
const events = Wire.events(Wire.scenarios[0]!)

describe("Anthropic's refusals", () => {
  bothWays(
    "401: the key is wrong",
    refusal(401, "authentication_error", `invalid x-api-key ${apiKey}`),
    ({ isRetryable, message, reason }) => {
      assert(reason._tag === "AuthenticationError")
      assert.strictEqual(reason.kind, "InvalidKey")
      assert.isFalse(isRetryable)
      assert.include(message, "check the API key")
      assert.deepInclude(reason.metadata["anthropic"], { requestId: "req_1" })
    }
  )

  bothWays("403: not allowed", refusal(403, "permission_error", "Your key may not use it"), ({ reason }) => {
    assert.deepInclude(reason, { _tag: "AuthenticationError", kind: "InsufficientPermissions" })
  })

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

  for (
    const message of [
      "prompt is too long: 208310 tokens > 200000 maximum",
      "input length and `max_tokens` exceed context limit: 199000 + 4096 > 200000"
    ]
  ) {
    bothWays(`400: ${message}`, refusal(400, "invalid_request_error", message), ({ reason }) => {
      assert(reason._tag === "InvalidRequestError")
      assert.deepStrictEqual(reason.metadata["fluxion"], { contextLengthExceeded: true })
      assert.deepInclude(reason.metadata["anthropic"], { type: "invalid_request_error", status: 400 })
    })
  }

  bothWays("413: too many bytes", refusal(413, "request_too_large", "Request exceeds the maximum size"), (error) => {
    assert.strictEqual(error.reason._tag, "InvalidRequestError")
    assert.isFalse(error.isRetryable)
  })

  bothWays(
    "400: a signature that Anthropic did not make",
    refusal(400, "invalid_request_error", "messages.1.content.0: Invalid `signature` in `thinking` block"),
    ({ message, reason }) => {
      assert.strictEqual(reason._tag, "InvalidRequestError")
      assert.include(message, "leave reasoning out of the history")
    }
  )

  for (
    const [title, headers, seconds] of [
      ["retry-after: 7", { "retry-after": "7" }, 7],
      ["retry-after: 86400", { "retry-after": "86400" }, 86400],
      ["an HTTP date", { "retry-after": "Thu, 01 Jan 1970 00:00:30 GMT" }, 30],
      ["no time", {}, undefined]
    ] as const
  ) {
    bothWays(
      `429 with ${title}`,
      refusal(429, "rate_limit_error", "This request would exceed your rate limit", { headers }),
      ({ isRetryable, reason }) => {
        assert(reason._tag === "RateLimitError")
        assert.isTrue(isRetryable)
        assert.strictEqual(
          reason.retryAfter === undefined ? undefined : Duration.toSeconds(reason.retryAfter),
          seconds
        )
      }
    )
  }

  for (
    const [title, reply] of [
      ["402: billing", refusal(402, "billing_error", "Payment required")],
      ["400 without credit", refusal(400, "invalid_request_error", "Your credit balance is too low to access the API")],
      ["429 at a limit on spending", refusal(429, "rate_limit_error", "…", { code: "enforced_spend_limit_reached" })]
    ] as const
  ) {
    bothWays(title, reply, (error) => {
      assert.strictEqual(error.reason._tag, "QuotaExhaustedError")
      assert.isFalse(error.isRetryable)
    })
  }

  for (
    const [status, type] of [[408, "timeout_error"], [500, "api_error"], [503, "api_error"], [
      529,
      "overloaded_error"
    ]] as const
  ) {
    bothWays(`${status}: it may pass`, refusal(status, type, "Overloaded"), ({ isRetryable, reason }) => {
      assert.strictEqual(reason._tag, "InternalProviderError")
      assert.isTrue(isRetryable)
    })
  }

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
  const page = "<!DOCTYPE html>\n<html><body><h1>Sign in</h1></body></html>"

  bothWays(
    "a web page",
    { headers: { "content-type": "text/html" }, body: page },
    ({ isRetryable, message, reason }) => {
      assert.strictEqual(reason._tag, "InvalidResponseError")
      assert.isFalse(isRetryable)
      assert.include(message, "<h1>Sign in</h1>")
      assert.include(message, "/v1/messages is the vendor's API")
    }
  )

  bothWays("a gateway's web page", { status: 502, headers: { "content-type": "text/html" }, body: page }, (error) => {
    assert.strictEqual(error.reason._tag, "InternalProviderError")
    assert.include(error.message, "Sign in")
  })

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

describe("connections that break", () => {
  const begun = Wire.sse(events.slice(0, 8))

  it.effect("a stream that is cut fails, after giving what came", () =>
    Effect.gen(function*() {
      const server = yield* VendorServer.make([{ headers: sse, body: begun, after: "cut" }])
      const model = yield* driver(server.url)
      let text = ""
      const error = yield* model.stream(Collect.request("Hi")).pipe(
        Stream.runForEach((part) => Effect.sync(() => text += part.type === "text-delta" ? part.delta : "")),
        Effect.flip
      )
      assert.isTrue(Wire.scenarios[0]!.expect.text!.startsWith(text))
      assert.isAbove(text.length, 0)
      assert.deepInclude(error.reason, { _tag: "NetworkError", reason: "TransportError" })
      assert.isTrue(error.isRetryable)
      assert.include(error.message, "the connection broke before the answer was complete")
    }))

  it.effect("a stream that ends early without an error fails too", () =>
    Effect.gen(function*() {
      const error = yield* ask({ headers: sse, body: begun }, true)
      assert.deepInclude(error.reason, { _tag: "NetworkError", reason: "TransportError" })
      assert.include(error.message, "ended before it was complete")
    }))

  it.effect("a whole response that is cut fails", () =>
    Effect.gen(function*() {
      const reply = { headers: { "content-type": "application/json" }, body: `{"id":`, after: "cut" } as const
      const error = yield* ask(reply, false)
      assert.strictEqual(error.reason._tag, "NetworkError")
    }))

  it.effect("nobody listens", () =>
    Effect.gen(function*() {
      for (const stream of [true, false]) {
        const model = yield* driver("http://127.0.0.1:1")
        const error = yield* Effect.flip(Collect.parts(model, Collect.request("Hi", { options: { stream } })))
        assert.deepInclude(error.reason, { _tag: "NetworkError", reason: "TransportError" })
        assert.match(error.message, /ECONNREFUSED|bad port/)
      }
    }))

  for (
    const [what, reply] of [
      ["before its first byte", { silent: true }],
      ["in the middle", { headers: sse, body: begun, after: "hang" }]
    ] as const
  ) {
    it.effect(`a stream that is silent ${what} fails after the idle timeout, and the request is aborted`, () =>
      Effect.gen(function*() {
        const server = yield* VendorServer.make([reply])
        const model = yield* driver(server.url, { idleTimeout: "45 seconds" })
        const fiber = yield* Effect.forkChild(Effect.flip(Collect.parts(model)))
        const request = yield* server.request(0)
        yield* Deferred.await(request.begun)
        yield* TestClock.adjust("44 seconds")
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust("45 seconds")
        const error = yield* Fiber.join(fiber)
        assert.deepInclude(error.reason, { _tag: "NetworkError", reason: "TransportError" })
        assert.include(error.message, "nothing came from the vendor for 45s")
        yield* Deferred.await(request.closed)
      }))
  }

  it.effect("a whole response may be silent up to its own timeout", () =>
    Effect.gen(function*() {
      const server = yield* VendorServer.make([{ silent: true }])
      const model = yield* driver(server.url, { idleTimeout: "1 second", timeout: "30 minutes" })
      const fiber = yield* Effect.forkChild(
        Effect.flip(Collect.parts(model, Collect.request("Hi", { options: { stream: false } })))
      )
      yield* server.request(0)
      yield* TestClock.adjust("29 minutes")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual((yield* Fiber.join(fiber)).reason._tag, "NetworkError")
    }))
})
