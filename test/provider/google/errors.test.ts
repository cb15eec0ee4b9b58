/**
 * What goes wrong at Google in its own way: one typed error each, that says what to do and holds no key. What goes wrong
 * everywhere is in the promise P11 and in `bad-input.test.ts`.
 */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import * as Asking from "../support/Asking.ts"
import * as Collect from "../support/Collect.ts"
import * as Recut from "../support/Recut.ts"
import * as VendorServer from "../support/VendorServer.ts"
import * as Wire from "./fixtures/Wire.ts"

const { ask, bothWays } = Asking.make(Wire.driver, Wire.apiKey)

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

const chunks = Wire.chunks(Wire.scenario("a text"))

describe("Google's refusals", () => {
  bothWays("401: no key of Google's", refusal(401, "UNAUTHENTICATED", "Expected OAuth 2 token"), ({ reason }) => {
    assert.deepInclude(reason, { _tag: "AuthenticationError", kind: "InvalidKey" })
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
    "400: a field is wrong",
    refusal(400, "INVALID_ARGUMENT", "Unknown name \"x\"", [
      info("BadRequest", { fieldViolations: [{ field: "tools[0].x", description: "Cannot find field." }] })
    ]),
    ({ reason }) => assert.deepInclude(reason, { _tag: "InvalidRequestError", parameter: "tools[0].x" })
  )

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
  it.effect("a stream that ends inside of a chunk fails", () =>
    Effect.gen(function*() {
      const body = Wire.sse(chunks.slice(0, 3)).slice(0, -20)
      const error = yield* ask({ headers: Wire.sseHeaders, body }, true)
      assert.deepInclude(error.reason, { _tag: "NetworkError", reason: "TransportError" })
      assert.include(error.message, "the connection broke before the answer was complete")
    }))

  it.effect("a whole response that is cut, or does not say that it is finished, fails", () =>
    Effect.gen(function*() {
      const cut = yield* ask({ headers: Wire.jsonHeaders, body: `{"candidates":`, after: "cut" }, false)
      assert.strictEqual(cut.reason._tag, "NetworkError")
      const body = JSON.stringify({ candidates: [{ content: { parts: [{ text: "Well" }] } }] })
      const open = yield* ask({ headers: Wire.jsonHeaders, body }, false)
      assert.strictEqual(open.reason._tag, "NetworkError")
    }))
})
