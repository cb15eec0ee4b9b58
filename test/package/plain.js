// What a user of plain JavaScript runs, on an installed tarball: two tool turns' worth of agent, on a scripted model.
import { Effect, Schema } from "effect"
import { Agent, Task } from "fluxion"
import { TestModel } from "fluxion/testing"

const getWeather = Task.make("get_weather", {
  description: "Current weather for a city.",
  payload: { city: Schema.String },
  success: Schema.String,
  run: async ({ city }) => `Sunny, 22 °C in ${city}`
})

const assistant = Agent.make("assistant", {
  instructions: "You are a helpful assistant.",
  tools: [getWeather]
})

const result = await Effect.runPromise(
  assistant.result("What is the weather in Tokyo?").pipe(
    Effect.provide(TestModel.layer([
      TestModel.toolCall("get_weather", { city: "Tokyo" }),
      TestModel.text("Sunny.")
    ]))
  )
)
console.log(JSON.stringify({ output: result.output, finish: result.finish, calls: result.toolCalls }))
