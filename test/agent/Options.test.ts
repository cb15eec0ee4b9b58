import { assert, describe, it } from "@effect/vitest"
import { Cause, Context, Effect, Exit, Layer, Logger, Schedule, Schema } from "effect"
import { AiError, LanguageModel, Prompt } from "effect/ai"
import { TestClock } from "effect/testing"
import { Agent, type AgentError, type Capabilities, StopWhen, Task } from "fluxion"
import { TestModel } from "fluxion/testing"
import { collect, only } from "../support/Events.ts"
import { assertLegal, texts, told } from "../support/Messages.ts"

const look = Task.make("look", { payload: { at: Schema.String }, success: Schema.String, run: ({ at }) => `saw ${at}` })
const submit = Task.make("submit", { payload: {}, success: Schema.String, run: () => "submitted" })

const looking = (at: string) => TestModel.toolCall("look", { at })

const says = (...turns: ReadonlyArray<TestModel.Turn>) => Effect.provide(TestModel.layer(turns))

const requests = TestModel.requests

const reasonOf = (exit: Exit.Exit<unknown, AgentError.AgentError>) =>
  Exit.isFailure(exit) && Cause.hasFails(exit.cause)
    ? (Cause.squash(exit.cause) as AgentError.AgentError).reason
    : undefined

describe("the options of an agent", () => {
  it.effect("for the model are those of the agent, and those of the run over them", () =>
    Effect.gen(function*() {
      const agent = Agent.make("a", {
        instructions: "i",
        temperature: 0.1,
        topP: 0.5,
        seed: 7,
        stopSequences: ["END"],
        reasoning: "low",
        providerOptions: { openai: { store: true } }
      })
      yield* agent("hi")
      yield* agent("hi", { temperature: 0, maxTokens: 10, reasoning: "high", stream: false })
      const [first, second] = (yield* requests).map((request) => request.options)
      assert.deepStrictEqual(first, {
        agent: "a",
        maxTokens: 4096,
        temperature: 0.1,
        topP: 0.5,
        seed: 7,
        stopSequences: ["END"],
        reasoning: "low",
        providerOptions: { openai: { store: true } }
      })
      assert.deepStrictEqual(second, { ...first, temperature: 0, maxTokens: 10, reasoning: "high", stream: false })
    }).pipe(says(TestModel.text("1"), TestModel.text("2"))))

  describe("a model's capabilities", () => {
    const limited = (can: Partial<Capabilities.Capabilities>, ...turns: ReadonlyArray<TestModel.Turn>) =>
      Effect.provide(TestModel.layer(turns, { capabilities: can }))

    it.effect("a hint that it does not take is left out, with one warning in the result and one line in the log", () =>
      Effect.gen(function*() {
        const logged: Array<unknown> = []
        const agent = Agent.make("a", { instructions: "i", tools: [look], temperature: 0.5, seed: 1, reasoning: "low" })
        const results = yield* Effect.all([agent.result("hi"), agent.result("again")]).pipe(
          Effect.provide(Logger.layer([Logger.make(({ message }) => logged.push(...[message].flat()))]))
        )
        for (const { warnings } of results) {
          assert.deepStrictEqual(warnings.map((warning) => warning.code), ["option-omitted"])
          assert.match(warnings[0]!.message, /test\/test.*temperature, reasoning/)
        }
        assert.deepStrictEqual(logged, [`agent a: ${results[0].warnings[0]!.message}`])
        for (const { options } of yield* requests) {
          assert.deepStrictEqual(Object.keys(options), ["agent", "maxTokens", "seed"])
        }
      }).pipe(limited({ sampling: false, reasoning: false }, looking("x"), TestModel.text("1"), TestModel.text("2"))))

    const image = Prompt.filePart({ mediaType: "image/png", data: new Uint8Array(1) })
    const pdf = Prompt.filePart({ mediaType: "application/pdf", data: new Uint8Array(1) })
    const plain = Agent.make("a", { instructions: "i" })
    for (
      const [what, can, run, feature] of [
        ["tools", { tools: false }, plain.with({ tools: [look] })("hi"), "tools"],
        [
          "a forced tool",
          { forcedToolChoice: false },
          plain.with({ tools: [look], toolChoice: "required" })("hi"),
          "toolChoice"
        ],
        ["stop sequences", { stopSequences: false }, plain("hi", { stopSequences: ["x"] }), "stopSequences"],
        ["images", { vision: false }, plain(["look", image]), "images"],
        ["a PDF", { files: false }, plain(["read", pdf]), "files of type application/pdf"],
        [
          "images in the history",
          { vision: false },
          plain("hi", {
            history: Prompt.fromMessages([Prompt.userMessage({ content: [image] })])
          }),
          "images"
        ]
      ] as const
    ) {
      it.effect(`${what}, needed and not there, fails before the request`, () =>
        Effect.gen(function*() {
          const reason = reasonOf(yield* Effect.exit(run))
          assert.deepInclude(reason, { _tag: "Unsupported", model: "test/test", feature })
          assert.deepStrictEqual(yield* requests, [])
        }).pipe(limited(can)))
    }

    it.effect("a tool choice that agents without tools have no use for is none, and asks nothing of the model", () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* plain("hi", { toolChoice: "required" }), "fine")
        assert.deepStrictEqual((yield* requests).map((request) => request.toolChoice), ["none"])
      }).pipe(limited({ tools: false, forcedToolChoice: false }, TestModel.text("fine"))))
  })

  describe("toolChoice", () => {
    const agent = Agent.make("a", { instructions: "i", tools: [look, submit] })
    for (
      const [choice, then] of [
        ["required", "auto"],
        [{ tool: "look" }, "auto"],
        [{ mode: "required", oneOf: ["look"] }, { oneOf: ["look"] }],
        ["auto", "auto"],
        ["none", "none"]
      ] as const
    ) {
      it.effect(`${JSON.stringify(choice)} holds until a tool was called, then it is ${JSON.stringify(then)}`, () =>
        Effect.gen(function*() {
          yield* agent("hi", { toolChoice: choice })
          assert.deepStrictEqual((yield* requests).map((request) => request.toolChoice), [choice, then])
        }).pipe(says(looking("x"), TestModel.text("done"))))
    }
  })

  describe("stopWhen", () => {
    it.effect("ends the run after the tools of a turn, with what was said so far", () =>
      Effect.gen(function*() {
        const agent = Agent.make("a", {
          instructions: "i",
          tools: [look, submit],
          stopWhen: StopWhen.toolCalled("submit")
        })
        const result = yield* agent.result("hi")
        assert.deepStrictEqual([result.finish, result.output, result.turns], ["stopped", "handing in", 2])
        assertLegal(result.messages)
        assert.deepStrictEqual(told(result.messages).at(-1), ["submit", "submitted"])
      }).pipe(says(looking("x"), [TestModel.text("handing in"), TestModel.toolCall("submit", {})])))

    it.effect("a model that calls the same tool for ever is stopped by a rule, or by the limit", () =>
      Effect.gen(function*() {
        const agent = Agent.make("a", { instructions: "i", tools: [look], stopWhen: StopWhen.sameCall(3) })
        const forEver = Array.from({ length: 40 }, () => looking("x"))
        const stopped = yield* agent.result("hi").pipe(says(...forEver.slice(0, 3)))
        assert.deepStrictEqual([stopped.finish, stopped.toolCalls], ["stopped", 3])
        const exit = yield* Effect.exit(agent.with({ stopWhen: undefined })("hi")).pipe(says(...forEver.slice(0, 11)))
        assert.strictEqual(reasonOf(exit)?._tag, "EmptyAnswer")
      }))
  })

  describe("beforeTurn", () => {
    const other = TestModel.layer([TestModel.text("from the other")])

    it.effect("changes each thing for its turn only, and the event records it", () =>
      Effect.gen(function*() {
        const change: { readonly [turn: number]: Agent.TurnChange } = {
          1: { model: "test/other" },
          2: { tools: ["look"] },
          3: { instructions: "Now be short." },
          4: { toolChoice: "required" },
          5: { history: Prompt.make("forget all that") },
          6: {}
        }
        const agent = Agent.make("a", {
          instructions: "i",
          tools: [look, submit],
          beforeTurn: ({ turn }) => Effect.succeed(change[turn])
        })
        const { events } = yield* collect(agent.stream("hi"))
        assert.deepStrictEqual(only(events, "TurnStarted").map(({ changes, model }) => ({ changes, model })), [
          { changes: { model: "test/other" }, model: "test/other" },
          { changes: { tools: ["look"] }, model: "test/test" },
          { changes: { instructions: "Now be short." }, model: "test/test" },
          { changes: { toolChoice: "required" }, model: "test/test" },
          { changes: { history: 1 }, model: "test/test" },
          { changes: {}, model: "test/test" },
          { changes: undefined, model: "test/test" }
        ])
        const asked = yield* requests
        assert.deepStrictEqual(asked.map((request) => request.tools.length), [2, 1, 2, 2, 2, 2, 2])
        assert.deepStrictEqual(asked.map((request) => request.toolChoice === "required"), [
          false,
          false,
          false,
          true,
          false,
          false,
          false
        ])
        assert.deepStrictEqual(asked.map((request) => request.prompt.content[0]!.content), [
          "i",
          "i",
          "Now be short.",
          "i",
          "i",
          "i",
          "i"
        ])
        assert.deepStrictEqual(texts(asked[4]!.prompt.content), ["i", "forget all that"])
        assert.deepStrictEqual(asked.map((request) => request.prompt.content.length), [2, 4, 6, 8, 2, 12, 14])
        assert.deepStrictEqual(only(events, "ResponseReceived").map((event) => event.model).slice(0, 2), [
          "test/other",
          "test/test"
        ])
      }).pipe(says(...["1", "2", "3", "4", "5", "6"].map(looking), TestModel.text("done"))))

    it.effect("is told the turn, the messages and what the turns before did", () =>
      Effect.gen(function*() {
        const seen: Array<Agent.TurnInfo> = []
        const agent = Agent.make("a", {
          instructions: "i",
          tools: [look],
          beforeTurn: (turn) => Effect.sync(() => void seen.push({ ...turn, steps: [...turn.steps] }))
        })
        yield* agent("hi")
        assert.deepStrictEqual(seen.map(({ messages, model, turn }) => [turn, model, messages.length]), [
          [1, "test/test", 2],
          [2, "test/test", 4]
        ])
        assert.deepStrictEqual(seen[1]!.steps, [{
          turn: 1,
          text: "",
          toolCalls: [{ name: "look", arguments: { at: "x" }, result: "saw x", failed: false }]
        }])
      }).pipe(says(looking("x"), TestModel.text("done"))))

    it.effect("may give a model as a service", () =>
      Effect.gen(function*() {
        const model = Context.get(yield* Layer.build(other), LanguageModel.LanguageModel)
        const agent = Agent.make("a", { instructions: "i", beforeTurn: () => Effect.succeed({ model }) })
        assert.strictEqual(yield* agent("hi"), "from the other")
      }).pipe(says()))

    it.effect("cannot allow tools again in the last request, nor force one when it offers none", () =>
      Effect.gen(function*() {
        const agent = Agent.make("a", {
          instructions: "i",
          tools: [look],
          maxToolCalls: 1,
          beforeTurn: ({ turn }) => Effect.succeed(turn === 1 ? undefined : { toolChoice: "required" as const })
        })
        const result = yield* agent.result("hi")
        assert.strictEqual(result.finish, "tool-limit")
        const without = agent.with({ beforeTurn: () => Effect.succeed({ tools: [], toolChoice: "required" as const }) })
        yield* without("hi")
        assert.deepStrictEqual((yield* requests).map((request) => request.toolChoice), ["auto", "none", "none"])
      }).pipe(says(looking("x"), TestModel.text("done"), TestModel.text("done"))))
  })

  describe("modelRetry", () => {
    const busy = TestModel.fail(new AiError.InternalProviderError({ description: "overloaded" }))
    const plain = Agent.make("a", { instructions: "i" })

    it.effect("by default makes a call up to 5 times more, and tools that ran do not run again", () =>
      Effect.gen(function*() {
        let ran = 0
        const count = Task.make("count", { payload: {}, success: Schema.Finite, run: () => ++ran })
        const fiber = yield* Effect.forkChild(collect(plain.with({ tools: [count] }).stream("hi")))
        yield* TestClock.adjust("5 minutes")
        const { events } = fiber.pollUnsafe()!.pipe((exit) => Exit.isSuccess(exit) ? exit.value : assert.fail())
        assert.strictEqual(ran, 1)
        const retried = only(events, "ModelRetried")
        assert.deepStrictEqual(
          retried.map(({ attempt, reason, turn }) => [turn, attempt, reason]),
          [2, 3, 4, 5, 6].map((attempt) => [2, attempt, "InternalProviderError"])
        )
        retried.forEach(({ delay }, index) => {
          assert.isTrue(delay >= 0.8 * 500 * 2 ** index && delay <= 1.2 * 500 * 2 ** index, `${index}: ${delay}`)
        })
        assert.strictEqual(only(events, "RunCompleted")[0]!.result.output, "at last")
      }).pipe(says(TestModel.toolCall("count", {}), busy, busy, busy, busy, busy, TestModel.text("at last"))))

    it.effect("takes a schedule, and a rule; what is not worth it is not tried again", () =>
      Effect.gen(function*() {
        const once = plain.with({ modelRetry: Schedule.recurs(1) })
        assert.strictEqual(yield* once("hi").pipe(says(busy, TestModel.text("ok"))), "ok")
        const never = plain.with({ modelRetry: { times: 5, while: (error) => error.reason._tag === "RateLimitError" } })
        assert.strictEqual(reasonOf(yield* Effect.exit(never("hi")).pipe(says(busy)))?._tag, "ModelFailed")
        const wrong = TestModel.fail(new AiError.InvalidRequestError({ description: "no" }))
        assert.strictEqual(reasonOf(yield* Effect.exit(once("hi")).pipe(says(wrong)))?._tag, "ModelFailed")
      }))

    it.effect("an answer of which something was shown is not made again: what was seen is what is recorded", () =>
      Effect.gen(function*() {
        const half = [TestModel.stream(["half"]), busy]
        const { events, exit } = yield* collect(plain.with({ modelRetry: Schedule.recurs(1) }).stream("hi")).pipe(
          says(half)
        )
        assert.deepStrictEqual(only(events, "ModelRetried"), [])
        const error = Cause.squash((exit as Exit.Failure<void, AgentError.AgentError>).cause) as AgentError.AgentError
        assert.deepStrictEqual(texts(error.messages), ["hi", "half"])
        // nobody saw it
        const answer = yield* plain.with({ modelRetry: Schedule.recurs(1) })("hi").pipe(
          says(half, TestModel.text("whole"))
        )
        assert.strictEqual(answer, "whole")
      }))
  })

  it.effect("an answer cut at maxTokens is given with a warning that says so", () =>
    Effect.gen(function*() {
      const result = yield* Agent.make("a", { instructions: "i", maxTokens: 5 }).result("hi")
      assert.strictEqual(result.output, "half an ans")
      assert.deepStrictEqual(result.warnings.map((warning) => warning.code), ["answer-cut"])
      assert.include(result.warnings[0]!.message, "maxTokens (5)")
    }).pipe(says(TestModel.text("half an ans", { finish: "length" }))))

  it.effect("an answer that the vendor's filter held back is an error, with what there was", () =>
    Effect.gen(function*() {
      for (const text of ["", "I cannot"]) {
        const exit = yield* Effect.exit(Agent.make("a", { instructions: "i" })("hi")).pipe(
          says(TestModel.text(text, { finish: "content-filter" }))
        )
        assert.deepInclude(reasonOf(exit), { _tag: "ModelFailed" })
        assert.include(reasonOf(exit)!.message, text)
      }
    }))
})
