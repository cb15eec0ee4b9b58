/**
 * An output's Schema as a vendor is held to it: its JSON Schema, made once for each.
 *
 * What a vendor would refuse in words of its own is refused here, before the request, with the field's name.
 */
import * as AiError from "effect/ai/AiError"
import type * as LanguageModel from "effect/ai/LanguageModel"
import type * as JsonSchema from "effect/JsonSchema"
import * as Schema from "effect/Schema"
import { memo } from "./Memo.ts"

type OutputSchema = Parameters<LanguageModel.CodecTransformer>[0]

type Json = { readonly [key: string]: unknown }

/** A place in a JSON Schema: whether it is a reference to something around it. */
type Test = (node: Json, leadsBack: boolean) => boolean

const isRecord = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value)

const definitionOf = (reference: string): string =>
  reference.split("/").at(-1)!.replaceAll("~1", "/").replaceAll("~0", "~")

/** The first place that passes, as the path of its fields: `rows[].price`. */
const find = (root: Json, test: Test): string | undefined => {
  const definitions = isRecord(root["$defs"]) ? root["$defs"] : {}
  const checked = new Set<string>()
  const walk = (node: unknown, path: string, within: ReadonlyArray<string>): string | undefined => {
    if (!isRecord(node)) return undefined
    if (typeof node["$ref"] === "string") {
      const name = definitionOf(node["$ref"])
      if (within.includes(name)) return test(node, true) ? path : undefined
      if (checked.has(name)) return undefined
      const found = walk(definitions[name], path, [...within, name])
      checked.add(name)
      return found
    }
    if (test(node, false)) return path
    const parts: Array<readonly [part: unknown, path: string]> = []
    for (const [name, part] of Object.entries(isRecord(node["properties"]) ? node["properties"] : {})) {
      parts.push([part, path === "" ? name : `${path}.${name}`])
    }
    parts.push([node["items"], `${path}[]`])
    for (const key of ["anyOf", "allOf"]) {
      for (const part of Array.isArray(node[key]) ? node[key] : []) parts.push([part, path])
    }
    for (const [part, path] of parts) {
      const found = walk(part, path, within)
      if (found !== undefined) return found
    }
    return undefined
  }
  return walk(root, "", [])
}

const says = ["type", "enum", "const", "anyOf", "allOf", "oneOf"]

const isUntyped: Test = (node, leadsBack) => !leadsBack && !says.some((key) => key in node)

const isRecursive: Test = (_, leadsBack) => leadsBack

const place = (path: string): string => path === "" ? "it" : `its field "${path}"`

/** What is wrong with a JSON Schema for vendors that want a type everywhere; `undefined` if it has one. */
export const untyped = (json: Json): string | undefined => {
  const path = find(json, isUntyped)
  return path === undefined
    ? undefined
    : `${place(path)} may be anything; give it a type, or Schema.fromJsonString(Schema.Unknown)`
}

/** Where a Schema leads back to itself. */
const recursion = (schema: OutputSchema): string | undefined => {
  const { definitions, schema: root } = Schema.toJsonSchemaDocument(schema)
  return find({ ...root, $defs: definitions }, isRecursive)
}

/**
 * The JSON Schema of an output, by a vendor's transformer. Shared: nobody may change it.
 *
 * Throws an `UnsupportedSchemaError`.
 */
export const make = (
  vendor: string,
  transformer: LanguageModel.CodecTransformer,
  takes: { readonly recursion: boolean }
): (schema: OutputSchema) => JsonSchema.JsonSchema => {
  const refuse = (why: string) =>
    new AiError.UnsupportedSchemaError({ description: `${vendor} cannot answer by the output's Schema: ${why}` })
  return memo((schema: OutputSchema) => {
    let json: JsonSchema.JsonSchema
    try {
      const again = takes.recursion ? undefined : recursion(schema)
      if (again !== undefined) {
        throw refuse(`${place(again)} leads back to what it is a part of; say how deep it goes, or leave it out`)
      }
      json = transformer(schema).jsonSchema
    } catch (cause) {
      if (AiError.isAiErrorReason(cause)) throw cause
      throw refuse((cause instanceof Error ? cause.message : String(cause)).replace(/^\w+StructuredOutput: /, ""))
    }
    const problem = untyped(json)
    if (problem !== undefined) throw refuse(problem)
    return json
  })
}
