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

type Counts = { readonly [key: string]: number | undefined }

const sum = (left: Counts, right: Counts): { [key: string]: number } => {
  const out: { [key: string]: number } = {}
  for (const key in left) {
    const count = left[key]
    if (count !== undefined) out[key] = count
  }
  for (const key in right) {
    const count = right[key]
    if (count !== undefined) out[key] = (out[key] ?? 0) + count
  }
  return out
}

/** No tokens known. */
export const empty: Usage = { inputTokens: {}, outputTokens: {} }

/** The sum of two usages; a number that only one of them knows is kept. */
export const add = (left: Usage, right: Usage): Usage => ({
  inputTokens: sum(left.inputTokens, right.inputTokens),
  outputTokens: sum(left.outputTokens, right.outputTokens)
})

/** What a `finish` part of `effect/ai` reports, with its `undefined` keys removed. */
export const fromResponse = (usage: { readonly inputTokens: Counts; readonly outputTokens: Counts }): Usage =>
  add(empty, usage)
