import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Agent, Task } from "fluxion"
import { TestModel } from "fluxion/testing"
import { collect, only } from "../support/Events.ts"
import { assertLegal, told } from "../support/Messages.ts"

describe("P01 every call is decoded by its tool's Schema, run, and answered in the order asked, until the model answers", () => {
  it.effect("a body gets what the Schema decodes, and the model what it encodes", () => {
    const seen: Array<unknown> = []
    const shift = Task.make("shift", {
      payload: { day: Schema.DateTimeUtc, by: Schema.FiniteFromString, tags: Schema.Array(Schema.String) },
      success: Schema.Struct({ day: Schema.DateTimeUtc, tags: Schema.ReadonlySet(Schema.String) }),
      run: ({ by, day, tags }) => {
        seen.push(day.epochMilliseconds, by)
        return Effect.succeed({ day, tags: new Set(tags) })
      }
    })
    return Effect.gen(function*() {
      const answer = yield* Agent.make("a", { instructions: "i", tools: [shift] })("go")
      assert.strictEqual(answer, "done")
      assert.deepStrictEqual(seen, [Date.UTC(2026, 0, 2), 3])
      const last = (yield* TestModel.requests).at(-1)!
      assert.deepStrictEqual(told(last.prompt.content), [
        ["shift", { day: "2026-01-02T00:00:00.000Z", tags: ["x", "y"] }]
      ])
    }).pipe(Effect.provide(TestModel.layer([
      TestModel.toolCall("shift", { day: "2026-01-02T00:00:00.000Z", by: "3", tags: ["x", "y"] }),
      TestModel.text("done")
    ])))
  })

  it.effect("calls of one turn that finish in another order are answered in the order asked", () =>
    Effect.gen(function*() {
      const finished: Array<number> = []
      const echo = Task.make("echo", {
        payload: { n: Schema.Finite },
        success: Schema.String,
        run: ({ n }) =>
          Effect.gen(function*() {
            for (let i = n; i < 3; i++) yield* Effect.yieldNow // the last call is the quickest
            finished.push(n)
            return `echo ${n}`
          })
      })
      const agent = Agent.make("a", { instructions: "i", tools: [echo] })
      const { events } = yield* collect(agent.stream("go"))
      assert.deepStrictEqual(finished, [2, 1, 0])
      assert.deepStrictEqual(only(events, "ToolReturned").map((event) => event.result), ["echo 2", "echo 1", "echo 0"])
      const { prompt } = (yield* TestModel.requests)[1]!
      assert.deepStrictEqual(told(prompt.content), [["echo", "echo 0"], ["echo", "echo 1"], ["echo", "echo 2"]])
      assertLegal(prompt.content)
    }).pipe(Effect.provide(TestModel.layer([
      [0, 1, 2].map((n) => TestModel.toolCall("echo", { n })),
      TestModel.text("done")
    ]))))

  it.effect("the loop goes on over several turns, each seeing all before it, until the model answers in text", () => {
    const add = Task.make("add", {
      payload: { a: Schema.Finite, b: Schema.Finite },
      success: Schema.Finite,
      run: ({ a, b }) => Effect.succeed(a + b)
    })
    const last = (request: { readonly prompt: { readonly content: Parameters<typeof told>[0] } }) =>
      Number(told(request.prompt.content).at(-1)![1])
    return Effect.gen(function*() {
      const result = yield* Agent.make("a", { instructions: "i", tools: [add] }).result("sum")
      assert.strictEqual(result.output, "the sum is 15")
      assert.strictEqual(result.finish, "answered")
      assert.strictEqual(result.turns, 5)
      assert.strictEqual(result.toolCalls, 4)
      assert.deepStrictEqual(result.usage, { inputTokens: { total: 50 }, outputTokens: { total: 25 } })
      assert.deepStrictEqual(told(result.messages).map(([, sum]) => sum), [3, 6, 10, 15])
      assert.deepStrictEqual(result.messages.map((message) => message.role), [
        "user",
        ...[1, 2, 3, 4].flatMap(() => ["assistant", "tool"]),
        "assistant"
      ])
      assertLegal(result.messages)
      const sizes = (yield* TestModel.requests).map((request) => request.prompt.content.length)
      assert.deepStrictEqual(sizes, [2, 4, 6, 8, 10])
    }).pipe(Effect.provide(TestModel.layer([
      [TestModel.text("let me add"), TestModel.toolCall("add", { a: 1, b: 2 })],
      ...[3, 4, 5].map((b) => TestModel.respond((request) => TestModel.toolCall("add", { a: last(request), b }))),
      TestModel.respond((request) => TestModel.text(`the sum is ${last(request)}`))
    ])))
  })
})
