/** fluxion, as its README says: an agent with a tool, and a runtime with a Model. */
import { Effect, Fiber, Layer, ManagedRuntime, Redacted, References, Schema, Stream, Tracer } from "effect"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Prompt from "effect/ai/Prompt"
import { Agent, Capabilities, Driver, Task } from "fluxion"
import type { Contender } from "../measure/Contender.ts"
import * as EffectModel from "../measure/EffectModel.ts"
import * as Script from "../measure/Script.ts"

const getWeather = Task.make(Script.TOOL, {
  description: Script.TOOL_DESCRIPTION,
  payload: { city: Schema.String },
  success: Schema.String,
  run: ({ city }) => Effect.succeed(Script.weatherIn(city))
})

/** The scripted model behind the driver that our own providers have. */
const scripted = (scenario: Script.Scenario) => {
  const stream = EffectModel.make(scenario)
  return Layer.effect(
    LanguageModel.LanguageModel,
    Driver.toLanguageModel({
      provider: "script",
      model: Script.MODEL,
      capabilities: Capabilities.all,
      stream: ({ prompt }) => stream(prompt.content)
    })
  )
}

/** What tracing there is, around the model. */
const tracing = ({ tracing }: Script.Scenario): Layer.Layer<never> =>
  tracing === "off"
    ? Layer.succeed(References.TracerEnabled, false)
    : tracing === "on"
    ? Layer.succeed(Tracer.Tracer, Tracer.make({ span: (options) => new Tracer.NativeSpan(options) }))
    : Layer.empty

const overHttp = async (url: string) => {
  const { OpenAi } = await import("fluxion/openai")
  return OpenAi.layer({ model: Script.MODEL, apiKey: Redacted.make("none"), baseUrl: `${url}/v1` })
}

const assistant = Agent.make("assistant", { instructions: Script.INSTRUCTIONS })

export const contender: Contender = {
  prepare: async (scenario) => {
    const model = scenario.url === undefined ? scripted(scenario) : await overHttp(scenario.url)
    const runtime = ManagedRuntime.make(Layer.merge(model, tracing(scenario)))
    const agent = scenario.toolTurns === undefined ? assistant : assistant.with({ tools: [getWeather] })
    const messages = Script.history(scenario).map(({ role, text }) => ({ role, content: text }))
    const options = {
      ...(messages.length === 0 ? {} : { history: Prompt.make(messages) }),
      ...(scenario.url !== undefined && scenario.deltas === undefined ? { stream: false } : {})
    }
    return scenario.deltas === undefined
      ? () => runtime.runPromise(agent(Script.QUESTION, options))
      : async () => {
        let text = ""
        await runtime.runPromise(
          Stream.runForEach(agent.stream(Script.QUESTION, options), (event) =>
            Effect.sync(() => {
              if (event._tag === "TextDelta") text += event.delta
            }))
        )
        return text
      }
  },
  hang: async (url) => {
    const runtime = ManagedRuntime.make(await overHttp(url))
    let stop = () => Promise.resolve()
    await new Promise<void>((resolve) => {
      const fiber = runtime.runFork(
        Stream.runForEach(
          assistant.stream(Script.QUESTION),
          (event) => event._tag === "TextDelta" ? Effect.sync(resolve) : Effect.void
        )
      )
      stop = () => Effect.runPromise(Fiber.interrupt(fiber))
    })
    return { stop }
  }
}
