/**
 * Agents inside workflows: a model call that was answered is never paid for again.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Schema } from "effect"
import { Agent, AgentError, Engine, Execution, Pause, Task, Workflow } from "fluxion"
import { TestModel } from "fluxion/testing"

const Letter = Schema.Struct({ to: Schema.String, sent: Schema.Date })

describe("an agent in a workflow", () => {
  it.effect("goes on behind a pause in one of its tools without asking its model again", () => {
    const approve = Pause.make("approve", { output: Schema.String, input: Schema.Boolean })
    const ran: Array<string> = []
    const send = Task.make("send", {
      payload: { to: Schema.String },
      success: Schema.String,
      run: ({ to }) =>
        Effect.map(approve(to), (isApproved) => {
          ran.push(`send ${to} ${isApproved}`)
          return isApproved ? "sent" : "not sent"
        })
    })
    const look = Task.make("look", {
      payload: {},
      success: Schema.String,
      risk: "read",
      run: () => {
        ran.push("look")
        return "seen"
      }
    })
    const assistant = Agent.make("assistant", { instructions: "Help.", tools: [look, send], output: Letter })
    const flow = Workflow.make("flow", {
      payload: { instruction: Schema.String },
      success: Schema.Struct({ letter: Letter, tokens: Schema.Number, turns: Schema.Number }),
      error: AgentError.AgentError,
      run: ({ instruction }) =>
        Effect.map(assistant.result(instruction), ({ output, turns, usage }) => ({
          letter: output,
          tokens: (usage.inputTokens.total ?? 0) + (usage.outputTokens.total ?? 0),
          turns
        }))
    })
    const model = TestModel.layer([
      TestModel.toolCall("look", {}),
      [TestModel.toolCall("send", { to: "Ann" }), TestModel.toolCall("look", {})],
      TestModel.text(`{"to":"Ann","sent":"2026-01-01T00:00:00.000Z"}`)
    ])
    return Effect.gen(function*() {
      const id = yield* flow.start({ instruction: "Write to Ann." })
      const { info, pending } = yield* Execution.settled(id)
      assert.strictEqual(info.state, "paused")
      assert.deepStrictEqual(pending.map(({ name, waits }) => [name, waits._tag === "Answer" && waits.output]), [
        ["approve", "Ann"]
      ])
      assert.strictEqual((yield* TestModel.requests).length, 2)
      yield* approve.resume(id, true)
      const { letter, tokens, turns } = yield* flow.result(id)
      assert.deepStrictEqual(letter, { to: "Ann", sent: new Date("2026-01-01") })
      assert.deepStrictEqual([turns, tokens], [3, 45])
      assert.deepStrictEqual(ran, ["look", "look", "send Ann true"])
      assert.strictEqual((yield* TestModel.requests).length, 3)
    }).pipe(
      Effect.provide(flow.layer.pipe(Layer.provideMerge(model), Layer.provideMerge(Layer.fresh(Engine.layerMemory))))
    )
  })

  it.effect("fails with its typed error, over the journal", () => {
    const assistant = Agent.make("assistant", { instructions: "Help.", output: Letter, corrections: 0 })
    const flow = Workflow.make("flow", {
      payload: {},
      success: Letter,
      error: AgentError.AgentError,
      run: () => assistant("Write.")
    })
    return Effect.gen(function*() {
      const error = yield* Effect.flip(flow.execute({}))
      assert.strictEqual(error._tag, "AgentError")
      assert.strictEqual((error as AgentError.AgentError).reason._tag, "OutputInvalid")
    }).pipe(Effect.provide(
      flow.layer.pipe(
        Layer.provideMerge(TestModel.layer([TestModel.text("no")])),
        Layer.provideMerge(Layer.fresh(Engine.layerMemory))
      )
    ))
  })

  it.effect("is a workflow in one line", () => {
    const assistant = Agent.make("assistant", { instructions: "Help.", output: Letter })
    const flow = Agent.toWorkflow(assistant)
    return Effect.gen(function*() {
      const id = yield* flow.start({ instruction: "Write." })
      assert.deepStrictEqual(yield* flow.result(id), { to: "Ann", sent: new Date(0) })
      assert.strictEqual((yield* Execution.get(id)).workflow, "assistant")
      const exit = yield* Effect.exit(flow.result(id))
      assert.isTrue(Exit.isSuccess(exit))
    }).pipe(Effect.provide(
      flow.layer.pipe(
        Layer.provideMerge(TestModel.layer([TestModel.text(`{"to":"Ann","sent":"1970-01-01T00:00:00.000Z"}`)])),
        Layer.provideMerge(Layer.fresh(Engine.layerMemory))
      )
    ))
  })
})
