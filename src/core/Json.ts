/**
 * Is a value JSON, and if not, where not, and how is it shown then: for values that no Schema describes.
 */
import * as Base64 from "effect/encoding/Base64"

/** Where a value stops being JSON: `path` as in `$.rows[3].total`, and what was found there. */
export interface NotJson {
  readonly path: string
  readonly found: string
}

const name = (value: unknown): string => {
  if (typeof value === "number") return String(value)
  if (value === undefined) return "undefined"
  if (typeof value !== "object") return `a ${typeof value}`
  return `a ${value?.constructor?.name ?? "object"}`
}

/** `undefined` if `value` survives `JSON.stringify` and `JSON.parse` unchanged, else the first place that does not. */
export const check = (value: unknown): NotJson | undefined => visit(value, "$", [])

/** A value that `check` has nothing against, as JSON: nothing is `null`, and absent fields are left out. */
export const plain = (value: unknown): unknown => {
  if (value === undefined) return null
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) {
    const items = value.map(plain)
    return items.some((item, index) => item !== value[index]) ? items : value
  }
  let changed = false
  const out: Array<[string, unknown]> = []
  for (const [key, item] of Object.entries(value)) {
    const clean = item === undefined ? undefined : plain(item)
    if (clean !== undefined) out.push([key, clean])
    if (clean !== item || clean === undefined) changed = true
  }
  return changed ? Object.fromEntries(out) : value
}

/**
 * Any value as JSON: a Date and whatever has a `toJSON` by that, bytes as base64, maps and sets as lists, big integers
 * and numbers that JSON has not as text, nothing as `null`, and a cycle as the word for it.
 */
export const show = (value: unknown, above: ReadonlyArray<unknown> = []): unknown => {
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value)
  if (value === null || typeof value === "string" || typeof value === "boolean") return value
  if (value === undefined) return null
  if (typeof value !== "object") return String(value)
  if (above.includes(value)) return "[cycle]"
  const inside = [...above, value]
  if (value instanceof Date && Number.isNaN(value.getTime())) return null
  if (value instanceof Uint8Array) return Base64.encode(value)
  if ("toJSON" in value && typeof value.toJSON === "function") return show(value.toJSON(), inside)
  if (value instanceof Error) return String(value)
  if (Array.isArray(value) || value instanceof Map || value instanceof Set) {
    return Array.from(value, (item) => show(item, inside))
  }
  const fields = Object.entries(value).filter(([, item]) => item !== undefined && typeof item !== "function")
  return Object.fromEntries(fields.map(([key, item]) => [key, show(item, inside)]))
}

const visit = (value: unknown, path: string, above: ReadonlyArray<unknown>): NotJson | undefined => {
  if (value === null || typeof value === "string" || typeof value === "boolean") return undefined
  if (typeof value === "number") return Number.isFinite(value) ? undefined : { path, found: name(value) }
  if (value === undefined && above.length === 0) return undefined
  if (typeof value !== "object") return { path, found: name(value) }
  if (above.includes(value)) return { path, found: "a cycle" }
  const inside = [...above, value]
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const found = visit(value[index], `${path}[${index}]`, inside)
      if (found !== undefined) return found
    }
    return undefined
  }
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return { path, found: name(value) }
  for (const [key, item] of Object.entries(value)) {
    if (item === undefined) continue
    const found = visit(
      item,
      /^[A-Za-z_$][\w$]*$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`,
      inside
    )
    if (found !== undefined) return found
  }
  return undefined
}
