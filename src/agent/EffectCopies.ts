/**
 * Finds a second copy of Effect: two copies do not share what they keep in their modules, and of two versions one may
 * not understand the other. A fiber knows which copy runs it; an Effect, a Stream and a Layer, which one made them.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

let own: unknown

/** Whether a fiber belongs to another copy of Effect than the one this package imports. */
export const isForeign = (fiber: Fiber.Fiber<unknown, unknown>): boolean =>
  Object.getPrototypeOf(fiber) !== (own ??= Object.getPrototypeOf(Effect.runFork(Effect.void)))

/** Whether an Effect, a Stream or a Layer was made by another copy of Effect than the one this package imports. */
export const isMadeElsewhere = (value: object): boolean => {
  // every Effect of a copy iterates by one function; Streams and Layers have one prototype each
  if (Effect.isEffect(value)) return value[Symbol.iterator] !== Effect.void[Symbol.iterator]
  const example = Stream.isStream(value) ? Stream.empty : Layer.isLayer(value) ? Layer.empty : value
  return Object.getPrototypeOf(value) !== Object.getPrototypeOf(example)
}

/** What to tell about it; `does` says what the other copy did, as in "runs this agent". */
export const advice = (does: string): string =>
  `two copies of Effect are installed: fluxion uses ${import.meta.resolve("effect")}, and another one ${does}; `
  + "see `npm ls effect`, and make both the same"
