import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Schema } from "effect"
import { Prompt } from "effect/ai"
import { Agent, AgentError, StopWhen, Task } from "fluxion"
import { TestModel } from "fluxion/testing"
import { assertLegal, told } from "../support/Messages.ts"

const says = (...turns: ReadonlyArray<TestModel.Turn>) => Effect.provide(TestModel.layer(turns))

const errorOf = <A>(exit: Exit.Exit<A, AgentError.AgentError>): AgentError.AgentError => {
  assert.isTrue(Exit.isFailure(exit))
  return Cause.squash((exit as Exit.Failure<A, AgentError.AgentError>).cause) as AgentError.AgentError
}

let calls = 0
const count = Task.make("count", { payload: {}, success: Schema.String, run: () => String(++calls) })

describe("a response that", () => {
  for (const finish of ["content-filter", "error"] as const) {
    it.effect(`ended with ${finish} has its calls not run, and the run fails`, () =>
      Effect.gen(function*() {
        calls = 0
        const agent = Agent.make("a", { instructions: "i", tools: [count] })
        const { messages, reason } = errorOf(yield* Effect.exit(agent("go")))
        assert.strictEqual(calls, 0)
        assert.strictEqual(
          reason._tag === "ModelFailed" && reason.error.reason._tag,
          finish === "error" ? "InternalProviderError" : "ContentPolicyError"
        )
        assert.strictEqual(reason.isRetryable, finish === "error")
        assertLegal(messages)
        assert.deepStrictEqual(told(messages), [[
          "count",
          "The run ended before this call was started; it had no effect."
        ]])
      }).pipe(says([TestModel.text("Let me see.", { finish }), TestModel.toolCall("count", {})])))

    it.effect(`ended with ${finish} does not count as an answer given by the answer's tool`, () =>
      Effect.gen(function*() {
        const agent = Agent.make("a", { instructions: "i", output: Schema.Struct({ n: Schema.Finite }) })
        assert.strictEqual(errorOf(yield* Effect.exit(agent("go"))).reason._tag, "ModelFailed")
      }).pipe(
        Effect.provide(
          TestModel.layer([[TestModel.text("", { finish }), TestModel.toolCall("final_answer", { n: 1 })]], {
            capabilities: { structuredOutput: false }
          })
        )
      ))
  }

  for (const finish of ["error", "other", "unknown"] as const) {
    it.effect(`ended with ${finish} is an answer with a warning: nobody says that it is whole`, () =>
      Effect.gen(function*() {
        const { output, warnings } = yield* Agent.make("a", { instructions: "i" }).result("go")
        assert.strictEqual(output, "half")
        assert.deepStrictEqual(warnings.map(({ code }) => code), ["answer-unfinished"])
        assert.include(warnings[0]!.message, `"${finish}"`)
      }).pipe(says(TestModel.text("half", { finish }))))
  }

  it.effect("is white space alone is no answer", () =>
    Effect.gen(function*() {
      const error = errorOf(yield* Effect.exit(Agent.make("a", { instructions: "i" })("go")))
      assert.strictEqual(error.reason._tag, "EmptyAnswer")
    }).pipe(says(TestModel.text(" \n\t"))))

  it.effect("a stop rule ends is what there is of an answer, also when that is nothing", () =>
    Effect.gen(function*() {
      const agent = Agent.make("a", { instructions: "i", tools: [count], stopWhen: StopWhen.toolCalled("count") })
      const { finish, output } = yield* agent.result("go")
      assert.deepStrictEqual([finish, output], ["stopped", ""])
    }).pipe(says(TestModel.toolCall("count", {}))))
})

describe("a history that begins with a system message", () => {
  const history = Prompt.make([{ role: "system", content: "Speak French." }, { role: "user", content: "Salut" }])
  const bare = Agent.make("a", { instructions: "" })
  const roles = (messages: ReadonlyArray<Prompt.Message>) => messages.map(({ role }) => role)

  it.effect("keeps it where the agent has no instructions of its own", () =>
    Effect.gen(function*() {
      const result = yield* bare.result("go", { history })
      assert.deepStrictEqual(roles(result.messages), ["system", "user", "user", "assistant"])
      assert.deepStrictEqual(roles(errorOf(yield* Effect.exit(bare("go", { history }))).messages), [
        "system",
        "user",
        "user"
      ])
    }).pipe(says(TestModel.text("oui"), TestModel.text(""))))

  it.effect("keeps it behind the instructions of one turn, and not when that turn has another history", () =>
    Effect.gen(function*() {
      const instructed = bare.with({ beforeTurn: () => Effect.succeed({ instructions: "Be brief." }) })
      yield* instructed("go", { history })
      yield* bare.with({ beforeTurn: () => Effect.succeed({ history: Prompt.make("only this") }) })("go", { history })
      const sent = (yield* TestModel.requests).map(({ prompt }) =>
        prompt.content.flatMap(({ content, role }) => role === "system" ? [content] : [])
      )
      assert.deepStrictEqual(sent, [["Be brief.", "Speak French."], []])
    }).pipe(says(TestModel.text("oui"), TestModel.text("yes"))))
})
