/**
 * Tasks, pauses and timers in workflows of `effect/workflow` on engines that are not ours: Effect's own in memory, and its cluster's.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Schedule, Schema } from "effect"
import {
  ClusterWorkflowEngine,
  MessageStorage,
  RunnerHealth,
  Runners,
  RunnerStorage,
  Sharding,
  ShardingConfig
} from "effect/cluster"
import { Activity, DurableDeferred, Workflow, WorkflowEngine } from "effect/workflow"
import { Agent, Pause, Task, Workflow as Durable } from "fluxion"
import * as EffectWorkflow from "fluxion/durable/EffectWorkflow"
import { TestModel } from "fluxion/testing"

const cluster = ClusterWorkflowEngine.layer.pipe(
  Layer.provideMerge(Sharding.layer),
  Layer.provide([Runners.layerNoop, RunnerStorage.layerMemory, RunnerHealth.layerNoop]),
  Layer.provideMerge(MessageStorage.layerMemory),
  Layer.provide(ShardingConfig.layer({ shardsPerGroup: 10, entityMessagePollInterval: 20, sendRetryInterval: 10 }))
)

const layers: { readonly [name: string]: Layer.Layer<WorkflowEngine.WorkflowEngine> } = {
  "WorkflowEngine.layerMemory": WorkflowEngine.layerMemory,
  "ClusterWorkflowEngine": cluster
}

const byId = { idempotencyKey: ({ id }: { readonly id: string }) => id, payload: { id: Schema.String } }
const again = Schedule.spaced(10)

/** The requirement of a pause is met by our engine; on another one it asks for nothing. */
const unneeded = <A, E, R>(effect: Effect.Effect<A, E, R>) => effect as Effect.Effect<A, E>

for (const [name, layer] of Object.entries(layers)) {
  describe(`our steps on ${name}`, () => {
    const on = <A, E>(
      workflows: Layer.Layer<never, never, WorkflowEngine.WorkflowEngine>,
      effect: Effect.Effect<A, E, WorkflowEngine.WorkflowEngine>
    ) => Effect.provide(effect, Layer.provideMerge(workflows, Layer.fresh(layer)))
    const token = (workflow: Workflow.Any, executionId: string, pause: Pause.Pause<any, any, any>, occurrence = 1) =>
      DurableDeferred.tokenFromExecutionId(EffectWorkflow.deferred(pause, { occurrence }), {
        workflow: workflow as never,
        executionId
      })
    const suspended = (workflow: Workflow.Workflow<any, any, any, any>, id: string) =>
      Effect.repeat(workflow.poll(id), {
        schedule: again,
        until: (result) => result._tag === "Some" && result.value._tag === "Suspended"
      })

    it.live(
      "a task's body runs once, also one that calls another; equal ones are told apart; a pause is answered",
      () => {
        const ran: Array<string> = []
        const keys = new Set<string>()
        const Review = Pause.make("review", { output: Schema.String, input: Schema.Struct({ ok: Schema.Boolean }) })
        const inner = Task.make("inner", {
          payload: { n: Schema.Finite },
          success: Schema.Date,
          run: ({ n }, { idempotencyKey }) => {
            ran.push(`inner ${n}`)
            keys.add(idempotencyKey)
            return new Date(n)
          }
        })
        const outer = Task.make("outer", {
          payload: { n: Schema.Finite },
          success: Schema.Finite,
          run: ({ n }) =>
            Effect.gen(function*() {
              const date = yield* inner({ n })
              const { ok } = yield* unneeded(Review("inside"))
              yield* inner({ n })
              return ok ? date.getTime() : -1
            })
        })
        const Flow = Workflow.make("Flow", { ...byId, success: Schema.Array(Schema.Unknown) })
        const body = Flow.toLayer(() =>
          Effect.gen(function*() {
            const a = yield* inner({ n: 1 })
            const b = yield* inner({ n: 1 })
            const first = yield* unneeded(Review("first"))
            const second = yield* unneeded(Review("second"))
            const ids = [yield* Durable.uuid, yield* Durable.uuid, yield* Durable.random]
            yield* unneeded(Durable.sleep("20 millis"))
            const nested = yield* unneeded(outer({ n: 3 }))
            return [a.getTime(), b.getTime(), first.ok, second.ok, nested, new Set(ids).size]
          })
        )
        return on(
          body,
          Effect.gen(function*() {
            const id = yield* Flow.execute({ id: "a" }, { discard: true })
            yield* suspended(Flow, id)
            const deferred = EffectWorkflow.deferred(Review)
            yield* DurableDeferred.succeed(deferred, { token: token(Flow, id, Review), value: { ok: true } })
            yield* DurableDeferred.succeed(deferred, { token: token(Flow, id, Review), value: { ok: false } })
            yield* DurableDeferred.succeed(EffectWorkflow.deferred(Review, { occurrence: 2 }), {
              token: token(Flow, id, Review, 2),
              value: { ok: false }
            })
            yield* Effect.repeat(Effect.sleep(5), { until: () => Effect.succeed(ran.length === 3) })
            yield* suspended(Flow, id)
            const within = [...keys].at(-1)!.slice(id.length).split("/").slice(0, 2).join("/")
            const inside = EffectWorkflow.deferred(Review, { within })
            yield* DurableDeferred.succeed(inside, {
              token: DurableDeferred.tokenFromExecutionId(inside, { workflow: Flow, executionId: id }),
              value: { ok: true }
            })
            assert.deepStrictEqual(yield* Flow.execute({ id: "a" }), [1, 1, true, false, 3, 3])
            assert.deepStrictEqual(ran, ["inner 1", "inner 1", "inner 3", "inner 3"])
            assert.strictEqual(keys.size, 4)
          })
        )
      },
      20_000
    )

    it.live("a decision interrupts nothing that runs beside the pause", () => {
      let began = 0
      const Go = Pause.make("go", { input: Schema.Finite })
      const slow = Task.make("slow", {
        success: Schema.Finite,
        run: () => Effect.as(Effect.andThen(Effect.sync(() => began++), Effect.sleep(300)), 1)
      })
      const Beside = Workflow.make("Beside", { ...byId, success: Schema.Finite })
      const body = Beside.toLayer(() =>
        Effect.map(Effect.all([slow(), unneeded(Go(undefined))], { concurrency: 2 }), ([a, b]) => a + b)
      )
      return on(
        body,
        Effect.gen(function*() {
          const id = yield* Beside.execute({ id: "a" }, { discard: true })
          yield* Effect.repeat(Effect.sleep(5), { until: () => Effect.succeed(began === 1) })
          yield* Effect.sleep(50)
          yield* DurableDeferred.succeed(EffectWorkflow.deferred(Go), { token: token(Beside, id, Go), value: 41 })
          assert.strictEqual(yield* Beside.execute({ id: "a" }), 42)
          assert.strictEqual(began, 1)
        })
      )
    }, 20_000)

    it.live("an attempt that failed is not made again when its delay, or what follows, suspends the workflow", () => {
      const made: Array<number> = []
      const flaky = Task.make("flaky", {
        success: Schema.String,
        error: Schema.String,
        retry: { times: 2, schedule: Schedule.spaced("30 millis") },
        run: (_, { attempt }) => {
          made.push(attempt)
          return attempt < 3 ? Effect.fail(`no ${attempt}`) : Effect.as(Durable.sleep("20 millis"), "yes")
        }
      })
      const Retries = Workflow.make("Retries", { ...byId, success: Schema.String, error: Schema.String })
      return on(
        Retries.toLayer(() => flaky({})),
        Effect.gen(function*() {
          assert.strictEqual(yield* Retries.execute({ id: "a" }), "yes")
          assert.deepStrictEqual(made.filter((attempt) => attempt < 3), [1, 2])
        })
      )
    }, 20_000)

    it.live("a pause ends by its time limit, and a task's typed failure arrives as it is", () => {
      const Ask = Pause.make("ask", { input: Schema.String })
      const fails = Task.make("fails", {
        error: Schema.Struct({ code: Schema.Finite }),
        success: Schema.Never,
        run: () => Effect.fail({ code: 7 })
      })
      const Ends = Workflow.make("Ends", { ...byId, success: Schema.Array(Schema.Unknown), error: Schema.Unknown })
      return on(
        Ends.toLayer(() =>
          Effect.gen(function*() {
            const late = yield* Effect.flip(Effect.asVoid(unneeded(Ask(undefined, { timeout: "40 millis" }))))
            const failed = yield* Effect.flip(fails({}))
            return [late._tag, failed.code]
          })
        ),
        Effect.gen(function*() {
          assert.deepStrictEqual(yield* Ends.execute({ id: "a" }), ["PauseTimedOut", 7])
        })
      )
    }, 20_000)

    it.live("what the workflow's own code has done is undone when it fails", () => {
      const log: Array<string> = []
      const book = Task.make("book", {
        payload: { what: Schema.String },
        success: Schema.String,
        run: ({ what }) => {
          log.push(`book ${what}`)
          return what
        },
        rollback: ({ what }) => Effect.sync(() => log.push(`undo ${what}`))
      })
      const Trip = Workflow.make("Trip", { ...byId, error: Schema.String })
      return on(
        Trip.toLayer(() =>
          Effect.gen(function*() {
            yield* book({ what: "train" })
            yield* Durable.sleep("20 millis")
            yield* book({ what: "room" })
            return yield* Effect.fail("no car")
          })
        ),
        Effect.gen(function*() {
          assert.strictEqual(yield* Effect.flip(Trip.execute({ id: "a" })), "no car")
          assert.deepStrictEqual(log, ["book train", "book room", "undo room", "undo train"])
        })
      )
    }, 20_000)

    it.live("a run that a step of another execution wakes has steps of its own", () => {
      let bodies = 0
      const Wait = Pause.make("wait", { input: Schema.Finite })
      const before = Task.make("before", { success: Schema.Finite, run: () => ++bodies })
      const Woken = Workflow.make("Woken", { ...byId, success: Schema.Finite })
      const Waker = Workflow.make("Waker", { ...byId })
      const wakes = Task.make("wakes", {
        payload: { id: Schema.String },
        success: Schema.Void,
        run: ({ id }) =>
          DurableDeferred.succeed(EffectWorkflow.deferred(Wait), { token: token(Woken, id, Wait), value: 1 })
      })
      const body = Layer.merge(
        Woken.toLayer(() =>
          Effect.gen(function*() {
            const n = yield* before({})
            return n + (yield* unneeded(Wait(undefined)))
          })
        ),
        Waker.toLayer(({ id }) => wakes({ id }) as Effect.Effect<void, never, any>)
      )
      return on(
        body as typeof body & Layer.Layer<never, never, WorkflowEngine.WorkflowEngine>,
        Effect.gen(function*() {
          const id = yield* Woken.execute({ id: "a" }, { discard: true })
          yield* suspended(Woken, id)
          yield* Waker.execute({ id })
          assert.strictEqual(yield* Woken.execute({ id: "a" }), 2)
          assert.strictEqual(bodies, 1)
        })
      )
    }, 20_000)

    it.live("an agent's model is not asked again for what it has answered", () => {
      let looked = 0
      const Approve = Pause.make("approve", { input: Schema.Boolean })
      const look = Task.make("look", {
        payload: { city: Schema.String },
        success: Schema.String,
        run: ({ city }) => {
          looked++
          return `Sunny in ${city}`
        }
      })
      const agent = Agent.make("agent", { instructions: "Help.", tools: [look] })
      const Asks = Workflow.make("Asks", { ...byId, success: Schema.String })
      const model = TestModel.layer([
        TestModel.toolCall("look", { city: "Bern" }),
        TestModel.text("Sunny."),
        TestModel.text("Bye.")
      ])
      return on(
        Asks.toLayer(() =>
          Effect.gen(function*() {
            const first = yield* Effect.orDie(agent("How is Bern?"))
            yield* unneeded(Approve(undefined))
            return `${first} ${yield* Effect.orDie(agent("Say bye."))}`
          })
        ).pipe(Layer.provide(model)),
        Effect.gen(function*() {
          const id = yield* Asks.execute({ id: "a" }, { discard: true })
          yield* suspended(Asks, id)
          yield* DurableDeferred.succeed(EffectWorkflow.deferred(Approve), {
            token: token(Asks, id, Approve),
            value: true
          })
          assert.strictEqual(yield* Asks.execute({ id: "a" }), "Sunny. Bye.")
          assert.strictEqual(looked, 1)
        })
      )
    }, 20_000)

    it.live("an Activity that is not ours is a step around ours", () => {
      let ran = 0
      const count = Task.make("count", { success: Schema.Finite, run: () => ++ran })
      const Wraps = Workflow.make("Wraps", { ...byId, success: Schema.Finite })
      return on(
        Wraps.toLayer(() =>
          Activity.make({ name: "mine", success: Schema.Finite, execute: Effect.andThen(count({}), count({})) })
        ),
        Effect.gen(function*() {
          assert.strictEqual(yield* Wraps.execute({ id: "a" }), 2)
          assert.deepStrictEqual(yield* Effect.exit(Wraps.execute({ id: "a" })), Exit.succeed(2))
          assert.strictEqual(ran, 2)
        })
      )
    }, 20_000)
  })
}
