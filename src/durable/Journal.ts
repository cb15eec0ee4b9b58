/**
 * The journal: what happened in each execution, append-only, and the inbox for what comes from elsewhere.
 *
 * An execution's journal has one writer, its owner. Taking an execution over is an append, so a former owner's next one
 * collides and fails with `Fenced`. Decisions, cancels and wakes of others go to the inbox, where the first of a name
 * wins; the owner moves them into the journal.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { MigrationError } from "effect/sql/Migrator"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { JournalEvent, Recorded } from "../core/JournalEvent.ts"

/** Another owner has taken the execution over: this one may write no more. */
export class Fenced extends Schema.TaggedError<Fenced>()("Fenced", { execution: Schema.String }) {
  readonly isRetryable = false
  override get message(): string {
    return `execution ${this.execution} was taken over by another owner`
  }
}

/** The store could not be read or written; nothing was recorded. */
export class JournalUnavailable extends Schema.TaggedError<JournalUnavailable>()("JournalUnavailable", {
  execution: Schema.String,
  operation: Schema.Literals(["append", "load", "post", "inbox"]),
  cause: Schema.Defect()
}) {
  readonly isRetryable = true
  override get message(): string {
    const said = this.cause instanceof Error ? this.cause.message : String(this.cause)
    return `the journal of execution ${this.execution} is not available (${this.operation}): ${said}`
  }
}

/** An event is there, and cannot be read: it was cut short, or written by a newer version. */
export class JournalUnreadable extends Schema.TaggedError<JournalUnreadable>()("JournalUnreadable", {
  execution: Schema.String,
  sequence: Schema.Finite,
  detail: Schema.String
}) {
  readonly isRetryable = false
  override get message(): string {
    return `event ${this.sequence} in the journal of execution ${this.execution} cannot be read; `
      + `was it written by a newer version, or cut short? ${this.detail}`
  }
}

/** Why an event could not be appended. */
export type JournalError = Fenced | JournalUnavailable

/** What somebody else has to tell an execution. */
export interface Message {
  readonly name: string
  readonly data: Schema.Json
}

/** Stores executions' events and inboxes. */
export class Journal extends Context.Service<Journal, {
  /** Appends events from `sequence` on; durable when it returns. `Fenced` where there is an event already. */
  readonly append: (
    execution: string,
    sequence: number,
    events: ReadonlyArray<JournalEvent>
  ) => Effect.Effect<void, JournalError>
  /** All events of an execution from `sequence` on, in order. */
  readonly load: (
    execution: string,
    sequence?: number
  ) => Effect.Effect<ReadonlyArray<Recorded>, JournalUnavailable | JournalUnreadable>
  /** Leaves a message; `false` if one of that name is there, which stays. */
  readonly post: (execution: string, message: Message) => Effect.Effect<boolean, JournalUnavailable>
  /** The messages of an execution, in the order in which they came. */
  readonly inbox: (execution: string) => Effect.Effect<ReadonlyArray<Message>, JournalUnavailable>
}>()("fluxion/durable/Journal") {}

/** A journal that ends with its Layer. */
export const layerMemory: Layer.Layer<Journal> = Layer.sync(Journal, () => {
  const journals = new Map<string, Array<Recorded>>()
  const inboxes = new Map<string, Map<string, Message>>()
  return Journal.of({
    append: (execution, sequence, events) =>
      Effect.flatMap(Clock.currentTimeMillis, (at) => {
        const journal = journals.get(execution) ?? []
        if (journal.length !== sequence) return Effect.fail(new Fenced({ execution }))
        journals.set(execution, journal)
        events.forEach((event, index) => journal.push({ sequence: sequence + index, at, event }))
        return Effect.void
      }),
    load: (execution, sequence = 0) => Effect.sync(() => (journals.get(execution) ?? []).slice(sequence)),
    post: (execution, message) =>
      Effect.sync(() => {
        const inbox = inboxes.get(execution) ?? new Map<string, Message>()
        inboxes.set(execution, inbox)
        if (inbox.has(message.name)) return false
        inbox.set(message.name, message)
        return true
      }),
    inbox: (execution) => Effect.sync(() => [...inboxes.get(execution)?.values() ?? []])
  })
})

/** A journal on the database of the context: SQLite or PostgreSQL. Its tables are made, and brought up to date, first. */
export const layerSql: Layer.Layer<Journal, SqlError | MigrationError, SqlClient> = Layer.effect(
  Journal,
  Effect.flatMap(Effect.promise(() => import("./internal/SqlJournal.ts")), (sqlJournal) => sqlJournal.make)
)
