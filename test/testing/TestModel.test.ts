import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Latch, Schema, Stream } from "effect"
import { AiError, LanguageModel } from "effect/ai"
import { Agent, type AgentError, Models, Task } from "fluxion"
import { TestModel } from "fluxion/testing"

const lookUp = Task.make("look_up", {
  payload: { word: Schema.String },
  success: Schema.String,
  run: ({ word }) => Effect.succeed(`${word}!`)
})
const assistant = Agent.make("assistant", { instructions: "i", tools: [lookUp] })

const modelErrorOf = (error: AgentError.AgentError) => {
  assert.strictEqual(error.reason._tag, "ModelFailed")
  return (error.reason as AgentError.ModelFailed).error
}

describe("a script", () => {
  it.effect("is answered turn by turn; several steps of one array are one response", () =>
    Effect.gen(function*() {
      const result = yield* assistant.result("go")
      assert.strictEqual(result.output, "Both are done")
      assert.strictEqual(result.turns, 2)
      const [, answer, results] = result.messages
      assert.deepStrictEqual((answer!.content as ReadonlyArray<{ readonly type: string }>).map(({ type }) => type), [
        "text",
        "tool-call",
        "tool-call"
      ])
      assert.strictEqual(results!.role, "tool")
    }).pipe(Effect.provide(TestModel.layer([
      [
        TestModel.text("I look them up."),
        TestModel.toolCall("look_up", { word: "a" }),
        TestModel.toolCall("look_up", { word: "b" })
      ],
      TestModel.text("Both are done")
    ]))))

  it.effect("may be by agent: who asks gets its own turns, in whatever order they ask", () =>
    Effect.gen(function*() {
      const agents = ["writer", "researcher", "writer"].map((name) => Agent.make(name, { instructions: "i" }))
      const answers = yield* Effect.forEach(agents, (agent) => agent("go"))
      assert.deepStrictEqual(answers, ["report", "notes", "second report"])
    }).pipe(Effect.provide(TestModel.layer({
      researcher: [TestModel.text("notes")],
      writer: [TestModel.text("report"), TestModel.text("second report")]
    }))))

  it.effect("says how a turn finished and what it cost", () =>
    Effect.gen(function*() {
      const usage = { inputTokens: { total: 1 }, outputTokens: { total: 2, reasoning: 1 } }
      const result = yield* assistant.result("go").pipe(
        Effect.provide(TestModel.layer([TestModel.text("cut", { finish: "length", usage })]))
      )
      assert.deepStrictEqual(result.usage, usage)
      assert.strictEqual(result.warnings[0]?.code, "answer-cut")
    }))

  it.effect("a call that it does not foresee fails, and says whose it was", () =>
    Effect.gen(function*() {
      yield* assistant("once")
      const error = modelErrorOf(yield* Effect.flip(assistant("twice")))
      assert.isFalse(error.isRetryable)
      assert.include(error.message, "call 2 of assistant is not in the script")
    }).pipe(Effect.provide(TestModel.layer([TestModel.text("one")]))))

  it.effect("an agent without a script of its own gets no answer", () =>
    Effect.gen(function*() {
      const error = modelErrorOf(yield* Effect.flip(assistant("go")))
      assert.include(error.message, "call 1 of assistant is not in the script")
    }).pipe(Effect.provide(TestModel.layer({ other: [] }))))

  /** How a program over a script ends. */
  const ending = (script: TestModel.Script, program: Effect.Effect<unknown, unknown, LanguageModel.LanguageModel>) =>
    Effect.map(
      Effect.exit(Effect.provide(program, TestModel.layer(script))),
      (exit) => Exit.isSuccess(exit) ? "success" : String(Cause.squash(exit.cause))
    )

  it.effect("turns that are left over fail the test at its end", () =>
    Effect.gen(function*() {
      const two = [TestModel.text("one"), TestModel.text("two")]
      assert.include(yield* ending(two, assistant("go")), "not used: 1 of 2 turns of any agent")
      assert.include(
        yield* ending({ assistant: two, writer: two }, assistant("go")),
        "not used: 1 of 2 turns of assistant, 2 of 2 turns of writer"
      )
      assert.strictEqual(yield* ending(two, Effect.andThen(assistant("go"), assistant("go"))), "success")
    }))

  it.effect("turns that are left over hide no failure of the test itself", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* ending([TestModel.text("one")], Effect.fail("the test's own")), "the test's own")
    }))
})

describe("steps", () => {
  it.effect("fail: the call fails with the reason", () =>
    Effect.gen(function*() {
      const error = modelErrorOf(yield* Effect.flip(assistant("go")))
      assert.strictEqual(error.reason._tag, "InvalidRequestError")
      assert.include(error.message, "no such thing")
    }).pipe(Effect.provide(TestModel.layer([
      TestModel.fail(new AiError.InvalidRequestError({ description: "no such thing" }))
    ]))))

  it.effect("fail after text: the answer breaks off", () =>
    Effect.gen(function*() {
      const texts: Array<string> = []
      const exit = yield* Effect.exit(Stream.runForEach(assistant.stream("go"), (event) =>
        Effect.sync(() => {
          if (event._tag === "TextDelta") texts.push(event.delta)
        })))
      assert.deepStrictEqual(texts, ["half an "])
      assert.isTrue(Exit.isFailure(exit))
    }).pipe(Effect.provide(TestModel.layer([
      [TestModel.text("half an "), TestModel.fail(new AiError.InternalProviderError({ description: "overloaded" }))]
    ]))))

  it.effect("stream: texts are deltas, parts go as they are, Effects are run where they stand", () =>
    Effect.gen(function*() {
      const seen = yield* Latch.make()
      const order: Array<string> = []
      const fiber = yield* Effect.forkChild(
        Stream.runForEach(assistant.stream("go"), (event) => {
          if (event._tag !== "TextDelta" && event._tag !== "ReasoningDelta") return Effect.void
          order.push(event.delta)
          return event.delta === "so" ? seen.open : Effect.void
        }).pipe(Effect.provide(TestModel.layer([TestModel.stream([
          { type: "reasoning-start", id: "r" },
          { type: "reasoning-delta", id: "r", delta: "hm" },
          { type: "reasoning-end", id: "r" },
          "so",
          seen.await,
          Effect.sync(() => order.push("(seen)")),
          " it is"
        ])])))
      )
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(order, ["hm", "so", "(seen)", " it is"])
    }))

  it.effect("stream: ten thousand deltas are no trouble", () =>
    Effect.gen(function*() {
      const deltas = Array.from({ length: 10_000 }, (_, index) => `${index} `)
      const answer = yield* Effect.provide(assistant("go"), TestModel.layer([TestModel.stream(deltas)]))
      assert.strictEqual(answer, deltas.join(""))
    }))

  it.effect("respond: the model decides by the request, also for a part of a turn", () =>
    Effect.gen(function*() {
      const events = yield* Stream.runCollect(assistant.stream("go"))
      assert.deepStrictEqual(events.flatMap((event) => event._tag === "ResponseReceived" ? [event.finish] : []), [
        "tool-calls",
        "stop"
      ])
      assert.deepStrictEqual(events.flatMap((event) => event._tag === "ToolReturned" ? [event.result] : []), ["user!"])
      assert.deepInclude(events.at(-1), { _tag: "RunCompleted" })
    }).pipe(Effect.provide(TestModel.layer([
      [
        TestModel.text("I look. "),
        TestModel.respond(({ prompt }) => [TestModel.toolCall("look_up", { word: prompt.content.at(-1)!.role })])
      ],
      TestModel.respond(({ tools }) => TestModel.text(`there are ${tools.length} tools`))
    ]))))
})

describe("requests", () => {
  it.effect("are kept as they were when they were made", () =>
    Effect.gen(function*() {
      yield* assistant("go", { temperature: 0.3 })
      const [first, second] = yield* TestModel.requests
      assert.deepStrictEqual(first!.prompt.content.map(({ role }) => role), ["system", "user"])
      assert.deepStrictEqual(second!.prompt.content.map(({ role }) => role), ["system", "user", "assistant", "tool"])
      assert.deepStrictEqual(first!.options, { agent: "assistant", maxTokens: 4096, temperature: 0.3 })
      assert.strictEqual(first!.toolChoice, "auto")
      assert.deepStrictEqual(first!.tools.map(({ name }) => name), ["look_up"])
    }).pipe(Effect.provide(TestModel.layer([TestModel.toolCall("look_up", { word: "a" }), TestModel.text("done")]))))
})

describe("what it stands for", () => {
  it.effect("every name in Models", () =>
    Effect.gen(function*() {
      const openai = Agent.make("openai", { instructions: "i", model: "openai/gpt-5" })
      const ollama = Agent.make("ollama", { instructions: "i", model: "ollama/llama3.2" })
      assert.deepStrictEqual([yield* openai("go"), yield* ollama("go")], ["one", "two"])
      const models = yield* Models.Models
      assert.strictEqual(yield* models.get("openai/gpt-5"), yield* models.get("openai/gpt-5"))
    }).pipe(Effect.provide(TestModel.layer([TestModel.text("one"), TestModel.text("two")]))))

  it.effect("LanguageModel itself, for code without an agent", () =>
    Effect.gen(function*() {
      const { text, usage } = yield* LanguageModel.generateText({ prompt: "go" })
      assert.strictEqual(text, "plain")
      assert.strictEqual(usage.inputTokens.total, 10)
      const parts = yield* Stream.runCollect(LanguageModel.streamText({ prompt: "go" }))
      assert.deepStrictEqual(parts.map(({ type }) => type), ["text-start", "text-delta", "text-end", "finish"])
      const { value } = yield* LanguageModel.generateObject({
        prompt: "go",
        schema: Schema.Struct({ n: Schema.Finite })
      })
      assert.deepStrictEqual(value, { n: 1 })
    }).pipe(Effect.provide(TestModel.layer([
      TestModel.text("plain"),
      TestModel.text("streamed"),
      TestModel.text(`{"n":1}`)
    ]))))

  it.effect("a model that lacks what is asked of it, when the test says so", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(assistant("go"))
      assert.strictEqual(error.reason._tag, "Unsupported")
    }).pipe(Effect.provide(TestModel.layer([], { capabilities: { tools: false } }))))
})
