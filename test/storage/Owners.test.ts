/**
 * The processes on one database, real ones: who lives, who was killed, who only sleeps, and what they write.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted, Stream } from "effect"
import { Journal, Owners } from "fluxion"
import { Postgres } from "fluxion/postgres"
import { Sqlite } from "fluxion/sqlite"
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
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
  readonly layer: () => Layer.Layer<Journal.Journal | Owners.Owners>
}

const kinds: { readonly [name: string]: () => Promise<Database> } = {
  SQLite: () => {
    const filename = join(folder, `${databases++}.db`)
    return Promise.resolve({
      args: ["sqlite", filename],
      layer: () => Layer.orDie(Layer.provideMerge(Journal.layerSql, Sqlite.layer({ filename })))
    })
  },
  PostgreSQL: async () => {
    const url = await server.database(`owners_${databases++}`)
    return {
      args: ["postgres", url],
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
          // the server learns of a death when the socket is closed
          const gone = (owner: string) =>
            Effect.repeat(owners.isAlive(owner), { while: (isAlive) => Effect.as(Effect.sleep(5), isAlive) })
          yield* gone(a.name)
          yield* gone(b.name)
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
          }).pipe(Effect.scoped, Effect.provide(Layer.fresh(database.layer())))
          yield* Effect.repeat(mine.isAlive(other), { while: (isAlive) => Effect.as(Effect.sleep(5), isAlive) })
          assert.isTrue(yield* mine.isAlive(self))
          return self
        }).pipe(Effect.scoped, Effect.provide(Layer.fresh(database.layer())))
        assert.isString(first)
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
