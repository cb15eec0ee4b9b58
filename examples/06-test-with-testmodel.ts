/**
 * Test with TestModel: a scripted model, by Layer. No network, no mocks of modules, no sleeping.
 *
 *   npm run example 06
 */
import { Cause, Console, Effect, Exit, Schema } from "effect"
import { AiError } from "effect/ai"
import { Agent, Task } from "fluxion"
import { TestModel } from "fluxion/testing"

const getWeather = Task.make("get_weather", {
  description: "The weather in a city now.",
  payload: { city: Schema.String },
  success: Schema.String,
  run: (): never => {
    throw new Error("a test does not ask the weather service")
  }
})

const assistant = Agent.make("assistant", { instructions: "You tell the weather.", tools: [getWeather] })

// the script: what the model does, turn by turn
const answered = Effect.gen(function*() {
  const answer = yield* assistant("How is Tokyo?")
  const requests = yield* TestModel.requests // what the model was asked
  const last = requests[1]?.prompt.content.at(-1)
  yield* Console.log(`${answer} (${requests.length} requests)`)
  yield* Console.log(
    "the model was told:",
    last?.role === "tool" ? last.content.map((part) => "result" in part && part.result) : last
  )
}).pipe(
  Effect.provide(Task.mock(getWeather, () => Effect.succeed("Rain"))),
  Effect.provide(TestModel.layer([
    TestModel.toolCall("get_weather", { city: "Tokyo" }, { id: "call_1" }),
    TestModel.text("Take an umbrella.")
  ]))
)

// failures are turns like any other
const refused = Effect.flip(assistant("How is Tokyo?")).pipe(
  Effect.flatMap((error) => Console.log(error.message)),
  Effect.provide(TestModel.layer([TestModel.fail(new AiError.AuthenticationError({ kind: "InvalidKey" }))]))
)

// a turn that nobody asked for fails the test, and so does a call that is not in the script
const unused = Effect.exit(
  assistant("How is Tokyo?").pipe(Effect.provide(TestModel.layer([TestModel.text("Sunny."), TestModel.text("Rain.")])))
)

await Effect.runPromise(Effect.gen(function*() {
  yield* answered
  yield* refused
  const exit = yield* unused
  yield* Console.log(Exit.isFailure(exit) ? String(Cause.squash(exit.cause)) : "passed")
}))
