/**
 * Values as the journal has them: JSON, by the JSON codec of their Schemas, compiled once for each.
 */
import * as Schema from "effect/Schema"

/** Encodes and decodes; both throw what does not fit. */
export interface Codec {
  readonly encode: (value: unknown) => Schema.Json
  readonly decode: (value: unknown) => unknown
}

const codecs = new WeakMap<Schema.Top, Codec>()

/** The JSON codec of a Schema. */
export const of = (schema: Schema.Top): Codec => {
  let codec = codecs.get(schema)
  if (codec === undefined) {
    const json = Schema.toCodecJson(schema) as unknown as Schema.Codec<unknown, Schema.Json>
    codec = { encode: Schema.encodeUnknownSync(json), decode: Schema.decodeUnknownSync(json) }
    codecs.set(schema, codec)
  }
  return codec
}

const exits = new WeakMap<Schema.Top, WeakMap<Schema.Top, Schema.Top>>()

/** The JSON codec of an outcome. */
export const ofExit = ({ error, success }: { readonly success: Schema.Top; readonly error: Schema.Top }): Codec => {
  let byError = exits.get(success)
  if (byError === undefined) exits.set(success, byError = new WeakMap())
  let exit = byError.get(error)
  if (exit === undefined) byError.set(error, exit = Schema.Exit(success, error, Schema.Defect()))
  return of(exit)
}
