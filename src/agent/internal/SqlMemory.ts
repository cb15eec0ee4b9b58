/**
 * Long-term memory in a SQL database: one table of facts, and an index of their words (FTS5, or a `tsvector` with GIN).
 *
 * Both indexes hold the words that `wordsOf` cut, so that they find the same; and beside them a mark of the place, so that
 * a word that many owners use is looked for in one's own facts only. Marks may be the same by chance: owner and scope
 * are compared as well.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Migrations from "../../durable/internal/Migrations.ts"
import { type Fact, MemoryStore, MemoryUnavailable, type Place, type Term, wordsOf } from "../MemoryStore.ts"

const migrations = {
  "0001_memory": Effect.gen(function*() {
    const { big, counted, isPostgres, sql } = yield* Migrations.dialect
    // keys are paged through in an order that depends on no locale
    const text = sql.literal(isPostgres ? `text collate "C"` : "text")
    yield* sql`
      create table fluxion_memory (
        id ${counted} primary key,
        owner ${text} not null,
        scope ${text} not null,
        key ${text} not null,
        value text not null,
        written_by text not null,
        created_at ${big} not null,
        updated_at ${big} not null,
        expires_at ${big},
        ${sql.literal(isPostgres ? "words tsvector not null," : "")}
        unique (owner, scope, key)
      )`
    yield* sql`create index fluxion_memory_expiry on fluxion_memory (expires_at) where expires_at is not null`
    yield* isPostgres
      ? sql`create index fluxion_memory_words on fluxion_memory using gin (words)`
      : sql`create virtual table fluxion_memory_words using fts5 (
          words, content = '', contentless_delete = 1, detail = none,
          tokenize = "unicode61 remove_diacritics 0 tokenchars '#'"
        )`
  })
}

interface Row {
  readonly key: string
  readonly value: string
  readonly written_by: string
  readonly created_at: number | string
  readonly updated_at: number | string
  readonly expires_at: number | string | null
}

const toFact = (row: Row): Fact => ({
  key: row.key,
  value: JSON.parse(row.value),
  writtenBy: row.written_by,
  createdAt: Number(row.created_at),
  updatedAt: Number(row.updated_at),
  expiresAt: row.expires_at === null ? null : Number(row.expires_at)
})

/** FNV-1a: the mark is stored, so it must stay the same for ever. No word has a `#`. */
const markOf = ({ owner, scope }: Place): string => {
  let hash = 0x811c9dc5
  for (const char of JSON.stringify([owner, scope])) hash = Math.imul(hash ^ char.codePointAt(0)!, 0x01000193)
  return `#${(hash >>> 0).toString(16)}`
}

/** Words are letters and digits: nothing in them has to be escaped. */
const matchOf = (terms: ReadonlyArray<Term>) =>
  `(${terms.map(({ prefix, word }) => `"${word}"${prefix ? "*" : ""}`).join(" OR ")})`
const queryOf = (terms: ReadonlyArray<Term>) =>
  `(${terms.map(({ prefix, word }) => `'${word}'${prefix ? ":*" : ""}`).join(" | ")})`

/** The store on the `SqlClient` of the context. */
export const make = Effect.gen(function*() {
  const { isPostgres, sql } = yield* Migrations.dialect
  yield* Migrations.run({ name: "long-term memory", table: "fluxion_memory_migrations", migrations })

  const columns = sql.literal("key, value, written_by, created_at, updated_at, expires_at")
  const at = ({ owner, scope }: Place) => sql`owner = ${owner} and scope = ${scope}`
  const isThere = (now: number) => sql`(expires_at is null or expires_at > ${now})`
  const shown = (reserved: boolean) => reserved ? sql`1 = 1` : sql`substr(key, 1, 1) <> '_'`
  const using = <A, E>(operation: string, effect: (now: number) => Effect.Effect<A, E>) =>
    Effect.mapError(
      Effect.flatMap(Clock.currentTimeMillis, effect),
      (cause) => new MemoryUnavailable({ operation, cause })
    )

  /** Removes rows, and on SQLite their words, which are a table of their own. */
  const remove = (where: ReturnType<typeof at>) =>
    isPostgres
      ? sql`delete from fluxion_memory where ${where} returning expires_at`
      : Effect.tap(
        sql<{ id: number }>`delete from fluxion_memory where ${where} returning id, expires_at`,
        (rows) => {
          const ids = JSON.stringify(rows.map(({ id }) => id))
          return sql`delete from fluxion_memory_words where rowid in (select value from json_each(${ids}))`
        }
      )

  // two processes that clean up at once leave each other alone
  const stale = (now: number) =>
    sql`id in (select id from fluxion_memory where expires_at <= ${now} order by id limit 1000
      ${sql.literal(isPostgres ? "for update skip locked" : "")})`

  return MemoryStore.of({
    memorize: (place, { expiresAt, key, value, writtenBy }) =>
      using("memorize", (now) => {
        const marked = [markOf(place), ...wordsOf({ key, value })]
        const row = {
          ...place,
          key,
          value: JSON.stringify(value),
          written_by: writtenBy,
          created_at: now,
          updated_at: now,
          expires_at: expiresAt
        }
        const upsert = sql`on conflict (owner, scope, key) do update set
            value = excluded.value, written_by = excluded.written_by, updated_at = excluded.updated_at,
            expires_at = excluded.expires_at,
            created_at = case when fluxion_memory.expires_at <= ${now}
              then excluded.created_at else fluxion_memory.created_at end`
        const write = isPostgres
          ? sql`insert into fluxion_memory (owner, scope, ${columns}, words)
              select ${place.owner}, ${place.scope}, ${key}, ${row.value}, ${writtenBy}, ${now}::bigint, ${now}::bigint,
                ${expiresAt}::bigint, array_to_tsvector(array(select json_array_elements_text(${
            JSON.stringify(marked)
          }::json)))
              ${upsert}, words = excluded.words`
          : Effect.flatMap(
            sql<{ id: number }>`insert into fluxion_memory ${sql.insert(row)} ${upsert} returning id`,
            ([{ id } = { id: 0 }]) =>
              sql`insert or replace into fluxion_memory_words (rowid, words) values (${id}, ${marked.join(" ")})`
          )
        return sql.withTransaction(expiresAt === null ? write : Effect.andThen(remove(stale(now)), write))
      }),
    recall: (place, key) =>
      using("recall", (now) =>
        Effect.map(
          sql<Row>`select ${columns} from fluxion_memory where ${at(place)} and key = ${key} and ${isThere(now)}`,
          ([row]) => row && toFact(row)
        )),
    forget: (place, key) =>
      using("forget", (now) =>
        Effect.map(
          sql.withTransaction(remove(key === undefined ? at(place) : sql`${at(place)} and key = ${key}`)),
          (rows) =>
            (rows as ReadonlyArray<Pick<Row, "expires_at">>)
              .filter(({ expires_at }) => expires_at === null || Number(expires_at) > now).length
        )),
    keys: (place, { after, limit, reserved }) =>
      using("keys", (now) =>
        Effect.map(
          sql<Row>`select key from fluxion_memory
            where ${at(place)} and ${isThere(now)} and ${shown(reserved)}
              ${after === undefined ? sql`` : sql`and key > ${after}`}
            order by key limit ${limit}`,
          (rows) => rows.map(({ key }) => key)
        )),
    scopes: (owner) =>
      using("scopes", (now) =>
        Effect.map(
          sql<{ scope: string }>`select distinct scope from fluxion_memory
            where owner = ${owner} and ${isThere(now)} order by scope`,
          (rows) => rows.map(({ scope }) => scope)
        )),
    search: (place, { limit, reserved, terms }) =>
      terms.length === 0 ? Effect.succeed([]) : using("search", (now) => {
        // in this form it is checked of what the words found, and no index of all the owner's facts is read for it
        const own = sql`owner || '' = ${place.owner} and scope || '' = ${place.scope}
          and ${isThere(now)} and ${shown(reserved)}`
        const mark = markOf(place)
        // only the best are read whole
        const best = isPostgres
          ? sql`select id, ts_rank(words, ${queryOf(terms)}::tsquery) as score from fluxion_memory
              where words @@ ${`'${mark}' & ${queryOf(terms)}`}::tsquery and ${own}
              order by score desc, id limit ${limit}`
          : sql`select id, -rank as score from fluxion_memory_words join fluxion_memory on id = fluxion_memory_words.rowid
              where fluxion_memory_words match ${`"${mark}" AND ${matchOf(terms)}`} and ${own}
              order by rank, id limit ${limit}`
        return Effect.map(
          sql<Row>`select ${columns} from (${best}) as best join fluxion_memory using (id) order by score desc, id`,
          (rows) => rows.map(toFact)
        )
      })
  })
})
