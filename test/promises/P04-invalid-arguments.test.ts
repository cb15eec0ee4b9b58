import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Agent, Task } from "fluxion"
import { TestModel } from "fluxion/testing"
import { collect, only } from "../support/Events.ts"
import { told } from "../support/Messages.ts"

const booking = () => {
  const ran: Array<unknown> = []
  const book = Task.make("book", {
    payload: {
      guest: Schema.Struct({ name: Schema.NonEmptyString, age: Schema.Int }),
      nights: Schema.Finite
    },
    success: Schema.String,
    run: (payload) => {
      ran.push(payload)
      return Effect.succeed("booked")
    }
  })
  return { ran, agent: Agent.make("a", { instructions: "i", tools: [book], maxToolCalls: 2 }) }
}

const good = { guest: { name: "Ada", age: 36 }, nights: 2 }

/** What the model may send, and what it has to be told. */
const bad: { readonly [what: string]: readonly [params: unknown, says: ReadonlyArray<string>] } = {
  "malformed JSON": [`{"guest": {"name": "Ada"`, ["JSON", `{"guest": {"name": "Ada"`]],
  "a missing field": [{ guest: good.guest }, ["nights"]],
  "a field of the wrong type": [{ ...good, nights: "two" }, ["nights"]],
  "a nested field that breaks a check": [{ ...good, guest: { name: "", age: 36 } }, ["guest", "name"]],
  "two wrong fields": [{ guest: { name: "Ada", age: 1.5 }, nights: null }, ["age", "nights"]],
  "null": [null, ["object"]],
  "a list": [[1, 2], ["object"]]
}

describe("P04 arguments that are malformed or break the Schema do not run the tool; the model is told the field, and may try again", () => {
  for (const [what, [params, says]] of Object.entries(bad)) {
    it.effect(`${what}: the body does not run, the model is told, and a second try within the limit runs`, () => {
      const { agent, ran } = booking()
      return Effect.gen(function*() {
        const { events } = yield* collect(agent.stream("go"))
        assert.deepStrictEqual(ran, [good])
        const [, second, third] = yield* TestModel.requests
        const message = String(told(second!.prompt.content)[0]![1])
        assert.include(message, "The arguments of book are invalid")
        for (const text of says) assert.include(message, text)
        assert.deepStrictEqual(told(third!.prompt.content)[1], ["book", "booked"])
        assert.deepStrictEqual(only(events, "ToolFailed").map((event) => event.reason), ["invalid-arguments"])
        assert.deepStrictEqual(only(events, "ToolCalled")[0]!.arguments, params)
        assert.strictEqual(only(events, "RunCompleted")[0]!.result.output, "done")
      }).pipe(Effect.provide(TestModel.layer([
        TestModel.toolCall("book", params),
        TestModel.toolCall("book", good),
        TestModel.text("done")
      ])))
    })
  }

  it.effect("a failed try counts towards the limit", () => {
    const { agent, ran } = booking()
    return Effect.gen(function*() {
      const result = yield* agent.result("go")
      assert.strictEqual(result.finish, "tool-limit")
      assert.deepStrictEqual(ran, [])
    }).pipe(Effect.provide(TestModel.layer([
      TestModel.toolCall("book", {}),
      [TestModel.toolCall("book", "{"), TestModel.toolCall("book", good)],
      TestModel.text("no luck")
    ])))
  })
})
