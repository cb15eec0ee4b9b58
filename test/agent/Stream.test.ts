import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Latch, Schedule, Schema, Stream } from "effect"
import { AiError } from "effect/ai"
import { TestClock } from "effect/testing"
import { Agent, type AgentEvent, Task } from "fluxion"
import { TestModel } from "fluxion/testing"
import { collect, only } from "../support/Events.ts"
import { assertLegal, texts } from "../support/Messages.ts"
import * as RunLog from "../support/RunLog.ts"
import * as Scripted from "../support/Scripted.ts"

type Event = AgentEvent.AgentEvent<unknown>

const assistant = Agent.make("assistant", { instructions: "i" })
const rateLimited = (retryAfter?: Duration.Duration) =>
  new AiError.RateLimitError(retryAfter === undefined ? {} : { retryAfter })
const overloaded = new AiError.InternalProviderError({ description: "overloaded" })
const tagsOf = (events: ReadonlyArray<Event>) => events.map((event) => event._tag)

/** Runs an effect, and the clock along with it until it is done; says how much time went by. */
const withClock = <A, E, R>(effect: Effect.Effect<A, E, R>, limit: Duration.Input = "10 minutes") =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(Effect.exit(effect), { startImmediately: true })
    const step = 100
    let passed = 0
    for (; fiber.pollUnsafe() === undefined && passed < Duration.toMillis(limit); passed += step) {
      yield* TestClock.adjust(step)
    }
    return { exit: yield* Fiber.join(fiber), passed }
  })

describe("leaving", () => {
  it.effect("after any event: the run has ended, its tools are cleaned up once, and the log says so unless it was over", () => {
    let open = 0
    let cleaned = 0
    const slow = Task.make("slow", {
      payload: {},
      success: Schema.String,
      risk: "read",
      run: () =>
        Effect.acquireUseRelease(
          Effect.sync(() => void open++),
          () => Effect.as(Effect.yieldNow, "done"),
          () => Effect.sync(() => void cleaned++)
        )
    })
    const agent = assistant.with({ tools: [slow] })
    const model = Scripted.layer(({ prompt }) =>
      Scripted.parts(
        prompt.content.at(-1)!.role === "tool"
          ? Scripted.say(["a ", "b ", "c"])
          : Scripted.calls([["slow", {}], ["slow", {}]])
      ).pipe(Stream.tap(() => Effect.yieldNow))
    )
    return Effect.gen(function*() {
      const whole = tagsOf(yield* Stream.runCollect(agent.stream("go")))
      assert.strictEqual(whole.at(-1), "RunCompleted")
      for (let count = 1; count <= whole.length; count++) {
        const log = RunLog.make()
        const events = yield* log.watch(Stream.runCollect(Stream.take(agent.stream("go"), count)))
        assert.strictEqual(events.length, count)
        assert.strictEqual(open, cleaned, `after ${count} events`)
        const isOver = count === whole.length || log.lines.length === 0
        assert.deepStrictEqual(log.lines.map(({ end }) => end), isOver ? [] : ["client-gone"])
        if (count < whole.length - 4) assert.isFalse(isOver, `after ${count} events`)
      }
    }).pipe(Effect.provide(model))
  })

  it.effect("while the run waits for its reader: nothing hangs", () =>
    Effect.gen(function*() {
      const stands = yield* Latch.make()
      const log = RunLog.make()
      const reader = yield* Effect.forkChild(log.watch(Stream.runForEach(assistant.stream("go"), (event) =>
        event._tag === "TextDelta" ? Effect.andThen(stands.open, Effect.never) : Effect.void)))
      yield* stands.await
      for (let i = 0; i < 200; i++) {
        yield* Effect.yieldNow
      }
      yield* Fiber.interrupt(reader)
      assert.deepStrictEqual(
        log.lines.map(({ end }) =>
          end
        ),
        ["interrupted"]
      )
    }).pipe(Effect.provide(TestModel.layer([
      TestModel.stream(Array.from({ length: 1000 }, (_, index) => `${index} `))
    ]))))

  it.effect("before the first event: nothing is asked of the model", () =>
    Effect.gen(function*() {
      yield* Stream.runDrain(Stream.take(assistant.stream("go"), 0))
      assert.deepStrictEqual(yield* TestModel.requests, [])
    }).pipe(Effect.provide(TestModel.layer([]))))
})

describe("a stream of events", () => {
  it.effect("is a run of its own for everybody who runs it", () =>
    Effect.gen(function*() {
      const stream = assistant.stream("go")
      const answers = yield* Effect.forEach([1, 2], () => collect(stream))
      assert.deepStrictEqual(answers.map(({ events }) => only(events, "RunCompleted")[0]!.result.output), [
        "one",
        "two"
      ])
    }).pipe(Effect.provide(TestModel.layer([TestModel.text("one"), TestModel.text("two")]))))

  it.effect("fails in the error channel, after what was shown, with what was said so far", () =>
    Effect.gen(function*() {
      const { events, exit } = yield* collect(assistant.stream("go"))
      assert.deepStrictEqual(tagsOf(events), ["RunStarted", "TurnStarted", "TextDelta"])
      const error = yield* Effect.flip(exit)
      assert.strictEqual(error.reason._tag, "ModelFailed")
      assertLegal(error.messages)
      assert.deepStrictEqual(texts(error.messages), ["go", "half an "])
    }).pipe(Effect.provide(TestModel.layer([[TestModel.text("half an "), TestModel.fail(overloaded)]]))))

  it.effect("holds the events of an agent inside, how it ended too", () => {
    const inner = Agent.make("inner", { instructions: "i", modelRetry: { times: 0 } })
    return Effect.gen(function*() {
      const { events } = yield* collect(assistant.with({ tools: [inner] }).stream("go"))
      const ends = events.filter((event) => event._tag === "RunCompleted" || event._tag === "RunFailed")
      assert.deepStrictEqual(ends.map(({ _tag, path }) => [_tag, path]), [
        ["RunCompleted", "assistant/inner"],
        ["RunFailed", "assistant/inner"],
        ["RunCompleted", "assistant"]
      ])
      assert.strictEqual(only(events, "RunFailed")[0]!.end, "failed")
      assert.strictEqual(only(events, "ToolFailed").length, 1)
    }).pipe(Effect.provide(TestModel.layer({
      assistant: [
        TestModel.toolCall("inner", { instruction: "x" }),
        TestModel.toolCall("inner", { instruction: "y" }),
        TestModel.text("done")
      ],
      inner: [TestModel.text("fine"), TestModel.fail(overloaded)]
    })))
  })

  it.effect("what a tool reports goes into it while the tool runs", () =>
    Effect.gen(function*() {
      const seen = yield* Latch.make()
      const task = Task.make("work", {
        payload: {},
        success: Schema.String,
        run: (_, { progress }) => {
          progress({ percent: 50 })
          return Effect.as(seen.await, "done")
        }
      })
      const events = yield* assistant.with({ tools: [task] }).stream("go").pipe(
        Stream.tap((event) => event._tag === "ToolProgress" ? seen.open : Effect.void),
        Stream.runCollect
      )
      assert.deepStrictEqual(events.flatMap((event) => event._tag === "ToolProgress" ? [event.value] : []), [
        { percent: 50 }
      ])
    }).pipe(Effect.provide(TestModel.layer([TestModel.toolCall("work", {}), TestModel.text("done")]))))
})

describe("a model call that fails", () => {
  it.effect("before anything was shown is made again, and a ModelRetried says when and why", () =>
    Effect.gen(function*() {
      const { exit, passed } = yield* withClock(collect(assistant.stream("go")))
      const { events } = Exit.isSuccess(exit) ? exit.value : assert.fail()
      assert.deepStrictEqual(tagsOf(events), [
        "RunStarted",
        "TurnStarted",
        "ModelRetried",
        "ModelRetried",
        "TextDelta",
        "ResponseReceived",
        "RunCompleted"
      ])
      const retried = only(events, "ModelRetried")
      assert.deepStrictEqual(
        retried.map(({ attempt, model, reason, turn }) => [attempt, model, reason, turn]),
        [[2, "test/test", "RateLimitError", 1], [3, "test/test", "InternalProviderError", 1]]
      )
      // 0.5 s and 1 s, jittered by a fifth
      for (const [index, base] of [500, 1000].entries()) {
        assert.isAtLeast(retried[index]!.delay, base * 0.8)
        assert.isAtMost(retried[index]!.delay, base * 1.2)
      }
      const waited = retried.reduce((sum, { delay }) => sum + delay, 0)
      assert.closeTo(passed, waited, 200)
    }).pipe(Effect.provide(TestModel.layer([
      TestModel.fail(rateLimited()),
      TestModel.fail(overloaded),
      TestModel.text("done")
    ]))))

  it.effect("is made again after the vendor's own time, when that is longer", () =>
    Effect.gen(function*() {
      const { exit, passed } = yield* withClock(collect(assistant.stream("go")))
      const { events } = Exit.isSuccess(exit) ? exit.value : assert.fail()
      assert.deepStrictEqual(only(events, "ModelRetried").map(({ delay }) => delay), [7000, 60_000])
      assert.closeTo(passed, 67_000, 200)
    }).pipe(Effect.provide(TestModel.layer([
      TestModel.fail(rateLimited(Duration.seconds(7))),
      TestModel.fail(rateLimited(Duration.seconds(60))),
      TestModel.text("done")
    ]))))

  it.effect("is not made again when the vendor asks for more than a minute: it fails at once, and says for how long", () =>
    Effect.gen(function*() {
      for (const seconds of [61, 86_400]) {
        const { events, exit } = yield* collect(assistant.stream("go"))
        assert.deepStrictEqual(only(events, "ModelRetried"), [])
        const { reason } = yield* Effect.flip(exit)
        assert.strictEqual(reason._tag, "ModelFailed")
        if (reason._tag !== "ModelFailed") return
        assert.deepStrictEqual(reason.error.retryAfter, Duration.seconds(seconds))
      }
    }).pipe(Effect.provide(TestModel.layer([
      TestModel.fail(rateLimited(Duration.seconds(61))),
      TestModel.fail(rateLimited(Duration.seconds(86_400)))
    ]))))

  it.effect("is made five times more at most", () =>
    Effect.gen(function*() {
      const { exit } = yield* withClock(assistant("go"))
      assert.isTrue(Exit.isFailure(exit))
      assert.strictEqual((yield* TestModel.requests).length, 6)
    }).pipe(Effect.provide(TestModel.layer(Array.from({ length: 6 }, () => TestModel.fail(overloaded))))))

  it.effect("is not made again once a reader has seen a part of it", () =>
    Effect.gen(function*() {
      const shown: ReadonlyArray<TestModel.StreamItem> = [
        { type: "text-delta", id: "t", delta: "half" },
        { type: "reasoning-delta", id: "r", delta: "half" },
        { type: "tool-params-delta", id: "c", delta: "{" }
      ]
      for (const item of shown) {
        const { events, exit } = yield* Effect.provide(
          collect(assistant.stream("go")),
          TestModel.layer([[TestModel.stream([item]), TestModel.fail(overloaded)]])
        )
        assert.deepStrictEqual(only(events, "ModelRetried"), [])
        assert.isTrue(Exit.isFailure(exit))
      }
    }))

  it.effect("is made again when what came of it showed nothing", () =>
    Effect.gen(function*() {
      const hidden: ReadonlyArray<TestModel.StreamItem> = [
        { type: "text-start", id: "t" },
        { type: "text-delta", id: "t", delta: "" },
        { type: "reasoning-start", id: "r" },
        { type: "tool-call", id: "c", name: "x", params: {} },
        { type: "response-metadata", modelId: "m" } as Scripted.Part
      ]
      for (const item of hidden) {
        const { exit } = yield* Effect.provide(
          withClock(collect(assistant.stream("go"))),
          TestModel.layer([[TestModel.stream([item]), TestModel.fail(overloaded)], TestModel.text("done")])
        )
        const { events } = Exit.isSuccess(exit) ? exit.value : assert.fail()
        assert.strictEqual(only(events, "ModelRetried").length, 1)
        const { result } = only(events, "RunCompleted")[0]!
        assert.strictEqual(result.output, "done")
        assert.deepStrictEqual(texts(result.messages), ["go", "done"]) // nothing of the first is kept
      }
    }))

  it.effect("in the middle is made again when nobody reads", () =>
    Effect.gen(function*() {
      const { exit } = yield* withClock(assistant.result("go"))
      const result = Exit.isSuccess(exit) ? exit.value : assert.fail()
      assert.strictEqual(result.output, "whole")
      assert.deepStrictEqual(texts(result.messages), ["go", "whole"])
    }).pipe(Effect.provide(TestModel.layer([
      [TestModel.text("half"), TestModel.fail(overloaded)],
      TestModel.text("whole")
    ]))))

  it.effect("is not made again for a reason that would be the same", () =>
    Effect.gen(function*() {
      const reasons = [
        new AiError.AuthenticationError({ kind: "InvalidKey" }),
        new AiError.InvalidRequestError({}),
        new AiError.QuotaExhaustedError({})
      ]
      for (const reason of reasons) {
        const { events, exit } = yield* Effect.provide(
          collect(assistant.stream("go")),
          TestModel.layer([TestModel.fail(reason)])
        )
        assert.deepStrictEqual(only(events, "ModelRetried"), [], reason._tag)
        assert.isTrue(Exit.isFailure(exit))
      }
    }))

  it.effect("is made again by the agent's own modelRetry: a number, a Schedule, a condition", () =>
    Effect.gen(function*() {
      const retries = [
        [{ times: 2 }, 3],
        [{ times: 0 }, 1],
        [Schedule.recurs(1), 2],
        [{ times: 5, while: (error: AiError.AiError) => error.reason._tag === "RateLimitError" }, 1]
      ] as const
      for (const [modelRetry, calls] of retries) {
        const { exit } = yield* Effect.provide(
          withClock(assistant.with({ modelRetry })("go")),
          TestModel.layer(Array.from({ length: calls }, () => TestModel.fail(overloaded)))
        )
        assert.isTrue(Exit.isFailure(exit))
      }
    }))

  it.effect("does not run the turn's finished tools again", () => {
    let runs = 0
    const once = Task.make("once", { payload: {}, success: Schema.Finite, run: () => Effect.sync(() => ++runs) })
    return Effect.gen(function*() {
      const { exit } = yield* withClock(assistant.with({ tools: [once] })("go"))
      assert.deepStrictEqual(exit, Exit.succeed("done"))
      assert.strictEqual(runs, 1)
    }).pipe(Effect.provide(TestModel.layer([
      TestModel.toolCall("once", {}),
      TestModel.fail(overloaded),
      TestModel.text("done")
    ])))
  })
})
