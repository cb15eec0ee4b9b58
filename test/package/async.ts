// The same from strict TypeScript.
import { agent, AgentError, Effect, Schema, Task } from "fluxion"
import { Fluxion } from "fluxion/node"

class SoldOut extends Schema.TaggedError<SoldOut>()("SoldOut", { item: Schema.String }) {}

const reserve = Task.make("reserve", {
  payload: { item: Schema.String, count: Schema.Int },
  error: SoldOut,
  run: ({ count, item }) => count > 2 ? Effect.fail(new SoldOut({ item })) : Effect.succeed(`${item}-${count}`)
})
const price = Task.make("price", {
  payload: { item: Schema.String },
  run: async ({ item }, { signal }) => ({ item, cents: signal.aborted ? 0 : item.length })
})
const shop = agent("You sell lamps.", {
  model: "ollama/llama3.2",
  tools: [reserve, price],
  output: Schema.Struct({ sold: Schema.Boolean, on: Schema.Date })
})
const fluxion = Fluxion.make()

const cents: number = (await fluxion.run(price({ item: "lamp" }))).cents
const on: Date = (await fluxion.run(shop("A lamp, please."))).on
try {
  for await (const event of fluxion.stream(shop.stream("A lamp, please."))) {
    if (event._tag === "RunCompleted") console.log(event.result.output.on.getTime() - on.getTime() + cents)
  }
} catch (error) {
  if (error instanceof AgentError.AgentError) console.log(error.reason._tag)
  if (error instanceof SoldOut) console.log(error.item)
}
// @ts-expect-error an agent without a model has none here
void fluxion.run(agent("You help.")("x"))
