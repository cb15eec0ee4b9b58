/**
 * Ids of responses, for vendors that give them none: a driver numbers them under an id of its own.
 */
import * as IdGenerator from "effect/ai/IdGenerator"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/** What gives the next id. */
export const make: Effect.Effect<() => string> = Effect.gen(function*() {
  const ids = Option.getOrElse(
    yield* Effect.serviceOption(IdGenerator.IdGenerator),
    () => IdGenerator.defaultIdGenerator
  )
  const series = yield* ids.generateId()
  let responses = 0
  return () => `${series}_${responses++}`
})
