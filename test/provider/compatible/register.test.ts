/**
 * Servers by their names: those that come with the package, and those that a program registers, before or after a Layer
 * is built.
 */
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Redacted } from "effect"
import { type AiError, LanguageModel } from "effect/ai"
import * as Driver from "../../../src/agent/Driver.ts"
import { Models } from "../../../src/agent/Models.ts"
import type { ModelUnresolved } from "../../../src/core/AgentError.ts"
import { OpenAiCompatible } from "../../../src/provider/compatible/index.ts"
import { Providers } from "../../../src/provider/index.ts"
import * as VendorServer from "../support/VendorServer.ts"
import * as Wire from "./fixtures/Wire.ts"

const answer: VendorServer.Reply = {
  headers: { "content-type": "text/event-stream" },
  body: Wire.sse(Wire.chunks(Wire.scenarios[0]!))
}

const environment = (values: Record<string, string>) => ConfigProvider.layer(ConfigProvider.fromUnknown(values))

const call = (model: LanguageModel.LanguageModel) =>
  LanguageModel.generateText({ prompt: "Hi" }).pipe(Effect.provideService(LanguageModel.LanguageModel, model))

const ask = (id: string) => Effect.flatMap(Models.use((models) => models.get(id)), call)

const urlOf = (model: LanguageModel.LanguageModel) =>
  Effect.map(Effect.flip(call(model)), ({ reason }) => reason._tag === "NetworkError" ? reason.url : reason._tag)

const problem = <A, R>(effect: Effect.Effect<A, ModelUnresolved | AiError.AiError, R>) =>
  Effect.map(Effect.flip(effect), (error) => "problem" in error ? error.problem : error.reason._tag)

/** The registry belongs to the process: every test uses names of its own. */
let count = 0
const newName = () => `server-${++count}`

describe("OpenAiCompatible.register", () => {
  it.effect("makes a server known to Providers.layer, before and after the Layer is built", () =>
    Effect.gen(function*() {
      const server = yield* VendorServer.make([answer])
      const [before, after] = [newName(), newName()]
      OpenAiCompatible.register(before, { baseUrl: `${server.url}/before` })
      yield* Effect.gen(function*() {
        yield* ask(`${before}/org/model:1`)
        assert.strictEqual(yield* problem(ask(`${after}/a`)), "unknown-provider")
        OpenAiCompatible.register(after, { baseUrl: `${server.url}/after`, apiKeyEnv: "AFTER_KEY" })
        yield* ask(`${after}/a`)
        const models = yield* Models
        assert.strictEqual(yield* models.get(`${after}/a`), yield* models.get(`${after}/a`))
      }).pipe(Effect.provide(Providers.layer), Effect.provide(environment({ AFTER_KEY: "key-after-1" })))
      assert.deepStrictEqual(
        server.requests.map(({ headers, json, path }) => [path, json.model, headers.authorization]),
        [
          ["/before/chat/completions", "org/model:1", "Bearer none"],
          ["/after/chat/completions", "a", "Bearer key-after-1"]
        ]
      )
    }))

  it.effect("replaces a server of that name, also for a Layer that has used it", () =>
    Effect.gen(function*() {
      const server = yield* VendorServer.make([answer])
      const name = newName()
      OpenAiCompatible.register(name, { baseUrl: `${server.url}/old` })
      yield* Effect.gen(function*() {
        yield* ask(`${name}/a`)
        OpenAiCompatible.register(name, { baseUrl: `${server.url}/new`, headers: { "x-new": "1" } })
        yield* ask(`${name}/a`)
        yield* ask(`${name}/b`)
      }).pipe(Effect.provide(Providers.layer))
      assert.deepStrictEqual(server.requests.map(({ headers, path }) => [path, headers["x-new"]]), [
        ["/old/chat/completions", undefined],
        ["/new/chat/completions", "1"],
        ["/new/chat/completions", "1"]
      ])
    }))

  it.effect("gives the server's models a Layer each, by model(\"server/model\")", () =>
    Effect.gen(function*() {
      const server = yield* VendorServer.make([answer])
      const name = newName()
      OpenAiCompatible.register(name, {
        baseUrl: `${server.url}/v1`,
        capabilities: [{ model: /^a/, is: { tools: false } }],
        dialect: { maxTokens: "max_completion_tokens" }
      })
      const layer = OpenAiCompatible.model(`${name}/acme`)
      yield* Effect.provide(LanguageModel.generateText({ prompt: "Hi" }), layer)
      const driver = Driver.of(yield* Effect.provide(LanguageModel.LanguageModel, layer))
      assert.strictEqual(driver?.provider, name)
      assert.strictEqual(driver?.model, "acme")
      assert.isFalse(driver?.capabilities.tools)
      assert.strictEqual(server.requests[0]!.json.model, "acme")
    }))

  it("refuses the names of other providers, and what is no name", () => {
    for (const name of ["openai", "anthropic", "google", "ollama"]) {
      assert.throws(
        () => OpenAiCompatible.register(name, { baseUrl: "http://x" }),
        TypeError,
        `"${name}" is a provider`
      )
    }
    for (const name of ["", "a/b", "a b", "é", "x".repeat(65)]) {
      assert.throws(() => OpenAiCompatible.register(name, { baseUrl: "http://x" }), TypeError, "cannot be the name")
    }
    assert.throws(() => Providers.layerWith({ compatible: { openai: {} } }), TypeError, `"openai" is a provider`)
  })

  it.effect("what is wrong with a registered address is said when a model is asked for", () =>
    Effect.gen(function*() {
      const name = newName()
      OpenAiCompatible.register(name, { baseUrl: "nonsense" })
      assert.strictEqual(yield* problem(Layer.build(OpenAiCompatible.model(`${name}/a`))), "bad-settings")
    }))

  it.effect("model() says what is wrong with a name", () =>
    Effect.gen(function*() {
      const fail = (id: string) => Effect.flip(Layer.build(OpenAiCompatible.model(id)))
      assert.strictEqual((yield* fail("llama")).problem, "bad-name")
      const unknown = yield* fail("nobody/llama")
      assert.strictEqual(unknown.problem, "unknown-provider")
      assert.include(unknown.message, "groq, openrouter, deepseek, mistral, vllm, lmstudio")
    }))
})

describe("the servers that are known", () => {
  for (
    const [name, variable, url] of [
      ["groq", "GROQ_API_KEY", "https://api.groq.com/openai/v1"],
      ["openrouter", "OPENROUTER_API_KEY", "https://openrouter.ai/api/v1"],
      ["deepseek", "DEEPSEEK_API_KEY", "https://api.deepseek.com"],
      ["mistral", "MISTRAL_API_KEY", "https://api.mistral.ai/v1"]
    ] as const
  ) {
    it.effect(`${name} takes its key from ${variable}`, () =>
      Effect.gen(function*() {
        const missing = yield* Effect.flip(
          Layer.build(OpenAiCompatible.model(`${name}/a`)).pipe(Effect.provide(environment({})))
        )
        assert.strictEqual(missing.problem, "missing-key")
        assert.include(missing.message, variable)
        const seen: Array<string> = []
        const provider = OpenAiCompatible.provider(name, {
          fetch: async (input, init) => {
            seen.push(String(input), new Headers(init?.headers).get("authorization") ?? "")
            throw new TypeError("fetch failed")
          }
        })
        const model = yield* Effect.provide(provider.model("a"), environment({ [variable]: "key-123456" }))
        assert.strictEqual(yield* urlOf(model), `${url}/chat/completions`)
        assert.deepStrictEqual(seen, [`${url}/chat/completions`, "Bearer key-123456"])
      }))
  }

  for (
    const [name, variable, key, url] of [
      ["vllm", "VLLM_BASE_URL", "VLLM_API_KEY", "http://127.0.0.1:8000/v1"],
      ["lmstudio", "LMSTUDIO_BASE_URL", "LMSTUDIO_API_KEY", "http://127.0.0.1:1234/v1"]
    ] as const
  ) {
    it.effect(`${name} is on this machine, without a key, or where ${variable} says`, () =>
      Effect.gen(function*() {
        const seen: Array<string> = []
        const fetch = async (input: unknown) => {
          seen.push(String(input))
          throw new TypeError("fetch failed")
        }
        const here = yield* OpenAiCompatible.provider(name, { fetch }).model("a").pipe(Effect.provide(environment({})))
        assert.strictEqual(yield* urlOf(here), `${url}/chat/completions`)
        const server = yield* VendorServer.make([answer])
        yield* LanguageModel.generateText({ prompt: "Hi" }).pipe(
          Effect.provide(OpenAiCompatible.model(`${name}/a`)),
          Effect.provide(environment({ [variable]: `${server.url}/own`, [key]: "key-own-1" }))
        )
        assert.strictEqual(server.requests[0]!.path, "/own/chat/completions")
        assert.strictEqual(server.requests[0]!.headers.authorization, "Bearer key-own-1")
      }))
  }

  it.effect("a key of another vendor is not sent to Groq, but may be to a proxy", () =>
    Effect.gen(function*() {
      const values = { GROQ_API_KEY: "sk-ant-123456789" }
      const build = (options: OpenAiCompatible.ProviderOptions) =>
        Effect.scoped(OpenAiCompatible.provider("groq", options).model("a")).pipe(Effect.provide(environment(values)))
      const error = yield* Effect.flip(build({}))
      assert.strictEqual(error.problem, "wrong-key")
      assert.include(error.message, "GROQ_API_KEY")
      yield* build({ baseUrl: "https://proxy.example.org/v1" })
    }))
})

describe("Providers.layerWith", () => {
  it.effect("gives settings by the server's name, also of one that is not registered", () =>
    Effect.gen(function*() {
      const server = yield* VendorServer.make([answer])
      const name = newName()
      const layer = Providers.layerWith({
        compatible: {
          groq: { baseUrl: `${server.url}/groq`, apiKey: Redacted.make("gsk_own_123") },
          [name]: { baseUrl: `${server.url}/own` }
        }
      })
      yield* Effect.gen(function*() {
        yield* ask("groq/llama")
        yield* ask(`${name}/a`)
        const unknown = yield* Effect.flip(Models.use((models) => models.get("nobody/a")))
        assert.include(unknown.message, `openai, anthropic, google, ollama, groq, openrouter, deepseek`)
        assert.include(unknown.message, name)
      }).pipe(Effect.provide(layer))
      assert.deepStrictEqual(server.requests.map(({ path }) => path), [
        "/groq/chat/completions",
        "/own/chat/completions"
      ])
      assert.strictEqual(yield* problem(Effect.provide(ask(`${name}/a`), Providers.layer)), "unknown-provider")
    }))
})
