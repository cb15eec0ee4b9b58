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
  let schema = document.schema as { readonly $ref?: string; readonly type?: unknown }
  const definitions = (document.definitions ?? {}) as { readonly [name: string]: typeof schema }
  for (let depth = 0; depth < 8 && typeof schema.$ref === "string"; depth++) {
    const next = definitions[schema.$ref.split("/").at(-1)!]
    if (next === undefined) break
    schema = next
  }
  return schema
}

const isObject = (schema: Schema.Top): boolean => resolve(Schema.toJsonSchemaDocument(schema)).type === "object"

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
      description: "Gives the final answer. Call it once, when everything is known.",
      parameters: wire
    })
  }
}

/** An answer that was read: the value, or what is wrong with it. */
export type Reading =
  | { readonly _tag: "Valid"; readonly value: unknown }
  | { readonly _tag: "Invalid"; readonly issues: ReadonlyArray<string>; readonly text: string }

/** The JSON in an answer: models that were only told to answer in JSON like to fence it. */
const unfence = (text: string): string => {
  const found = /^\s*```[a-z]*\s*\n([\s\S]*?)\n?\s*```\s*$/i.exec(text)
  return found === null ? text : found[1]!
}

const toIssues = (message: string): ReadonlyArray<string> => {
  const issues: Array<string> = []
  for (const line of message.split("\n")) {
    // an issue's path stands on the line after it
    if (line.startsWith(" ") && issues.length > 0) issues[issues.length - 1] += ` ${line.trim()}`
    else if (line.trim() !== "") issues.push(line.trim())
  }
  return issues
}

/** An answer as it came, as text. */
export const toText = (answer: unknown): string => typeof answer === "string" ? answer : JSON.stringify(answer) ?? ""

/** Reads an answer: JSON text, or the arguments of the answer's tool. */
export const read = (
  output: Output,
  answer: unknown,
  transformer: LanguageModel.CodecTransformer | undefined
): Effect.Effect<Reading, never, any> =>
  Effect.suspend(() => {
    const text = toText(answer)
    const wire = output.wire as unknown as Schema.Codec<unknown, unknown>
    let json: unknown = answer
    if (typeof answer === "string") {
      try {
        json = JSON.parse(unfence(answer))
      } catch (cause) {
        const issue = `the answer is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`
        return Effect.succeed<Reading>({ _tag: "Invalid", issues: [issue], text })
      }
    }
    const codec = transformer === undefined ? Schema.toCodecJson(wire) : transformer(wire).codec
    return Effect.match(Schema.decodeUnknownEffect(codec as Schema.Codec<unknown, unknown>)(json, { errors: "all" }), {
      onFailure: (error): Reading => ({ _tag: "Invalid", issues: toIssues(error.message), text }),
      onSuccess: (value): Reading => ({
        _tag: "Valid",
        value: output.wrapped ? (value as { readonly value: unknown }).value : value
      })
    })
  })

/** What the model is told of an answer that does not fit. */
export const correction = (issues: ReadonlyArray<string>): string =>
  `The answer does not fit what was asked for:\n${issues.map((issue) => `- ${issue}`).join("\n")}\n`
  + "Give the whole answer again, corrected."

/** Turns the pieces of an answer's JSON, as they come, into what is known of the value; `undefined` for nothing new. */
export const partials = (output: Output): (delta: string) => { readonly value: unknown } | undefined => {
  let text = ""
  let next = 0
  return (delta) => {
    text += delta
    // each reading starts from the beginning, so they grow apart with the text
    if (text.length < next) return undefined
    next = text.length + Math.floor(text.length / 16) + 1
    const value = PartialJson.parse(text)
    if (value === undefined) return undefined
    if (!output.wrapped) return { value }
    return typeof value === "object" && value !== null && "value" in value ? { value: value.value } : undefined
  }
}
