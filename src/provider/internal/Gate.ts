/**
 * Who may call a vendor now: at most so many calls at once per provider, and none to a model that said "wait".
 *
 * One 429 with a time holds every call to that model until the time is over; who may not wait is told so at once
 * (`Driver.MayWait`). A time above `longestHold` holds nobody: the caller's retry policy decides about it.
 */
import * as AiError from "effect/ai/AiError"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import { MayWait } from "../../agent/Driver.ts"

const longestHold = 60_000

/** The places of one provider, shared by its models. */
export interface Places {
  free: number
  readonly waiting: Set<() => void>
}

/** Places for so many calls at once. */
export const places = (count: number): Places => ({ free: Math.max(1, count), waiting: new Set() })

// In a microtask, since the woken fiber runs inside of the call that wakes it.
const wakeNext = (places: Places): void => {
  if (places.free === 0 || places.waiting.size === 0) return
  queueMicrotask(() => {
    if (places.free === 0) return
    for (const wake of places.waiting) return wake()
  })
}

const vacancy = (places: Places): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    const wake = () => {
      places.waiting.delete(wake)
      resume(Effect.void)
    }
    places.waiting.add(wake)
    // a place may have come free since it was looked for: the fiber may have had to yield in between
    wakeNext(places)
    return Effect.sync(() => {
      places.waiting.delete(wake)
    })
  })

/** The gate in front of one model. */
export interface Gate {
  /** Waits for its turn; the place is given back when the scope closes. */
  readonly enter: (scope: Scope.Scope, clock: Clock.Clock) => Effect.Effect<void, AiError.AiError>
  /** Tells the gate how a call failed. `now` is in epoch milliseconds. */
  readonly report: (error: AiError.AiError, now: number) => void
}

const held = (wait: number): AiError.AiError =>
  AiError.make({
    module: "Gate",
    method: "enter",
    reason: new AiError.RateLimitError({ retryAfter: Duration.millis(wait) })
  })

/** A gate in front of one model, with its provider's places. */
export const make = (places: Places): Gate => {
  let heldUntil = 0
  return {
    enter: (scope, clock) =>
      Effect.uninterruptibleMask((restore) => {
        // Whoever comes queues behind those who wait; whoever was woken has waited.
        const attempt = (woken: boolean): Effect.Effect<void, AiError.AiError> =>
          Effect.withFiber((fiber) => {
            const wait = heldUntil - clock.currentTimeMillisUnsafe()
            if (wait > 0) {
              wakeNext(places)
              if (!fiber.getRef(MayWait)) return Effect.fail(held(wait))
              return Effect.flatMap(restore(clock.sleep(Duration.millis(wait))), () => attempt(false))
            }
            if (places.free === 0 || (!woken && places.waiting.size > 0)) {
              return Effect.flatMap(restore(vacancy(places)), () => attempt(true))
            }
            places.free--
            wakeNext(places)
            return Scope.addFinalizer(
              scope,
              Effect.sync(() => {
                places.free++
                wakeNext(places)
              })
            )
          })
        return attempt(false)
      }),
    report: (error, now) => {
      if (error.reason._tag !== "RateLimitError" || error.retryAfter === undefined) return
      const wait = Duration.toMillis(error.retryAfter)
      if (wait <= longestHold) heldUntil = Math.max(heldUntil, now + wait)
    }
  }
}
