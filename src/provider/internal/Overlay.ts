/**
 * Lays a user's own settings over a request: objects are merged, everything else is replaced.
 */
type JsonObject = { readonly [key: string]: unknown }

const isObject = (u: unknown): u is JsonObject => typeof u === "object" && u !== null && !Array.isArray(u)

/** `base` with `over` laid on it; neither is changed. */
export const make = (base: JsonObject, over: JsonObject): Record<string, unknown> => {
  const out: Record<string, unknown> = { ...base }
  for (const [key, value] of Object.entries(over)) {
    const before = out[key]
    out[key] = isObject(before) && isObject(value) ? make(before, value) : value
  }
  return out
}
