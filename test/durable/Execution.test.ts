/**
 * What is done to executions from outside at the wrong moment: answered late, retried with children, cancelled while
 * nobody has them.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Option, Schedule, Schema, Stream } from "effect"
import { Engine, Execution, type Journal, Pause, Task, Workflow } from "fluxion"
import { Sqlite } from "fluxion/sqlite"

const engines = [
  ["memory", Layer.fresh(Engine.layerMemory)],
  ["SQLite", Layer.provide(Layer.fresh(Engine.layerJournal), Layer.fresh(Sqlite.layer({ filename: ":memory:" })))]
] as const

/** Waits until an execution is in a state. */
const reached = (id: string, ...wanted: ReadonlyArray<Journal.State>) =>
  Effect.flatMap(Engine.Engine, ({ journal, watch }) =>
    watch(
      id,
      "state",
      Effect.map(journal.entry(id), (entry) =>
        entry !== undefined && wanted.includes(entry.state) ? Option.some(entry) : Option.none())
    ))

const ask = Pause.make("ask", { input: Schema.String })

describe.each(engines)("an execution on %s", (_name, engine) => {
  const on =
    (...flows: ReadonlyArray<Workflow.Workflow<any, any, any, any, any>>) =>
    <A, E, R>(effect: Effect.Effect<A, E, R>) =>
      Effect.provide(
        effect,
        flows.reduce<Layer.Layer<any, any, any>>((all, { layer }) => Layer.provideMerge(layer as any, all), engine)
      ) as Effect.Effect<A, E>

  it.live("tells who waits for it that its child has paused, however late", () => {
    const open = Deferred.makeUnsafe<void>()
    const slow = Task.make("slow", { payload: {}, success: Schema.Void, run: () => Deferred.await(open) })
    const inner = Workflow.make("inner", {
      payload: {},
      success: Schema.String,
      run: () => Effect.andThen(slow({}), ask(undefined))
    })
    const middle = Workflow.make("middle", {
      payload: {},
      success: Schema.String,
      run: () => Effect.orDie(inner({}))
    })
    const outer = Workflow.make("outer", {
      payload: {},
      success: Schema.String,
      run: () => Effect.orDie(middle({}))
    })
    return on(outer, middle, inner)(Effect.gen(function*() {
      const id = yield* outer.start({})
      const first = yield* Effect.forkChild(Execution.settled(id, { at: "first" }))
      const all = yield* Effect.forkChild(Execution.settled(id))
      const events = yield* Effect.forkChild(Stream.runDrain(Execution.events(id, { until: "pause" })))
      yield* reached(id, "waiting")
      yield* Deferred.succeed(open, undefined)
      const { pending } = yield* Fiber.join(first)
      assert.deepStrictEqual(pending.map(({ name }) => name), ["ask"])
      assert.deepStrictEqual((yield* Fiber.join(all)).pending, pending)
      yield* Fiber.join(events)
      yield* ask.resume(pending[0]!.execution, "yes")
      assert.strictEqual(yield* outer.result(id), "yes")
    }))
  }, 3_000)

  it.live("asks again when it is retried after a pause that nobody had answered", () => {
    const flow = Workflow.make("flow", {
      payload: {},
      success: Schema.String,
      error: Schema.Any,
      run: () => ask(undefined, { timeout: "20 millis" })
    })
    return on(flow)(Effect.gen(function*() {
      const id = yield* flow.start({})
      yield* reached(id, "failed")
      yield* Execution.retry(id)
      yield* reached(id, "paused", "running")
      // its time passes again
      yield* reached(id, "failed")
    }))
  }, 3_000)

  it.live("retries the child that it failed by", () => {
    const calls: Array<string> = []
    const before = Task.make("before", { payload: {}, success: Schema.Void, run: () => void calls.push("before") })
    const flaky = Task.make("flaky", {
      payload: {},
      success: Schema.String,
      error: Schema.String,
      run: () => {
        calls.push("flaky")
        return calls.length > 2 ? Effect.succeed("done") : Effect.fail("no")
      }
    })
    const inner = Workflow.make("inner", {
      payload: {},
      success: Schema.String,
      error: Schema.String,
      run: () => Effect.andThen(before({}), flaky({}))
    })
    const outer = Workflow.make("outer", {
      payload: {},
      success: Schema.String,
      error: Schema.Any,
      run: () => inner({})
    })
    return on(outer, inner)(Effect.gen(function*() {
      const id = yield* outer.start({})
      yield* reached(id, "failed")
      yield* Execution.retry(id)
      assert.strictEqual(yield* outer.result(id), "done")
      assert.deepStrictEqual(calls, ["before", "flaky", "flaky"])
    }))
  }, 3_000)

  it.live("goes on, when it is retried, also with what was interrupted by the step that failed", () => {
    const ran: Array<string> = []
    const step = Task.make("step", {
      payload: { name: Schema.String },
      success: Schema.String,
      error: Schema.String,
      run: ({ name }) =>
        Effect.suspend(() => {
          ran.push(name)
          if (name === "b" && ran.length === 2) return Effect.fail("no")
          return name === "a" && ran.length < 3 ? Effect.never : Effect.succeed(name)
        })
    })
    const flow = Workflow.make("flow", {
      payload: {},
      success: Schema.Array(Schema.String),
      error: Schema.Any,
      run: () => Effect.all([step({ name: "a" }), step({ name: "b" }), ask(undefined)], { concurrency: "unbounded" })
    })
    return on(flow)(Effect.gen(function*() {
      const id = yield* flow.start({})
      yield* reached(id, "failed")
      yield* Execution.retry(id)
      yield* reached(id, "paused")
      yield* ask.resume(id, "c")
      assert.deepStrictEqual(yield* flow.result(id), ["a", "b", "c"])
      assert.deepStrictEqual(ran, ["a", "b", "a", "b"])
    }))
  }, 3_000)

  it.live("fails again when it is retried, and its child was cancelled", () => {
    const inner = Workflow.make("inner", { payload: {}, success: Schema.String, run: () => ask(undefined) })
    const outer = Workflow.make("outer", {
      payload: {},
      success: Schema.String,
      error: Schema.Any,
      run: () => inner({})
    })
    return on(outer, inner)(Effect.gen(function*() {
      const id = yield* outer.start({})
      const { pending: [child] } = yield* Execution.settled(id)
      yield* Execution.cancel(child!.execution)
      yield* reached(id, "failed")
      yield* Execution.retry(id)
      const error = yield* Effect.flip(outer.result(id))
      assert.strictEqual((error as Workflow.ExecutionCancelled)._tag, "ExecutionCancelled")
    }))
  }, 3_000)

  it.live("runs nothing of its own when it was cancelled before anybody had it", () => {
    const ran: Array<boolean> = []
    const step = Task.make("step", {
      payload: { hard: Schema.Boolean },
      success: Schema.Void,
      run: ({ hard }) => void ran.push(hard)
    })
    const flow = Workflow.make("flow", { payload: { hard: Schema.Boolean }, success: Schema.Void, run: step })
    return on()(Effect.gen(function*() {
      for (const hard of [true, false]) {
        yield* flow.start({ hard }, { id: `${hard}` })
        yield* Execution.cancel(`${hard}`, { hard })
      }
      yield* Effect.provide(
        Effect.andThen(reached("true", "cancelled", "completed"), reached("false", "cancelled", "completed")),
        flow.layer
      )
      assert.deepStrictEqual(ran, [])
      assert.strictEqual((yield* Execution.get("true")).state, "cancelled")
      assert.strictEqual((yield* Execution.get("false")).state, "cancelled")
    }))
  }, 3_000)

  it.live("does not list a pause any more that lost a race, while it goes on with something else", () => {
    const open = Deferred.makeUnsafe<void>()
    let hasBegun = false
    const slow = Task.make("slow", {
      payload: {},
      success: Schema.Void,
      run: () => {
        hasBegun = true
        return Deferred.await(open)
      }
    })
    const flow = Workflow.make("flow", {
      payload: {},
      success: Schema.Void,
      run: () => Effect.andThen(Workflow.timeout(ask(undefined), "50 millis"), slow({}))
    })
    return on(flow)(Effect.gen(function*() {
      const id = yield* flow.start({})
      const info = yield* Effect.repeat(Execution.get(id), {
        schedule: Schedule.spaced("20 millis"),
        until: ({ waits }) => hasBegun && waits.length === 0
      })
      assert.strictEqual(info.state, "running")
      assert.strictEqual((yield* Effect.flip(ask.resume(id, "late")))._tag, "AlreadyResumed")
      yield* Deferred.succeed(open, undefined)
      yield* flow.result(id)
    }))
  }, 3_000)

  it.live("that is parked is cancelled without its code, and what it did is undone", () => {
    const undone: Array<string> = []
    const buy = Task.make("buy", {
      payload: {},
      success: Schema.String,
      run: () => "bought",
      rollback: () => Effect.sync(() => void undone.push("buy"))
    })
    const flow = Workflow.make("flow", {
      payload: {},
      success: Schema.String,
      run: () => Effect.andThen(buy({}), ask(undefined))
    })
    return on(flow)(Effect.gen(function*() {
      const { journal } = yield* Engine.Engine
      for (const hard of [false, true]) {
        const id = yield* flow.start({})
        yield* reached(id, "paused")
        const { length } = yield* Effect.orDie(journal.load(id))
        yield* journal.append(id, length, [{ _tag: "ExecutionParked", problem: "no" }], {
          set: { state: "parked", owner: null, problem: "no", waits: [] }
        })
        yield* Execution.cancel(id, { hard })
        yield* reached(id, "cancelled")
      }
      assert.deepStrictEqual(undone, ["buy", "buy"])
    }))
  }, 3_000)

  it.live("that was parked while it was undone goes on with that when it is retried", () => {
    const undone: Array<string> = []
    const flow = Workflow.make("flow", { payload: {}, success: Schema.String, run: () => ask(undefined) })
    const buy = Task.make("buy_once", {
      payload: {},
      success: Schema.String,
      run: () => "bought",
      rollback: () => Effect.sync(() => void undone.push("buy"))
    })
    assert.strictEqual(buy.name, "buy_once")
    return on(flow)(Effect.gen(function*() {
      const { journal } = yield* Engine.Engine
      const id = yield* flow.start({})
      yield* reached(id, "paused")
      const { length } = yield* Effect.orDie(journal.load(id))
      yield* journal.append(id, length, [
        { _tag: "StepStarted", key: "/buy_once:1", name: "buy_once", payload: {}, rollback: true },
        { _tag: "StepCompleted", key: "/buy_once:1", exit: { _tag: "Success", value: "bought" } },
        { _tag: "RollbackStarted", exit: { _tag: "Failure", cause: [{ _tag: "Die", defect: "no" }] } },
        { _tag: "ExecutionParked", problem: "no" }
      ], { set: { state: "parked", owner: null, problem: "no", waits: [] } })
      yield* Execution.retry(id)
      yield* reached(id, "failed")
      assert.deepStrictEqual(undone, ["buy"])
      assert.strictEqual((yield* Effect.flip(Execution.retry(id)))._tag, "ExecutionState")
    }))
  }, 3_000)

  it.live("that is parked is deleted", () => {
    const flow = Workflow.make("flow", { payload: {}, success: Schema.String, run: () => ask(undefined) })
    return on(flow)(Effect.gen(function*() {
      const { journal } = yield* Engine.Engine
      const id = yield* flow.start({})
      yield* reached(id, "paused")
      assert.strictEqual((yield* Effect.flip(Execution.delete(id)))._tag, "ExecutionState")
      yield* journal.append(id, 0, [], { set: { state: "parked" } })
      yield* Execution.delete(id)
      assert.strictEqual((yield* Effect.flip(Execution.get(id)))._tag, "ExecutionNotFound")
    }))
  }, 3_000)
})
