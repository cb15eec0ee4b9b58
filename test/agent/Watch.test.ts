import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Latch, Schema, Stream } from "effect"
import { AiError } from "effect/ai"
import { TestClock } from "effect/testing"
import { Agent, type AgentEvent, Task } from "fluxion"
import { TestModel } from "fluxion/testing"
import * as Scripted from "../support/Scripted.ts"
import { View } from "../support/View.ts"

type Event = AgentEvent.AgentEvent<unknown>

const assistant = Agent.make("assistant", { instructions: "i" })
const overloaded = new AiError.InternalProviderError({ description: "overloaded" })
const turn = Effect.promise<void>(() => new Promise((resolve) => setImmediate(resolve)))

describe("Watch", () => {
  it.effect("the run begins when it is asked for, and needs no watcher", () =>
    Effect.gen(function*() {
      const watch = yield* assistant.watch("go")
      assert.strictEqual((yield* watch.result).output, "done")
      assert.strictEqual((yield* watch.result).output, "done")
    }).pipe(Effect.provide(TestModel.layer([TestModel.text("done")]))))

  it.effect("what a tool's plain code still reports when the run is over is shown to nobody", () => {
    let late: ((value: unknown) => void) | undefined
    const task = Task.make("late", {
      payload: {},
      success: Schema.String,
      run: (_, { progress }) => {
        late = progress
        progress("in time")
        return "done"
      }
    })
    return Effect.gen(function*() {
      const watch = yield* assistant.with({ tools: [task] }).watch("go")
      yield* watch.result
      const before = yield* Stream.runCollect(watch.events())
      late!("too late")
      const after = yield* Stream.runCollect(watch.events())
      assert.deepStrictEqual(after, before)
      assert.strictEqual(after.at(-1)!.event._tag, "RunCompleted")
      assert.strictEqual(after.filter(({ event }) => event._tag === "ToolProgress").length, 1)
    }).pipe(Effect.provide(TestModel.layer([TestModel.toolCall("late", {}), TestModel.text("done")])))
  })

  it.effect("an agent inside that fails ends for watchers too, and the run goes on", () => {
    const inner = Agent.make("inner", { instructions: "i", modelRetry: { times: 0 } })
    return Effect.gen(function*() {
      const watch = yield* assistant.with({ tools: [inner] }).watch("go")
      const events = yield* Stream.runCollect(watch.events())
      const ends = events.flatMap(({ event }) =>
        event._tag === "RunFailed" || event._tag === "RunCompleted" ? [[event._tag, event.path]] : []
      )
      assert.deepStrictEqual(ends, [["RunFailed", "assistant/inner"], ["RunCompleted", "assistant"]])
    }).pipe(Effect.provide(TestModel.layer({
      assistant: [TestModel.toolCall("inner", { instruction: "x" }), TestModel.text("done")],
      inner: [TestModel.fail(overloaded)]
    })))
  })

  it.effect("a defect ends a run with RunFailed, and is the result's defect", () =>
    Effect.gen(function*() {
      const watch = yield* Agent.make("dies", { instructions: Effect.die(new Error("ours")) }).watch("go")
      const last = (yield* Stream.runCollect(watch.events())).at(-1)!.event as Event
      assert.deepInclude(last, { _tag: "RunFailed", end: "defect", message: "ours" })
      const exit = yield* Effect.exit(watch.result)
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
    }).pipe(Effect.provide(TestModel.layer([]))))

  it.effect("an attempt that failed after it was shown is replaced by the next one", () =>
    Effect.gen(function*() {
      const agent = assistant.with({ retry: { times: 1 }, modelRetry: { times: 0 } })
      const watch = yield* agent.watch("go")
      const view = new View()
      const fiber = yield* Effect.forkChild(
        Stream.runForEach(watch.events(), ({ event }) => Effect.sync(() => view.see(event as Event)))
      )

      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(fiber)
      assert.strictEqual((yield* watch.result).output, "whole")
      assert.strictEqual(view.of("assistant")?.text, "whole")
    }).pipe(Effect.provide(TestModel.layer([
      [TestModel.text("half"), TestModel.fail(overloaded)],
      TestModel.text("whole")
    ]))))

  it.effect("watchers are woken once for all that the run says in one go", () =>
    Effect.gen(function*() {
      const go = yield* Latch.make()
      let pulls = 0
      const model = Scripted.layer(() =>
        Stream.fromEffect(go.await).pipe(
          Stream.drain,
          Stream.concat(Stream.fromIterable([...Scripted.say(Array.from({ length: 100 }, () => "x"))])) // one pull
        )
      )
      yield* Effect.gen(function*() {
        const watch = yield* assistant.watch("go")
        const fiber = yield* Effect.forkChild(
          Stream.runForEachArray(watch.events(), () => Effect.sync(() => pulls++)),
          { startImmediately: true }
        )
        yield* turn
        const before = pulls
        yield* go.open
        yield* Fiber.join(fiber)
        assert.isAtMost(pulls - before, 3)
      }).pipe(Effect.provide(model))
    }))

  it.effect("an id of another run, larger than any here, begins at the start", () =>
    Effect.gen(function*() {
      const watch = yield* assistant.watch("go")
      yield* watch.result
      const events = yield* Stream.runCollect(watch.events({ after: 1_000_000 }))
      assert.strictEqual(events[0]!.event._tag, "RunStarted")
    }).pipe(Effect.provide(TestModel.layer([TestModel.text("done")]))))

  it.effect("who has seen the terminal event already gets the end, and nothing else", () =>
    Effect.gen(function*() {
      const watch = yield* assistant.watch("go")
      const last = (yield* Stream.runCollect(watch.events())).at(-1)!
      assert.deepStrictEqual(yield* Stream.runCollect(watch.events({ after: last.id })), [])
    }).pipe(Effect.provide(TestModel.layer([TestModel.text("done")]))))
})
