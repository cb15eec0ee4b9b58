/**
 * What goes wrong at OpenAI, on the way, or before: one typed error each, that says what to do and holds no key.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Fiber, Redacted, Stream } from "effect"
import type { AiError } from "effect/ai"
import { TestClock } from "effect/testing"
import { OpenAi } from "../../../src/provider/openai/index.ts"
import * as Collect from "../support/Collect.ts"
import * as VendorServer from "../support/VendorServer.ts"
import * as Wire from "./fixtures/Wire.ts"

const apiKey = "sk-test-abcdefghijklmnop"

const driver = (url: string, options: Partial<OpenAi.Options> = {}) =>
  Collect.driverOf(OpenAi.layer({ model: "gpt-5", apiKey: Redacted.make(apiKey), baseUrl: `${url}/v1`, ...options }))

const ask = (reply: VendorServer.Reply, stream: boolean, options: Partial<OpenAi.Options> = {}) =>
  Effect.gen(function*() {
    const server = yield* VendorServer.make([reply])
    const model = yield* driver(server.url, options)
    const error = yield* Effect.flip(Collect.parts(model, Collect.request("Hi", { options: { stream } })))
    assert.strictEqual(server.requests.length, 1, "nobody but the caller retries")
    assert.notInclude(JSON.stringify(error) + error.message, apiKey)
    return error
  })

const refusal = (status: number, error: object, headers: Record<string, string> = {}): VendorServer.Reply => ({
  status,
  headers: { "content-type": "application/json", ...headers },
  body: JSON.stringify({ error })
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

describe("OpenAI's refusals", () => {
  bothWays(
    "401: the key is wrong",
    refusal(401, {
      message: `Incorrect API key provided: ${apiKey}.`,
      type: "invalid_request_error",
      code: "invalid_api_key"
    }),
    ({ isRetryable, message, reason }) => {
      assert.strictEqual(reason._tag, "AuthenticationError")
      assert.deepInclude(reason, { kind: "InvalidKey" })
      assert.isFalse(isRetryable)
      assert.include(message, "check the API key")
    }
  )

  bothWays("403: not allowed", refusal(403, { message: "Project has no access", code: null }), ({ reason }) => {
    assert.deepInclude(reason, { _tag: "AuthenticationError", kind: "InsufficientPermissions" })
  })

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

  bothWays(
    "400: the context is full",
    refusal(400, {
      message: "Your input exceeds the context window.",
      code: "context_length_exceeded",
      param: "input"
    }),
    ({ reason }) => {
      assert(reason._tag === "InvalidRequestError")
      assert.deepStrictEqual(reason.metadata["fluxion"], { contextLengthExceeded: true })
      assert.deepInclude(reason.metadata["openai"], { code: "context_length_exceeded", status: 400 })
    }
  )

  for (
    const [title, headers, seconds] of [
      ["retry-after: 7", { "retry-after": "7" }, 7],
      ["retry-after: 86400", { "retry-after": "86400" }, 86400],
      ["retry-after-ms: 1500", { "retry-after-ms": "1500", "retry-after": "2" }, 1.5],
      ["an HTTP date", { "retry-after": "Thu, 01 Jan 1970 00:00:30 GMT" }, 30],
      ["x-ratelimit-reset-tokens", { "x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6m1s" }, 361],
      ["no time", {}, undefined]
    ] as const
  ) {
    bothWays(
      `429 with ${title}`,
      refusal(429, { message: "Rate limit reached", code: "rate_limit_exceeded" }, headers),
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

  bothWays("429 without credit", refusal(429, { message: "No credit", code: "insufficient_quota" }), (error) => {
    assert.strictEqual(error.reason._tag, "QuotaExhaustedError")
    assert.isFalse(error.isRetryable)
  })

  for (const status of [408, 500, 503, 529]) {
    bothWays(`${status}: it may pass`, refusal(status, { message: "overloaded" }), ({ isRetryable, reason }) => {
      assert.strictEqual(reason._tag, "InternalProviderError")
      assert.isTrue(isRetryable)
    })
  }

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
  const page = "<!DOCTYPE html>\n<html><body><h1>Sign in</h1></body></html>"

  bothWays(
    "a web page",
    { headers: { "content-type": "text/html" }, body: page },
    ({ isRetryable, message, reason }) => {
      assert.strictEqual(reason._tag, "InvalidResponseError")
      assert.isFalse(isRetryable)
      assert.include(message, "<h1>Sign in</h1>")
      assert.include(message, "/v1/responses is the vendor's API")
    }
  )

  bothWays("a gateway's web page", { status: 502, headers: { "content-type": "text/html" }, body: page }, (error) => {
    assert.strictEqual(error.reason._tag, "InternalProviderError")
    assert.include(error.message, "Sign in")
  })

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

  it.effect("a malformed event fails, after giving what came before it, and is shown", () =>
    Effect.gen(function*() {
      const server = yield* VendorServer.make([
        { headers: sse, body: `${Wire.sse(events.slice(0, 8))}data: {"type": "response.outp\n\n` }
      ])
      const model = yield* driver(server.url)
      const seen: Array<string> = []
      const error = yield* model.stream(Collect.request("Hi")).pipe(
        Stream.runForEach((part) => Effect.sync(() => seen.push(part.type))),
        Effect.flip
      )
      assert.strictEqual(error.reason._tag, "InvalidResponseError")
      assert.include(error.message, `{"type": "response.outp`)
      assert.include(seen, "text-delta")
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
