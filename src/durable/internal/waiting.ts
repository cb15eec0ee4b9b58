/**
 * What follows from what an execution waits for; and how its end is told to whoever waits for it.
 */
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Recorded } from "../../core/JournalEvent.ts"
import type { Definition } from "../Engine.ts"
import { ExecutionCancelled } from "../ExecutionError.ts"
import type { Message, State } from "../Journal.ts"
import type { Waits } from "../Waits.ts"
import * as Codecs from "./codecs.ts"
import type { Awaited } from "./Run.ts"

/** The name of the message that cancels. */
export const cancel = "cancel"

/** The name of the message that cancels, and interrupts what runs. */
export const cancelHard = "cancel/hard"

/** Under which name the end of a child of an Effect workflow is told. */
export const childKey = (execution: string): string => `child/${execution}`

/** What begins the name of a message by which an execution that did not start this one asks to be told of its end. */
export const askedBy = "asked/"

/** The message that cancels. */
export const cancelMessage = (isHard: boolean): Message => ({ name: isHard ? cancelHard : cancel, data: null })

/** A wait that ends by itself. */
export interface Timed {
  readonly until: number
  readonly outcome: Schema.Json
  /** Whether others may end it, too. */
  readonly isContested: boolean
}

/** When and how a wait ends by itself, if it does. */
export const timed = (waits: unknown): Timed | undefined => {
  const known = waits as Waits
  if (known._tag === "Execution" || known.until === undefined || known.outcome === undefined) return undefined
  return { until: known.until, outcome: known.outcome, isContested: known._tag === "Answer" }
}

/** When an execution that waits has to be gone on with, in milliseconds since 1970. */
export const nextWake = (awaited: ReadonlyArray<Awaited>): number | undefined => {
  let next: number | undefined
  for (const { waits } of awaited) {
    const until = timed(waits)?.until
    if (until !== undefined && (next === undefined || until < next)) next = until
  }
  return next
}

/** The state of an execution that waits for all of that. */
export const stateOf = (awaited: ReadonlyArray<Awaited>): State => {
  const tags = new Set(awaited.map(({ waits }) => (waits as Waits)._tag))
  return tags.has("Answer") ? "paused" : tags.has("Execution") ? "waiting" : "sleeping"
}

/** The execution that is waited for, if it is one. */
export const childOf = (waits: unknown): string | undefined => {
  const known = waits as Waits
  return known._tag === "Execution" ? known.execution : undefined
}

/** An execution's end as the journal has it. A result that its Schema does not take is a defect. */
export const encodeEnd = (
  execution: string,
  definition: Definition,
  exit: Exit.Exit<unknown, unknown>
): { readonly json: Schema.Json; readonly exit: Exit.Exit<unknown, unknown> } => {
  const codec = Codecs.ofExit(definition)
  try {
    return { json: codec.encode(exit), exit }
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause)
    const defect = Exit.die(new Error(`the result of execution ${execution} does not fit its Schema: ${said}`))
    return { json: codec.encode(defect), exit: defect }
  }
}

/** An execution's end, out of the journal. */
export const decodeEnd = (definition: Definition, json: unknown): Exit.Exit<unknown, unknown> =>
  Codecs.ofExit(definition).decode(json) as Exit.Exit<unknown, unknown>

/** The encoded outcome of an execution whose last event this is; nothing, if that is not its end. */
export const endOf = (last: Recorded | undefined): Option.Option<Schema.Json> =>
  last?.event._tag === "ExecutionCompleted" ? Option.some(last.event.exit) : Option.none()

const childErrors = new WeakMap<Schema.Top, Schema.Top>()

/** What a workflow that runs within another one may fail with there. */
export const childError = (error: Schema.Top): Schema.Top => {
  let union = childErrors.get(error)
  if (union === undefined) childErrors.set(error, union = Schema.Union([error, ExecutionCancelled]))
  return union
}

/** An execution's end, for the execution that waits for it. */
export const childExit = (execution: string, definition: Definition, exit: Exit.Exit<unknown, unknown>): Schema.Json =>
  Codecs.ofExit({ success: definition.success, error: childError(definition.error) }).encode(
    Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)
      ? Exit.fail(new ExecutionCancelled({ execution }))
      : exit
  )
