/**
 * How a Google model is come by, and what the standard `LanguageModel` and an agent do over it: what only this provider
 * has. The rest is in `../layers.test.ts`.
 */
import { assert, describe, it } from "@effect/vitest"
import { GoogleGenAI } from "@google/genai"
import { ConfigProvider, Effect, Layer, Redacted, Schema } from "effect"
import { LanguageModel, Model, Tool, Toolkit } from "effect/ai"
import * as Agent from "../../../src/agent/Agent.ts"
import type { ModelUnresolved } from "../../../src/core/AgentError.ts"
import * as Task from "../../../src/durable/Task.ts"
import { Google } from "../../../src/provider/google/index.ts"
import * as Collect from "../support/Collect.ts"
import * as VendorServer from "../support/VendorServer.ts"
import * as Wire from "./fixtures/Wire.ts"

const reply = (scenario: Pick<Wire.Scenario, "parts" | "end">): VendorServer.Reply => ({
  headers: Wire.sseHeaders,
  body: Wire.sse(Wire.chunks(scenario))
})

const stop = { finishReason: "STOP" }
const answer = reply(Wire.scenario("a text"))
const text = Wire.scenario("a text").expect.text

const environment = (values: Record<string, string>) => ConfigProvider.layer(ConfigProvider.fromUnknown(values))

const unresolved = <A>(layer: Layer.Layer<A, ModelUnresolved>, values: Record<string, string> = {}) =>
  Effect.flip(Layer.build(layer)).pipe(Effect.provide(environment(values)))

const settings = (baseUrl: string, more: Partial<Google.Options> = {}): Google.Options => ({
  model: "gemini-3-flash",
  apiKey: Redacted.make(Wire.apiKey),
  baseUrl,
  ...more
})

describe("Google", () => {
  it.effect("model(name) reads key, address and version from the environment", () =>
    Effect.gen(function*() {
      const server = yield* VendorServer.make([answer])
      const values = {
        GOOGLE_API_KEY: "AIza-first-1",
        GEMINI_API_KEY: "AIza-second",
        GOOGLE_GEMINI_BASE_URL: server.url
      }
      const layer = Google.model("gemini-3-flash").pipe(Layer.provide(environment(values)))
      const response = yield* LanguageModel.generateText({ prompt: "Hi" }).pipe(Effect.provide(layer))
      assert.strictEqual(response.text, text)
      assert.deepStrictEqual(yield* Effect.provide(Effect.all([Model.ProviderName, Model.ModelName]), layer), [
        "google",
        "gemini-3-flash"
      ])
      const request = server.requests[0]!
      const path = "/v1beta/models/gemini-3-flash:streamGenerateContent?alt=sse"
      assert.strictEqual(`${request.method} ${request.path}`, `POST ${path}`)
      assert.strictEqual(request.headers["x-goog-api-key"], "AIza-first-1")
      assert.deepStrictEqual(request.json, {
        contents: [{ role: "user", parts: [{ text: "Hi" }] }],
        generationConfig: {}
      })
    }))

  it.effect("the key may be in GEMINI_API_KEY, the version in GOOGLE_GENAI_API_VERSION", () =>
    Effect.gen(function*() {
      const server = yield* VendorServer.make([answer])
      for (const [version, path] of [["v1", "/v1/"], ["beta", "/v1beta/"], ["", "/v1beta/"]] as const) {
        const values = {
          GOOGLE_API_KEY: "",
          GEMINI_API_KEY: "AIza-second",
          GOOGLE_GEMINI_BASE_URL: server.url,
          GOOGLE_GENAI_API_VERSION: version
        }
        yield* Collect.parts(
          yield* Collect.driverOf(Layer.provide(Google.model("gemini-3-flash"), environment(values)))
        )
        const request = server.requests.at(-1)!
        assert.strictEqual(request.headers["x-goog-api-key"], "AIza-second")
        assert.isTrue(request.path.startsWith(path), request.path)
      }
    }))

  it.effect("layer({ … }) takes settings over the environment", () =>
    Effect.gen(function*() {
      const server = yield* VendorServer.make([answer])
      const values = {
        GOOGLE_API_KEY: "AIza-env-123",
        GOOGLE_GENAI_API_VERSION: "v1",
        GOOGLE_GENAI_USE_VERTEXAI: "true"
      }
      const layer = Google.layer(
        settings(`${server.url}/proxy/`, { apiVersion: "v1alpha", headers: { "x-team": "blue" } })
      ).pipe(Layer.provide(environment(values)))
      yield* Collect.parts(yield* Collect.driverOf(layer))
      const request = server.requests[0]!
      assert.strictEqual(request.path, "/proxy/v1alpha/models/gemini-3-flash:streamGenerateContent?alt=sse")
      assert.deepInclude(request.headers, { "x-goog-api-key": Wire.apiKey, "x-team": "blue" })
    }))

  it.effect("layer({ client }) uses a ready client, without its retries", () =>
    Effect.gen(function*() {
      const server = yield* VendorServer.make([{ status: 503, body: "{}" }, answer])
      let fetched = 0
      const client = new GoogleGenAI({
        apiKey: "AIza-client-1",
        vertexai: false,
        apiVersion: "v1",
        httpOptions: {
          baseUrl: server.url,
          retryOptions: { attempts: 5, initialDelay: 0.001 },
          fetch: (input, init) => {
            fetched++
            return globalThis.fetch(input, init)
          }
        }
      })
      const driver = yield* Collect.driverOf(Google.layer({ model: "gemini-3-flash", client }))
      const error = yield* Effect.flip(Collect.parts(driver))
      assert.strictEqual(error.reason._tag, "InternalProviderError")
      assert.strictEqual(server.requests.length, 1)
      assert.strictEqual(Collect.summarize(yield* Collect.parts(driver)).text, text)
      assert.strictEqual(server.requests[1]!.headers["x-goog-api-key"], "AIza-client-1")
      assert.isTrue(server.requests[1]!.path.startsWith("/v1/"))
      assert.strictEqual(fetched, 2)
    }))

  it.effect("a client for Vertex AI goes to its own address", () =>
    Effect.gen(function*() {
      const server = yield* VendorServer.make([answer])
      const client = new GoogleGenAI({ vertexai: true, apiKey: "AIza-vertex-1", httpOptions: { baseUrl: server.url } })
      const driver = yield* Collect.driverOf(Google.layer({ model: "gemini-3-flash", client }))
      assert.strictEqual(Collect.summarize(yield* Collect.parts(driver)).text, text)
      assert.match(server.requests[0]!.path, /publishers\/google\/models\/gemini-3-flash:streamGenerateContent/)
    }))

  it.effect("a key that is missing is one of two, and a malformed one is named by its variable", () =>
    Effect.gen(function*() {
      const missing = yield* unresolved(Google.model("gemini-3-flash"))
      assert.include(missing.message, "GOOGLE_API_KEY or GEMINI_API_KEY")
      const error = yield* unresolved(Google.model("gemini-3-flash"), { GEMINI_API_KEY: "AIza-secret-value\n" })
      assert.strictEqual(error.problem, "malformed-key")
      assert.include(error.message, "in GEMINI_API_KEY has a line break")
      assert.notInclude(JSON.stringify(error) + String(error) + error.stack, "secret")
    }))

  it.effect("a name may begin with models/", () =>
    Effect.gen(function*() {
      const server = yield* VendorServer.make([answer])
      yield* Collect.parts(yield* Wire.driver(server.url, { model: "models/gemini-3-flash" }))
      assert.strictEqual(server.requests[0]!.path, "/v1beta/models/gemini-3-flash:streamGenerateContent?alt=sse")
    }))

  it.effect("an address that is none, and a header that is none, are bad settings", () =>
    Effect.gen(function*() {
      for (const baseUrl of ["localhost:1234", "nonsense", "ftp://x"]) {
        const error = yield* unresolved(Google.layer(settings(baseUrl)))
        assert.strictEqual(error.problem, "bad-settings")
        assert.include(error.message, baseUrl)
      }
      const error = yield* unresolved(Google.layer(settings("http://127.0.0.1:9", { headers: { "a b": "c" } })))
      assert.strictEqual(error.problem, "bad-settings")
      assert.include(error.message, "`headers`")
    }))

  it.effect("a server that cannot stream and answers whole, or with a list, is understood", () =>
    Effect.gen(function*() {
      for (const body of [Wire.whole(Wire.scenario("a text")), Wire.chunks(Wire.scenario("a text"))]) {
        const server = yield* VendorServer.make([{ headers: Wire.jsonHeaders, body: JSON.stringify(body) }])
        const driver = yield* Wire.driver(server.url)
        assert.strictEqual(Collect.summarize(yield* Collect.parts(driver)).text, text)
      }
    }))

  it.effect("a continuation is not asked for behind the caller's back", () =>
    Effect.gen(function*() {
      const end = { finishReason: "CONTINUATION", continuationToken: "more" }
      for (const stream of [true, false]) {
        const scenario = { parts: [{ text: "Well" }], end }
        const server = yield* VendorServer.make([
          stream ? reply(scenario) : { headers: Wire.jsonHeaders, body: JSON.stringify(Wire.whole(scenario)) }
        ])
        const driver = yield* Wire.driver(server.url)
        const parts = yield* Collect.parts(driver, Collect.request("Hi", { options: { stream } }))
        assert.deepInclude(Collect.summarize(parts), { text: "Well", finish: "length" })
        assert.strictEqual(server.requests.length, 1)
      }
    }))
})

describe("the standard LanguageModel over Google", () => {
  it.effect("shows what Google ran itself, when it was declared", () =>
    Effect.gen(function*() {
      const RunCode = Tool.providerDefined({
        id: "google.code_execution",
        customName: "run_code",
        providerName: "codeExecution",
        parameters: Schema.Unknown,
        success: Schema.Struct({ outcome: Schema.String, output: Schema.String })
      })
      const server = yield* VendorServer.make([reply(Wire.scenario("code that Google ran"))])
      const response = yield* LanguageModel.generateText({
        prompt: "Hi",
        toolkit: Toolkit.make(RunCode(undefined))
      }).pipe(Effect.provide(Google.layer(settings(server.url))))
      assert.deepStrictEqual(response.toolResults.map(({ result }) => result), [{
        outcome: "OUTCOME_OK",
        output: "42\n"
      }])
      assert.deepStrictEqual(server.requests[0]!.json.tools, [{ codeExecution: {} }])
    }))
})

describe("an agent over Google", () => {
  const getWeather = Task.make("get_weather", {
    description: "Current weather for a city.",
    payload: { city: Schema.String },
    success: Schema.String,
    run: ({ city }) => Effect.succeed(`Sunny in ${city}`)
  })

  it.effect("gives every part back as it came, turn by turn", () =>
    Effect.gen(function*() {
      const call = (name: string) => ({ functionCall: { name: "get_weather", args: { city: name } } })
      const turns = [
        [
          { text: "Let me see.", thought: true },
          { text: "One moment." },
          { text: "", thoughtSignature: "c2lnLTE=" },
          { ...call("Bern"), thoughtSignature: "c2lnLTI=" },
          call("Rome")
        ],
        [{ ...call("Oslo"), thoughtSignature: "c2lnLTM=" }],
        [{ text: "All sunny." }, { text: "", thoughtSignature: "c2lnLTQ=" }]
      ]
      const server = yield* VendorServer.make(turns.map((parts) => reply({ parts, end: stop })))
      const assistant = Agent.make("assistant", { instructions: "You know the weather.", tools: [getWeather] })
      const result = yield* assistant.result("How is it in Bern, Rome and Oslo?").pipe(
        Effect.provide(Google.layer(settings(server.url)))
      )
      assert.strictEqual(result.output, "All sunny.")
      const sent = server.requests.at(-1)!.json
      assert.deepStrictEqual(sent.systemInstruction, { parts: [{ text: "You know the weather." }] })
      const answered = (...names: ReadonlyArray<string>) => ({
        role: "user",
        parts: names.map((name) => ({
          functionResponse: { name: "get_weather", response: { output: `Sunny in ${name}` } }
        }))
      })
      assert.deepStrictEqual(sent.contents, [
        { role: "user", parts: [{ text: "How is it in Bern, Rome and Oslo?" }] },
        { role: "model", parts: turns[0] },
        answered("Bern", "Rome"),
        { role: "model", parts: turns[1] },
        answered("Oslo")
      ])
    }))
})
