/** Effect's own loop: a `Chat` asked again until the model calls no tool. */
import * as Chat from "effect/ai/Chat"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { joinParts } from "../../src/agent/Driver.ts"
import type { Contender } from "../measure/Contender.ts"
import * as EffectModel from "../measure/EffectModel.ts"
import * as Script from "../measure/Script.ts"

const tools = Toolkit.make(Tool.make(Script.TOOL, {
  description: Script.TOOL_DESCRIPTION,
  parameters: Schema.Struct({ city: Schema.String }),
  success: Schema.String
}))

export const contender: Contender = {
  prepare: async (scenario) => {
    const model = EffectModel.make(scenario)
    const layer = Layer.merge(
      Layer.effect(
        LanguageModel.LanguageModel,
        LanguageModel.make({
          generateText: ({ prompt }) => Effect.map(Stream.runCollect(model(prompt.content)), joinParts),
          streamText: ({ prompt }) => model(prompt.content)
        })
      ),
      tools.toLayer({ [Script.TOOL]: ({ city }) => Effect.succeed(Script.weatherIn(city)) })
    )
    const services = await Effect.runPromise(Effect.scoped(Layer.build(layer)))
    const start = Prompt.make([
      { role: "system", content: Script.INSTRUCTIONS },
      ...Script.history(scenario).map(({ role, text }) => ({ role, content: text }))
    ])
    const toolkit = scenario.toolTurns === undefined ? Toolkit.empty : tools
    const whole = Effect.gen(function*() {
      const chat = yield* Chat.fromPrompt(start)
      let answer = yield* chat.generateText({ prompt: Script.QUESTION, toolkit })
      while (answer.toolCalls.length > 0) answer = yield* chat.generateText({ prompt: Prompt.empty, toolkit })
      return answer.text
    })
    const streamed = Effect.gen(function*() {
      const chat = yield* Chat.fromPrompt(start)
      let text = ""
      let called = true
      for (let prompt: Prompt.RawInput = Script.QUESTION; called; prompt = Prompt.empty) {
        called = false
        yield* Stream.runForEach(chat.streamText({ prompt, toolkit }), (part) => {
          const type: string = part.type
          if (part.type === "text-delta") text += part.delta
          else if (type === "tool-call") called = true
          return Effect.void
        })
      }
      return text
    })
    const run = Effect.runPromiseWith(services)
    return () => run(scenario.deltas === undefined ? whole : streamed)
  }
}
