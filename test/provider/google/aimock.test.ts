/**
 * The same driver against a fake server that others made. Where it differs from Google, it is right for what it is:
 * token counts are 0 unless set, and a turn of calls ends for the reason "FUNCTION_CALL".
 */
import { LLMock } from "@copilotkit/aimock"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Redacted, Schema } from "effect"
import { LanguageModel, Tool, Toolkit } from "effect/ai"
import { Google } from "../../../src/provider/google/index.ts"
import * as Collect from "../support/Collect.ts"
import * as Wire from "./fixtures/Wire.ts"

const city = { parameters: Schema.Struct({ city: Schema.String }), success: Schema.String }
const tools = [Tool.make("get_weather", city), Tool.make("get_time", city)] as const

const server = Effect.acquireRelease(
  Effect.promise(async () => {
    const mock = new LLMock({ port: 0, logLevel: "silent" })
    mock.onMessage("hello", { content: "Hi there, and welcome!" })
    mock.onMessage("think", { content: "42", reasoning: "Six times seven." })
    mock.onMessage("both", {
      toolCalls: tools.map(({ name }) => ({ name, arguments: `{"city":"Tokyo"}` }))
    })
    mock.onMessage("object", { content: `{"n":1}` })
    mock.onMessage("busy", { error: { message: "slow down", type: "rate_limit_error" }, status: 429, retryAfter: 3 })
    await mock.start()
    return mock
  }),
  (mock) => Effect.promise(() => mock.stop())
)

const layer = (mock: LLMock) =>
  Google.layer({ model: "gemini-2.5-flash", apiKey: Redacted.make(Wire.apiKey), baseUrl: mock.url })

describe("Google against @copilotkit/aimock", () => {
  for (const stream of [true, false]) {
    it.effect(`answers, reasons, calls tools side by side, and refuses (stream: ${stream})`, () =>
      Effect.gen(function*() {
        const driver = yield* Collect.driverOf(layer(yield* server))
        const ask = (prompt: string) => Collect.parts(driver, Collect.request(prompt, { tools, options: { stream } }))
        const summary = (prompt: string) => Effect.map(ask(prompt), Collect.summarize)

        assert.deepInclude(yield* summary("hello"), { text: "Hi there, and welcome!", finish: "stop" })
        assert.deepInclude(yield* summary("think"), { text: "42", reasoning: "Six times seven." })
        const both = yield* summary("both")
        assert.deepStrictEqual(both.calls.map(({ name, params }) => ({ name, params })), [
          { name: "get_weather", params: { city: "Tokyo" } },
          { name: "get_time", params: { city: "Tokyo" } }
        ])
        assert.strictEqual(both.finish, "tool-calls")

        const { reason } = yield* Effect.flip(ask("busy"))
        assert(reason._tag === "RateLimitError")
        if (reason.retryAfter !== undefined) assert.strictEqual(Duration.toSeconds(reason.retryAfter), 3)
      }))
  }

  it.effect("goes on after a tool's result", () =>
    Effect.gen(function*() {
      const mock = yield* server
      mock.on({ hasToolResult: true }, { content: "It is sunny in Tokyo." })
      const driver = yield* Collect.driverOf(layer(mock))
      const parts = yield* Collect.parts(
        driver,
        Collect.request([
          { role: "user", content: "weather" },
          {
            role: "assistant",
            content: [{ type: "tool-call", id: "c1", name: "get_weather", params: { city: "Tokyo" } }]
          },
          {
            role: "tool",
            content: [{ type: "tool-result", id: "c1", name: "get_weather", isFailure: false, result: "Sunny" }]
          }
        ], { tools })
      )
      assert.strictEqual(Collect.summarize(parts).text, "It is sunny in Tokyo.")
    }))

  it.effect("a tool turn and an object through the standard model", () =>
    Effect.gen(function*() {
      const mock = yield* server
      const toolkit = Toolkit.make(...tools)
      yield* Effect.gen(function*() {
        const turn = yield* LanguageModel.generateText({ prompt: "both", toolkit })
        assert.deepStrictEqual(turn.toolResults.map(({ result }) => result), ["Sunny in Tokyo", "9:00 in Tokyo"])
        const object = yield* LanguageModel.generateObject({
          prompt: "object",
          schema: Schema.Struct({ n: Schema.Finite })
        })
        assert.deepStrictEqual(object.value, { n: 1 })
      }).pipe(Effect.provide([
        layer(mock),
        toolkit.toLayer({
          get_weather: ({ city }) => Effect.succeed(`Sunny in ${city}`),
          get_time: ({ city }) => Effect.succeed(`9:00 in ${city}`)
        })
      ]))
    }))

  for (
    const [title, chaos, stream, tag] of [
      ["breaks off", { disconnectRate: 1 }, true, "NetworkError"],
      ["sends rubbish", { malformedRate: 1 }, false, "InvalidResponseError"],
      ["drops the request", { dropRate: 1 }, true, "InternalProviderError"]
    ] as const
  ) {
    it.effect(`fails typed when the server ${title}`, () =>
      Effect.gen(function*() {
        const mock = yield* server
        mock.setChaos(chaos)
        const driver = yield* Collect.driverOf(layer(mock))
        const error = yield* Effect.flip(
          Collect.parts(driver, Collect.request("hello", { options: { stream } }))
        )
        assert.strictEqual(error.reason._tag, tag)
      }))
  }
})
