/**
 * A task's retries, time limits and fallbacks inside a workflow: recorded, so that a next run goes on behind them.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Option, Schedule, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Engine, Execution, Pause, Task, Workflow } from "fluxion"

const on = <A, E, R>(workflow: Layer.Layer<never, any, Engine.Engine>, effect: Effect.Effect<A, E, R>) =>
  Effect.provide(effect, Layer.provideMerge(Layer.orDie(workflow), Layer.fresh(Engine.layerMemory)))

const until = Effect.fnUntraced(function*(id: string, state: string) {
  const { journal, watch } = yield* Engine.Engine
  yield* watch(
    id,
    "event",
    Effect.map(journal.entry(id), (entry) => entry?.state === state ? Option.some(entry) : Option.none())
  )
})

const types = (id: string) =>
  Effect.flatMap(
    Engine.Engine,
    ({ journal }) =>
      Effect.map(journal.load(id), (events) =>
        events.map(({ event }) =>
          "key" in event ? `${event._tag} ${event.key.replace(/:[a-z0-9]+/g, "")}` : event._tag
        ))
  )

class Busy extends Schema.TaggedError<Busy>()("Busy", { since: Schema.Date }) {
  readonly isRetryable = true
}

describe("a task in a workflow", () => {
  it.effect("is tried again after a delay that is a wait of the execution; what an attempt does is its own", () => {
    const ran: Array<string> = []
    const inner = Task.make("inner", {
      payload: {},
      success: Schema.String,
      run: () => {
        ran.push("inner")
        return `inner ${ran.length}`
      }
    })
    const outer = Task.make("outer", {
      payload: {},
      success: Schema.String,
      error: Busy,
      retry: { times: 3, schedule: Schedule.spaced("1 hour") },
      run: (_, { attempt }) =>
        Effect.flatMap(Effect.orDie(inner({})), (value) => {
          ran.push(`outer ${attempt}`)
          return attempt < 3 ? Effect.fail(new Busy({ since: new Date(attempt) })) : Effect.succeed(value)
        })
    })
    const flow = Workflow.make("flow", {
      payload: {},
      success: Schema.String,
      run: () => Effect.orDie(outer({}))
    })
    return on(
      flow.layer,
      Effect.gen(function*() {
        const id = yield* flow.start({})
        yield* until(id, "sleeping")
        assert.deepStrictEqual(ran, ["inner", "outer 1"])
        yield* TestClock.adjust("1 hour")
        yield* until(id, "sleeping")
        assert.deepStrictEqual(ran, ["inner", "outer 1", "inner", "outer 2"])
        const result = yield* Effect.forkChild(flow.result(id))
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(yield* Fiber.join(result), "inner 5")
        assert.deepStrictEqual(ran, ["inner", "outer 1", "inner", "outer 2", "inner", "outer 3"])
        assert.deepStrictEqual((yield* types(id)).filter((type) => !type.startsWith("Claimed")), [
          "ExecutionStarted",
          "StepStarted /outer",
          "StepStarted /outer/inner",
          "StepCompleted /outer/inner",
          "AttemptFailed /outer",
          "StepAwaited /outer@2/retry",
          "StepCompleted /outer@2/retry",
          "StepStarted /outer@2/inner",
          "StepCompleted /outer@2/inner",
          "AttemptFailed /outer",
          "StepAwaited /outer@3/retry",
          "StepCompleted /outer@3/retry",
          "StepStarted /outer@3/inner",
          "StepCompleted /outer@3/inner",
          "StepCompleted /outer",
          "ExecutionCompleted"
        ])
      })
    )
  })

  it.effect("pauses inside an attempt without failing it", () => {
    const review = Pause.make("review", { input: Schema.String })
    const attempts: Array<number> = []
    const task = Task.make("ask", {
      payload: {},
      success: Schema.String,
      error: Busy,
      timeout: "1 minute",
      retry: { times: 5, schedule: Schedule.spaced("1 millis") },
      run: (_, { attempt }) => {
        attempts.push(attempt)
        return attempt === 1
          ? Effect.fail(new Busy({ since: new Date(0) }))
          : review(undefined) as Effect.Effect<string>
      }
    })
    const flow = Workflow.make("flow", {
      payload: {},
      success: Schema.String,
      run: () => Effect.orDie(task({}))
    })
    return on(
      flow.layer,
      Effect.gen(function*() {
        const result = yield* Effect.forkChild(flow.execute({}, { id: "a" }))
        yield* Effect.yieldNow
        yield* TestClock.adjust("1 millis")
        yield* until("a", "paused")
        yield* TestClock.adjust("2 days")
        assert.strictEqual((yield* Execution.get("a")).state, "paused")
        yield* review.resume("a", "yes")
        assert.strictEqual(yield* Fiber.join(result), "yes")
        assert.deepStrictEqual(attempts, [1, 2, 2])
      })
    )
  })

  it.effect("counts against its time limit what it runs, not what it waits", () => {
    const review = Pause.make("review", { input: Schema.String })
    const task = Task.make("ask", {
      payload: {},
      success: Schema.String,
      timeout: "1 minute",
      run: () => review(undefined) as Effect.Effect<string>
    })
    const slow = Task.make("slow", {
      payload: {},
      success: Schema.String,
      run: () => Effect.as(Effect.sleep("10 minutes"), "slow")
    })
    const stuck = Task.make("stuck", {
      payload: {},
      success: Schema.String,
      timeout: "1 minute",
      run: () => Effect.as(Effect.sleep("10 minutes"), "stuck")
    })
    const flow = Workflow.make("flow", {
      payload: {},
      success: Schema.Array(Schema.String),
      run: () =>
        Effect.all([
          Effect.orDie(task({})),
          Effect.orDie(slow({})),
          Effect.match(stuck({}), { onFailure: (error) => error._tag, onSuccess: String })
        ], { concurrency: "unbounded" })
    })
    return on(
      flow.layer,
      Effect.gen(function*() {
        const result = yield* Effect.forkChild(flow.execute({}, { id: "a" }))
        yield* Effect.yieldNow
        yield* TestClock.adjust("5 minutes")
        const { pending } = yield* Execution.settled("a", { at: "first" })
        assert.strictEqual(pending.length, 1)
        yield* review.resume("a", "yes")
        yield* TestClock.adjust("5 minutes")
        assert.deepStrictEqual(yield* Fiber.join(result), ["yes", "slow", "TaskTimeout"])
      })
    )
  })

  it.effect("goes to its fallback once, also when it is interrupted on the way", () => {
    const ran: Array<string> = []
    const review = Pause.make("review", { input: Schema.String })
    const task = Task.make("fetch", {
      payload: {},
      success: Schema.String,
      error: Busy,
      run: () => {
        ran.push("fetch")
        return Effect.fail(new Busy({ since: new Date(3) }))
      },
      fallback: (_, error) => {
        ran.push("fallback")
        return Effect.map(
          review(undefined) as Effect.Effect<string>,
          (said) => `${said} ${error._tag === "Busy" ? error.since.getTime() : error._tag}`
        )
      }
    })
    const flow = Workflow.make("flow", { payload: {}, success: Schema.String, run: () => Effect.orDie(task({})) })
    return on(
      flow.layer,
      Effect.gen(function*() {
        const id = yield* flow.start({})
        yield* until(id, "paused")
        yield* review.resume(id, "well")
        assert.strictEqual(yield* flow.result(id), "well 3")
        assert.deepStrictEqual(ran, ["fetch", "fallback", "fallback"])
      })
    )
  })
})
