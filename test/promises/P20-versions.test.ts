/**
 * P20: changed code. An execution goes on under its version; what contradicts its journal is stopped, and never ends well.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Schema } from "effect"
import { Agent, AgentError, Engine, Execution, Journal, Owners, Pause, Task, Workflow } from "fluxion"
import { Sqlite } from "fluxion/sqlite"
import { TestModel } from "fluxion/testing"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { afterAll } from "vitest"

const folder = mkdtempSync(join(tmpdir(), "fluxion-p20-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let files = 0

const go = Pause.make("go", { input: Schema.String })
const task = (name: string, success: string) =>
  Task.make(name, { payload: {}, success: Schema.String, run: () => success })

type Flow = Workflow.Workflow<"flow", any, string, any, any>

const flow = (run: () => Effect.Effect<string, any, any>, version = "1"): Flow =>
  Workflow.make("flow", {
    payload: {},
    success: Schema.String,
    error: Schema.Any,
    version,
    run
  })

/** A deploy: an engine with these workflows on a file, as long as `effect` runs. */
const deploy = (
  filename: string,
  flows: ReadonlyArray<Flow>,
  services: Layer.Layer<any, any, any> = Layer.empty as Layer.Layer<any>
) =>
<A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, any> =>
  Effect.provide(
    effect,
    flows.reduce<Layer.Layer<any, any, any>>(
      (all, { layer }) => Layer.provideMerge(layer, all),
      Layer.provideMerge(Layer.fresh(Engine.layerJournal), services)
    ).pipe(Layer.provide(Sqlite.layer({ filename })))
  ) as Effect.Effect<A, any>

const file = () => join(folder, `${files++}.db`)

const state = (id: string, wanted: Journal.State) =>
  Effect.flatMap(Engine.Engine, ({ journal, watch }) =>
    watch(
      id,
      "state",
      Effect.map(journal.entry(id), (entry) => entry?.state === wanted ? Option.some(entry) : Option.none())
    ))

describe("P20: changed code: versions side by side, contradictions stop with the step's name, crashes park one alone", () => {
  it.live("an execution goes on under the version it started with, beside a newer one", () =>
    Effect.gen(function*() {
      const filename = file()
      const first = flow(() => Effect.map(go(undefined), (said) => `one ${said}`))
      const second = flow(() => Effect.map(go(undefined), (said) => `two ${said}`), "2")
      yield* deploy(filename, [first])(Effect.andThen(first.start({}, { id: "a" }), state("a", "paused")))
      yield* deploy(filename, [second])(Effect.gen(function*() {
        yield* second.start({}, { id: "b" })
        yield* go.resume("a", "hello")
        // nobody has its version: it stays open, and says so
        assert.strictEqual((yield* state("a", "queued")).version, "1")
      }))
      yield* deploy(filename, [first, second])(Effect.gen(function*() {
        assert.strictEqual(yield* first.result("a"), "one hello")
        yield* state("b", "paused")
        yield* go.resume("b", "hello")
        assert.strictEqual(yield* second.result("b"), "two hello")
      }))
    }))

  it.live("changed instructions, models and added tools never stop it", () =>
    Effect.gen(function*() {
      const filename = file()
      const agentFlow = (instructions: string, tools: ReadonlyArray<Task.Any>) => {
        const ask = Task.make("ask", { payload: {}, success: Schema.String, run: () => go(undefined) })
        const assistant = Agent.make("assistant", { instructions, tools: [ask, ...tools] as never })
        return flow(() => assistant("Ask.") as Effect.Effect<string, AgentError.AgentError, any>)
      }
      const first = agentFlow("Help.", [])
      const before = TestModel.layer([TestModel.toolCall("ask", {})])
      yield* deploy(filename, [first], before)(Effect.andThen(first.start({}, { id: "a" }), state("a", "paused")))
      const second = agentFlow("Help a lot.", [task("other", "other")])
      yield* deploy(filename, [second], TestModel.layer([TestModel.text("done")]))(Effect.gen(function*() {
        yield* go.resume("a", "hello")
        assert.strictEqual(yield* second.result("a"), "done")
      }))
    }))

  it.live("code that asks for something else than is recorded parks it, and names both steps", () =>
    Effect.gen(function*() {
      const filename = file()
      const load = task("load", "loaded")
      const first = flow(() => Effect.andThen(load({}), go(undefined)))
      yield* deploy(filename, [first])(Effect.andThen(first.start({}, { id: "a" }), state("a", "paused")))
      const renamed = task("fetch", "fetched")
      const second = flow(() => Effect.andThen(renamed({}), go(undefined)))
      const engine = Layer.provide(
        Engine.layer({ stuckAfter: "20 millis" }),
        Layer.provideMerge(Journal.layerSql, Sqlite.layer({ filename }))
      )
      yield* Effect.gen(function*() {
        yield* go.resume("a", "hello")
        const { problem } = yield* state("a", "parked")
        assert.include(problem, "/load:")
        assert.include(problem, "/fetch:")
        const error = yield* Effect.flip(second.result("a"))
        assert.strictEqual(error._tag, "ExecutionParked")
      }).pipe(Effect.provide(Layer.provideMerge(second.layer, engine)))
      // the old code is back: it goes on
      yield* deploy(filename, [first])(Effect.gen(function*() {
        yield* Execution.retry("a")
        assert.strictEqual(yield* first.result("a"), "hello")
      }))
    }))

  it.live("code that ends without asking for what is recorded does not report success", () =>
    Effect.gen(function*() {
      const filename = file()
      const load = task("load", "loaded")
      const first = flow(() => Effect.andThen(load({}), go(undefined)))
      yield* deploy(filename, [first])(Effect.andThen(first.start({}, { id: "a" }), state("a", "paused")))
      yield* deploy(filename, [flow(() => Effect.succeed("all well"))])(Effect.gen(function*() {
        yield* go.resume("a", "hello")
        assert.include((yield* state("a", "parked")).problem, "/load:")
      }))
    }))

  it.live("a recorded value that no longer decodes parks it, and names the step and the field", () =>
    Effect.gen(function*() {
      const filename = file()
      const load = (success: Schema.Top, value: unknown) =>
        Task.make("load", { payload: {}, success: success as never, run: () => value as never })
      const old = load(Schema.Struct({ total: Schema.String }), { total: "12" })
      const first = flow(() => Effect.andThen(old({}), go(undefined)))
      yield* deploy(filename, [first])(Effect.andThen(first.start({}, { id: "a" }), state("a", "paused")))
      const changed = load(Schema.Struct({ total: Schema.Finite }), { total: 12 })
      yield* deploy(filename, [flow(() => Effect.andThen(changed({}), go(undefined)))])(Effect.gen(function*() {
        yield* go.resume("a", "hello")
        const { problem } = yield* state("a", "parked")
        assert.include(problem, "/load:")
        assert.include(problem, `"total"`)
      }))
    }))

  it.live("a journal that was cut short parks it alone, and says which event", () =>
    Effect.gen(function*() {
      const filename = file()
      const first = flow(() => go(undefined))
      yield* deploy(filename, [first])(
        Effect.forEach(["a", "b"], (id) => Effect.andThen(first.start({}, { id }), state(id, "paused")))
      )
      const database = new DatabaseSync(filename)
      database.exec("update fluxion_journal set event = substr(event, 1, 20) where execution = 'a' and sequence = 2")
      database.close()
      yield* deploy(filename, [first])(Effect.gen(function*() {
        yield* Effect.forEach(["a", "b"], (id) => Effect.ignore(go.resume(id, "hello")))
        assert.strictEqual(yield* first.result("b"), "hello")
        assert.include((yield* state("a", "parked")).problem, "event 2")
      }))
    }))

  it.live(
    "one that takes its process down again and again is parked, and the others go on",
    () =>
      Effect.gen(function*() {
        const filename = file()
        let deaths = 0
        const bomb = flow(() => Effect.suspend(() => (deaths++, Effect.never)))
        // a process that dies: its lock is gone, and nothing was given up
        const die = Layer.effect(
          Owners.Owners,
          Effect.map(Owners.Owners, (owners) => ({ ...owners, self: Effect.succeed(`dead-${deaths}`) }))
        )
        const dying = Layer.effect(
          Journal.Journal,
          Effect.map(Journal.Journal, (journal) => ({ ...journal, disown: () => Effect.void }))
        )
        const sqlite = Sqlite.layer({ filename })
        const engine = Layer.fresh(Engine.layer()).pipe(
          Layer.provide(Layer.provide(dying, Journal.layerSql)),
          Layer.provide(Layer.provide(die, sqlite)),
          Layer.provide(sqlite)
        )
        const crash = (starts: boolean) =>
          Effect.gen(function*() {
            const before = deaths
            if (starts) yield* bomb.start({}, { id: "bomb" })
            yield* Effect.repeat(Effect.sleep(5), { while: () => Effect.succeed(deaths === before) })
          }).pipe(Effect.provide(Layer.fresh(Layer.provideMerge(bomb.layer, engine))))
        yield* crash(true)
        yield* crash(false)
        yield* crash(false)
        const calm = Workflow.make("calm", { payload: {}, success: Schema.String, run: () => Effect.succeed("calm") })
        yield* deploy(filename, [bomb, calm as never])(Effect.gen(function*() {
          assert.include((yield* state("bomb", "parked")).problem, "3 times in a row")
          assert.strictEqual(yield* calm.execute({}), "calm")
          assert.strictEqual(deaths, 3)
          yield* Execution.retry("bomb")
          yield* state("bomb", "running")
        }))
      }),
    20_000
  )
})
