/**
 * How an Anthropic model is come by: the environment, settings, a ready client, by name; and what the standard
 * `LanguageModel` does over it.
 */
import AnthropicSdk from "@anthropic-ai/sdk"
import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, DateTime, Effect, Fiber, Layer, Redacted, Schema } from "effect"
import { LanguageModel, Model, Tool, Toolkit } from "effect/ai"
import { TestClock } from "effect/testing"
import { CurrentModelOptions } from "../../../src/agent/ModelOptions.ts"
import * as Models from "../../../src/agent/Models.ts"
import type { ModelUnresolved } from "../../../src/core/AgentError.ts"
import { Anthropic } from "../../../src/provider/anthropic/index.ts"
import * as Collect from "../support/Collect.ts"
import * as VendorServer from "../support/VendorServer.ts"
import * as Wire from "./fixtures/Wire.ts"

const sse = { "content-type": "text/event-stream" }
const answer: VendorServer.Reply = { headers: sse, body: Wire.sse(Wire.events(Wire.scenarios[0]!)) }
const text = Wire.scenarios[0]!.expect.text

const environment = (values: Record<string, string>) => ConfigProvider.layer(ConfigProvider.fromUnknown(values))

const unresolved = <A>(layer: Layer.Layer<A, ModelUnresolved>, values: Record<string, string> = {}) =>
  Effect.flip(Layer.build(layer)).pipe(Effect.provide(environment(values)))

describe("Anthropic", () => {
  it.effect("model(name) reads key and address from the environment", () =>
    Effect.gen(function*() {
      const server = yield* VendorServer.make([answer])
      const layer = Anthropic.model("claude-sonnet-4-6").pipe(Layer.provide(environment({
        ANTHROPIC_API_KEY: "sk-env-123456",
        ANTHROPIC_BASE_URL: server.url
      })))
      const response = yield* LanguageModel.generateText({ prompt: "Hi" }).pipe(Effect.provide(layer))
      assert.strictEqual(response.text, text)
      assert.deepStrictEqual(yield* Effect.provide(Effect.all([Model.ProviderName, Model.ModelName]), layer), [
        "anthropic",
        "claude-sonnet-4-6"
      ])
      const request = server.requests[0]!
      assert.strictEqual(`${request.method} ${request.path}`, "POST /v1/messages")
      assert.deepInclude(request.headers, { authorization: "Bearer sk-env-123456" })
      assert.strictEqual(request.json.stream, true)
      assert.strictEqual(request.json.max_tokens, 4096)
    }))

  it.effect("layer({ … }) takes settings over the environment, and options merge nothing else in", () =>
    Effect.gen(function*() {
      const server = yield* VendorServer.make([answer])
      const layer = Anthropic.layer({
        model: "claude-sonnet-4-6",
        apiKey: Redacted.make("sk-own-123456"),
        baseUrl: `${server.url}/proxy/`,
        headers: { "x-team": "blue", "anthropic-beta": "files-api-2025-04-14" }
      }).pipe(Layer.provide(environment({ ANTHROPIC_API_KEY: "sk-env-123456" })))
      yield* Collect.parts(yield* Collect.driverOf(layer))
      const request = server.requests[0]!
      assert.strictEqual(request.path, "/proxy/v1/messages")
      assert.deepInclude(request.headers, {
        authorization: "Bearer sk-own-123456",
        "x-team": "blue",
        "anthropic-beta": "files-api-2025-04-14"
      })
    }))

  it.effect("layer({ client }) uses a ready client, without its retries", () =>
    Effect.gen(function*() {
      const server = yield* VendorServer.make([{ status: 500, body: "{}" }, answer])
      const client = new AnthropicSdk({ apiKey: "sk-client-1234", baseURL: server.url, maxRetries: 5 })
      const driver = yield* Collect.driverOf(Anthropic.layer({ model: "claude-sonnet-4-6", client }))
      const error = yield* Effect.flip(Collect.parts(driver))
      assert.strictEqual(error.reason._tag, "InternalProviderError")
      assert.strictEqual(server.requests.length, 1)
      assert.strictEqual(Collect.summarize(yield* Collect.parts(driver)).text, text)
    }))

  it.effect("layerConfig({ … }) takes Configs, and says which one cannot be read", () =>
    Effect.gen(function*() {
      const server = yield* VendorServer.make([answer])
      const layer = Anthropic.layerConfig({
        model: Config.String("MODEL"),
        apiKey: Config.Redacted("MY_KEY"),
        baseUrl: server.url,
        idleTimeout: Config.Duration("IDLE")
      })
      const driver = yield* Collect.driverOf(
        Layer.provide(layer, environment({ MODEL: "claude-x", MY_KEY: "sk-config-1234", IDLE: "5 seconds" }))
      )
      yield* Collect.parts(driver)
      assert.strictEqual(server.requests[0]!.json.model, "claude-x")
      const error = yield* unresolved(layer, { MODEL: "claude-x", MY_KEY: "sk-config-1234" })
      assert.strictEqual(error.problem, "bad-settings")
      assert.include(error.message, "`idleTimeout`")
    }))

  it.effect("a key that is missing, empty or malformed is named, and never shown", () =>
    Effect.gen(function*() {
      const missing = yield* unresolved(Anthropic.model("claude-sonnet-4-6"))
      assert.strictEqual(missing.problem, "missing-key")
      assert.include(missing.message, "ANTHROPIC_API_KEY")
      assert.include(missing.message, "anthropic/claude-sonnet-4-6")
      assert.strictEqual(
        (yield* unresolved(Anthropic.model("claude-sonnet-4-6"), { ANTHROPIC_API_KEY: "" })).problem,
        "missing-key"
      )
      for (
        const [key, what] of [
          ["sk-secret-value\n", "a line break at position 16 of 16"],
          ["sk-secret value", "a blank at position 10"],
          ["sk-secret\u0000value", "a control character"],
          ["sk-secret–value", "not ASCII"]
        ] as const
      ) {
        for (
          const error of [
            yield* unresolved(Anthropic.model("claude-sonnet-4-6"), { ANTHROPIC_API_KEY: key }),
            yield* unresolved(Anthropic.layer({ model: "claude-sonnet-4-6", apiKey: Redacted.make(key) }))
          ]
        ) {
          assert.strictEqual(error.problem, "malformed-key")
          assert.include(error.message, what)
          assert.notInclude(JSON.stringify(error) + String(error) + error.stack, "secret")
        }
      }
    }))

  it.effect("an address that is none is a bad setting", () =>
    Effect.gen(function*() {
      for (const baseUrl of ["localhost:1234/v1", "nonsense", "ftp://x"]) {
        const error = yield* unresolved(
          Anthropic.layer({ model: "claude-sonnet-4-6", apiKey: Redacted.make("sk-1"), baseUrl })
        )
        assert.strictEqual(error.problem, "bad-settings")
        assert.include(error.message, baseUrl)
      }
      const withPassword = "https://me:hunter22@example.org/v1"
      const error = yield* unresolved(
        Anthropic.layer({ model: "claude-sonnet-4-6", apiKey: Redacted.make("sk-1"), baseUrl: withPassword })
      )
      assert.strictEqual(error.problem, "bad-settings")
      assert.notInclude(error.message, "hunter22")
    }))

  it.effect("what a user knows of a model corrects the table", () =>
    Effect.gen(function*() {
      const server = yield* VendorServer.make([answer])
      const driver = yield* Collect.driverOf(Anthropic.layer({
        model: "local-7b",
        apiKey: Redacted.make("none"),
        baseUrl: server.url,
        capabilities: [{ model: /7b$/, is: { reasoning: false } }]
      }))
      assert.isFalse(driver.capabilities.reasoning)
      yield* Collect.parts(driver, Collect.request("Hi", { options: { reasoning: "low" } }))
      assert.notProperty(server.requests[0]!.json, "thinking")
      assert.notProperty(server.requests[0]!.json, "output_config")
    }))

  it.effect("FLUXION_LOG=wire shows the traffic on stderr, without the key, also of a ready client", () =>
    Effect.gen(function*() {
      const server = yield* VendorServer.make([answer])
      const lines = yield* stderr
      const settings = { model: "claude-sonnet-4-6", apiKey: Redacted.make("sk-wire-123456"), baseUrl: server.url }
      const client = new AnthropicSdk({ apiKey: "sk-wire-123456", baseURL: server.url })
      for (const options of [settings, { model: "claude-sonnet-4-6", client }]) {
        const layer = Layer.provide(Anthropic.layer(options), environment({ FLUXION_LOG: "wire" }))
        const driver = yield* Collect.driverOf(layer)
        lines.length = 0
        yield* Collect.parts(driver)
        const shown = lines.join("\n")
        assert.match(shown, /^fluxion wire anthropic #\d+ → POST http:\/\/127\.0\.0\.1:\d+\/v1\/messages$/m)
        assert.match(shown, /← 200 OK/)
        assert.include(shown, `"type":"message_stop"`)
        assert.notInclude(shown, "sk-wire")
      }
    }))

  it.effect("a server that cannot stream and answers whole is understood", () =>
    Effect.gen(function*() {
      const body = JSON.stringify(Wire.whole(Wire.scenarios[0]!))
      const server = yield* VendorServer.make([{ headers: { "content-type": "application/json" }, body }])
      const driver = yield* Collect.driverOf(
        Anthropic.layer({ model: "x", apiKey: Redacted.make("none"), baseUrl: server.url })
      )
      assert.strictEqual(Collect.summarize(yield* Collect.parts(driver)).text, text)
    }))
})

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

describe("Anthropic.provider", () => {
  it.effect("models share their places, and one 429 holds the calls to that model only", () =>
    Effect.gen(function*() {
      const limited = {
        status: 429,
        headers: { "content-type": "application/json", "retry-after": "20" },
        body: JSON.stringify({ type: "error", error: { message: "slow", type: "rate_limit_error" } })
      }
      const server = yield* VendorServer.make((_, index) => index === 0 ? limited : answer)
      const provider = Anthropic.provider({ baseUrl: server.url, maxConcurrentRequests: 1 })
      yield* Effect.gen(function*() {
        const ask = (model: LanguageModel.LanguageModel) =>
          LanguageModel.generateText({ prompt: "Hi" }).pipe(
            Effect.provideService(LanguageModel.LanguageModel, model)
          )
        const models = () => server.requests.map(({ json }) => json.model)
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
      }).pipe(Effect.provide(environment({ ANTHROPIC_API_KEY: "sk-env-123456" })))
    }))

  it.effect("is found by its name in Models, which makes each model once", () =>
    Effect.gen(function*() {
      const server = yield* VendorServer.make([answer])
      const provider = Anthropic.provider({ apiKey: Redacted.make("sk-own-123456"), baseUrl: server.url })
      yield* Effect.gen(function*() {
        const models = yield* Models.Models
        const model = yield* models.get("anthropic/claude-sonnet-4-20250514")
        assert.strictEqual(model, yield* models.get("anthropic/claude-sonnet-4-20250514"))
        yield* LanguageModel.generateText({ prompt: "Hi" }).pipe(
          Effect.provideService(LanguageModel.LanguageModel, model)
        )
        assert.strictEqual(server.requests[0]!.json.model, "claude-sonnet-4-20250514")
        assert.strictEqual(server.requests[0]!.headers.authorization, "Bearer sk-own-123456")
      }).pipe(Effect.provide(Models.layer([provider])))
    }))
})

const Book = Tool.make("book", {
  parameters: Schema.Struct({ day: Schema.DateTimeUtcFromString, note: Schema.optionalKey(Schema.String) }),
  success: Schema.String
}).annotate(Tool.Strict, true)

describe("the standard LanguageModel over Anthropic", () => {
  const layer = (url: string) =>
    Anthropic.layer({ model: "claude-sonnet-4-6", apiKey: Redacted.make("sk-own-123456"), baseUrl: url })

  for (const stream of [true, false]) {
    it.effect(`runs a strict tool with its own types (stream: ${stream})`, () =>
      Effect.gen(function*() {
        const scenario = {
          blocks: [Wire.call("toolu_1", "book", `{"day":"2026-03-01T00:00:00.000Z","note":null}`)],
          end: { stop_reason: "tool_use" }
        }
        const server = yield* VendorServer.make([
          stream
            ? { headers: sse, body: Wire.sse(Wire.events(scenario)) }
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
        assert.strictEqual(server.requests[0]!.json.max_tokens, 77)
        assert.strictEqual(server.requests[0]!.json.stream, stream)
      }))
  }

  it.effect("generates an object in the shape that Anthropic was asked for", () =>
    Effect.gen(function*() {
      const server = yield* VendorServer.make([
        { headers: sse, body: Wire.sse(Wire.events({ blocks: [Wire.text(`{"name":"Ada","nick":null}`)], end: {} })) }
      ])
      const schema = Schema.Struct({ name: Schema.String, nick: Schema.optionalKey(Schema.String) })
      const response = yield* LanguageModel.generateObject({ prompt: "Hi", schema }).pipe(
        Effect.provide(layer(server.url))
      )
      assert.deepStrictEqual(response.value, { name: "Ada" })
      assert.strictEqual(server.requests[0]!.json.output_config.format.type, "json_schema")
    }))

  it.effect("shows what a tool did that Anthropic runs", () =>
    Effect.gen(function*() {
      const WebSearch = Tool.providerDefined({
        id: "anthropic.web_search_20250305",
        customName: "search_the_web",
        providerName: "web_search",
        parameters: Schema.Unknown,
        success: Schema.Array(Schema.Struct({ url: Schema.String }))
      })
      const server = yield* VendorServer.make([
        { headers: sse, body: Wire.sse(Wire.events(Wire.scenarios[6]!)) }
      ])
      const response = yield* LanguageModel.generateText({
        prompt: "Hi",
        toolkit: Toolkit.make(WebSearch(undefined))
      }).pipe(Effect.provide(layer(server.url)))
      assert.deepStrictEqual(response.toolResults.map(({ result }) => result), [[{ url: "https://example.org/inch" }]])
      assert.deepStrictEqual(server.requests[0]!.json.tools, [{ type: "web_search_20250305", name: "web_search" }])
    }))
})
