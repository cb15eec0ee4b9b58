/**
 * Typed answers: how an output's Schema goes over the wire, and how the answer comes back.
 *
 * Vendors take JSON Schemas whose root is an object. Any other root is wrapped as `{ value: … }` and unwrapped again.
 * An answer is decoded by the vendor's own transformation of the Schema where it has one, else by the Schema's JSON
 * codec; what does not fit is told to the model, issue by issue, in a corrective turn.
 */
import type * as LanguageModel from "effect/ai/LanguageModel"
import * as Tool from "effect/ai/Tool"
import * as Effect from "effect/Effect"
import type * as JsonSchema from "effect/JsonSchema"
import * as Schema from "effect/Schema"
import * as JsonInText from "./internal/JsonInText.ts"
import * as PartialJson from "./PartialJson.ts"

/** An output's Schema, ready to be asked for. */
export interface Output {
  /** What the vendor calls it. */
  readonly name: string
  /** The Schema whose JSON goes over the wire; its root is an object. */
  readonly wire: Schema.Top
  readonly wrapped: boolean
  /** For models that cannot be given a Schema: the tool that takes the answer. */
  readonly tool: Tool.Any
}

/** The name of the tool that takes the answer, where the model has no other way to be given a Schema. */
export const toolName = "final_answer"

const resolve = (document: { readonly schema: JsonSchema.JsonSchema; readonly definitions?: object }) => {
  let schema = document.schema
  const definitions = (document.definitions ?? {}) as { readonly [name: string]: JsonSchema.JsonSchema }
  for (let depth = 0; depth < 8 && typeof schema.$ref === "string"; depth++) {
    const next = definitions[schema.$ref.split("/").at(-1)!]
    if (next === undefined) break
    schema = next
  }
  return schema
}

/** Whether it is an object of known fields: what vendors make of a record is a list, of which no root may be. */
const isObject = (schema: Schema.Top): boolean => {
  const root = resolve(Schema.toJsonSchemaDocument(schema))
  return root.type === "object" && root.allOf === undefined && typeof root.additionalProperties !== "object"
}

/** Gets a Schema ready. Throws a `TypeError` when it has no JSON form. */
export const make = (schema: Schema.Top): Output => {
  let wrapped: boolean
  try {
    wrapped = !isObject(schema)
  } catch (cause) {
    throw new TypeError(
      `the output's Schema has no JSON form: ${cause instanceof Error ? cause.message : String(cause)}`
    )
  }
  const wire: Schema.Top = wrapped ? Schema.Struct({ value: schema }) : schema
  return {
    name: "output",
    wire,
    wrapped,
    tool: Tool.make(toolName, {
      description: "Gives the final answer. Call it once, when everything is known, in place of an answer in text.",
      parameters: wire
    })
  }
}

/** An answer that was read: the value, or what is wrong with it. */
export type Reading =
  | { readonly _tag: "Valid"; readonly value: unknown }
  | { readonly _tag: "Invalid"; readonly issues: ReadonlyArray<string>; readonly text: string }

// A list that is wrong throughout has as many issues as items.
const maxIssues = 50

const toIssues = (message: string): ReadonlyArray<string> => {
  const issues: Array<string> = []
  for (const line of message.split("\n")) {
    // an issue's path stands on the line after it
    if (line.startsWith(" ") && issues.length > 0) issues[issues.length - 1] += ` ${line.trim()}`
    else if (line.trim() !== "") issues.push(line.trim())
  }
  const more = issues.length - maxIssues
  return more > 0 ? [...issues.slice(0, maxIssues), `… and ${more} more of this kind`] : issues
}

const invalid = (issues: ReadonlyArray<string>, text: string): Reading => ({ _tag: "Invalid", issues, text })

/** An answer as it came, as text. */
export const toText = (answer: unknown): string => typeof answer === "string" ? answer : JSON.stringify(answer) ?? ""

type Decode = ReturnType<typeof Schema.decodeUnknownEffect<Schema.Codec<unknown, unknown>>>

const decoders = new WeakMap<Output, Map<LanguageModel.CodecTransformer | undefined, Decode>>()

/** The decoder of an output's answers: compiled once for each vendor's transformation. */
const decoderOf = (output: Output, transformer: LanguageModel.CodecTransformer | undefined): Decode => {
  let known = decoders.get(output)
  if (known === undefined) decoders.set(output, known = new Map())
  let decode = known.get(transformer)
  if (decode === undefined) {
    const wire = output.wire as unknown as Schema.Codec<unknown, unknown>
    const codec = transformer === undefined ? Schema.toCodecJson(wire) : transformer(wire).codec
    known.set(transformer, decode = Schema.decodeUnknownEffect(codec as Schema.Codec<unknown, unknown>))
  }
  return decode
}

/** Reads an answer: JSON text, or the arguments of the answer's tool. */
export const read = (
  output: Output,
  answer: unknown,
  transformer: LanguageModel.CodecTransformer | undefined
): Effect.Effect<Reading, never, any> =>
  Effect.suspend(() => {
    const text = toText(answer)
    const decode = decoderOf(output, transformer)
    const readOne = (json: unknown) =>
      Effect.match(decode(json, { errors: "all" }), {
        onFailure: (error): Reading => invalid(toIssues(error.message), text),
        onSuccess: (value): Reading => ({
          _tag: "Valid",
          value: output.wrapped ? (value as { readonly value: unknown }).value : value
        })
      })
    if (typeof answer !== "string") return readOne(answer)
    try {
      return readOne(JSON.parse(answer))
    } catch (cause) {
      const found = JsonInText.objects(answer)
      if (found.length > 0) return Effect.map(Effect.forEach(found, readOne), (readings) => choose(readings, text))
      const issue = `the answer is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`
      return Effect.succeed(invalid([issue], text))
    }
  })

/** Which of several objects in a text is the answer: the only one that fits. */
const choose = (readings: ReadonlyArray<Reading>, text: string): Reading => {
  const fitting = readings.filter((reading) => reading._tag === "Valid")
  if (fitting.length === 0) return readings.at(-1)!
  return fitting.length === 1
    ? fitting[0]!
    : invalid([`the answer has ${fitting.length} JSON objects that fit; give only one, and nothing else`], text)
}

/** A value as the answer that a model would have given; as much of it as can be told, where its Schema refuses it. */
export const write = (output: Output, value: unknown): Effect.Effect<string, never, any> =>
  Effect.catchCause(
    Effect.map(
      Schema.encodeUnknownEffect(Schema.toCodecJson(output.wire as unknown as Schema.Codec<unknown, unknown>))(
        output.wrapped ? { value } : value
      ),
      toText
    ),
    () => Effect.succeed(String(value))
  )

/** What the model is told of an answer that does not fit. */
export const correction = (issues: ReadonlyArray<string>): string =>
  `The answer does not fit what was asked for:\n${issues.map((issue) => `- ${issue}`).join("\n")}\n`
  + "Give the whole answer again, corrected."

const longText = 2 ** 18

/** Turns the pieces of an answer's JSON, as they come, into what is known of the value; `undefined` for nothing new. */
export const partials = (output: Output): (delta: string) => { readonly value: unknown } | undefined => {
  let text = ""
  let next = 0
  return (delta) => {
    if (text !== "") text += delta
    else {
      // what comes before the object is none of it
      const start = delta.indexOf("{")
      if (start < 0) return undefined
      text = delta.slice(start)
    }
    // each reading starts from the beginning, so they grow apart with the text
    if (text.length < next) return undefined
    next = text.length + Math.floor(text.length / (text.length < longText ? 16 : 4)) + 1
    const value = PartialJson.parse(text)
    if (value === undefined) return undefined
    if (!output.wrapped) return { value }
    return typeof value === "object" && value !== null && "value" in value ? { value: value.value } : undefined
  }
}
