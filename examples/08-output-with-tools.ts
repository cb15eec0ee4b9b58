/**
 * A typed answer next to tools: the model calls what it needs, then answers by the Schema. A union says which it is.
 *
 *   npm run example 08
 *   npm run example 08 -- --model anthropic/claude-sonnet-4-5
 */
import { Console, Effect, Schema } from "effect"
import { Agent, Task } from "fluxion"
import { TestModel } from "fluxion/testing"
import * as ChosenModel from "./ChosenModel.ts"

const orders = new Map([["A-17", { item: "lamp", shipped: "2026-11-20" }], ["A-18", { item: "table", shipped: "" }]])

const findOrder = Task.make("find_order", {
  description: "An order by its number.",
  payload: { number: Schema.String },
  run: ({ number }) => {
    const order = orders.get(number)
    if (order === undefined) throw new Error(`there is no order ${number}`)
    return order
  }
})

const Answer = Schema.Union([
  Schema.TaggedStruct("Shipped", { item: Schema.String, on: Schema.Date }),
  Schema.TaggedStruct("Waiting", { item: Schema.String }),
  Schema.TaggedStruct("Unknown", { question: Schema.String })
])

const support = Agent.make("support", {
  instructions: "You say where an order is. Look it up first.",
  tools: [findOrder],
  output: Answer
})

const program = Effect.gen(function*() {
  const { output, toolCalls, turns } = yield* support.result("Where is my order A-17?")
  switch (output._tag) { // typed: each case has its own fields
    case "Shipped":
      yield* Console.log(`the ${output.item} went out on ${output.on.toISOString().slice(0, 10)}`)
      break
    case "Waiting":
      yield* Console.log(`the ${output.item} is still here`)
      break
    case "Unknown":
      yield* Console.log(`we ask back: ${output.question}`)
  }
  yield* Console.log(`${turns} turns, ${toolCalls} tool call`)
})

const script = TestModel.layer([
  TestModel.toolCall("find_order", { number: "A-17" }),
  // a root that is no object is wrapped on the wire, since vendors take objects only
  TestModel.text(`{"value":{"_tag":"Shipped","item":"lamp","on":"2026-11-20T00:00:00.000Z"}}`)
])

await Effect.runPromise(program.pipe(Effect.provide(ChosenModel.or(script))))
