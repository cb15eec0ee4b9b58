/**
 * Joins what vendors attach to the parts of one block: several parts may carry keys of one provider.
 */
import type * as Prompt from "effect/ai/Prompt"

type Options = Prompt.ProviderOptions

const isRecord = (u: unknown): u is Record<string, never> => typeof u === "object" && u !== null && !Array.isArray(u)

const isEmpty = (record: object) => {
  for (const _ in record) return false
  return true
}

/** Both, key by key of each provider; the later one wins. */
export const merge = (left: Options | undefined, right: Options | undefined): Options | undefined => {
  if (right === undefined || isEmpty(right)) return left
  if (left === undefined) return right
  const out: { [provider: string]: Options[string] } = { ...left }
  for (const [provider, value] of Object.entries(right)) {
    const before = out[provider]
    out[provider] = isRecord(before) && isRecord(value) ? { ...before, ...value } : value
  }
  return out
}
