/**
 * Conversations in a SQL database: their messages by conversation and id, and who has them.
 *
 * Within a process runs queue; between processes, whoever has a conversation says until when, and says so again while it
 * lives.
 */
import * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Migrations from "../../durable/internal/Migrations.ts"
import {
  ConversationError,
  ConversationExists,
  Conversations,
  type Kept,
  type Summary,
  unavailable,
  unitsOf
} from "../Conversations.ts"
import { Decoded } from "./Decoded.ts"
import { busy, Queues } from "./Queues.ts"

const migrations = {
  "0001_conversations": Effect.gen(function*() {
    const { big, isPostgres, sql } = yield* Migrations.dialect
    // names are paged through in an order that depends on no locale
    const text = sql.literal(isPostgres ? `text collate "C"` : "text")
    const rowless = sql.literal(isPostgres ? "" : "without rowid")
    yield* sql`
      create table fluxion_conversations (
        conversation ${text} not null primary key,
        last ${big} not null,
        created_at ${big} not null,
        updated_at ${big} not null,
        holder text,
        held_until ${big}
      ) ${rowless}`
    yield* sql`create index fluxion_conversations_changes on fluxion_conversations (updated_at, conversation)`
    yield* sql`
      create table fluxion_conversation_messages (
        conversation ${text} not null,
        id ${big} not null,
        unit ${big} not null,
        message text not null,
        added_by text not null,
        added_at ${big} not null,
        primary key (conversation, id)
      ) ${rowless}`
    yield* sql`
      create table fluxion_conversation_runs (
        conversation ${text} not null,
        run ${text} not null,
        primary key (conversation, run)
      ) ${rowless}`
    yield* sql`
      create table fluxion_conversation_summaries (
        conversation ${text} not null,
        up_to ${big} not null,
        summary text not null,
        primary key (conversation, up_to)
      ) ${rowless}`
  })
}

interface Row {
  readonly id: number | string
  readonly unit: number | string
  readonly message: string
  readonly added_by: string
  readonly added_at: number | string
}

const toKept = (row: Row, decoded: Decoded): Kept => ({
  id: Number(row.id),
  unit: Number(row.unit),
  message: decoded.message(row.message),
  by: row.added_by,
  at: Number(row.added_at)
})

const toSummary = (
  row: { readonly up_to: number | string; readonly summary: string } | undefined
): Summary | undefined => row && { upTo: Number(row.up_to), text: JSON.parse(row.summary) }

/** How long a conversation is its holder's without a word. */
const lease = Duration.seconds(10)
const renewal = Duration.seconds(3)
/** How often somebody who waits for another process looks. */
const patience = Duration.millis(100)
/** Rows of one insert: each has six values, and databases take some ten thousands. */
const rowsAtOnce = 1000

/** The store on the `SqlClient` of the context. */
export const make = Effect.gen(function*() {
  const { sql } = yield* Migrations.dialect
  yield* Migrations.run({ name: "conversations", table: "fluxion_conversations_migrations", migrations })

  const queues = new Queues()
  const decoded = new Decoded()
  // tells this process from others, in a database that outlives them
  // @effect-diagnostics-next-line cryptoRandomUUIDInEffect:off
  const holder = crypto.randomUUID()

  const conversations = sql`fluxion_conversations`
  const messages = sql`fluxion_conversation_messages`
  const summaries = sql`fluxion_conversation_summaries`
  const runs = sql`fluxion_conversation_runs`

  const using = <A, E>(conversation: string, operation: string, effect: Effect.Effect<A, E>) =>
    Effect.mapError(
      effect,
      (error) => error instanceof ConversationError ? error : unavailable(conversation, operation)(error)
    )

  /** Makes the conversation if there is none; others wait until the transaction ends. */
  const touch = (conversation: string, now: number) =>
    Effect.map(
      sql<{ last: number | string }>`insert into ${conversations} (conversation, last, created_at, updated_at)
        values (${conversation}, 0, ${now}, ${now})
        on conflict (conversation) do update set updated_at = excluded.updated_at
        returning last`,
      ([row]) => Number(row?.last ?? 0)
    )

  const count = (conversation: string) =>
    Effect.map(
      sql<{ count: number | string }>`select count(*) as count from ${messages} where conversation = ${conversation}`,
      ([row]) => Number(row?.count ?? 0)
    )

  const erase = (conversation: string) =>
    Effect.gen(function*() {
      const gone = yield* count(conversation)
      for (const table of [messages, summaries, runs]) {
        yield* sql`delete from ${table} where conversation = ${conversation}`
      }
      return gone
    })

  /** Says that this process has a conversation for some time more; whether it does. */
  const claim = (conversation: string) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const until = now + Duration.toMillis(lease)
      return Effect.map(
        sql`insert into ${conversations} (conversation, last, created_at, updated_at, holder, held_until)
          values (${conversation}, 0, ${now}, ${now}, ${holder}, ${until})
          on conflict (conversation) do update set holder = excluded.holder, held_until = excluded.held_until
            where ${conversations}.holder is null or ${conversations}.holder = ${holder}
              or ${conversations}.held_until <= ${now}
          returning conversation`,
        (rows) => rows.length > 0
      )
    })

  const release = (conversation: string) =>
    Effect.ignore(
      sql`update ${conversations} set holder = null where conversation = ${conversation} and holder = ${holder}`
    )

  return Conversations.of({
    history: (conversation, { limit, summarized = false, upTo = Number.MAX_SAFE_INTEGER } = {}) =>
      using(
        conversation,
        "history",
        Effect.gen(function*() {
          const [found] = yield* sql<{ readonly up_to: number | string; readonly summary: string }>`
            select up_to, summary from ${summaries}
            where conversation = ${conversation} and up_to <= ${upTo} order by up_to desc limit 1`
          const summary = toSummary(found)
          const from = summarized && summary !== undefined ? summary.upTo : 0
          const rows = yield* sql<Row>`
            select id, unit, message, added_by, added_at from ${messages}
            where conversation = ${conversation} and id > ${from} and id <= ${upTo}
            order by id desc ${limit === undefined || limit === Infinity ? sql`` : sql`limit ${limit}`}`
          const kept = rows.map((row) => toKept(row, decoded))
          return { messages: kept.reverse(), summary }
        })
      ),
    append: (conversation, { by, messages: added, run, summary }) =>
      Effect.flatMap(unitsOf(conversation, added), (units) =>
        using(
          conversation,
          "append",
          sql.withTransaction(Effect.gen(function*() {
            const now = yield* Clock.currentTimeMillis
            const last = yield* touch(conversation, now)
            if (run !== undefined) {
              const row = { conversation, run }
              const rows = yield* sql`insert into ${runs} ${sql.insert(row)} on conflict do nothing returning run`
              if (rows.length === 0) return
            }
            const rows = added.map((message, index) => ({
              conversation,
              id: last + 1 + index,
              unit: last + 1 + units[index]!,
              message: decoded.json(message),
              added_by: by,
              added_at: now
            }))
            for (const some of Arr.chunksOf(rows, rowsAtOnce)) yield* sql`insert into ${messages} ${sql.insert(some)}`
            if (summary !== undefined) {
              const row = { conversation, up_to: summary.upTo, summary: JSON.stringify(summary.text) }
              yield* sql`insert into ${summaries} ${sql.insert(row)}
                on conflict (conversation, up_to) do update set summary = excluded.summary`
            }
            yield* sql`update ${conversations} set last = ${last + rows.length} where conversation = ${conversation}`
          }))
        )),
    forget: (conversation, id) =>
      using(
        conversation,
        "forget",
        sql.withTransaction(Effect.gen(function*() {
          const [row] = yield* sql<{ readonly unit: number | string }>`
            select unit from ${messages} where conversation = ${conversation} and id = ${id}`
          if (row === undefined) return 0
          yield* sql`delete from ${summaries} where conversation = ${conversation} and up_to >= ${row.unit}`
          const gone = yield* sql`
            delete from ${messages} where conversation = ${conversation} and unit = ${row.unit} returning id`
          return gone.length
        }))
      ),
    clear: (conversation) =>
      using(
        conversation,
        "clear",
        sql.withTransaction(Effect.gen(function*() {
          const gone = yield* count(conversation)
          yield* sql`delete from ${messages} where conversation = ${conversation}`
          yield* sql`delete from ${summaries} where conversation = ${conversation}`
          return gone
        }))
      ),
    fork: (conversation, to, { upTo = Number.MAX_SAFE_INTEGER } = {}) =>
      using(
        conversation,
        "fork",
        sql.withTransaction(Effect.gen(function*() {
          const now = yield* Clock.currentTimeMillis
          const before = yield* touch(to, now)
          if ((yield* count(to)) > 0) {
            return yield* new ConversationError({ conversation, reason: new ConversationExists({ to }) })
          }
          const copied = yield* sql<{ readonly id: number | string }>`
            insert into ${messages} (conversation, id, unit, message, added_by, added_at)
            select ${to}, id, unit, message, added_by, added_at from ${messages}
            where conversation = ${conversation} and unit not in
              (select unit from ${messages} where conversation = ${conversation} and id > ${upTo})
            returning id`
          const last = copied.reduce((max, { id }) => Math.max(max, Number(id)), 0)
          yield* sql`
            insert into ${summaries} (conversation, up_to, summary)
            select ${to}, up_to, summary from ${summaries} where conversation = ${conversation} and up_to <= ${last}`
          yield* sql`update ${conversations} set last = ${Math.max(before, last)} where conversation = ${to}`
          return copied.length
        }))
      ),
    list: ({ after, limit }) =>
      using(
        "",
        "list",
        Effect.map(
          sql<{
            readonly conversation: string
            readonly messages: number | string
            readonly created_at: number | string
            readonly updated_at: number | string
          }>`
            select conversation, created_at, updated_at,
              (select count(*) from ${messages} as m where m.conversation = c.conversation) as messages
            from ${conversations} as c
            where exists (select 1 from ${messages} as m where m.conversation = c.conversation)
              ${
            after === undefined
              ? sql``
              : sql`and (updated_at, conversation) < (${after.updatedAt}, ${after.conversation})`
          }
            order by updated_at desc, conversation desc limit ${limit}`,
          (rows) =>
            rows.map((row) => ({
              conversation: row.conversation,
              messages: Number(row.messages),
              createdAt: Number(row.created_at),
              updatedAt: Number(row.updated_at)
            }))
        )
      ),
    delete: (conversation) =>
      using(
        conversation,
        "delete",
        sql.withTransaction(Effect.gen(function*() {
          yield* erase(conversation)
          const rows = yield* sql<{ readonly last: number | string }>`
            delete from ${conversations} where conversation = ${conversation} returning last`
          return rows.some(({ last }) => Number(last) > 0)
        }))
      ),
    hold: (conversation, whenBusy) =>
      Effect.gen(function*() {
        yield* queues.hold(conversation, whenBusy)
        // whoever is interrupted after the claim gives it back
        const mine: Effect.Effect<void, ConversationError> = Effect.flatMap(
          using(conversation, "hold", claim(conversation)),
          (isMine) =>
            isMine
              ? Effect.void
              : whenBusy === "fail"
              ? Effect.fail(busy(conversation))
              : Effect.andThen(Effect.interruptible(Effect.sleep(patience)), mine)
        )
        yield* Effect.acquireRelease(mine, () => release(conversation))
        const scope = yield* Scope.Scope
        yield* Effect.forkIn(
          Effect.repeat(Effect.andThen(Effect.sleep(renewal), Effect.ignore(claim(conversation))), Schedule.forever),
          scope
        )
      })
  })
})
