/**
 * P16: one of a turn's calls pauses while the others run: what is done stays done, and nothing outlives the pause unseen.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { Agent, AgentError, Engine, Execution, Pause, Task, Workflow } from "fluxion"
import { TestModel } from "fluxion/testing"

describe("P16: what a turn completed beside a pause is not run again", () => {
  it.live("the completed calls of a turn are not run again, and the one that was running is", () => {
    const ran: Array<string> = []
    const approve = Pause.make("approve", { input: Schema.String })
    const read = (name: string, run: Effect.Effect<string, never, any>) =>
      Task.make(name, { payload: {}, success: Schema.String, risk: "read", run: () => run })
    const quick = read("quick", Effect.sync(() => (ran.push("quick"), "quick")))
    const asks = read("asks", approve(undefined))
    const slow = read("slow", Effect.sync(() => (ran.push("slow"), "slow")).pipe(Effect.delay("20 millis")))
    const assistant = Agent.make("assistant", { instructions: "Help.", tools: [quick, asks, slow] })
    const flow = Workflow.make("flow", {
      payload: {},
      success: Schema.Array(Schema.String),
      error: AgentError.AgentError,
      run: () =>
        Effect.map(assistant.result("Go."), ({ messages }) =>
          messages.flatMap((message) =>
            message.role === "tool"
              ? message.content.map((part) => part.type === "tool-result" ? `${part.name} ${String(part.result)}` : "")
              : []
          ))
    })
    return Effect.gen(function*() {
      const id = yield* flow.start({})
      // the pause can be decided while a sibling still runs
      const { pending } = yield* Execution.settled(id, { at: "first" })
      assert.deepStrictEqual(pending.map(({ name }) => name), ["approve"])
      assert.deepStrictEqual(ran, ["quick"])
      const { info } = yield* Execution.settled(id)
      assert.strictEqual(info.state, "paused")
      assert.strictEqual(info.owner, null)
      assert.deepStrictEqual(ran, ["quick", "slow"])
      yield* approve.resume(id, "yes")
      assert.deepStrictEqual(yield* flow.result(id), ["quick quick", "asks yes", "slow slow"])
      assert.deepStrictEqual(ran, ["quick", "slow"])
    }).pipe(Effect.provide(flow.layer.pipe(
      Layer.provide(TestModel.layer([
        [TestModel.toolCall("quick", {}), TestModel.toolCall("asks", {}), TestModel.toolCall("slow", {})],
        TestModel.text("Done.")
      ])),
      Layer.provideMerge(Layer.fresh(Engine.layerMemory))
    )))
  })
})
