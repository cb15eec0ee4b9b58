/**
 * The circuits of the models in fallbacks, by Effect's `CircuitBreaker`: a model that keeps failing is left out for a
 * while.
 *
 * Their state lives as long as the `Models` service, for all runs and agents on it whose fallbacks have the same
 * options; where a `CircuitBreakerStore` is given, it is there (on Redis, for many processes). The last model that can be asked is asked
 * whatever its circuit says: there is nobody to answer instead.
 */
import * as AiError from "effect/ai/AiError"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import * as Scope from "effect/Scope"
import { ModelFailed } from "../../core/AgentError.ts"
import { type Circuit, Models } from "../Models.ts"
import { isOutage } from "./fallback.ts"

type Store = CircuitBreaker.CircuitBreakerStore["Service"]

/** The breakers by whose they are, the given store's or the `Models`', and by their options. */
const breakers = new WeakMap<object, WeakMap<Circuit, CircuitBreaker.CircuitBreaker>>()

// nothing in it has an end: it goes when its Models go
const makeStore = (): Store =>
  Context.get(
    Effect.runSync(Layer.buildWithScope(CircuitBreaker.layerStoreMemory(), Scope.makeUnsafe())),
    CircuitBreaker.CircuitBreakerStore
  )

const makeBreaker = ({ maxOpenDuration, openDuration, tripPolicy }: Circuit, store: Store) =>
  Effect.runSync(
    CircuitBreaker.make({
      tripPolicy: tripPolicy ?? CircuitBreaker.consecutive(5),
      openDuration: openDuration ?? "30 seconds",
      maxOpenDuration
    }).pipe(
      Effect.provideService(CircuitBreaker.CircuitBreakerStore, store),
      Effect.provideService(Scope.Scope, Scope.makeUnsafe())
    )
  )

const getOrMake = <K extends object, V>(map: WeakMap<K, V>, key: K, make: () => V): V => {
  let value = map.get(key)
  if (value === undefined) map.set(key, value = make())
  return value
}

/** The breaker for these options, over the store that is given, or one that goes with the `Models`. */
export const find = (circuit: Circuit): Effect.Effect<CircuitBreaker.CircuitBreaker, never, Models> =>
  Effect.contextWith((context: Context.Context<Models>) => {
    const given = Option.getOrUndefined(Context.getOption(context, CircuitBreaker.CircuitBreakerStore))
    const owned = getOrMake(breakers, given ?? Context.get(context, Models), () => new WeakMap())
    return Effect.succeed(getOrMake(owned, circuit, () => makeBreaker(circuit, given ?? makeStore())))
  })

const keyOf = (model: string) => `fluxion/model/${model}`

/** What a call says of its model's health; a bad key or a bad request says nothing. */
const classify = (exit: Exit.Exit<unknown, ModelFailed>): CircuitBreaker.Outcome => {
  if (Exit.isSuccess(exit)) return CircuitBreaker.success
  const failed = Cause.findErrorOption(exit.cause)
  return failed._tag === "Some" && isOutage(failed.value.error.reason)
    ? CircuitBreaker.failure({ retryAfter: failed.value.error.retryAfter })
    : CircuitBreaker.ignored
}

const rejected = (model: string, { reason }: CircuitBreaker.CircuitBreakerError): ModelFailed =>
  new ModelFailed({
    model,
    error: AiError.make({
      module: "Models",
      method: "fallback",
      reason: new AiError.InternalProviderError({
        description: reason._tag === "CircuitOpen"
          ? `it kept failing, so its circuit is open for ${Duration.format(reason.retryAfter)} more`
          : "it kept failing, and one call at a time tries whether it answers again: its circuit is half open",
        metadata: { fluxion: { circuit: reason._tag } }
      })
    })
  })

/** Asks a model through its circuit. With `isLast` it is asked in any case. */
export const guard = <A, R>(
  breaker: CircuitBreaker.CircuitBreaker,
  model: string,
  call: Effect.Effect<A, ModelFailed, R>,
  isLast: boolean
): Effect.Effect<A, ModelFailed, R> =>
  Effect.catch(breaker.execute(call, { key: keyOf(model), classify }), (error) => {
    if (!(error instanceof CircuitBreaker.CircuitBreakerError)) return Effect.fail(error)
    return isLast ? call : Effect.fail(rejected(model, error))
  })
