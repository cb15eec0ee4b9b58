import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { Engine, Execution, Journal, Owners, Placement, Workflow } from "fluxion"
import { LeftToOthers } from "../../src/durable/internal/LeftToOthers.ts"

const entries = ["mine", "theirs"].map((id) => ({ id }))
const ids = (taken: ReadonlyArray<{ readonly id: string }>) => taken.map(({ id }) => id)

describe("executions that another process is to take up", () => {
  it("are left to it for a while, counted from the first look that sees them; one's own are taken at once", () => {
    const left = new LeftToOthers({ isHere: (id) => id === "mine", leaveFor: 10 })
    left.look()
    assert.deepStrictEqual(ids(left.take(entries, 100)), ["mine"])
    assert.deepStrictEqual(ids(left.take(entries, 109)), ["mine"])
    left.look()
    assert.deepStrictEqual(ids(left.take(entries, 110)), ["mine", "theirs"])
  })

  it("are left anew when they were gone between two looks", () => {
    const left = new LeftToOthers({ isHere: () => false, leaveFor: 10 })
    left.look()
    left.take(entries, 100)
    left.look()
    left.look()
    assert.deepStrictEqual(left.take(entries, 120), [])
    assert.deepStrictEqual(ids(left.take(entries, 130)), ["mine", "theirs"])
  })

  it.effect("hide none of one's own behind them, however many there are", () => {
    const flow = Workflow.make("flow", { payload: {}, success: Schema.Void, run: () => Effect.void })
    const engine = Engine.layer().pipe(
      Layer.provide([Journal.layerMemory, Owners.layerAlone]),
      Layer.provide(
        Layer.succeed(Placement.Placement, { isHere: (id) => id === "z", leaveFor: Number.POSITIVE_INFINITY })
      )
    )
    return Effect.gen(function*() {
      for (let index = 0; index < 250; index++) yield* flow.start({}, { id: `theirs-${index}` })
      yield* flow.start({}, { id: "z" })
      yield* Effect.gen(function*() {
        yield* flow.result("z")
        assert.strictEqual((yield* Execution.get("theirs-0")).state, "queued")
      }).pipe(Effect.provide(flow.layer))
    }).pipe(Effect.provide(engine))
  })
})
