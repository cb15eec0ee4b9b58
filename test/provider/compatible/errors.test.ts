/**
 * What goes wrong at servers of Chat Completions in their own ways: one typed error each, that says what to do and holds
 * no key. The bodies are as the servers write them. What goes wrong everywhere is in the promise P11 and in
 * `bad-input.test.ts`.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Fiber, Redacted, Stream } from "effect"
import { TestClock } from "effect/testing"
import { OpenAiCompatible } from "../../../src/provider/compatible/index.ts"
import * as Asking from "../support/Asking.ts"
import * as Collect from "../support/Collect.ts"
import * as VendorServer from "../support/VendorServer.ts"
import * as Wire from "./fixtures/Wire.ts"

const apiKey = "sk-test-abcdefghijklmnop"

const driver = (url: string, options: Partial<OpenAiCompatible.Options> = {}) =>
  Collect.driverOf(OpenAiCompatible.layer({
    name: "acme",
    model: "acme-7b",
    apiKey: Redacted.make(apiKey),
    baseUrl: `${url}/v1`,
    ...options
  }))

const { ask, bothWays } = Asking.make(driver, apiKey)

const json = { "content-type": "application/json" }

/** What a server says, and what it has to become: the reason, whether another try may help, words of the message. */
const said = (
  title: string,
  status: number,
  body: unknown,
  expected: readonly [tag: string, isRetryable: boolean, ...words: ReadonlyArray<string | RegExp>]
) =>
  bothWays(
    title,
    { status, headers: json, body: typeof body === "string" ? body : JSON.stringify(body) },
    ({ isRetryable, message, reason }) => {
      const [tag, retryable, ...words] = expected
      assert.strictEqual(reason._tag, tag, message)
      assert.strictEqual(isRetryable, retryable)
      for (const word of words) {
        if (typeof word === "string") assert.include(message, word)
        else assert.match(message, word)
      }
    }
  )

const address = /check the address http:\/\/127\.0\.0\.1:\d+\/v1\/chat\/completions/

describe("refusals about the key, the account and the rate", () => {
  const key = ["AuthenticationError", false, "check the API key"] as const
  said(
    "401 of OpenAI's form",
    401,
    { error: { message: `Incorrect API key: ${apiKey}`, code: "invalid_api_key" } },
    key
  )
  said("401 of Mistral", 401, { message: "Unauthorized", request_id: "x" }, [...key, "Unauthorized"])
  said("401 of FastAPI", 401, { detail: "Invalid API key" }, [...key, "Invalid API key"])
  said("401 of vLLM", 401, { error: "Unauthorized" }, [...key, "Unauthorized"])
  said("401 without a body", 401, "", [...key, "HTTP 401"])
  said("403", 403, { error: { message: "no access", type: "permission_error" } }, ["AuthenticationError", false])
  said(
    "403 of OpenRouter's moderation",
    403,
    {
      error: { code: 403, message: "Your input was flagged", metadata: { reasons: ["violence"], flagged_input: "…" } }
    },
    ["ContentPolicyError", false, "flagged", "change what is asked"]
  )
  said("402 of DeepSeek", 402, { error: { message: "Insufficient Balance", type: "unknown_error", code: "x" } }, [
    "QuotaExhaustedError",
    false
  ])
  said("429 without credit", 429, { error: { message: "No credit", code: "insufficient_quota" } }, [
    "QuotaExhaustedError",
    false
  ])
})

describe("refusals about the model and the address", () => {
  const noModel = ["InvalidRequestError", false, `acme has no model "acme-7b"`] as const
  for (
    const [server, status, body] of [
      ["OpenAI and Groq", 404, { error: { message: "The model `x` does not exist", code: "model_not_found" } }],
      ["vLLM", 404, { object: "error", message: "The model `x` does not exist.", type: "NotFoundError", code: 404 }],
      ["DeepSeek", 400, { error: { message: "Model Not Exist", type: "invalid_request_error", code: "x" } }],
      ["Mistral", 400, { object: "error", message: "Invalid model: x", type: "invalid_model", code: "1500" }],
      ["OpenRouter, by its id", 400, { error: { message: "x is not a valid model ID", code: 400 } }],
      ["OpenRouter, by its hosts", 404, { error: { message: "No endpoints found for x.", code: 404 } }],
      ["Ollama", 404, { error: { message: `model "x" not found, try pulling it first`, type: "api_error" } }]
    ] as const
  ) said(`no such model, as ${server} says`, status, body, noModel)

  const load = ["InvalidRequestError", false, "load the model on the server"] as const
  said(
    "no model is loaded in LM Studio",
    404,
    { error: { message: "No models loaded. Please load a model, or use `lms load`.", code: "model_not_found" } },
    load
  )
  said("LM Studio fails to load it", 400, { error: `Failed to load model "x". Error: out of memory` }, load)

  said("404 at a wrong address", 404, "nothing here", ["InvalidRequestError", false, address])
  said("404 of FastAPI", 404, { detail: "Not Found" }, ["InvalidRequestError", false, address])
  said("404 without a body", 404, "", ["InvalidRequestError", false, address])
  said("404 of Groq", 404, { error: { message: "Unknown request URL: POST /x", code: "unknown_url" } }, [
    "InvalidRequestError",
    false,
    address
  ])
  said("405", 405, { detail: "Method Not Allowed" }, ["InvalidRequestError", false, address])
  said("LM Studio without its /v1, with status 200", 200, { error: "Unexpected endpoint or method. (POST /x)" }, [
    "InvalidRequestError",
    false,
    address,
    "/v1"
  ])
})

describe("refusals about the request", () => {
  for (
    const [server, status, body] of [
      ["OpenAI and Groq", 400, { error: { message: "Please reduce the length", code: "context_length_exceeded" } }],
      ["vLLM", 400, {
        object: "error",
        message: "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens.",
        type: "BadRequestError",
        code: 400
      }],
      ["Mistral", 400, {
        object: "error",
        message: "Prompt contains 40000 tokens, too large for model with 32768 maximum context length",
        type: "invalid_request_error",
        code: "3051"
      }],
      ["LM Studio", 400, { error: "The number of tokens to keep is greater than the context length (4096)." }]
    ] as const
  ) {
    bothWays(
      `the context is full, as ${server} says`,
      { status, headers: json, body: JSON.stringify(body) },
      ({ message, reason }) => {
        assert(reason._tag === "InvalidRequestError")
        assert.deepStrictEqual(reason.metadata["fluxion"], { contextLengthExceeded: true })
        assert.include(message, "shorten the history")
      }
    )
  }
  const detail = [{ loc: ["body", "stream_options"], msg: "Extra inputs are not permitted", type: "extra_forbidden" }]
  said("422 of Mistral", 422, { object: "error", message: { detail } }, [
    "InvalidRequestError",
    false,
    "Extra inputs are not permitted"
  ])
  said("422 of FastAPI", 422, { detail }, ["InvalidRequestError", false, "body.stream_options: Extra inputs"])
  said("a refusal in a list, as of Google", 400, [{ error: { code: 400, message: "Bad", status: "INVALID" } }], [
    "InvalidRequestError",
    false,
    "Bad"
  ])
  said("Groq's check of a call", 400, {
    error: { message: "Tool call validation failed", code: "tool_use_failed", failed_generation: `{"name":"x"}` }
  }, ["InvalidOutputError", true, `{"name":"x"}`])
  said("Groq's flexible tier without room", 498, { error: { message: "capacity", code: "capacity_exceeded" } }, [
    "InternalProviderError",
    true
  ])
  said("500 without JSON", 500, "Internal Server Error", ["InternalProviderError", true, "Internal Server Error"])
})

const sse = { "content-type": "text/event-stream" }
const chunks = Wire.chunks(Wire.scenarios[0]!)
const begun = Wire.sse(chunks.slice(0, 4), "")

describe("what is no answer", () => {
  bothWays("a failure with status 200", {
    headers: json,
    body: JSON.stringify({ error: { message: "Rate limit exceeded: free-models-per-min", code: 429 } })
  }, ({ reason }) => {
    assert.strictEqual(reason._tag, "RateLimitError")
  })

  it.effect("an error in the middle of a stream is classified by what it says", () =>
    Effect.gen(function*() {
      const event = (data: object) => `event: error\ndata: ${JSON.stringify(data)}\n\n`
      const limited = yield* ask({
        headers: sse,
        body: begun + event({ error: { message: "try again in 1.5s", type: "rate_limit_error", code: null } })
      }, true)
      assert(limited.reason._tag === "RateLimitError")
      assert.strictEqual(Duration.toMillis(limited.reason.retryAfter!), 1500)
      const wrong = yield* ask({
        headers: sse,
        body: begun + event({ error: { message: "bad", type: "invalid_request_error", code: null } })
      }, true)
      assert.strictEqual(wrong.reason._tag, "InvalidRequestError")
      const down = yield* ask({ headers: sse, body: begun + event({ error: { code: 502, message: "down" } }) }, true)
      assert.strictEqual(down.reason._tag, "InternalProviderError")
    }))

  it.effect("JSON that is cut, and JSON of something else", () =>
    Effect.gen(function*() {
      for (const body of [`{"id": "chatcmpl-1", "cho`, `{"output": []}`, `[]`, ``]) {
        const error = yield* ask({ headers: json, body }, false)
        assert.strictEqual(error.reason._tag, "InvalidResponseError", body)
      }
      const broken = yield* ask({ headers: sse, body: `data: {"choices": [\n\n` }, true)
      assert.strictEqual(broken.reason._tag, "InvalidResponseError")
    }))
})

describe("connections that break", () => {
  for (
    const [title, body] of [
      ["between two chunks", begun],
      ["in the middle of a chunk", `${begun}data: {"id":"chatcmpl-1","cho`],
      ["before the first", ": keep-alive\n\n"]
    ] as const
  ) {
    for (const after of ["cut", "end"] as const) {
      it.effect(`a stream that ${after === "cut" ? "is cut" : "ends"} ${title} fails, after giving what came`, () =>
        Effect.gen(function*() {
          const server = yield* VendorServer.make([{ headers: sse, body, after }])
          const model = yield* driver(server.url)
          let text = ""
          const error = yield* model.stream(Collect.request("Hi")).pipe(
            Stream.runForEach((part) => Effect.sync(() => text += part.type === "text-delta" ? part.delta : "")),
            Effect.flip
          )
          assert.isTrue(Wire.scenarios[0]!.expect.text!.startsWith(text))
          assert.strictEqual(text !== "", body !== ": keep-alive\n\n")
          assert.deepInclude(error.reason, { _tag: "NetworkError", reason: "TransportError" })
          assert.isTrue(error.isRetryable)
        }))
    }
  }

  it.effect("a stream that is silent but for comments fails after the idle timeout, and the request is aborted", () =>
    Effect.gen(function*() {
      const server = yield* VendorServer.make([{ headers: sse, body: `${begun}: keep-alive\n\n`, after: "hang" }])
      const model = yield* driver(server.url, { idleTimeout: "45 seconds" })
      const fiber = yield* Effect.forkChild(Effect.flip(Collect.parts(model)))
      const request = yield* server.request(0)
      yield* Deferred.await(request.begun)
      yield* TestClock.adjust("44 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("45 seconds")
      const error = yield* Fiber.join(fiber)
      assert.deepInclude(error.reason, { _tag: "NetworkError", reason: "TransportError" })
      yield* Deferred.await(request.closed)
    }))
})
