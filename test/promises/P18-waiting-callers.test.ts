/**
 * P18: a caller that waits for something that pauses is told at once what waits, and how to answer it.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { Engine, Execution, Pause, Task, Workflow } from "fluxion"

describe("P18 a caller that waits on something that pauses is told what waits, its payload and how to go on", () => {
  it.live(
    "a pause in a sub-workflow is told to who waits for its parent, also while siblings run, and is answered",
    () => {
      const ran: Array<string> = []
      let finish = (): void => {}
      const open = new Promise<void>((resolve) => (finish = resolve))
      const review = Pause.make("review", {
        output: Schema.Struct({ draft: Schema.String }),
        input: Schema.Struct({ approved: Schema.Boolean })
      })
      const slow = Task.make("slow", {
        payload: {},
        success: Schema.String,
        run: async () => {
          await open
          ran.push("slow")
          return "slow"
        }
      })
      const inner = Workflow.make("inner", {
        payload: {},
        success: Schema.Boolean,
        run: () => Effect.map(review({ draft: "bees" }), ({ approved }) => approved)
      })
      const outer = Workflow.make("outer", {
        payload: {},
        success: Schema.Tuple([Schema.Boolean, Schema.String]),
        error: Workflow.ExecutionCancelled,
        run: () => Effect.all([inner({}), Effect.orDie(slow({}))], { concurrency: "unbounded" })
      })
      return Effect.gen(function*() {
        const id = yield* outer.start({})
        const first = yield* Effect.repeat(Execution.settled(id, { at: "first" }), {
          while: ({ pending }) => pending.length === 0
        })
        assert.deepStrictEqual(ran, [])
        assert.strictEqual(first.info.state, "running")
        const [{ execution, key, name, waits }] = first.pending as [Execution.Pending]
        assert.strictEqual(name, "review")
        assert.notStrictEqual(execution, id)
        assert.deepInclude(waits, { _tag: "Answer", output: { draft: "bees" } })
        finish()
        // nothing else of it runs: the same is told, and nothing waits for the caller
        const all = yield* Execution.settled(id)
        assert.deepStrictEqual(ran, ["slow"])
        assert.strictEqual(all.info.state, "waiting")
        assert.deepStrictEqual(all.pending, first.pending)
        yield* review.resume(execution, { approved: true }, { key })
        assert.deepStrictEqual(yield* outer.result(id), [true, "slow"])
      }).pipe(Effect.provide(
        Layer.mergeAll(outer.layer, inner.layer).pipe(Layer.provideMerge(Layer.fresh(Engine.layerMemory)))
      ))
    },
    10_000
  )

  it.todo("a caller by HTTP")
  it.todo("a delegate that needs approval")
})
