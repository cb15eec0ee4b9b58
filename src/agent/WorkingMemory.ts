/**
 * How much of what was said before an agent's model is sent: a policy, as data.
 *
 * The history itself stays whole: what a turn is not sent is still in the run's `messages`.
 */
const TypeId = "~fluxion/agent/WorkingMemory"

/** What a turn is sent at the most. Default: all. */
export interface Options {
  /** Messages of the history, what the run was asked and its turns among them. */
  readonly window?: number | undefined
  /** Tokens of the whole request, instructions and tools among them, by the estimate of `Tokens`. */
  readonly maxTokens?: number | undefined
}

/** A policy. */
export interface WorkingMemory extends Options {
  readonly [TypeId]: typeof TypeId
}

const assertCount = (name: string, value: number | undefined) => {
  if (value !== undefined && !(Number.isSafeInteger(value) && value > 0)) {
    throw new TypeError(`${name} of a WorkingMemory is ${value}: it has to be a whole number above 0`)
  }
}

/**
 * Makes a policy.
 *
 * ```ts
 * Agent.make("assistant", { instructions: "You help.", memory: WorkingMemory.make({ maxTokens: 32_000 }) })
 * ```
 *
 * Throws a `TypeError` for numbers that are no counts.
 */
export const make = ({ maxTokens, window }: Options = {}): WorkingMemory => {
  assertCount("window", window)
  assertCount("maxTokens", maxTokens)
  return { [TypeId]: TypeId, window, maxTokens }
}
