import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, Deferred, Duration, Effect, Fiber, Layer, Redacted, Schema, Stream } from "effect"
import { AiError, IdGenerator, LanguageModel, Model, Tool, Toolkit } from "effect/ai"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { Ollama as Client } from "ollama"
import * as Driver from "../../../src/agent/Driver.ts"
import * as Models from "../../../src/agent/Models.ts"
import type { ModelUnresolved } from "../../../src/core/AgentError.ts"
import * as Ollama from "../../../src/provider/ollama/Ollama.ts"
import * as Recut from "../support/Recut.ts"
import * as VendorServer from "../support/VendorServer.ts"
import { call, chunk, done, driver, ndjson, type Part, request, summary } from "./fixtures.ts"

const getWeather = Tool.make("get_weather", {
  description: "Current weather for a city.",
  parameters: Schema.Struct({ city: Schema.String }),
  success: Schema.String
})

const json = { "content-type": "application/json; charset=utf-8" }
const html = { "content-type": "text/html" }
const hello = ndjson(chunk({ content: "Hel" }), chunk({ content: "lo" }), done())
const whole = JSON.stringify({ ...done(), message: { role: "assistant", content: "Hello" } })

const streamed = request()
const unary = request({ options: { stream: false } })

/** The environment of a program. */
const withEnvironment = (variables: Record<string, string>) =>
  Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(variables)))

/** How the call fails. */
const failure = (reply: VendorServer.Reply, asked = streamed, options: Parameters<typeof driver>[0] = {}) =>
  VendorServer.make([reply]).pipe(
    Effect.flatMap((server) => call({ host: server.url, ...options }, asked)),
    Effect.flip,
    Effect.map((error) => {
      assert.instanceOf(error, AiError.AiError)
      return error
    }),
    Effect.scoped
  )

describe("Ollama", () => {
  const written: Array<unknown> = []
  const original = { log: console.log, warn: console.warn, error: console.error, info: console.info }
  beforeEach(() => {
    written.length = 0
    const write = (...text: ReadonlyArray<unknown>) => void written.push(text.join(" "))
    Object.assign(console, { log: write, warn: write, error: write, info: write })
  })
  afterEach(() => {
    Object.assign(console, original)
    assert.deepStrictEqual(written, [], "nothing is written to the console")
  })

  describe("a call", () => {
    it.effect("asks /api/chat and gives the answer's parts", () =>
      Effect.gen(function*() {
        const server = yield* VendorServer.make([{ body: hello }])
        const parts = yield* call({ host: server.url }, request({ tools: [getWeather], options: { maxTokens: 5 } }))
        assert.deepInclude(summary(parts), { text: "Hello", finish: "stop" })
        const { headers, json, method, path } = server.requests[0]!
        assert.deepStrictEqual([method, path], ["POST", "/api/chat"])
        assert.deepInclude(json, { model: "llama3.2", stream: true, options: { num_predict: 5 } })
        assert.strictEqual(json.tools[0].function.name, "get_weather")
        assert.isUndefined(headers.authorization)
      }))

    it.effect("that is not streamed gives the same parts of the whole response", () =>
      Effect.gen(function*() {
        const server = yield* VendorServer.make([{ headers: json, body: whole }])
        const parts = yield* call({ host: server.url }, unary)
        assert.deepInclude(summary(parts), { text: "Hello", finish: "stop" })
        assert.isFalse(server.requests[0]!.json.stream)
      }))

    it.effect("gives parts as they come", () =>
      Effect.gen(function*() {
        const server = yield* VendorServer.make([{ body: ndjson(chunk({ content: "Hel" })), after: "hang" }])
        const made = yield* driver({ host: server.url })
        const parts = yield* made.stream(streamed).pipe(Stream.take(3), Stream.runCollect)
        assert.strictEqual(summary(parts).text, "Hel")
        yield* Deferred.await(server.requests[0]!.closed)
      }))

    it.effect("reads blank lines, CRLF, and a last line without an end", () =>
      Effect.gen(function*() {
        const body = `\n\r\n${hello.replaceAll("\n", "\r\n")}\n`.trimEnd()
        const server = yield* VendorServer.make([{ body }])
        assert.strictEqual(summary(yield* call({ host: server.url })).text, "Hello")
      }))

    it.effect("leaves its connection to the next one", () =>
      Effect.gen(function*() {
        // the end comes apart from the last line, as it does from the real server
        const server = yield* VendorServer.make([{ body: [hello] }])
        const made = yield* driver({ host: server.url })
        for (let index = 0; index < 8; index++) yield* Stream.runDrain(made.stream(streamed))
        assert.isAtMost(server.connections(), 3)
      }))

    it.effect("reads bytes that were cut anywhere", () =>
      Effect.gen(function*() {
        const body = new TextEncoder().encode(ndjson(chunk({ content: "né 🙂" }), done()))
        const fetch = Recut.answer(body, Recut.bytes, { contentType: "application/x-ndjson" })
        assert.strictEqual(summary(yield* call({ fetch })).text, "né 🙂")
      }))

    it.effect("hangs up on a server that goes on after the last chunk", () =>
      Effect.gen(function*() {
        const server = yield* VendorServer.make([{ body: hello, after: "hang" }])
        assert.strictEqual(summary(yield* call({ host: server.url })).text, "Hello")
        yield* Deferred.await(server.requests[0]!.closed)
      }))

    it.effect("has ids of its own for calls, response by response", () =>
      Effect.gen(function*() {
        const body = ndjson({
          ...done(),
          message: { tool_calls: [{ function: { name: "get_weather", arguments: {} } }] }
        })
        const server = yield* VendorServer.make([{ body }])
        const ids = (made: Driver.Driver) =>
          Effect.map(Stream.runCollect(made.stream(streamed)), (parts) =>
            parts.flatMap((part) => part.type === "tool-call" ? [part.id] : []))
        const one = yield* driver({ host: server.url })
        const other = yield* driver({ host: server.url })
        const all = [yield* ids(one), yield* ids(one), yield* ids(other)].flat()
        assert.strictEqual(new Set(all).size, 3)
        const fixed = yield* Effect.provideService(driver({ host: server.url }), IdGenerator.IdGenerator, {
          generateId: () =>
            Effect.succeed("run")
        })
        assert.deepStrictEqual([yield* ids(fixed), yield* ids(fixed)], [["call_run_0_0"], ["call_run_1_0"]])
      }))

    it.effect("takes calls that the model wrote into its text, unless it may not", () =>
      Effect.gen(function*() {
        const body = ndjson({ ...done(), message: { content: `{"name":"get_weather","parameters":{"city":"Tokyo"}}` } })
        const server = yield* VendorServer.make([{ body }])
        const asked = request({ tools: [getWeather] })
        const calls = (options: object, asked: Driver.ModelRequest) =>
          Effect.map(call({ host: server.url, ...options }, asked), (parts) => summary(parts).calls.length)
        assert.strictEqual(yield* calls({}, asked), 1)
        assert.strictEqual(yield* calls({ toolCallsInText: false }, asked), 0)
        assert.strictEqual(yield* calls({}, { ...asked, toolChoice: "none" }), 0, "tools that were not sent")
      }))

    it.effect("sends base64 as it is, also where a local file has that name", () =>
      Effect.gen(function*() {
        const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "x"))
        yield* Effect.addFinalizer(() => Effect.sync(() => Fs.rmSync(folder, { recursive: true })))
        const file = `${folder}/${"a".repeat(8 - (folder.length + 1) % 4)}`
        Fs.writeFileSync(file, "secret")
        assert.strictEqual(file.length % 4, 0)
        const server = yield* VendorServer.make([{ body: hello }])
        const content = [{ type: "file", mediaType: "image/png", data: file }] as const
        const model = "llava"
        yield* call({ host: server.url }, request({ prompt: [{ role: "user", content }] }), model)
        assert.deepStrictEqual(server.requests[0]!.json.messages[0].images, [file])
      }))

    it.effect("that cannot be made fails before the request", () =>
      Effect.gen(function*() {
        const server = yield* VendorServer.make([{ body: hello }])
        const asked = request({ tools: [getWeather], toolChoice: "required" })
        const error = yield* Effect.flip(call({ host: server.url }, asked))
        assert.instanceOf(error, AiError.AiError)
        assert.strictEqual(error.reason._tag, "InvalidRequestError")
        assert.strictEqual(server.requests.length, 0)
      }))

    it.effect("waits for its turn when too many are under way, over all models", () =>
      Effect.gen(function*() {
        const server = yield* VendorServer.make((_, index) => index === 0 ? { silent: true } : { body: hello })
        const provider = Ollama.provider({ host: server.url, maxConcurrentRequests: 1 })
        const [one, other] = yield* Effect.forEach(["a", "b"], (name) =>
          Effect.map(provider.model(name), (m) => Driver.of(m)!), {
          concurrency: 2
        })
        const first = yield* Effect.forkChild(Stream.runDrain(one!.stream(streamed)))
        yield* waitFor(() =>
          server.requests.length === 1
        )
        const second = yield* Effect.forkChild(Stream.runDrain(other!.stream(streamed)))
        yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 30)))
        assert.strictEqual(server.requests.length, 1)
        yield* Fiber.interrupt(first)
        yield* Fiber.join(second)
        assert.strictEqual(server.requests[1]?.json.model, "b")
      }))
  })

  describe("an interruption", () => {
    const silent: VendorServer.Reply = { silent: true }
    const speaking: VendorServer.Reply = { body: ndjson(chunk({ content: "Hel" })), after: "hang" }
    for (
      const [title, reply, asked] of [
        ["of a stream before its headers", silent, streamed],
        ["of a whole response before its headers", silent, unary],
        ["in the middle of a stream", speaking, streamed],
        [
          "in the middle of a whole response",
          { headers: json, body: whole.slice(0, 20), after: "hang" } as const,
          unary
        ]
      ] as const
    ) {
      it.effect(`${title} closes the socket at once`, () =>
        Effect.gen(function*() {
          const server = yield* VendorServer.make([reply])
          const made = yield* driver({ host: server.url })
          const running = yield* Effect.forkChild(Stream.runDrain(made.stream(asked)))
          yield* waitFor(() => server.requests.length === 1)
          yield* Deferred.await(server.requests[0]!.begun)
          const start = performance.now()
          yield* Fiber.interrupt(running)
          const closed = yield* Deferred.await(server.requests[0]!.closed)
          assert.isBelow(closed - start, 50)
        }))
    }
  })

  describe("a failure", () => {
    it.effect("to reach the server says how to start it, and where it was sought", () =>
      Effect.gen(function*() {
        const { url } = yield* Effect.scoped(VendorServer.make([]))
        for (const asked of [streamed, unary]) {
          const error = yield* Effect.flip(call({ host: url }, asked))
          assert.instanceOf(error, AiError.AiError)
          assert.deepInclude(error.reason, { _tag: "NetworkError", reason: "TransportError", url: `${url}/api/chat` })
          assert.include(error.message, "ollama serve")
          assert.include(error.message, url)
          assert.isTrue(error.isRetryable)
        }
      }))

    it.effect("to find the host says which setting to check", () =>
      Effect.gen(function*() {
        const fetch = () =>
          Promise.reject(
            new TypeError("fetch failed", { cause: Object.assign(new Error("no"), { code: "ENOTFOUND" }) })
          )
        const error = yield* Effect.flip(call({ host: "nowhere", fetch }))
        assert.include(error.message, "OLLAMA_HOST")
        assert.include(error.message, "http://nowhere:11434")
      }))

    const refusals: ReadonlyArray<
      readonly [status: number, message: string, tag: AiError.AiErrorReason["_tag"], advice: string, retryable: boolean]
    > = [
      [404, `model "llama3.2" not found, try pulling it first`, "InvalidRequestError", "ollama pull llama3.2", false],
      [400, "llama3.2 does not support tools", "InvalidRequestError", "name a model that can call tools", false],
      [400, `"llama3.2" does not support thinking`, "InvalidRequestError", "leave `reasoning` out", false],
      [400, `think value "low" is not supported for this model`, "InvalidRequestError", "leave `reasoning` out", false],
      [400, `"nomic" does not support chat`, "InvalidRequestError", "name a model that writes", false],
      [500, "this model is missing data required for image input", "InternalProviderError", "sees images", true],
      [
        500,
        "model requires more system memory (5.6 GiB) than is available",
        "InternalProviderError",
        "smaller model",
        true
      ],
      [401, "unauthorized", "AuthenticationError", "ollama signin", false],
      [403, "cloud models are disabled", "AuthenticationError", "", false],
      [429, "too many requests", "RateLimitError", "", true],
      [503, "server busy, please try again", "InternalProviderError", "try again", true]
    ]
    for (const [status, message, tag, advice, retryable] of refusals) {
      it.effect(`of status ${status}, "${message}", is a ${tag}`, () =>
        Effect.gen(function*() {
          for (const error of [{ error: message }, { error: { message, type: "some_error" } }, message]) {
            for (const asked of [streamed, unary]) {
              const headers = typeof error === "string" ? { "content-type": "text/plain" } : json
              const body = typeof error === "string" ? error : JSON.stringify(error)
              const { isRetryable, reason } = yield* failure({ status, headers, body }, asked)
              assert.strictEqual(reason._tag, tag)
              assert.strictEqual(isRetryable, retryable)
              if (tag !== "RateLimitError") assert.include(reason.message, message)
              assert.include(reason.message, advice)
            }
          }
        }))
    }

    it.effect("of a server that is none of Ollama's says so", () =>
      Effect.gen(function*() {
        const { reason } = yield* failure({ status: 404, body: "404 page not found" })
        assert.include(reason.message, "check that there is an Ollama server at http://127.0.0.1:")
      }))

    it.effect("keeps how long to wait", () =>
      Effect.gen(function*() {
        const error = yield* failure({
          status: 429,
          headers: { ...json, "retry-after": "7" },
          body: `{"error":"slow down"}`
        })
        assert.deepStrictEqual(error.retryAfter, Duration.seconds(7))
      }))

    it.effect("inside of a stream comes after the parts before it", () =>
      Effect.gen(function*() {
        const body = ndjson(chunk({ content: "Hel" }), { error: "an error was encountered while running the model" })
        const server = yield* VendorServer.make([{ body }])
        const made = yield* driver({ host: server.url })
        const parts: Array<Part> = []
        const error = yield* made.stream(streamed).pipe(
          Stream.runForEach((part) => Effect.sync(() => parts.push(part))),
          Effect.flip
        )
        assert.strictEqual(summary(parts).text, "Hel")
        assert.strictEqual(error.reason._tag, "InternalProviderError")
        assert.include(error.message, "an error was encountered")
      }))

    it.effect("inside of an answer of status 200 is one, too", () =>
      Effect.gen(function*() {
        for (const asked of [streamed, unary]) {
          const { reason } = yield* failure({
            headers: json,
            body: `{"error":"llama3.2 does not support tools","status":400}`
          }, asked)
          assert.strictEqual(reason._tag, "InvalidRequestError")
        }
      }))

    const page = "<!DOCTYPE html><html><body>\n<h1>Sign in to the hotel</h1></body></html>"
    const broken: ReadonlyArray<
      readonly [title: string, VendorServer.Reply, AiError.AiErrorReason["_tag"], says: string]
    > = [
      ["a web page", { headers: html, body: page }, "InvalidResponseError", "a web page came"],
      ["a web page of a gateway", { status: 502, headers: html, body: page }, "InternalProviderError", "web page"],
      ["a text", { body: "hello there\n" }, "InvalidResponseError", "not valid JSON"],
      ["another vendor's answer", { body: `{"choices":[]}\n` }, "InvalidResponseError", "not one of Ollama's"],
      ["a number", { body: "5\n" }, "InvalidResponseError", "not valid JSON"],
      ["nothing", { body: "" }, "NetworkError", "ended before it was complete"],
      ["half an answer", { body: ndjson(chunk({ content: "Hel" })) }, "NetworkError", "ended before it was complete"],
      ["half a line", { body: hello.slice(0, -20) }, "NetworkError", "broke before the answer was complete"],
      ["half an answer, and a socket cut", { body: hello.slice(0, 150), after: "cut" }, "NetworkError", "broke before"],
      [
        "a broken line",
        { body: `${ndjson(chunk({ content: "a" }))}{"model":\n${hello}` },
        "InvalidResponseError",
        "not valid JSON"
      ]
    ]
    for (const [title, reply, tag, says] of broken) {
      it.effect(`by ${title} is a ${tag}`, () =>
        Effect.gen(function*() {
          const { reason } = yield* failure(reply)
          assert.strictEqual(reason._tag, tag)
          assert.include(reason.message, says)
        }))
    }

    it.effect("by a whole response that is none is typed, too", () =>
      Effect.gen(function*() {
        for (
          const reply of [{ headers: html, body: page }, { body: "hello" }, { body: `{"choices":[]}` }, { body: "" }]
        ) {
          assert.strictEqual((yield* failure(reply, unary)).reason._tag, "InvalidResponseError")
        }
        const cut = yield* failure({ headers: { ...json, "content-length": "500" }, body: whole, after: "cut" }, unary)
        assert.strictEqual(cut.reason._tag, "NetworkError")
      }))

    it.effect("is none for invalid UTF-8: it is replaced", () =>
      Effect.gen(function*() {
        const [before, after] = hello.split("Hel")
        const body = [
          new TextEncoder().encode(`${before}H`),
          Uint8Array.of(0xff, 0xc3),
          new TextEncoder().encode(`l${after}`)
        ]
        const server = yield* VendorServer.make([{ body }])
        assert.strictEqual(summary(yield* call({ host: server.url })).text, "H\ufffd\ufffdllo")
      }))
  })

  describe("settings", () => {
    const asked = (layer: Layer.Layer<LanguageModel.LanguageModel, ModelUnresolved, never>) =>
      Effect.provide(LanguageModel.generateText({ prompt: "hello" }), layer)

    const unresolved = (layer: Layer.Layer<LanguageModel.LanguageModel, ModelUnresolved>, environment = {}) =>
      Effect.map(Effect.flip(Effect.scoped(Layer.build(layer))), (error) => error).pipe(withEnvironment(environment))

    it.effect("are read from the environment", () =>
      Effect.gen(function*() {
        const server = yield* VendorServer.make([{ body: hello }])
        const environment = withEnvironment({
          OLLAMA_HOST: server.url.replace("http://", ""),
          OLLAMA_API_KEY: "key-of-the-cloud"
        })
        yield* environment(asked(Ollama.model("llama3.2")))
        yield* environment(asked(Layer.effect(
          LanguageModel.LanguageModel,
          Ollama.provider().model("llama3.2")
        )))
        assert.strictEqual(server.requests.length, 2)
        for (const { headers } of server.requests) {
          assert.isUndefined(headers.authorization, "the cloud's key goes to the cloud")
        }
      }))

    it.effect("given by hand come before the environment", () =>
      Effect.gen(function*() {
        const server = yield* VendorServer.make([{ body: hello }])
        const options = {
          model: "llama3.2",
          host: server.url,
          headers: { "x-team": "a" },
          apiKey: Redacted.make("key-by-hand")
        }
        yield* asked(Ollama.layer(options)).pipe(withEnvironment({ OLLAMA_HOST: "nowhere" }))
        assert.deepInclude(server.requests[0]!.headers, { "x-team": "a", authorization: "Bearer key-by-hand" })
        yield* call({ host: server.url, headers: { Authorization: "Token of-a-proxy" } })
        assert.strictEqual(server.requests[1]!.headers.authorization, "Token of-a-proxy")
      }))

    it.effect("may come from the configuration", () =>
      Effect.gen(function*() {
        const server = yield* VendorServer.make([{ body: hello }])
        const layer = Ollama.layerConfig({ model: Config.String("MODEL"), host: Config.String("HOST"), numCtx: 512 })
        yield* asked(layer).pipe(withEnvironment({ MODEL: "qwen3", HOST: server.url }))
        assert.deepInclude(server.requests[0]!.json, { model: "qwen3", options: { num_ctx: 512 } })
        const error = yield* unresolved(layer, { MODEL: "qwen3" })
        assert.deepInclude(error, { _tag: "ModelUnresolved", problem: "bad-settings" })
        assert.include(error.message, "host")
      }))

    it.effect("hold credentials in the address", () =>
      Effect.gen(function*() {
        const server = yield* VendorServer.make([{ body: hello }])
        yield* call({ host: server.url.replace("://", "://me:hidden-word@") })
        assert.strictEqual(server.requests[0]!.headers.authorization, `Basic ${btoa("me:hidden-word")}`)
        const token = btoa("me:hidden-word")
        const echo = yield* failure({ status: 400, body: `bad header: Basic ${token}` })
        const unreachable = yield* Effect.flip(call({ host: "http://me:hidden-word@127.0.0.1:1" }))
        for (const error of [echo, unreachable]) {
          assert.notInclude(JSON.stringify(error) + String(error), "hidden-word")
          assert.notInclude(JSON.stringify(error) + String(error), token)
        }
      }))

    it.effect("that are wrong are a ModelUnresolved that names them", () =>
      Effect.gen(function*() {
        const byEnvironment = yield* unresolved(Ollama.model("llama3.2"), { OLLAMA_HOST: "http://my host" })
        assert.deepInclude(byEnvironment, { model: "ollama/llama3.2", problem: "bad-settings" })
        assert.include(byEnvironment.message, "OLLAMA_HOST")
        const byHand = yield* unresolved(Ollama.layer({ model: "llama3.2", host: "ftp://box" }))
        assert.deepInclude(byHand, { problem: "bad-settings" })
        assert.include(byHand.message, "`host`")
        const headers = yield* unresolved(Ollama.layer({ model: "llama3.2", headers: { "no header": "x" } }))
        assert.deepInclude(headers, { problem: "bad-settings" })
        assert.include(headers.message, "`headers`")
      }))

    it.effect("for ollama.com need a key that a header can carry", () =>
      Effect.gen(function*() {
        const cloud = Ollama.layer({ model: "gpt-oss:120b", host: "https://ollama.com" })
        assert.deepInclude(yield* unresolved(cloud), { problem: "missing-key" })
        assert.include((yield* unresolved(cloud)).message, "OLLAMA_API_KEY")
        assert.deepInclude(yield* unresolved(cloud, { OLLAMA_API_KEY: "a\nb" }), { problem: "malformed-key" })
        let authorization: string | null = null
        const fetch: typeof globalThis.fetch = async (_, init) => {
          authorization = new Headers(init?.headers).get("authorization")
          return new Response(hello)
        }
        yield* call({ host: "https://ollama.com", fetch }).pipe(withEnvironment({ OLLAMA_API_KEY: "key-of-the-cloud" }))
        assert.strictEqual(authorization, "Bearer key-of-the-cloud")
      }))

    it.effect("may be a ready client, which is not changed", () =>
      Effect.gen(function*() {
        const server = yield* VendorServer.make([{ body: hello, after: "hang" }])
        const client = new Client({ host: server.url, headers: { "x-mine": "1" } })
        const made = yield* driver({ client })
        assert.strictEqual(summary(yield* Stream.runCollect(made.stream(streamed))).text, "Hello")
        assert.strictEqual(server.requests[0]!.headers["x-mine"], "1")
        assert.strictEqual(client["fetch"], globalThis.fetch)
        yield* made.stream(streamed).pipe(Stream.take(2), Stream.runDrain)
        assert.deepStrictEqual(client["ongoingStreamedRequests"], [], "nothing is left of a stream that was aborted")
      }))

    it.effect("may be anything that can chat", () =>
      Effect.gen(function*() {
        const chunks = Stream.toAsyncIterable(Stream.make(chunk({ content: "Hello" }), done()))
        const client = { chat: () => Promise.resolve(chunks) } as unknown as Client
        assert.strictEqual(summary(yield* call({ client })).text, "Hello")
        const refusing = {
          chat: () =>
            Promise.reject(Object.assign(new Error("model not found"), { error: "model not found", status_code: 404 }))
        }
        const error = yield* Effect.flip(call({ client: refusing as unknown as Client }))
        assert.include(error.message, "ollama pull llama3.2")
      }))

    it.effect("show the wire, without secrets", () =>
      Effect.gen(function*() {
        const server = yield* VendorServer.make([{ body: hello }])
        yield* call({ host: server.url, apiKey: Redacted.make("key-not-to-show") }).pipe(
          withEnvironment({ FLUXION_LOG: "wire" })
        )
        yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
        const log = written.splice(0).join("\n")
        assert.include(log, `"content":"hello"`)
        assert.include(log, `"content":"Hel"`)
        assert.notInclude(log, "key-not-to-show")
      }))
  })

  describe("as a LanguageModel", () => {
    const toolkit = Toolkit.make(getWeather)
    const handlers = toolkit.toLayer({ get_weather: ({ city }) => Effect.succeed(`Sunny in ${city}`) })
    const calling = ndjson(
      chunk({ tool_calls: [{ function: { name: "get_weather", arguments: { city: "Tokyo" } } }] }),
      done()
    )

    it.effect("says what it is", () =>
      Effect.gen(function*() {
        const names = Effect.all([Model.ProviderName, Model.ModelName])
        assert.deepStrictEqual(yield* Effect.provide(names, Ollama.model("llama3.2")), ["ollama", "llama3.2"])
      }))

    it.effect("generates text, with tools run", () =>
      Effect.gen(function*() {
        const server = yield* VendorServer.make([{ body: calling }])
        const response = yield* LanguageModel.generateText({ prompt: "Weather?", toolkit }).pipe(
          Effect.provide([Ollama.layer({ model: "llama3.2", host: server.url }), handlers])
        )
        assert.strictEqual(response.finishReason, "tool-calls")
        assert.strictEqual(response.toolResults[0]?.result, "Sunny in Tokyo")
        assert.strictEqual(response.usage.inputTokens.total, 11)
      }))

    it.effect("streams text", () =>
      Effect.gen(function*() {
        const server = yield* VendorServer.make([{ body: hello }])
        const parts = yield* LanguageModel.streamText({ prompt: "hello" }).pipe(
          Stream.runCollect,
          Effect.provide(Ollama.layer({ model: "llama3.2", host: server.url }))
        )
        assert.deepStrictEqual(parts.flatMap((part) => part.type === "text-delta" ? [part.delta] : []), ["Hel", "lo"])
      }))

    it.effect("generates an object, by a format", () =>
      Effect.gen(function*() {
        const server = yield* VendorServer.make([{ body: ndjson({ ...done(), message: { content: `{"n":1} \n\t` } }) }])
        const response = yield* LanguageModel.generateObject({
          prompt: "one",
          schema: Schema.Struct({ n: Schema.Int })
        }).pipe(
          Effect.provide(Ollama.layer({ model: "llama3.2", host: server.url }))
        )
        assert.deepStrictEqual(response.value, { n: 1 })
        assert.deepInclude(server.requests[0]!.json.format, { type: "object", required: ["n"] })
      }))

    it.effect("is found by name, and has its driver", () =>
      Effect.gen(function*() {
        const models = yield* Models.Models
        const model = yield* models.get("ollama/somebody/model:8b")
        assert.deepInclude(Driver.of(model), { provider: "ollama", model: "somebody/model:8b" })
      }).pipe(Effect.provide(Models.layer([Ollama.provider()]))))
  })
})

/** Waits for what the real network brings about; the clock of a test stands still. */
const waitFor = (condition: () => boolean): Effect.Effect<void> =>
  Effect.promise(async () => {
    while (!condition()) await new Promise((resolve) => setImmediate(resolve))
  })
