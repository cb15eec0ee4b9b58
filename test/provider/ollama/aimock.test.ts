/**
 * The same driver against a fake server that others made. Where it differs from Ollama, it is right for what it is:
 * token counts are 0 unless set, and reasoning comes in a field of another vendor's.
 */
import { LLMock } from "@copilotkit/aimock"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema, Stream } from "effect"
import { AiError, LanguageModel, Tool } from "effect/ai"
import * as Ollama from "../../../src/provider/ollama/Ollama.ts"
import { call, request, summary } from "./fixtures.ts"

const city = { parameters: Schema.Struct({ city: Schema.String }), success: Schema.String }
const tools = [Tool.make("get_weather", city), Tool.make("get_time", city)]

const server = Effect.acquireRelease(
  Effect.promise(async () => {
    const mock = new LLMock({ port: 0, logLevel: "silent" })
    mock.onMessage("hello", { content: "Hi there, and welcome!" })
    mock.onMessage("both", {
      toolCalls: [
        { name: "get_weather", arguments: `{"city":"Tokyo"}` },
        { name: "get_time", arguments: `{"city":"Tokyo"}` }
      ]
    })
    mock.onMessage("object", { content: `{"n":1}` })
    mock.onMessage("busy", { error: { message: "slow down", type: "rate_limit_error" }, status: 429 })
    await mock.start()
    return mock
  }),
  (mock) => Effect.promise(() => mock.stop())
)

describe("Ollama against @copilotkit/aimock", () => {
  for (const stream of [true, false]) {
    const options = { stream }
    it.effect(`answers, calls tools side by side, and refuses (stream: ${stream})`, () =>
      Effect.gen(function*() {
        const mock = yield* server
        const host = mock.url
        const hello = summary(yield* call({ host }, request({ prompt: "hello", options })))
        assert.deepInclude(hello, { text: "Hi there, and welcome!", finish: "stop" })

        const both = summary(yield* call({ host }, request({ prompt: "both", tools, options })))
        assert.deepInclude(both, {
          calls: [{ name: "get_weather", params: { city: "Tokyo" } }, { name: "get_time", params: { city: "Tokyo" } }],
          finish: "tool-calls"
        })

        const error = yield* Effect.flip(call({ host }, request({ prompt: "busy", options })))
        assert.instanceOf(error, AiError.AiError)
        assert.strictEqual(error.reason._tag, "RateLimitError")
      }))
  }

  it.effect("goes on after a tool's result", () =>
    Effect.gen(function*() {
      const mock = yield* server
      mock.on({ hasToolResult: true }, { content: "It is sunny in Tokyo." })
      const parts = yield* call(
        { host: mock.url },
        request({
          tools,
          prompt: [
            { role: "user", content: [{ type: "text", text: "weather" }] },
            {
              role: "assistant",
              content: [{ type: "tool-call", id: "c1", name: "get_weather", params: { city: "Tokyo" } }]
            },
            {
              role: "tool",
              content: [{ type: "tool-result", id: "c1", name: "get_weather", isFailure: false, result: "Sunny" }]
            }
          ]
        })
      )
      assert.strictEqual(summary(parts).text, "It is sunny in Tokyo.")
    }))

  it.effect("generates an object and streams text through the standard model", () =>
    Effect.gen(function*() {
      const mock = yield* server
      const layer = Ollama.layer({ model: "llama3.2", host: mock.url })
      const { value } = yield* LanguageModel.generateObject({
        prompt: "object",
        schema: Schema.Struct({ n: Schema.Int })
      }).pipe(
        Effect.provide(layer)
      )
      assert.deepStrictEqual(value, { n: 1 })
      const parts = yield* LanguageModel.streamText({ prompt: "hello" }).pipe(Stream.runCollect, Effect.provide(layer))
      const text = parts.flatMap((part) => part.type === "text-delta" ? [part.delta] : []).join("")
      assert.strictEqual(text, "Hi there, and welcome!")
    }))

  for (
    const [title, chaos, stream, tag] of [
      ["breaks off", { disconnectRate: 1 }, true, "NetworkError"],
      ["sends half a line of rubbish", { malformedRate: 1 }, true, "NetworkError"],
      ["sends rubbish", { malformedRate: 1 }, false, "InvalidResponseError"],
      ["drops the request", { dropRate: 1 }, true, "InternalProviderError"]
    ] as const
  ) {
    it.effect(`fails typed when the server ${title}`, () =>
      Effect.gen(function*() {
        const mock = yield* server
        mock.setChaos(chaos)
        const error = yield* Effect.flip(call({ host: mock.url }, request({ options: { stream } })))
        assert.instanceOf(error, AiError.AiError)
        assert.strictEqual(error.reason._tag, tag)
      }))
  }
})
