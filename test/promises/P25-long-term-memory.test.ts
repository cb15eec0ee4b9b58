/**
 * P25: long-term memory is isolated by its key, loses nothing to writers at one time, and a replay reads what the run read.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted, Schema } from "effect"
import { Agent, Engine, LongTermMemory, MemoryStore, Pause, Task, Workflow } from "fluxion"
import { Postgres } from "fluxion/postgres"
import { Sqlite } from "fluxion/sqlite"
import { TestModel } from "fluxion/testing"
import { fork } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll } from "vitest"
import * as PostgresServer from "../support/PostgresServer.ts"

const folder = mkdtempSync(join(tmpdir(), "fluxion-p25-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let files = 0
const file = () => join(folder, `${files++}.db`)

let server: Awaited<ReturnType<typeof PostgresServer.start>>
beforeAll(async () => {
  server = await PostgresServer.start()
}, 60_000)
afterAll(() => server.stop())

const store = (filename: string) =>
  Layer.orDie(Layer.provide(Layer.fresh(MemoryStore.layerSql), Layer.fresh(Sqlite.layer({ filename }))))

/** What the tools of a run gave. */
const resultsOf = (messages: ReadonlyArray<any>): ReadonlyArray<any> =>
  messages.flatMap(({ content, role }) => role === "tool" ? content.map((part: any) => part.result) : [])

const child = fileURLToPath(new URL("../children/memory.ts", import.meta.url))

/** Two processes that write at one time, until both have ended. */
const race = async (kind: string, where: string) => {
  const writers = ["ada", "bob"].map((name) =>
    fork(child, [kind, where, name], {
      execArgv: ["--disable-warning=ExperimentalWarning", "--conditions=fluxion-source"]
    })
  )
  const ended = writers.map((writer) => once(writer, "exit"))
  await Promise.all(writers.map((writer) => once(writer, "message")))
  for (const writer of writers) writer.send("go")
  assert.deepStrictEqual((await Promise.all(ended)).map(([code]) => code), [0, 0])
}

const lostNothing = Effect.gen(function*() {
  const memory = LongTermMemory.make({ scope: "many" })
  const keys = yield* memory.keys({ limit: 1000 })
  for (const name of ["ada", "bob"]) {
    assert.strictEqual(keys.filter((key) => key.startsWith(name)).length, 60)
    const found = yield* memory.search(`of ${name}`, { limit: 1000 })
    assert.strictEqual(found.filter(({ key }) => key.startsWith(name)).length, 60)
  }
  assert.strictEqual(keys.length, 123)
  for (const key of ["shared 0", "shared 1", "shared 2"]) {
    // the last one, whole; and found by its own words, not by those of the one before
    const value = yield* memory.get(key, Schema.Array(Schema.String))
    const [by] = value!
    assert.strictEqual(value![1], `word${by}`)
    const words = (name: string) => Effect.map(memory.search(`word${name}`), (facts) => facts.map((fact) => fact.key))
    assert.include(yield* words(by!), key)
    assert.notInclude(yield* words(by === "ada" ? "bob" : "ada"), key)
  }
})

describe("P25: long-term memory", () => {
  it.live("is isolated by owner, scope and key, and by nothing else", () => {
    const filename = file()
    const make = (name: string, scope: string) =>
      Agent.make(name, { instructions: "Help.", longTermMemory: LongTermMemory.make({ scope }) })
    const agents = [make("first", "one"), make("second", "one"), make("third", "two")] as const
    const run = (agent: typeof agents[number], owner: string, turns: ReadonlyArray<TestModel.Turn>) =>
      agent.result("Go.", { owner }).pipe(
        Effect.provide(TestModel.layer([...turns, TestModel.text("ok")])),
        Effect.provide(store(filename)),
        Effect.map(({ messages }) => resultsOf(messages))
      )
    return Effect.gen(function*() {
      for (const [index, agent] of agents.entries()) {
        for (const owner of ["ada", "bob"]) {
          yield* run(agent, owner, [
            TestModel.toolCall("store_memory", { key: "k", value: `common ${owner} ${index}` })
          ])
        }
      }
      for (const [index, agent] of agents.entries()) {
        for (const owner of ["ada", "bob"]) {
          const [recalled, listed, found] = yield* run(agent, owner, [
            TestModel.toolCall("recall_memory", { key: "k" }),
            TestModel.toolCall("list_memory_keys", {}),
            TestModel.toolCall("search_memory", { query: "common" })
          ])
          // the second agent shares the first one's scope, and wrote last
          const value = `common ${owner} ${index === 0 ? 1 : index}`
          assert.strictEqual(recalled.value, value)
          assert.deepStrictEqual(listed, { keys: ["k"], more: false })
          assert.deepStrictEqual(found.map((fact: { readonly value: string }) => fact.value), [value])
        }
      }
      yield* run(agents[0], "ada", [TestModel.toolCall("forget_memory", { key: "k" })])
      const left = yield* Effect.forEach(
        agents,
        (agent) =>
          Effect.forEach(
            ["ada", "bob"],
            (owner) =>
              Effect.map(run(agent, owner, [TestModel.toolCall("recall_memory", { key: "k" })]), ([fact]) =>
                "value" in fact)
          )
      )
      assert.deepStrictEqual(left, [[false, true], [false, true], [true, true]])
    })
  })

  it.live("loses nothing to two processes that write the same keys at one time, on SQLite", () => {
    const filename = file()
    return Effect.andThen(Effect.promise(() => race("sqlite", filename)), Effect.provide(lostNothing, store(filename)))
  }, 60_000)

  it.live(
    "loses nothing to two processes that write the same keys at one time, on PostgreSQL",
    () =>
      Effect.gen(function*() {
        const url = yield* Effect.promise(() => server.database("race"))
        yield* Effect.promise(() => race("postgres", url))
        const layer = Layer.provide(Layer.fresh(MemoryStore.layerSql), Postgres.layer({ url: Redacted.make(url) }))
        yield* Effect.provide(lostNothing, layer)
      }),
    60_000
  )

  it.live("is read by a replay as the run read it, and is not written again", () => {
    const filename = file()
    const facts = LongTermMemory.make({ scope: "facts" })
    const question = Pause.make("question", { output: Schema.Void, input: Schema.String })
    const ask = Task.make("ask", { success: Schema.String, run: () => question(undefined) })
    const agent = Agent.make("assistant", { instructions: "Help.", longTermMemory: facts, tools: [ask] })
    const flow = Workflow.make("flow", {
      payload: {},
      success: Schema.Array(Schema.Unknown),
      error: Schema.Unknown,
      run: () =>
        Effect.gen(function*() {
          const before = yield* facts.get("k", Schema.String)
          yield* facts.set("by code", Schema.String, "once")
          const { messages } = yield* agent.result("Go.", { owner: "ada" })
          const after = yield* facts.get("k", Schema.String)
          return [before, ...resultsOf(messages), after]
        })
    })
    /** A process: an engine, a store and a model of its own, on the same files. */
    const live = <A, E>(
      turns: ReadonlyArray<TestModel.Turn>,
      effect: Effect.Effect<A, E, Engine.Engine | MemoryStore.MemoryStore>
    ) =>
      Effect.provide(
        effect,
        flow.layer.pipe(
          Layer.provideMerge(Layer.fresh(Engine.layerJournal)),
          Layer.provide(Layer.fresh(Sqlite.layer({ filename: `${filename}.journal` }))),
          Layer.provideMerge(store(filename)),
          Layer.provide(TestModel.layer(turns))
        )
      )
    return Effect.gen(function*() {
      yield* live(
        [
          TestModel.toolCall("recall_memory", { key: "k" }),
          TestModel.toolCall("store_memory", { key: "by model", value: "once" }),
          TestModel.toolCall("search_memory", { query: "old" }),
          TestModel.toolCall("ask", {})
        ],
        Effect.gen(function*() {
          yield* facts.set("k", Schema.String, "old")
          yield* facts.set("k", Schema.String, "old", { owner: "ada" })
          yield* flow.start({}, { id: "a" })
          const { journal } = yield* Engine.Engine
          yield* Effect.repeat(Effect.sleep(5), {
            until: () => Effect.map(journal.entry("a"), (entry) => entry?.state === "paused")
          })
          // others change what was read, and forget what was written
          yield* facts.set("k", Schema.String, "new")
          yield* facts.set("k", Schema.String, "new", { owner: "ada" })
          assert.isTrue(yield* facts.forget("by code"))
          assert.isTrue(yield* facts.forget("by model", { owner: "ada" }))
        })
      )
      yield* live(
        [TestModel.text("done")],
        Effect.gen(function*() {
          yield* question.resume("a", "yes")
          const [before, recalled, stored, found, answer, after] = yield* flow.result("a") as Effect.Effect<any>
          assert.deepStrictEqual([before, recalled.value, stored], ["old", "old", { stored: "by model" }])
          assert.deepStrictEqual(found.map((fact: { readonly value: string }) => fact.value), ["old"])
          assert.deepStrictEqual([answer, after], ["yes", "new"])
          assert.isUndefined(yield* facts.get("by code", Schema.String))
          assert.isUndefined(yield* facts.get("by model", Schema.String, { owner: "ada" }))
        })
      )
    })
  }, 30_000)
})
