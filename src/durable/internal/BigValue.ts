/**
 * Values that are too big to be in each event that has them: stored once, by their content, and put back in when read.
 *
 * Every kind of event has at most one value. The value of an outcome is taken out without its wrapping, so that the
 * result of a step, the payload that it becomes and the result of the execution are one.
 */
import type { JournalEvent } from "../../core/JournalEvent.ts"
import * as StepKey from "./StepKey.ts"

/** A value that is stored beside the journal. */
export interface BigValue {
  /** Made of the content alone; whoever stores it has to see that no other content has it. */
  readonly id: string
  /** As JSON. */
  readonly text: string
}

/** An event as it is stored: as JSON, and the value that was taken out of it. */
export interface Stored {
  readonly event: string
  readonly value: BigValue | undefined
}

type Fields = { readonly [name: string]: unknown }

const fieldOf = (tag: unknown): string | undefined => {
  switch (tag) {
    case "ExecutionStarted":
    case "StepStarted":
      return "payload"
    case "StepAwaited":
      return "waits"
    case "StateChanged":
      return "change"
    case "AttemptFailed":
    case "StepCompleted":
    case "RollbackStarted":
    case "ExecutionCompleted":
      return "exit"
    default:
      return undefined
  }
}

const isSuccess = (exit: unknown): exit is Fields =>
  typeof exit === "object" && exit !== null && (exit as Fields)["_tag"] === "Success"

/** What is stored of an event whose value may be so many characters of JSON. */
export const store = (event: JournalEvent, maxInline: number): Stored => {
  const whole = JSON.stringify(event)
  const field = whole.length > maxInline ? fieldOf(event._tag) : undefined
  if (field === undefined) return { event: whole, value: undefined }
  const given = (event as unknown as Fields)[field]
  const inside = isSuccess(given) ? given["value"] : given
  const text = JSON.stringify(inside) ?? "null"
  if (text.length <= maxInline) return { event: whole, value: undefined }
  // what is left of a successful outcome says that its value goes in there
  const rest = isSuccess(given) ? { ...given, value: null } : null
  return { event: JSON.stringify({ ...event, [field]: rest }), value: { id: StepKey.digest(text), text } }
}

/** An event as JSON again; throws what is no JSON. */
export const restore = (event: string, value: string): string => {
  const stored = JSON.parse(event)
  const field = fieldOf(stored._tag)
  if (field === undefined) return event
  const inside = JSON.parse(value)
  const given = stored[field]
  return JSON.stringify({ ...stored, [field]: isSuccess(given) ? { ...given, value: inside } : inside })
}
