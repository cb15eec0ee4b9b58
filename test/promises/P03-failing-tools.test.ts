import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Agent, Task } from "fluxion"
import { TestModel } from "fluxion/testing"
import { collect, only } from "../support/Events.ts"
import { assertLegal, told } from "../support/Messages.ts"

class DiskFull extends Schema.TaggedError<DiskFull>()("DiskFull", { volume: Schema.String }) {
  override get message() {
    return `disk full on ${this.volume}`
  }
}

const fields = { payload: { text: Schema.String }, success: Schema.String }

const failing = {
  "a typed failure": Task.make("save", {
    ...fields,
    error: DiskFull,
    run: () => Effect.fail(new DiskFull({ volume: "/data" }))
  }),
  "a thrown error": Task.make("save", {
    ...fields,
    run: (): string => {
      throw new Error("disk full")
    }
  }),
  "an error thrown inside an Effect": Task.make("save", {
    ...fields,
    run: () =>
      Effect.sync((): string => {
        throw new Error("disk full")
      })
  }),
  "a rejected Promise": Task.make("save", { ...fields, run: () => Promise.reject<string>(new Error("disk full")) }),
  "a rejected Promise of a text": Task.make("save", {
    ...fields,
    run: () => Promise.reject<string>("disk full")
  }),
  "a defect": Task.make("save", { ...fields, run: () => Effect.die(new Error("disk full")) })
}

describe("P03 a tool's failure is told to the model, the log and the watchers, its siblings finish and the loop goes on", () => {
  for (const [how, save] of Object.entries(failing)) {
    it.effect(`by ${how}`, () => {
      const finished: Array<string> = []
      const slow = Task.make("slow", {
        ...fields,
        run: ({ text }) =>
          Effect.gen(function*() {
            for (let i = 0; i < 10; i++) yield* Effect.yieldNow
            finished.push(text)
            return `slow ${text}`
          })
      })
      return Effect.gen(function*() {
        const agent = Agent.make("a", { instructions: "i", tools: [save, slow] })
        const { events } = yield* collect(agent.stream("go"))

        const results = told((yield* TestModel.requests)[1]!.prompt.content)
        assert.deepStrictEqual(results.map(([name]) => name), ["slow", "save", "slow"])
        assert.include(String(results[1]![1]), "disk full")
        assert.deepStrictEqual(finished, ["before", "after"])
        assert.deepStrictEqual([results[0]![1], results[2]![1]], ["slow before", "slow after"])

        const [failed, ...more] = only(events, "ToolFailed")
        assert.deepStrictEqual(more, [])
        assert.strictEqual(failed!.reason, "failed")
        assert.include(failed!.message, "disk full")
        assert.include(failed!.cause, "disk full")
        const { result } = only(events, "RunCompleted")[0]!
        assert.strictEqual(result.output, "could not save")
        assertLegal(result.messages)
        const flags = result.messages.flatMap((message) =>
          message.role === "tool" ? message.content.map((part) => part.type === "tool-result" && part.isFailure) : []
        )
        assert.deepStrictEqual(flags, [false, true, false])
      }).pipe(Effect.provide(TestModel.layer([
        [
          TestModel.toolCall("slow", { text: "before" }),
          TestModel.toolCall("save", { text: "x" }),
          TestModel.toolCall("slow", { text: "after" })
        ],
        TestModel.text("could not save")
      ])))
    })
  }

  it.effect("the event's cause says where it was thrown, the model's text does not", () =>
    Effect.gen(function*() {
      const agent = Agent.make("a", { instructions: "i", tools: [failing["a thrown error"]] })
      const { events } = yield* collect(agent.stream("go"))
      const { cause, message } = only(events, "ToolFailed")[0]!
      assert.strictEqual(message, "disk full")
      assert.include(cause, "P03-failing-tools.test.ts")
      assert.deepStrictEqual(told((yield* TestModel.requests)[1]!.prompt.content), [["save", "disk full"]])
    }).pipe(Effect.provide(TestModel.layer([TestModel.toolCall("save", { text: "x" }), TestModel.text("sorry")]))))

  it.effect("a defect of the agent's own code stays a defect, and is no result for the model", () =>
    Effect.gen(function*() {
      const agent = Agent.make("a", {
        instructions: "i",
        beforeTurn: () => Effect.die(new Error("a bug in beforeTurn"))
      })
      const exit = yield* Effect.exit(agent("go"))
      assert.isTrue(exit._tag === "Failure" && exit.cause.reasons.every((reason) => reason._tag === "Die"))
    }).pipe(Effect.provide(TestModel.layer([]))))
})
