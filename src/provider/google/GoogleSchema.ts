/**
 * From JSON Schema to the part of it that Gemini reads: pure.
 *
 * Gemini takes `$defs`, `$ref` (alone), `anyOf`, `prefixItems`, `enum` of texts and numbers, and lets other keywords
 * pass unread. What says the same in other words is put in these: `const`, `allOf`, `definitions`, a `$ref` with a
 * description. A reference may lead back to itself only through a property that is not required.
 *
 * Source: the Gemini API's reference, `responseJsonSchema`.
 */

type Json = { readonly [key: string]: unknown }

const isRecord = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value)

const mapValues = (schemas: unknown): Json =>
  isRecord(schemas) ? Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, convert(schema)])) : {}

const mapItems = (schemas: unknown): ReadonlyArray<unknown> => Array.isArray(schemas) ? schemas.map(convert) : []

/** One schema that asks for all that both ask for, as far as one can. */
const merge = (left: Json, right: Json): Json => {
  const out: Record<string, unknown> = { ...left, ...right }
  if (isRecord(left["properties"]) && isRecord(right["properties"])) {
    out["properties"] = { ...left["properties"], ...right["properties"] }
  }
  if (Array.isArray(left["required"]) && Array.isArray(right["required"])) {
    out["required"] = [...new Set<unknown>([...left["required"], ...right["required"]])]
  }
  return out
}

const convert = (schema: unknown): unknown => isRecord(schema) ? toGoogle(schema) : schema

const toKeyword = ([key, value]: readonly [string, unknown]): ReadonlyArray<readonly [string, unknown]> => {
  switch (key) {
    case "properties":
    case "$defs":
      return [[key, mapValues(value)]]
    case "definitions":
      return [["$defs", mapValues(value)]]
    case "items":
    case "additionalProperties":
      return [[key, convert(value)]]
    case "prefixItems":
    case "anyOf":
    case "oneOf":
      return [[key, mapItems(value)]]
    case "const":
      return isEnumerable(value) ? [["enum", [value]]] : []
    case "enum":
      return Array.isArray(value) && value.every(isEnumerable) ? [[key, value]] : []
    case "$ref":
      return [[key, typeof value === "string" ? value.replace("#/definitions/", "#/$defs/") : value]]
    case "allOf":
    case "not":
      return []
    default:
      return [[key, value]]
  }
}

const isEnumerable = (value: unknown): boolean => typeof value === "string" || typeof value === "number"

/** A schema as Gemini reads it. */
export const toGoogle = (schema: Json): Json => {
  const own: Json = Object.fromEntries(Object.entries(schema).flatMap(toKeyword))
  const out = mapItems(schema["allOf"]).filter(isRecord).reduce(merge, own)
  const { $ref, ...beside } = out
  return $ref === undefined || Object.keys(beside).every((key) => key.startsWith("$"))
    ? out
    : { ...beside, anyOf: [{ $ref }] }
}

const definitionName = (reference: unknown): string | undefined =>
  typeof reference === "string"
    ? /^#\/\$defs\/([^/]+)$/.exec(reference)?.[1]?.replaceAll("~1", "/").replaceAll("~0", "~")
    : undefined

/** A definition that leads back to itself by what is required, which Gemini refuses in an answer; else `undefined`. */
export const requiredCycle = (schema: Json): string | undefined => {
  const definitions = isRecord(schema["$defs"]) ? schema["$defs"] : {}
  const checked = new Set<string>()
  const walk = (node: unknown, within: ReadonlyArray<string>): string | undefined => {
    if (Array.isArray(node)) return first(node, (item) => walk(item, within))
    if (!isRecord(node)) return undefined
    const name = definitionName(node["$ref"])
    if (name !== undefined) {
      if (within.includes(name)) return name
      if (checked.has(name)) return undefined
      const found = walk(definitions[name], [...within, name])
      checked.add(name)
      return found
    }
    const required: ReadonlyArray<unknown> = Array.isArray(node["required"]) ? node["required"] : []
    const properties = isRecord(node["properties"]) ? node["properties"] : {}
    return first(required, (key) => typeof key === "string" ? walk(properties[key], within) : undefined)
      ?? first(["items", "prefixItems", "additionalProperties", "anyOf", "oneOf"], (key) => walk(node[key], within))
  }
  return walk(schema, [])
}

const first = <Item, Found>(items: ReadonlyArray<Item>, find: (item: Item) => Found | undefined): Found | undefined => {
  for (const item of items) {
    const found = find(item)
    if (found !== undefined) return found
  }
  return undefined
}
