/**
 * How a model of a server of Chat Completions is come by: by its address, a registered name, the environment, a ready
 * client; and what the standard `LanguageModel` does over it.
 */
import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, DateTime, Effect, Fiber, Layer, Redacted, Schema } from "effect"
import { LanguageModel, Model, Tool, Toolkit } from "effect/ai"
import { TestClock } from "effect/testing"
import OpenAI from "openai"
import type * as Driver from "../../../src/agent/Driver.ts"
import { CurrentModelOptions } from "../../../src/agent/ModelOptions.ts"
import type { ModelUnresolved } from "../../../src/core/AgentError.ts"
import { OpenAiCompatible } from "../../../src/provider/compatible/index.ts"
import * as Collect from "../support/Collect.ts"
import * as VendorServer from "../support/VendorServer.ts"
import * as Wire from "./fixtures/Wire.ts"

const sse = { "content-type": "text/event-stream" }
const answer: VendorServer.Reply = { headers: sse, body: Wire.sse(Wire.chunks(Wire.scenarios[0]!)) }
const text = Wire.scenarios[0]!.expect.text

const environment = (values: Record<string, string>) => ConfigProvider.layer(ConfigProvider.fromUnknown(values))

const unresolved = <A>(layer: Layer.Layer<A, ModelUnresolved>, values: Record<string, string> = {}) =>
  Effect.flip(Layer.build(layer)).pipe(Effect.provide(environment(values)))

const elsewhere = "https://llm.example.org/v1"

describe("OpenAiCompatible.layer", () => {
  it.effect("takes an address and a model; a server of one's own needs no key", () =>
    Effect.gen(function*() {
      const server = yield* VendorServer.make([answer])
      const layer = OpenAiCompatible.layer({ baseUrl: `${server.url}/v1`, model: "qwen/qwen3:8b" })
      const response = yield* LanguageModel.generateText({ prompt: "Hi" }).pipe(Effect.provide(layer))
      assert.strictEqual(response.text, text)
      assert.deepStrictEqual(yield* Effect.provide(Effect.all([Model.ProviderName, Model.ModelName]), layer), [
        "openai-compatible",
        "qwen/qwen3:8b"
      ])
      const request = server.requests[0]!
      assert.strictEqual(`${request.method} ${request.path}`, "POST /v1/chat/completions")
      assert.strictEqual(request.headers.authorization, "Bearer none")
      assert.deepInclude(request.json, { model: "qwen/qwen3:8b", stream: true })
    }))

  it.effect("sends the key and the headers that it is given", () =>
    Effect.gen(function*() {
      const server = yield* VendorServer.make([answer])
      const layer = OpenAiCompatible.layer({
        baseUrl: `${server.url}/proxy/v1/`,
        model: "a",
        name: "acme",
        apiKey: Redacted.make("key-own-123456"),
        headers: { "x-team": "blue" }
      })
      yield* Collect.parts(yield* Collect.driverOf(layer))
      const request = server.requests[0]!
      assert.strictEqual(request.path, "/proxy/v1/chat/completions")
      assert.deepInclude(request.headers, { authorization: "Bearer key-own-123456", "x-team": "blue" })
    }))

  it.effect("takes nothing of what the environment holds for OpenAI", () =>
    Effect.gen(function*() {
      const values = {
        OPENAI_API_KEY: "sk-openai-123456",
        OPENAI_BASE_URL: "http://127.0.0.1:1",
        OPENAI_ORG_ID: "org-1",
        OPENAI_PROJECT_ID: "proj-1",
        OPENAI_CUSTOM_HEADERS: "x-openai: secret"
      }
      yield* withProcessEnvironment(values)
      const server = yield* VendorServer.make([answer])
      const layer = OpenAiCompatible.layer({ baseUrl: `${server.url}/v1`, model: "a" })
      yield* Collect.parts(yield* Collect.driverOf(Layer.provide(layer, environment(values))))
      const { headers } = server.requests[0]!
      assert.strictEqual(headers.authorization, "Bearer none")
      for (const name of ["openai-organization", "openai-project", "x-openai"]) assert.notProperty(headers, name)
    }))

  it.effect("wants a key for a server elsewhere, unless a header holds one", () =>
    Effect.gen(function*() {
      const missing = yield* unresolved(OpenAiCompatible.layer({ baseUrl: elsewhere, model: "a" }))
      assert.strictEqual(missing.problem, "missing-key")
      assert.include(missing.message, "https://llm.example.org")
      assert.include(missing.message, "openai-compatible/a")
      for (
        const baseUrl of [
          "http://localhost:1/v1",
          "http://127.0.0.1:1",
          "http://[::1]:1",
          "http://gpu-box:8000/v1",
          "http://192.168.1.5",
          "http://10.0.0.1",
          "http://172.20.0.1",
          "http://studio.local"
        ]
      ) yield* Layer.build(OpenAiCompatible.layer({ baseUrl, model: "a" }))
      for (const baseUrl of ["http://172.32.0.1", "http://8.8.8.8", "https://localhost.example.org"]) {
        assert.strictEqual((yield* unresolved(OpenAiCompatible.layer({ baseUrl, model: "a" }))).problem, "missing-key")
      }
      yield* Layer.build(OpenAiCompatible.layer({ baseUrl: elsewhere, model: "a", headers: { "API-Key": "x" } }))
    }))

  it.effect("a key that is empty or malformed is named, and never shown", () =>
    Effect.gen(function*() {
      for (const [key, problem] of [["", "missing-key"], ["sk-secret value", "malformed-key"]] as const) {
        const error = yield* unresolved(
          OpenAiCompatible.layer({ baseUrl: elsewhere, model: "a", apiKey: Redacted.make(key) })
        )
        assert.strictEqual(error.problem, problem)
        assert.include(error.message, "`apiKey`")
        assert.notInclude(JSON.stringify(error) + String(error) + error.stack, "secret")
      }
    }))

  it.effect("an address that is none or missing, a header that is none, and another provider's name are bad settings", () =>
    Effect.gen(function*() {
      for (const baseUrl of ["localhost:1234/v1", "nonsense", "ftp://x"]) {
        const error = yield* unresolved(OpenAiCompatible.layer({ model: "a", baseUrl }))
        assert.strictEqual(error.problem, "bad-settings")
        assert.include(error.message, baseUrl)
      }
      const missing = yield* unresolved(OpenAiCompatible.layer({ model: "a", name: "acme" }))
      assert.strictEqual(missing.problem, "bad-settings")
      assert.include(missing.message, "`baseUrl`")
      const headers = yield* unresolved(
        OpenAiCompatible.layer({ model: "a", baseUrl: "http://localhost", headers: { "a b": "c" } })
      )
      assert.strictEqual(headers.problem, "bad-settings")
      for (const name of ["openai", "google", "a/b", ""]) {
        const error = yield* unresolved(OpenAiCompatible.layer({ model: "a", baseUrl: "http://localhost", name }))
        assert.strictEqual(error.problem, "bad-settings")
        assert.include(error.message, name)
      }
    }))

  it.effect("a name stands for what is registered for it, and the options win", () =>
    Effect.gen(function*() {
      const server = yield* VendorServer.make([answer])
      const layer = OpenAiCompatible.layer({
        name: "groq",
        model: "llama-3.3-70b-versatile",
        baseUrl: `${server.url}/openai/v1`,
        capabilities: [{ model: /70b/, is: { vision: false } }],
        dialect: { seed: "random_seed" }
      }).pipe(Layer.provide(environment({ GROQ_API_KEY: "gsk_123456" })))
      const driver = yield* Collect.driverOf(layer)
      assert.strictEqual(driver.provider, "groq")
      assert.deepInclude(driver.capabilities, { structuredOutput: false, vision: false })
      yield* Collect.parts(driver, Collect.request("Hi", { options: { maxTokens: 7, seed: 1 } }))
      assert.deepInclude(server.requests[0]!.json, { max_completion_tokens: 7, random_seed: 1 })
      assert.strictEqual(server.requests[0]!.headers.authorization, "Bearer gsk_123456")
    }))

  it.effect("a call in the text is one if the tool was declared and may be called, unless the dialect says otherwise", () =>
    Effect.gen(function*() {
      const deltas = Wire.deltas(`<tool_call>{"name": "now", "arguments": {}}</tool_call>`)
      const server = yield* VendorServer.make([
        { headers: sse, body: Wire.sse(Wire.chunks({ deltas, finish: "stop" })) }
      ])
      const calls = (options: Partial<OpenAiCompatible.Options>, request: Partial<Driver.ModelRequest>) =>
        Effect.gen(function*() {
          const layer = OpenAiCompatible.layer({ baseUrl: `${server.url}/v1`, model: "a", ...options })
          const parts = yield* Collect.parts(yield* Collect.driverOf(layer), Collect.request("Hi", request))
          return Collect.summarize(parts).calls.length
        })
      const tools = [Tool.make("now")]
      assert.strictEqual(yield* calls({}, { tools }), 1)
      assert.strictEqual(yield* calls({}, {}), 0)
      assert.strictEqual(yield* calls({}, { tools, toolChoice: "none" }), 0)
      assert.strictEqual(yield* calls({ dialect: { toolCallsInText: false } }, { tools }), 0)
    }))

  it.effect("layer({ client }) uses a ready client, without its retries", () =>
    Effect.gen(function*() {
      const server = yield* VendorServer.make([{ status: 500, body: "no luck with ready-client-key" }, answer])
      const client = new OpenAI({ apiKey: "ready-client-key", baseURL: `${server.url}/v1`, maxRetries: 5 })
      const driver = yield* Collect.driverOf(OpenAiCompatible.layer({ model: "a", client }))
      const error = yield* Effect.flip(Collect.parts(driver))
      assert.strictEqual(error.reason._tag, "InternalProviderError")
      assert.include(error.message, "no luck with <redacted>")
      assert.strictEqual(server.requests.length, 1)
      assert.strictEqual(Collect.summarize(yield* Collect.parts(driver)).text, text)
    }))

  it.effect("layerConfig({ … }) takes Configs, and says which one cannot be read", () =>
    Effect.gen(function*() {
      const server = yield* VendorServer.make([answer])
      const layer = OpenAiCompatible.layerConfig({
        model: Config.String("MODEL"),
        baseUrl: Config.String("URL"),
        idleTimeout: Config.Duration("IDLE")
      })
      const values = { MODEL: "x", URL: `${server.url}/v1` }
      yield* Collect.parts(
        yield* Collect.driverOf(Layer.provide(layer, environment({ ...values, IDLE: "5 seconds" })))
      )
      assert.strictEqual(server.requests[0]!.json.model, "x")
      const error = yield* unresolved(layer, values)
      assert.strictEqual(error.problem, "bad-settings")
      assert.include(error.message, "`idleTimeout`")
    }))

  it.effect("FLUXION_LOG=wire shows the traffic under the server's name, without the key", () =>
    Effect.gen(function*() {
      const server = yield* VendorServer.make([answer])
      const lines = yield* stderr
      const layer = OpenAiCompatible.layer({
        name: "acme",
        model: "a",
        apiKey: Redacted.make("key-wire-123456"),
        baseUrl: `${server.url}/v1`
      })
      yield* Collect.parts(yield* Collect.driverOf(Layer.provide(layer, environment({ FLUXION_LOG: "wire" }))))
      const shown = lines.join("\n")
      assert.match(shown, /^fluxion wire acme #\d+ → POST http:\/\/127\.0\.0\.1:\d+\/v1\/chat\/completions$/m)
      assert.include(shown, "[DONE]")
      assert.notInclude(shown, "key-wire")
    }))
})

const withProcessEnvironment = (values: Record<string, string>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const before = { ...process.env }
      Object.assign(process.env, values)
      return before
    }),
    (before) =>
      Effect.sync(() => {
        for (const name of Object.keys(values)) {
          if (before[name] === undefined) delete process.env[name]
          else process.env[name] = before[name]
        }
      })
  )

const stderr = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => {
      const before = console.error
      const lines: Array<string> = []
      console.error = (line: string) => lines.push(line)
      return { before, lines }
    }),
    ({ before }) =>
      Effect.sync(() => {
        console.error = before
      })
  ),
  ({ lines }) => lines
)

describe("OpenAiCompatible.provider", () => {
  it.effect("models share their places, and one 429 holds the calls to that model only", () =>
    Effect.gen(function*() {
      const limited = {
        status: 429,
        headers: { "content-type": "application/json", "retry-after": "20" },
        body: JSON.stringify({ error: { message: "slow", code: "rate_limit_exceeded" } })
      }
      const server = yield* VendorServer.make((_, index) => index === 0 ? limited : answer)
      const provider = OpenAiCompatible.provider("acme", { baseUrl: `${server.url}/v1`, maxConcurrentRequests: 1 })
      const ask = (model: LanguageModel.LanguageModel) =>
        LanguageModel.generateText({ prompt: "Hi" }).pipe(Effect.provideService(LanguageModel.LanguageModel, model))
      const models = () => server.requests.map(({ json }) => json.model)
      assert.strictEqual(provider.name, "acme")
      const a = yield* provider.model("a")
      const b = yield* provider.model("b")
      yield* Effect.flip(ask(a))
      const held = yield* Effect.forkChild(ask(a))
      yield* ask(b)
      yield* ask(b)
      assert.deepStrictEqual(models(), ["a", "b", "b"])
      yield* TestClock.adjust("20 seconds")
      yield* Fiber.join(held)
      assert.deepStrictEqual(models(), ["a", "b", "b", "a"])
    }))
})

const Book = Tool.make("book", {
  parameters: Schema.Struct({ day: Schema.DateTimeUtcFromString, note: Schema.optionalKey(Schema.String) }),
  success: Schema.String
}).annotate(Tool.Strict, true)

describe("the standard LanguageModel over a server of Chat Completions", () => {
  const layer = (url: string) => OpenAiCompatible.layer({ model: "a", baseUrl: `${url}/v1` })

  for (const stream of [true, false]) {
    it.effect(`runs a strict tool with its own types (stream: ${stream})`, () =>
      Effect.gen(function*() {
        const args = `{"day":"2026-03-01T00:00:00.000Z","note":null}`
        const scenario = {
          deltas: Wire.call(0, "call_1", "book", args),
          message: { tool_calls: [Wire.wholeCall("call_1", "book", args)] },
          finish: "tool_calls"
        }
        const server = yield* VendorServer.make([
          stream
            ? { headers: sse, body: Wire.sse(Wire.chunks(scenario)) }
            : { headers: { "content-type": "application/json" }, body: JSON.stringify(Wire.whole(scenario)) }
        ])
        const toolkit = Toolkit.make(Book)
        const response = yield* LanguageModel.generateText({ prompt: "Hi", toolkit }).pipe(
          Effect.provideService(CurrentModelOptions, { stream, maxTokens: 77 }),
          Effect.provide([
            layer(server.url),
            toolkit.toLayer({
              book: ({ day, note }) => Effect.succeed(`${DateTime.formatIso(day)} ${note === undefined}`)
            })
          ])
        )
        assert.strictEqual(response.toolResults[0]?.result, "2026-03-01T00:00:00.000Z true")
        assert.strictEqual(response.finishReason, "tool-calls")
        assert.deepInclude(server.requests[0]!.json, { max_tokens: 77, stream })
      }))
  }

  it.effect("generates an object in the shape that was asked for", () =>
    Effect.gen(function*() {
      const deltas = Wire.deltas(`{"name":"Ada","nick":null}`)
      const server = yield* VendorServer.make([
        { headers: sse, body: Wire.sse(Wire.chunks({ deltas, finish: "stop" })) }
      ])
      const schema = Schema.Struct({ name: Schema.String, nick: Schema.optionalKey(Schema.String) })
      const response = yield* LanguageModel.generateObject({ prompt: "Hi", schema }).pipe(
        Effect.provide(layer(server.url))
      )
      assert.deepStrictEqual(response.value, { name: "Ada" })
      assert.isTrue(server.requests[0]!.json.response_format.json_schema.strict)
    }))
})
