/**
 * The identity of a step: where it stands, what it is called, what it is given, and which of its equals it is.
 *
 * A key is `parent/name:hash#n`: the key of the step around it, its name, a hash of its encoded payload, and its number
 * among siblings that are the same in all of that (left out for the first). Names hold no `/`, `:` or `#`.
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

/** Whether any step around `key` is among `keys`. */
export const isBeneath = (key: string, keys: { readonly has: (key: string) => boolean }): boolean => {
  for (let end = key.lastIndexOf("/"); end > 0; end = key.lastIndexOf("/", end - 1)) {
    if (keys.has(key.slice(0, end))) return true
  }
  return false
}

/**
 * 53 bits of a text, in base 36. Two payloads of one hash would only be told apart by the order in which they are asked
 * for, so it has to spread well and be quick, not to resist anybody.
 *
 * Source: cyrb53, by bryc, public domain.
 */
const hash = (text: string): string => {
  let a = 0xdeadbeef
  let b = 0x41c6ce57
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    a = Math.imul(a ^ code, 2654435761)
    b = Math.imul(b ^ code, 1597334677)
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909)
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909)
  return (4294967296 * (2097151 & b) + (a >>> 0)).toString(36)
}
