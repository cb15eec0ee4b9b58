import { assert, describe, expectTypeOf, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Schema, Stream } from "effect"
import { AiError, type LanguageModel, Prompt } from "effect/ai"
import { Agent, type AgentError, Conversations, Engine, Task, Workflow, WorkingMemory } from "fluxion"
import { Sqlite } from "fluxion/sqlite"
import { TestModel } from "fluxion/testing"
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll } from "vitest"
import * as Messages from "../support/Messages.ts"
import * as Scripted from "../support/Scripted.ts"

const folder = mkdtempSync(join(tmpdir(), "fluxion-remember-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const assistant = Agent.make("assistant", { instructions: "You help." })

/** What each request said, without the instructions. */
const asked = Effect.map(
  TestModel.requests,
  (requests) => requests.map(({ prompt }) => Messages.texts(prompt.content.filter(({ role }) => role !== "system")))
)

const history = (conversation: string) =>
  Effect.map(
    Conversations.Conversations.use((store) => store.history(conversation)),
    ({ messages }) => messages.map(({ message }) => message)
  )

const live = <A, E>(
  script: TestModel.Script,
  effect: Effect.Effect<A, E, LanguageModel.LanguageModel | TestModel.TestModel | Conversations.Conversations>
) => Effect.provide(effect, Layer.merge(TestModel.layer(script), Conversations.layerMemory))

const broken: AiError.AiErrorReason = new AiError.AuthenticationError({ kind: "InvalidKey" })

describe("a run on a conversation", () => {
  it.effect("goes on from what was said there, and adds what it says", () =>
    live(
      ["Hello, Ada.", "You are Ada.", "I do not know."].map((text) => TestModel.text(text)),
      Effect.gen(function*() {
        yield* assistant("I am Ada.", { conversation: "a" })
        const { messages } = yield* assistant.result("Who am I?", { conversation: "a" })
        // what it said itself: the rest is kept
        assert.deepStrictEqual(Messages.texts(messages), ["Who am I?", "You are Ada."])
        yield* assistant("Who am I?", { conversation: "b" })
        assert.deepStrictEqual(yield* asked, [
          ["I am Ada."],
          ["I am Ada.", "Hello, Ada.", "Who am I?"],
          ["Who am I?"]
        ])
        const kept = yield* history("a")
        assert.deepStrictEqual(Messages.texts(kept), ["I am Ada.", "Hello, Ada.", "Who am I?", "You are Ada."])
        Messages.assertLegal(kept)
      })
    ))

  it.effect("is on the same one as another agent's that is told the same, as a stream or watched, too", () =>
    live(
      ["one", "two", "three", "four"].map((text) => TestModel.text(text)),
      Effect.gen(function*() {
        const other = Agent.make("other", { instructions: "You too." })
        yield* assistant("1", { conversation: "a" })
        yield* Stream.runDrain(other.stream("2", { conversation: "a" }))
        const watch = yield* assistant.watch("3", { conversation: "a" })
        yield* watch.result
        yield* other("4")
        const requests = yield* asked
        assert.deepStrictEqual(requests[2], ["1", "one", "2", "two", "3"])
        assert.deepStrictEqual(requests[3], ["4"])
        const { messages } = yield* Conversations.Conversations.use((store) => store.history("a"))
        assert.deepStrictEqual(messages.map(({ by }) => by), [
          "assistant",
          "assistant",
          "other",
          "other",
          "assistant",
          "assistant"
        ])
      }).pipe(Effect.scoped)
    ))

  it.effect("is sent as much of it as its memory lets through, after the caller's own history", () =>
    live(
      Array.from({ length: 3 }, (_, n) => TestModel.text(`answer ${n}`)),
      Effect.gen(function*() {
        const store = yield* Conversations.Conversations
        const say = (text: string) => Prompt.userMessage({ content: [Prompt.textPart({ text })] })
        yield* store.append("a", { messages: Array.from({ length: 1000 }, (_, n) => say(`message ${n}`)), by: "test" })
        const few = assistant.with({ memory: WorkingMemory.make({ window: 3 }) })
        yield* few("Now?", { conversation: "a" })
        const some = assistant.with({ memory: WorkingMemory.make({ maxTokens: 2_000 }) })
        yield* some("And now?", { conversation: "a" })
        yield* assistant("All?", { conversation: "a", history: Prompt.fromMessages([say("First of all.")]) })
        const [first, second, third] = yield* asked
        assert.deepStrictEqual(first, ["message 998", "message 999", "Now?"])
        // 8 tokens each
        assert.isAbove(second!.length, 240)
        assert.isBelow(second!.length, 251)
        assert.deepStrictEqual(third!.slice(0, 2), ["First of all.", "message 0"])
        assert.strictEqual(third!.length, 1 + 1000 + 4 + 1)
        assert.strictEqual((yield* history("a")).length, 1006)
        const { prompt } = yield* few.prompt("And?", { conversation: "a" })
        assert.deepStrictEqual(Messages.texts(prompt.content).slice(-2), ["answer 2", "And?"])
      })
    ))

  it.effect("leaves nothing when it fails before its model said anything, else what was said, legal for every provider", () => {
    const look = Task.make("look", { payload: {}, success: Schema.String, run: () => Effect.succeed("seen") })
    const agent = assistant.with({ tools: [look], modelRetry: { times: 0 } })
    return live(
      [TestModel.fail(broken), TestModel.toolCall("look", {}), TestModel.fail(broken), TestModel.text("ok")],
      Effect.gen(function*() {
        yield* Effect.flip(agent("Look.", { conversation: "a" }))
        assert.deepStrictEqual(yield* history("a"), [])
        const error = yield* Effect.flip(agent("Look.", { conversation: "a" }))
        const kept = yield* history("a")
        assert.deepStrictEqual(kept.map(({ role }) => role), ["user", "assistant", "tool"])
        assert.deepStrictEqual(error.messages, kept)
        yield* agent("Well?", { conversation: "a" })
        Messages.assertLegal(yield* history("a"))
      })
    )
  })

  it.effect("that is interrupted leaves what its model had said until then", () => {
    const model = Scripted.layer(() =>
      Stream.concat(
        Scripted.parts([{ type: "text-start", id: "t" }, { type: "text-delta", id: "t", delta: "Once upon" }]),
        Stream.never
      )
    )
    return Effect.gen(function*() {
      const heard = yield* Deferred.make<void>()
      const fiber = yield* assistant.stream("Tell me.", { conversation: "a" }).pipe(
        Stream.runForEach((event) => event._tag === "TextDelta" ? Deferred.succeed(heard, undefined) : Effect.void),
        Effect.forkChild
      )
      yield* Deferred.await(heard)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(Messages.texts(yield* history("a")), ["Tell me.", "Once upon"])
      // nobody has it any more
      yield* Effect.scoped(Conversations.Conversations.use((store) => store.hold("a", "fail")))
    }).pipe(Effect.provide(Layer.merge(model, Conversations.layerMemory)))
  })

  it.effect("waits for those before it, or fails with ConversationBusy", () =>
    Effect.gen(function*() {
      const store = yield* Conversations.Conversations
      const gate = yield* Deferred.make<void>()
      const model = Scripted.layer(({ prompt }) =>
        Stream.unwrap(Effect.as(
          Deferred.await(gate),
          Scripted.parts(Scripted.say([`${prompt.content.length}`]))
        ))
      )
      const runs = yield* Effect.forEach(["1", "2", "3"], (text) =>
        Effect.forkChild(assistant(text, { conversation: "a" }).pipe(Effect.provide(model)), {
          startImmediately: true
        }))
      const error = yield* Effect.flip(
        assistant("4", { conversation: "a", whenBusy: "fail" }).pipe(Effect.provide(model))
      )
      assert.strictEqual(error.reason._tag, "ConversationBusy")
      assert.isTrue(error.isRetryable)
      yield* Deferred.succeed(gate, undefined)
      assert.deepStrictEqual(yield* Effect.forEach(runs, Fiber.join), ["2", "4", "6"])
      const { messages } = yield* store.history("a")
      assert.deepStrictEqual(
        Messages.texts(messages.map(({ message }) =>
          message
        )),
        ["1", "2", "2", "4", "3", "6"]
      )
    }).pipe(Effect.provide(Conversations.layerMemory)))

  it.effect("that is inside of another on the same one does not wait for it", () => {
    const ask = Task.make("ask", {
      payload: {},
      success: Schema.String,
      run: () =>
        Effect.flip(Effect.provide(assistant("You?", { conversation: "a" }), Conversations.layerMemory)).pipe(
          Effect.map(({ reason }) => reason._tag),
          Effect.orDie
        )
    })
    return live(
      [TestModel.toolCall("ask", {}), TestModel.text("ok")],
      Effect.gen(function*() {
        const { messages } = yield* assistant.with({ tools: [ask] }).result("Ask.", { conversation: "a" })
        assert.deepStrictEqual(Messages.told(messages), [["ask", "ConversationBusy"]])
      })
    )
  })

  it.effect("fails where its name is none, or its store is not available", () => {
    const down = Layer.mock(Conversations.Conversations, {
      hold: () => Effect.void,
      history: (conversation) => Effect.fail(Conversations.unavailable(conversation, "history")(new Error("locked")))
    })
    return live(
      [],
      Effect.gen(function*() {
        for (const conversation of ["", "x".repeat(201), "a\u0000b", "\ud800"]) {
          const error = yield* Effect.flip(assistant("Hello.", { conversation }))
          assert.strictEqual(error.reason._tag, "ConversationFailed")
          assert.isFalse(error.isRetryable)
        }
        const error = yield* Effect.flip(Effect.provide(assistant("Hello.", { conversation: "a" }), down))
        assert.include(error.message, "the store is not available (history): locked")
        assert.isTrue(error.isRetryable)
        assert.isUndefined((yield* TestModel.requests)[0])
      })
    )
  })

  it("needs Conversations, and no other run does", () => {
    expectTypeOf(assistant("Hello.")).toEqualTypeOf<
      Effect.Effect<string, AgentError.AgentError, LanguageModel.LanguageModel>
    >()
    expectTypeOf(assistant("Hello.", { conversation: "a" })).toEqualTypeOf<
      Effect.Effect<string, AgentError.AgentError, LanguageModel.LanguageModel | Conversations.Conversations>
    >()
    const sure = assistant.with({ fallback: () => "Sorry." })
    expectTypeOf<Effect.Error<ReturnType<typeof sure>>>().toEqualTypeOf<never>()
    const kept = sure.run("Hello.", { conversation: "a" })
    expectTypeOf<Effect.Error<typeof kept>>().toEqualTypeOf<AgentError.AgentError>()
    // @ts-expect-error it is a key
    assistant("Hello.", { conversation: 42 })
    // @ts-expect-error there is no such option
    assistant("Hello.", { conversaton: "a" })
  })

  it.effect("keeps what the fallback answered", () =>
    live(
      [TestModel.fail(broken)],
      Effect.gen(function*() {
        yield* assistant.with({ fallback: () => "Later." })("Hello.", { conversation: "a" })
        assert.deepStrictEqual(Messages.texts(yield* history("a")), ["Hello.", "Later."])
      })
    ))
})

describe("a run on a conversation in an execution", () => {
  const flow = Workflow.make("flow", {
    payload: {},
    success: Schema.String,
    run: () => Effect.orDie(assistant("Hello.", { conversation: "a" }))
  })

  it.effect("reads and adds as steps", () =>
    Effect.gen(function*() {
      yield* flow.execute({})
      const { journal } = yield* Engine.Engine
      const [entry] = yield* journal.list({ limit: 1 })
      const events = yield* journal.load(entry!.id)
      assert.deepStrictEqual(
        events.flatMap(({ event }) => event._tag === "StepStarted" ? [event.name] : []),
        ["assistant", "read_conversation", "model", "add_to_conversation"]
      )
      assert.strictEqual((yield* history("a")).length, 2)
    }).pipe(
      Effect.provide(
        Layer.provideMerge(
          flow.layer,
          Layer.mergeAll(Engine.layerMemory, Conversations.layerMemory, TestModel.layer([TestModel.text("Hi.")]))
        )
      )
    ))

  for (const [step, asked] of [["model", 2], ["add_to_conversation", 1]] as const) {
    it(`adds what is said once, when its process dies as ${step} was done and not recorded`, async () => {
      const filename = join(folder, `${step}.db`)
      const run = (...args: ReadonlyArray<string>) =>
        spawnSync(process.execPath, [
          "--disable-warning=ExperimentalWarning",
          "--conditions=fluxion-source",
          fileURLToPath(new URL("../children/remember.ts", import.meta.url)),
          filename,
          ...args
        ], { encoding: "utf8", timeout: 30_000 })
      assert.strictEqual(run(step).signal, "SIGKILL")
      const { status, stderr, stdout } = run()
      assert.deepStrictEqual([stdout, status], ["Hello.", 0], stderr)
      const { messages } = await Effect.runPromise(Effect.provide(
        Conversations.Conversations.use((store) => store.history("chat-42")),
        Layer.provide(Layer.fresh(Conversations.layerSql), Sqlite.layer({ filename }))
      ))
      assert.deepStrictEqual(Messages.texts(messages.map(({ message }) => message)), ["Hello?", "Hello."])
      assert.strictEqual(readFileSync(`${filename}.asked`, "utf8").split("\n").length - 1, asked)
    }, 60_000)
  }
})
