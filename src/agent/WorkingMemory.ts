/**
 * How much of what was said before an agent's model is sent: a policy, as data.
 *
 * What is kept stays whole: what a turn is not sent is still in its conversation. Inside an execution a run that names no
 * conversation goes on from what the execution's runs with the same memory said.
 */
const TypeId = "~fluxion/agent/WorkingMemory"

/** How what is too much is made shorter. */
export interface Compact {
  /** `"provider/name"` of the model that writes the summary, found by `Models`. Default: the agent's own. */
  readonly model?: string | undefined
  /** From which part of `maxTokens` on. Default 0.8; what is left is no more than half of `maxTokens`, where that can be. */
  readonly at?: number | undefined
  /** What the summary has to hold. */
  readonly instructions?: string | undefined
}

/** What a turn is sent at the most. Default: all. */
export interface Options {
  /** Messages of the history, what the run was asked and its turns among them. */
  readonly window?: number | undefined
  /** Tokens of the whole request, instructions and tools among them, by the estimate of `Tokens`. */
  readonly maxTokens?: number | undefined
  /** Shortens old results of tools and puts a summary in the place of old messages, rather than to leave them out. */
  readonly compact?: boolean | Compact | undefined
  /** What an execution knows it by. Default: the name of the first agent that it was given to. */
  readonly name?: string | undefined
}

/** A policy. */
export interface WorkingMemory {
  readonly [TypeId]: typeof TypeId
  readonly window: number | undefined
  readonly maxTokens: number | undefined
  readonly compact: Compact | undefined
  readonly name: string | undefined
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
 * Agent.make("assistant", { instructions: "You help.", memory: WorkingMemory.make({ maxTokens: 32_000, compact: true }) })
 * ```
 *
 * Throws a `TypeError` for numbers that are no counts, and for `compact` without `maxTokens`.
 */
export const make = ({ compact, maxTokens, name, window }: Options = {}): WorkingMemory => {
  assertCount("window", window)
  assertCount("maxTokens", maxTokens)
  const compacts = compact === true ? {} : compact === false ? undefined : compact
  if (compacts !== undefined && maxTokens === undefined) {
    throw new TypeError("compact of a WorkingMemory says how, and maxTokens from when on: give it maxTokens")
  }
  const { at } = compacts ?? {}
  if (at !== undefined && !(at > 0 && at <= 1)) {
    throw new TypeError(`at of a WorkingMemory is ${at}: it has to be a part of maxTokens, above 0 and up to 1`)
  }
  return { [TypeId]: TypeId, window, maxTokens, compact: compacts, name }
}
