// Modules that export what they make, compiled with `declaration`: what is inferred can be named by public exports.
import { Context, Effect, Schema } from "effect"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import { Agent, agent, Models, Pause, Task, Toolbox, Workflow } from "fluxion"
export class Weather
  extends Context.Service<Weather, { readonly at: (city: string) => Effect.Effect<string> }>()("x/Weather")
{}
export class NotFound extends Schema.TaggedError<NotFound>()("NotFound", { city: Schema.String }) {}
export const getWeather = Task.make("get_weather", {
  payload: { city: Schema.String, at: Schema.optionalKey(Schema.Date) },
  error: NotFound,
  timeout: "1 second",
  approval: true,
  run: async ({ city }) => ({ city, degrees: 22 })
})
export const careful = getWeather.with({ retry: { times: 1 }, fallback: () => ({ city: "", degrees: 0 }) })
export const search = Tool.make("search", { parameters: Schema.Struct({ q: Schema.String }), success: Schema.String })
export const kit = Toolkit.make(search)
export const box = Toolbox.make(kit, { search: ({ q }) => Weather.use((weather) => weather.at(q)) })
export const assistant = Agent.make("assistant", {
  instructions: "i",
  tools: [getWeather, box],
  output: Schema.Struct({ on: Schema.Date })
})
export const named = agent("You help.", { model: Models.fallback(["openai/gpt-5"]), tools: [kit, assistant] })
export const warm = assistant.with({ temperature: 1, model: "a/b", fallback: () => ({ on: new Date() }) })
export const answer = assistant("hi")
export const stream = assistant.stream("hi")
export const watch = assistant.watch("hi")
export const result = named.result("hi")
export const text = Agent.text(stream)
export const printed = Agent.print(stream)
export const mapped = Task.map(getWeather, [{ city: "x" }])
export const mock = Task.mock(getWeather, () => ({ city: "", degrees: 0 }))
export const review = Pause.make("review", { output: Schema.String, input: Schema.Struct({ at: Schema.Date }) })
export const flow = Workflow.make("flow", {
  payload: { topic: Schema.String },
  success: Schema.String,
  run: ({ topic }) => named(topic).pipe(Effect.orDie)
})
export const durable = Agent.toWorkflow(assistant)
export const started = flow.start({ topic: "x" })
export const made = () => Agent.make("made", { instructions: "i", tools: [careful] })
