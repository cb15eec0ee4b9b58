/**
 * A Model that is found when it is first needed: only then a key is asked for, and a vendor's package loaded.
 *
 * It stands in a context like any other `LanguageModel`. The loop looks behind it at the start of each run, so that a
 * model that cannot be had is that run's `ModelUnresolved`. Everybody else calls it, and is told by an `AiError`. As
 * with a driver, whoever wraps it is not bypassed.
 */
import * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { ModelUnresolved } from "../core/AgentError.ts"
import { Behind } from "./internal/Behind.ts"

/** What is behind a Model that is found later. */
export interface LazyModel {
  /** `"provider/model"`, if it has a name. */
  readonly id: string | undefined
  readonly find: Effect.Effect<LanguageModel.LanguageModel, ModelUnresolved>
}

const registered = new Behind<LazyModel>()

/** What is behind a Model, if it is one that is found later and nobody has put something in between. */
export const of = (model: LanguageModel.LanguageModel): LazyModel | undefined => registered.of(model)

/** A Model that is found when it is first called; `find` remembers what it found. */
export const make = (lazy: LazyModel): LanguageModel.LanguageModel => {
  const found = Effect.mapError(lazy.find, (error) =>
    AiError.make({
      module: "Models",
      method: "get",
      reason: new AiError.InvalidRequestError({ description: error.message })
    }))
  const model = {
    [LanguageModel.TypeId]: LanguageModel.TypeId,
    generateText: (options: never) => Effect.flatMap(found, (model) => model.generateText(options)),
    generateObject: (options: never) => Effect.flatMap(found, (model) => model.generateObject(options)),
    streamText: (options: never) => Stream.unwrap(Effect.map(found, (model) => model.streamText(options)))
  } as unknown as LanguageModel.LanguageModel
  registered.register(model, lazy)
  return model
}
