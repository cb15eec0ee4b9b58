/**
 * What vendors take of JSON Schema, each from its own documentation.
 *
 * - OpenAI, strict: "Structured outputs" guide, supported schemas.
 * - Anthropic: "Structured outputs", JSON Schema limitations; the same for `output_config.format` and strict tools.
 * - Gemini: the documentation of `responseJsonSchema` in @google/genai.
 */
import { isObject, type Json, list, type Say } from "./Shape.ts"

/** Walks a schema: every sub-schema, with its path, the chain above it, and whether its parent requires it. */
const walk = (
  root: Json,
  path: string,
  visit: (schema: Json, path: string, depth: number, required: boolean) => void
): void => {
  const go = (schema: unknown, at: string, depth: number, required: boolean): void => {
    if (!isObject(schema)) return
    visit(schema, at, depth, required)
    const needs = new Set(list(schema["required"]))
    for (const [name, property] of entries(schema["properties"])) {
      go(property, `${at}.properties.${name}`, depth + 1, needs.has(name))
    }
    for (const [name, definition] of [...entries(schema["$defs"]), ...entries(schema["definitions"])]) {
      go(definition, `${at}.$defs.${name}`, depth, true)
    }
    for (const key of ["anyOf", "oneOf", "allOf", "prefixItems"]) {
      list(schema[key]).forEach((item, index) => go(item, `${at}.${key}[${index}]`, depth, true))
    }
    for (const key of ["items", "additionalProperties", "not"]) go(schema[key], `${at}.${key}`, depth + 1, false)
  }
  go(root, path, 1, true)
}

const entries = (value: unknown): ReadonlyArray<readonly [string, unknown]> =>
  isObject(value) ? Object.entries(value) : []

const typesOf = (schema: Json): ReadonlyArray<unknown> =>
  Array.isArray(schema["type"]) ? schema["type"] : schema["type"] === undefined ? [] : [schema["type"]]

const isObjectSchema = (schema: Json) => typesOf(schema).includes("object") || schema["properties"] !== undefined

/** The schema that a reference points at; `undefined` when there is none. */
const target = (root: Json, ref: unknown): unknown => {
  if (ref === "#") return root
  if (typeof ref !== "string" || !ref.startsWith("#/")) return undefined
  return ref.slice(2).split("/").reduce<unknown>(
    (at, step) => isObject(at) ? at[decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~")] : undefined,
    root
  )
}

/** The references of a schema that lead nowhere. */
const dangling = (root: Json, path: string, say: Say): void =>
  walk(root, path, (schema, at) => {
    if (schema["$ref"] !== undefined && target(root, schema["$ref"]) === undefined) {
      say(`${at}.$ref`, `points at nothing: ${String(schema["$ref"])}`)
    }
  })

/** Whether a schema contains itself; `onlyRequired` counts those that no value could end. */
const isRecursive = (root: Json, onlyRequired: boolean): boolean => {
  const open = new Set<unknown>()
  const go = (schema: unknown): boolean => {
    if (!isObject(schema)) return false
    if (open.has(schema)) return true
    open.add(schema)
    const needs = new Set(list(schema["required"]))
    const next = [
      ...entries(schema["properties"]).filter(([name]) => !onlyRequired || needs.has(name)).map(([, item]) => item),
      ...["anyOf", "oneOf", "allOf", "prefixItems"].flatMap((key) => list(schema[key])),
      schema["items"],
      schema["additionalProperties"],
      schema["$ref"] === undefined ? undefined : target(root, schema["$ref"])
    ]
    const found = next.some(go)
    open.delete(schema)
    return found
  }
  return go(root)
}

const closed = (schema: Json, at: string, say: Say) => {
  if (isObjectSchema(schema) && schema["additionalProperties"] !== false) {
    say(`${at}.additionalProperties`, "has to be false in every object")
  }
}

/** Keywords that none of the strict subsets knows. */
const unknownToAll = ["not", "if", "then", "else", "dependentRequired", "dependentSchemas", "patternProperties"]

const openAiKeywords = new Set([
  ..."type properties required additionalProperties items anyOf enum const $ref $defs definitions".split(" "),
  ..."description title default pattern format minimum maximum exclusiveMinimum exclusiveMaximum".split(" "),
  ..."multipleOf minItems maxItems $schema".split(" ")
])

const openAiFormats = new Set(["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"])

/** OpenAI, `strict: true`. */
export const openAiStrict = (root: unknown, path: string, say: Say): void => {
  if (!isObject(root)) return say(path, "has to be an object")
  if (root["type"] !== "object" || root["anyOf"] !== undefined) say(path, "the root has to be of type object, no anyOf")
  let properties = 0
  let enums = 0
  let letters = 0
  walk(root, path, (schema, at, depth) => {
    if (depth > 10) say(at, "at most 10 levels of nesting")
    closed(schema, at, say)
    const names = Object.keys(isObject(schema["properties"]) ? schema["properties"] : {})
    properties += names.length
    letters += names.join("").length
    const needs = list(schema["required"])
    for (const name of names) if (!needs.includes(name)) say(`${at}.required`, `has to name every property: ${name}`)
    for (const name of needs) if (!names.includes(name)) say(`${at}.required`, `names no property: ${name}`)
    enums += list(schema["enum"]).length
    for (const value of list(schema["enum"])) letters += String(value).length
    for (const key of Object.keys(schema)) {
      if (!openAiKeywords.has(key)) say(`${at}.${key}`, "is not supported in strict mode")
    }
    const format = schema["format"]
    if (format !== undefined && !openAiFormats.has(String(format))) say(`${at}.format`, "is no format of strict mode")
    if (
      schema["$ref"] === undefined && schema["anyOf"] === undefined && typesOf(schema).length === 0
      && schema["enum"] === undefined && schema["const"] === undefined
    ) say(at, "every schema has to have a type")
    if (typesOf(schema).includes("array") && schema["items"] === undefined) {
      say(`${at}.items`, "an array has to say its items")
    }
  })
  if (properties > 5000) say(path, "at most 5000 properties")
  if (enums > 1000) say(path, "at most 1000 enum values")
  if (letters > 120_000) say(path, "names and enum values may have 120,000 characters")
  dangling(root, path, say)
}

const anthropicFormats = new Set([...openAiFormats, "uri"])

const anthropicRefused = new Set([
  ...unknownToAll,
  ..."minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength maxItems uniqueItems".split(" "),
  ..."prefixItems contains minProperties maxProperties propertyNames oneOf".split(" ")
])

/** Anthropic, in `output_config.format` and in strict tools. */
export const anthropic = (root: unknown, path: string, say: Say): void => {
  if (!isObject(root)) return say(path, "has to be an object")
  let optional = 0
  let unions = 0
  walk(root, path, (schema, at) => {
    closed(schema, at, say)
    for (const key of Object.keys(schema)) if (anthropicRefused.has(key)) say(`${at}.${key}`, "is not supported")
    if (schema["minItems"] !== undefined && ![0, 1].includes(schema["minItems"] as number)) {
      say(`${at}.minItems`, "only 0 and 1 are supported")
    }
    const format = schema["format"]
    if (format !== undefined && !anthropicFormats.has(String(format))) say(`${at}.format`, "is no supported format")
    for (const value of list(schema["enum"])) {
      if (typeof value === "object" && value !== null) say(`${at}.enum`, "takes no objects")
    }
    if (typeof schema["$ref"] === "string" && !schema["$ref"].startsWith("#")) {
      say(`${at}.$ref`, "no external references")
    }
    const names = Object.keys(isObject(schema["properties"]) ? schema["properties"] : {})
    optional += names.filter((name) => !list(schema["required"]).includes(name)).length
    if (schema["anyOf"] !== undefined || typesOf(schema).length > 1) unions++
  })
  if (optional > 24) say(path, "at most 24 optional properties")
  if (unions > 16) say(path, "at most 16 unions")
  if (isRecursive(root, false)) say(path, "recursion is not supported")
  dangling(root, path, say)
}

const geminiKeywords = new Set([
  ..."$id $defs $ref $anchor type format title description enum items prefixItems minItems maxItems minimum".split(" "),
  ..."maximum anyOf oneOf properties additionalProperties required propertyOrdering".split(" ")
])

/** Gemini, in `responseJsonSchema` and `parametersJsonSchema`. */
export const gemini = (root: unknown, path: string, say: Say): void => {
  if (!isObject(root)) return say(path, "has to be an object")
  walk(root, path, (schema, at) => {
    for (const key of Object.keys(schema)) if (!geminiKeywords.has(key)) say(`${at}.${key}`, "is not supported")
    if (schema["$ref"] !== undefined && Object.keys(schema).some((key) => !key.startsWith("$"))) {
      say(at, "beside $ref only keys that start with $ are allowed")
    }
    for (const value of list(schema["enum"])) {
      if (typeof value !== "string" && typeof value !== "number") say(`${at}.enum`, "takes strings and numbers only")
    }
  })
  if (isRecursive(root, true)) say(path, "cycles only in properties that are not required")
  dangling(root, path, say)
}

/** A tool's arguments where the vendor only asks for an object. */
export const objectRoot = (root: unknown, path: string, say: Say): void => {
  if (!isObject(root)) return say(path, "has to be an object")
  if (root["type"] !== "object") say(`${path}.type`, `has to be "object"`)
  dangling(root, path, say)
}
