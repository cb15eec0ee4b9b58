/**
 * JSON of values that no Schema describes: a tool's progress, a call's arguments, an answer.
 */

/**
 * The value as JSON text, whatever it is: maps and sets as lists, big integers as text, nothing as `null`, and a cycle
 * as the word for it.
 */
export const toJson = (value: unknown): string => JSON.stringify(value, replacer()) ?? "null"

const replacer = () => {
  const above: Array<unknown> = []
  return function(this: unknown, _key: string, value: unknown): unknown {
    if (typeof value === "bigint") return String(value)
    if (typeof value !== "object" || value === null) return value
    while (above.length > 0 && above.at(-1) !== this) above.pop()
    if (above.includes(value)) return "[cycle]"
    const plain = value instanceof Map || value instanceof Set ? [...value] : value
    above.push(plain)
    return plain
  }
}
