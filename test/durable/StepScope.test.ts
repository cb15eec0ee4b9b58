import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Layer, Schedule, Schema } from "effect"
import { Tool, Toolkit } from "effect/ai"
import { Agent, type StepScope, Task, Toolbox } from "fluxion"
import { TestModel } from "fluxion/testing"
import { recorder, within } from "../support/Steps.ts"

class Refused extends Schema.TaggedError<Refused>()("Refused", { why: Schema.String }) {}

const double = Task.make("double", {
  payload: { n: Schema.Finite },
  success: Schema.Finite,
  run: ({ n }) => Effect.succeed(2 * n)
})

const search = Tool.make("search", { parameters: Schema.Struct({ q: Schema.String }), success: Schema.String })
const kit = Toolkit.make(search)
const handlers = { search: ({ q }: { readonly q: string }) => Effect.succeed(`found ${q}`) }

describe("StepScope", () => {
  it.effect("every task call is a step, with its payload and its outcome by their Schemas; nested ones are inside", () =>
    Effect.gen(function*() {
      const { names, scope, steps, stored } = recorder()
      const outer = Task.make("outer", {
        payload: { at: Schema.Date },
        success: Schema.Date,
        error: Refused,
        run: ({ at }) =>
          Effect.flatMap(double({ n: 2 }), (n) => n === 4 ? Effect.succeed(at) : new Refused({ why: "?" }))
      })
      const refused = Task.make("refused", {
        payload: {},
        success: Schema.Void,
        error: Refused,
        run: () => Effect.fail(new Refused({ why: "no" }))
      })
      yield* outer({ at: new Date(0) }).pipe(within(scope))
      yield* Effect.exit(refused({})).pipe(within(scope))
      assert.deepStrictEqual(names(), ["outer", "outer/double", "refused"])
      assert.deepStrictEqual(steps.map((step) => step.payload), [{ at: "1970-01-01T00:00:00.000Z" }, { n: 2 }, {}])
      assert.deepStrictEqual(stored, [
        ["double", 4],
        ["outer", "1970-01-01T00:00:00.000Z"],
        ["refused", { _tag: "Refused", why: "no" }]
      ])
    }))

  it.effect("what a task's options add to its failures crosses the journal too", () =>
    Effect.gen(function*() {
      const { scope, stored } = recorder()
      const rejects = Task.make("rejects", { payload: {}, run: () => Promise.reject<string>(new Error("disk full")) })
      const odd = Task.make("odd", { payload: {}, run: () => 1n })
      yield* Effect.exit(rejects({})).pipe(within(scope))
      yield* Effect.exit(odd({})).pipe(within(scope))
      assert.deepStrictEqual(stored.map(([name]) => name), ["rejects", "odd"])
      assert.deepNestedInclude(stored[0]![1], { _tag: "TaskFailed", "cause.message": "disk full" })
      assert.deepNestedInclude(stored[1]![1], { _tag: "TaskResultInvalid", path: "$" })
    }))

  it.effect("a step says what becomes of it in doubt, and for how long its answer is good", () =>
    Effect.gen(function*() {
      const { scope } = recorder()
      const asked: Array<unknown> = []
      const seen: StepScope.StepScope = {
        ...scope,
        step: (step, body) => {
          asked.push([step.inDoubt, step.cache])
          return scope.step(step, body)
        }
      }
      const careful = double.with({ inDoubt: "ask", cache: { key: ({ n }) => `n${n}`, ttl: "1 minute" } })
      const brief = double.with({ cache: { ttl: "1 second" } })
      yield* Effect.all([double({ n: 1 }), careful({ n: 2 }), brief({ n: 3 })]).pipe(within(seen))
      assert.deepStrictEqual(asked, [
        [undefined, undefined],
        ["ask", { key: "n2", ttl: Duration.minutes(1) }],
        [undefined, { key: undefined, ttl: Duration.seconds(1) }]
      ])
    }))

  it.effect("a step that the scope answers does not run its body, whatever the body is", () =>
    Effect.gen(function*() {
      let ran = 0
      const fields = { payload: {}, success: Schema.Finite }
      const bodies: ReadonlyArray<() => Task.Body<number, never>> = [() => ++ran, () =>
        Promise.resolve(++ran), () =>
        Effect.sync(() => ++ran)]
      for (const run of bodies) {
        for (const options of [{}, { retry: { times: 1 } }, { timeout: "1 second" }, { rollback: () => {} }] as const) {
          const { scope } = recorder({ t: 42 })
          const answer = yield* Task.make("t", { ...fields, ...options, run })({}).pipe(within(scope))
          assert.strictEqual(answer, 42)
        }
      }
      assert.strictEqual(ran, 0)
    }))

  it.effect("a body is given the step's key as its idempotency key, for every attempt", () =>
    Effect.gen(function*() {
      const keys: Array<string> = []
      const task = Task.make("t", {
        payload: {},
        success: Schema.Void,
        error: Refused,
        retry: Schedule.recurs(1),
        run: (_, { attempt, idempotencyKey }) => {
          keys.push(idempotencyKey)
          return attempt === 1 ? Effect.fail(new Refused({ why: "once" })) : Effect.void
        }
      })
      const { scope } = recorder()
      yield* task({}).pipe(within(scope))
      yield* task.with({ timeout: "1 second" })({}).pipe(within(scope))
      yield* task.with({ retry: undefined, fallback: () => {} })({}).pipe(within(scope))
      assert.deepStrictEqual(keys, ["key-1", "key-1", "key-2", "key-2", "key-3"])
    }))

  it.effect("the scope undoes: the rollback goes with the step, and the task does not run it itself", () =>
    Effect.gen(function*() {
      let undone = 0
      const fails = Task.make("t", {
        payload: {},
        success: Schema.Void,
        error: Refused,
        run: () => Effect.fail(new Refused({ why: "no" })),
        rollback: () => {
          undone++
        }
      })
      const { scope, steps } = recorder()
      assert.isTrue(Exit.isFailure(yield* Effect.exit(fails({})).pipe(within(scope))))
      assert.deepStrictEqual(steps.map((step) => step.hasRollback), [true])
      assert.strictEqual(undone, 0)
    }))

  it.effect("an agent's run, its model calls and all of its tools' calls are steps", () =>
    Effect.gen(function*() {
      const { names, scope, steps, stored } = recorder()
      const inner = Agent.make("inner", { instructions: "i", tools: [double] })
      const agent = Agent.make("outer", {
        instructions: "i",
        tools: [double, Toolbox.make(kit, handlers), inner],
        rollback: () => Effect.void
      })
      const answer = yield* agent("go", { context: "background" }).pipe(
        within(scope),
        Effect.provide(TestModel.layer({
          outer: [
            [TestModel.toolCall("double", { n: 1 }, { id: "c" }), TestModel.toolCall("search", { q: "x" })],
            TestModel.toolCall("inner", { instruction: "think" }),
            TestModel.text("done")
          ],
          inner: [TestModel.toolCall("double", { n: 2 }), TestModel.text("thought")]
        }))
      )
      assert.strictEqual(answer, "done")
      assert.deepStrictEqual(names(), [
        "outer",
        ...["model", "double", "search", "model", "inner"].map((name) => `outer/${name}`),
        ...["model", "double", "model"].map((name) => `outer/inner/${name}`),
        "outer/model"
      ])
      assert.deepStrictEqual(steps[0]!.payload, { instruction: "go", context: "background" })
      assert.deepStrictEqual(
        steps.filter((step) => step.name === "model").map((step) => step.payload),
        [1, 2, 1, 2, 3].map((turn) => ({ turn }))
      )
      assert.isTrue(steps[0]!.hasRollback)
      const [name, response] = stored[0]!
      assert.strictEqual(name, "model")
      assert.deepNestedInclude(response, { finish: "tool-calls", "content[0].name": "double", "content[0].id": "c" })
    }))

  it.effect("toolkit tools are steps wherever their handlers are; a step that is answered does not call them", () =>
    Effect.gen(function*() {
      let called = 0
      const counting = { search: () => Effect.sync(() => `${++called}`) }
      const unbound = Agent.make("a", { instructions: "i", tools: [kit] })
      const bound = Agent.make("a", { instructions: "i", tools: [Toolbox.make(kit, counting)] })
      const withHandler = Agent.make("a", {
        instructions: "i",
        tools: [yield* Effect.provide(kit, kit.toLayer(counting))]
      })
      const model = TestModel.layer([TestModel.toolCall("search", { q: "x" }), TestModel.text("done")])
      for (const agent of [unbound, bound, withHandler]) {
        const run = agent("go").pipe(Effect.provide(Layer.fresh(Layer.merge(model, kit.toLayer(counting)))))
        const { scope, steps } = recorder()
        yield* run.pipe(within(scope))
        assert.deepStrictEqual(steps.map((step) => step.name), ["a", "model", "search", "model"])
        assert.deepStrictEqual(steps[2]!.payload, { q: "x" })
      }
      assert.strictEqual(called, 3)
      const { scope } = recorder({ search: "recorded" })
      yield* bound("go").pipe(within(scope), Effect.provide(model))
      assert.strictEqual(called, 3)
    }))

  it.effect("an agent's answer is taken from the scope, and its model is not asked", () =>
    Effect.gen(function*() {
      const agent = Agent.make("a", { instructions: "i" })
      const first = recorder()
      yield* agent("go").pipe(within(first.scope), Effect.provide(TestModel.layer([TestModel.text("once")])))
      const result = first.stored.find(([name]) => name === "a")![1]
      const { scope } = recorder({ a: result })
      assert.strictEqual(yield* agent("go").pipe(within(scope), Effect.provide(TestModel.layer([]))), "once")
    }))

  it.effect("without a scope there are no steps: the same calls run as they are", () =>
    Effect.gen(function*() {
      const { steps } = recorder()
      assert.strictEqual(yield* double({ n: 4 }), 8)
      assert.deepStrictEqual(steps, [])
    }))
})
