/**
 * How a model of a server of Chat Completions is come by, by its address or a registered name: what only this provider
 * has. The rest is in `../layers.test.ts`.
 */
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Redacted } from "effect"
import { LanguageModel, Model, Tool } from "effect/ai"
import type * as Driver from "../../../src/agent/Driver.ts"
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
