/**
 * Values as the journal has them: JSON, by the JSON codec of their Schemas, compiled once for each.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"

/** Encodes and decodes; both throw what does not fit. `services` are those that the Schema needs. */
export interface Codec {
  readonly encode: (value: unknown, services?: Context.Context<never>) => Schema.Json
  readonly decode: (value: unknown, services?: Context.Context<never>) => unknown
}

const orThrow = <A>(
  effect: Effect.Effect<A, Schema.SchemaError>,
  services: Context.Context<never> = Context.empty()
): A => {
  const exit = Effect.runSyncExitWith(services)(effect)
  if (Exit.isSuccess(exit)) return exit.value
  throw Cause.squash(exit.cause)
}

const codecs = new WeakMap<Schema.Top, Codec>()

/** The JSON codec of a Schema. */
export const of = (schema: Schema.Top): Codec => {
  let codec = codecs.get(schema)
  if (codec === undefined) {
    const json = Schema.toCodecJson(schema) as unknown as Schema.Codec<unknown, Schema.Json>
    const encode = Schema.encodeUnknownEffect(json)
    const decode = Schema.decodeUnknownEffect(json)
    codec = {
      encode: (value, services) => orThrow(encode(value), services),
      decode: (value, services) => orThrow(decode(value), services)
    }
    codecs.set(schema, codec)
  }
  return codec
}

const exits = new WeakMap<Schema.Top, WeakMap<Schema.Top, Schema.Top>>()

/** What an outcome is made of. */
export interface Outcome {
  readonly success: Schema.Top
  readonly error: Schema.Top
  /** The services that the Schemas need. */
  readonly services?: Context.Context<never> | undefined
}

/** The JSON codec of an outcome. */
export const ofExit = ({ error, services, success }: Outcome): Codec => {
  let byError = exits.get(success)
  if (byError === undefined) exits.set(success, byError = new WeakMap())
  let exit = byError.get(error)
  if (exit === undefined) byError.set(error, exit = Schema.Exit(success, error, Schema.Defect()))
  const codec = of(exit)
  return services === undefined ? codec : {
    encode: (value) => codec.encode(value, services),
    decode: (value) => codec.decode(value, services)
  }
}
