/**
 * The floor: a hand-written Effect program that does the same work and nothing else. It reads the parts, decodes the
 * arguments by Schema, runs the handler, encodes the result, and asks again.
 */
import type * as Prompt from "effect/ai/Prompt"
import type * as Response from "effect/ai/Response"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Contender } from "../measure/Contender.ts"
import * as EffectModel from "../measure/EffectModel.ts"
import * as Script from "../measure/Script.ts"

const decode = Schema.decodeUnknownEffect(Schema.Struct({ city: Schema.String }))
const encode = Schema.encodeEffect(Schema.String)
const getWeather = ({ city }: { readonly city: string }) => Effect.succeed(Script.weatherIn(city))

export const contender: Contender = {
  prepare: async (scenario) => {
    const model = EffectModel.make(scenario)
    const history = Script.history(scenario).map(({ role, text }): Prompt.MessageEncoded => ({ role, content: text }))
    const ask = Effect.fnUntraced(function*(question: string, onDelta: (delta: string) => void) {
      const messages: Array<Prompt.MessageEncoded> = [{ role: "system", content: Script.INSTRUCTIONS }]
      for (const message of history) messages.push(message)
      messages.push({ role: "user", content: question })
      for (;;) {
        let text = ""
        const calls: Array<Response.ToolCallPartEncoded> = []
        yield* Stream.runForEachArray(model(messages), (parts) => {
          for (const part of parts) {
            if (part.type === "text-delta") {
              text += part.delta
              onDelta(part.delta)
            } else if (part.type === "tool-call") calls.push(part)
          }
          return Effect.void
        })
        if (calls.length === 0) return text
        messages.push({ role: "assistant", content: calls.map((call) => ({ ...call, providerExecuted: false })) })
        for (const { id, name, params } of calls) {
          const result = yield* encode(yield* getWeather(yield* decode(params)))
          messages.push({ role: "tool", content: [{ type: "tool-result", id, name, isFailure: false, result }] })
        }
      }
    })
    if (scenario.deltas === undefined) return () => Effect.runPromise(ask(Script.QUESTION, () => {}))
    return async () => {
      let text = ""
      await Effect.runPromise(ask(Script.QUESTION, (delta) => {
        text += delta
      }))
      return text
    }
  }
}
