/**
 * Token counts as vendors report them: a count may be missing, `null`, or nonsense, and is then left out.
 */
import type * as Response from "effect/ai/Response"

/** A count, if it is one. */
export const read = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined

/** The counts that are there. */
export const present = <Key extends string>(
  counts: { readonly [K in Key]: number | undefined }
): { [K in Key]?: number } => {
  const out: { [K in Key]?: number } = {}
  for (const key in counts) if (counts[key] !== undefined) out[key] = counts[key]
  return out
}

/** Usage as OpenAI counts it: what was cached is a part of the input, what was reasoned a part of the output. */
export const toUsage = (counts: {
  readonly input: unknown
  readonly cacheRead: unknown
  readonly cacheWrite: unknown
  readonly output: unknown
  readonly reasoning: unknown
}): typeof Response.Usage.Encoded => {
  const input = read(counts.input)
  const cacheRead = read(counts.cacheRead)
  const output = read(counts.output)
  const reasoning = read(counts.reasoning)
  return {
    inputTokens: present({
      total: input,
      uncached: input === undefined || cacheRead === undefined ? undefined : Math.max(0, input - cacheRead),
      cacheRead,
      cacheWrite: read(counts.cacheWrite)
    }),
    outputTokens: present({
      total: output,
      text: output === undefined || reasoning === undefined ? undefined : Math.max(0, output - reasoning),
      reasoning
    })
  }
}
