/**
 * The journal: what happened in each execution, append-only, and the inbox for what comes from elsewhere.
 *
 * An execution's journal has one writer, its owner. Taking an execution over is an append, so a former owner's next one
 * collides and fails with `Fenced`. Decisions, cancels and wakes of others go to the inbox, where the first of a name
 * wins; the owner moves them into the journal. An `Entry` is what can be known of an execution without reading its
 * journal; it changes in the same commits.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { MigrationError } from "effect/sql/Migrator"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { JournalEvent, Parent, Recorded } from "../core/JournalEvent.ts"

/** Another owner has taken the execution over: this one may write no more. */
export class Fenced extends Schema.TaggedError<Fenced>()("Fenced", { execution: Schema.String }) {
  readonly isRetryable = false
  override get message(): string {
    return `execution ${this.execution} was taken over by another owner`
  }
}

/** The store could not be read or written; nothing was recorded. */
export class JournalUnavailable extends Schema.TaggedError<JournalUnavailable>()("JournalUnavailable", {
  /** The execution that it was about; `*` for many. */
  execution: Schema.String,
  operation: Schema.String,
  cause: Schema.Defect()
}) {
  readonly isRetryable = true
  override get message(): string {
    const said = this.cause instanceof Error ? this.cause.message : String(this.cause)
    const whose = this.execution === "*" ? "the journal" : `the journal of execution ${this.execution}`
    return `${whose} is not available (${this.operation}): ${said}`
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

/** A message, and whom it is for. */
export interface Addressed {
  readonly execution: string
  readonly message: Message
}

/**
 * Where an execution stands.
 *
 * `queued`: it waits for a process that has its workflow and version registered. `running`: a process has it. `paused`:
 * it waits for somebody's answer. `sleeping`: for a time. `waiting`: for an execution that it started. `parked`: it
 * cannot go on, `problem` says why. The others are its ends.
 */
export const State = Schema.Literals([
  "queued",
  "running",
  "paused",
  "sleeping",
  "waiting",
  "parked",
  "completed",
  "failed",
  "cancelled"
])

/** Where an execution stands. */
export type State = typeof State.Type

/** What is known of an execution without its journal. */
export interface Entry {
  readonly id: string
  readonly workflow: string
  readonly version: string
  readonly state: State
  /** The process that has it, or had it when it died. */
  readonly owner: string | null
  /** How often it was claimed. */
  readonly epoch: number
  readonly parent: Parent | null
  /** When it has to be gone on with, in milliseconds since 1970. */
  readonly wakeAt: number | null
  /** What it waits for. */
  readonly waits: ReadonlyArray<Schema.Json>
  readonly problem: string | null
  readonly createdAt: number
  readonly updatedAt: number
}

/** What changes in an entry; the times are set by the journal. */
export type Change = Partial<Omit<Entry, "id" | "workflow" | "version" | "parent" | "createdAt" | "updatedAt">>

/** What a commit does besides appending. */
export interface Also {
  /** Makes the execution's entry; `Fenced` if there is one. */
  readonly create?: Omit<Entry, "id" | "createdAt" | "updatedAt"> | undefined
  readonly set?: Change | undefined
  /** Messages of the execution that are dealt with. */
  readonly take?: ReadonlyArray<string> | undefined
  /** Messages of the execution that are taken back: others of their names may come. */
  readonly refuse?: ReadonlyArray<string> | undefined
  readonly post?: Addressed | undefined
  /** Leaves a message to all executions whose ids come behind `prefix` in the names of messages that this one ever got. */
  readonly tell?: { readonly prefix: string; readonly message: Message } | undefined
  /** Keeps an outcome for other executions. */
  readonly remember?: { readonly key: string; readonly exit: Schema.Json; readonly until: number } | undefined
}

/** Which executions: the newest first. */
export interface Query {
  readonly workflow?: string | undefined
  readonly states?: ReadonlyArray<State> | undefined
  /** Created at or after, in milliseconds since 1970. */
  readonly from?: number | undefined
  /** Created before, in milliseconds since 1970. */
  readonly before?: number | undefined
  /** Changed last before, in milliseconds since 1970. */
  readonly unchangedSince?: number | undefined
  /** Those after this one: the last of the page before. */
  readonly after?: { readonly createdAt: number; readonly id: string } | undefined
  readonly limit: number
}

/** Which executions may be claimed. */
export interface Claimable {
  /** `workflow@version` of what is registered. */
  readonly definitions: ReadonlyArray<string>
  /** Owners whose executions are up for being taken over. */
  readonly owners: ReadonlyArray<string>
  /** Who sleeps until then at the latest is woken, in milliseconds since 1970. */
  readonly now: number
  /** Those after this one: the last of the page before. */
  readonly after?: { readonly createdAt: number; readonly id: string } | undefined
  readonly limit: number
}

/** Stores executions' events, entries and inboxes. */
export class Journal extends Context.Service<Journal, {
  /** Appends events from `sequence` on; durable when it returns, all or nothing. `Fenced` where there is an event already. Without events, `also` alone. */
  readonly append: (
    execution: string,
    sequence: number,
    events: ReadonlyArray<JournalEvent>,
    also?: Also
  ) => Effect.Effect<void, JournalError>
  /** All events of an execution from `sequence` on, in order. */
  readonly load: (
    execution: string,
    sequence?: number
  ) => Effect.Effect<ReadonlyArray<Recorded>, JournalUnavailable | JournalUnreadable>
  /** The last event of an execution. */
  readonly last: (
    execution: string
  ) => Effect.Effect<Recorded | undefined, JournalUnavailable | JournalUnreadable>
  /** Leaves a message, and queues an execution that waits; `false` if one of that name is there, which stays. */
  readonly post: (execution: string, message: Message) => Effect.Effect<boolean, JournalUnavailable>
  /** Takes a message back that the execution could not use: another one of that name may come. */
  readonly refuse: (execution: string, name: string) => Effect.Effect<void, JournalUnavailable>
  /** Whether there ever was a message of that name. */
  readonly hasMessage: (execution: string, name: string) => Effect.Effect<boolean, JournalUnavailable>
  /** The messages that are not dealt with, of all executions of an owner, or of one, in the order in which they came. */
  readonly inbox: (
    owner: string,
    execution?: string
  ) => Effect.Effect<ReadonlyArray<Addressed>, JournalUnavailable>
  /** Gives an execution up, unless a message has come that is not dealt with: then nothing happens, and it is `false`. */
  readonly release: (
    execution: string,
    owner: string,
    change: Change & { readonly take: ReadonlyArray<string> }
  ) => Effect.Effect<boolean, JournalUnavailable>
  /** Queues all that an owner has: it ends, and others may go on with them. */
  readonly disown: (owner: string) => Effect.Effect<void, JournalUnavailable>
  /** An outcome that was kept, if it is still good. */
  readonly recall: (key: string) => Effect.Effect<Schema.Json | undefined, JournalUnavailable>
  readonly entry: (execution: string) => Effect.Effect<Entry | undefined, JournalUnavailable>
  readonly list: (query: Query) => Effect.Effect<ReadonlyArray<Entry>, JournalUnavailable>
  /** The entries that may be claimed, the oldest first. */
  readonly claimable: (query: Claimable) => Effect.Effect<ReadonlyArray<Entry>, JournalUnavailable>
  /** When the next execution is to be woken, in milliseconds since 1970. */
  readonly nextWake: Effect.Effect<number | undefined, JournalUnavailable>
  /** The owners of running executions. */
  readonly owners: Effect.Effect<ReadonlyArray<string>, JournalUnavailable>
  /** Removes all of an execution that has ended, or is parked; `false` if it does neither, or is not there. */
  readonly remove: (execution: string) => Effect.Effect<boolean, JournalUnavailable>
}>()("fluxion/durable/Journal") {}

/** The states in which nothing more happens by itself. */
export const ended: ReadonlyArray<State> = ["completed", "failed", "cancelled"]

/** The states in which an execution may be removed. */
export const removable: ReadonlyArray<State> = [...ended, "parked"]

/** A journal that ends with its Layer. */
export const layerMemory: Layer.Layer<Journal> = Layer.effect(
  Journal,
  Effect.map(Effect.promise(() => import("./internal/MemoryJournal.ts")), (memory) => memory.make())
)

/** How a journal uses its database. */
export interface SqlOptions {
  /**
   * How many characters of JSON a value may be to be in its event: a longer one is stored once, whichever events have it.
   * Default 32,768.
   */
  readonly maxInline?: number | undefined
}

/** A journal on the database of the context, with options. */
export const layerSqlWith = (options: SqlOptions): Layer.Layer<Journal, SqlError | MigrationError, SqlClient> =>
  Layer.effect(
    Journal,
    Effect.flatMap(Effect.promise(() => import("./internal/SqlJournal.ts")), (sqlJournal) => sqlJournal.make(options))
  )

/** A journal on the database of the context: SQLite or PostgreSQL. Its tables are made, and brought up to date, first. */
export const layerSql: Layer.Layer<Journal, SqlError | MigrationError, SqlClient> = layerSqlWith({})
