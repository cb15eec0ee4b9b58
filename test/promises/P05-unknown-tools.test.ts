import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Agent, Task } from "fluxion"
import { TestModel } from "fluxion/testing"
import { collect, only } from "../support/Events.ts"
import { assertLegal, told } from "../support/Messages.ts"

const echo = (name: string) =>
  Task.make(name, { payload: { text: Schema.String }, success: Schema.String, run: ({ text }) => `${name}: ${text}` })

describe("P05 a call of an unknown tool is answered with the tools there are, and its siblings are unaffected", () => {
  it.effect("the model is told the names, the siblings run, and the loop goes on", () =>
    Effect.gen(function*() {
      const agent = Agent.make("a", { instructions: "i", tools: [echo("upper"), echo("lower")] })
      const { events } = yield* collect(agent.stream("go"))
      const { prompt } = (yield* TestModel.requests)[1]!
      const results = told(prompt.content)
      assert.deepStrictEqual(results[0], ["upper", "upper: a"])
      assert.deepStrictEqual(results[2], ["lower", "lower: b"])
      for (const part of [`"sideways"`, "upper", "lower"]) assert.include(String(results[1]![1]), part)
      assertLegal(prompt.content)
      assert.deepStrictEqual(
        only(events, "ToolFailed").map(({ name, reason }) => ({ name, reason })),
        [{ name: "sideways", reason: "unknown-tool" }]
      )
      assert.strictEqual(only(events, "RunCompleted")[0]!.result.output, "done")
    }).pipe(Effect.provide(TestModel.layer([
      [
        TestModel.toolCall("upper", { text: "a" }),
        TestModel.toolCall("sideways", { text: "x" }),
        TestModel.toolCall("lower", { text: "b" })
      ],
      TestModel.text("done")
    ]))))

  it.effect("an agent without tools answers every call so", () =>
    Effect.gen(function*() {
      const result = yield* Agent.make("a", { instructions: "i" }).result("go")
      assert.include(String(told(result.messages)[0]![1]), "The tools are: none")
      assert.strictEqual(result.output, "done")
    }).pipe(Effect.provide(TestModel.layer([TestModel.toolCall("upper", {}), TestModel.text("done")]))))

  it.effect("a tool that a turn was not offered is unknown in that turn", () => {
    const agent = Agent.make("a", {
      instructions: "i",
      tools: [echo("upper"), echo("lower")],
      beforeTurn: ({ turn }) => Effect.succeed(turn === 1 ? { tools: ["lower"] } : undefined)
    })
    return Effect.gen(function*() {
      const result = yield* agent.result("go")
      assert.deepStrictEqual((yield* TestModel.requests)[0]!.tools.map((tool) => tool.name), ["lower"])
      const results = told(result.messages).map(([, text]) => String(text))
      assert.include(results[0], "The tools are: lower.")
      assert.strictEqual(results[1], "upper: b")
    }).pipe(Effect.provide(TestModel.layer([
      TestModel.toolCall("upper", { text: "a" }),
      TestModel.toolCall("upper", { text: "b" }),
      TestModel.text("done")
    ])))
  })
})
