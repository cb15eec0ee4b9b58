import { assert, describe, it } from "@effect/vitest"
import { Array as Arr, Config, ConfigProvider, Effect, Exit, Fiber, Layer, Stream } from "effect"
import { Migrator, SqlClient } from "effect/sql"
import { Sqlite } from "fluxion/sqlite"
import { fork } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { afterAll } from "vitest"

const folder = mkdtempSync(join(tmpdir(), "fluxion-sqlite-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let files = 0
const file = () => join(folder, `${files++}.db`)

const on = <A, E, R>(effect: Effect.Effect<A, E, R>, options: Partial<Sqlite.Options> = {}) =>
  Effect.provide(effect, Sqlite.layer({ filename: file(), ...options }))

const table = Effect.flatMap(
  SqlClient.SqlClient,
  (sql) => sql`create table t (id integer primary key, name text unique)`
)

describe("Sqlite", () => {
  it.effect("reads back what was written: rows, values, streams, raw results", () =>
    on(Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      yield* table
      yield* sql`insert into t ${sql.insert(Arr.makeBy(600, (id) => ({ id, name: `n${id}` })))}`
      assert.deepStrictEqual(yield* sql`select * from t where id in ${sql.in([1, 2])}`, [
        { id: 1, name: "n1" },
        { id: 2, name: "n2" }
      ])
      assert.deepStrictEqual(yield* sql`select id, name from t where id = 3`.values, [[3, "n3"]])
      const streamed = yield* Stream.runCollect(sql<{ id: number }>`select id from t order by id`.stream)
      assert.deepStrictEqual(streamed.map(({ id }) => id), Array.from({ length: 600 }, (_, id) => id))
      assert.deepStrictEqual(yield* sql`update t set name = 'x' where id = 7`.raw, {
        changes: 1,
        lastInsertRowid: 600 - 1
      })
      assert.deepStrictEqual(yield* sql`insert into t (name) values ('last') returning id`, [{ id: 600 }])
    })))

  it.effect("gives integers above 2^53 as bigints where asked to, and fails where it would lose digits", () =>
    on(Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      const big = sql`select 9007199254740993 as n`
      assert.deepStrictEqual(yield* Effect.provideService(big, SqlClient.SafeIntegers, true), [{
        n: 9007199254740993n
      }])
      assert.isTrue(Exit.isFailure(yield* Effect.exit(big)))
    })))

  it.effect("rolls a failed transaction back, and a nested one to where it began", () =>
    on(Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      yield* table
      yield* Effect.ignore(sql.withTransaction(Effect.andThen(sql`insert into t values (1, 'a')`, Effect.fail("no"))))
      yield* sql.withTransaction(Effect.gen(function*() {
        yield* sql`insert into t values (2, 'b')`
        yield* Effect.ignore(sql.withTransaction(Effect.andThen(sql`insert into t values (3, 'c')`, Effect.fail("no"))))
      }))
      assert.deepStrictEqual(yield* sql`select id from t`.values, [[2]])
    })))

  it.effect("runs 200 concurrent transactions one after another", () =>
    on(Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      yield* sql`create table c (n integer)`
      yield* sql`insert into c values (0)`
      const add = sql.withTransaction(Effect.gen(function*() {
        const [row] = yield* sql<{ n: number }>`select n from c`
        yield* Effect.yieldNow
        yield* sql`update c set n = ${row!.n + 1}`
      }))
      yield* Effect.all(Array.from({ length: 200 }, () => add), { concurrency: "unbounded" })
      assert.deepStrictEqual(yield* sql`select n from c`.values, [[200]])
    })))

  it.effect("names what is wrong: a value that is there already, a statement, a file", () =>
    Effect.gen(function*() {
      yield* on(Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        yield* table
        yield* sql`insert into t values (1, 'a')`
        const unique = yield* Effect.flip(sql`insert into t values (2, 'a')`)
        assert.strictEqual(unique.reason._tag, "UniqueViolation")
        assert.include(unique.message, "t.name")
        assert.strictEqual((yield* Effect.flip(sql`insert into t values (1, 'b')`)).reason._tag, "ConstraintError")
        assert.include((yield* Effect.flip(sql`selekt 1`)).message, "selekt")
      }))
      const nowhere = yield* Effect.flip(on(Effect.void, { filename: join(folder, "none", "x.db") }))
      assert.strictEqual(nowhere.reason._tag, "ConnectionError")
      const text = file()
      writeFileSync(text, "this is no database, but long enough to be taken for one".repeat(100))
      assert.include((yield* Effect.flip(on(Effect.void, { filename: text }))).message, "not a database")
    }))

  it.effect("writes a WAL, with the durability that was asked for", () =>
    Effect.gen(function*() {
      const settings = Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        return [yield* sql`pragma journal_mode`.values, yield* sql`pragma synchronous`.values]
      })
      assert.deepStrictEqual(yield* on(settings), [[["wal"]], [[1]]])
      assert.deepStrictEqual(yield* on(settings, { synchronous: "full" }), [[["wal"]], [[2]]])
    }))

  it.effect("opens for reading only, and takes its options from Config", () =>
    Effect.gen(function*() {
      const filename = file()
      yield* on(table, { filename })
      const refused = yield* Effect.flip(on(
        Effect.flatMap(SqlClient.SqlClient, (sql) => sql`insert into t values (1, 'a')`),
        { filename, readonly: true }
      ))
      assert.include(refused.message, "readonly")
      const rows = yield* Effect.flatMap(SqlClient.SqlClient, (sql) => sql`select * from t`).pipe(
        Effect.provide(Sqlite.layerConfig({ filename: Config.String("FILE") })),
        Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ FILE: filename })))
      )
      assert.deepStrictEqual(rows, [])
    }))

  it.effect("changes names both ways", () =>
    on(
      Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        yield* sql`create table t (first_name text)`
        yield* sql`insert into t ${sql.insert({ firstName: "Ada" })}`
        assert.deepStrictEqual(yield* sql`select * from t`, [{ firstName: "Ada" }])
      }),
      {
        transformQueryNames: (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
        transformResultNames: (name) => name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())
      }
    ))

  it.effect("is what Effect's migrator runs on", () =>
    on(Effect.gen(function*() {
      const run = Migrator.make({})({ loader: Migrator.fromRecord({ "0001_t": table }) })
      assert.deepStrictEqual(yield* run, [[1, "t"]])
      assert.deepStrictEqual(yield* run, [])
    })))

  it.live("waits for another process's lock without stopping this one, and gives up in the end", () =>
    Effect.gen(function*() {
      const filename = file()
      yield* on(table, { filename })
      const script = join(folder, "holder.mjs")
      writeFileSync(
        script,
        `import { DatabaseSync } from "node:sqlite"
         const db = new DatabaseSync(process.argv[2])
         db.exec("BEGIN IMMEDIATE")
         process.send("locked")
         process.on("message", () => { db.exec("COMMIT"); process.exit(0) })`
      )
      const holder = fork(script, [filename], { execArgv: ["--disable-warning=ExperimentalWarning"] })
      yield* Effect.promise(() => once(holder, "message"))
      const insert = Effect.flatMap(SqlClient.SqlClient, (sql) => sql`insert into t values (1, 'a')`)

      const given = yield* Effect.flip(on(insert, { filename, busyTimeout: "20 millis" }))
      assert.strictEqual(given.reason._tag, "LockTimeoutError")

      const waiting = yield* Effect.forkChild(on(insert, { filename, busyTimeout: "10 seconds" }))
      // a turn of the event loop between tries: were SQLite to wait, none would pass until the lock is free
      for (let turn = 0; turn < 20; turn++) yield* Effect.sleep("1 millis")
      assert.isUndefined(waiting.pollUnsafe())
      holder.send("enough")
      yield* Fiber.join(waiting)
      const rows = new DatabaseSync(filename).prepare("select * from t").all()
      assert.deepStrictEqual(rows.map((row) => ({ ...row })), [{ id: 1, name: "a" }])
    }))

  it.effect("closes with its scope", () =>
    Effect.gen(function*() {
      const filename = file()
      const sql = yield* on(SqlClient.SqlClient, { filename })
      assert.include((yield* Effect.flip(sql`select 1`)).message, "not open")
      yield* on(Layer.build(Layer.empty), { filename })
    }).pipe(Effect.scoped))
})
