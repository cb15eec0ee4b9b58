/**
 * Fallback: when a model is overloaded, over its limit or out of reach, the next one goes on, also in the middle of a run.
 *
 *   npm run example 10
 */
import { Console, Effect, Schema, Stream } from "effect"
import { AiError } from "effect/ai"
import { Agent, Models, Task } from "fluxion"
import { TestModel } from "fluxion/testing"

const getWeather = Task.make("get_weather", {
  description: "The weather in a city now.",
  payload: { city: Schema.String },
  success: Schema.String,
  run: ({ city }) => `Sunny in ${city}`
})

const assistant = Agent.make("assistant", {
  instructions: "You tell the weather.",
  tools: [getWeather],
  // in production over Providers.layer: the keys of both are read when a run starts
  model: Models.fallback(["openai/gpt-5", "anthropic/claude-sonnet-4-5"])
})

const overloaded = TestModel.fail(new AiError.InternalProviderError({ description: "overloaded" }))

// the script stands for both models, in the order of the calls
const program = assistant.stream("How is Tokyo?").pipe(
  Stream.runForEach((event) =>
    event._tag === "TurnStarted"
      ? Console.log(`turn ${event.turn}: ${event.model}`)
      : event._tag === "ToolReturned"
      ? Console.log(event.result)
      : event._tag === "ModelFellBack"
      ? Console.log(`${event.from} failed (${event.message}), ${event.to} goes on`)
      : event._tag === "RunCompleted"
      ? Console.log(`${event.result.model}: ${event.result.output}`)
      : Effect.void
  ),
  Effect.provide(TestModel.layer([
    TestModel.toolCall("get_weather", { city: "Tokyo" }),
    overloaded,
    TestModel.text("Sunny.")
  ]))
)

await Effect.runPromise(program)

// a bad key is nobody else's business: it fails, and says so
const refused = TestModel.fail(new AiError.AuthenticationError({ kind: "InvalidKey" }))
await Effect.runPromise(
  assistant("How is Tokyo?").pipe(
    Effect.catch((error) => Console.log(error.message)),
    Effect.provide(TestModel.layer([refused]))
  )
)
