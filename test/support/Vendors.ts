/**
 * Several models by name, each with its own script: who is asked, what, and how often.
 */
import { Effect, Stream } from "effect"
import { AiError, Prompt } from "effect/ai"
import { Capabilities, Driver, Models } from "fluxion"
import * as Scripted from "./Scripted.ts"

/** What a model does when it is asked. */
export type Answer = (request: Driver.ModelRequest) => Stream.Stream<Scripted.Part, AiError.AiError>

/** It answers in text. */
export const say = (...pieces: ReadonlyArray<string>): Answer => () => Scripted.parts(Scripted.say(pieces))

/** It calls a tool. */
export const call = (name: string, params: unknown): Answer => () => Scripted.parts(Scripted.calls([[name, params]]))

/** It fails, after these parts. */
export const fail = (reason: AiError.AiErrorReason, ...pieces: ReadonlyArray<string>): Answer => () =>
  Stream.concat(
    Scripted.parts(Array.from(Scripted.say(pieces)).slice(0, pieces.length === 0 ? 0 : pieces.length + 1)),
    Stream.fail(AiError.make({ module: "Vendors", method: "stream", reason }))
  )

/** What one call was. */
export interface Asked {
  readonly model: string
  readonly request: Driver.ModelRequest
}

/**
 * Models that answer by their script, call by call; the last answer is for all further calls. `"a/x"` is model `x` of
 * provider `a`.
 */
export const make = (
  scripts: { readonly [id: string]: ReadonlyArray<Answer> },
  capabilities: { readonly [id: string]: Partial<Capabilities.Capabilities> } = {}
) => {
  const asked: Array<Asked> = []
  const providers = [...new Set(Object.keys(scripts).map((id) => Models.parse(id)!.provider))].map(
    (provider): Models.Provider => ({
      name: provider,
      model: (model) => {
        const id = `${provider}/${model}`
        const script = scripts[id]!
        let count = 0
        return Driver.toLanguageModel({
          provider,
          model,
          capabilities: { ...Capabilities.all, ...capabilities[id] },
          stream: (request) =>
            Stream.suspend(() => {
              asked.push({
                model: id,
                request: { ...request, prompt: Prompt.fromMessages(request.prompt.content.slice()) }
              })
              const answer = script[Math.min(count++, script.length - 1)]
              return answer === undefined ? Stream.die(new Error(`${id} was asked`)) : answer(request)
            })
        })
      }
    })
  )
  return {
    /** Every call, in order. */
    asked,
    /** The names of the models that were asked, in order. */
    models: () => asked.map(({ model }) => model),
    layer: Models.layer(providers),
    provide: Effect.provide(Models.layer(providers))
  }
}
