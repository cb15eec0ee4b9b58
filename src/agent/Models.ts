/**
 * The port that turns `"provider/model"` into a Model.
 *
 * A name is split at its first `/`; everything after it is the vendor's. A provider is made when its first model is
 * asked for, a model once; both live as long as the Layer. Whatever goes wrong is one `ModelUnresolved`, and the next
 * one who asks tries again.
 */
import type * as LanguageModel from "effect/ai/LanguageModel"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as ScopedCache from "effect/ScopedCache"
import { ModelUnresolved } from "../core/AgentError.ts"

/** One vendor's models. */
export interface Provider {
  /** The part of `"provider/model"` before the `/`. */
  readonly name: string
  /** Makes one model; called once for each name. */
  readonly model: (name: string) => Effect.Effect<LanguageModel.LanguageModel, ModelUnresolved, Scope.Scope>
}

/** Finds a Model by its name, `"provider/model"`. */
export class Models extends Context.Service<Models, {
  readonly get: (id: string) => Effect.Effect<LanguageModel.LanguageModel, ModelUnresolved>
}>()("fluxion/agent/Models") {}

/** Splits `"provider/model"` at its first `/`. */
export const parse = (
  id: string
): { readonly provider: string; readonly model: string } | undefined => {
  const at = id.indexOf("/")
  return at <= 0 || at === id.length - 1 || id.trim() !== id
    ? undefined
    : { provider: id.slice(0, at), model: id.slice(at + 1) }
}

const unresolved = (model: string, problem: ModelUnresolved["problem"], detail: string) =>
  Effect.fail(new ModelUnresolved({ model, problem, detail }))

/** Models of the given providers; a later one of a name replaces an earlier one. */
export const layer = (providers: ReadonlyArray<Provider>): Layer.Layer<Models> =>
  Layer.effect(
    Models,
    Effect.gen(function*() {
      const byName = new Map(providers.map((provider) => [provider.name, provider]))
      const made = yield* ScopedCache.makeWith({
        lookup: (id: string) => {
          const { model, provider } = parse(id)!
          return byName.get(provider)!.model(model)
        },
        capacity: Number.POSITIVE_INFINITY,
        timeToLive: (exit) => Exit.isSuccess(exit) ? "Infinity" : 0
      })
      const get: Models["Service"]["get"] = (id) => {
        const parsed = parse(id)
        if (parsed === undefined) {
          return unresolved(
            id,
            "bad-name",
            `a model is named "provider/model", as in "openai/gpt-5" or "ollama/llama3.2"`
          )
        }
        if (!byName.has(parsed.provider)) {
          const known = [...byName.keys()].join(", ") || "none"
          return unresolved(id, "unknown-provider", `there is no provider "${parsed.provider}"; known are: ${known}`)
        }
        return ScopedCache.get(made, id)
      }
      return Models.of({ get })
    })
  )
