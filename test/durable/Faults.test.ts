/**
 * What may go wrong around an execution, and has to end well.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Redacted, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { TestClock } from "effect/testing"
import { Engine, Execution, Pause, Task, Workflow } from "fluxion"
import { Postgres } from "fluxion/postgres"
import { Sqlite } from "fluxion/sqlite"
import { copyFileSync, existsSync, statSync, truncateSync } from "node:fs"
import * as PostgresServer from "../support/PostgresServer.ts"
import * as Processes from "../support/Processes.ts"

const file = Processes.files()

/** A workflow of so many steps, whose result tells of each; `ran` are those that were run. */
const steps = (count: number) => {
  const ran: Array<number> = []
  const work = Task.make("work", {
    payload: { item: Schema.Finite },
    success: Schema.Finite,
    run: ({ item }) =>
      Effect.suspend(() => {
        ran.push(item)
        return Effect.as(item % 10 === 0 ? Effect.sleep(2) : Effect.void, item * item)
      })
  })
  const flow = Workflow.make("flow", {
    payload: {},
    success: Schema.Finite,
    run: () =>
      Effect.map(
        Effect.forEach(Array.from({ length: count }, (_, item) => item), (item) => work({ item })),
        (all) => all.reduce((sum, value) => sum + value, 0)
      )
  })
  const result = Array.from({ length: count }, (_, item) => item * item).reduce((sum, value) => sum + value, 0)
  return { flow, ran, result }
}

const completed = (id: string) =>
  Effect.map(
    Effect.flatMap(Engine.Engine, ({ journal }) => journal.load(id)),
    (events) => events.filter(({ event }) => event._tag === "StepCompleted").length
  )

describe("a database", () => {
  it.live("that a newer version has brought further is left alone, and says so", () =>
    Effect.gen(function*() {
      const { flow } = steps(1)
      const filename = file()
      yield* Processes.on(filename, flow.layer, flow.execute({}))
      yield* Effect.flatMap(SqlClient.SqlClient, (sql) =>
        sql`insert into fluxion_migrations (migration_id, name) values (99, 'later')`)
        .pipe(Effect.provide(Sqlite.layer({ filename })))
      const exit = yield* Effect.exit(
        Effect.provide(Effect.void, Layer.provide(Layer.fresh(Engine.layerJournal), Sqlite.layer({ filename })))
      )
      assert.isTrue(Exit.isFailure(exit))
      assert.match(String(Exit.isFailure(exit) && exit.cause), /of version 99, this program knows \d.*update fluxion/)
    }))

  it.live(
    "whose write-ahead log was torn anywhere holds a beginning of the journal, and the execution goes on",
    () =>
      Effect.gen(function*() {
        const count = 60
        const torn: Array<string> = []
        const { flow, ran } = steps(count)
        const filename = file()
        yield* Processes.on(
          filename,
          flow.layer,
          Effect.gen(function*() {
            const fiber = yield* Effect.forkChild(flow.execute({}, { id: "a" }))
            // copies of what a crash may leave: cut at many places, some of them in the middle of a commit
            for (const at of [15, 35, 55]) {
              yield* Effect.repeat(Effect.sleep(1), { while: () => Effect.succeed(ran.length < at) })
              const wal = statSync(`${filename}-wal`).size
              for (const part of [0.35, 0.613, 0.87, 0.99, 1]) {
                const copy = file()
                copyFileSync(filename, copy)
                copyFileSync(`${filename}-wal`, `${copy}-wal`)
                truncateSync(`${copy}-wal`, Math.floor(wal * part))
                torn.push(copy)
              }
            }
            yield* Fiber.join(fiber)
          })
        )
        const prefixes = new Set<number>()
        for (const copy of torn) {
          const again = steps(count)
          const open = Effect.flatMap(
            SqlClient.SqlClient,
            (sql) =>
              sql<{ sequence: number }>`select sequence from fluxion_journal where execution = 'a' order by sequence`
          )
          const rows = yield* Effect.orElseSucceed(Effect.provide(open, Sqlite.layer({ filename: copy })), () => [])
          assert.deepStrictEqual(rows.map(({ sequence }) => sequence), rows.map((_, index) => index))
          prefixes.add(rows.length)
          const result = yield* Processes.on(
            copy,
            again.flow.layer,
            Effect.gen(function*() {
              const before = yield* completed("a")
              // torn before its first commit, there is none
              const sum = yield* again.flow.execute({}, { id: "a" })
              assert.strictEqual(again.ran.length, count - before, "what is recorded is not run again, the rest is")
              return sum
            })
          )
          assert.strictEqual(result, again.result)
        }
        assert.isAbove(prefixes.size, 4, "the log was torn at different places")
      }),
    60_000
  )

  it.live(
    "of PostgreSQL that is restarted in the middle: the execution goes on, and no completed step is run again",
    () =>
      Effect.gen(function*() {
        const server = yield* Effect.acquireRelease(
          Effect.promise(() => PostgresServer.start()),
          (server) => Effect.promise(() => server.stop())
        )
        const url = yield* Effect.promise(() => server.database("restarted"))
        const ran: Array<number> = []
        const work = Task.make("work", {
          payload: { item: Schema.Finite },
          success: Schema.Finite,
          run: ({ item }) => Effect.as(Effect.sync(() => ran.push(item)).pipe(Effect.delay(30)), item)
        })
        const flow = Workflow.make("flow", {
          payload: {},
          success: Schema.Finite,
          run: () =>
            Effect.map(
              Effect.forEach(Array.from({ length: 20 }, (_, item) => item), (item) => work({ item })),
              (all) => all.length
            )
        })
        const layer = Layer.orDie(flow.layer.pipe(
          Layer.provideMerge(Layer.fresh(Engine.layerJournal)),
          Layer.provide(Postgres.layer({ url: Redacted.make(url) }))
        ))
        yield* Effect.gen(function*() {
          const id = yield* flow.start({})
          yield* Effect.repeat(Effect.sleep(5), { while: () => Effect.succeed(ran.length < 5) })
          yield* Effect.promise(() => server.halt())
          const done = ran.slice(0, ran.length - 1)
          yield* Effect.promise(() => server.resume())
          yield* Effect.repeat(Effect.sleep(50), {
            while: () =>
              Effect.map(
                Effect.exit(Execution.get(id)),
                (exit) => !Exit.isSuccess(exit) || exit.value.state !== "completed"
              )
          })
          assert.strictEqual(yield* flow.result(id), 20)
          // the step that was under way may have been made again, and no other
          assert.deepStrictEqual(done.filter((item) => ran.filter((other) => other === item).length > 1), [])
          assert.isAtMost(ran.length, 22)
        }).pipe(Effect.provide(layer))
      }).pipe(Effect.scoped),
    60_000
  )
})

describe("an execution", () => {
  it.live(
    "of 50,000 steps ends, and another process goes on behind them without running one again",
    () =>
      Effect.gen(function*() {
        const count = 50_000
        let ran = 0
        const restart = Pause.make("restart", { input: Schema.Boolean })
        const work = Task.make("work", {
          payload: { item: Schema.Finite },
          success: Schema.Finite,
          run: ({ item }) => {
            ran++
            return item
          }
        })
        const flow = Workflow.make("flow", {
          payload: {},
          success: Schema.Finite,
          run: () =>
            Effect.gen(function*() {
              let sum = 0
              for (let item = 0; item < count; item++) sum += yield* work({ item })
              yield* restart(undefined)
              return sum
            })
        })
        const filename = file()
        yield* Processes.on(filename, flow.layer, Effect.andThen(flow.start({}, { id: "a" }), Execution.settled("a")))
        const sum = yield* Processes.on(
          filename,
          flow.layer,
          Effect.andThen(restart.resume("a", true), flow.result("a"))
        )
        assert.strictEqual(sum, count * (count - 1) / 2)
        assert.strictEqual(ran, count)
      }),
    120_000
  )

  it.live("with a payload of 100 MB runs, and keeps it once", () =>
    Effect.gen(function*() {
      const big = "0123456789abcdef".repeat(6_553_600)
      const echo = Task.make("echo", {
        payload: { size: Schema.Finite },
        success: Schema.Finite,
        run: ({ size }) => size
      })
      const flow = Workflow.make("flow", {
        payload: Schema.String,
        success: Schema.String,
        run: (text) => Effect.as(Effect.orDie(echo({ size: text.length })), text)
      })
      const filename = file()
      const size = yield* Processes.on(
        filename,
        flow.layer,
        Effect.map(flow.execute(big, { id: "a" }), (text) => text.length)
      )
      assert.strictEqual(size, big.length)
      const wal = existsSync(`${filename}-wal`) ? statSync(`${filename}-wal`).size : 0
      assert.isBelow(statSync(filename).size + wal, 1.5 * big.length)
    }), 120_000)

  it.effect("whose clock goes back sleeps as long as the clock says, and its journal stays in order", () => {
    const flow = Workflow.make("flow", {
      payload: {},
      success: Schema.Array(Schema.Finite),
      run: () =>
        Effect.gen(function*() {
          const before = yield* Workflow.now
          yield* Workflow.sleep("1 hour")
          return [before, yield* Workflow.now]
        })
    })
    const hour = 3_600_000
    return Effect.gen(function*() {
      yield* TestClock.setTime(10 * hour)
      const id = yield* flow.start({})
      const result = yield* Effect.forkChild(flow.result(id))
      yield* Effect.repeat(Effect.yieldNow, { times: 100 })
      yield* TestClock.setTime(8 * hour)
      yield* TestClock.setTime(10.5 * hour)
      assert.isUndefined(result.pollUnsafe())
      yield* TestClock.setTime(11 * hour)
      assert.deepStrictEqual(yield* Fiber.join(result), [10 * hour, 11 * hour])
      const { journal } = yield* Engine.Engine
      const events = yield* journal.load(id)
      assert.deepStrictEqual(events.map(({ sequence }) => sequence), events.map((_, index) => index))
    }).pipe(Effect.provide(Layer.provideMerge(flow.layer, Layer.fresh(Engine.layerMemory))))
  })

  it.live("that has ended takes no step any more: code that calls one is told so", () => {
    let late: Fiber.Fiber<unknown, unknown> | undefined
    const work = Task.make("work", { payload: {}, success: Schema.Void, run: () => {} })
    const flow = Workflow.make("flow", {
      payload: {},
      success: Schema.Void,
      run: () =>
        Effect.gen(function*() {
          yield* work({})
          late = yield* Effect.forkDetach(Effect.delay(work({}), 50))
        })
    })
    return Effect.gen(function*() {
      const id = yield* flow.start({})
      yield* flow.result(id)
      const exit = yield* Fiber.await(late!)
      assert.match(String(Exit.isFailure(exit) && exit.cause), /step work was called after its execution had ended/)
      assert.strictEqual(yield* completed(id), 1)
    }).pipe(Effect.provide(Layer.provideMerge(flow.layer, Layer.fresh(Engine.layerMemory))))
  })
})
