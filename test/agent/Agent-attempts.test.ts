import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Layer, Schedule, Schema, Stream } from "effect"
import { AiError, Prompt } from "effect/ai"
import { TestClock } from "effect/testing"
import { Agent, AgentError, AgentEvent, Engine, Execution, Models, Pause, Task, Usage, Workflow } from "fluxion"
import { TestModel } from "fluxion/testing"
import { collect, only } from "../support/Events.ts"
import { assertLegal, texts } from "../support/Messages.ts"

const says = (...turns: ReadonlyArray<TestModel.Turn>) => Effect.provide(TestModel.layer(turns))

const used = (input: number, output: number) => ({ inputTokens: { total: input }, outputTokens: { total: output } })

const text = (answer: string, input: number, output: number) => TestModel.text(answer, { usage: used(input, output) })

const look = Task.make("look", { payload: {}, success: Schema.String, run: () => Effect.succeed("seen") })

const now = Schedule.recurs(3)

const errorOf = <A>(exit: Exit.Exit<A, AgentError.AgentError>): AgentError.AgentError => {
  assert.isTrue(Exit.isFailure(exit))
  return Cause.squash((exit as Exit.Failure<A, AgentError.AgentError>).cause) as AgentError.AgentError
}

const refused = TestModel.fail(new AiError.ContentPolicyError({ description: "no" }))

describe("attempts of a run", () => {
  describe("what they cost", () => {
    const eager = Agent.make("eager", { instructions: "i", tools: [look], retry: now })

    it.effect("the result counts the tokens of all of them, and the work of the last", () =>
      Effect.gen(function*() {
        const result = yield* eager.result("go")
        assert.deepStrictEqual(result.usage, used(10 + 20 + 400, 5 + 2 + 40))
        assert.deepStrictEqual([result.turns, result.toolCalls, result.output], [1, 0, "done"])
        assert.deepStrictEqual(texts(result.messages), ["go", "done"])
      }).pipe(says(TestModel.toolCall("look", {}), text("", 20, 2), text("done", 400, 40))))

    it.effect("so does the error when none succeeds, and the event that tells of it", () =>
      Effect.gen(function*() {
        const all = Schedule.recurs(1)
        const { events, result } = yield* eager.with({ retry: all }).watch("go")
        const error = errorOf(yield* Effect.exit(result))
        assert.deepStrictEqual(error.usage, used(330, 33))
        const seen = yield* Stream.runCollect(events())
        assert.deepStrictEqual(only(seen.map(({ event }) => event), "RunFailed")[0]!.usage, used(330, 33))
      }).pipe(Effect.scoped, says(text("", 30, 3), text("", 300, 30))))

    it.effect("and so does an attempt that ran out of time", () =>
      Effect.gen(function*() {
        const slow = Task.make("slow", { payload: {}, success: Schema.String, run: () => Effect.never })
        const agent = Agent.make("a", { instructions: "i", tools: [slow], retry: now, timeout: "1 minute" })
        const fiber = yield* Effect.forkChild(agent.result("go"))
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual((yield* Fiber.join(fiber)).usage, used(17, 6))
      }).pipe(says(TestModel.toolCall("slow", {}), text("done", 7, 1))))
  })

  it.effect("in a workflow too: those before a restart are not made again, and count", () => {
    const review = Pause.make("review", { input: Schema.String })
    const asks = Task.make("asks", { payload: {}, success: Schema.String, run: () => Effect.orDie(review()) })
    const agent = Agent.make("a", { instructions: "i", tools: [asks], retry: now })
    const model = TestModel.layer([
      text("", 20, 2),
      TestModel.toolCall("asks", {}),
      text("done", 300, 30)
    ])
    const costs = Workflow.make("costs", {
      payload: {},
      success: Usage.Usage,
      error: AgentError.AgentError,
      run: () => Effect.map(agent.result("go"), ({ usage }) => usage)
    })
    return Effect.gen(function*() {
      const id = yield* costs.start({})
      yield* Execution.settled(id)
      yield* review.resume(id, "fine")
      assert.deepStrictEqual(yield* costs.result(id), used(20 + 10 + 300, 2 + 5 + 30))
    }).pipe(Effect.provide(costs.layer.pipe(Layer.provideMerge(Layer.merge(Engine.layerMemory, model)))))
  })

  describe("what a reader sees", () => {
    it.effect("the run begins once, and RunRetried tells of each attempt that failed", () =>
      Effect.gen(function*() {
        const { events, exit } = yield* collect(Agent.make("a", { instructions: "i", retry: now }).stream("go"))
        assert.deepStrictEqual(exit, Exit.void)
        assert.deepStrictEqual(events.map((event) => event._tag), [
          "RunStarted",
          "TurnStarted",
          "ResponseReceived",
          "RunRetried",
          "TurnStarted",
          "TextDelta",
          "ResponseReceived",
          "RunCompleted"
        ])
        const { message, ...retried } = only(events, "RunRetried")[0]!
        assert.deepStrictEqual(retried, { _tag: "RunRetried", path: "a", attempt: 2, reason: "EmptyAnswer" })
        assert.include(message, "empty answer")
      }).pipe(says(TestModel.text(""), TestModel.text("done"))))

    it.effect("an attempt that ran out of time too", () =>
      Effect.gen(function*() {
        const agent = Agent.make("a", { instructions: "i", retry: now, timeout: "1 minute" })
        const fiber = yield* Effect.forkChild(collect(agent.stream("go")))
        yield* TestClock.adjust("1 minute")
        const { events } = yield* Fiber.join(fiber)
        assert.deepStrictEqual(only(events, "RunRetried").map(({ attempt, reason }) => [attempt, reason]), [[
          2,
          "TimedOut"
        ]])
        assert.lengthOf(only(events, "RunStarted"), 1)
      }).pipe(says(TestModel.stream(["half", Effect.never]), TestModel.text("done"))))
  })

  describe("which failures are worth another", () => {
    const agent = Agent.make("a", { instructions: "i" })

    it.effect("by default those that may go better the next time", () =>
      Effect.gen(function*() {
        for (const retry of [now, { times: 3, schedule: now }]) {
          const error = errorOf(yield* Effect.exit(agent.with({ retry })("go")))
          assert.strictEqual(error.reason._tag, "ModelFailed")
        }
      }).pipe(says(refused, refused)))

    it.effect("otherwise those that the agent's own rule names", () =>
      Effect.gen(function*() {
        const retry = { times: 3, schedule: now, while: (error: AgentError.AgentError) => !error.isRetryable }
        assert.strictEqual(yield* agent.with({ retry })("go"), "done")
        assert.strictEqual(errorOf(yield* Effect.exit(agent.with({ retry })("go"))).reason._tag, "EmptyAnswer")
      }).pipe(says(refused, TestModel.text("done"), TestModel.text(""))))
  })
})

describe("an agent that another agent calls", () => {
  const inner = Agent.make("inner", { instructions: "i" })
  const middle = Agent.make("middle", { instructions: "i", tools: [inner] })
  const ask = (name: string) => TestModel.toolCall(name, { instruction: "go" })

  it.effect("adds what it used to the run that called it, once, however deep", () =>
    Effect.gen(function*() {
      const outer = Agent.make("outer", { instructions: "i", tools: [middle] })
      const { events } = yield* collect(outer.stream("go"))
      const usage = only(events, "RunCompleted").map(({ path, result }) => [path, result.usage])
      assert.deepStrictEqual(usage, [
        ["outer/middle/inner", used(1, 1)],
        ["outer/middle", used(1 + 10 + 20, 1 + 5 + 2)],
        ["outer", used(1 + 10 + 20 + 10 + 300, 1 + 5 + 2 + 5 + 30)]
      ])
    }).pipe(Effect.provide(TestModel.layer({
      inner: [text("in", 1, 1)],
      middle: [ask("inner"), text("mid", 20, 2)],
      outer: [ask("middle"), text("out", 300, 30)]
    }))))

  it.effect("also from the code of a task, also when it fails, and when nobody watches", () =>
    Effect.gen(function*() {
      const both = Task.make("both", {
        payload: {},
        success: Schema.String,
        run: () =>
          Effect.all([inner("1"), Effect.ignore(inner("2")), Stream.runDrain(inner.stream("3"))], { concurrency: 3 })
            .pipe(Effect.as("done"), Effect.orDie)
      })
      const outer = Agent.make("outer", { instructions: "i", tools: [both] })
      assert.deepStrictEqual((yield* outer.result("go")).usage, used(1 + 20 + 300 + 10 + 10, 3 + 5 + 5))
    }).pipe(Effect.provide(TestModel.layer({
      inner: [text("a", 1, 1), text("", 20, 1), text("c", 300, 1)],
      outer: [TestModel.toolCall("both", {}), TestModel.text("out")]
    }))))

  it.effect("is a part of the run also where its fallback or its rollback calls it", () =>
    Effect.gen(function*() {
      const outer = Agent.make("outer", { instructions: "i", fallback: () => inner("go") })
      const answered = yield* collect(outer.stream("go"))
      assert.deepStrictEqual(only(answered.events, "RunCompleted").map(({ path, result }) => [path, result.usage]), [
        ["outer/inner", used(1, 1)],
        ["outer", used(1 + 20, 1 + 2)]
      ])
      const undone = Agent.make("outer", { instructions: "i", rollback: () => Effect.asVoid(inner("go")) })
      const { events } = yield* collect(undone.stream("go"))
      assert.deepStrictEqual(only(events, "RunCompleted").map(({ path }) => path), ["outer/inner"])
    }).pipe(Effect.provide(TestModel.layer({
      inner: [text("in", 1, 1), text("in", 1, 1)],
      outer: [text("", 20, 2), text("", 20, 2)]
    }))))

  it.effect("has one event that ends it, wherever the run around it is stopped", () =>
    Effect.gen(function*() {
      for (let deltas = 20; deltas < 36; deltas++) {
        const outer = Agent.make("outer", { instructions: "i", tools: [inner], timeout: "1 minute" })
        const events: Array<AgentEvent.AgentEvent> = []
        yield* Effect.gen(function*() {
          const pull = yield* Stream.toPull(outer.stream("go"))
          // the reader stops reading, and the run waits for it where its events are too many
          yield* TestClock.adjust("1 minute")
          yield* Effect.exit(Effect.forever(Effect.map(pull, (some) => events.push(...some))))
        }).pipe(
          Effect.scoped,
          Effect.provide(TestModel.layer({
            inner: [TestModel.stream(Array.from({ length: deltas }, () => "a"))],
            outer: [ask("inner")]
          }))
        )
        const ends = events.filter((event) => event.path === "outer/inner" && AgentEvent.isTerminal(event))
        assert.lengthOf(ends, 1, `${deltas} deltas: ${ends.map(({ _tag }) => _tag)}`)
      }
    }))
})

describe("the answer of an agent's fallback", () => {
  it.effect("is the last of the messages, so that the next run goes on from it", () =>
    Effect.gen(function*() {
      const agent = Agent.make("a", { instructions: "i", fallback: () => Effect.succeed("as good") })
      const first = yield* agent.result("go")
      assert.deepStrictEqual(texts(first.messages), ["go", "as good"])
      assertLegal(first.messages)
      yield* agent.result("on", { history: Prompt.fromMessages(first.messages) })
      assert.deepStrictEqual(texts((yield* TestModel.requests).at(-1)!.prompt.content), ["i", "go", "as good", "on"])
    }).pipe(says(TestModel.text(""), TestModel.text("ok"))))

  it.effect("after what was said before, when the run did not come to its first turn", () =>
    Effect.gen(function*() {
      const agent = Agent.make("a", { instructions: "i", model: "nobody", fallback: () => "alone" })
      const result = yield* agent.result("go", { history: Prompt.make("before") })
      assert.deepStrictEqual(texts(result.messages), ["before", "go", "alone"])
    }).pipe(Effect.provideService(Models.Models, {
      get: (model) => Effect.fail(new AgentError.ModelUnresolved({ model, problem: "bad-name", detail: "no" }))
    })))

  it.effect("as the model would have given it, where it is typed", () =>
    Effect.gen(function*() {
      const typed = <S extends Schema.Top>(output: S, value: S["Type"]) =>
        Agent.make("a", { instructions: "i", output, fallback: () => Effect.succeed(value) })
      const day = new Date("2026-11-24T00:00:00.000Z")
      const whole = yield* typed(Schema.Struct({ day: Schema.Date }), { day }).result("go")
      assert.deepStrictEqual(whole.output, { day })
      assert.strictEqual(texts(whole.messages).at(-1), `{"day":"2026-11-24T00:00:00.000Z"}`)
      assert.strictEqual(texts((yield* typed(Schema.Finite, 3).result("go")).messages).at(-1), `{"value":3}`)
    }).pipe(says(TestModel.text(""), TestModel.text(""))))
})
