/**
 * Two processes on one database: they share executions, and never run the same one.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Redacted } from "effect"
import { Engine, Execution } from "fluxion"
import { Postgres } from "fluxion/postgres"
import { Sqlite } from "fluxion/sqlite"
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll } from "vitest"
import * as PostgresServer from "../support/PostgresServer.ts"
import * as Two from "./Two.ts"

const folder = mkdtempSync(join(tmpdir(), "fluxion-two-"))
const children = new Set<ChildProcess>()
let server: Awaited<ReturnType<typeof PostgresServer.start>>
let databases = 0
beforeAll(async () => {
  server = await PostgresServer.start()
}, 60_000)
afterAll(async () => {
  for (const child of children) child.kill("SIGKILL")
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

const kinds = {
  SQLite: async () => {
    const filename = join(folder, `${databases++}.db`)
    return { args: ["sqlite", filename], layer: Sqlite.layer({ filename }) }
  },
  PostgreSQL: async () => {
    const url = await server.database(`two_${databases++}`)
    return { args: ["postgres", url], layer: Postgres.layer({ url: Redacted.make(url) }) }
  }
}

for (const [name, make] of Object.entries(kinds)) {
  const start = async () => {
    const { args, layer } = await make()
    const did = join(folder, `${databases++}.did`)
    const child = fork(join(import.meta.dirname, "..", "children", "engine.ts"), [...args, did], {
      execArgv: ["--conditions=fluxion-source", "--disable-warning=ExperimentalWarning"]
    })
    children.add(child)
    await once(child, "message")
    const lines = () => existsSync(did) ? readFileSync(did, "utf8").trimEnd().split("\n") : []
    return { child, did, lines, layer: Layer.orDie(Layer.provide(Engine.layerJournal, layer)) }
  }

  const until = (id: string, state: string) =>
    Effect.flatMap(Engine.Engine, ({ journal, watch }) =>
      watch(
        id,
        "state",
        Effect.map(journal.entry(id), (entry) => entry?.state === state ? Option.some(entry) : Option.none())
      ))

  describe(`two processes on ${name}`, () => {
    it.live("one answers what the other one asks, and hears of the end", () =>
      Effect.gen(function*() {
        const { child, layer, lines } = yield* Effect.promise(start)
        yield* Effect.gen(function*() {
          child.send("a")
          yield* until("a", "paused")
          assert.strictEqual((yield* Execution.pending("a")).length, 1)
          yield* Two.question.resume("a", 1)
          // this process has no such workflow: the other one runs it
          assert.strictEqual((yield* Execution.settled("a")).info.state, "completed")
          assert.deepStrictEqual(lines(), [`${child.pid} 1`, `${child.pid} 2`])
          assert.strictEqual((yield* Effect.flip(Two.question.resume("a", 2)))._tag, "AlreadyResumed")
        }).pipe(Effect.provide(layer))
        child.kill("SIGKILL")
      }), 30_000)

    it.live(
      "both start the same executions, and each runs once; one dies, and the other goes on with its own",
      () =>
        Effect.gen(function*() {
          const { child, did, layer, lines } = yield* Effect.promise(start)
          const { flow, layer: mine } = Two.make(did)
          const ids = Array.from({ length: 20 }, (_, index) => `e${index}`)
          yield* Effect.gen(function*() {
            yield* Effect.forEach(ids, (id) => {
              child.send(id)
              return flow.start({}, { id })
            }, { concurrency: "unbounded" })
            yield* Effect.forEach(ids, (id) => until(id, "paused"), { concurrency: "unbounded" })
            assert.strictEqual(lines().length, ids.length, "each ran its first step once")
            // long enough for the other process to die within those that it takes
            yield* Effect.forEach(ids, (id) => Two.question.resume(id, 300), { concurrency: "unbounded" })
            yield* Effect.sleep(150)
            const { executions } = yield* Execution.list({ states: ["running"] })
            const owners = new Set(executions.map(({ owner }) => owner))
            assert.isAtLeast(owners.size, 1)
            const exit = once(child, "exit")
            child.kill("SIGKILL")
            yield* Effect.promise(() => exit)
            yield* Effect.forEach(ids, (id) => flow.result(id), { concurrency: "unbounded" })
            const second = lines().filter((line) => line.endsWith(" 2"))
            assert.strictEqual(second.length, ids.length, "each ran its second step to its end once")
          }).pipe(Effect.provide(Layer.provideMerge(Layer.orDie(mine), layer)))
        }),
      60_000
    )
  })
}
