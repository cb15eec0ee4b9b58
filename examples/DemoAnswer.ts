/**
 * How the demo model answers by a Schema: fields that are meant for words get its words, fields that are named like a
 * tool get what the tool gave, as far as their Schema asks for it, and the rest stays empty.
 */
import { freeText, type JsonSchema, resolve, stems } from "./DemoPlan.ts"

/** What a tool gave. */
export interface Given {
  readonly name: string
  readonly result: unknown
}

/** An answer that fits the Schema. */
export const answer = (schema: JsonSchema, words: string, given: ReadonlyArray<Given>): unknown =>
  Object.fromEntries(
    Object.entries(resolve(schema, schema.$defs).properties ?? {}).map(([key, property]) => {
      const named = given.filter(({ name }) => [...stems(key)].some((stem) => stems(name).has(stem)))
      return [key, value(key, resolve(property, schema.$defs), { schema, words, given: named })]
    })
  )

interface Known {
  readonly schema: JsonSchema
  readonly words: string
  readonly given: ReadonlyArray<Given>
}

const value = (key: string, property: JsonSchema, { given, schema, words }: Known): unknown => {
  const results = given.map(({ result }) => result)
  if (property.type === "array") {
    return results.flat().map((result) => pick(resolve(property.items ?? {}, schema.$defs), result))
  }
  if (property.type === "string" && freeText.test(key)) return words
  return pick(property, results.at(-1))
}

/** What a Schema asks for, out of a result. */
const pick = (property: JsonSchema, result: unknown): unknown => {
  switch (property.type) {
    case "object": {
      const from: { readonly [key: string]: unknown } = typeof result === "object" && result !== null
        ? { ...result }
        : {}
      return Object.fromEntries(
        Object.entries(property.properties ?? {}).map(([key, inner]) => [key, pick(inner, from[key])])
      )
    }
    case "array":
      return Array.isArray(result) ? result : []
    case "number":
    case "integer":
      return typeof result === "number" ? result : 0
    case "boolean":
      return result === true
    default:
      return result === undefined ? "" : String(result)
  }
}
