/**
 * The journal on a SQL database: one table of events, one of entries, one of messages.
 *
 * SQLite and PostgreSQL differ in a few words of DDL.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as References from "effect/References"
import * as Scheduler from "effect/Scheduler"
import * as Schema from "effect/Schema"
import * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { JournalEvent, type Recorded } from "../../core/JournalEvent.ts"
import {
  type Addressed,
  type Also,
  type Change,
  type Entry,
  Fenced,
  Journal,
  JournalUnavailable,
  JournalUnreadable,
  type Query,
  removable,
  type SqlOptions,
  type State
} from "../Journal.ts"
import { channel } from "../Owners.ts"
import * as BigValue from "./BigValue.ts"
import { CommitGroup } from "./CommitGroup.ts"
import * as Migrations from "./Migrations.ts"

const migrations = {
  "0001_journal": Effect.gen(function*() {
    const { big, counted, sql } = yield* Migrations.dialect
    yield* sql`
      create table fluxion_journal (
        execution text not null,
        sequence ${big} not null,
        at ${big} not null,
        event text not null,
        primary key (execution, sequence)
      )`
    yield* sql`
      create table fluxion_inbox (
        position ${counted} primary key,
        execution text not null,
        name text not null,
        data text not null,
        taken integer not null default 0,
        unique (execution, name)
      )`
    yield* sql`create index fluxion_inbox_open on fluxion_inbox (execution) where taken = 0`
    yield* sql`
      create table fluxion_executions (
        id text primary key,
        workflow text not null,
        version text not null,
        state text not null,
        owner text,
        epoch integer not null,
        parent text,
        wake_at ${big},
        waits text not null,
        problem text,
        created_at ${big} not null,
        updated_at ${big} not null
      )`
    yield* sql`create table fluxion_cache (key text primary key, exit text not null, until ${big} not null)`
    yield* sql`create index fluxion_executions_state on fluxion_executions (state, wake_at)`
    yield* sql`create index fluxion_executions_owner on fluxion_executions (owner) where owner is not null`
    yield* sql`create index fluxion_executions_created on fluxion_executions (created_at, id)`
  }),
  "0002_values": Effect.gen(function*() {
    const { sql } = yield* Migrations.dialect
    yield* sql`create table fluxion_values (id text primary key, content text not null)`
    yield* sql`alter table fluxion_journal add column value text references fluxion_values (id)`
    yield* sql`create index fluxion_journal_values on fluxion_journal (value) where value is not null`
  })
}

interface Append {
  readonly execution: string
  readonly at: number
  readonly also: Also | undefined
  readonly rows: ReadonlyArray<{
    readonly execution: string
    readonly sequence: number
    readonly at: number
    readonly event: string
  }>
  /** The values that were taken out of the events, by the index of their row. */
  readonly values: ReadonlyMap<number, BigValue.BigValue> | undefined
}

interface Row {
  readonly id: string
  readonly workflow: string
  readonly version: string
  readonly state: State
  readonly owner: string | null
  readonly epoch: number | string
  readonly parent: string | null
  readonly wake_at: number | string | null
  readonly waits: string
  readonly problem: string | null
  readonly created_at: number | string
  readonly updated_at: number | string
}

const toEntry = (row: Row): Entry => ({
  id: row.id,
  workflow: row.workflow,
  version: row.version,
  state: row.state,
  owner: row.owner,
  epoch: Number(row.epoch),
  parent: row.parent === null ? null : JSON.parse(row.parent),
  wakeAt: row.wake_at === null ? null : Number(row.wake_at),
  waits: JSON.parse(row.waits),
  problem: row.problem,
  createdAt: Number(row.created_at),
  updatedAt: Number(row.updated_at)
})

const toColumns = ({ epoch, owner, problem, state, waits, wakeAt }: Change, at: number): Record<string, unknown> => ({
  ...(state === undefined ? {} : { state }),
  ...(owner === undefined ? {} : { owner }),
  ...(epoch === undefined ? {} : { epoch }),
  ...(problem === undefined ? {} : { problem }),
  ...(waits === undefined ? {} : { waits: JSON.stringify(waits) }),
  ...(wakeAt === undefined ? {} : { wake_at: wakeAt }),
  updated_at: at
})

interface EventRow {
  readonly sequence: number | string
  readonly at: number | string
  readonly event: string
  readonly value: string | null
  readonly content: string | null
}

const decodeEvent = Schema.decodeUnknownEffect(Schema.fromJsonString(JournalEvent))

/** The events of steps, which are nearly all that there are: of these the Schema asks for no more than this. */
const parseStep = (text: string): JournalEvent | undefined => {
  try {
    const event = JSON.parse(text)
    if (typeof event?.key !== "string") return undefined
    const isStep = event._tag === "StepCompleted"
      ? event.exit !== undefined
      : event._tag === "StepStarted"
      ? typeof event.name === "string" && event.payload !== undefined && (event.rollback ?? true) === true
      : false
    return isStep ? event : undefined
  } catch {
    return undefined
  }
}

/** The event with its value, or what there is of it. */
const textOf = ({ content, event, value }: EventRow): string => {
  if (value === null) return event
  try {
    return BigValue.restore(event, content ?? "")
  } catch {
    return ""
  }
}

const toRecorded = (execution: string) => (row: EventRow): Effect.Effect<Recorded, JournalUnreadable> => {
  const sequence = Number(row.sequence)
  const at = Number(row.at)
  const text = textOf(row)
  const step = parseStep(text)
  if (step !== undefined) return Effect.succeed({ sequence, at, event: step })
  return Effect.mapBoth(decodeEvent(text), {
    onSuccess: (event) => ({ sequence, at, event }),
    onFailure: (cause) => new JournalUnreadable({ execution, sequence, detail: cause.message })
  })
}

/** How many rows one statement inserts. */
const sizes = [64, 16, 4, 2, 1]

const insertOf = (size: number): string =>
  `insert into fluxion_journal (execution, sequence, at, event) values ${Array(size).fill("(?, ?, ?, ?)").join(", ")}`

const isTaken = ({ reason }: SqlError) => reason._tag === "UniqueViolation" || reason._tag === "ConstraintError"

/** The journal on the `SqlClient` of the context. */
export const make = Effect.fnUntraced(function*({ maxInline = 32_768 }: SqlOptions = {}) {
  const sql = yield* SqlClient.SqlClient
  yield* Migrations.run({ name: "journal", table: "fluxion_migrations", migrations })

  const insert: (rows: Append["rows"]) => ReadonlyArray<Effect.Effect<unknown, SqlError>> = sql.onDialectOrElse({
    // many rows come as one parameter: the statement stays the same, however many there are
    pg: () => (rows) =>
      rows.length <= 2 ? [sql`insert into fluxion_journal ${sql.insert(rows as [Append["rows"][0]])}`] : [
        sql`insert into fluxion_journal (execution, sequence, at, event)
          select execution, sequence, at, event
          from json_to_recordset(${JSON.stringify(rows)}::json)
            as row(execution text, sequence bigint, at bigint, event text)`
      ],
    // as JSON they would be parsed once more: a few statements of fixed sizes stay prepared
    orElse: () => (rows) => {
      const inserts: Array<Effect.Effect<unknown, SqlError>> = []
      for (let from = 0; from < rows.length;) {
        const size = sizes.find((size) => size <= rows.length - from)!
        const values: Array<unknown> = []
        for (let index = from; index < from + size; index++) {
          const { at, event, execution, sequence } = rows[index]!
          values.push(execution, sequence, at, event)
        }
        inserts.push(sql.unsafe(insertOf(size), values))
        from += size
      }
      return inserts
    }
  })
  /** Stores a value once, and gives the id that it has: not that of another one, however alike their ids are. */
  const keep = Effect.fnUntraced(function*({ id, text: content }: BigValue.BigValue, row: Append["rows"][number]) {
    const own = `${id}/${row.execution}/${row.sequence}`
    // locked until the commit: whoever removes values waits, and finds it in use
    yield* sql`insert into fluxion_values ${
      sql.insert({ id, content })
    } on conflict (id) do update set id = excluded.id`
    const others = yield* sql`select 1 from fluxion_values where id = ${id} and content <> ${content}`
    if (others.length === 0) return id
    yield* sql`insert into fluxion_values ${sql.insert({ id: own, content })}`
    return own
  })
  const insertWithValues = Effect.fnUntraced(function*({ rows, values }: Append) {
    for (const [index, row] of rows.entries()) {
      const big = values?.get(index)
      const value = big === undefined ? null : yield* keep(big, row)
      yield* sql`insert into fluxion_journal ${sql.insert({ ...row, value })}`
    }
  })
  const update = (execution: string, change: Change, at: number) =>
    sql`update fluxion_executions set ${sql.update(toColumns(change, at))} where id = ${execution}`
  const take = (execution: string, names: ReadonlyArray<string>) =>
    sql`update fluxion_inbox set taken = 1 where execution = ${execution} and ${sql.in("name", names)}`

  /** Of a post and a release at one time, the second sees what the first did. SQLite has one writer anyway. */
  const lock = (execution: string) =>
    sql.onDialectOrElse({
      pg: () => sql`select 1 from fluxion_executions where id = ${execution} for update`,
      orElse: () => Effect.void
    })
  const announce = (execution: string) =>
    sql.onDialectOrElse({
      pg: () => Effect.asVoid(sql`select pg_notify(${channel}, ${execution})`),
      orElse: () => Effect.void
    })
  const post = Effect.fnUntraced(function*({ execution, message: { data, name } }: Addressed, at: number) {
    yield* lock(execution)
    const rows = yield* sql`insert into fluxion_inbox ${sql.insert({ execution, name, data: JSON.stringify(data) })}
      on conflict (execution, name) do nothing returning position`
    if (rows.length === 0) return false
    yield* sql`
      update fluxion_executions set state = 'queued', updated_at = ${at}
      where id = ${execution} and owner is null and state in ('paused', 'sleeping', 'waiting')`
    yield* announce(execution)
    return true
  })

  const tellAll = (execution: string, { message, prefix }: NonNullable<Also["tell"]>, at: number) =>
    Effect.flatMap(
      sql<{ name: string }>`select name from fluxion_inbox
        where execution = ${execution} and substr(name, 1, ${prefix.length}) = ${prefix} order by position`,
      Effect.forEach(({ name }) => post({ execution: name.slice(prefix.length), message }, at), { discard: true })
    )
  const refuse = (execution: string, names: ReadonlyArray<string>) =>
    sql`delete from fluxion_inbox where execution = ${execution} and ${sql.in("name", names)}`

  const changes = function*(
    { at, execution }: Append,
    { create, post: posted, refuse: refused, remember, set, take: taken, tell }: Also
  ) {
    if (create !== undefined) {
      const { parent, version, workflow, ...rest } = create
      const columns = { id: execution, workflow, version, parent: parent && JSON.stringify(parent), created_at: at }
      yield sql`insert into fluxion_executions ${sql.insert({ ...columns, ...toColumns(rest, at) })}`
      if (rest.owner === null) yield announce(execution)
    }
    if (set !== undefined) {
      yield update(execution, set, at)
      if (set.state !== undefined) yield announce(execution)
    }
    if (taken !== undefined && taken.length > 0) yield take(execution, taken)
    if (refused !== undefined && refused.length > 0) yield refuse(execution, refused)
    if (posted !== undefined) yield post(posted, at)
    if (tell !== undefined) yield tellAll(execution, tell, at)
    if (remember !== undefined) {
      const { exit, key, until } = remember
      yield sql`delete from fluxion_cache where until <= ${at}`
      yield sql`insert into fluxion_cache ${sql.insert({ key, exit: JSON.stringify(exit), until })}
        on conflict (key) do update set exit = excluded.exit, until = excluded.until`
    }
  }

  const commit = (appends: ReadonlyArray<Append>): Effect.Effect<void, SqlError> => {
    const [first] = appends
    const rows = appends.length === 1 && first!.values === undefined
      ? first!.rows
      : appends.flatMap((append) => append.values === undefined ? append.rows : [])
    const statements: Array<Effect.Effect<unknown, SqlError>> = rows.length === 0 ? [] : [...insert(rows)]
    for (const append of appends) if (append.values !== undefined) statements.push(insertWithValues(append))
    for (const append of appends) if (append.also !== undefined) statements.push(...changes(append, append.also))
    return statements.length === 1
      ? statements[0] as Effect.Effect<never, SqlError>
      : sql.withTransaction(Effect.all(statements, { discard: true }))
  }
  // a span for each commit would cost as much as the commit
  const context = Context.add(yield* Effect.context<never>(), References.TracerEnabled, false).pipe(
    // whoever would run in between would only wait for the connection
    Context.add(Scheduler.PreventSchedulerYield, true)
  )
  // who starts an execution that is there already is not the one who writes its journal
  const writerOf = ({ also, execution }: Append) => also?.create === undefined ? execution : `start of ${execution}`
  const writer = new CommitGroup(commit, writerOf, context)

  const unavailable = (execution: string, operation: string) => (cause: unknown) =>
    new JournalUnavailable({ execution, operation, cause })
  const entries = (operation: string, rows: Effect.Effect<ReadonlyArray<Row>, SqlError>) =>
    Effect.mapBoth(rows, { onSuccess: (rows) => rows.map(toEntry), onFailure: unavailable("*", operation) })
  const now = Clock.currentTimeMillis

  return Journal.of({
    append: (execution, sequence, events, also) =>
      Effect.flatMap(now, (at) => {
        let values: Map<number, BigValue.BigValue> | undefined
        const rows = events.map((whole, index) => {
          const { event, value } = BigValue.store(whole, maxInline)
          if (value !== undefined) (values ??= new Map()).set(index, value)
          return { execution, sequence: sequence + index, at, event }
        })
        return Effect.mapError(
          writer.add({ execution, at, also, rows, values }),
          (error) => isTaken(error) ? new Fenced({ execution }) : unavailable(execution, "append")(error)
        )
      }),
    load: (execution, from = 0) =>
      sql<EventRow>`
        select sequence, at, event, value, content from fluxion_journal left join fluxion_values on id = value
        where execution = ${execution} and sequence >= ${from} order by sequence`.pipe(
        Effect.mapError(unavailable(execution, "load")),
        Effect.flatMap(Effect.forEach(toRecorded(execution)))
      ),
    last: (execution) =>
      sql<EventRow>`
        select sequence, at, event, value, content from fluxion_journal left join fluxion_values on id = value
        where execution = ${execution} order by sequence desc limit 1`.pipe(
        Effect.mapError(unavailable(execution, "last")),
        Effect.flatMap(([row]) => row === undefined ? Effect.undefined : toRecorded(execution)(row))
      ),
    post: (execution, message) =>
      Effect.flatMap(now, (at) => sql.withTransaction(post({ execution, message }, at))).pipe(
        Effect.mapError(unavailable(execution, "post"))
      ),
    refuse: (execution, name) =>
      refuse(execution, [name]).pipe(
        Effect.mapBoth({ onSuccess: () => undefined, onFailure: unavailable(execution, "refuse") })
      ),
    hasMessage: (execution, name) =>
      sql`select 1 from fluxion_inbox where execution = ${execution} and name = ${name}`.pipe(
        Effect.mapBoth({ onSuccess: (rows) => rows.length > 0, onFailure: unavailable(execution, "hasMessage") })
      ),
    inbox: (owner, execution) =>
      sql<{ execution: string; name: string; data: string }>`
        select i.execution, i.name, i.data
        from fluxion_inbox i join fluxion_executions e on e.id = i.execution
        where i.taken = 0 and e.owner = ${owner}
          and ${execution === undefined ? sql`1 = 1` : sql`i.execution = ${execution}`} order by i.position`.pipe(
        Effect.mapBoth({
          onSuccess: (rows) =>
            rows.map(({ data, execution, name }): Addressed => ({
              execution,
              message: { name, data: JSON.parse(data) }
            })),
          onFailure: unavailable(execution ?? "*", "inbox")
        })
      ),
    release: (execution, owner, { take: taken, ...change }) =>
      Effect.gen(function*() {
        const at = yield* now
        yield* lock(execution)
        if (taken.length > 0) yield* take(execution, taken)
        const rows = yield* sql`
          update fluxion_executions set ${sql.update(toColumns({ ...change, owner: null }, at))}
          where id = ${execution} and owner = ${owner}
            and not exists (select 1 from fluxion_inbox where execution = ${execution} and taken = 0)
          returning id`
        yield* announce(execution)
        return rows.length === 1
      }).pipe(sql.withTransaction, Effect.mapError(unavailable(execution, "release"))),
    disown: (owner) =>
      Effect.flatMap(now, (at) =>
        sql`
          update fluxion_executions set state = 'queued', owner = null, updated_at = ${at} where owner = ${owner}`)
        .pipe(
          Effect.andThen(announce("*")),
          Effect.mapError(unavailable("*", "disown"))
        ),
    recall: (key) =>
      Effect.flatMap(
        now,
        (at) => sql<{ exit: string }>`select exit from fluxion_cache where key = ${key} and until > ${at}`
      ).pipe(
        Effect.mapBoth({
          onSuccess: ([row]) => row === undefined ? undefined : JSON.parse(row.exit),
          onFailure: unavailable("*", "recall")
        })
      ),
    entry: (execution) =>
      sql<Row>`select * from fluxion_executions where id = ${execution}`.pipe(
        Effect.mapBoth({
          onSuccess: ([row]) => row === undefined ? undefined : toEntry(row),
          onFailure: unavailable(execution, "entry")
        })
      ),
    list: (query) => entries("list", listed(sql, query)),
    claimable: ({ after, definitions, limit, now, owners }) =>
      definitions.length === 0 ? Effect.succeed([]) : entries(
        "claimable",
        sql<Row>`
          select * from fluxion_executions
          where (${
          sql.or([
            sql`state = 'queued'`,
            sql`(state in ('paused', 'sleeping', 'waiting') and wake_at <= ${now})`,
            ...owners.length === 0 ? [] : [sql`(state = 'running' and ${sql.in("owner", owners)})`]
          ])
        }) and workflow || '@' || version in ${sql.in(definitions)}
            and ${after === undefined ? sql`1 = 1` : sql`(created_at, id) > (${after.createdAt}, ${after.id})`}
          order by created_at, id limit ${limit}`
      ),
    nextWake: sql<{ next: number | string | null }>`
      select min(wake_at) as next from fluxion_executions where state in ('paused', 'sleeping', 'waiting')`.pipe(
      Effect.mapBoth({
        onSuccess: ([row]) => row?.next == null ? undefined : Number(row.next),
        onFailure: unavailable("*", "nextWake")
      })
    ),
    owners: sql<{ owner: string }>`
      select distinct owner from fluxion_executions where owner is not null and state = 'running'`.pipe(
      Effect.mapBoth({
        onSuccess: (rows) => rows.map(({ owner }) => owner),
        onFailure: unavailable("*", "owners")
      })
    ),
    remove: (execution) =>
      Effect.gen(function*() {
        const rows = yield* sql`
          delete from fluxion_executions where id = ${execution} and ${sql.in("state", removable)} returning id`
        if (rows.length === 0) return false
        const values = yield* sql<{ value: string }>`
          select distinct value from fluxion_journal where execution = ${execution} and value is not null`
        yield* sql`delete from fluxion_journal where execution = ${execution}`
        if (values.length > 0) {
          yield* sql`delete from fluxion_values where ${sql.in("id", values.map(({ value }) => value))}
            and not exists (select 1 from fluxion_journal where value = id)`
        }
        yield* sql`delete from fluxion_inbox where execution = ${execution}`
        return true
      }).pipe(sql.withTransaction, Effect.mapError(unavailable(execution, "remove")))
  })
})

const listed = (sql: SqlClient.SqlClient, { after, before, from, limit, states, unchangedSince, workflow }: Query) => {
  const conditions = [
    ...workflow === undefined ? [] : [sql`workflow = ${workflow}`],
    ...states === undefined ? [] : [sql.in("state", states)],
    ...from === undefined ? [] : [sql`created_at >= ${from}`],
    ...unchangedSince === undefined ? [] : [sql`updated_at < ${unchangedSince}`],
    ...before === undefined ? [] : [sql`created_at < ${before}`],
    ...after === undefined ? [] : [
      sql`(created_at < ${after.createdAt} or (created_at = ${after.createdAt} and id < ${after.id}))`
    ]
  ]
  const where = conditions.length === 0 ? sql`` : sql`where ${sql.and(conditions)}`
  return sql<Row>`select * from fluxion_executions ${where} order by created_at desc, id desc limit ${limit}`
}
