/**
 * What can go wrong around a task's body, and how it is told to people and models.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { NotJson } from "../core/Json.ts"
import * as Secrets from "../core/Secrets.ts"

/** The Promise of a plain task was rejected; `cause` is what it was rejected with. */
export class TaskFailed extends Schema.TaggedError<TaskFailed>()("TaskFailed", {
  task: Schema.String,
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `task ${this.task} failed: ${messageOf(this.cause)}`
  }
}

/** An attempt took longer than the task's `timeout`, and was interrupted. */
export class TaskTimeout extends Schema.TaggedError<TaskTimeout>()("TaskTimeout", {
  task: Schema.String,
  after: Schema.Duration
}) {
  override get message(): string {
    return `task ${this.task} took longer than its timeout of ${Duration.format(this.after)}`
  }
}

/** A task without `success` returned what is not JSON; `path` says where in the result. */
export class TaskResultInvalid extends Schema.TaggedError<TaskResultInvalid>()("TaskResultInvalid", {
  task: Schema.String,
  path: Schema.String,
  found: Schema.String
}) {
  static of(task: string, where: NotJson): TaskResultInvalid {
    return new TaskResultInvalid({ task, ...where })
  }
  override get message(): string {
    return `the result of task ${this.task} is not JSON: ${this.found} at ${this.path}; `
      + `return plain data, or give the task a \`success\` Schema`
  }
}

/** A task was cut off when its process ended, and may have had its effect: it was not run again. */
export class TaskInDoubt extends Schema.TaggedError<TaskInDoubt>()("TaskInDoubt", {
  task: Schema.String,
  step: Schema.String
}) {
  readonly isRetryable = false
  override get message(): string {
    return `task ${this.task} was cut off when its process ended, and may have had its effect; it was not run again `
      + `(step ${this.step}): Execution.retry runs it again`
  }
}

/** A task was called with what its payload Schema does not take: a mistake of the caller, and so a defect. */
export class TaskPayloadInvalid extends Schema.TaggedError<TaskPayloadInvalid>()("TaskPayloadInvalid", {
  task: Schema.String,
  issue: Schema.String
}) {
  static of(task: string, schema: Schema.Top, input: unknown): TaskPayloadInvalid {
    const exit = Schema.decodeUnknownExit(Schema.toType(schema) as Schema.Codec<unknown>)(input)
    const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
    return new TaskPayloadInvalid({ task, issue: messageOf(error) })
  }
  override get message(): string {
    return `the payload of task ${this.task} does not fit its Schema: ${this.issue}`
  }
}

const unions = new WeakMap<Schema.Top, Schema.Top>()

/** What crosses the journal when a task fails: what it declared, and what its options add. One object for each. */
export const schemaOf = (declared: Schema.Top): Schema.Top => {
  let union = unions.get(declared)
  if (union === undefined) {
    unions.set(declared, union = Schema.Union([declared, TaskFailed, TaskTimeout, TaskResultInvalid, TaskInDoubt]))
  }
  return union
}

/** A thrown thing's own words. */
export const messageOf = (error: unknown): string => {
  if (typeof error === "string") return error
  if (Predicate.hasProperty(error, "message") && typeof error.message === "string" && error.message !== "") {
    return error.message
  }
  if (Predicate.hasProperty(error, "_tag") && typeof error._tag === "string") {
    const { _tag, ...fields } = error as { readonly _tag: string }
    return Object.keys(fields).length === 0 ? _tag : `${_tag} ${safeJson(fields)}`
  }
  if (error instanceof Error) return error.name
  return safeJson(error)
}

const safeJson = (value: unknown): string => {
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    return String(value)
  }
}

/** What went wrong, in one line for a person or a model, without secrets. */
export const explain = (cause: Cause.Cause<unknown>): string => {
  for (const reason of cause.reasons) {
    if (Cause.isFailReason(reason)) {
      const error = reason.error
      return Secrets.scrub(error instanceof TaskFailed ? messageOf(error.cause) : messageOf(error))
    }
    if (Cause.isDieReason(reason)) return Secrets.scrub(messageOf(reason.defect))
  }
  return "it was interrupted"
}
