import { assert, describe, it } from "@effect/vitest"
import { Cause, Context, Deferred, Duration, Effect, Exit, Fiber, Layer, Schedule, Schema, Stream } from "effect"
import { AiError, LanguageModel, Prompt } from "effect/ai"
import { TestClock } from "effect/testing"
import { Agent, agent, AgentError, Driver, ModelOptions, Models, Task } from "fluxion"
import { TestModel } from "fluxion/testing"
import { collect, only } from "../support/Events.ts"
import { assertLegal, texts, told } from "../support/Messages.ts"

const echo = Task.make("echo", {
  payload: { text: Schema.String },
  success: Schema.String,
  run: ({ text }) => `echo ${text}`
})

const plain = Agent.make("plain", { instructions: "Be plain." })

const says = (...turns: ReadonlyArray<TestModel.Turn>) => Effect.provide(TestModel.layer(turns))

const lastRequest = Effect.map(TestModel.requests, (requests) => requests.at(-1)!)

const reasonOf = (exit: Exit.Exit<unknown, AgentError.AgentError>) =>
  Exit.isFailure(exit) && Cause.hasFails(exit.cause)
    ? (Cause.squash(exit.cause) as AgentError.AgentError).reason
    : undefined

describe("an agent", () => {
  describe("is run", () => {
    it.effect("as a function, by run, and by result, which tells more of the same", () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* plain("hi"), "1")
        assert.strictEqual(yield* plain.run("hi"), "2")
        const result = yield* plain.result("hi")
        assert.deepStrictEqual({ ...result, messages: result.messages.map((message) => message.role) }, {
          output: "3",
          finish: "answered",
          usage: { inputTokens: { total: 10 }, outputTokens: { total: 5 } },
          turns: 1,
          toolCalls: 0,
          messages: ["user", "assistant"],
          warnings: [],
          model: "test/test"
        })
      }).pipe(says(TestModel.text("1"), TestModel.text("2"), TestModel.text("3"))))

    it.effect("again and again: an Effect of it holds no state", () =>
      Effect.gen(function*() {
        const call = plain.result("hi")
        const [first, second] = [yield* call, yield* call]
        assert.deepStrictEqual([first.output, second.output], ["1", "2"])
        assert.deepStrictEqual([first.turns, second.turns], [1, 1])
      }).pipe(says(TestModel.text("1"), TestModel.text("2"))))

    it.effect("by stream: the run itself, as its events, RunCompleted last", () =>
      Effect.gen(function*() {
        const { events, exit } = yield* collect(Agent.make("a", { instructions: "i", tools: [echo] }).stream("hi"))
        assert.deepStrictEqual(exit, Exit.void)
        assert.deepStrictEqual(events.map((event) => event._tag), [
          "RunStarted",
          "TurnStarted",
          "ResponseReceived",
          "ToolCalled",
          "ToolReturned",
          "TurnStarted",
          "TextDelta",
          "TextDelta",
          "ResponseReceived",
          "RunCompleted"
        ])
        assert.isTrue(events.every((event) => event.path === "a"))
        assert.deepStrictEqual(only(events, "TextDelta").map((event) => event.delta), ["Hel", "lo"])
        assert.deepStrictEqual(
          only(events, "ResponseReceived").map(({ finish, text, turn }) => ({ finish, text, turn })),
          [
            { finish: "tool-calls", text: "", turn: 1 },
            { finish: "stop", text: "Hello", turn: 2 }
          ]
        )
        assert.deepStrictEqual(only(events, "ToolCalled")[0]!.arguments, { text: "x" })
        assert.strictEqual(only(events, "RunCompleted")[0]!.result.output, "Hello")
      }).pipe(says(TestModel.toolCall("echo", { text: "x" }), TestModel.stream(["Hel", "lo"]))))

    it.effect("whoever drops the stream interrupts the run", () =>
      Effect.gen(function*() {
        const interrupted = yield* Deferred.make<void>()
        const hangs = TestModel.stream([
          "a",
          "b",
          Effect.onInterrupt(Effect.never, () => Deferred.succeed(interrupted, undefined))
        ])
        const first = yield* plain.stream("hi").pipe(
          Stream.filter((event) => event._tag === "TextDelta"),
          Stream.take(1),
          Stream.runCollect,
          says(hangs)
        )
        assert.strictEqual(first.length, 1)
        yield* Deferred.await(interrupted)
      }))

    it.effect("failure is in the stream's error channel, after the events so far", () =>
      Effect.gen(function*() {
        const { events, exit } = yield* collect(plain.stream("hi"))
        assert.deepStrictEqual(events.map((event) => event._tag), ["RunStarted", "TurnStarted", "ResponseReceived"])
        assert.strictEqual(reasonOf(exit)?._tag, "EmptyAnswer")
      }).pipe(says(TestModel.text(""))))
  })

  describe("its prompt", () => {
    it.effect("is what would be sent; nothing is sent", () =>
      Effect.gen(function*() {
        const tool = Task.make("book", {
          description: "Books a room.",
          payload: {
            nights: Schema.Int.annotate({ description: "How many nights." }),
            view: Schema.Literals(["sea", "yard"]),
            guest: Schema.Struct({ name: Schema.String, vip: Schema.optionalKey(Schema.Boolean) })
          },
          success: Schema.String,
          run: () => "booked"
        })
        const prompt = yield* Agent.make("a", { instructions: "Be short.", tools: [tool], temperature: 0.5 }).prompt(
          "hi",
          {
            context: "It is May.",
            temperature: 0.7
          }
        )
        assert.strictEqual(prompt.model, "test/test")
        assert.deepStrictEqual(prompt.prompt.content.map((message) => message.role), ["system", "user"])
        assert.deepStrictEqual(texts(prompt.prompt.content), [
          "Be short.",
          "<background>\nIt is May.\n</background>",
          "hi"
        ])
        assert.deepInclude(prompt.options, { temperature: 0.7, maxTokens: 4096 })
        const [{ description, name, parameters }] = prompt.tools as [typeof prompt.tools[number]]
        assert.deepStrictEqual([name, description], ["book", "Books a room."])
        assert.deepNestedInclude(parameters, {
          type: "object",
          "properties.nights.description": "How many nights.",
          "properties.view.enum": ["sea", "yard"],
          "properties.guest.properties.name.type": "string",
          "properties.guest.required": ["name"],
          required: ["nights", "view", "guest"]
        })
        assert.deepStrictEqual(yield* TestModel.requests, [])
      }).pipe(says()))

    it.effect("instructions may be an Effect, made anew for each run; empty ones send no system message", () =>
      Effect.gen(function*() {
        class Tone extends Context.Service<Tone, { readonly of: Effect.Effect<string> }>()("test/Tone") {}
        let count = 0
        const toned = Agent.make("a", { instructions: Tone.use((tone) => tone.of) })
        const layer = Layer.succeed(Tone, { of: Effect.sync(() => `tone ${++count}`) })
        yield* Effect.provide(Effect.andThen(toned("hi"), toned("hi")), layer)
        yield* Agent.make("a", { instructions: "" })("hi")
        const systems = (yield* TestModel.requests).map(({ prompt }) =>
          prompt.content.filter((message) => message.role === "system").map((message) => message.content)
        )
        assert.deepStrictEqual(systems, [["tone 1"], ["tone 2"], []])
      }).pipe(says(TestModel.text("1"), TestModel.text("2"), TestModel.text("3"))))

    it.effect("history goes on from a run, and instructions are not doubled", () =>
      Effect.gen(function*() {
        const first = yield* plain.result("one")
        const second = yield* plain.result("two", { history: Prompt.fromMessages(first.messages) })
        assert.deepStrictEqual(texts((yield* lastRequest).prompt.content), ["Be plain.", "one", "1", "two"])
        assert.deepStrictEqual(texts(second.messages), ["one", "1", "two", "2"])
        assert.strictEqual(first.messages.length, 2, "the first run's history is as it was")
      }).pipe(says(TestModel.text("1"), TestModel.text("2"))))

    it.effect("an instruction may carry images and files beside texts", () =>
      Effect.gen(function*() {
        const image = Prompt.filePart({ mediaType: "image/png", data: new Uint8Array([1, 2, 3]) })
        const file = Prompt.filePart({ mediaType: "application/pdf", data: new URL("https://example.com/a.pdf") })
        yield* plain(["What is this?", image, file], { context: "background" })
        const { content } = (yield* lastRequest).prompt.content[1]!
        assert.deepStrictEqual((content as ReadonlyArray<Prompt.Part>).map((part) => part.type), [
          "text",
          "text",
          "file",
          "file"
        ])
        assert.strictEqual((content as ReadonlyArray<unknown>)[2], image)
      }).pipe(says(TestModel.text("a picture"))))
  })

  describe("is made", () => {
    it("with a name, and described; with(…) keeps what is not named", () => {
      const copy = plain.with({ description: "d" })
      assert.deepStrictEqual([copy.name, copy.description, plain.description], ["plain", "d", undefined])
      assert.isTrue(Task.isTask(plain))
    })

    it.effect("with(…) copies: the original is as it was", () =>
      Effect.gen(function*() {
        const copy = plain.with({ instructions: "Be fancy.", tools: [echo] })
        yield* copy("hi")
        yield* plain("hi")
        const [first, second] = yield* TestModel.requests
        assert.deepStrictEqual([first!.prompt.content[0]!.content, first!.tools.length], ["Be fancy.", 1])
        assert.deepStrictEqual([second!.prompt.content[0]!.content, second!.tools.length], ["Be plain.", 0])
      }).pipe(says(TestModel.text("1"), TestModel.text("2"))))

    it("by agent(instructions), named after its model", () => {
      assert.strictEqual(agent("You help.").name, "agent")
      assert.strictEqual(agent("You help.", { model: "openai/gpt-5" }).name, "agent_openai_gpt-5")
      assert.strictEqual(agent("x", { model: "ollama/hf.co/a b:7b" as string }).name, "agent_ollama_hf_co_a_b_7b")
      assert.isAtMost(agent("x", { model: `p/${"m".repeat(90)}` as string }).name.length, 64)
    })

    it.effect("by agent(instructions) it runs like any other", () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* agent("You help.", { tools: [echo] })("hi"), "done")
        assert.deepStrictEqual((yield* lastRequest).tools.map((tool) => tool.name), ["echo"])
      }).pipe(says(TestModel.text("done"))))

    it("not with instructions for a name", () => {
      assert.throws(() => Agent.make("You are a helpful assistant.", { instructions: "" }), /looks like instructions/)
      for (const name of ["", "a.b", "x".repeat(65)]) {
        assert.throws(() => Agent.make(name, { instructions: "i" }), TypeError, /1 to 64 letters/)
      }
    })

    it("not with two tools of one name, whatever they are", () => {
      for (const tools of [[echo, echo.with({ description: "d" })], [plain, echo.with({}), plain]]) {
        assert.throws(() => Agent.make("a", { instructions: "i", tools }), /two tools are named "(echo|plain)"/)
      }
    })
  })

  describe("its model", () => {
    it.effect("by name comes from Models, a LanguageModel is not asked", () =>
      Effect.gen(function*() {
        const named = plain.with({ model: "test/some/model:7b" })
        const result = yield* named.result("hi")
        assert.strictEqual(result.model, "test/some/model:7b")
      }).pipe(says(TestModel.text("hi"))))

    it.effect("that no provider has is a typed error before anything is asked", () =>
      Effect.gen(function*() {
        const models = Models.layer([{ name: "real", model: () => Effect.die("not asked") }])
        for (
          const [model, problem, says] of [
            ["nope/x", "unknown-provider", "real"],
            ["gpt-5", "bad-name", "provider/model"],
            ["real/", "bad-name", "provider/model"],
            [" real/x", "bad-name", "provider/model"]
          ] as const
        ) {
          const exit = yield* Effect.exit(plain.with({ model: model as string })("hi")).pipe(Effect.provide(models))
          const reason = reasonOf(exit)
          assert.deepInclude(reason, { _tag: "ModelUnresolved", problem, model })
          assert.include(reason!.message, says)
        }
      }).pipe(says()))

    it.effect("may be any LanguageModel: one made by others is called the standard way, with tools and options", () =>
      Effect.gen(function*() {
        const asked: Array<LanguageModel.ProviderOptions> = []
        const options: Array<ModelOptions.ModelOptions> = []
        const usage = { inputTokens: { total: 3 }, outputTokens: { total: 2 } } as never
        const answer = (request: LanguageModel.ProviderOptions, context: Context.Context<never>) => {
          asked.push(request)
          options.push(Context.get(context, ModelOptions.CurrentModelOptions))
          return asked.length === 1
            ? [
              { type: "reasoning", text: "hm" },
              { type: "tool-call", id: "c1", name: "echo", params: { text: "x" } },
              { type: "finish", reason: "tool-calls", usage }
            ] as const
            : [{ type: "text", text: "done" }, { type: "finish", reason: "stop", usage }] as const
        }
        const foreign = yield* LanguageModel.make({
          generateText: (request) =>
            Effect.map(Effect.context<never>(), (context) => [...answer(request, context)] as never),
          streamText: (request) =>
            Stream.unwrap(
              Effect.map(Effect.context<never>(), (context) =>
                Stream.fromIterable(
                  answer(request, context).flatMap((part): ReadonlyArray<unknown> =>
                    part.type === "text" || part.type === "reasoning"
                      ? [
                        { type: `${part.type}-start`, id: "1" },
                        { type: `${part.type}-delta`, id: "1", delta: part.text },
                        { type: `${part.type}-end`, id: "1" }
                      ]
                      : [part]
                  ) as never
                ))
            )
        })
        const assistant = Agent.make("a", { instructions: "i", tools: [echo], temperature: 0.3 })
        for (const stream of [true, false]) {
          asked.length = 0
          const { events } = yield* collect(assistant.stream("hi", { stream })).pipe(
            Effect.provideService(LanguageModel.LanguageModel, foreign)
          )
          const { result } = only(events, "RunCompleted")[0]!
          assert.strictEqual(result.output, "done")
          assert.deepStrictEqual(result.usage, { inputTokens: { total: 6 }, outputTokens: { total: 4 } })
          assert.deepStrictEqual(told(result.messages), [["echo", "echo x"]])
          assertLegal(result.messages)
          assert.deepStrictEqual(only(events, "ReasoningDelta").map((event) => event.delta), ["hm"])
          assert.deepStrictEqual(asked.map((request) => request.tools.map((tool) => tool.name)), [["echo"], ["echo"]])
          assert.strictEqual(options.at(-1)!.temperature, 0.3)
          assert.strictEqual(options.at(-1)!.maxTokens, 4096)
        }
      }))

    it.effect("that somebody wrapped is called through the wrapper, never past it", () =>
      Effect.gen(function*() {
        const model = yield* LanguageModel.LanguageModel
        const calls: Array<string> = []
        const wrapped: LanguageModel.LanguageModel = {
          ...model,
          streamText: (options: any) => {
            calls.push("streamText")
            return model.streamText(options)
          },
          generateText: (options: any) => {
            calls.push("generateText")
            return model.generateText(options)
          }
        } as never
        const assistant = Agent.make("a", { instructions: "i", tools: [echo], temperature: 0.3 })
        const through = Effect.provideService(LanguageModel.LanguageModel, wrapped)
        assert.strictEqual(yield* assistant("hi").pipe(through), "done")
        assert.strictEqual(yield* assistant("hi", { stream: false }).pipe(through), "whole")
        assert.deepStrictEqual(calls, ["streamText", "streamText", "generateText"])
        const requests = yield* TestModel.requests
        assert.isTrue(requests.every((request) => request.options.temperature === 0.3), "options reach our driver")
        assert.deepStrictEqual(requests.map((request) => request.tools.length), [1, 1, 1])
        assert.deepStrictEqual(told(requests[1]!.prompt.content), [["echo", "echo x"]])
      }).pipe(says(TestModel.toolCall("echo", { text: "x" }), TestModel.text("done"), TestModel.text("whole"))))

    for (const changed of ["streamText", "generateText"] as const) {
      it.effect(`whose ${changed} was replaced in place is called the standard way from then on`, () =>
        Effect.gen(function*() {
          const model = (yield* LanguageModel.LanguageModel) as {
            -readonly [key in "streamText" | "generateText"]: any
          }
          const standard = model.streamText
          let calls = 0
          if (changed === "generateText") model.generateText = (options: unknown) => options
          model.streamText = changed === "generateText" ? standard : (options: unknown) => {
            calls++
            return standard(options)
          }
          assert.isUndefined(Driver.of(model as never))
          assert.strictEqual(yield* plain("hi"), "1")
          assert.strictEqual(calls, changed === "streamText" ? 1 : 0)
        }).pipe(says(TestModel.text("1"))))
    }
  })

  describe("as a tool of another", () => {
    const researcher = Agent.make("researcher", {
      instructions: "Research.",
      description: "Finds facts.",
      tools: [echo]
    })
    const editor = Agent.make("editor", { instructions: "Edit.", tools: [researcher] })

    it.effect("answers its call; its events are in the same stream, under its path", () =>
      Effect.gen(function*() {
        const { events } = yield* collect(editor.stream("write"))
        const inner = events.filter((event) => event.path === "editor/researcher")
        assert.deepStrictEqual(inner.map((event) => event._tag), [
          "RunStarted",
          "TurnStarted",
          "ResponseReceived",
          "ToolCalled",
          "ToolReturned",
          "TurnStarted",
          "TextDelta",
          "ResponseReceived",
          "RunCompleted"
        ])
        const tags = events.filter((event) => event.path === "editor").map((event) => event._tag)
        assert.deepStrictEqual(tags.filter((tag) => tag.startsWith("Tool")), ["ToolCalled", "ToolReturned"])
        assert.deepInclude(events.at(-1), { _tag: "RunCompleted", path: "editor" })
        const requests = yield* TestModel.requests
        assert.deepStrictEqual(texts(requests[1]!.prompt.content), [
          "Research.",
          "<background>\nabout cats\n</background>",
          "find facts"
        ])
        assert.deepStrictEqual(told(requests[3]!.prompt.content), [["researcher", "facts"]])
        assert.strictEqual(requests[0]!.tools[0]!.description, "Finds facts.")
      }).pipe(Effect.provide(TestModel.layer({
        editor: [
          TestModel.toolCall("researcher", { instruction: "find facts", context: "about cats" }),
          TestModel.text("article")
        ],
        researcher: [TestModel.toolCall("echo", { text: "x" }), TestModel.text("facts")]
      }))))

    it.effect("its failure is a result that the other's model can act on", () =>
      Effect.gen(function*() {
        const { events } = yield* collect(editor.stream("write"))
        assert.strictEqual(only(events, "RunCompleted")[0]!.result.output, "no facts today")
        assert.match(String(told((yield* lastRequest).prompt.content)[0]![1]), /researcher.*empty answer/)
        assert.deepStrictEqual(only(events, "ToolFailed").map((event) => event.path), ["editor"])
        assert.deepStrictEqual(only(events, "RunFailed").map((event) => event.path), ["editor/researcher"])
      }).pipe(Effect.provide(TestModel.layer({
        editor: [TestModel.toolCall("researcher", { instruction: "find" }), TestModel.text("no facts today")],
        researcher: [TestModel.text("")]
      }))))

    it.effect("called by a task that is a tool it joins the same stream too", () =>
      Effect.gen(function*() {
        const ask = Task.make("ask", {
          payload: {},
          success: Schema.String,
          error: AgentError.AgentError,
          run: () => plain("hi")
        })
        const { events } = yield* collect(Agent.make("outer", { instructions: "i", tools: [ask] }).stream("go"))
        assert.deepStrictEqual(only(events, "TextDelta").map(({ delta, path }) => [path, delta]), [
          ["outer/plain", "inner"],
          ["outer", "done"]
        ])
      }).pipe(Effect.provide(TestModel.layer({
        outer: [TestModel.toolCall("ask", {}), TestModel.text("done")],
        plain: [TestModel.text("inner")]
      }))))
  })

  describe("as a task", () => {
    it.effect("retry runs it again, whole; a fallback answers instead, with payload and error", () =>
      Effect.gen(function*() {
        const again = plain.with({ retry: Schedule.recurs(2) })
        const twice = yield* again.result("hi").pipe(says(TestModel.text(""), TestModel.text("second")))
        assert.deepStrictEqual([twice.output, twice.turns], ["second", 1])

        const instead = plain.with({
          fallback: ({ context, instruction }, error) =>
            Effect.succeed(`${instruction} ${context}: ${error.reason._tag}`)
        })
        const result = yield* instead.result("hi", { context: "c" }).pipe(says(TestModel.text("")))
        assert.strictEqual(result.output, "hi c: EmptyAnswer")
        assert.deepStrictEqual(result.usage.inputTokens, { total: 10 })

        const later = plain.with({ fallback: () => Promise.resolve("later") })
        assert.strictEqual(yield* later("hi").pipe(says(TestModel.text(""))), "later")
        const broken = plain.with({ fallback: () => Promise.reject<string>(new Error("no")) })
        assert.strictEqual(
          reasonOf(yield* Effect.exit(broken("hi")).pipe(says(TestModel.text(""))))?._tag,
          "EmptyAnswer"
        )
      }))

    it.effect("retry may ask whether it is worth it", () =>
      Effect.gen(function*() {
        const again = plain.with({ retry: { times: 3, while: (error) => error.isRetryable } })
        const bad = new AiError.InvalidRequestError({ description: "no" })
        const exit = yield* Effect.exit(again("hi")).pipe(says(TestModel.fail(bad)))
        assert.strictEqual(reasonOf(exit)?._tag, "ModelFailed")
      }))

    it.effect("timeout bounds the run, interrupts it, and keeps what was said", () =>
      Effect.gen(function*() {
        const never = Task.make("never", { payload: {}, success: Schema.Void, run: () => Effect.never })
        const slow = Agent.make("slow", { instructions: "i", tools: [never], timeout: "10 seconds" })
        const fiber = yield* Effect.forkChild(Effect.exit(slow("hi")))
        yield* TestClock.adjust("10 seconds")
        const exit = yield* Fiber.join(fiber)
        const error = Cause.squash((exit as Exit.Failure<never, never>).cause) as AgentError.AgentError
        assert.deepStrictEqual(error.reason, new AgentError.TimedOut({ after: Duration.seconds(10) }))
        assertLegal(error.messages)
        assert.match(String(told(error.messages)[0]![1]), /ended before this call finished/)
        assert.deepStrictEqual(error.usage.inputTokens, { total: 10 })
      }).pipe(says([TestModel.text("I will wait"), TestModel.toolCall("never", {})])))

    it.effect("rollback runs once when it failed for good or was interrupted", () =>
      Effect.gen(function*() {
        const undone: Array<unknown> = []
        const careful = plain.with({
          retry: Schedule.recurs(1),
          rollback: ({ instruction }, exit) => Effect.sync(() => void undone.push([instruction, exit._tag]))
        })
        yield* Effect.exit(careful("a")).pipe(says(TestModel.text(""), TestModel.text("")))
        assert.strictEqual(yield* careful("b").pipe(says(TestModel.text("fine"))), "fine")
        const fiber = yield* Effect.forkChild(careful("c").pipe(says(TestModel.stream([Effect.never]))))
        yield* TestClock.adjust("1 second")
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(undone, [["a", "Failure"], ["c", "Failure"]])
      }))

    it.effect("approval with nobody to ask fails closed, called by hand or by a model", () =>
      Effect.gen(function*() {
        const careful = plain.with({ approval: ({ instruction }) => instruction !== "harmless" })
        assert.deepInclude(reasonOf(yield* Effect.exit(careful("harmful"))), { _tag: "NoApprover", tool: "plain" })
        assert.strictEqual(yield* careful("harmless"), "fine")
        const outer = Agent.make("outer", { instructions: "i", tools: [careful] })
        assert.deepInclude(reasonOf(yield* Effect.exit(outer("go"))), { _tag: "NoApprover", tool: "plain" })
      }).pipe(Effect.provide(TestModel.layer({
        plain: [TestModel.text("fine")],
        outer: [TestModel.toolCall("plain", { instruction: "harmful" })]
      }))))
  })
})
