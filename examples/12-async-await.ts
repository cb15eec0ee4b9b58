/**
 * Plain async/await: a task is an async function, a run a Promise, its events an AsyncIterable, a failure is caught.
 *
 *   npm run example 12
 *   npm run example 12 -- --model ollama/llama3.2
 */
import { Agent, agent, AgentError, Effect, Schema, Task } from "fluxion"
import { Fluxion } from "fluxion/node"
import { TestModel } from "fluxion/testing"
import { setTimeout as sleep } from "node:timers/promises"
import * as ChosenModel from "./ChosenModel.ts"

const findOrder = Task.make("find_order", {
  description: "An order by its number.",
  payload: { number: Schema.String },
  run: async ({ number }, { signal }) => {
    await sleep(10, undefined, { signal }) // as in `await fetch(url, { signal })`
    if (number !== "A-17") throw new Error(`there is no order ${number}`)
    return { item: "lamp", shipped: "2026-11-20" }
  }
})

const support = agent("You say where an order is. Look it up first.", {
  tools: [findOrder],
  output: Schema.Struct({ item: Schema.String, on: Schema.Date })
})
const poet = agent("You write haiku.")

const script = TestModel.layer([
  TestModel.toolCall("find_order", { number: "A-17" }),
  TestModel.text(`{"item":"lamp","on":"2026-11-20T00:00:00.000Z"}`),
  TestModel.stream(["Rain on", " the roof;", " nobody", " counts it."]),
  TestModel.stream(["Snow", Effect.never])
])

const fluxion = Fluxion.make({ model: ChosenModel.or(script) })

console.log((await fluxion.run(findOrder({ number: "A-17" }))).shipped) // the type is what `run` returns

const { item, on } = await fluxion.run(support("Where is my order A-17?")) // a Date is a Date
console.log(`the ${item} went out on ${on.toISOString().slice(0, 10)}`)

for await (const text of fluxion.stream(Agent.text(poet.stream("A haiku about rain.")))) process.stdout.write(text)
process.stdout.write("\n")

for (const attempt of [findOrder({ number: "B-1" }), poet("")]) {
  try {
    await fluxion.run(attempt)
  } catch (error) {
    if (error instanceof Task.TaskFailed) console.log(error._tag, error.message)
    else if (error instanceof AgentError.AgentError) console.log(error.reason._tag, error.isRetryable)
    else throw error
  }
}

const controller = new AbortController() // ends the run and the vendor's request, as `break` in a loop does
setTimeout(() => controller.abort(), 50)
await fluxion.run(poet("A haiku about snow."), { signal: controller.signal }).catch((error) => console.log(error.name))

await fluxion.dispose() // or, on Node 24, `await using fluxion = Fluxion.make(…)`
