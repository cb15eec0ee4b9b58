/**
 * Named values of an execution: what their recorded changes come to, in this process or the next.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Schedule, Schema } from "effect"
import { Activity, Workflow as EffectWorkflow } from "effect/workflow"
import { Engine, Execution, Pause, State, Task, Workflow } from "fluxion"
import { Sqlite } from "fluxion/sqlite"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"

const folder = mkdtempSync(join(tmpdir(), "fluxion-state-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let files = 0

const Note = Schema.Struct({ text: Schema.String, at: Schema.Date })
const notes = State.make("notes", {
  change: Note,
  initial: [] as ReadonlyArray<typeof Note.Type>,
  fold: (all, note) => [...all, note]
})
const textOf = (all: ReadonlyArray<typeof Note.Type>) => all.map(({ text }) => text)
const at = new Date("2026-01-01")

const inMemory = Layer.fresh(Engine.layerMemory)

describe("a state", () => {
  it.effect("is what its changes come to, typed, whoever made them; each execution has its own", () => {
    const write = Task.make("write", {
      payload: { text: Schema.String },
      success: Schema.Array(Schema.String),
      run: ({ text }) => Effect.andThen(notes.change({ text, at }), Effect.map(notes.get, textOf))
    })
    const flow = Workflow.make("flow", {
      payload: { name: Schema.String },
      success: Schema.Struct({ seen: Schema.Array(Schema.Array(Schema.String)), notes: Schema.Array(Note) }),
      run: ({ name }) =>
        Effect.gen(function*() {
          yield* notes.change({ text: name, at })
          const seen = [yield* write({ text: "a" }), yield* write({ text: "a" })]
          return { seen, notes: yield* notes.get }
        })
    })
    return Effect.gen(function*() {
      const results = yield* Effect.all(["x", "y"].map((name) => flow.execute({ name })), { concurrency: 2 })
      for (const [index, name] of ["x", "y"].entries()) {
        assert.deepStrictEqual(results[index]!.seen, [[name, "a"], [name, "a", "a"]])
        assert.deepStrictEqual(results[index]!.notes, [name, "a", "a"].map((text) => ({ text, at })))
      }
    }).pipe(Effect.provide(Layer.provideMerge(flow.layer, inMemory)))
  })

  it.effect("is in another process what it was, also what completed steps and failed attempts made of it", () => {
    const filename = join(folder, `${files++}.db`)
    const approve = Pause.make("approve", { input: Schema.Boolean })
    const ran: Array<string> = []
    const inner = Task.make("inner", {
      payload: {},
      success: Schema.Void,
      run: () => Effect.andThen(Effect.sync(() => ran.push("inner")), notes.change({ text: "inner", at }))
    })
    const outer = Task.make("outer", {
      payload: {},
      success: Schema.Void,
      error: Schema.String,
      retry: { times: 1, schedule: Schedule.recurs(1) },
      run: (_, { attempt }) =>
        Effect.gen(function*() {
          yield* inner({})
          yield* notes.change({ text: `attempt ${attempt}`, at })
          if (attempt === 1) return yield* Effect.fail("once more")
        })
    })
    const flow = Workflow.make("flow", {
      payload: {},
      success: Schema.Array(Schema.String),
      error: Schema.String,
      run: () =>
        Effect.gen(function*() {
          yield* Effect.orDie(outer({}))
          yield* notes.change({ text: "before", at })
          yield* approve(undefined)
          yield* notes.change({ text: "after", at })
          return textOf(yield* notes.get)
        })
    })
    const on = <A, E>(effect: Effect.Effect<A, E, Engine.Engine>) =>
      Effect.provide(
        effect,
        Layer.orDie(
          Layer.provideMerge(flow.layer, Layer.fresh(Layer.provide(Engine.layerJournal, Sqlite.layer({ filename }))))
        )
      )
    const soFar = ["inner", "attempt 1", "inner", "attempt 2", "before"]
    return Effect.gen(function*() {
      yield* on(Effect.gen(function*() {
        yield* flow.start({}, { id: "a" })
        yield* Execution.settled("a")
        assert.deepStrictEqual(textOf(yield* notes.of("a")), soFar)
      }))
      const result = yield* on(Effect.gen(function*() {
        yield* approve.resume("a", true)
        return yield* flow.result("a")
      }))
      assert.deepStrictEqual(result, [...soFar, "after"])
      assert.deepStrictEqual(ran, ["inner", "inner"])
      const events = yield* on(Effect.flatMap(Engine.Engine, ({ journal }) => journal.load("a")))
      assert.strictEqual(events.filter(({ event }) => event._tag === "StateChanged").length, 6)
    })
  })

  it.effect("forgets what was changed since a step failed, when that step is retried", () => {
    let isBroken = true
    const pay = Task.make("pay", {
      payload: {},
      success: Schema.String,
      error: Schema.String,
      run: () => isBroken ? Effect.fail("declined") : Effect.succeed("paid")
    })
    const flow = Workflow.make("flow", {
      payload: {},
      success: Schema.Array(Schema.String),
      error: Schema.String,
      run: () =>
        Effect.gen(function*() {
          yield* notes.change({ text: "begun", at })
          yield* Effect.tapError(pay({}), () => notes.change({ text: "failed", at }))
          yield* notes.change({ text: "done", at })
          return textOf(yield* notes.get)
        })
    })
    return Effect.gen(function*() {
      const id = yield* flow.start({})
      yield* Effect.exit(flow.result(id))
      isBroken = false
      yield* Execution.retry(id)
      assert.deepStrictEqual(yield* flow.result(id), ["begun", "done"])
    }).pipe(Effect.provide(Layer.provideMerge(flow.layer, inMemory)))
  })

  it.effect("is kept in Effect's own workflows, too", () => {
    const Flow = EffectWorkflow.make("Flow", {
      payload: { id: Schema.String },
      success: Schema.Array(Schema.String),
      idempotencyKey: ({ id }) => id
    })
    const layer = Flow.toLayer(() =>
      Effect.gen(function*() {
        yield* notes.change({ text: "one", at })
        yield* Activity.make({ name: "work", success: Schema.Void, execute: notes.change({ text: "two", at }) })
        return textOf(yield* notes.get)
      })
    )
    return Effect.gen(function*() {
      assert.deepStrictEqual(yield* Flow.execute({ id: "a" }), ["one", "two"])
    }).pipe(Effect.provide(Layer.provideMerge(layer, inMemory)))
  })

  it.effect("outside of a workflow belongs to the code that is given it, and changes of nobody's are refused", () =>
    Effect.gen(function*() {
      const code = Effect.andThen(notes.change({ text: "a", at }), Effect.map(notes.get, textOf))
      assert.deepStrictEqual(yield* Effect.all([State.local(code), State.local(Effect.andThen(code, code))]), [
        ["a"],
        ["a", "a"]
      ])
      assert.deepStrictEqual(yield* notes.get, [])
      const exit = yield* Effect.exit(notes.change({ text: "a", at }))
      assert.isTrue(Exit.isFailure(exit) && /outside of a workflow/.test(String(exit.cause)))
    }))
})
