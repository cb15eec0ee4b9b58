/**
 * The model of agents that name none, as a Layer that always builds: the model is looked for by the first run that needs
 * it, and what is wrong with it is that run's `ModelUnresolved`. The next one who asks tries again.
 */
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as ScopedCache from "effect/ScopedCache"
import * as LazyModel from "../../agent/LazyModel.ts"
import { Models } from "../../agent/Models.ts"
import { ModelUnresolved } from "../../core/AgentError.ts"
import { messageOf } from "../../durable/TaskError.ts"

/** A model by its name, or by its Layer. */
export type ModelInput = string | Layer.Layer<LanguageModel.LanguageModel, any>

/** The Layer of the model, found when it is first needed. */
export const layer = (model: ModelInput): Layer.Layer<LanguageModel.LanguageModel, never, Models> => {
  const lazy: Effect.Effect<LazyModel.LazyModel, never, Models | Scope.Scope> = typeof model === "string"
    ? named(model)
    : given(model)
  return Layer.effect(LanguageModel.LanguageModel, Effect.map(lazy, LazyModel.make))
}

const named = (id: string): Effect.Effect<LazyModel.LazyModel, never, Models> =>
  Effect.map(Models, (models) => ({
    id,
    // a run may have other Models than those that were there when this was built
    find: Effect.flatMap(Effect.serviceOption(Models), (own) => Option.getOrElse(own, () => models).get(id))
  }))

const given = (
  model: Exclude<ModelInput, string>
): Effect.Effect<LazyModel.LazyModel, never, Scope.Scope> =>
  Effect.map(
    ScopedCache.makeWith({
      lookup: (_: "model") =>
        Effect.mapBoth(Layer.build(model), {
          onSuccess: Context.get(LanguageModel.LanguageModel),
          onFailure: (error: unknown) =>
            error instanceof ModelUnresolved
              ? error
              : new ModelUnresolved({ model: "given as a Layer", problem: "bad-settings", detail: messageOf(error) })
        }),
      capacity: 1,
      timeToLive: (exit) => Exit.isSuccess(exit) ? "Infinity" : 0
    }),
    (made) => ({ id: undefined, find: ScopedCache.get(made, "model") })
  )
