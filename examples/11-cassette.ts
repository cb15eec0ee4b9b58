/**
 * Cassette: what a model answers is recorded once, and replayed from then on. Tests with its answers, offline and free.
 *
 *   npm run example 11
 *
 * Delete examples/cassettes/weather.json, and the next run records it again; in CI nothing is ever recorded.
 */
import { Console, Effect, Layer, Schema } from "effect"
import { Agent, Task } from "fluxion"
import { Cassette } from "fluxion/testing"
import * as DemoModel from "./DemoModel.ts"

const getWeather = Task.make("get_weather", {
  description: "The weather in a city now.",
  payload: { city: Schema.String },
  success: Schema.String,
  run: ({ city }) => `Snow in ${city}`
})

const assistant = Agent.make("assistant", { instructions: "You tell the weather.", tools: [getWeather] })

// With a key this is OpenAi.model("gpt-5"). It is made when something has to be recorded, and never before.
const model = Layer.tap(DemoModel.layer, () => Console.log("(the model itself is asked)"))

const file = new URL("./cassettes/weather.json", import.meta.url)

// what is recorded is replayed, what is missing is recorded
const answered = Effect.gen(function*() {
  const result = yield* assistant.result("What is the weather in Oslo?")
  yield* Console.log(result.output)
  yield* Console.log(`${result.turns} turns by ${result.model}`)
}).pipe(Effect.provide(Cassette.layer(file, { model })))

// here nothing is recorded: a question that is new fails, and shows how it differs
const missing = Effect.flip(assistant("What is the weather in Lima?")).pipe(
  Effect.flatMap((error) => Console.log(error.message)),
  Effect.provide(Cassette.layer(file, { mode: "replay", model }))
)

await Effect.runPromise(Effect.andThen(answered, missing))
