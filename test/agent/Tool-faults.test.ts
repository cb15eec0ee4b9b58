import { assert, describe, it } from "@effect/vitest"
import { Cause, Context, Deferred, Effect, Exit, Fiber, Schema, SchemaGetter } from "effect"
import { Tool, Toolkit } from "effect/ai"
import { Agent, AgentError, Task, Toolbox } from "fluxion"
import { TestModel } from "fluxion/testing"
import { collect, only } from "../support/Events.ts"
import { assertLegal, told } from "../support/Messages.ts"

const says = (...turns: ReadonlyArray<TestModel.Turn>) => Effect.provide(TestModel.layer(turns))

const errorOf = <A>(exit: Exit.Exit<A, AgentError.AgentError>): AgentError.AgentError => {
  assert.isTrue(Exit.isFailure(exit))
  return Cause.squash((exit as Exit.Failure<A, AgentError.AgentError>).cause) as AgentError.AgentError
}

const broken = (message: string) => (): never => {
  throw new Error(message)
}

class Clinic extends Context.Service<Clinic, string>()("test/Clinic") {}

const Needy = Schema.String.pipe(Schema.decodeTo(Schema.String, {
  decode: SchemaGetter.transformEffect((text: string) => Effect.map(Clinic, (clinic) => clinic + text)),
  encode: SchemaGetter.passthrough()
}))

const look = Task.make("look", { payload: {}, success: Schema.String, run: () => "seen" })

/** What goes wrong around a tool, and what the model is told of it. */
const faults: ReadonlyArray<readonly [title: string, tool: Toolbox.ToolInput, params: unknown, told: RegExp]> = [
  [
    "a task's rule for approvals that throws",
    Task.make("t", { payload: {}, success: Schema.String, approval: broken("no rule"), run: () => "never" }),
    {},
    /no rule/
  ],
  [
    "a tool's own rule that throws",
    Toolbox.make(Toolkit.make(Tool.make("t", { success: Schema.String, needsApproval: broken("no rule") })), {
      t: () => Effect.succeed("never")
    }),
    {},
    /no rule/
  ],
  [
    "a tool's own rule that dies",
    Toolbox.make(
      Toolkit.make(Tool.make("t", { success: Schema.String, needsApproval: () => Effect.die(new Error("no rule")) })),
      { t: () => Effect.succeed("never") }
    ),
    {},
    /no rule/
  ],
  [
    "a result that throws when it is read",
    Task.make("t", {
      payload: {},
      success: Schema.Any,
      run: () =>
        Effect.succeed({
          get rows() {
            return broken("no rows")()
          }
        })
    }),
    {},
    /no rows/
  ],
  [
    "a result that is no JSON",
    Toolbox.make(Toolkit.make(Tool.make("t", { success: Schema.Any })), { t: () => Effect.succeed({ big: 1n }) }),
    {},
    /./
  ],
  [
    "a Schema of arguments whose service is not there",
    Task.make("t", { payload: { text: Needy }, success: Schema.String, run: ({ text }) => text }) as never,
    { text: "x" },
    /test\/Clinic/
  ]
]

describe("what goes wrong around a tool", () => {
  for (const [title, tool, params, expected] of faults) {
    for (const watched of [true, false]) {
      it.effect(`is told to the model, and the run goes on: ${title}, ${watched ? "watched" : "unwatched"}`, () =>
        Effect.gen(function*() {
          const agent = Agent.make("a", { instructions: "i", tools: [tool, look] }) as unknown as Agent.Agent<
            "a",
            string,
            never
          >
          if (watched) {
            const { events, exit } = yield* collect(agent.stream("go"))
            assert.deepStrictEqual(exit, Exit.void)
            assert.match(only(events, "ToolFailed")[0]!.message, expected)
            assert.strictEqual(only(events, "ToolReturned")[0]!.result, "seen")
          } else assert.strictEqual(yield* agent("go"), "done")
          const results = told((yield* TestModel.requests)[watched ? 1 : 2]!.prompt.content)
          assert.match(String(results[watched ? 0 : 1]![1]), expected)
        }).pipe(
          says(
            ...watched
              ? [[TestModel.toolCall("t", params), TestModel.toolCall("look", {})], TestModel.text("done")]
              : [TestModel.toolCall("look", {}), TestModel.toolCall("t", params), TestModel.text("done")]
          )
        ))
    }
  }
})

describe("a call that needs an approval where nobody can give it", () => {
  const risky = Task.make("risky", {
    payload: {},
    success: Schema.String,
    risk: "read",
    approval: true,
    run: () => "never"
  })

  it.effect("ends the run when the reads beside it have finished, and the history says of each call what became of it", () =>
    Effect.gen(function*() {
      const gate = yield* Deferred.make<void>()
      let reads = 0
      const read = Task.make("read", {
        payload: {},
        success: Schema.String,
        risk: "read",
        run: () => Effect.as(Effect.tap(Deferred.await(gate), () => Effect.sync(() => reads++)), "read")
      })
      const write = Task.make("write", { payload: {}, success: Schema.String, risk: "write", run: () => "written" })
      const agent = Agent.make("a", { instructions: "i", tools: [read, risky, write] })
      const fiber = yield* Effect.forkChild(Effect.exit(agent("go")), { startImmediately: true })
      yield* Effect.yieldNow
      yield* Deferred.succeed(gate, undefined)
      const error = errorOf(yield* Fiber.join(fiber))
      assert.strictEqual(error.reason._tag, "NoApprover")
      assert.strictEqual(reads, 1)
      assertLegal(error.messages)
      assert.deepStrictEqual(told(error.messages).map(([, result]) => result), [
        "read",
        error.reason.message,
        "The run ended before this call was started; it had no effect.",
        "The run ended before this call was started; it had no effect."
      ])
    }).pipe(
      says([
        TestModel.toolCall("read", {}),
        TestModel.toolCall("risky", {}),
        TestModel.toolCall("read", {}),
        TestModel.toolCall("write", {})
      ])
    ))

  it.effect("alone too", () =>
    Effect.gen(function*() {
      const error = errorOf(yield* Effect.exit(Agent.make("a", { instructions: "i", tools: [risky] })("go")))
      assert.deepStrictEqual(told(error.messages), [["risky", error.reason.message]])
    }).pipe(says(TestModel.toolCall("risky", {}))))
})

describe("arguments that are no JSON", () => {
  it.effect("are told to the model as far as they are whole characters", () =>
    Effect.gen(function*() {
      yield* Agent.make("a", { instructions: "i", tools: [look] })("go")
      const [, result] = told((yield* TestModel.requests)[1]!.prompt.content)[0]!
      assert.isTrue(String(result).endsWith("x"))
      assert.isTrue((result as string & { isWellFormed(): boolean }).isWellFormed())
    }).pipe(says(TestModel.toolCall("look", `${"x".repeat(199)}😀`), TestModel.text("done"))))
})

describe("two Toolkits with a tool of one name", () => {
  const make = (name: string, description = "d") =>
    Toolkit.make(Tool.make(name, { description, success: Schema.String }))
  const codes = (agent: string, kit: Toolkit.Any) =>
    Effect.map(
      (Agent.make(agent, { instructions: "i", tools: [kit] }) as unknown as Agent.Agent<string, string, never>).result(
        "go"
      ),
      ({ warnings }) => warnings.map(({ code }) => code)
    ).pipe(says(TestModel.text("done")))

  it.effect("are told of: they would share a handler", () =>
    Effect.gen(function*() {
      const [first, second] = [make("clash_a"), make("clash_a")]
      assert.deepStrictEqual(yield* codes("one", first), [])
      assert.deepStrictEqual(yield* codes("two", first), [])
      assert.deepStrictEqual(yield* codes("three", second), ["shared-handler"])
    }))

  it.effect("are not, where agent and Toolkit are made again for each request", () =>
    Effect.gen(function*() {
      for (let request = 0; request < 3; request++) {
        const kit = make("clash_b")
        assert.deepStrictEqual(yield* codes("one", kit), [])
        assert.deepStrictEqual(yield* codes("two", kit), [])
      }
      assert.deepStrictEqual(yield* codes("one", make("clash_b", "another")), ["shared-handler"])
    }))
})
