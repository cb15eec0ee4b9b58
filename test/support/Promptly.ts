/**
 * Turns waiting for ever into a failed assertion. The time is real, also beside a TestClock.
 */
import { assert } from "@effect/vitest"
import { Effect } from "effect"

const elapsed = (millis: number) =>
  Effect.callback<void>((resume) => {
    const timer = setTimeout(() => resume(Effect.void), millis)
    return Effect.sync(() => clearTimeout(timer))
  })

/** The effect, which has to be done within so many milliseconds; else the test fails with this. */
export const promptly = (millis: number, message: string) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.raceFirst(effect, Effect.map(elapsed(millis), (): never => assert.fail(`${message} within ${millis} ms`)))
