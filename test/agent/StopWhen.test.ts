import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { StopWhen } from "fluxion"

const Name = Schema.Literals(["a", "b"])
const Steps = Schema.Array(Schema.Struct({
  turn: Schema.Int,
  text: Schema.String,
  toolCalls: Schema.Array(Schema.Struct({
    name: Name,
    arguments: Schema.Literals([1, 2]),
    result: Schema.Literals(["x", "y"]),
    failed: Schema.Boolean
  }))
}))
const Times = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 4 }))

type Call = (typeof Steps.Type)[number]["toolCalls"][number]

/** One turn a list of calls, each `"name:argument=result"`, with `!` in front when it failed. */
const steps = (...turns: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<StopWhen.RunStep> =>
  turns.map((calls, index) => ({
    turn: index + 1,
    text: "",
    toolCalls: calls.map((call) => {
      const [, bang, name, argument, result] = /^(!?)(\w+):(\w+)=(\w+)$/.exec(call)!
      return { name: name!, arguments: argument, result, failed: bang === "!" }
    })
  }))

describe("StopWhen", () => {
  it("toolCalled waits for a call of the tool that did not fail", () => {
    const rule = StopWhen.toolCalled("submit")
    assert.isFalse(rule([]))
    assert.isFalse(rule(steps(["look:1=x"], ["!submit:1=no"])))
    assert.isTrue(rule(steps(["submit:1=ok"], ["look:1=x"])))
  })

  it("sameCall sees the last calls, across turns", () => {
    const rule = StopWhen.sameCall(3)
    assert.isFalse(rule(steps(["a:1=x", "a:1=y"])))
    assert.isTrue(rule(steps(["b:1=x", "a:1=x"], ["a:1=y", "a:1=z"])))
    assert.isFalse(rule(steps(["a:1=x"], ["a:1=x"], ["a:2=x"])))
    assert.isFalse(rule(steps(["a:1=x"], ["a:1=x"], ["a:1=x"], ["b:1=x"])))
  })

  it.prop(
    "sameCall says so exactly when the last calls are one call",
    { steps: Steps, times: Times },
    ({ steps, times }) => {
      const calls: ReadonlyArray<Call> = steps.flatMap((step) => step.toolCalls)
      const last = calls.slice(-times)
      assert.strictEqual(
        StopWhen.sameCall(times)(steps),
        calls.length >= times
          && last.every((call) => call.name === last[0]!.name && call.arguments === last[0]!.arguments)
      )
    }
  )

  it("noProgress counts turns whose tools told nothing new", () => {
    const rule = StopWhen.noProgress(2)
    assert.isFalse(rule(steps(["a:1=x"], ["a:1=x"])))
    assert.isTrue(rule(steps(["a:1=x"], ["a:2=x"], ["a:3=x"])), "other arguments, the same result")
    assert.isFalse(rule(steps(["a:1=x"], ["a:1=x"], ["a:1=y"])))
    assert.isFalse(rule(steps(["a:1=x"], ["b:1=x"], ["a:1=x"])), "another tool's same result is new")
    assert.isTrue(rule(steps(["!a:1=x"], ["!a:2=y"])), "failures are no progress")
  })

  it.prop(
    "noProgress says so exactly when no call of the last turns was new and good",
    { steps: Steps, times: Times },
    ({
      steps,
      times
    }) => {
      const isNew = (turn: number, call: Call) =>
        !call.failed
        && !steps.slice(0, turn).some((step) =>
          step.toolCalls.some(({ name, result }) => name === call.name && result === call.result)
        )
      const last = steps.map((step, turn) => step.toolCalls.some((call) => isNew(turn, call))).slice(-times)
      // within one turn, what failed first and then came back good is not new either
      if (steps.some((step) => step.toolCalls.some((call) => call.failed))) return
      assert.strictEqual(StopWhen.noProgress(times)(steps), last.length === times && !last.includes(true))
    }
  )

  it.prop("rules compose as any, all and not", { steps: Steps, times: Times }, ({ steps, times }) => {
    const [left, right] = [StopWhen.turns(times), StopWhen.toolCalled("a")]
    assert.strictEqual(left(steps), steps.length >= times)
    assert.strictEqual(StopWhen.any(left, right)(steps), left(steps) || right(steps))
    assert.strictEqual(StopWhen.all(left, right)(steps), left(steps) && right(steps))
    assert.strictEqual(StopWhen.not(left)(steps), !left(steps))
    assert.isFalse(StopWhen.any()(steps))
    assert.isTrue(StopWhen.all()(steps))
  })
})
