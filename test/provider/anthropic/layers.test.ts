/**
 * How an Anthropic model is come by, and what the standard `LanguageModel` shows of tools that the vendor runs: what only this
 * provider has. The rest is in `../layers.test.ts`.
 */
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Redacted, Schema } from "effect"
import { LanguageModel, Model, Tool, Toolkit } from "effect/ai"
import { Anthropic } from "../../../src/provider/anthropic/index.ts"
import * as Collect from "../support/Collect.ts"
import * as VendorServer from "../support/VendorServer.ts"
import * as Wire from "./fixtures/Wire.ts"

const sse = { "content-type": "text/event-stream" }
const answer: VendorServer.Reply = { headers: sse, body: Wire.sse(Wire.events(Wire.scenarios[0]!)) }
const text = Wire.scenarios[0]!.expect.text

const environment = (values: Record<string, string>) => ConfigProvider.layer(ConfigProvider.fromUnknown(values))

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
})

describe("the standard LanguageModel over Anthropic", () => {
  const layer = (url: string) =>
    Anthropic.layer({ model: "claude-sonnet-4-6", apiKey: Redacted.make("sk-own-123456"), baseUrl: url })

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
