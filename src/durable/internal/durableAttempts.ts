/**
 * The attempts at a step: those that failed before are not made again, what an attempt does is its own, and the delay
 * between two goes on over restarts.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import type { Attempts, FailedAttempt } from "../StepScope.ts"

/** When another attempt is made. */
export interface Retry {
  readonly schedule: Schedule.Schedule<any, any, never, never>
  readonly times?: number | undefined
  readonly while?: ((error: any) => boolean) | undefined
}

/** What there is to do. */
export interface Plan {
  readonly retry: Retry | undefined
  readonly timeout: Duration.Duration | undefined
  readonly hasFallback: boolean
  readonly attempt: (attempt: number) => Effect.Effect<unknown, unknown, any>
  readonly timedOut: (after: Duration.Duration) => unknown
  /** Told of every attempt that failed, those before a restart included. */
  readonly failed: (error: unknown) => void
}

/** How long to wait after a failed attempt; nothing, when no other one is made. */
const delays = (retry: Retry | undefined) =>
  retry === undefined
    ? Effect.succeed(() => Effect.succeed(undefined))
    : Effect.map(Schedule.toStep(retry.schedule), (step) => ({ attempt, error, time }: Omit<FailedAttempt, "retry">) =>
      (retry.times !== undefined && attempt > retry.times) || retry.while?.(error) === false
        ? Effect.succeed(undefined)
        : step(time, error).pipe(
          Effect.map(([, delay]): Duration.Duration | undefined =>
            delay
          ),
          Pull.catchDone(() => Effect.succeed(undefined))
        ))

/** Makes the attempts at a step that are still to be made. */
export const run = Effect.fnUntraced(function*(
  attempts: Attempts,
  { attempt: body, failed: onFailed, hasFallback, retry, timedOut, timeout }: Plan
): Effect.fn.Return<unknown, unknown, any> {
  const delayAfter = yield* delays(retry)
  let delay: Duration.Duration | undefined
  // the schedule has to have seen what failed before
  for (const failed of attempts.failed) {
    onFailed(failed.error)
    delay = yield* delayAfter(failed)
    if (!failed.retry) return yield* Effect.fail(failed.error)
  }
  for (let attempt = attempts.failed.length + 1;; attempt++) {
    const exit = yield* Effect.exit(attempts.make(attempt, body(attempt), { delay, limit: timeout }))
    if (Exit.isSuccess(exit) && exit.value._tag === "Some") return exit.value.value
    const failure = Exit.isSuccess(exit) ? undefined : Cause.findErrorOption(exit.cause)
    if (Exit.isFailure(exit) && failure?._tag !== "Some") return yield* exit
    const error = failure?._tag === "Some" ? failure.value : timedOut(timeout!)
    onFailed(error)
    const time = yield* Clock.currentTimeMillis
    delay = yield* delayAfter({ attempt, error, time })
    if (delay === undefined && !hasFallback) return yield* Effect.fail(error)
    yield* attempts.fail({ attempt, error, retry: delay !== undefined, time })
    if (delay === undefined) return yield* Effect.fail(error)
  }
})
