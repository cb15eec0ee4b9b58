/**
 * A cluster of real processes on one PostgreSQL: where executions go, and what is different from one machine.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { Engine, Execution } from "fluxion"
import { Cluster } from "fluxion/cluster"
import { Postgres } from "fluxion/postgres"
import { TestModel } from "fluxion/testing"
import type { ChildProcess } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll } from "vitest"
import * as PostgresServer from "../support/PostgresServer.ts"
import * as Machines from "./Machines.ts"

const folder = mkdtempSync(join(tmpdir(), "fluxion-cluster-"))
const machines = new Set<ChildProcess>()
let server: Awaited<ReturnType<typeof PostgresServer.start>>
let databases = 0

beforeAll(async () => {
  server = await PostgresServer.start()
}, 60_000)
afterAll(async () => {
  for (const machine of machines) machine.kill("SIGKILL")
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

const database = async (): Promise<Machines.Setting> => {
  const name = `cluster_${databases++}`
  return { url: await server.database(name), did: join(folder, `${name}.did`) }
}

const boot = (setting: Machines.Setting) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const machine = await Machines.boot(setting)
      machines.add(machine)
      return machine
    }),
    (machine) => Effect.sync(() => machine.kill("SIGKILL"))
  )

const of = ({ url }: Machines.Setting) => Postgres.layer({ url: Redacted.make(url) })
const client = (setting: Machines.Setting) => Layer.orDie(Cluster.layer({ database: of(setting), isRunner: false }))

const begins = (did: string, ids: ReadonlyArray<string>) =>
  Machines.lines(did).filter(({ execution, task, what }) =>
    what === "begin" && task === "tool" && ids.includes(execution)
  )

describe.concurrent("a cluster", () => {
  it.live(
    "a process that is no runner runs nothing, though it has the workflow; what it started waits for a runner",
    () =>
      Effect.gen(function*() {
        const setting = yield* Effect.promise(database)
        const program = Machines.make(setting)
        yield* Effect.gen(function*() {
          const id = yield* program.flow.start({ execution: "a", millis: 0, blocks: false }, { id: "a" })
          yield* Effect.sleep(2_500)
          assert.strictEqual((yield* Execution.get(id)).state, "queued")
          const machine = yield* boot(setting)
          assert.strictEqual(yield* program.flow.result(id), "done by version 1")
          assert.isTrue(Machines.lines(setting.did).every(({ pid }) => pid === machine.pid))
        }).pipe(Effect.provide(Layer.provideMerge(
          Layer.orDie(Layer.provide(program.flow.layer, TestModel.layer([]))),
          client(setting)
        )))
      }).pipe(Effect.scoped),
    30_000
  )

  it.live(
    "a runner that comes interrupts nothing, and takes its part of what is started then",
    () =>
      Effect.gen(function*() {
        const setting = yield* Effect.promise(database)
        const first = yield* boot(setting)
        const program = Machines.make(setting)
        yield* Effect.gen(function*() {
          const ids = Array.from({ length: 10 }, (_, index) => `long${index}`)
          yield* Machines.inTool(program, setting.did, ids, 5_000)
          const second = yield* boot(setting)
          yield* Machines.spread(program, setting.did, "spread", [first, second])
          for (const id of ids) yield* program.flow.result(id)
          assert.deepStrictEqual(yield* Machines.faults(setting.did, ids), [])
          assert.strictEqual(begins(setting.did, ids).length, ids.length)
        }).pipe(Effect.provide(client(setting)))
      }).pipe(Effect.scoped),
    40_000
  )

  it.live("a runner whose event loop stands still for 3 seconds loses nothing", () =>
    Effect.gen(function*() {
      const setting = yield* Effect.promise(database)
      const both = yield* Effect.all([boot(setting), boot(setting)], { concurrency: 2 })
      const program = Machines.make(setting)
      yield* Effect.gen(function*() {
        yield* Machines.spread(program, setting.did, "spread", both)
        const waits = Array.from({ length: 6 }, (_, index) => `waits${index}`)
        yield* Machines.inTool(program, setting.did, waits, 6_000)
        // one for each machine, or two for one: then that stands still twice, one after the other
        yield* program.flow.execute({ execution: "blocks", millis: 3_000, blocks: true }, { id: "blocks" })
        const ids = [...waits, "blocks"]
        for (const id of ids) yield* program.flow.result(id)
        assert.deepStrictEqual(yield* Machines.faults(setting.did, ids), [])
        assert.strictEqual(begins(setting.did, ids).length, ids.length, "a tool began twice")
      }).pipe(Effect.provide(client(setting)))
    }).pipe(Effect.scoped), 40_000)

  it.live(
    "two versions of a workflow on two runners: each execution goes where its version is, whoever has its shard",
    () =>
      Effect.gen(function*() {
        const setting = yield* Effect.promise(database)
        const older = { ...setting, version: "1" }
        const newer = { ...setting, version: "2" }
        const [first, second] = yield* Effect.all([boot(older), boot(newer)], { concurrency: 2 })
        yield* Effect.gen(function*() {
          for (const [version, machine] of [[older, first], [newer, second]] as const) {
            const { flow } = Machines.make(version)
            const ids = Array.from({ length: 8 }, (_, index) => `${version.version}-${index}`)
            const results = yield* Effect.forEach(
              ids,
              (id) => flow.execute({ execution: id, millis: 0, blocks: false }, { id }),
              { concurrency: "unbounded" }
            )
            assert.deepStrictEqual(new Set(results), new Set([`done by version ${version.version}`]))
            assert.isTrue(begins(setting.did, ids).every(({ pid }) => pid === machine.pid))
          }
        }).pipe(Effect.provide(client(setting)))
      }).pipe(Effect.scoped),
    40_000
  )

  it.live(
    "a runner that is asked to end gives what it has to the other one, which counts no crash",
    () =>
      Effect.gen(function*() {
        const setting = yield* Effect.promise(database)
        const [first, second] = yield* Effect.all([boot(setting), boot(setting)], { concurrency: 2 })
        const program = Machines.make(setting)
        yield* Effect.gen(function*() {
          yield* Machines.spread(program, setting.did, "spread", [first, second])
          const ids = Array.from({ length: 10 }, (_, index) => `e${index}`)
          yield* Machines.inTool(program, setting.did, ids, 3_000)
          const exit = once(first, "exit")
          first.kill("SIGTERM")
          assert.deepStrictEqual(yield* Effect.promise(() => exit), [0, null])
          for (const id of ids) yield* program.flow.result(id)
          assert.deepStrictEqual(yield* Machines.faults(setting.did, ids), [])
          for (const id of ids) {
            const events = yield* Effect.orDie((yield* Engine.Engine).journal.load(id))
            assert.isTrue(events.every(({ event }) => event._tag !== "Claimed" || event.crashed === undefined))
          }
        }).pipe(Effect.provide(client(setting)))
      }).pipe(Effect.scoped),
    40_000
  )
})
