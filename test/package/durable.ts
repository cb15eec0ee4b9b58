// An agent in a workflow on SQLite, from strict TypeScript: two processes in a row on one file, which is the argument.
import { Effect, Layer, Schema } from "effect"
import { Agent, AgentError, Engine, Execution, Pause, Task, Workflow } from "fluxion"
import { Sqlite } from "fluxion/sqlite"
import { TestModel } from "fluxion/testing"

const filename: string = (globalThis as unknown as { process: { argv: Array<string> } }).process.argv[2]!

const refund = Task.make("refund", {
  payload: { order: Schema.String },
  success: Schema.Struct({ at: Schema.Date }),
  run: ({ order }, { idempotencyKey }) => ({ at: new Date(order.length + (idempotencyKey === "" ? 1 : 0)) })
})
const desk = Agent.make("desk", {
  instructions: "You refund orders.",
  tools: [refund],
  output: Schema.Struct({ refunded: Schema.Boolean })
})
const review = Pause.make("review", { output: Schema.Boolean, input: Schema.Struct({ by: Schema.Date }) })

const flow = Workflow.make("flow", {
  payload: { order: Schema.String },
  success: Schema.Struct({ refunded: Schema.Boolean, year: Schema.Finite }),
  error: AgentError.AgentError,
  run: ({ order }) =>
    Effect.gen(function*() {
      const { refunded } = yield* desk(`Refund ${order}.`)
      const { by } = yield* review(refunded)
      return { refunded, year: by.getUTCFullYear() }
    })
})

const live = <A, E>(script: TestModel.Script, effect: Effect.Effect<A, E, Engine.Engine>): Promise<A> =>
  Effect.runPromise(Effect.provide(
    effect,
    flow.layer.pipe(
      Layer.provideMerge(Engine.layerJournal),
      Layer.provide(Sqlite.layer({ filename })),
      Layer.provide(TestModel.layer(script))
    )
  ))

const script = [TestModel.toolCall("refund", { order: "A-17" }), TestModel.text(`{"refunded":true}`)]
const paused = await live(script, Effect.andThen(flow.start({ order: "A-17" }, { id: "a" }), Execution.settled("a")))
// the second one has no script: nothing is asked again
const result = await live(
  [],
  Effect.andThen(review.resume("a", { by: new Date("2026-11-24") }), flow.result("a"))
)
console.log(JSON.stringify({ state: paused.info.state, ...result }))
