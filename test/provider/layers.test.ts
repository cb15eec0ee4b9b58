/**
 * How a model is come by, the same for all providers: settings, Configs, a ready client, by name; and what the standard
 * `LanguageModel` does over it. What only one of them has is in the folder of each.
 */
import AnthropicSdk from "@anthropic-ai/sdk"
import { assert, describe, it } from "@effect/vitest"
import { GoogleGenAI } from "@google/genai"
import { Config, ConfigProvider, DateTime, type Duration, Effect, Fiber, Layer, Redacted, Schema } from "effect"
import { LanguageModel, Tool, Toolkit } from "effect/ai"
import { TestClock } from "effect/testing"
import { type AgentError, Models } from "fluxion"
import { Anthropic } from "fluxion/anthropic"
import { Google } from "fluxion/google"
import { Ollama } from "fluxion/ollama"
import { OpenAi } from "fluxion/openai"
import { OpenAiCompatible } from "fluxion/openai-compatible"
import { Ollama as OllamaSdk } from "ollama"
import OpenAiSdk from "openai"
import { CurrentModelOptions } from "../../src/agent/ModelOptions.ts"
import { modelOf, wireApi } from "./legality/WireApis.ts"
import * as Collect from "./support/Collect.ts"
import { of as faultsOf } from "./support/Faults.ts"
import { reply, type Vendor, vendors } from "./support/Vendors.ts"
import * as VendorServer from "./support/VendorServer.ts"

type ModelLayer = Layer.Layer<LanguageModel.LanguageModel, AgentError.ModelUnresolved>

/** Options that come from the configuration. */
interface Configured {
  readonly model: Config.Config<string>
  readonly apiKey: Config.Config<Redacted.Redacted<string>>
  readonly idleTimeout: Config.Config<Duration.Duration>
}

/** The ways into one provider, for a server at an address. */
interface Ways {
  /** Its name in `"provider/model"`. */
  readonly provider: string
  readonly ofProvider: (url: string, options?: { readonly maxConcurrentRequests?: number }) => Models.Provider
  readonly ofConfig: (url: string, options: Configured) => ModelLayer
  /** By a ready client of the SDK, which would try again by itself. */
  readonly ofClient: (url: string, apiKey: string) => ModelLayer
  readonly path: string
  /** What is in the last event of a response. */
  readonly last: string
  /** It wants `null` for what is optional. */
  readonly nulls: boolean
}

const key = ({ key }: Vendor) => Redacted.make(key)

const ways = (vendor: Vendor): Ways => {
  const apiKey = key(vendor)
  switch (vendor.name) {
    case "openai":
      return {
        provider: "openai",
        ofProvider: (url, options) => OpenAi.provider({ apiKey, baseUrl: `${url}/v1`, ...options }),
        ofConfig: (url, options) => OpenAi.layerConfig({ ...options, baseUrl: `${url}/v1` }),
        ofClient: (url, apiKey) =>
          OpenAi.layer({
            model: "gpt-5",
            client: new OpenAiSdk({ apiKey, baseURL: `${url}/v1`, maxRetries: 5 })
          }),
        path: "/v1/responses",
        last: `"type":"response.completed"`,
        nulls: true
      }
    case "anthropic":
      return {
        provider: "anthropic",
        ofProvider: (url, options) => Anthropic.provider({ apiKey, baseUrl: url, ...options }),
        ofConfig: (url, options) => Anthropic.layerConfig({ ...options, baseUrl: url }),
        ofClient: (url, apiKey) =>
          Anthropic.layer({
            model: "claude-sonnet-4-6",
            client: new AnthropicSdk({ apiKey, baseURL: url, maxRetries: 5 })
          }),
        path: "/v1/messages",
        last: `"type":"message_stop"`,
        nulls: true
      }
    case "google":
      return {
        provider: "google",
        ofProvider: (url, options) => Google.provider({ apiKey, baseUrl: url, ...options }),
        ofConfig: (url, options) => Google.layerConfig({ ...options, baseUrl: url }),
        ofClient: (url, apiKey) =>
          Google.layer({
            model: "gemini-3-flash",
            client: new GoogleGenAI({
              apiKey,
              vertexai: false,
              apiVersion: "v1beta",
              httpOptions: { baseUrl: url, retryOptions: { attempts: 5, initialDelay: 0.001 } }
            })
          }),
        path: "/v1beta/models/gemini-3-flash:streamGenerateContent?alt=sse",
        last: `"finishReason":"STOP"`,
        nulls: false
      }
    case "ollama":
      return {
        provider: "ollama",
        ofProvider: (url, options) => Ollama.provider({ host: url, ...options }),
        ofConfig: (url, options) => Ollama.layerConfig({ ...options, host: url }),
        ofClient: (url, apiKey) =>
          Ollama.layer({
            model: "llama3.2",
            client: new OllamaSdk({ host: url, headers: { authorization: `Bearer ${apiKey}` } })
          }),
        path: "/api/chat",
        last: `"done":true`,
        nulls: false
      }
    case "compatible":
      return {
        provider: "openrouter",
        ofProvider: (url, options) =>
          OpenAiCompatible.provider("openrouter", { apiKey, baseUrl: `${url}/v1`, ...options }),
        ofConfig: (url, options) =>
          OpenAiCompatible.layerConfig({ ...options, name: "openrouter", baseUrl: `${url}/v1` }),
        ofClient: (url, apiKey) =>
          OpenAiCompatible.layer({
            name: "openrouter",
            model: "acme/acme-7b",
            client: new OpenAiSdk({ apiKey, baseURL: `${url}/v1`, maxRetries: 5 })
          }),
        path: "/v1/chat/completions",
        last: "[DONE]",
        nulls: true
      }
  }
}

const environment = (values: Record<string, string>) => ConfigProvider.layer(ConfigProvider.fromUnknown(values))

const unresolved = (layer: ModelLayer, values: Record<string, string> = {}) =>
  Effect.flip(Layer.build(layer)).pipe(Effect.provide(environment(values)))

const ask = (model: LanguageModel.LanguageModel) =>
  LanguageModel.generateText({ prompt: "Hi" }).pipe(Effect.provideService(LanguageModel.LanguageModel, model))

/** What is written to standard error. */
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

const Book = Tool.make("book", {
  parameters: Schema.Struct({ day: Schema.DateTimeUtcFromString, note: Schema.optionalKey(Schema.String) }),
  success: Schema.String
})

const Person = Schema.Struct({
  name: Schema.String,
  nick: Schema.optionalKey(Schema.String),
  born: Schema.DateTimeUtcFromString
})

for (const vendor of vendors) {
  const { last, nulls, ofClient, ofConfig, ofProvider, path, provider } = ways(vendor)
  const text = "It is sunny in Tokyo."
  const answer = reply(vendor, vendor.answer({ text }), true)
  const wire = wireApi(vendor.name)

  describe(`a model of ${vendor.title}`, () => {
    it.effect("by a ready client goes without the client's retries, and without its key in errors", () =>
      Effect.gen(function*() {
        const server = yield* VendorServer.make([
          { status: 500, body: `no luck with key-of-${vendor.name}-client` },
          answer
        ])
        const driver = yield* Collect.driverOf(ofClient(server.url, `key-of-${vendor.name}-client`))
        const error = yield* Effect.flip(Collect.parts(driver))
        assert.strictEqual(error.reason._tag, "InternalProviderError")
        assert.include(error.message, "no luck with <redacted>")
        assert.strictEqual(server.requests.length, 1)
        assert.strictEqual(Collect.summarize(yield* Collect.parts(driver)).text, text)
      }))

    it.effect("by Configs is as they say, and names the one that cannot be read", () =>
      Effect.gen(function*() {
        const server = yield* VendorServer.make([answer])
        const layer = ofConfig(server.url, {
          model: Config.String("MODEL"),
          apiKey: Config.Redacted("MY_KEY"),
          idleTimeout: Config.Duration("IDLE")
        })
        const values = { MODEL: "model-x", MY_KEY: `${vendor.key}-configured` }
        yield* Collect.parts(
          yield* Collect.driverOf(Layer.provide(layer, environment({ ...values, IDLE: "5 seconds" })))
        )
        assert.strictEqual(modelOf(server.requests[0]!), "model-x")
        assert.include(JSON.stringify(server.requests[0]!.headers), values.MY_KEY)
        const error = yield* unresolved(layer, values)
        assert.strictEqual(error.problem, "bad-settings")
        assert.include(error.message, "`idleTimeout`")
      }))

    it.effect("with a key that is missing, empty or malformed is none: the key is named, and never shown", () =>
      Effect.gen(function*() {
        const keyless = vendor.layer(vendor.home, { keyless: true, model: "model-x" })
        const missing = yield* unresolved(keyless)
        assert.strictEqual(missing.problem, "missing-key")
        assert.include(missing.message, vendor.keyName)
        assert.include(missing.message, `${provider}/model-x`)
        assert.strictEqual((yield* unresolved(keyless, { [vendor.keyName]: "" })).problem, "missing-key")
        for (
          const [key, what] of [
            ["sk-secret-value\n", "a line break at position 16 of 16"],
            ["sk-secret value", "a blank at position 10"],
            ["sk-secret\u0000value", "a control character"],
            ["sk-secret–value", "not ASCII"]
          ] as const
        ) {
          for (
            const [error, place] of [
              [yield* unresolved(keyless, { [vendor.keyName]: key }), vendor.keyName],
              [yield* unresolved(vendor.layer(vendor.home, { apiKey: key })), "`apiKey`"]
            ] as const
          ) {
            assert.strictEqual(error.problem, "malformed-key")
            assert.include(error.message, what)
            assert.include(error.message, place)
            assert.notInclude(JSON.stringify(error) + String(error) + error.stack, "secret")
          }
        }
      }))

    // an Ollama server may be named by a word, and is asked to think whatever its models can do
    if (vendor.name !== "ollama") {
      it.effect(
        "at an address that is none is a bad setting",
        () =>
          Effect.gen(function*() {
            for (const address of ["localhost:1234", "nonsense", "ftp://x", "https://me:hunter22@example.org"]) {
              const error = yield* unresolved(vendor.layer(address))
              assert.strictEqual(error.problem, "bad-settings")
              if (address.includes("hunter22")) assert.notInclude(error.message, "hunter22")
              else assert.include(error.message, address)
            }
          })
      )

      it.effect(
        "can do what its user knows better than the table",
        () =>
          Effect.gen(function*() {
            const server = yield* VendorServer.make([answer])
            const driver = yield* Collect.driverOf(vendor.layer(server.url, {
              model: "local-7b",
              capabilities: [{ model: /7b$/, is: { reasoning: false } }]
            }))
            assert.isFalse(driver.capabilities.reasoning)
            yield* Collect.parts(driver, Collect.request("Hi", { options: { reasoning: "low" } }))
            assert.notMatch(JSON.stringify(server.requests[0]!.json), /reason|think|effort/i)
          })
      )
    }

    it.effect("is understood where its server cannot stream and answers whole", () =>
      Effect.gen(function*() {
        const server = yield* VendorServer.make([reply(vendor, vendor.answer({ text }), false)])
        const driver = yield* Collect.driverOf(vendor.layer(server.url))
        assert.strictEqual(Collect.summarize(yield* Collect.parts(driver)).text, text)
      }))

    it.effect("shows its traffic on stderr by FLUXION_LOG=wire, without the key, also of a ready client", () =>
      Effect.gen(function*() {
        const server = yield* VendorServer.make([answer])
        const lines = yield* stderr
        for (const layer of [vendor.layer(server.url), ofClient(server.url, vendor.key)]) {
          const driver = yield* Collect.driverOf(Layer.provide(layer, environment({ FLUXION_LOG: "wire" })))
          lines.length = 0
          yield* Collect.parts(driver)
          const shown = lines.join("\n")
          const request = new RegExp(`^fluxion wire ${provider} #\\d+ → POST (\\S+)$`, "m").exec(shown)
          assert.strictEqual(request?.[1], server.url + path)
          assert.match(shown, /← 200 OK/)
          assert.include(shown, last)
          assert.notInclude(shown, vendor.key)
        }
      }))

    it.effect("shares its places with the others of its provider, and one 429 holds the calls to it only", () =>
      Effect.gen(function*() {
        const limited = faultsOf[vendor.name].waits[0]!.reply
        const server = yield* VendorServer.make((_, index) => index === 0 ? limited : answer)
        const models = () => server.requests.map(modelOf)
        const made = ofProvider(server.url, { maxConcurrentRequests: 1 })
        assert.strictEqual(made.name, provider)
        const a = yield* made.model("a")
        const b = yield* made.model("b")
        yield* Effect.flip(ask(a))
        const held = yield* Effect.forkChild(ask(a))
        yield* ask(b)
        yield* ask(b)
        assert.deepStrictEqual(models(), ["a", "b", "b"])
        yield* TestClock.adjust("7 seconds")
        yield* Fiber.join(held)
        assert.deepStrictEqual(models(), ["a", "b", "b", "a"])
      }))

    it.effect("is found by its name, and made once", () =>
      Effect.gen(function*() {
        const server = yield* VendorServer.make([answer])
        yield* Effect.gen(function*() {
          const models = yield* Models.Models
          const model = yield* models.get(`${provider}/model-x`)
          assert.strictEqual(model, yield* models.get(`${provider}/model-x`))
          assert.strictEqual((yield* ask(model)).text, text)
          assert.strictEqual(modelOf(server.requests[0]!), "model-x")
        }).pipe(Effect.provide(Models.layer([ofProvider(server.url)])))
      }))
  })

  describe(`the standard LanguageModel over ${vendor.title}`, () => {
    for (const stream of [true, false]) {
      it.effect(`runs a tool with its own types, by the options of the call (stream: ${stream})`, () =>
        Effect.gen(function*() {
          const args = { day: "2026-03-01T00:00:00.000Z", ...(nulls ? { note: null } : {}) }
          const call = { id: "call_1", name: "book", json: JSON.stringify(args) }
          const server = yield* VendorServer.make([reply(vendor, vendor.answer({ calls: [call] }), stream)])
          const toolkit = Toolkit.make(Book.annotate(Tool.Strict, true))
          const response = yield* LanguageModel.generateText({ prompt: "Hi", toolkit }).pipe(
            Effect.provideService(CurrentModelOptions, { stream, maxTokens: 77 }),
            Effect.provide([
              vendor.layer(server.url),
              toolkit.toLayer({
                book: ({ day, note }) => Effect.succeed(`${DateTime.formatIso(day)} ${note === undefined}`)
              })
            ])
          )
          assert.strictEqual(response.toolResults[0]?.result, "2026-03-01T00:00:00.000Z true")
          assert.strictEqual(response.finishReason, "tool-calls")
          const said = wire.read(server.requests[0]!)
          assert.deepInclude(said, { tools: ["book"], maxTokens: 77, stream })
        }))
    }

    it.effect("generates an object in the shape that was asked for", () =>
      Effect.gen(function*() {
        const person = { name: "Ada", ...(nulls ? { nick: null } : {}), born: "1815-12-10T00:00:00.000Z" }
        const server = yield* VendorServer.make([
          reply(vendor, vendor.answer({ text: JSON.stringify(person) }), true)
        ])
        const { value } = yield* LanguageModel.generateObject({ prompt: "Hi", schema: Person }).pipe(
          Effect.provide(vendor.layer(server.url))
        )
        assert.deepStrictEqual(Object.keys(value), ["name", "born"])
        assert.strictEqual(value.born.epochMilliseconds, Date.UTC(1815, 11, 10))
        const { required } = wire.read(server.requests[0]!).schema as { readonly required: ReadonlyArray<string> }
        assert.deepStrictEqual(required, nulls ? ["name", "nick", "born"] : ["name", "born"])
      }))
  })
}
