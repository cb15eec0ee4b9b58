/**
 * One connection for all models of a provider.
 *
 * The first who needs it makes it, while the others wait: two clients would each have their own places for calls. One
 * that could not be made is not kept; the next who asks tries again.
 */
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"

/** Gives the connection; `connect` is told the model for which it is made. */
export const make = <A, E, R>(
  connect: (model: string) => Effect.Effect<A, E, R>
): (model: string) => Effect.Effect<A, E, R> => {
  const turn = Semaphore.makeUnsafe(1)
  let made: A | undefined
  const getOrMake = (model: string) =>
    Effect.suspend(() =>
      made !== undefined ? Effect.succeed(made) : Effect.map(connect(model), (connection) => made = connection)
    )
  return (model) => made === undefined ? turn.withPermit(getOrMake(model)) : Effect.succeed(made)
}
