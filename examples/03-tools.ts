/**
 * Tools: any task is one. The model sees its name, description and payload; its Schema checks what the model sends.
 *
 *   npm run example 03
 *   npm run example 03 -- --model ollama/llama3.2
 */
import { Effect, Schema } from "effect"
import { Tool, Toolkit } from "effect/ai"
import { Agent, Task, Toolbox } from "fluxion"
import * as ChosenModel from "./ChosenModel.ts"

class NoSuchCity extends Schema.TaggedError<NoSuchCity>()("NoSuchCity", { city: Schema.String }) {
  override get message() {
    return `there is no weather for ${this.city}; known are Tokyo and Lima`
  }
}

const skies: { readonly [city: string]: string } = { Tokyo: "sunny, 22 °C", Lima: "fog, 17 °C" }

const getWeather = Task.make("get_weather", {
  description: "The weather in a city now.",
  payload: { city: Schema.String.annotate({ description: "The city's English name." }) },
  success: Schema.String,
  error: NoSuchCity,
  risk: "read", // reads of one turn run together; everything else runs alone and in order
  run: ({ city }) => {
    const sky = skies[city]
    return sky === undefined ? Effect.fail(new NoSuchCity({ city })) : Effect.succeed(sky)
  }
})

// a Toolkit of effect/ai works as it is; `Toolbox.make` binds it to its handlers
const convert = Tool.make("convert_length", {
  description: "Converts a length from miles to kilometres.",
  parameters: Schema.Struct({ miles: Schema.Finite }),
  success: Schema.String
})
const lengths = Toolbox.make(Toolkit.make(convert), {
  convert_length: ({ miles }) => Effect.succeed(`${(miles * 1.609344).toFixed(1)} km`)
})

const assistant = Agent.make("assistant", {
  instructions: "You answer with the help of your tools.",
  tools: [getWeather, lengths],
  maxToolCalls: 5
})

// a tool that fails does not end the run: the model is told why, and goes on
const question = "What is the weather in Tokyo, in Lima and in Atlantis? And convert 26.2 miles."

await Effect.runPromise(Agent.print(assistant.stream(question)).pipe(Effect.provide(ChosenModel.layer)))
