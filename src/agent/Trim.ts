/**
 * Which messages of a history a model is sent, when not all of them may be: data in, data out.
 *
 * A history is cut where a user speaks, so that what remains begins like a conversation, and a call is never parted from
 * its results. What the run was asked always stays, and so does its latest turn. Where a run's own turns are too many,
 * the oldest of them go, each as a whole.
 */
import type * as Prompt from "effect/ai/Prompt"
import * as Tokens from "./Tokens.ts"

/** How much may remain. */
export interface Bounds {
  /** Messages, without the instructions. */
  readonly window?: number | undefined
  /** Tokens, with the instructions and `fixed`. */
  readonly maxTokens?: number | undefined
  /** How many of the first messages are the instructions: they stay. */
  readonly instructions: number
  /** The index of the message with which the run began: it stays. */
  readonly asked: number
  /** Tokens of what is sent besides: the tools. */
  readonly fixed: number
  /** Who counts. Default: the estimate. */
  readonly counter?: Tokens.Counter | undefined
}

/** What remains. */
export interface Trimmed {
  /** The same array, where all of it does. */
  readonly messages: ReadonlyArray<Prompt.Message>
  /** Whether that is within the bounds: what has to stay may be too much. */
  readonly fits: boolean
}

/** Trims a history to its newest part. */
export const trim = (
  messages: ReadonlyArray<Prompt.Message>,
  { asked, counter = Tokens.estimate, fixed, instructions, maxTokens = Infinity, window = Infinity }: Bounds
): Trimmed => {
  const cost = maxTokens === Infinity ? () => 0 : (index: number) => counter.ofMessage(messages[index]!)
  let tokens = fixed
  for (let index = 0; index < instructions; index++) tokens += cost(index)
  for (let index = asked; index < messages.length; index++) tokens += cost(index)
  let count = messages.length - asked

  // the run's own turns: after what was asked, from the oldest
  let resumed = asked + 1
  const last = lastTurn(messages, resumed)
  while ((tokens > maxTokens || count > window) && resumed < last) {
    do {
      tokens -= cost(resumed++)
      count--
    } while (resumed < last && messages[resumed]!.role === "tool")
  }

  // what was before the run, from the newest, as far as there is room
  let start = asked
  if (resumed === asked + 1) {
    let more = count
    let sum = tokens
    for (let index = asked - 1; index >= instructions; index--) {
      sum += cost(index)
      if (++more > window || sum > maxTokens) break
      if (messages[index]!.role !== "user" && index !== instructions) continue
      start = index
      count = more
      tokens = sum
    }
  }
  const fits = tokens <= maxTokens && count <= window
  if (start === instructions && resumed === asked + 1) return { messages, fits }
  return {
    messages: [
      ...messages.slice(0, instructions),
      ...messages.slice(start, asked + 1),
      ...messages.slice(resumed)
    ],
    fits
  }
}

/** Where the latest turn begins: a message of the model with its results, or what a user said. */
const lastTurn = (messages: ReadonlyArray<Prompt.Message>, from: number): number => {
  let index = messages.length - 1
  while (index > from && messages[index]!.role === "tool") index--
  return Math.max(index, from)
}
