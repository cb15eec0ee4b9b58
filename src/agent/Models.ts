/**
 * The port that turns `"provider/model"` into a Model, and the value that names several: a fallback.
 *
 * A name is split at its first `/`; everything after it is the vendor's. A provider is made when its first model is
 * asked for, a model once; both live as long as the Layer. Whatever goes wrong is one `ModelUnresolved`, and the next
 * one who asks tries again.
 */
import type * as AiError from "effect/ai/AiError"
import type * as LanguageModel from "effect/ai/LanguageModel"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import * as Predicate from "effect/Predicate"
import type * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as ScopedCache from "effect/ScopedCache"
import { ModelUnresolved } from "../core/AgentError.ts"
import type { Retry } from "../durable/Task.ts"

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

/**
 * Models of the given providers; a later one of a name replaces an earlier one. A function is asked for the providers
 * whenever a name is looked up, and may give others than before; a provider itself is told by its identity.
 */
export const layer = (
  providers: ReadonlyArray<Provider> | (() => ReadonlyArray<Provider>)
): Layer.Layer<Models> =>
  Layer.effect(
    Models,
    Effect.gen(function*() {
      const current = typeof providers === "function" ? providers : () => providers
      // those that were asked for a model, by whose place here the models are known
      const used: Array<Provider> = []
      const made = yield* ScopedCache.makeWith({
        lookup: (key: string) => {
          const { model, provider } = parse(key)!
          return used[Number(provider)]!.model(model)
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
        const all = current()
        const provider = all.findLast(({ name }) => name === parsed.provider)
        if (provider === undefined) {
          const known = [...new Set(all.map(({ name }) => name))].join(", ") || "none"
          return unresolved(id, "unknown-provider", `there is no provider "${parsed.provider}"; known are: ${known}`)
        }
        const place = used.includes(provider) ? used.indexOf(provider) : used.push(provider) - 1
        return ScopedCache.get(made, `${place}/${parsed.model}`)
      }
      return Models.of({ get })
    })
  )

/** Marks a `Fallback`. */
export const FallbackTypeId = "~fluxion/agent/Models/Fallback"

/** When a model that keeps failing is left out for a while, by Effect's `CircuitBreaker`. */
export interface Circuit {
  /** When the circuit opens. Default: five calls in a row failed (`CircuitBreaker.consecutive(5)`). */
  readonly tripPolicy?: CircuitBreaker.TripPolicy | undefined
  /** How long it stays open; a Schedule's n-th delay is for the n-th time in a row. Default: 30 seconds. */
  readonly openDuration?: Duration.Input | Schedule.Schedule<unknown, number, never, never> | undefined
  /** The longest time for which a vendor's `retry-after` keeps it open. Default: one hour. */
  readonly maxOpenDuration?: Duration.Input | undefined
}

/** The options of a fallback. */
export interface FallbackOptions {
  /** Where to go on, `"provider/model"`, when the prompt is too long for a model; it may be one of the list. */
  readonly contextLength?: string | undefined
  /** Further calls of one model before the next one is asked. Default: none. */
  readonly retry?: Retry<AiError.AiError> | undefined
  /** When a model that keeps failing is left out for a while; `false`: never. */
  readonly circuit?: Circuit | false | undefined
}

/** Several models, of which the next one is asked when one fails. An agent takes it as its `model`. */
export interface Fallback {
  readonly [FallbackTypeId]: typeof FallbackTypeId
  /** `"provider/model"`, the preferred one first. */
  readonly models: ReadonlyArray<string>
  readonly contextLength: string | undefined
  readonly retry: Retry<AiError.AiError> | undefined
  /** `undefined`: no model is ever left out. */
  readonly circuit: Circuit | undefined
}

/** Whether something is a `Fallback`. */
export const isFallback = (u: unknown): u is Fallback => Predicate.hasProperty(u, FallbackTypeId)

// one object, so that all fallbacks which say nothing share their models' circuits
const defaultCircuit: Circuit = {}

const assertName = (id: string): void => {
  if (typeof id === "string" && parse(id) !== undefined) return
  throw new TypeError(
    `${JSON.stringify(id)} cannot be a model of a fallback: write "provider/model", as in "openai/gpt-5"`
  )
}

/**
 * Names several models for an agent: when one is overloaded, over its rate limit or quota, or cannot be reached, the
 * next one is asked, also in the middle of a run, as long as nothing of an answer was shown.
 *
 * ```ts
 * Agent.make("assistant", {
 *   instructions: "You help.",
 *   model: Models.fallback(["openai/gpt-5", "anthropic/claude-sonnet-4-5"])
 * })
 * ```
 *
 * Throws a `TypeError` for an empty list, for a name that is not `"provider/model"`, and for one that is there twice.
 */
export const fallback = (models: ReadonlyArray<string>, options: FallbackOptions = {}): Fallback => {
  if (models.length === 0) {
    throw new TypeError(`a fallback names at least one model: Models.fallback(["openai/gpt-5", "ollama/llama3.2"])`)
  }
  models.forEach((id, index) => {
    assertName(id)
    if (models.indexOf(id) < index) throw new TypeError(`"${id}" is twice in a fallback: name each model once`)
  })
  if (options.contextLength !== undefined) assertName(options.contextLength)
  return {
    [FallbackTypeId]: FallbackTypeId,
    models: models.slice(),
    contextLength: options.contextLength,
    retry: options.retry,
    circuit: options.circuit === false ? undefined : options.circuit ?? defaultCircuit
  }
}
