import { assert, describe, expectTypeOf, it } from "@effect/vitest"
import { Effect, Exit, Layer, Schema } from "effect"
import type { LanguageModel } from "effect/ai"
import { TestClock } from "effect/testing"
import { Agent, Engine, LongTermMemory, MemoryStore, Task, Workflow } from "fluxion"
import { TestModel } from "fluxion/testing"

const Person = Schema.Struct({ name: Schema.String, born: Schema.Date })
const ada = { name: "Ada", born: new Date("1815-12-10") }

const notes = LongTermMemory.make({ scope: "notes" })
const own = LongTermMemory.make({ scope: "notes", owner: "required" })

const onMemory = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.provide(effect, Layer.fresh(MemoryStore.layerMemory))

/** Runs an agent with `notes` that makes these calls, and gives what each came to. */
const calls = (
  made: ReadonlyArray<readonly [name: string, args: Record<string, unknown>]>,
  options: Agent.RunOptions = {},
  memory = notes
) =>
  Effect.gen(function*() {
    const agent = Agent.make("assistant", { instructions: "Help.", longTermMemory: memory })
    const { messages } = yield* Effect.provide(
      agent.result("Go.", options),
      TestModel.layer([...made.map(([name, args]) => TestModel.toolCall(name, args)), TestModel.text("done")])
    )
    return messages.flatMap((message) =>
      message.role === "tool" ? message.content.map((part) => part.type === "tool-result" ? part.result as any : 0) : []
    )
  })

describe("a long-term memory, used by code", () => {
  it.effect("gives values back by their Schema, and undefined where there is none", () =>
    onMemory(Effect.gen(function*() {
      yield* notes.set("person", Person, ada)
      assert.deepStrictEqual(yield* notes.get("person", Person), ada)
      assert.isUndefined(yield* notes.get("nobody", Person))
      assert.isTrue(yield* notes.forget("person"))
      assert.isFalse(yield* notes.forget("person"))
      assert.isUndefined(yield* notes.get("person", Person))
    })))

  it.effect("says of a value that does not fit which, and where", () =>
    onMemory(Effect.gen(function*() {
      yield* notes.set("person", Schema.String, "Ada")
      const error = yield* Effect.flip(notes.get("person", Person))
      assert.strictEqual(error.reason._tag, "ValueInvalid")
      assert.match(error.message, /^long-term memory "notes": the value of "person" does not fit its Schema: Expected/)
      const other = yield* Effect.flip(notes.set("age", Schema.Int, 1.5))
      assert.match(other.message, /"age" does not fit/)
      assert.isUndefined(yield* notes.get("age", Schema.Int))
    })))

  it.effect("refuses a fact of 10 MB, and says what to do", () =>
    onMemory(Effect.gen(function*() {
      const error = yield* Effect.flip(notes.set("big", Schema.String, "x".repeat(10_000_000)))
      assert.strictEqual(
        error.message,
        `long-term memory "notes": the value of "big" has 10000002 characters as JSON, and 65536 are the most: `
          + "store a summary, several facts, or where the whole can be found"
      )
      assert.isUndefined(yield* notes.fact("big"))
      yield* notes.set("fits", Schema.String, "x".repeat(65_534))
      const small = LongTermMemory.make({ scope: "small", maxValue: 4 })
      yield* small.set("fits", Schema.String, "ab")
      assert.isTrue(Exit.isFailure(yield* Effect.exit(small.set("large", Schema.String, "abc"))))
    })))

  it.effect("refuses keys and owners that no database could keep, and keeps all others", () =>
    onMemory(Effect.gen(function*() {
      const bad = ["", "x".repeat(10_000), "a\u0000b", "line\nbreak", "\ud83d"]
      for (const name of bad) {
        const error = yield* Effect.flip(notes.set(name, Schema.String, "v"))
        assert.strictEqual(error.reason._tag, "NameRefused", name)
        assert.isBelow(error.message.length, 250)
        if (name !== "") assert.match((yield* Effect.flip(notes.keys({ owner: name }))).message, /the owner /)
      }
      assert.match(
        (yield* Effect.flip(notes.get("x".repeat(10_000), Schema.String))).message,
        /has 10000 characters; use/
      )
      for (const name of ["🦄", "x".repeat(200), "a b/c:d"]) {
        yield* notes.set(name, Schema.String, name, { owner: name })
        assert.strictEqual(yield* notes.get(name, Schema.String, { owner: name }), name)
      }
      assert.throws(() => LongTermMemory.make({ scope: "" }), /the scope of a long-term memory is empty/)
      assert.throws(() => LongTermMemory.make({ scope: "a\u0000" }), TypeError)
    })))

  it.effect("knows when a fact was written, by whom, and when it is forgotten", () =>
    onMemory(Effect.gen(function*() {
      yield* TestClock.setTime(1_000)
      yield* notes.set("code", Schema.String, "1234", { expires: "1 minute", by: "setup" })
      assert.deepStrictEqual(yield* notes.fact("code"), {
        key: "code",
        value: "1234",
        writtenBy: "setup",
        createdAt: 1_000,
        updatedAt: 1_000,
        expiresAt: 61_000
      })
      yield* TestClock.adjust("1 minute")
      assert.isUndefined(yield* notes.fact("code"))
    })))

  it.effect("lists keys in pages, finds facts by words, and clears one owner's", () =>
    onMemory(Effect.gen(function*() {
      for (const owner of ["ada", "bob"]) {
        for (let n = 0; n < 3; n++) yield* own.set(`key${n}`, Schema.String, `word${n}`, { owner })
      }
      assert.deepStrictEqual(yield* own.keys({ owner: "ada", limit: 2 }), ["key0", "key1"])
      assert.deepStrictEqual(yield* own.keys({ owner: "ada", after: "key1" }), ["key2"])
      const found = yield* own.search("is there a word2?", { owner: "ada" })
      assert.deepStrictEqual(found.map(({ key, value }) => [key, value]), [["key2", "word2"]])
      assert.strictEqual(yield* own.clear({ owner: "ada" }), 3)
      assert.deepStrictEqual(yield* own.keys({ owner: "ada" }), [])
      assert.deepStrictEqual(yield* own.keys({ owner: "bob" }), ["key0", "key1", "key2"])
    })))

  it.effect("that is kept by owner fails where none is said", () =>
    onMemory(Effect.gen(function*() {
      for (const at of [undefined, { owner: "" }]) {
        const error = yield* Effect.flip(own.get("k", Schema.String, at))
        assert.strictEqual(
          error.message,
          `long-term memory "notes": the memory "notes" is kept by owner, and none was said; `
            + `give the run its owner: { owner: "…" }`
        )
      }
    })))

  it.effect("fails with what the store said when it is not available", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(notes.get("k", Schema.String))
      assert.isTrue(error.isRetryable)
      assert.match(error.message, /the store is not available \(recall\): disk on fire/)
    }).pipe(
      Effect.provide(Layer.mock(MemoryStore.MemoryStore, {
        recall: () => new MemoryStore.MemoryUnavailable({ operation: "recall", cause: new Error("disk on fire") })
      }))
    ))
})

describe("a long-term memory, used by a model", () => {
  it.effect("is told of in the instructions, after the agent's own, and is offered as five tools", () =>
    onMemory(
      Effect.gen(function*() {
        const agent = Agent.make("assistant", { instructions: "Help.", longTermMemory: notes })
        const { prompt, tools } = yield* agent.prompt("Hi")
        assert.match(String(prompt.content[0]!.content), /^Help\.\n\nYou have a long-term memory/)
        assert.deepStrictEqual(tools.map(({ name }) => name), [
          "recall_memory",
          "store_memory",
          "forget_memory",
          "list_memory_keys",
          "search_memory"
        ])
      }).pipe(Effect.provide(TestModel.layer([])))
    ))

  it.effect("stores, recalls, lists, finds and forgets", () =>
    onMemory(Effect.gen(function*() {
      const results = yield* calls([
        ["store_memory", { key: "user_name", value: "Ada Lovelace" }],
        ["recall_memory", { key: "user_name" }],
        ["recall_memory", { key: "name of the user" }],
        ["list_memory_keys", {}],
        ["search_memory", { query: "lovelace" }],
        ["forget_memory", { key: "user_name" }],
        ["forget_memory", { key: "user_name" }],
        ["recall_memory", { key: "user_name" }]
      ])
      const fact = { key: "user_name", value: "Ada Lovelace", written: "1970-01-01T00:00:00.000Z", by: "assistant" }
      assert.deepStrictEqual(results, [
        { stored: "user_name" },
        fact,
        { missing: "name of the user", similarKeys: ["user_name"] },
        { keys: ["user_name"], more: false },
        [fact],
        { forgotten: true },
        { forgotten: false },
        { missing: "user_name", similarKeys: [] }
      ])
    })))

  it.effect("lists a hundred keys at a time", () =>
    onMemory(Effect.gen(function*() {
      const all = Array.from({ length: 150 }, (_, n) => `key ${String(n).padStart(3, "0")}`)
      for (const key of all) yield* notes.set(key, Schema.String, "v")
      const [first, second] = yield* calls([["list_memory_keys", {}], ["list_memory_keys", { after: "key 099" }]])
      assert.deepStrictEqual(first, { keys: all.slice(0, 100), more: true })
      assert.deepStrictEqual(second, { keys: all.slice(100), more: false })
    })))

  it.effect("forgets a fact after the days that the model said", () =>
    onMemory(Effect.gen(function*() {
      yield* calls([["store_memory", { key: "k", value: "v", expiresInDays: 2 }]])
      yield* TestClock.adjust("47 hours")
      assert.strictEqual(yield* notes.get("k", Schema.String), "v")
      yield* TestClock.adjust("1 hour")
      assert.isUndefined(yield* notes.get("k", Schema.String))
    })))

  it.effect("keeps reserved keys out of the model's sight, and from its hands", () =>
    onMemory(Effect.gen(function*() {
      yield* notes.set("_plan", Schema.String, "secret word")
      const results = yield* calls([
        ["recall_memory", { key: "_plan" }],
        ["list_memory_keys", {}],
        ["search_memory", { query: "plan secret word" }],
        ["forget_memory", { key: "_plan" }],
        ["store_memory", { key: "_plan", value: "mine" }]
      ])
      assert.deepStrictEqual(results.slice(0, 4), [
        { missing: "_plan", similarKeys: [] },
        { keys: [], more: false },
        [],
        { forgotten: false }
      ])
      assert.match(results[4], /begins with _, which is reserved/)
      assert.strictEqual(yield* notes.get("_plan", Schema.String), "secret word")
      assert.deepStrictEqual(yield* notes.keys({ reserved: true }), ["_plan"])
    })))

  it.effect("tells the model what is wrong with a key or a value", () =>
    onMemory(Effect.gen(function*() {
      const [long, nul, big] = yield* calls([
        ["store_memory", { key: "x".repeat(10_000), value: "v" }],
        ["recall_memory", { key: "a\u0000" }],
        ["store_memory", { key: "k", value: "x".repeat(100_000) }]
      ])
      assert.match(long, /has 10000 characters; use 1 to 200/)
      assert.match(nul, /has a control character/)
      assert.match(big, /65536 are the most: store a summary/)
    })))

  it.effect("is the run's owner's, also for agents and code inside the run", () =>
    onMemory(Effect.gen(function*() {
      const look = Task.make("look", {
        success: Schema.UndefinedOr(Schema.String),
        run: () => Effect.orDie(own.get("name", Schema.String))
      })
      const inner = Agent.make("inner", { instructions: "Inner.", longTermMemory: own, tools: [look] })
      const outer = Agent.make("outer", { instructions: "Outer.", tools: [inner] })
      for (const owner of ["ada", "bob"]) {
        yield* Effect.provide(
          outer("Go.", { owner }),
          TestModel.layer({
            outer: [TestModel.toolCall("inner", { instruction: "Store it." }), TestModel.text("ok")],
            inner: [
              TestModel.toolCall("store_memory", { key: "name", value: owner }),
              TestModel.toolCall("look", {}),
              TestModel.text("ok")
            ]
          })
        )
      }
      for (const owner of ["ada", "bob"]) {
        const fact = yield* own.fact("name", { owner })
        assert.deepStrictEqual([fact?.value, fact?.writtenBy], [owner, "outer/inner"])
      }
    })))

  it.effect("fails a run that does not say whose it is, before the model is asked", () =>
    onMemory(
      Effect.gen(function*() {
        const agent = Agent.make("assistant", { instructions: "Help.", longTermMemory: own })
        const error = yield* Effect.flip(agent("Hi"))
        assert.strictEqual(error.reason._tag, "OwnerMissing")
        assert.match(error.message, /give the run its owner/)
      }).pipe(Effect.provide(TestModel.layer([])))
    ))

  it.effect("is asked for by the types, and cannot hide a tool of the agent", () =>
    Effect.sync(() => {
      const agent = Agent.make("assistant", { instructions: "Help.", longTermMemory: notes })
      expectTypeOf<Effect.Services<ReturnType<typeof agent>>>().toEqualTypeOf<
        LanguageModel.LanguageModel | MemoryStore.MemoryStore
      >()
      const plain = Agent.make("assistant", { instructions: "Help." })
      expectTypeOf<Effect.Services<ReturnType<typeof plain>>>().toEqualTypeOf<LanguageModel.LanguageModel>()
      const later = plain.with({ longTermMemory: notes })
      expectTypeOf<Effect.Services<ReturnType<typeof later>>>().toEqualTypeOf<
        LanguageModel.LanguageModel | MemoryStore.MemoryStore
      >()
      const mine = Task.make("recall_memory", { run: () => 1 })
      assert.throws(
        () => Agent.make("a", { instructions: "x", tools: [mine], longTermMemory: notes }),
        /two tools are named "recall_memory"/
      )
    }))
})

describe("a long-term memory in an execution", () => {
  it.effect("makes a tool call one step, and a use by code one step", () =>
    onMemory(Effect.gen(function*() {
      const agent = Agent.make("assistant", { instructions: "Help.", longTermMemory: notes })
      const flow = Workflow.make("flow", {
        payload: {},
        success: Schema.UndefinedOr(Schema.String),
        error: Schema.Unknown,
        run: () => Effect.andThen(agent("Go."), notes.get("k", Schema.String))
      })
      const names = yield* Effect.gen(function*() {
        assert.strictEqual(yield* flow.execute({}, { id: "a" }), "v")
        const { journal } = yield* Engine.Engine
        return (yield* journal.load("a")).flatMap(({ event }) =>
          event._tag === "StepCompleted" ? [event.key.replace(/:\w+/g, "")] : []
        )
      }).pipe(
        Effect.provide(Layer.provideMerge(flow.layer, Layer.fresh(Engine.layerMemory))),
        Effect.provide(
          TestModel.layer([TestModel.toolCall("store_memory", { key: "k", value: "v" }), TestModel.text("ok")])
        )
      )
      assert.deepStrictEqual(names.filter((name) => !name.includes("model")), [
        "/assistant/store_memory",
        "/assistant",
        "/recall_fact"
      ])
    })))

  it.effect("is that of the owner whom the start of an agent's workflow named", () =>
    onMemory(Effect.gen(function*() {
      const durable = Agent.toWorkflow(Agent.make("assistant", { instructions: "Help.", longTermMemory: own }))
      yield* Effect.provide(
        durable.execute({ instruction: "Go.", owner: "ada" }),
        Layer.provideMerge(durable.layer, Layer.fresh(Engine.layerMemory)).pipe(
          Layer.provide(
            TestModel.layer([TestModel.toolCall("store_memory", { key: "k", value: "v" }), TestModel.text("ok")])
          )
        )
      )
      assert.strictEqual(yield* own.get("k", Schema.String, { owner: "ada" }), "v")
    })))
})
