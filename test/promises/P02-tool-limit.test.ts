import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Agent, Task } from "fluxion"
import { TestModel } from "fluxion/testing"
import { families, idOf } from "../provider/legality/Families.ts"
import { models, violationsOf, wireApis } from "../provider/legality/WireApis.ts"
import * as VendorServer from "../provider/support/VendorServer.ts"
import { collect, only } from "../support/Events.ts"
import { assertLegal, told } from "../support/Messages.ts"

const counting = () => {
  const ran: Array<number> = []
  const step = Task.make("step", {
    payload: { n: Schema.Finite },
    success: Schema.String,
    run: ({ n }) => {
      ran.push(n)
      return Effect.succeed(`ran ${n}`)
    }
  })
  return { ran, step, agent: Agent.make("a", { instructions: "i", tools: [step], maxToolCalls: 3 }) }
}

const calls = (...ns: ReadonlyArray<number>) => ns.map((n) => TestModel.toolCall("step", { n }))

describe("P02 at its limit of tool calls a run says so for each further call, and asks once more for an answer", () => {
  it.effect("of 5 calls in one turn exactly 3 run, 2 are told the limit, and the last request allows no call", () => {
    const { agent, ran } = counting()
    return Effect.gen(function*() {
      const { events } = yield* collect(agent.stream("go"))
      assert.deepStrictEqual(ran, [1, 2, 3])
      const [first, last, ...more] = yield* TestModel.requests
      assert.deepStrictEqual(more, [])
      assert.strictEqual(first!.toolChoice, "auto")
      assert.strictEqual(last!.toolChoice, "none")
      assert.deepStrictEqual(last!.tools.map((tool) => tool.name), ["step"], "tools stay declared")
      assertLegal(last!.prompt.content)
      const results = told(last!.prompt.content).map(([, result]) => String(result))
      assert.deepStrictEqual(results.slice(0, 3), ["ran 1", "ran 2", "ran 3"])
      for (const result of results.slice(3)) assert.match(result, /Limit reached.* 3 tool calls/)
      assert.strictEqual(results.length, 5)
      assert.deepStrictEqual(only(events, "ToolFailed").map((event) => event.reason), ["limit", "limit"])
      const { result } = only(events, "RunCompleted")[0]!
      assert.strictEqual(result.output, "enough")
      assert.strictEqual(result.finish, "tool-limit")
    }).pipe(Effect.provide(TestModel.layer([calls(1, 2, 3, 4, 5), TestModel.text("enough")])))
  })

  it.effect("single calls are counted over all turns of the run", () => {
    const { agent, ran } = counting()
    return Effect.gen(function*() {
      const result = yield* agent.result("go")
      assert.deepStrictEqual(ran, [1, 2, 3])
      assert.strictEqual(result.finish, "tool-limit")
      const choices = (yield* TestModel.requests).map((request) => request.toolChoice)
      assert.deepStrictEqual(choices, ["auto", "auto", "none"])
    }).pipe(Effect.provide(TestModel.layer([calls(1, 2), calls(3, 4), TestModel.text("enough")])))
  })

  it.effect("a call that comes all the same is not run, and what was said beside it is the answer", () => {
    const { agent, ran } = counting()
    return Effect.gen(function*() {
      const result = yield* agent.result("go")
      assert.deepStrictEqual(ran, [1, 2, 3])
      assert.strictEqual(result.output, "so far")
      assert.strictEqual(result.finish, "tool-limit")
      assert.match(String(told(result.messages).at(-1)![1]), /Limit reached/)
      assertLegal(result.messages)
    }).pipe(Effect.provide(TestModel.layer([calls(1, 2, 3), [TestModel.text("so far"), ...calls(4)]])))
  })

  for (
    const [what, turn] of [
      ["says nothing", TestModel.text("")],
      ["only calls again", calls(4)]
    ] as const
  ) {
    it.effect(`a final answer that ${what} fails with EmptyAnswer`, () => {
      const { agent, ran } = counting()
      return Effect.gen(function*() {
        const error = yield* Effect.flip(agent("go"))
        assert.strictEqual(error.reason._tag, "EmptyAnswer")
        assert.deepStrictEqual(ran, [1, 2, 3])
        assert.deepStrictEqual(error.usage.inputTokens, { total: 20 })
        assertLegal(error.messages)
      }).pipe(Effect.provide(TestModel.layer([calls(1, 2, 3), turn])))
    })
  }

  it.effect("an empty answer without any tool call fails with EmptyAnswer too, never with \"\"", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(counting().agent("go"))
      assert.strictEqual(error.reason._tag, "EmptyAnswer")
      assert.include(error.message, "length")
      assert.isTrue(error.isRetryable)
    }).pipe(Effect.provide(TestModel.layer([TestModel.text("", { finish: "length" })]))))

  it.effect("a run may set another limit", () => {
    const { agent, ran } = counting()
    return Effect.gen(function*() {
      const result = yield* agent.result("go", { maxToolCalls: 1 })
      assert.deepStrictEqual(ran, [1])
      assert.strictEqual(result.finish, "tool-limit")
    }).pipe(Effect.provide(TestModel.layer([calls(1, 2), TestModel.text("enough")])))
  })

  for (const api of wireApis) {
    it.effect(`the last request is legal for every model family of ${api.name}: no call is allowed, all are answered`, () =>
      Effect.forEach(families[api.name]!.filter(({ tools }) => tools), (family) =>
        Effect.gen(function*() {
          const reasoning = family.reasons ? "Hm." : undefined
          const asked = [1, 2, 3, 4, 5].map((n) => ["step", { n }] as const)
          const server = yield* VendorServer.make((_, index) =>
            api.reply(
              index === 0 ? { reasoning, text: "let me", calls: asked } : { text: "enough" },
              true,
              index,
              family
            )
          )
          const { ran, step } = counting()
          const agent = Agent.make("a", {
            instructions: "i",
            tools: [step],
            maxToolCalls: 3,
            model: idOf(family),
            reasoning: "low"
          })
          const result = yield* Effect.provide(agent.result("go"), models(server.url))
          assert.strictEqual(result.finish, "tool-limit", family.model)
          assert.deepStrictEqual(ran, [1, 2, 3], family.model)
          assert.lengthOf(server.requests, 2, family.model)
          const last = server.requests[1]!
          assert.deepStrictEqual(violationsOf(last), [], family.model)
          const { choice, results, tools } = api.read(last)
          assert.strictEqual(choice, "none", family.model)
          // Ollama has no tool choice
          assert.deepStrictEqual(tools, api.name === "ollama" ? [] : ["step"], family.model)
          assert.lengthOf(results, 5, family.model)
          for (const n of [1, 2, 3]) assert.include(results[n - 1], `ran ${n}`, family.model)
          for (const refused of results.slice(3)) assert.include(refused, "Limit reached", family.model)
        }).pipe(Effect.scoped), { discard: true }))
  }
})
