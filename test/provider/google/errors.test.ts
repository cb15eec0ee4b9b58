/**
 * What goes wrong at Google, on the way, or before: one typed error each, that says what to do and holds no key.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Fiber, Stream } from "effect"
import type { AiError } from "effect/ai"
import { TestClock } from "effect/testing"
import type { Google } from "../../../src/provider/google/index.ts"
import * as Collect from "../support/Collect.ts"
import * as Recut from "../support/Recut.ts"
import * as VendorServer from "../support/VendorServer.ts"
import * as Wire from "./fixtures/Wire.ts"

const ask = (reply: VendorServer.Reply, stream: boolean, options: Partial<Google.Options> = {}) =>
  Effect.gen(function*() {
    const server = yield* VendorServer.make([reply])
    const model = yield* Wire.driver(server.url, options)
    const error = yield* Effect.flip(Collect.parts(model, Collect.request("Hi", { options: { stream } })))
    assert.strictEqual(server.requests.length, 1, "nobody but the caller retries")
    assert.notInclude(JSON.stringify(error) + error.message, Wire.apiKey)
    return error
  })

const info = (type: string, fields: object) => ({ "@type": `type.googleapis.com/google.rpc.${type}`, ...fields })

const refusal = (
  code: number,
  status: string,
  message: string,
  details: ReadonlyArray<object> = [],
  headers: Record<string, string> = {}
): VendorServer.Reply => ({
  status: code,
  headers: { ...Wire.jsonHeaders, ...headers },
  body: JSON.stringify({ error: { code, message, status, details } })
})

const bothWays = (
  title: string,
  reply: VendorServer.Reply,
  check: (error: AiError.AiError, stream: boolean) => void
) => {
  for (const stream of [true, false]) {
    it.effect(
      `${title} (${stream ? "streamed" : "whole"})`,
      () => Effect.map(ask(reply, stream), (error) => check(error, stream))
    )
  }
}

const quota = (quotaId: string) => info("QuotaFailure", { violations: [{ quotaId }] })
const perMinute = quota("GenerateRequestsPerMinutePerProjectPerModel-FreeTier")
const perDay = quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier")
const chunks = Wire.chunks(Wire.scenario("a text"))

describe("Google's refusals", () => {
  bothWays(
    "400: the key is wrong",
    refusal(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", [
      info("ErrorInfo", { reason: "API_KEY_INVALID", domain: "googleapis.com" })
    ]),
    ({ isRetryable, message, reason }) => {
      assert.deepInclude(reason, { _tag: "AuthenticationError", kind: "InvalidKey" })
      assert.isFalse(isRetryable)
      assert.include(message, "check the API key")
    }
  )

  bothWays("401: no key of Google's", refusal(401, "UNAUTHENTICATED", "Expected OAuth 2 token"), ({ reason }) => {
    assert.deepInclude(reason, { _tag: "AuthenticationError", kind: "InvalidKey" })
  })

  bothWays("403: not allowed", refusal(403, "PERMISSION_DENIED", "no access"), ({ reason }) => {
    assert.deepInclude(reason, { _tag: "AuthenticationError", kind: "InsufficientPermissions" })
  })

  bothWays(
    "404: no such model",
    refusal(404, "NOT_FOUND", "models/gemini-9 is not found for API version v1beta"),
    ({ isRetryable, message, reason }) => {
      assert.strictEqual(reason._tag, "InvalidRequestError")
      assert.isFalse(isRetryable)
      assert.include(message, `google has no model "gemini-3-flash"`)
    }
  )

  bothWays("404 at a wrong address", { status: 404, body: "nothing here" }, ({ message, reason }) => {
    assert.strictEqual(reason._tag, "InvalidRequestError")
    assert.match(message, /check the address http:\/\/127\.0\.0\.1:\d+\/v1beta\/models\/gemini-3-flash:/)
  })

  bothWays(
    "400: the context is full",
    refusal(
      400,
      "INVALID_ARGUMENT",
      "The input token count (1048600) exceeds the maximum number of tokens allowed (1048576)."
    ),
    ({ message, reason }) => {
      assert(reason._tag === "InvalidRequestError")
      assert.deepStrictEqual(reason.metadata["fluxion"], { contextLengthExceeded: true })
      assert.include(message, "shorten the history")
    }
  )

  bothWays(
    "400: a field is wrong",
    refusal(400, "INVALID_ARGUMENT", "Unknown name \"x\"", [
      info("BadRequest", { fieldViolations: [{ field: "tools[0].x", description: "Cannot find field." }] })
    ]),
    ({ reason }) => assert.deepInclude(reason, { _tag: "InvalidRequestError", parameter: "tools[0].x" })
  )

  bothWays(
    "400: a signature that Google rejects",
    refusal(400, "INVALID_ARGUMENT", "Thought signature is not valid"),
    ({ message, reason }) => {
      assert.strictEqual(reason._tag, "InvalidRequestError")
      assert.include(message, "the history is of another model or key")
    }
  )

  for (
    const [title, details, headers, seconds] of [
      ["RetryInfo", [perMinute, info("RetryInfo", { retryDelay: "34.4s" })], {}, 34.4],
      ["RetryInfo of a day", [info("RetryInfo", { retryDelay: "86400s" })], {}, 86_400],
      ["retry-after: 7", [], { "retry-after": "7" }, 7],
      ["no time", [perMinute], {}, undefined]
    ] as const
  ) {
    bothWays(
      `429 with ${title}`,
      refusal(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.", details, headers),
      ({ isRetryable, reason }) => {
        assert(reason._tag === "RateLimitError")
        assert.isTrue(isRetryable)
        const wait = reason.retryAfter === undefined ? undefined : Duration.toSeconds(reason.retryAfter)
        assert.strictEqual(wait, seconds)
      }
    )
  }

  bothWays(
    "429: nothing is left of the day's quota",
    refusal(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.", [
      perDay,
      info("RetryInfo", { retryDelay: "10s" })
    ]),
    ({ isRetryable, reason }) => {
      assert.strictEqual(reason._tag, "QuotaExhaustedError")
      assert.isFalse(isRetryable)
    }
  )

  for (
    const [code, status] of [[408, "CANCELLED"], [500, "INTERNAL"], [503, "UNAVAILABLE"], [
      504,
      "DEADLINE_EXCEEDED"
    ]] as const
  ) {
    bothWays(`${code}: it may pass`, refusal(code, status, "overloaded"), ({ isRetryable, reason }) => {
      assert.strictEqual(reason._tag, "InternalProviderError")
      assert.isTrue(isRetryable)
    })
  }

  it.effect("an error inside of a stream is what it would have been outside", () =>
    Effect.gen(function*() {
      const exhausted = {
        error: {
          code: 429,
          message: "slow",
          status: "RESOURCE_EXHAUSTED",
          details: [info("RetryInfo", { retryDelay: "1.5s" })]
        }
      }
      const headers = Wire.sseHeaders
      const limited = yield* ask({ headers, body: Wire.sse([...chunks.slice(0, 2), exhausted]) }, true)
      assert(limited.reason._tag === "RateLimitError")
      assert.strictEqual(Duration.toMillis(limited.reason.retryAfter!), 1500)
      // Without a frame; the SDK sees it if it comes by itself.
      const busy = { error: { code: 503, message: "overloaded", status: "UNAVAILABLE" } }
      const before = Wire.sse(chunks.slice(0, 2))
      const body = new TextEncoder().encode(before + JSON.stringify(busy))
      const model = yield* Wire.driver("http://127.0.0.1:9", {
        fetch: Recut.answer(body, Recut.at(before.length), { contentType: "text/event-stream" })
      })
      const bare = yield* Effect.flip(Collect.parts(model))
      assert.strictEqual(bare.reason._tag, "InternalProviderError")
    }))

  bothWays("an error inside of a 200", {
    headers: Wire.jsonHeaders,
    body: JSON.stringify([{ error: { code: 500, message: "oops", status: "INTERNAL" } }])
  }, ({ reason }) => assert.strictEqual(reason._tag, "InternalProviderError"))

  it.effect("what the SDK refuses to send is a wrong request, and not tried again", () =>
    Effect.gen(function*() {
      const server = yield* VendorServer.make([{ status: 500 }])
      const model = yield* Wire.driver(server.url)
      const options = { providerOptions: { google: { audioTimestamp: true } } }
      const error = yield* Effect.flip(Collect.parts(model, Collect.request("Hi", { options })))
      assert.strictEqual(error.reason._tag, "InvalidRequestError")
      assert.include(error.message, "audioTimestamp")
      assert.isFalse(error.isRetryable)
      assert.strictEqual(server.requests.length, 0)
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
      assert.include(message, "/v1beta/models/gemini-3-flash is the vendor's API")
    }
  )

  bothWays("a gateway's web page", { status: 502, headers: { "content-type": "text/html" }, body: page }, (error) => {
    assert.strictEqual(error.reason._tag, "InternalProviderError")
    assert.include(error.message, "Sign in")
  })

  it.effect("JSON that is cut, and JSON of something else", () =>
    Effect.gen(function*() {
      for (const stream of [true, false]) {
        for (const body of [`{"candidates": [{"cont`, `{"choices": []}`, `[]`, `"hello"`, `null`, ``]) {
          const error = yield* ask({ headers: Wire.jsonHeaders, body }, stream)
          assert.strictEqual(error.reason._tag, "InvalidResponseError", body)
        }
      }
      const broken = yield* ask({ headers: Wire.sseHeaders, body: `data: {"candidates": [\n\n` }, true)
      assert.strictEqual(broken.reason._tag, "InvalidResponseError")
      const odd = yield* ask({ headers: Wire.jsonHeaders, body: `{"candidates": {"a": 1}}` }, false)
      assert.strictEqual(odd.reason._tag, "InvalidResponseError")
    }))

  bothWays(
    "invalid UTF-8",
    { headers: Wire.sseHeaders, body: Uint8Array.of(0xff, 0xfe, 0x80, 0x0a, 0x0a) },
    (error, stream) => assert.strictEqual(error.reason._tag, stream ? "NetworkError" : "InvalidResponseError")
  )

  it.effect("invalid UTF-8 inside of a text becomes a replacement character", () =>
    Effect.gen(function*() {
      const scenario = { parts: [{ text: "a~b" }], end: { finishReason: "STOP" } }
      const [before, after] = Wire.sse(Wire.chunks(scenario, 9)).split("a~b")
      const encode = new TextEncoder()
      const body = [encode.encode(`${before}a`), Uint8Array.of(0xff), encode.encode(`b${after}`)]
      const server = yield* VendorServer.make([{ headers: Wire.sseHeaders, body }])
      const model = yield* Wire.driver(server.url)
      assert.strictEqual(Collect.summarize(yield* Collect.parts(model)).text, "a\uFFFDb")
    }))
})

describe("connections that break", () => {
  const headers = Wire.sseHeaders
  const begun = Wire.sse(chunks.slice(0, 3))

  it.effect("a stream that is cut fails, after giving what came", () =>
    Effect.gen(function*() {
      const server = yield* VendorServer.make([{ headers, body: begun, after: "cut" }])
      const model = yield* Wire.driver(server.url)
      let text = ""
      const error = yield* model.stream(Collect.request("Hi")).pipe(
        Stream.runForEach((part) => Effect.sync(() => text += part.type === "text-delta" ? part.delta : "")),
        Effect.flip
      )
      assert.isTrue(Wire.scenario("a text").expect.text!.startsWith(text))
      assert.isAbove(text.length, 0)
      assert.deepInclude(error.reason, { _tag: "NetworkError", reason: "TransportError" })
      assert.isTrue(error.isRetryable)
      assert.include(error.message, "the connection broke before the answer was complete")
    }))

  for (
    const [what, body, said] of [
      ["between chunks", begun, "ended before it was complete"],
      ["inside of one", begun.slice(0, -20), "the connection broke before the answer was complete"]
    ] as const
  ) {
    it.effect(`a stream that ends early ${what} without an error fails too`, () =>
      Effect.gen(function*() {
        const error = yield* ask({ headers, body }, true)
        assert.deepInclude(error.reason, { _tag: "NetworkError", reason: "TransportError" })
        assert.include(error.message, said)
      }))
  }

  it.effect("a whole response that is cut, or does not say that it is finished, fails", () =>
    Effect.gen(function*() {
      const cut = yield* ask({ headers: Wire.jsonHeaders, body: `{"candidates":`, after: "cut" }, false)
      assert.strictEqual(cut.reason._tag, "NetworkError")
      const body = JSON.stringify({ candidates: [{ content: { parts: [{ text: "Well" }] } }] })
      const open = yield* ask({ headers: Wire.jsonHeaders, body }, false)
      assert.strictEqual(open.reason._tag, "NetworkError")
    }))

  it.effect("nobody listens", () =>
    Effect.gen(function*() {
      for (const stream of [true, false]) {
        const model = yield* Wire.driver("http://127.0.0.1:1")
        const error = yield* Effect.flip(Collect.parts(model, Collect.request("Hi", { options: { stream } })))
        assert.deepInclude(error.reason, { _tag: "NetworkError", reason: "TransportError" })
        assert.match(error.message, /ECONNREFUSED|bad port/)
      }
    }))

  for (
    const [what, reply] of [
      ["before its first byte", { silent: true }],
      ["in the middle", { headers, body: begun, after: "hang" }]
    ] as const
  ) {
    it.effect(`a stream that is silent ${what} fails after the idle timeout, and the request is aborted`, () =>
      Effect.gen(function*() {
        const server = yield* VendorServer.make([reply])
        const model = yield* Wire.driver(server.url, { idleTimeout: "45 seconds" })
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
      const model = yield* Wire.driver(server.url, { idleTimeout: "1 second", timeout: "30 minutes" })
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
