/**
 * The file of a cassette: what it holds, how it is read, and how it is laid out.
 *
 * One entry a model call, in the order in which they were asked. The layout is for those who review it: what fits into
 * a line stands in one.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { CassetteProblem } from "../CassetteError.ts"
import { CanonicalRequest } from "./CanonicalRequest.ts"
import { RecordedAnswer } from "./RecordedAnswer.ts"

const format = "fluxion/cassette"
const version = 1

/** A Model, as far as a replay has to know it. */
export const RecordedModel = Schema.Struct({
  provider: Schema.optionalKey(Schema.String),
  model: Schema.optionalKey(Schema.String),
  /** Absent for a Model that has none. */
  driver: Schema.optionalKey(Schema.Struct({
    /** How it brings answers into an output's Schema; `own` is known to nobody else. */
    codec: Schema.Literals(["json", "openai", "anthropic", "own"]),
    /** Where it differs from a model that can do everything. */
    capabilities: Schema.Record(Schema.String, Schema.Boolean)
  }))
})

/** A Model, as far as a replay has to know it. */
export type RecordedModel = typeof RecordedModel.Type

const RecordedCall = Schema.Struct({ request: CanonicalRequest, answer: RecordedAnswer })

/** One model call. */
export interface RecordedCall {
  readonly request: CanonicalRequest
  readonly answer: RecordedAnswer
}

const File = Schema.Struct({
  format: Schema.Literal(format),
  version: Schema.Literal(version),
  /** The id of the Model that was given as a Layer. */
  model: Schema.optionalKey(Schema.String),
  models: Schema.Record(Schema.String, RecordedModel),
  calls: Schema.Array(RecordedCall)
})

/** What a cassette holds. */
export interface CassetteFile {
  readonly model?: string
  readonly models: { readonly [id: string]: RecordedModel }
  readonly calls: ReadonlyArray<RecordedCall>
}

/** A cassette with nothing on it. */
export const empty: CassetteFile = { models: {}, calls: [] }

/** What is wrong with a file. */
export interface Problem {
  readonly problem: typeof CassetteProblem.Type
  readonly detail: string
}

const codec = Schema.toCodecJson(File)
const decode = Schema.decodeUnknownResult(codec)
const encode = Schema.encodeSync(codec)

const problem = (problem: Problem["problem"], detail: string): Result.Result<never, Problem> =>
  Result.fail({ problem, detail })

/** Reads the text of a file. */
export const parse = (text: string): Result.Result<CassetteFile, Problem> => {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    return problem("not-json", `it is no JSON, or was cut (${why}); restore it, or delete it and record it anew`)
  }
  const { format: found, version: made } = (json ?? {}) as { readonly format?: unknown; readonly version?: unknown }
  if (found !== format) {
    return problem(
      "not-a-cassette",
      `it is another kind of file (no "format": "${format}"); name another, or delete it`
    )
  }
  if (typeof made === "number" && made > version) {
    return problem(
      "newer",
      `it is of version ${made}, and this fluxion reads version ${version}; update fluxion, or delete it and record it anew`
    )
  }
  const decoded = decode(json, { errors: "all" })
  return Result.isSuccess(decoded)
    ? Result.succeed(decoded.success)
    : problem("not-a-cassette", `${decoded.failure.message}; restore it, or delete it and record it anew`)
}

const width = 120

const isNested = (json: Schema.Json): json is Schema.JsonObject | Schema.JsonArray =>
  typeof json === "object" && json !== null

/** JSON with a space after each colon and comma, in one line. */
const inLine = (json: Schema.Json): string => {
  if (!isNested(json)) return JSON.stringify(json)
  if (Array.isArray(json)) return `[${json.map(inLine).join(", ")}]`
  const items = Object.entries(json).map(([key, item]) => `${JSON.stringify(key)}: ${inLine(item)}`)
  return items.length === 0 ? "{}" : `{ ${items.join(", ")} }`
}

const lay = (json: Schema.Json, indent: string, before: string, depth: number): string => {
  const line = before + inLine(json)
  if (!isNested(json) || (depth > 2 && indent.length + line.length < width)) return line
  const [open, close] = Array.isArray(json) ? ["[", "]"] : ["{", "}"]
  const inside = `${indent}  `
  const items = Array.isArray(json)
    ? json.map((item) => lay(item, inside, "", depth + 1))
    : Object.entries(json).map(([key, item]) => lay(item, inside, `${JSON.stringify(key)}: `, depth + 1))
  if (items.length === 0) return line
  return `${before}${open}\n${items.map((item) => inside + item).join(",\n")}\n${indent}${close}`
}

/** The text of a file. */
export const print = (file: CassetteFile): string =>
  `${lay(encode({ format, version, ...file }) as Schema.Json, "", "", 0)}\n`
