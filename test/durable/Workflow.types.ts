/**
 * What the types of workflows and pauses demand.
 */
import { Context, Effect, Schema, SchemaGetter } from "effect"
import { Pause, Workflow } from "fluxion"

class Rates extends Context.Service<Rates, { readonly euro: number }>()("test/Rates") {}

const Price = Schema.Finite.pipe(Schema.decodeTo(Schema.Finite, {
  decode: SchemaGetter.transformEffect((euros: number) => Rates.use(({ euro }) => Effect.succeed(euros * euro))),
  encode: SchemaGetter.transformEffect((dollars: number) => Rates.use(({ euro }) => Effect.succeed(dollars / euro)))
}))

const run = () => Effect.succeed(1)

Workflow.make("fine", {
  payload: { at: Schema.Date, note: Schema.optionalKey(Schema.String) },
  success: Schema.Finite,
  run
})
Workflow.make("fine", { payload: Schema.Struct({ at: Schema.Date }), success: Schema.Finite, run })
Pause.make("fine", { output: Schema.Date, input: Schema.Option(Schema.String) })

// @ts-expect-error: a process without Rates could not read the payload
Workflow.make("sale", { payload: { price: Price }, success: Schema.Finite, run })
// @ts-expect-error: nor the result
Workflow.make("sale", { payload: {}, success: Price, run })
// @ts-expect-error: nor the answer
Pause.make("price", { input: Price })
