/**
 * P21: a database that is full or locked. No step is reported done that is not, and nothing is lost when the fault is gone.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { Engine, Execution, Owners, Task, Workflow } from "fluxion"
import { Sqlite } from "fluxion/sqlite"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { afterAll } from "vitest"

const folder = mkdtempSync(join(tmpdir(), "fluxion-p21-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let files = 0

const make = () => {
  const ran: Array<number> = []
  const work = Task.make("work", {
    payload: { item: Schema.Finite },
    success: Schema.String,
    run: ({ item }) => {
      ran.push(item)
      return Effect.as(Effect.sleep(20), "x".repeat(20_000))
    }
  })
  const flow = Workflow.make("flow", {
    payload: { note: Schema.String },
    success: Schema.Finite,
    run: () =>
      Effect.map(
        Effect.forEach([1, 2, 3, 4, 5, 6], (item) => work({ item })),
        (texts) => texts.reduce((sum, text) => sum + text.length, 0)
      )
  })
  const filename = join(folder, `${files++}.db`)
  const layer = flow.layer.pipe(
    Layer.provideMerge(Layer.fresh(Engine.layerJournal)),
    Layer.provideMerge(Layer.fresh(Sqlite.layer({ filename, busyTimeout: "50 millis" })))
  )
  return {
    ran,
    flow,
    filename,
    layer: Layer.orDie(layer) as Layer.Layer<Engine.Engine | SqlClient.SqlClient | Owners.Owners>
  }
}

/** Every step is recorded, and no event is missing. */
const isWhole = (id: string) =>
  Effect.flatMap(Engine.Engine, ({ journal }) =>
    Effect.map(journal.load(id), (events) => {
      assert.deepStrictEqual(events.map(({ sequence }) => sequence), events.map((_, index) => index))
      assert.strictEqual(events.filter(({ event }) => event._tag === "StepCompleted").length, 6)
    }))

describe("P21: a full disk or a locked database loses nothing, and no step is reported done that is not recorded", () => {
  it.live("a full disk stops it between two steps, and it goes on when there is room", () => {
    const { flow, layer, ran } = make()
    return Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      const { journal } = yield* Engine.Engine
      const [{ page_count: pages }] = (yield* sql<{ page_count: number }>`PRAGMA page_count`) as [
        { page_count: number }
      ]
      // room for two steps or three
      yield* sql`PRAGMA max_page_count = ${sql.literal(String(pages + 14))}`
      const result = yield* Effect.forkChild(flow.execute({ note: "" }, { id: "a" }))
      const done = Effect.map(
        journal.load("a"),
        (events) => events.filter(({ event }) => event._tag === "StepCompleted").length
      )
      // every second it tries again, and runs the step that could not be recorded
      yield* Effect.repeat(Effect.sleep(20), { until: () => Effect.map(done, (done) => ran.length >= done + 2) })
      assert.isUndefined(result.pollUnsafe())
      const recorded = yield* done
      assert.isAtLeast(recorded, 1)
      assert.isBelow(recorded, 6)
      const error = yield* Effect.flip(flow.start({ note: "y".repeat(200_000) }, { id: "b" }))
      assert.strictEqual(error._tag, "JournalUnavailable")
      yield* sql`PRAGMA max_page_count = 100000`
      assert.strictEqual(yield* Fiber.join(result), 120_000)
      // those that were recorded ran once
      for (let item = 1; item <= recorded; item++) assert.strictEqual(ran.filter((other) => other === item).length, 1)
      assert.strictEqual((yield* Execution.get("a")).state, "completed")
      yield* isWhole("a")
    }).pipe(Effect.provide(layer))
  }, 30_000)

  it.live("a database that another process has locked is waited for, and nothing is lost", () => {
    const { filename, flow, layer, ran } = make()
    return Effect.gen(function*() {
      yield* flow.execute({ note: "" }, { id: "before" })
      const other = new DatabaseSync(filename)
      other.exec("BEGIN IMMEDIATE")
      const error = yield* Effect.flip(flow.start({ note: "" }, { id: "a" }))
      assert.strictEqual(error._tag, "JournalUnavailable")
      assert.include(error.message, "locked")
      other.exec("ROLLBACK")
      ran.length = 0
      const result = yield* Effect.forkChild(flow.execute({ note: "" }, { id: "a" }))
      yield* Effect.repeat(Effect.sleep(1), { while: () => Effect.succeed(ran.length === 0) })
      other.exec("BEGIN IMMEDIATE")
      yield* Effect.sleep(300)
      assert.isUndefined(result.pollUnsafe())
      other.exec("ROLLBACK")
      other.close()
      assert.strictEqual(yield* Fiber.join(result), 120_000)
      yield* isWhole("a")
    }).pipe(Effect.provide(layer))
  }, 30_000)

  it.live(
    "a database that is deleted or replaced while it is open: nothing more is reported done, and whoever asks is told",
    () =>
      Effect.gen(function*() {
        for (const isReplaced of [false, true]) {
          const { filename, flow, layer, ran } = make()
          yield* Effect.gen(function*() {
            const id = yield* flow.start({ note: "" })
            const fiber = yield* Effect.forkChild(flow.result(id))
            yield* Effect.repeat(Effect.sleep(1), { while: () => Effect.succeed(ran.length < 2) })
            rmSync(filename)
            if (isReplaced) writeFileSync(filename, "")
            yield* Effect.sleep(60)
            const error = yield* Effect.flip(flow.start({ note: "" }))
            assert.strictEqual(error._tag, "JournalUnavailable")
            assert.match(
              String(error),
              isReplaced ? /was replaced while this process/ : /was deleted while this process/
            )
            const before = ran.length
            yield* Effect.sleep(100)
            assert.strictEqual(ran.length, before, "no step begins that cannot be recorded")
            const exit = yield* Effect.exit(Fiber.join(fiber).pipe(Effect.timeout(1_000)))
            assert.isTrue(Exit.isFailure(exit))
          }).pipe(Effect.provide(layer), Effect.timeout(10_000))
        }
      }),
    30_000
  )
})
