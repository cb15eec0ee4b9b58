/**
 * The processes on one database, real ones: who lives, who was killed, who only sleeps, and what they write.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted, Schedule, Stream } from "effect"
import { SqlClient } from "effect/sql"
import { Journal, Owners } from "fluxion"
import { Postgres } from "fluxion/postgres"
import { Sqlite } from "fluxion/sqlite"
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { afterAll, beforeAll } from "vitest"
import * as PostgresServer from "../support/PostgresServer.ts"

const folder = mkdtempSync(join(tmpdir(), "fluxion-owners-"))
let server: Awaited<ReturnType<typeof PostgresServer.start>>
const children = new Set<ChildProcess>()
let databases = 0

beforeAll(async () => {
  server = await PostgresServer.start()
}, 60_000)
afterAll(async () => {
  for (const child of children) child.kill("SIGKILL")
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

interface Database {
  readonly args: ReadonlyArray<string>
  readonly owners: () => Layer.Layer<Owners.Owners>
  readonly layer: () => Layer.Layer<Journal.Journal | Owners.Owners>
}

const kinds: { readonly [name: string]: () => Promise<Database> } = {
  SQLite: () => {
    const filename = join(folder, `${databases++}.db`)
    return Promise.resolve({
      args: ["sqlite", filename],
      owners: () => Layer.orDie(Sqlite.layer({ filename })),
      layer: () => Layer.orDie(Layer.provideMerge(Journal.layerSql, Sqlite.layer({ filename })))
    })
  },
  PostgreSQL: async () => {
    const url = await server.database(`owners_${databases++}`)
    return {
      args: ["postgres", url],
      // a pool of one has no connection to spare for a lock
      owners: () => Layer.orDie(Postgres.layer({ url: Redacted.make(url), maxConnections: 1 })),
      layer: () => Layer.orDie(Layer.provideMerge(Journal.layerSql, Postgres.layer({ url: Redacted.make(url) })))
    }
  }
}

/** Starts another process on the database, and gives its name. */
const another = async ({ args }: Database) => {
  const child = fork(join(import.meta.dirname, "..", "children", "owner.ts"), args, {
    execArgv: ["--conditions=fluxion-source", "--disable-warning=ExperimentalWarning"]
  })
  children.add(child)
  const [name] = await once(child, "message") as [string]
  return { child, name }
}

/** Waits until that owner is no more: a server learns of a death when the socket is closed. */
const dead = (owners: Owners.Owners["Service"], owner: string) =>
  Effect.repeat(owners.isAlive(owner), { while: (isAlive) => Effect.as(Effect.sleep(5), isAlive) })

const killed = async (child: ChildProcess, signal: "SIGKILL" | "SIGTERM") => {
  const exit = once(child, "exit")
  child.kill(signal)
  await exit
}

for (const [name, make] of Object.entries(kinds)) {
  describe(`the processes on ${name}`, () => {
    it.live("live until they die, however they die; one that is stopped lives", () =>
      Effect.gen(function*() {
        const database = yield* Effect.promise(make)
        const [a, b] = yield* Effect.promise(() => Promise.all([another(database), another(database)]))
        yield* Effect.gen(function*() {
          const owners = yield* Owners.Owners
          const self = yield* owners.self
          assert.strictEqual(yield* owners.self, self)
          assert.strictEqual(new Set([self, a.name, b.name]).size, 3)
          for (const owner of [self, a.name, b.name]) assert.isTrue(yield* owners.isAlive(owner))
          assert.isFalse(yield* owners.isAlive("somebody"))
          a.child.kill("SIGSTOP")
          assert.isTrue(yield* owners.isAlive(a.name))
          yield* Effect.promise(() => killed(a.child, "SIGKILL"))
          yield* Effect.promise(() => killed(b.child, "SIGTERM"))
          yield* dead(owners, a.name)
          yield* dead(owners, b.name)
          assert.isTrue(yield* owners.isAlive(self))
        }).pipe(Effect.provide(database.layer()))
      }), 30_000)

    it.live("are told apart also when they are two Layers of one process", () =>
      Effect.gen(function*() {
        const database = yield* Effect.promise(make)
        const first = yield* Effect.gen(function*() {
          const mine = yield* Owners.Owners
          const self = yield* mine.self
          const other = yield* Effect.gen(function*() {
            const theirs = yield* Owners.Owners
            const name = yield* theirs.self
            assert.notStrictEqual(name, self)
            assert.isTrue(yield* theirs.isAlive(self))
            assert.isTrue(yield* mine.isAlive(name))
            return name
          }).pipe(Effect.scoped, Effect.provide(database.owners()))
          yield* dead(mine, other)
          assert.isTrue(yield* mine.isAlive(self))
          return self
        }).pipe(Effect.scoped, Effect.provide(database.owners()))
        assert.isString(first)
      }), 30_000)

    it.live("are 20 that start and end at once, each under a name of its own", () =>
      Effect.gen(function*() {
        const database = yield* Effect.promise(make)
        yield* Effect.gen(function*() {
          const mine = yield* Owners.Owners
          const opened = Array.from({ length: 20 }, () =>
            Effect.gen(function*() {
              const owners = yield* Owners.Owners
              const self = yield* owners.self
              assert.isTrue(yield* owners.isAlive(self))
              assert.isTrue(yield* mine.isAlive(self))
              return self
            }).pipe(Effect.scoped, Effect.provide(Layer.fresh(database.owners()))))
          const names = yield* Effect.all(opened, { concurrency: "unbounded" })
          assert.strictEqual(new Set(names).size, 20)
          for (const name of names) yield* dead(mine, name)
        }).pipe(Effect.provide(database.owners()))
      }), 60_000)

    it.live("end by themselves when they have nothing more to do", () =>
      Effect.gen(function*() {
        const database = yield* Effect.promise(make)
        const { child } = yield* Effect.promise(() => another(database))
        const exit = once(child, "exit")
        child.send("end")
        assert.deepStrictEqual(yield* Effect.promise(() => exit), [0, null])
      }), 30_000)

    it.live("hear of what others write", () =>
      Effect.gen(function*() {
        const database = yield* Effect.promise(make)
        const { child } = yield* Effect.promise(() => another(database))
        yield* Effect.gen(function*() {
          const owners = yield* Owners.Owners
          const journal = yield* Journal.Journal
          const heard: Array<boolean> = []
          yield* Effect.forkScoped(
            Stream.runForEach(owners.changes, () =>
              Effect.map(Effect.orDie(journal.hasMessage("a", "hello")), (has) => heard.push(has)))
          )
          yield* Effect.sleep(200)
          child.send("hello")
          yield* Effect.repeat(Effect.sleep(5), {
            while: () =>
              Effect.succeed(!heard.includes(true))
          })
        }).pipe(Effect.scoped, Effect.provide(database.layer()))
        child.kill("SIGKILL")
      }), 30_000)
  })
}

describe("the processes on SQLite", () => {
  it.live("leave nothing behind", () =>
    Effect.gen(function*() {
      const database = yield* Effect.promise(kinds["SQLite"]!)
      const locks = `${database.args[1]}-owners`
      const { child } = yield* Effect.promise(() => another(database))
      yield* Effect.gen(function*() {
        yield* (yield* Owners.Owners).self
        assert.strictEqual(readdirSync(locks).length, 2)
        yield* Effect.promise(() => killed(child, "SIGKILL"))
        for (const owner of readdirSync(locks)) yield* (yield* Owners.Owners).isAlive(owner)
        assert.strictEqual(readdirSync(locks).length, 1)
      }).pipe(Effect.scoped, Effect.provide(database.layer()))
      assert.isFalse(existsSync(locks))
    }), 30_000)

  it.live("hear nothing of what this one writes itself", () =>
    Effect.gen(function*() {
      const database = yield* Effect.promise(kinds["SQLite"]!)
      let heard = 0
      yield* Effect.gen(function*() {
        const { changes } = yield* Owners.Owners
        const journal = yield* Journal.Journal
        yield* Effect.forkScoped(Stream.runForEach(changes, () => Effect.sync(() => heard++)))
        yield* Effect.sleep(100)
        heard = 0
        for (let index = 0; index < 50; index++) {
          yield* journal.post("a", { name: `m${index}`, data: null })
          yield* Effect.sleep(2)
        }
        yield* Effect.sleep(50)
        // the first look may come after the first write
        assert.isAtMost(heard, 1)
      }).pipe(Effect.scoped, Effect.provide(database.layer()))
    }), 30_000)
})

describe("a process on SQLite", () => {
  it.live("knows the others by the file itself, whatever path leads to it", () =>
    Effect.gen(function*() {
      const database = yield* Effect.promise(kinds["SQLite"]!)
      const link = join(folder, `${databases++}-link.db`)
      yield* Effect.gen(function*() {
        const self = yield* (yield* Owners.Owners).self
        symlinkSync(database.args[1]!, link)
        const seen = Effect.flatMap(Owners.Owners, (owners) => owners.isAlive(self))
        assert.isTrue(yield* Effect.provide(seen, Sqlite.layer({ filename: link })))
      }).pipe(Effect.provide(database.layer()))
    }))

  it.live("removes what killed ones have left, and touches no other file for a name", () =>
    Effect.gen(function*() {
      const database = yield* Effect.promise(kinds["SQLite"]!)
      const locks = `${database.args[1]}-owners`
      const [a, b] = yield* Effect.promise(() => Promise.all([another(database), another(database)]))
      yield* Effect.promise(() => killed(a.child, "SIGKILL"))
      const precious = join(folder, "precious.txt")
      writeFileSync(precious, "")
      const long = new Date(Date.now() - 3_600_000)
      for (const { name } of [a, b]) utimesSync(join(locks, name), long, long)
      yield* Effect.gen(function*() {
        const owners = yield* Owners.Owners
        const self = yield* owners.self
        assert.deepStrictEqual(readdirSync(locks).sort(), [b.name, self].sort())
        assert.isFalse(yield* owners.isAlive("../precious.txt"))
        assert.isTrue(existsSync(precious))
      }).pipe(Effect.provide(database.owners()))
    }), 30_000)

  it.live("says what to do when it cannot have its lock", () =>
    Effect.gen(function*() {
      const database = yield* Effect.promise(kinds["SQLite"]!)
      writeFileSync(`${database.args[1]}-owners`, "a file, and no folder")
      const error = yield* Effect.flip(Effect.provide(
        Effect.flatMap(Owners.Owners, (owners) => owners.self),
        database.owners()
      ))
      assert.instanceOf(error, Owners.OwnersUnavailable)
      assert.include(error.message, `${database.args[1]}-owners`)
      assert.include(error.message, "let it write in that folder")
    }))

  it.live("is alone on a database in memory", () =>
    Effect.gen(function*() {
      const owners = yield* Owners.Owners
      assert.isFalse(owners.isShared)
    }).pipe(Effect.provide(Sqlite.layer({ filename: ":memory:" }))))

  it.live("looks each second, whatever the operating system tells of", () =>
    Effect.gen(function*() {
      const database = yield* Effect.promise(kinds["SQLite"]!)
      const outside = new DatabaseSync(database.args[1]!)
      yield* Effect.gen(function*() {
        let heard = 0
        const { changes } = yield* Owners.Owners
        yield* Effect.forkScoped(Stream.runForEach(changes, () => Effect.sync(() => heard++)))
        // before the watch begins: nothing tells of it
        outside.exec("create table elsewhere (a)")
        yield* Effect.repeat(Effect.sleep(5), { while: () => Effect.succeed(heard === 0) })
      }).pipe(Effect.scoped, Effect.provide(database.owners()))
      outside.close()
    }), 10_000)
})

describe("a process on PostgreSQL", () => {
  /** Goes on when the name is another one than that, and gives it. */
  const renamed = (owners: Owners.Owners["Service"], from: string) =>
    Effect.repeat(Effect.orElseSucceed(owners.self, () => from), {
      while: (name) => Effect.as(Effect.sleep(20), name === from)
    })

  it.live(
    "has no name while the server is gone, then another one; hears of that, and of what others write from then on",
    () =>
      Effect.gen(function*() {
        const own = yield* Effect.acquireRelease(
          Effect.promise(() => PostgresServer.start()),
          (own) => Effect.promise(() => own.stop())
        )
        const url = yield* Effect.promise(() => own.database("restarted"))
        yield* Effect.gen(function*() {
          const owners = yield* Owners.Owners
          const journal = yield* Journal.Journal
          let heard = 0
          yield* Effect.forkScoped(Stream.runForEach(owners.changes, () => Effect.sync(() => heard++)))
          const before = yield* owners.self
          yield* Effect.promise(() => own.halt())
          const error = yield* Effect.flip(Effect.repeat(owners.self, Schedule.spaced(20)))
          assert.instanceOf(error, Owners.OwnersUnavailable)
          const count = heard
          yield* Effect.promise(() => own.resume())
          const after = yield* renamed(owners, before)
          yield* Effect.repeat(Effect.sleep(5), { while: () => Effect.succeed(heard === count) })
          // the pool may still hold connections that are dead
          const again = { schedule: Schedule.spaced(50), times: 100 }
          assert.isFalse(yield* Effect.retry(owners.isAlive(before), again))
          assert.isTrue(yield* Effect.retry(owners.isAlive(after), again))
          yield* Effect.sleep(50)
          const told = heard
          yield* Effect.retry(journal.post("a", { name: "x", data: null }), again)
          yield* Effect.repeat(Effect.sleep(5), { while: () => Effect.succeed(heard === told) })
        }).pipe(
          Effect.scoped,
          Effect.provide(Layer.orDie(Layer.provideMerge(Journal.layerSql, Postgres.layer({ url: Redacted.make(url) }))))
        )
      }).pipe(Effect.scoped),
    60_000
  )

  it.live("has another name when the server has fallen silent, and ends although it is", () =>
    Effect.gen(function*() {
      const url = yield* Effect.promise(() => server.database(`silent_${databases++}`))
      const stopped: Array<number> = []
      const silence = Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        const rows = yield* sql<{ pid: number }>`
          select pid from pg_locks where locktype = 'advisory' and objsubid = 1
            and database = (select oid from pg_database where datname = current_database())`
        for (const { pid } of rows) {
          if (stopped.includes(pid)) continue
          process.kill(pid, "SIGSTOP")
          stopped.push(pid)
        }
      })
      yield* Effect.gen(function*() {
        const owners = yield* Owners.Owners
        const before = yield* owners.self
        yield* silence
        yield* renamed(owners, before)
        yield* silence
        assert.strictEqual(stopped.length, 2)
      }).pipe(
        Effect.provide(Postgres.layer({ url: Redacted.make(url) })),
        Effect.ensuring(Effect.sync(() => {
          for (const pid of stopped) process.kill(pid, "SIGCONT")
        }))
      )
    }), 30_000)
})
