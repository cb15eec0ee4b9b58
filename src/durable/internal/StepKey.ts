/**
 * The identity of a step: where it stands, what it is called, what it is given, and which of its equals it is.
 *
 * A key is `parent/name:hash#n`: the key of the step around it, its name, a hash of its encoded payload, and its number
 * among siblings that are the same in all of that (left out for the first). What a second attempt does is beneath
 * `key@2`. Names hold no `/`, `:`, `#` or `@`.
 */

/** Counts equal siblings within one parent. */
export type Counts = Map<string, number>

/** The key of the next step of that name and payload within `parent`; `""` is the execution itself. */
export const next = (counts: Counts, parent: string, name: string, payload: string): string => {
  const base = `${parent}/${name}:${hash(payload)}`
  const count = counts.get(base) ?? 0
  counts.set(base, count + 1)
  return count === 0 ? base : `${base}#${count}`
}

/** What the steps of an attempt are beneath. */
export const ofAttempt = (key: string, attempt: number): string => attempt === 1 ? key : `${key}@${attempt}`

/** The step that a key, of a step or of an attempt, belongs to. */
export const stepOf = (key: string): string => {
  const at = key.lastIndexOf("@")
  return at > key.lastIndexOf("/") ? key.slice(0, at) : key
}

/** What the services that a step calls know it by: the same for all its attempts, and for no step of another execution. */
export const idempotencyKey = (execution: string, key: string): string | undefined =>
  key === "" ? undefined : `${execution}${stepOf(key)}`

/** The name of the step that a key belongs to. */
export const nameOf = (key: string): string => {
  const step = stepOf(key)
  return step.slice(step.lastIndexOf("/") + 1, step.lastIndexOf(":"))
}

/** The key of the step, or of the attempt at it, right around a step; `""` is the execution itself. */
export const parentOf = (key: string): string => key.slice(0, key.lastIndexOf("/"))

/** What `key` is beneath, the innermost first: steps, or attempts at them. */
export const around = function*(key: string): Generator<string> {
  for (let end = key.lastIndexOf("/"); end > 0; end = key.lastIndexOf("/", end - 1)) yield key.slice(0, end)
}

/** Whether anything around `key` is among `keys`. */
export const isBeneath = (key: string, keys: { readonly has: (key: string) => boolean }): boolean => {
  for (let end = key.lastIndexOf("/"); end > 0; end = key.lastIndexOf("/", end - 1)) {
    if (keys.has(key.slice(0, end))) return true
  }
  return false
}

/** A number in [0, 1) that is made of two texts alone. */
export const random = (seed: string, key: string): number => bits(`${seed}${key}`, 0) / 2 ** 53

/** A UUID (version 8: made by a rule of one's own) that is made of two texts alone. */
export const uuid = (seed: string, key: string): string => {
  const text = `${seed}${key}`
  const hex = [1, 2, 3].map((salt) => bits(text, salt).toString(16).padStart(14, "0").slice(-11)).join("")
  const variant = "89ab"[Number.parseInt(hex[16]!, 16) % 4]!
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${
    hex.slice(20, 32)
  }`
}

/**
 * 53 bits of a text. Two payloads of one hash would only be told apart by the order in which they are asked
 * for, so it has to spread well and be quick, not to resist anybody.
 *
 * Source: cyrb53, by bryc, public domain.
 */
const bits = (text: string, salt: number): number => {
  let a = 0xdeadbeef ^ salt
  let b = 0x41c6ce57 ^ salt
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    a = Math.imul(a ^ code, 2654435761)
    b = Math.imul(b ^ code, 1597334677)
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909)
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909)
  return 4294967296 * (2097151 & b) + (a >>> 0)
}

/** 106 bits of a text, and its length. */
export const digest = (text: string): string =>
  `${text.length.toString(36)}-${bits(text, 4).toString(36)}${bits(text, 5).toString(36)}`

const hash = (text: string): string => bits(text, 0).toString(36)
