/**
 * Workflows on an engine, in memory and on SQLite: started, waited for, paused, slept, cancelled, undone, retried.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Option, Schedule, Schema, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Engine, Execution, Owners, Pause, Task, Workflow } from "fluxion"
import { Sqlite } from "fluxion/sqlite"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"

const folder = mkdtempSync(join(tmpdir(), "fluxion-workflow-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let files = 0

const onSqlite = () =>
  Layer.orDie(Layer.provide(
    Engine.layerJournal,
    Layer.merge(Sqlite.layer({ filename: join(folder, `${files++}.db`) }), Owners.layerAlone)
  ))

const layers: { readonly [name: string]: () => Layer.Layer<Engine.Engine> } = {
  "in memory": () => Engine.layerMemory,
  "on SQLite": onSqlite
}

/** A task that counts its runs. */
const counted = (name: string) => {
  const ran: Array<string> = []
  const task = Task.make(name, {
    payload: { item: Schema.String },
    success: Schema.String,
    run: ({ item }) => {
      ran.push(item)
      return `${name} ${item}`
    }
  })
  return { ran, task }
}

const Decision = Schema.Struct({ approved: Schema.Boolean, at: Schema.Date })

for (const [name, layer] of Object.entries(layers)) {
  describe(`a workflow on an engine ${name}`, () => {
    const on = <A, E, R>(
      workflows: ReadonlyArray<Layer.Layer<never, any, Engine.Engine>>,
      effect: Effect.Effect<A, E, R>
    ) =>
      Effect.provide(
        effect,
        workflows.reduce<Layer.Layer<Engine.Engine>>(
          (all, workflow) => Layer.provideMerge(Layer.orDie(workflow), all) as Layer.Layer<Engine.Engine>,
          Layer.fresh(layer())
        )
      )

    it.effect("runs, gives its result, and is not run again under the same id", () => {
      const { ran, task } = counted("book")
      const trip = Workflow.make("trip", {
        payload: { city: Schema.String },
        success: Schema.Array(Schema.String),
        run: ({ city }) =>
          Effect.all([task({ item: `flight ${city}` }), task({ item: `hotel ${city}` })], { concurrency: 2 })
      })
      return on(
        [trip.layer],
        Effect.gen(function*() {
          const result = yield* trip.execute({ city: "Rome" }, { id: "rome" })
          assert.deepStrictEqual(result, ["book flight Rome", "book hotel Rome"])
          assert.deepStrictEqual(yield* trip.execute({ city: "Rome" }, { id: "rome" }), result)
          assert.deepStrictEqual(ran, ["flight Rome", "hotel Rome"])
          const info = yield* Execution.get("rome")
          assert.deepInclude(info, { id: "rome", workflow: "trip", version: "1", state: "completed", waits: [] })
        })
      )
    })

    it.effect("gives the attempts at a step one idempotency key, which no other step and no other execution has", () => {
      const keys: Array<string> = []
      const pay = Task.make("pay", {
        payload: { euros: Schema.Finite },
        success: Schema.Void,
        error: Schema.String,
        retry: Schedule.recurs(1),
        run: (_, { attempt, idempotencyKey }) => {
          keys.push(idempotencyKey)
          return attempt === 1 ? Effect.fail("busy") : Effect.void
        }
      })
      const fields = { payload: {}, success: Schema.Void, error: Schema.String, run: () => pay({ euros: 10 }) }
      const child = Workflow.make("child", fields)
      const order = Workflow.make("order", {
        ...fields,
        run: () => Effect.orDie(Effect.andThen(Effect.andThen(pay({ euros: 10 }), pay({ euros: 10 })), child({})))
      })
      return on(
        [child.layer, order.layer],
        Effect.gen(function*() {
          yield* order.execute({}, { id: "a" })
          yield* order.execute({}, { id: "b" })
          assert.strictEqual(keys.length, 12)
          assert.strictEqual(new Set(keys).size, 6)
          for (let index = 0; index < keys.length; index += 2) assert.strictEqual(keys[index], keys[index + 1])
          assert.isTrue(keys[0]!.startsWith("a/pay:"))
        })
      )
    })

    it.effect("fails with its own error, typed", () => {
      class SoldOut extends Schema.TaggedError<SoldOut>()("SoldOut", { when: Schema.Date }) {}
      const trip = Workflow.make("trip", {
        payload: {},
        success: Schema.Void,
        error: SoldOut,
        run: () => Effect.fail(new SoldOut({ when: new Date(5) }))
      })
      return on(
        [trip.layer],
        Effect.gen(function*() {
          const error = yield* Effect.flip(trip.execute({}))
          assert.strictEqual(error._tag, "SoldOut")
          assert.deepStrictEqual((error as SoldOut).when, new Date(5))
        })
      )
    })

    it.effect("pauses, holds nothing, says what it waits for, and goes on with the first answer", () => {
      const { ran, task } = counted("write")
      const review = Pause.make("review", { output: Schema.Struct({ draft: Schema.String }), input: Decision })
      const article = Workflow.make("article", {
        payload: { topic: Schema.String },
        success: Schema.String,
        run: ({ topic }) =>
          Effect.gen(function*() {
            const draft = yield* task({ item: topic })
            const { approved, at } = yield* review({ draft })
            return `${draft} ${approved} ${at.toISOString()}`
          })
      })
      return on(
        [article.layer],
        Effect.gen(function*() {
          const id = yield* article.start({ topic: "bees" })
          const { exit, info, pending } = yield* Execution.settled(id)
          assert.isTrue(Option.isNone(exit))
          assert.strictEqual(info.state, "paused")
          assert.strictEqual(info.owner, null)
          assert.strictEqual(pending.length, 1)
          const { waits } = pending[0]!
          assert.deepInclude(waits, { _tag: "Answer", output: { draft: "write bees" } })
          assert.deepNestedInclude(waits, { "input.properties.approved.type": "boolean" })

          const wrong = yield* Effect.flip(review.resume(id, { approved: "yes" } as never))
          assert.strictEqual(wrong._tag, "InputInvalid")
          // the same as JSON, for those who do not have the pause
          const json = yield* Effect.flip(Execution.resume(id, { approved: "yes" }))
          assert.strictEqual(json._tag, "InputInvalid")
          assert.include(json.message, `at ["approved"]`)
          assert.include(json.message, `at ["at"]`)
          const nobody = yield* Effect.flip(Execution.resume(id, {}, { pause: "nobody" }))
          assert.strictEqual(nobody._tag, "NotPaused")
          yield* review.resume(id, { approved: true, at: new Date(7) })
          assert.strictEqual(yield* article.result(id), "write bees true 1970-01-01T00:00:00.007Z")
          assert.deepStrictEqual(ran, ["bees"])
          const late = yield* Effect.flip(review.resume(id, { approved: false, at: new Date(8) }))
          assert.strictEqual(late._tag, "AlreadyResumed")
          assert.strictEqual(
            (yield* Effect.flip(review.resume("none", { approved: true, at: new Date(7) })))._tag,
            "ExecutionNotFound"
          )
        })
      )
    })

    it.effect("gives a pause up when its time is over", () => {
      const review = Pause.make("review", { input: Decision })
      const article = Workflow.make("article", {
        payload: {},
        success: Schema.String,
        run: () =>
          Effect.match(review(undefined, { timeout: "2 days" }), {
            onSuccess: () => "answered",
            onFailure: (error) => error._tag
          })
      })
      return on(
        [article.layer],
        Effect.gen(function*() {
          const id = yield* article.start({})
          yield* Execution.settled(id)
          const result = yield* Effect.forkChild(article.result(id))
          yield* TestClock.adjust("2 days")
          assert.strictEqual(yield* Fiber.join(result), "PauseTimedOut")
          const late = yield* Effect.flip(review.resume(id, { approved: true, at: new Date(7) }))
          assert.strictEqual(late._tag, "AlreadyResumed")
        })
      )
    })

    it.effect("sleeps without being in memory, and wakes by itself", () => {
      const { ran, task } = counted("send")
      const reminder = Workflow.make("reminder", {
        payload: {},
        success: Schema.Number,
        run: () =>
          Effect.gen(function*() {
            const before = yield* Workflow.now
            yield* task({ item: "first" })
            yield* Workflow.sleep("30 days")
            yield* task({ item: "second" })
            return (yield* Workflow.now) - before
          })
      })
      return on(
        [reminder.layer],
        Effect.gen(function*() {
          const id = yield* reminder.start({})
          const { journal, watch } = yield* Engine.Engine
          const entry = yield* watch(
            id,
            "event",
            Effect.map(journal.entry(id), (entry) => entry?.state === "sleeping" ? Option.some(entry) : Option.none())
          )
          assert.strictEqual(entry.owner, null)
          assert.deepStrictEqual(ran, ["first"])
          const result = yield* Effect.forkChild(reminder.result(id))
          yield* TestClock.adjust("30 days")
          assert.strictEqual(yield* Fiber.join(result), 30 * 24 * 60 * 60 * 1000)
          assert.deepStrictEqual(ran, ["first", "second"])
        })
      )
    })

    it.effect("runs a child as an execution of its own, and says what a child waits for", () => {
      const review = Pause.make("review", { output: Schema.String, input: Decision })
      const inner = Workflow.make("inner", {
        payload: { topic: Schema.String },
        success: Schema.Date,
        run: ({ topic }) => Effect.map(review(topic), ({ at }) => at)
      })
      const outer = Workflow.make("outer", {
        payload: {},
        success: Schema.Array(Schema.Date),
        error: Workflow.ExecutionCancelled,
        run: () => Effect.all([inner({ topic: "a" }), inner({ topic: "b" })], { concurrency: "unbounded" })
      })
      return on(
        [outer.layer, inner.layer],
        Effect.gen(function*() {
          const id = yield* outer.start({})
          yield* Effect.repeat(Effect.yieldNow, { times: 10 })
          for (let index = 0; index < 2; index++) {
            const { pending } = yield* Execution.settled(id, { at: "first" })
            const { execution, waits } = pending[0]!
            assert.notStrictEqual(execution, id)
            const output = waits._tag === "Answer" ? waits.output : undefined
            yield* review.resume(execution, { approved: true, at: new Date(output === "a" ? 1 : 2) })
            yield* inner.result(execution)
          }
          assert.deepStrictEqual(yield* outer.result(id), [new Date(1), new Date(2)])
          const { executions } = yield* Execution.list({ workflow: "inner", states: ["completed"] })
          assert.strictEqual(executions.length, 2)
        })
      )
    })

    it.effect("undoes what it did, the last first, also what steps within steps did, and once", () => {
      const undone: Array<string> = []
      const book = (name: string) =>
        Task.make(name, {
          payload: { item: Schema.String },
          success: Schema.String,
          rollback: ({ item }, exit) => {
            undone.push(`${name} ${item} ${Exit.isSuccess(exit) ? exit.value : "?"}`)
          },
          run: ({ item }) => `booked ${item}`
        })
      const flight = book("flight")
      const hotel = book("hotel")
      const both = Task.make("both", {
        payload: {},
        success: Schema.String,
        run: () => Effect.orDie(Effect.andThen(flight({ item: "a" }), hotel({ item: "b" })))
      })
      const review = Pause.make("review", { input: Schema.Boolean })
      const trip = Workflow.make("trip", {
        payload: {},
        success: Schema.Void,
        error: Schema.String,
        run: () =>
          Effect.gen(function*() {
            yield* both({})
            yield* Effect.orDie(flight({ item: "c" }))
            if (!(yield* review(undefined))) return yield* Effect.fail("not approved")
          })
      })
      return on(
        [trip.layer],
        Effect.gen(function*() {
          const id = yield* trip.start({})
          yield* Execution.settled(id)
          yield* review.resume(id, false)
          assert.strictEqual(yield* Effect.flip(trip.result(id)), "not approved")
          const all = ["flight c booked c", "hotel b booked b", "flight a booked a"]
          assert.deepStrictEqual(undone, all)
          assert.strictEqual((yield* Effect.flip(Execution.retry(id)))._tag, "ExecutionState")

          const second = yield* trip.start({})
          yield* Execution.settled(second)
          yield* Execution.cancel(second)
          const error = yield* Effect.flip(trip.result(second))
          assert.strictEqual((error as { _tag?: string })._tag, "ExecutionCancelled")
          assert.deepStrictEqual(undone, [...all, ...all])
          assert.strictEqual((yield* Execution.get(second)).state, "cancelled")
        })
      )
    })

    it.effect("is retried from the step that failed", () => {
      let isBroken = true
      const { ran, task } = counted("load")
      const charge = Task.make("charge", {
        payload: {},
        success: Schema.String,
        error: Schema.String,
        run: () => isBroken ? Effect.fail("declined") : Effect.succeed("paid")
      })
      const order = Workflow.make("order", {
        payload: {},
        success: Schema.String,
        error: Schema.String,
        run: () => Effect.andThen(task({ item: "cart" }), charge({}))
      })
      return on(
        [order.layer],
        Effect.gen(function*() {
          const id = yield* order.start({})
          assert.strictEqual(yield* Effect.flip(order.result(id)), "declined")
          isBroken = false
          yield* Execution.retry(id)
          assert.strictEqual(yield* order.result(id), "paid")
          assert.deepStrictEqual(ran, ["cart"])
        })
      )
    })

    it.effect("streams its events until it waits for somebody, and goes on from a sequence number", () => {
      const { task } = counted("write")
      const review = Pause.make("review", { input: Schema.Boolean })
      const article = Workflow.make("article", {
        payload: {},
        success: Schema.Void,
        run: () => Effect.andThen(task({ item: "draft" }), Effect.asVoid(review(undefined)))
      })
      return on(
        [article.layer],
        Effect.gen(function*() {
          const first = yield* Stream.runCollect(article.stream({}, { id: "a" }))
          assert.deepStrictEqual(first.map(({ event }) => event._tag), [
            "ExecutionStarted",
            "Claimed",
            "StepStarted",
            "StepCompleted",
            "StepAwaited"
          ])
          const rest = yield* Effect.forkChild(Stream.runCollect(Execution.events("a", { from: first.length })))
          yield* review.resume("a", true)
          assert.deepStrictEqual((yield* Fiber.join(rest)).map(({ event }) => event._tag), [
            "Claimed",
            "StepCompleted",
            "ExecutionCompleted"
          ])
        })
      )
    })

    it.effect("is removed when it ended long ago, by how it ended; a child stays as long as its parent runs", () => {
      const gate = Pause.make("gate", { input: Schema.Boolean })
      const child = Workflow.make("child", { payload: {}, success: Schema.Void, run: () => Effect.void })
      const parent = Workflow.make("parent", {
        payload: {},
        success: Schema.Void,
        run: () => Effect.andThen(Effect.orDie(child({})), Effect.asVoid(gate(undefined)))
      })
      const broken = Workflow.make("broken", {
        payload: {},
        success: Schema.Void,
        error: Schema.String,
        run: () => Effect.fail("no")
      })
      const kept = Execution.retention({ completed: "2 days", failed: "4 days" })
      return on(
        [parent.layer, child.layer, broken.layer, kept],
        Effect.gen(function*() {
          const left = Effect.map(
            Execution.list(),
            ({ executions }) => executions.map(({ id, workflow }) => workflow === "child" ? "child" : id).sort()
          )
          yield* child.start({}, { id: "alone" })
          yield* broken.start({}, { id: "broken" })
          yield* parent.start({}, { id: "parent" })
          yield* Execution.settled("parent")
          assert.strictEqual((yield* Execution.get("alone")).state, "completed")
          yield* TestClock.adjust("1 day")
          assert.deepStrictEqual(yield* left, ["broken", "child", "child", "parent"])
          yield* TestClock.adjust("2 days")
          assert.deepStrictEqual(yield* left, ["broken", "child", "parent"])
          yield* TestClock.adjust("2 days")
          assert.deepStrictEqual(yield* left, ["child", "parent"])
          yield* gate.resume("parent", true)
          yield* parent.result("parent")
          yield* TestClock.adjust("3 days")
          assert.deepStrictEqual(yield* left, [])
        })
      )
    })

    it.effect("lets go of whoever waits for it when its engine is closed", () => {
      const gate = Pause.make("gate", { input: Schema.Boolean })
      const flow = Workflow.make("flow", { payload: {}, success: Schema.Boolean, run: () => gate(undefined) })
      return Effect.gen(function*() {
        const scope = yield* Scope.make()
        const engine = yield* Layer.buildWithScope(
          Layer.provideMerge(flow.layer, Layer.fresh(Engine.layerMemory)),
          scope
        )
        yield* Effect.provideContext(flow.start({}, { id: "a" }), engine)
        const result = yield* Effect.forkChild(Effect.provideContext(flow.result("a"), engine))
        yield* Effect.provideContext(Execution.settled("a"), engine)
        yield* Scope.close(scope, Exit.void)
        const exit = yield* Fiber.await(result)
        assert.isTrue(Exit.hasInterrupts(exit))
      })
    })

    it.effect("waits for a process that has its version, and says so", () => {
      const first = Workflow.make("flow", { payload: {}, success: Schema.String, run: () => Effect.succeed("one") })
      const second = Workflow.make("flow", {
        version: "2",
        payload: {},
        success: Schema.String,
        run: () => Effect.succeed("two")
      })
      return on(
        [first.layer],
        Effect.gen(function*() {
          const id = yield* second.start({})
          assert.strictEqual(yield* first.execute({}), "one")
          assert.strictEqual((yield* Execution.get(id)).state, "queued")
          const conflict = yield* Effect.flip(Effect.scoped(Layer.build(Layer.fresh(first.layer))))
          assert.strictEqual(conflict._tag, "WorkflowConflict")
          yield* Effect.scoped(Effect.gen(function*() {
            yield* Layer.build(second.layer)
            assert.strictEqual(yield* second.result(id), "two")
          }))
        })
      )
    })
  })
}

describe("a workflow whose Layer ends", () => {
  it.live("waits until its runs have cleaned up, with the services that they use", () => {
    const said: Array<string> = []
    const hold = Task.make("hold", {
      payload: {},
      success: Schema.Void,
      run: () =>
        Effect.sync(() => said.push("holds")).pipe(
          Effect.andThen(Effect.never),
          Effect.onInterrupt(() =>
            Effect.andThen(Effect.sleep("50 millis"), Effect.sync(() => said.push("cleaned up")))
          )
        )
    })
    const stubborn = Workflow.make("stubborn", { payload: {}, success: Schema.Void, run: () => hold({}) })
    const service = Layer.effectDiscard(Effect.addFinalizer(() => Effect.sync(() => said.push("service closed"))))
    const holding = Effect.suspend(() => said.length > 0 ? Effect.void : Effect.fail("not yet"))
    return Effect.gen(function*() {
      yield* stubborn.start({})
      yield* Effect.retry(holding, Schedule.spaced("5 millis"))
    }).pipe(
      Effect.provide(stubborn.layer.pipe(Layer.provide(service), Layer.provideMerge(Engine.layerMemory))),
      Effect.andThen(Effect.sync(() => assert.deepStrictEqual(said, ["holds", "cleaned up", "service closed"])))
    )
  })
})
