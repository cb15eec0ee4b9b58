/**
 * Swap the provider: an agent asks for a `LanguageModel`, and a Layer gives it. The program stays as it is.
 *
 *   npm run example 05
 *   npm run example 05 -- --model openai/gpt-5        needs OPENAI_API_KEY
 *   npm run example 05 -- --model ollama/llama3.2     needs `ollama serve`
 */
import { Console, Effect, Layer, Schema } from "effect"
import type { LanguageModel } from "effect/ai"
import { Agent, type AgentError, Task } from "fluxion"
import { Ollama } from "fluxion/ollama"
import { OpenAi } from "fluxion/openai"
import * as ChosenModel from "./ChosenModel.ts"
import * as DemoModel from "./DemoModel.ts"

const getWeather = Task.make("get_weather", {
  description: "The weather in a city now.",
  payload: { city: Schema.String },
  success: Schema.String,
  run: ({ city }) => `Sunny, 22 °C in ${city}`
})

const assistant = Agent.make("assistant", {
  instructions: "You are a helpful assistant with access to real-time data.",
  tools: [getWeather]
})

const program = Effect.gen(function*() {
  const { model, output } = yield* assistant.result("What is the weather in Tokyo?")
  yield* Console.log(`${model}: ${output}`)
})

/** One Layer for each provider; a key or an address is read from the environment when the Layer is built. */
const layers: {
  readonly [provider: string]: (name: string) => Layer.Layer<LanguageModel.LanguageModel, AgentError.ModelUnresolved>
} = {
  demo: () => DemoModel.layer,
  openai: OpenAi.model,
  ollama: Ollama.model
}

const [provider = "", ...name] = (ChosenModel.name() ?? "demo/rules").split("/")
const layer = layers[provider]
if (layer === undefined) console.error(`name one of ${Object.keys(layers).join(", ")}, as in openai/gpt-5`)
else await Effect.runPromise(program.pipe(Effect.provide(layer(name.join("/")))))
