/**
 * A tool as vendors declare it: name, description and the JSON Schema of its parameters, made once for each tool.
 *
 * A strict tool's schema goes through the vendor's transformer, which has to accept every answer and bring it back;
 * everybody else's is the Schema's own, with descriptions, enums, nesting and defaults as they are.
 */
import * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Tool from "effect/ai/Tool"
import type * as JsonSchema from "effect/JsonSchema"
import { memo } from "./Memo.ts"
import * as OutputSchema from "./OutputSchema.ts"

/** A tool's declaration. Shared: nobody may change it. */
export interface ToolSpec {
  readonly name: string
  readonly description: string | undefined
  /** Its root is always an object. */
  readonly schema: JsonSchema.JsonSchema
  readonly strict: boolean
}

// `Struct({})` is "anything but null" in JSON Schema, `Void` is null, `Unknown` is anything: no parameters are meant.
const isEmpty = (schema: JsonSchema.JsonSchema): boolean =>
  schema["type"] === "null" || "not" in schema ||
  Object.keys(schema).every((key) => key === "$schema" || key === "$defs")

const toObject = (schema: JsonSchema.JsonSchema): JsonSchema.JsonSchema => {
  if (schema["type"] === "object") return schema["properties"] === undefined ? { ...schema, properties: {} } : schema
  if (isEmpty(schema)) return { type: "object", properties: {} }
  throw new Error("they must be one object; put a union, or any other value, into a property of it")
}

/**
 * The declaration of a tool. Throws an `UnsupportedSchemaError` that names the tool.
 *
 * @param transformer the vendor's, for tools annotated `Tool.Strict`
 */
export const make = (transformer?: LanguageModel.CodecTransformer): (tool: Tool.Any) => ToolSpec =>
  memo((tool) => {
    const strict = transformer !== undefined
      && Tool.getStrictMode(tool) === true
      && !(Tool.isDynamic(tool) && tool.jsonSchema !== undefined)
    try {
      const schema = toObject(Tool.getJsonSchema(tool, {
        transformer: strict ? transformer : LanguageModel.defaultCodecTransformer
      }))
      const problem = strict ? OutputSchema.untyped(schema) : undefined
      if (problem !== undefined) throw new Error(problem)
      return { name: tool.name, description: Tool.getDescription(tool), schema, strict }
    } catch (cause) {
      throw new AiError.UnsupportedSchemaError({
        description: `the parameters of tool "${tool.name}" cannot be sent to the vendor: ${
          cause instanceof Error ? cause.message : String(cause)
        }`
      })
    }
  })
