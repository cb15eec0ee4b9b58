/**
 * Finds a second copy of Effect: two copies do not share what they keep in their modules, and of two versions one may
 * not understand the other. A fiber knows which copy runs it.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"

let own: unknown

/** Whether a fiber belongs to another copy of Effect than the one this package imports. */
export const isForeign = (fiber: Fiber.Fiber<unknown, unknown>): boolean =>
  Object.getPrototypeOf(fiber) !== (own ??= Object.getPrototypeOf(Effect.runFork(Effect.void)))

/** What to tell about it. */
export const advice = (): string =>
  `two copies of Effect are installed: fluxion uses ${import.meta.resolve("effect")}, and another one runs this agent; `
  + "see `npm ls effect`, and make both the same"
