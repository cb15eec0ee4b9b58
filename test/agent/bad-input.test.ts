import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Schema, Stream } from "effect"
import { AiError, Prompt } from "effect/ai"
import { TestClock } from "effect/testing"
import { Agent, type AgentError, Task } from "fluxion"
import { TestModel } from "fluxion/testing"
import * as V8 from "node:v8"
import * as Vm from "node:vm"
import { collect, only } from "../support/Events.ts"
import { assertLegal, texts, told } from "../support/Messages.ts"
import * as Scripted from "../support/Scripted.ts"

const plain = Agent.make("plain", { instructions: "i" })

V8.setFlagsFromString("--expose-gc")
const collectGarbage = Vm.runInNewContext("gc") as () => void

const says = (...turns: ReadonlyArray<TestModel.Turn>) => Effect.provide(TestModel.layer(turns))

const failure = (exit: Exit.Exit<unknown, AgentError.AgentError>) => {
  assert.isTrue(Exit.isFailure(exit) && Cause.hasFails(exit.cause), "a typed failure")
  return Cause.squash((exit as Exit.Failure<unknown, AgentError.AgentError>).cause) as AgentError.AgentError
}

/** The result that a model is told of the one call that it makes. */
const toldOf = (tool: Task.Any, options?: { readonly maxToolResult?: number }) =>
  Effect.gen(function*() {
    const agent = Agent.make("a", { instructions: "i", tools: [tool], ...options }) as unknown as Agent.Agent<
      "a",
      string,
      never
    >
    const { events, exit } = yield* collect(agent.stream("go"))
    assert.deepStrictEqual(exit, Exit.void)
    const [result] = told((yield* TestModel.requests)[1]!.prompt.content)
    return { result: result![1], events }
  }).pipe(says(TestModel.toolCall("t", {}), TestModel.text("done")))

describe("bad input ends well:", () => {
  it.effect("an empty instruction is refused before anything is asked", () =>
    Effect.gen(function*() {
      for (const instruction of ["", "  \n\t", [], ["", " "]]) {
        const error = failure(yield* Effect.exit(plain(instruction, { context: "background" })))
        assert.strictEqual(error.reason._tag, "ModelFailed")
        assert.isFalse(error.isRetryable)
        assert.include(error.message, "the instruction is empty")
        assert.strictEqual((yield* collect(plain.stream(instruction))).exit._tag, "Failure")
      }
    }).pipe(says()))

  it.effect("an instruction of 1 MB, and one of odd characters, arrive as they are", () =>
    Effect.gen(function*() {
      for (const instruction of ["x".repeat(1_000_000), "\u0000\ud800 \u202e👩‍👩‍👧"]) {
        yield* plain(instruction)
        assert.strictEqual(texts((yield* TestModel.requests).at(-1)!.prompt.content)[1], instruction)
      }
    }).pipe(says(TestModel.text("1"), TestModel.text("2"))))

  it.effect("a tool's result of 10 MB is cut, and the model is told; so is one that is no text, and a failure", () =>
    Effect.gen(function*() {
      const size = 10_000_000
      const big = "x".repeat(size)
      const fields = { payload: {}, success: Schema.Unknown }
      const tools = [
        Task.make("t", { ...fields, run: () => big }),
        Task.make("t", { ...fields, run: () => ({ rows: [big] }) }),
        Task.make("t", { ...fields, run: () => Promise.reject<unknown>(new Error(big)) })
      ]
      for (const tool of tools) {
        const { events, result } = yield* toldOf(tool)
        assert.isBelow(String(result).length, 66_000)
        assert.match(String(result), /\[Result cut: the first 65536 of 100\d+ characters are shown/)
        assert.isBelow(JSON.stringify(events).length, 400_000, "nor do events carry it")
      }
      const { result } = yield* toldOf(tools[0]!, { maxToolResult: 10 })
      assert.match(String(result), /^x{10}\n\[Result cut/)
    }))

  it.effect("a model that calls a tool for ever, though it was offered none, is stopped by the limit", () =>
    Effect.gen(function*() {
      const forEver = Array.from({ length: 11 }, () => TestModel.toolCall("t", {}))
      const error = failure(yield* Effect.exit(plain("go")).pipe(says(...forEver)))
      assert.strictEqual(error.reason._tag, "EmptyAnswer")
      assertLegal(error.messages)
    }))

  it.effect("a tool that never returns is ended by its own timeout, and the model is told", () =>
    Effect.gen(function*() {
      const never = [
        Task.make("t", { payload: {}, success: Schema.Void, timeout: "30 seconds", run: () => Effect.never }),
        Task.make("t", {
          payload: {},
          success: Schema.Void,
          timeout: "30 seconds",
          run: () => new Promise<void>(() => {})
        })
      ]
      for (const tool of never) {
        const fiber = yield* Effect.forkChild(toldOf(tool))
        yield* TestClock.adjust("30 seconds")
        const { events, result } = yield* Fiber.join(fiber)
        assert.strictEqual(result, "task t took longer than its timeout of 30s")
        assert.strictEqual(only(events, "ToolFailed").length, 1)
      }
    }))

  it.effect("a tool's Promise that rejects after its timeout disturbs nobody", () =>
    Effect.gen(function*() {
      const unhandled: Array<unknown> = []
      const listener = (reason: unknown) => unhandled.push(reason)
      process.on("unhandledRejection", listener)
      yield* Effect.addFinalizer(() => Effect.sync(() => process.off("unhandledRejection", listener)))
      let reject = (_: unknown) => {}
      const late = Task.make("t", {
        payload: {},
        success: Schema.Void,
        timeout: "1 second",
        run: () => new Promise<void>((_, fail) => reject = fail)
      })
      const fiber = yield* Effect.forkChild(toldOf(late))
      yield* TestClock.adjust("1 second")
      const { result } = yield* Fiber.join(fiber)
      reject(new Error("too late"))
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      assert.include(String(result), "timeout of 1s")
      assert.deepStrictEqual(unhandled, [])
    }))

  it.effect("whatever a tool throws, the model is told something", () =>
    Effect.gen(function*() {
      const cycle: Record<string, unknown> = { _tag: "Odd" }
      cycle["self"] = cycle
      const odd: ReadonlyArray<readonly [thrown: unknown, told: RegExp]> = [
        [undefined, /undefined/],
        [null, /null/],
        ["", /^$|empty|unknown/],
        [42n, /42/],
        [cycle, /Odd|object/],
        [{ code: 7 }, /7/],
        [{ message: "from a message" }, /^from a message$/],
        [new (class extends Error {})(), /Error/],
        [Symbol("s"), /Symbol/]
      ]
      for (const [thrown, expected] of odd) {
        const bodies: ReadonlyArray<() => Task.Body<void, never>> = [
          () => Effect.die(thrown),
          () => Promise.reject(thrown)
        ]
        for (const body of bodies) {
          const { result } = yield* toldOf(Task.make("t", { payload: {}, success: Schema.Void, run: body }))
          assert.match(String(result), expected)
        }
      }
    }))

  it.effect("a tool that interrupts itself is a result; the run goes on", () =>
    Effect.gen(function*() {
      const tool = Task.make("t", { payload: {}, success: Schema.Void, run: () => Effect.interrupt })
      assert.strictEqual((yield* toldOf(tool)).result, "it was interrupted")
    }))

  it.effect("arguments that name a prototype reach nothing", () =>
    Effect.gen(function*() {
      const seen: Array<object> = []
      const tool = Task.make("t", {
        payload: { x: Schema.optionalKey(Schema.String) },
        success: Schema.Void,
        run: (payload) => void seen.push(payload)
      })
      const agent = Agent.make("a", { instructions: "i", tools: [tool] })
      yield* agent("go").pipe(
        says([
          TestModel.toolCall("t", JSON.parse(`{"__proto__": {"x": "polluted"}}`)),
          TestModel.toolCall("__proto__", {}),
          TestModel.toolCall("constructor", {})
        ], TestModel.text("done"))
      )
      assert.strictEqual(seen.length, 1)
      assert.isUndefined((seen[0] as { readonly x?: string }).x)
      assert.isUndefined(({} as { readonly x?: string }).x)
    }))

  it.effect("a context that overflows inside the tool loop is an error that keeps a legal history", () =>
    Effect.gen(function*() {
      const tool = Task.make("t", { payload: {}, success: Schema.String, run: () => "x".repeat(1000) })
      const overflow = new AiError.InvalidRequestError({ description: "prompt is too long", parameter: "input" })
      const exit = yield* Effect.exit(plain.with({ tools: [tool] })("go")).pipe(
        says(TestModel.toolCall("t", {}), TestModel.fail(overflow))
      )
      const error = failure(exit)
      assert.strictEqual(error.reason._tag, "ModelFailed")
      assert.isFalse(error.isRetryable)
      assert.include(error.message, "prompt is too long")
      assert.deepStrictEqual(error.messages.map((message) => message.role), ["user", "assistant", "tool"])
      assertLegal(error.messages)
      const goesOn = yield* plain("shorter please", { history: Prompt.fromMessages(error.messages) }).pipe(
        says(TestModel.text("ok"))
      )
      assert.strictEqual(goesOn, "ok")
    }))

  const pieces = function*(count: number): Generator<string> {
    for (let index = 0; index < count; index++) yield String(index).padEnd(1000, "x")
  }
  const row = JSON.stringify({ n: 1, name: "x".repeat(40) })

  /** Answers of so many deltas, of a thousand characters each or so. */
  const long: ReadonlyArray<readonly [title: string, schema: Schema.Codec<any> | undefined, typeof pieces]> = [
    ["a text", undefined, pieces],
    ["an object with one long text", Schema.Struct({ text: Schema.String }), function*(count) {
      yield `{"text":"`
      yield* pieces(count)
      yield `"}`
    }],
    [
      "an object with many rows, and prose around it",
      Schema.Struct({ rows: Schema.Array(Schema.Struct({ n: Schema.Int, name: Schema.String })) }),
      function*(count) {
        yield "Here it is:\n```json\n{\"rows\":["
        for (let index = 0; index < count; index++) yield `${row},`.repeat(16)
        yield `${row}]}\n\`\`\``
      }
    ]
  ]

  const answers = (parts: Iterable<Scripted.Part>) => Effect.provide(Scripted.layer(() => Scripted.parts(parts)))

  for (const [title, output, make] of long) {
    it.effect(
      `${title} of 10 MB in ten thousand deltas costs in proportion, and nothing else is held`,
      () =>
        Effect.gen(function*() {
          const agent =
            (output === undefined ? plain : Agent.make("typed", { instructions: "i", output })) as typeof plain
          let size = 0
          /** Streams an answer; gives what the run took, in CPU time, and how much it held at most. */
          const stream = Effect.fnUntraced(function*(count: number, watchHeap: boolean) {
            if (watchHeap) collectGarbage()
            const before = process.memoryUsage().heapUsed
            const start = process.cpuUsage()
            let held = 0
            let events = 0
            yield* Stream.runForEach(agent.stream("go"), (event) =>
              Effect.sync(() => {
                if (event._tag === "RunCompleted") size = JSON.stringify(event.result.output).length
                if (!watchHeap || ++events % (output === undefined ? 2000 : 20) !== 0) return
                collectGarbage()
                held = Math.max(held, process.memoryUsage().heapUsed - before)
              })).pipe(answers(Scripted.say(make(count))))
            const { system, user } = process.cpuUsage(start)
            return { held, cost: user + system }
          })
          const best = (count: number) =>
            Effect.map(
              Effect.all([stream(count, false), stream(count, false), stream(count, false)]),
              (runs) => Math.min(...runs.map(({ cost }) => cost))
            )
          yield* best(1000)
          const growth = (yield* best(10_000)) / (yield* best(1250))
          assert.isBelow(growth, 24, "8 is in proportion, 64 is squared")
          const { held } = yield* stream(10_000, true)
          assert.isAbove(size, 8_000_000)
          // the text, the text again as a part of the history, and what is read of it: objects are larger than their text
          assert.isBelow(held, (output === undefined ? 4 : 16) * 10_000_000)
        }),
      60_000
    )
  }

  it.effect("an answer that is all braces, and one with a hundred thousand issues, end soon and are told in short", () =>
    Effect.gen(function*() {
      const typed = Agent.make("typed", {
        instructions: "i",
        output: Schema.Struct({ rows: Schema.Array(Schema.Int) }),
        corrections: 0
      })
      for (
        const text of [
          "{".repeat(1_000_000),
          JSON.stringify({ rows: Array.from({ length: 100_000 }, () => "x") })
        ]
      ) {
        const { exit } = yield* collect(typed.stream("go")).pipe(says(TestModel.stream([text])))
        const { reason } = failure(exit)
        assert(reason._tag === "OutputInvalid")
        assert.strictEqual(reason.text, text)
        assert.isBelow(reason.message.length, 5000)
      }
    }))

  it.effect("a stream that breaks in the middle keeps what was said, and its calls have results", () =>
    Effect.gen(function*() {
      const cut = new AiError.InternalProviderError({ description: "the connection was lost" })
      const half: TestModel.Turn = [
        TestModel.stream(["I will ", "look", { type: "tool-params-start", id: "p", name: "t" }]),
        TestModel.toolCall("t", {}),
        TestModel.fail(cut)
      ]
      const { events, exit } = yield* collect(plain.stream("go")).pipe(says(half))
      const error = failure(exit)
      assert.isTrue(error.isRetryable)
      assert.deepStrictEqual(texts(error.messages), ["go", "I will look"])
      assertLegal(error.messages)
      assert.strictEqual(only(events, "TextDelta").map((event) => event.delta).join(""), "I will look")
    }))
})
