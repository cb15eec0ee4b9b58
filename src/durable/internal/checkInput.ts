/**
 * What is wrong with an answer, by the JSON Schema that its pause has recorded: enough to refuse it before it is left for
 * whoever has the execution. They look at it again, by the pause's own Schema.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaRepresentation from "effect/SchemaRepresentation"

const toSchema = (json: Schema.Json): Schema.Codec<unknown, unknown> | undefined => {
  try {
    const { $defs = {}, ...schema } = json as { readonly $defs?: Record<string, never> }
    const document = { dialect: "draft-2020-12" as const, schema, definitions: $defs }
    return SchemaRepresentation.fromJsonSchemaDocument(document, { patterns: "ignore" }) as never
  } catch {
    // a Schema that says more than can be read back
    return undefined
  }
}

/** What does not fit, if anything. */
export const problemOf = (input: Schema.Json, jsonSchema: Schema.Json): string | undefined => {
  const schema = toSchema(jsonSchema)
  if (schema === undefined) return undefined
  const result = Schema.decodeUnknownResult(schema, { errors: "all" })(input)
  return Result.isFailure(result) ? result.failure.message : undefined
}
