/**
 * Structured output: the answer is a value of a Schema. Dates are dates, and an answer that does not fit is corrected.
 *
 *   npm run example 07
 *   npm run example 07 -- --model ollama/llama3.2
 */
import { Console, Effect, Schema, Stream } from "effect"
import { Agent } from "fluxion"
import { TestModel } from "fluxion/testing"
import * as ChosenModel from "./ChosenModel.ts"

const Invoice = Schema.Struct({
  customer: Schema.String,
  due: Schema.Date,
  lines: Schema.Array(Schema.Struct({ item: Schema.String, cents: Schema.Int })),
  total: Schema.Int
})

const reader = Agent.make("reader", {
  instructions: "You read invoices. Amounts are in cents.",
  output: Invoice,
  // what the Schema cannot say; the text goes to the model, which may try again (`corrections`, default 2)
  check: ({ lines, total }) => {
    const sum = lines.reduce((sum, line) => sum + line.cents, 0)
    return sum === total ? Effect.void : Effect.fail(`total is ${total}, but the lines add up to ${sum}`)
  }
})

const letter = "Dear Kenji, please pay two lamps (8.00) and a table (25.00) by December 1st, 2026."

const program = reader.stream(letter).pipe(
  Stream.runForEach((event) => {
    switch (event._tag) {
      case "OutputPartial": // what is known of it so far, instead of raw JSON
        return Console.log(event._tag, JSON.stringify(event.value))
      case "OutputRejected":
        return Console.log(event._tag, event.issues)
      case "RunCompleted": {
        const { customer, due, total } = event.result.output
        return Console.log(`${customer} pays ${total} cents by ${due.toISOString().slice(0, 10)}`)
      }
      default:
        return Effect.void
    }
  })
)

const lines = `"lines":[{"item":"lamps","cents":800},{"item":"table","cents":2500}]`
const script = TestModel.layer([
  TestModel.stream([`{"customer":"Kenji","due":"2026-12-01T00:00:00.000Z",`, `${lines},`, `"total":2500}`]),
  TestModel.text(`{"customer":"Kenji","due":"2026-12-01T00:00:00.000Z",${lines},"total":3300}`)
])

await Effect.runPromise(program.pipe(Effect.provide(ChosenModel.or(script))))
