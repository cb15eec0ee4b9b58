/**
 * Tokens that model calls used, as vendors report them, in the shape of `effect/ai`'s `Response.Usage`.
 *
 * A number is absent when the vendor did not say; adding never turns "unknown" into a wrong total: a sum counts what
 * is known. `inputTokens.total` includes cached tokens, `outputTokens.total` includes reasoning.
 */
import * as Schema from "effect/Schema"

const Count = Schema.optionalKey(Schema.Finite)

/** Tokens used by one model call, or by all calls of a run. */
export const Usage = Schema.Struct({
  inputTokens: Schema.Struct({ total: Count, uncached: Count, cacheRead: Count, cacheWrite: Count }),
  outputTokens: Schema.Struct({ total: Count, text: Count, reasoning: Count })
}).annotate({ identifier: "Usage" })

/** Tokens used by one model call, or by all calls of a run. */
export type Usage = typeof Usage.Type

type Input = { readonly [key in keyof Usage["inputTokens"]]?: number | undefined }
type Output = { readonly [key in keyof Usage["outputTokens"]]?: number | undefined }

type Writable<A> = { -readonly [key in keyof A]: A[key] }

const plus = (left: number | undefined, right: number | undefined): number | undefined =>
  left === undefined ? right : right === undefined ? left : left + right

// field by field: this runs at every turn
const addInput = (left: Input, right: Input): Usage["inputTokens"] => {
  const out: Writable<Usage["inputTokens"]> = {}
  const total = plus(left.total, right.total)
  if (total !== undefined) out.total = total
  const uncached = plus(left.uncached, right.uncached)
  if (uncached !== undefined) out.uncached = uncached
  const cacheRead = plus(left.cacheRead, right.cacheRead)
  if (cacheRead !== undefined) out.cacheRead = cacheRead
  const cacheWrite = plus(left.cacheWrite, right.cacheWrite)
  if (cacheWrite !== undefined) out.cacheWrite = cacheWrite
  return out
}

const addOutput = (left: Output, right: Output): Usage["outputTokens"] => {
  const out: Writable<Usage["outputTokens"]> = {}
  const total = plus(left.total, right.total)
  if (total !== undefined) out.total = total
  const text = plus(left.text, right.text)
  if (text !== undefined) out.text = text
  const reasoning = plus(left.reasoning, right.reasoning)
  if (reasoning !== undefined) out.reasoning = reasoning
  return out
}

/** No tokens known. */
export const empty: Usage = { inputTokens: {}, outputTokens: {} }

/** The sum of two usages; a number that only one of them knows is kept. */
export const add = (left: Usage, right: Usage): Usage => ({
  inputTokens: addInput(left.inputTokens, right.inputTokens),
  outputTokens: addOutput(left.outputTokens, right.outputTokens)
})

/** What a `finish` part of `effect/ai` reports, with its `undefined` keys removed. */
export const fromResponse = (usage: { readonly inputTokens: Input; readonly outputTokens: Output }): Usage => ({
  inputTokens: addInput(usage.inputTokens, {}),
  outputTokens: addOutput(usage.outputTokens, {})
})
