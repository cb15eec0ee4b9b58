/**
 * A task whose process died while it ran: run again, failed, or decided by somebody. And answers that are given again.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Engine, Execution, InDoubt, Journal, Owners, Task, Workflow } from "fluxion"

/** A process on a journal; it dies with its Layer, and nothing is given up. */
const process_ = (
  journal: Journal.Journal["Service"],
  name: string,
  workflow: Layer.Layer<never, any, Engine.Engine>
) =>
  Layer.provideMerge(Layer.orDie(workflow), Layer.fresh(Engine.layer())).pipe(
    Layer.provide(Layer.succeed(Journal.Journal, { ...journal, disown: () => Effect.void })),
    Layer.provide(Layer.succeed(Owners.Owners, {
      isShared: false,
      self: Effect.succeed(name),
      isAlive: (owner) => Effect.succeed(owner === name),
      changes: Stream.never,
      serve: () => Effect.void,
      ask: () => Stream.empty
    })),
    Layer.fresh
  )

const until = (check: () => boolean) => Effect.repeat(Effect.yieldNow, { while: () => Effect.succeed(!check()) })

/** A workflow whose payment never comes back the first time, and what it says of a doubt. */
const paying = (inDoubt: "rerun" | "fail" | "ask") => {
  let runs = 0
  const pay = Task.make("pay", {
    payload: { amount: Schema.Finite },
    success: Schema.String,
    inDoubt,
    run: () => ++runs === 1 ? Effect.never : Effect.succeed(`paid in run ${runs}`)
  })
  const flow = Workflow.make("flow", {
    payload: {},
    success: Schema.String,
    run: () => Effect.catch(pay({ amount: 3 }), (error) => Effect.succeed(error._tag))
  })
  return { flow, runs: () => runs }
}

describe("a task whose process died while it ran", () => {
  for (const inDoubt of ["rerun", "fail", "ask"] as const) {
    it.effect(`is dealt with as it says: ${inDoubt}`, () =>
      Effect.gen(function*() {
        const journal = yield* Journal.Journal
        const { flow, runs } = paying(inDoubt)
        yield* Effect.provide(
          Effect.andThen(flow.start({}, { id: "a" }), until(() => runs() === 1)),
          process_(journal, "first", flow.layer)
        )
        const events = yield* journal.load("a")
        const isDurable = events.some(({ event }) => event._tag === "StepStarted")
        assert.strictEqual(isDurable, inDoubt !== "rerun", "its start is durable before its body runs")
        yield* Effect.gen(function*() {
          if (inDoubt === "rerun") assert.strictEqual(yield* flow.result("a"), "paid in run 2")
          if (inDoubt === "fail") assert.strictEqual(yield* flow.result("a"), "TaskInDoubt")
          if (inDoubt === "ask") {
            const { pending } = yield* Execution.settled("a")
            const { waits } = pending[0]!
            assert.deepInclude(waits._tag === "Answer" ? waits.output : {}, { task: "pay", payload: { amount: 3 } })
            yield* InDoubt.decide.resume("a", "rerun")
            assert.strictEqual(yield* flow.result("a"), "paid in run 2")
          }
          assert.strictEqual(runs(), inDoubt === "fail" ? 1 : 2)
        }).pipe(Effect.provide(process_(journal, "second", flow.layer)))
      }).pipe(Effect.provide(Layer.fresh(Journal.layerMemory))))
  }
})

describe("a task whose process is stopped in good order while it runs", () => {
  for (const inDoubt of ["rerun", "fail", "ask"] as const) {
    it.effect(`is in as much doubt: ${inDoubt}`, () =>
      Effect.gen(function*() {
        const journal = yield* Journal.Journal
        const { flow, runs } = paying(inDoubt)
        const live = () =>
          Layer.provideMerge(Layer.orDie(flow.layer), Layer.fresh(Engine.layer())).pipe(
            Layer.provide(Layer.succeed(Journal.Journal, journal)),
            Layer.provide(Layer.fresh(Owners.layerAlone))
          )
        yield* Effect.provide(Effect.andThen(flow.start({}, { id: "a" }), until(() => runs() === 1)), live())
        yield* Effect.gen(function*() {
          if (inDoubt === "ask") {
            yield* Execution.settled("a")
            yield* InDoubt.decide.resume("a", "fail")
          }
          assert.strictEqual(yield* flow.result("a"), inDoubt === "rerun" ? "paid in run 2" : "TaskInDoubt")
          assert.strictEqual(runs(), inDoubt === "rerun" ? 2 : 1)
        }).pipe(Effect.provide(live()))
      }).pipe(Effect.provide(Layer.fresh(Journal.layerMemory))))
  }
})

describe("an execution that failed in doubt", () => {
  it.effect("runs the step again when somebody retries it, and is in doubt again when that one is cut off, too", () =>
    Effect.gen(function*() {
      const journal = yield* Journal.Journal
      let runs = 0
      const pay = Task.make("pay", {
        payload: {},
        success: Schema.String,
        inDoubt: "fail",
        run: () => ++runs < 3 ? Effect.never : Effect.succeed(`paid in run ${runs}`)
      })
      const flow = Workflow.make("flow", {
        payload: {},
        success: Schema.String,
        error: Task.TaskInDoubt,
        run: () => pay({})
      })
      const dead = process_(journal, "first", flow.layer)
      yield* Effect.provide(Effect.andThen(flow.start({}, { id: "a" }), until(() => runs === 1)), dead)
      const second = process_(journal, "second", flow.layer)
      yield* Effect.gen(function*() {
        assert.strictEqual((yield* Effect.flip(flow.result("a")))._tag, "TaskInDoubt")
        yield* Execution.retry("a")
        yield* until(() => runs === 2)
      }).pipe(Effect.provide(second))
      yield* Effect.gen(function*() {
        assert.strictEqual((yield* Effect.flip(flow.result("a")))._tag, "TaskInDoubt")
        yield* Execution.retry("a")
        assert.strictEqual(yield* flow.result("a"), "paid in run 3")
      }).pipe(Effect.provide(process_(journal, "third", flow.layer)))
    }).pipe(Effect.provide(Layer.fresh(Journal.layerMemory))))
})

describe("an execution in doubt", () => {
  it.effect("asks once, also when the process that is about to ask dies before it has", () =>
    Effect.gen(function*() {
      const journal = yield* Journal.Journal
      const { flow, runs } = paying("ask")
      const dead = process_(journal, "first", flow.layer)
      yield* Effect.provide(Effect.andThen(flow.start({}, { id: "a" }), until(() => runs() === 1)), dead)
      // it takes the execution over, and dies before it has recorded anything more
      const { length } = yield* journal.load("a")
      yield* journal.append("a", length, [{ _tag: "Claimed", owner: "second", epoch: 2, crashed: true }], {
        set: { owner: "second", epoch: 2 }
      })
      yield* Effect.gen(function*() {
        const { pending } = yield* Execution.settled("a")
        assert.strictEqual(pending.length, 1)
        yield* InDoubt.decide.resume("a", "rerun")
        assert.strictEqual(yield* flow.result("a"), "paid in run 2")
      }).pipe(Effect.provide(process_(journal, "third", flow.layer)))
    }).pipe(Effect.provide(Layer.fresh(Journal.layerMemory))), 5_000)
})

describe("a task with a cache", () => {
  it.effect("gives its answer again to other executions, for so long, by its key", () => {
    const ran: Array<string> = []
    const look = Task.make("look", {
      payload: { word: Schema.String },
      success: Schema.Date,
      cache: { key: ({ word }) => word.toLowerCase(), ttl: "1 hour" },
      run: ({ word }) => {
        ran.push(word)
        return new Date(ran.length)
      }
    })
    const flow = Workflow.make("flow", {
      payload: { word: Schema.String },
      success: Schema.Date,
      run: ({ word }) => look({ word })
    })
    return Effect.gen(function*() {
      assert.deepStrictEqual(yield* flow.execute({ word: "Bee" }), new Date(1))
      assert.deepStrictEqual(yield* flow.execute({ word: "bee" }), new Date(1))
      assert.deepStrictEqual(yield* flow.execute({ word: "ant" }), new Date(2))
      yield* TestClock.adjust("59 minutes")
      assert.deepStrictEqual(yield* flow.execute({ word: "BEE" }), new Date(1))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* flow.execute({ word: "bee" }), new Date(3))
      assert.deepStrictEqual(ran, ["Bee", "ant", "bee"])
    }).pipe(Effect.provide(Layer.provideMerge(flow.layer, Layer.fresh(Engine.layerMemory))))
  })
})
