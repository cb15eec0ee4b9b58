/**
 * How an OpenAI model is come by, and what the standard `LanguageModel` shows of tools that the vendor runs: what only this
 * provider has. The rest is in `../layers.test.ts`.
 */
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Redacted, Schema } from "effect"
import { LanguageModel, Model, Tool, Toolkit } from "effect/ai"
import { Models } from "../../../src/agent/Models.ts"
import { Providers } from "../../../src/provider/index.ts"
import { OpenAi } from "../../../src/provider/openai/index.ts"
import * as Collect from "../support/Collect.ts"
import * as VendorServer from "../support/VendorServer.ts"
import * as Wire from "./fixtures/Wire.ts"

const sse = { "content-type": "text/event-stream" }
const answer: VendorServer.Reply = { headers: sse, body: Wire.sse(Wire.events(Wire.scenarios[0]!)) }
const text = Wire.scenarios[0]!.expect.text

const environment = (values: Record<string, string>) => ConfigProvider.layer(ConfigProvider.fromUnknown(values))

describe("OpenAi", () => {
  it.effect("model(name) reads key, address, organization and project from the environment", () =>
    Effect.gen(function*() {
      const server = yield* VendorServer.make([answer])
      const layer = OpenAi.model("gpt-5").pipe(Layer.provide(environment({
        OPENAI_API_KEY: "sk-env-123456",
        OPENAI_BASE_URL: `${server.url}/v1`,
        OPENAI_ORG_ID: "org-1",
        OPENAI_PROJECT_ID: "proj-1"
      })))
      const response = yield* LanguageModel.generateText({ prompt: "Hi" }).pipe(Effect.provide(layer))
      assert.strictEqual(response.text, text)
      assert.deepStrictEqual(yield* Effect.provide(Effect.all([Model.ProviderName, Model.ModelName]), layer), [
        "openai",
        "gpt-5"
      ])
      const request = server.requests[0]!
      assert.strictEqual(`${request.method} ${request.path}`, "POST /v1/responses")
      assert.deepInclude(request.headers, {
        authorization: "Bearer sk-env-123456",
        "openai-organization": "org-1",
        "openai-project": "proj-1"
      })
      assert.strictEqual(request.json.stream, true)
      assert.strictEqual(request.json.store, false)
    }))

  it.effect("layer({ … }) takes settings over the environment, and options merge nothing else in", () =>
    Effect.gen(function*() {
      const server = yield* VendorServer.make([answer])
      const layer = OpenAi.layer({
        model: "gpt-5",
        apiKey: Redacted.make("sk-own-123456"),
        baseUrl: `${server.url}/proxy/v1/`,
        organization: "org-2",
        headers: { "x-team": "blue" }
      }).pipe(Layer.provide(environment({ OPENAI_API_KEY: "sk-env-123456", OPENAI_ORG_ID: "org-1" })))
      yield* Collect.parts(yield* Collect.driverOf(layer))
      const request = server.requests[0]!
      assert.strictEqual(request.path, "/proxy/v1/responses")
      assert.deepInclude(request.headers, {
        authorization: "Bearer sk-own-123456",
        "openai-organization": "org-2",
        "x-team": "blue"
      })
      assert.notProperty(request.headers, "openai-project")
    }))
})

describe("OpenAi.provider and Providers", () => {
  const env = (url: string, more: Record<string, string> = {}) =>
    environment({ OPENAI_API_KEY: "sk-env-123456", OPENAI_BASE_URL: `${url}/v1`, ...more })

  it.effect("Providers.layer finds a model by its name, and makes it once", () =>
    Effect.gen(function*() {
      const server = yield* VendorServer.make([answer])
      yield* Effect.gen(function*() {
        const models = yield* Models
        const model = yield* models.get("openai/ft:gpt-4o/custom")
        assert.strictEqual(model, yield* models.get("openai/ft:gpt-4o/custom"))
        yield* LanguageModel.generateText({ prompt: "Hi" }).pipe(
          Effect.provideService(LanguageModel.LanguageModel, model)
        )
        assert.strictEqual(server.requests[0]!.json.model, "ft:gpt-4o/custom")
        const unknown = yield* Effect.flip(models.get("openia/gpt-5"))
        assert.strictEqual(unknown.problem, "unknown-provider")
        assert.match(unknown.message, /known are: .*openai/)
      }).pipe(Effect.provide(Layer.provideMerge(Providers.layer, env(server.url))))
    }))

  it.effect("Providers.layerWith gives settings by provider", () =>
    Effect.gen(function*() {
      const server = yield* VendorServer.make([answer])
      const layer = Providers.layerWith({
        openai: { apiKey: Redacted.make("sk-own-123456"), baseUrl: `${server.url}/v1` }
      })
      yield* Effect.gen(function*() {
        const model = yield* (yield* Models).get("openai/gpt-5")
        yield* LanguageModel.generateText({ prompt: "Hi" }).pipe(
          Effect.provideService(LanguageModel.LanguageModel, model)
        )
        assert.strictEqual(server.requests[0]!.headers.authorization, "Bearer sk-own-123456")
      }).pipe(Effect.provide(layer))
    }))
})

describe("the standard LanguageModel over OpenAI", () => {
  const layer = (url: string) =>
    OpenAi.layer({ model: "gpt-5", apiKey: Redacted.make("sk-own-123456"), baseUrl: `${url}/v1` })

  it.effect("shows what a hosted tool did, when it was declared", () =>
    Effect.gen(function*() {
      const WebSearch = Tool.providerDefined({
        id: "openai.web_search",
        customName: "search_the_web",
        providerName: "web_search",
        parameters: Schema.Unknown,
        success: Schema.Struct({ status: Schema.String })
      })
      const server = yield* VendorServer.make([
        { headers: sse, body: Wire.sse(Wire.events(Wire.scenarios[6]!)) }
      ])
      const response = yield* LanguageModel.generateText({
        prompt: "Hi",
        toolkit: Toolkit.make(WebSearch(undefined))
      }).pipe(Effect.provide(layer(server.url)))
      assert.deepStrictEqual(response.toolResults.map(({ result }) => result), [{ status: "completed" }])
      assert.deepStrictEqual(server.requests[0]!.json.tools, [{ type: "web_search" }])
    }))
})
