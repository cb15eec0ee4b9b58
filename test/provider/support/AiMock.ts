/**
 * A driver against a fake server that others made: one suite for all providers. Where the server differs from a vendor,
 * the driver is right for what it is: token counts are 0 unless set, a turn of Gemini's calls ends for the reason
 * "FUNCTION_CALL", and Ollama's reasoning comes in a field of another vendor's.
 */
import { LLMock } from "@copilotkit/aimock"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, type Layer, Schema, Stream } from "effect"
import { LanguageModel, Tool, Toolkit } from "effect/ai"
import * as Collect from "./Collect.ts"

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

/** How the server does what it should not, and what comes of it. */
const faults = [
  ["breaks off", { disconnectRate: 1 }, true, "NetworkError"],
  ["sends rubbish", { malformedRate: 1 }, false, "InvalidResponseError"],
  ["drops the request", { dropRate: 1 }, true, "InternalProviderError"]
] as const

/** What is different about a provider here. */
export interface Particulars {
  /** The server gives reasoning as the vendor does. Default: true. */
  readonly reasons?: boolean
  /** What a stream of rubbish is for it, if the server sends one that tells. */
  readonly rubbishStreamed?: "NetworkError"
}

/** The suite, for the Layer of a model at an address. */
export const suite = (
  name: string,
  layer: (url: string) => Layer.Layer<LanguageModel.LanguageModel, unknown>,
  { reasons = true, rubbishStreamed }: Particulars = {}
): void => {
  describe(`${name} against @copilotkit/aimock`, () => {
    for (const stream of [true, false]) {
      it.effect(`answers, reasons, calls tools side by side, and refuses (stream: ${stream})`, () =>
        Effect.gen(function*() {
          const driver = yield* Collect.driverOf(layer((yield* server).url))
          const ask = (prompt: string) => Collect.parts(driver, Collect.request(prompt, { tools, options: { stream } }))
          const summary = (prompt: string) => Effect.map(ask(prompt), Collect.summarize)

          assert.deepInclude(yield* summary("hello"), { text: "Hi there, and welcome!", finish: "stop" })
          assert.deepInclude(yield* summary("think"), { text: "42", reasoning: reasons ? "Six times seven." : "" })
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
        const driver = yield* Collect.driverOf(layer(mock.url))
        const call = { id: "c1", name: "get_weather" }
        const parts = yield* Collect.parts(
          driver,
          Collect.request([
            { role: "user", content: "weather" },
            { role: "assistant", content: [{ type: "tool-call", ...call, params: { city: "Tokyo" } }] },
            { role: "tool", content: [{ type: "tool-result", ...call, isFailure: false, result: "Sunny" }] }
          ], { tools })
        )
        assert.strictEqual(Collect.summarize(parts).text, "It is sunny in Tokyo.")
      }))

    it.effect("a tool turn, an object and a stream through the standard model", () =>
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
          const parts = yield* Stream.runCollect(LanguageModel.streamText({ prompt: "hello" }))
          const text = parts.flatMap((part) => part.type === "text-delta" ? [part.delta] : []).join("")
          assert.strictEqual(text, "Hi there, and welcome!")
        }).pipe(Effect.provide([
          layer(mock.url),
          toolkit.toLayer({
            get_weather: ({ city }) => Effect.succeed(`Sunny in ${city}`),
            get_time: ({ city }) => Effect.succeed(`9:00 in ${city}`)
          })
        ]))
      }))

    for (
      const [title, chaos, stream, tag] of [
        ...faults,
        ...(rubbishStreamed === undefined
          ? []
          : [["streams rubbish", { malformedRate: 1 }, true, rubbishStreamed] as const])
      ]
    ) {
      it.effect(`fails typed when the server ${title}`, () =>
        Effect.gen(function*() {
          const mock = yield* server
          mock.setChaos(chaos)
          const driver = yield* Collect.driverOf(layer(mock.url))
          const { reason } = yield* Effect.flip(
            Collect.parts(driver, Collect.request("hello", { options: { stream } }))
          )
          assert.strictEqual(reason._tag, tag)
        }))
    }
  })
}
