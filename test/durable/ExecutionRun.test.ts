/**
 * A run on a real journal: what is recorded, what a next run does with it, and what a former owner may still do.
 */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Fiber, Layer, Scheduler, Schema } from "effect"
import { StepScope } from "fluxion"
import { Sqlite } from "fluxion/sqlite"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"
import { ExecutionLog } from "../../src/durable/internal/ExecutionLog.ts"
import { ExecutionRun } from "../../src/durable/internal/ExecutionRun.ts"
import { Idle } from "../../src/durable/internal/Idle.ts"
import * as Replay from "../../src/durable/internal/Replay.ts"
import * as Journal from "../../src/durable/Journal.ts"

const folder = mkdtempSync(join(tmpdir(), "fluxion-run-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let files = 0

const layers: { readonly [name: string]: Layer.Layer<Journal.Journal> } = {
  "in memory": Journal.layerMemory,
  "on SQLite": Layer.suspend(() =>
    Layer.orDie(Layer.provide(Journal.layerSql, Sqlite.layer({ filename: join(folder, `${files++}.db`) })))
  )
}

const schemas = { payloadSchema: Schema.String, error: Schema.Never as never }

/** Starts a run of `body` on what the journal holds. */
const start = Effect.fnUntraced(function*<A, E>(
  execution: string,
  body: Effect.Effect<A, E>,
  hooks: Partial<Pick<ExecutionRun, "onAwaited" | "onParked">> = {}
) {
  const journal = yield* Journal.Journal
  const events = yield* journal.load(execution)
  const idle = new Idle(new Scheduler.MixedScheduler())
  const replay = Replay.fromEvents(events.map(({ event }) => event))
  const log = new ExecutionLog(journal, execution, events.length)
  const failed = Deferred.makeUnsafe<string>()
  log.onFailed = (error) => Deferred.doneUnsafe(failed, Effect.succeed(error._tag))
  const run = new ExecutionRun(replay, log, idle, {
    id: execution,
    seed: execution,
    now: () => 0,
    recall: () => Effect.undefined
  })
  Object.assign(run, hooks)
  const fiber = Effect.runFork(
    Effect.onExit(Effect.provideService(body, StepScope.StepScope, run.scope()), () => Effect.sync(() => run.end())),
    { scheduler: idle }
  )
  return { failed, fiber, run }
})

const types = Effect.fnUntraced(function*(execution: string) {
  const journal = yield* Journal.Journal
  return (yield* journal.load(execution)).map(({ event }) => `${event._tag} ${"key" in event ? event.key : ""}`)
})

for (const [name, layer] of Object.entries(layers)) {
  describe(`a run on a journal ${name}`, () => {
    const on = <A, E>(effect: Effect.Effect<A, E, Journal.Journal>) => Effect.provide(effect, Layer.fresh(layer))

    it.effect("records each step, and answers the next run from the record, typed", () =>
      on(Effect.gen(function*() {
        const ran: Array<string> = []
        const step = (payload: string) =>
          StepScope.step(
            () => ({ name: "book", payload, ...schemas, success: Schema.Date }),
            Effect.sync(() => {
              ran.push(payload)
              return new Date(1_000)
            })
          )
        const body = Effect.all([step("a"), step("a"), step("b")])
        const [first] = yield* Fiber.join((yield* start("x", body)).fiber)
        assert.deepStrictEqual(first, new Date(1_000))
        assert.deepStrictEqual(ran, ["a", "a", "b"])
        const recorded = yield* types("x")
        assert.strictEqual(recorded.length, 6)
        assert.strictEqual(new Set(recorded.map((event) => event.split(" ")[1])).size, 3)

        const again = yield* Fiber.join((yield* start("x", body)).fiber)
        assert.deepStrictEqual(again, [new Date(1_000), new Date(1_000), new Date(1_000)])
        assert.deepStrictEqual(ran, ["a", "a", "b"])
        assert.deepStrictEqual(yield* types("x"), recorded)
      })))

    it.effect("records a failure and a defect as outcomes, and gives them again", () =>
      on(Effect.gen(function*() {
        let ran = 0
        const failing = StepScope.step(
          () => ({
            name: "pay",
            payload: "",
            payloadSchema: Schema.String,
            success: Schema.Void,
            error: Schema.String
          }),
          Effect.suspend(() => ++ran === 1 ? Effect.fail("no money") : Effect.die(new Error("ran again")))
        )
        const broken = StepScope.step(
          () => ({ name: "break", payload: "", ...schemas, success: Schema.Void }),
          Effect.die(new Error("a bug"))
        )
        const body = Effect.all([Effect.flip(failing), Effect.sandbox(broken).pipe(Effect.flip)])
        for (let run = 0; run < 2; run++) {
          const [failure, cause] = yield* Fiber.join((yield* start("x", body)).fiber)
          assert.strictEqual(failure, "no money")
          assert.include(Cause.pretty(cause), "a bug")
        }
        assert.strictEqual(ran, 1)
      })))

    it.effect("waits for an answer, says so when nothing else is left to do, and keeps it for later runs", () =>
      on(Effect.gen(function*() {
        const review = Effect.flatMap(StepScope.StepScope, (scope) =>
          scope!.wait({
            name: "review",
            payload: "",
            ...schemas,
            success: Schema.Struct({ approved: Schema.Boolean }),
            waits: () => Effect.succeed({ draft: "v1" })
          }))
        const isParked = Deferred.makeUnsafe<void>()
        const first = yield* start("x", review, { onParked: () => Deferred.doneUnsafe(isParked, Effect.void) })
        yield* Deferred.await(isParked)
        const parked = first.run.awaited
        assert.deepStrictEqual(parked.map(({ name, waits }) => ({ name, waits })), [
          { name: "review", waits: { draft: "v1" } }
        ])
        first.run.stop()
        yield* Fiber.interrupt(first.fiber)

        const isAwaited = Deferred.makeUnsafe<string>()
        const second = yield* start("x", review, {
          onAwaited: ({ key }) => Deferred.doneUnsafe(isAwaited, Effect.succeed(key))
        })
        const key = yield* Deferred.await(isAwaited)
        const answer = (approved: unknown) => second.run.answer(key, { _tag: "Success", value: { approved } })
        assert.strictEqual(yield* answer("yes"), "refused")
        assert.strictEqual(yield* answer(true), "answered")
        assert.strictEqual(yield* answer(false), "unknown")
        assert.deepStrictEqual(yield* Fiber.join(second.fiber), { approved: true })
        assert.deepStrictEqual(yield* Fiber.join((yield* start("x", review)).fiber), { approved: true })
        assert.deepStrictEqual(yield* types("x"), [`StepAwaited ${key}`, `StepCompleted ${key}`])
      })))

    it.effect("reports no step done for an owner whose execution was taken over", () =>
      on(Effect.gen(function*() {
        const journal = yield* Journal.Journal
        const body = StepScope.step(
          () => ({ name: "late", payload: "", ...schemas, success: Schema.Void }),
          Effect.void
        )
        const { failed, fiber } = yield* start(
          "x",
          Effect.andThen(Effect.orDie(journal.append("x", 0, [{ _tag: "Claimed", owner: "other", epoch: 2 }])), body)
        )
        assert.strictEqual(yield* Deferred.await(failed), "Fenced")
        assert.isUndefined(fiber.pollUnsafe())
        assert.deepStrictEqual(yield* types("x"), ["Claimed "])
      })))

    it.effect("tells code that calls a step after its end", () =>
      on(Effect.gen(function*() {
        const step = StepScope.step(
          () => ({ name: "late", payload: "", ...schemas, success: Schema.Void }),
          Effect.void
        )
        const { fiber } = yield* start("x", Effect.context())
        const context = yield* Fiber.join(fiber)
        const exit = yield* Effect.exit(Effect.provideContext(step, context))
        assert.include(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "", "step late was called after its execution")
      })))
  })
}
