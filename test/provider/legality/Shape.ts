/**
 * A small language for what a JSON body has to look like. A shape looks at a value and says what is wrong with it, with
 * the path; the validators of the wire APIs are written in it, from the types of the vendors' SDKs.
 */

/** Looks at a value; says what is wrong with it. */
export type Shape = (value: unknown, path: string, say: Say) => void

/** Takes what is wrong: where, and which rule it breaks. */
export type Say = (path: string, rule: string) => void

/** A JSON object. */
export type Json = { readonly [key: string]: unknown }

export const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** A list, or nothing. */
export const list = (value: unknown): ReadonlyArray<any> => Array.isArray(value) ? value : []

/** Runs rules, and gives what they said. */
export const collect = (check: (say: Say) => void): ReadonlyArray<string> => {
  const found: Array<string> = []
  check((path, rule) => found.push(`${path}: ${rule}`))
  return found
}

/** Anything at all. */
export const anything: Shape = () => undefined

/** A string, perhaps of a pattern. */
export const string = (pattern?: RegExp): Shape => (value, path, say) => {
  if (typeof value !== "string") say(path, "has to be a string")
  else if (pattern !== undefined && !pattern.test(value)) say(path, `has to match ${pattern}`)
}

/** A string that is not empty. */
export const filled: Shape = (value, path, say) => {
  if (typeof value !== "string" || value === "") say(path, "has to be a string that is not empty")
}

export const boolean: Shape = (value, path, say) => {
  if (typeof value !== "boolean") say(path, "has to be true or false")
}

/** A number within limits. */
export const number = (min = -Infinity, max = Infinity): Shape => (value, path, say) => {
  if (typeof value !== "number" || value < min || value > max) say(path, `has to be a number from ${min} to ${max}`)
}

/** A whole number within limits. */
export const integer = (min = -Infinity, max = Infinity): Shape => (value, path, say) => {
  if (!Number.isInteger(value) || (value as number) < min || (value as number) > max) {
    say(path, `has to be a whole number from ${min} to ${max}`)
  }
}

/** One of these values. */
export const oneOf = (...values: ReadonlyArray<unknown>): Shape => (value, path, say) => {
  if (!values.includes(value)) say(path, `has to be one of ${values.map((item) => JSON.stringify(item)).join(", ")}`)
}

/** Any JSON object. */
export const object: Shape = (value, path, say) => {
  if (!isObject(value)) say(path, "has to be an object")
}

/** A list of a length within limits. */
export const listOf = (item: Shape, min = 0, max = Infinity): Shape => (value, path, say) => {
  if (!Array.isArray(value)) return say(path, "has to be a list")
  if (value.length < min || value.length > max) say(path, `has to have ${min} to ${max} items`)
  value.forEach((element, index) => item(element, `${path}[${index}]`, say))
}

type Fields = { readonly [name: string]: Shape }

/** An object with these fields and no others. A field that is `undefined` is absent. */
export const struct = (required: Fields, optional: Fields = {}): Shape => (value, path, say) => {
  if (!isObject(value)) return say(path, "has to be an object")
  for (const [name, shape] of Object.entries(required)) {
    if (value[name] === undefined) say(`${path}.${name}`, "is required")
    else shape(value[name], `${path}.${name}`, say)
  }
  for (const [name, field] of Object.entries(value)) {
    if (field === undefined || name in required) continue
    const shape = optional[name]
    if (shape === undefined) say(`${path}.${name}`, "is no field of this object")
    else shape(field, `${path}.${name}`, say)
  }
}

/** `null`, or this. */
export const orNull = (shape: Shape): Shape => (value, path, say) => {
  if (value !== null) shape(value, path, say)
}

/** A string, or something else. */
export const stringOr = (text: Shape, other: Shape): Shape => (value, path, say) =>
  (typeof value === "string" ? text : other)(value, path, say)

/** An object whose kind stands in one of its fields. */
export const tagged = (tag: string, kinds: Fields): Shape => (value, path, say) => {
  if (!isObject(value)) return say(path, "has to be an object")
  const kind = typeof value[tag] === "string" ? kinds[value[tag]] : undefined
  if (kind === undefined) say(`${path}.${tag}`, `has to be one of ${Object.keys(kinds).join(", ")}`)
  else kind(value, path, say)
}
