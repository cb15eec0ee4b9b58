/**
 * Schemas of tasks that need services, to decode and to encode: outside a workflow, as a tool, and over a journal.
 */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Schema, SchemaGetter, Stream } from "effect"
import { Agent, Engine, Execution, Pause, Task, Workflow } from "fluxion"
import { TestModel } from "fluxion/testing"

class Rates extends Context.Service<Rates, { readonly euro: number }>()("test/Rates") {}
class Refused extends Schema.TaggedError<Refused>()("Refused", { why: Schema.String }) {}

/** Dollars here, euros on the wire. */
const Price = Schema.Finite.pipe(Schema.decodeTo(Schema.Finite, {
  decode: SchemaGetter.transformEffect((euros: number) => Rates.use(({ euro }) => Effect.succeed(euros * euro))),
  encode: SchemaGetter.transformEffect((dollars: number) => Rates.use(({ euro }) => Effect.succeed(dollars / euro)))
}))
const rates = Layer.succeed(Rates, { euro: 2 })

const make = () => {
  const ran: Array<number> = []
  const undone: Array<unknown> = []
  const charge = Task.make("charge", {
    payload: { price: Price },
    success: Price,
    error: Refused,
    rollback: ({ price }, exit) => void undone.push([price, Exit.isSuccess(exit) && exit.value]),
    run: ({ price }) => {
      ran.push(price)
      return Effect.succeed(price + 2)
    }
  })
  return { charge, ran, undone }
}

describe("a task whose Schemas need services", () => {
  it.effect("is called with what they decode to, and gives the same", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* make().charge({ price: 8 }).pipe(Effect.provide(rates)), 10)
    }))

  it.effect("is a tool of an agent: the model speaks of what is on the wire", () =>
    Effect.gen(function*() {
      const { charge, ran } = make()
      const shop = Agent.make("shop", { instructions: "Sell.", tools: [charge] })
      const { messages } = yield* shop.result("Go on.")
      assert.deepStrictEqual(ran, [8])
      assert.include(JSON.stringify(messages), `"result":5`)
    }).pipe(
      Effect.provide([TestModel.layer([TestModel.toolCall("charge", { price: 4 }), TestModel.text("ok")]), rates])
    ))

  it.effect("is a step: kept by its Schemas, and answered and undone from the journal", () => {
    const { charge, ran, undone } = make()
    const wait = Pause.make("wait", { output: Schema.Void, input: Schema.Boolean })
    const sale = Workflow.make("sale", {
      payload: {},
      success: Schema.Finite,
      error: Refused,
      run: () =>
        Effect.gen(function*() {
          const paid = yield* charge({ price: 8 })
          return (yield* wait(undefined)) ? paid : yield* new Refused({ why: "no" })
        })
    })
    return Effect.gen(function*() {
      const kept = yield* sale.start({})
      const refused = yield* sale.start({})
      for (const id of [kept, refused]) yield* Execution.settled(id)
      yield* wait.resume(kept, true)
      yield* wait.resume(refused, false)
      assert.strictEqual(yield* sale.result(kept), 10)
      assert.deepStrictEqual(yield* Effect.flip(sale.result(refused)), new Refused({ why: "no" }))
      assert.deepStrictEqual(ran, [8, 8])
      assert.deepStrictEqual(undone, [[8, 10]])
      const history = JSON.stringify(yield* Stream.runCollect(Execution.events(kept)))
      assert.include(history, `"price":4`)
      assert.include(history, `"value":5`)
    }).pipe(
      Effect.provide(sale.layer.pipe(
        Layer.provide(rates),
        Layer.provideMerge(Layer.fresh(Engine.layerMemory))
      ))
    )
  })
})
