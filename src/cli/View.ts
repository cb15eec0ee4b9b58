/**
 * Executions and their events as lines of text. Pure functions.
 */
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { ExecutionEvent } from "../core/ExecutionEvent.ts"
import type * as Execution from "../durable/Execution.ts"
import { printable } from "./Output.ts"

/** A value on one line, cut where it is too long. */
export const short = (value: unknown, length = 100): string => {
  const text = printable((typeof value === "string" ? value : JSON.stringify(value) ?? "").replace(/\s*\n\s*/g, " "))
  return text.length > length ? `${text.slice(0, length - 1)}…` : text
}

/** A time, in UTC, without the parts nobody looks for. */
export const time = (millis: number): string => new Date(millis).toISOString().replace("T", " ").slice(0, 19)

// the key says where a step is: `/research:k3x/fetch:9ab#1`
const nameOf = (key: string): string => key.slice(key.lastIndexOf("/") + 1).replace(/[:#@].*$/, "")
const indent = (key: string): string => "  ".repeat(Math.max(0, key.split("/").length - 2))

const OfExit = Schema.toCodecJson(Schema.Exit(Schema.Json, Schema.Json, Schema.Defect()))
const decodeExit = Schema.decodeUnknownOption(OfExit)

/** An outcome as the journal has it. */
export type Outcome = { readonly isSuccess: true; readonly value: Schema.Json } | {
  readonly isSuccess: false
  readonly message: string
}

const messageOf = (error: unknown): string => {
  if (error instanceof Error) return error.message
  if (typeof error !== "object" || error === null) return String(error)
  const { _tag, message } = error as { readonly _tag?: unknown; readonly message?: unknown }
  if (typeof message === "string") return message
  return typeof _tag === "string" ? `${_tag} ${JSON.stringify({ ...error, _tag: undefined })}` : JSON.stringify(error)
}

/** Reads an outcome. */
export const outcome = (exit: Schema.Json): Outcome => {
  const decoded = decodeExit(exit)
  if (Option.isNone(decoded)) return { isSuccess: false, message: short(exit) }
  if (Exit.isSuccess(decoded.value)) return { isSuccess: true, value: decoded.value.value }
  const { cause } = decoded.value
  return {
    isSuccess: false,
    message: Cause.hasInterruptsOnly(cause) ? "interrupted" : messageOf(Cause.squash(cause))
  }
}

const answered = (exit: Schema.Json): string => {
  const read = outcome(exit)
  return read.isSuccess ? `✓ ${short(read.value)}` : `✗ ${short(read.message)}`
}

/** What a model answered: what it said, and what it asked for. */
const ofModel = (exit: Schema.Json): string => {
  const read = outcome(exit)
  const value = read.isSuccess ? read.value : null
  const content = typeof value === "object" && value !== null && "content" in value ? value["content"] : undefined
  if (!Array.isArray(content)) return answered(exit)
  const parts = content.flatMap((part: any) =>
    part?.type === "text"
      ? [part.text]
      : part?.type === "tool-call"
      ? [`${part.name}(${JSON.stringify(part.params)})`]
      : []
  )
  return `✓ ${short(parts.join(" "))}`
}

/** What an event says, in one line; nothing for progress. */
export const line = ({ event }: ExecutionEvent): string | undefined => {
  switch (event._tag) {
    case "ExecutionStarted":
      return `${event.workflow}@${event.version} started ${short(event.payload)}`
    case "Claimed":
      return event.epoch === 1
        ? undefined
        : `taken up again${event.crashed === true ? ", its process had died" : ""} (${event.epoch})`
    case "StepStarted":
      return `${indent(event.key)}${event.name} ${short(event.payload)}`
    case "StepCompleted": {
      const name = nameOf(event.key)
      return `${indent(event.key)}${name} ${name === "model" ? ofModel(event.exit) : answered(event.exit)}`
    }
    case "AttemptFailed": {
      const next = event.retry ? "again" : "not again"
      const read = outcome(event.exit)
      const why = read.isSuccess ? "" : `: ${short(read.message)}`
      return `${indent(event.key)}${nameOf(event.key)} ✗ attempt ${event.attempt} failed, ${next}${why}`
    }
    case "StepAwaited":
      return `${indent(event.key)}${event.name} waits`
    case "StepDiscarded":
      return `${indent(event.key)}${nameOf(event.key)} given up`
    case "StateChanged":
      return `${indent(event.key)}state ${event.state} ${short(event.change)}`
    case "RollbackStarted":
      return "undoing what was done"
    case "ExecutionCompleted":
      return `ended ${answered(event.exit)}`
    case "ExecutionParked":
      return `parked: ${event.problem}`
    case "ExecutionRetried":
      return "retried"
    case "TaskProgress":
      return `  ${event.name}: ${short(event.value)}`
    case "ToolProgress":
      return `  ${event.name}: ${short(event.value)}`
    case "ProgressLost":
      return `(${event.message})`
    default:
      return undefined
  }
}

const forWhat = ({ name, waits }: Execution.Info["waits"][number]): string => {
  switch (waits._tag) {
    case "Answer":
      return `answer to ${name}`
    case "Time":
      return waits.until === undefined ? name : `until ${time(waits.until)}`
    case "Execution":
      return `${waits.workflow} ${waits.execution}`
  }
}

/** The rows of a list. */
export const rows = (executions: ReadonlyArray<Execution.Info>): ReadonlyArray<ReadonlyArray<string>> => [
  ["EXECUTION", "WORKFLOW", "STATE", "STARTED (UTC)", "WAITS FOR"],
  ...executions.map((info) => [
    printable(info.id),
    `${info.workflow}@${info.version}`,
    info.state,
    time(info.createdAt),
    short(info.problem ?? info.waits.map(forWhat).join(", "), 60)
  ])
]

const quote = (text: string): string =>
  /^(?:[\w./:@%+=,-]+|<\w+>)$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`

/** A command of this program that somebody can copy. */
export const command = (...words: ReadonlyArray<string>): string => ["fluxion", ...words.map(quote)].join(" ")

const example = (schema: Schema.Json): Schema.Json => {
  if (typeof schema !== "object" || schema === null || Array.isArray(schema)) return null
  const { enum: choices, properties, type } = schema as {
    readonly enum?: ReadonlyArray<Schema.Json>
    readonly properties?: Record<string, Schema.Json>
    readonly type?: string
  }
  if (choices?.[0] !== undefined) return choices[0]
  switch (type) {
    case "boolean":
      return true
    case "string":
      return "…"
    case "number":
    case "integer":
      return 0
    case "array":
      return []
    default:
      return Object.fromEntries(Object.entries(properties ?? {}).map(([name, field]) => [name, example(field)]))
  }
}

/** What somebody has to answer, and how. */
export const pending = (
  waits: ReadonlyArray<Execution.Pending>,
  database: ReadonlyArray<string>
): ReadonlyArray<string> =>
  waits.flatMap((wait) => {
    if (wait.waits._tag !== "Answer") return []
    const { input, output, since, until } = wait.waits
    const which = waits.filter(({ execution, name }) => execution === wait.execution && name === wait.name).length > 1
      ? ["--key", wait.key]
      : []
    return [
      `waits for an answer to ${wait.name} since ${time(since)}${until === undefined ? "" : `, until ${time(until)}`}`,
      ...(output === null ? [] : [`  shown:  ${short(output, 1_000)}`]),
      `  answer: ${short(input, 1_000)}`,
      `  ${
        command(
          "executions",
          "resume",
          wait.execution,
          JSON.stringify(example(input)),
          "--pause",
          wait.name,
          ...which,
          ...database
        )
      }`
    ]
  })
