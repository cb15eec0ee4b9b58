/**
 * The journal on a SQL database: one table of events, one of messages.
 *
 * SQLite and PostgreSQL differ in a few words of DDL. Migrations go forward only and run by themselves; of two processes
 * that start at once, one waits for the other.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Migrator from "effect/sql/Migrator"
import * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { JournalEvent, type Recorded } from "../../core/JournalEvent.ts"
import { Fenced, Journal, JournalUnavailable, JournalUnreadable, type Message } from "../Journal.ts"
import { CommitGroup } from "./CommitGroup.ts"

const migrations = Migrator.fromRecord({
  "0001_journal": Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    const isPostgres = sql.onDialectOrElse({ pg: () => true, orElse: () => false })
    const big = sql.literal(isPostgres ? "bigint" : "integer")
    yield* sql`
      create table fluxion_journal (
        execution text not null,
        sequence ${big} not null,
        at ${big} not null,
        event text not null,
        primary key (execution, sequence)
      ) ${sql.literal(isPostgres ? "" : "without rowid")}`
    yield* sql`
      create table fluxion_inbox (
        position ${sql.literal(isPostgres ? "bigint generated always as identity" : "integer")} primary key,
        execution text not null,
        name text not null,
        data text not null,
        unique (execution, name)
      )`
  })
})

interface Append {
  readonly execution: string
  readonly rows: ReadonlyArray<{
    readonly execution: string
    readonly sequence: number
    readonly at: number
    readonly event: string
  }>
}

/** A statement takes so many rows: databases limit the parameters of one. */
const rowsAtOnce = 1_000

const decodeEvent = Schema.decodeUnknownEffect(Schema.fromJsonString(JournalEvent))

const isTaken = ({ reason }: SqlError) => reason._tag === "UniqueViolation" || reason._tag === "ConstraintError"

/** The journal on the `SqlClient` of the context. */
export const make = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  yield* Migrator.make({})({ loader: migrations, table: "fluxion_migrations" })

  const insert = (rows: Append["rows"]) => sql`insert into fluxion_journal ${sql.insert(rows as [Append["rows"][0]])}`
  const commit = (appends: ReadonlyArray<Append>): Effect.Effect<void, SqlError> => {
    const rows = appends.length === 1 ? appends[0]!.rows : appends.flatMap((append) => append.rows)
    if (rows.length <= rowsAtOnce) return insert(rows)
    const parts = Array.from(
      { length: Math.ceil(rows.length / rowsAtOnce) },
      (_, part) => insert(rows.slice(part * rowsAtOnce, (part + 1) * rowsAtOnce))
    )
    return Effect.asVoid(sql.withTransaction(Effect.all(parts, { discard: true })))
  }
  const writer = new CommitGroup(commit, yield* Effect.context())

  const unavailable = (execution: string, operation: JournalUnavailable["operation"]) => (cause: unknown) =>
    new JournalUnavailable({ execution, operation, cause })

  return Journal.of({
    append: (execution, sequence, events) =>
      Effect.flatMap(Clock.currentTimeMillis, (at) =>
        Effect.mapError(
          writer.add({
            execution,
            rows: events.map((event, index) => ({
              execution,
              sequence: sequence + index,
              at,
              event: JSON.stringify(event)
            }))
          }),
          (error) => isTaken(error) ? new Fenced({ execution }) : unavailable(execution, "append")(error)
        )),
    load: (execution, from = 0) =>
      sql<{ sequence: number | string; at: number | string; event: string }>`
        select sequence, at, event from fluxion_journal
        where execution = ${execution} and sequence >= ${from} order by sequence`.pipe(
        Effect.mapError(unavailable(execution, "load")),
        Effect.flatMap(Effect.forEach((row): Effect.Effect<Recorded, JournalUnreadable> => {
          const sequence = Number(row.sequence)
          return decodeEvent(row.event).pipe(
            Effect.map((event) => ({ sequence, at: Number(row.at), event })),
            Effect.mapError((cause) => new JournalUnreadable({ execution, sequence, detail: cause.message }))
          )
        }))
      ),
    post: (execution, { data, name }) =>
      sql`insert into fluxion_inbox ${sql.insert({ execution, name, data: JSON.stringify(data) })}
        on conflict (execution, name) do nothing returning position`.pipe(
        Effect.map((rows) => rows.length === 1),
        Effect.mapError(unavailable(execution, "post"))
      ),
    inbox: (execution) =>
      sql<{ name: string; data: string }>`
        select name, data from fluxion_inbox where execution = ${execution} order by position`.pipe(
        Effect.map((rows) => rows.map(({ data, name }): Message => ({ name, data: JSON.parse(data) }))),
        Effect.mapError(unavailable(execution, "inbox"))
      )
  })
})
