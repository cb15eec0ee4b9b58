// What a user of async/await runs, on an installed tarball: no name of Effect's own package, and no Effect in sight.
import { agent, AgentError, Schema, Task } from "fluxion"
import { Fluxion } from "fluxion/node"
import { TestModel } from "fluxion/testing"

const getWeather = Task.make("get_weather", {
  payload: { city: Schema.String },
  run: async ({ city }, { signal }) => ({ city, aborted: signal.aborted })
})
const assistant = agent("You are a helpful assistant.", { tools: [getWeather] })

const fluxion = Fluxion.make({
  model: TestModel.layer([TestModel.toolCall("get_weather", { city: "Tokyo" }), TestModel.text("Sunny.")])
})

const events = []
for await (const event of fluxion.stream(assistant.stream("What is the weather in Tokyo?"))) events.push(event._tag)
const failed = await fluxion.run(agent("x", { model: "openai/gpt-5" })("x")).catch((error) => error)
const response = await fluxion.response(agent("x", { model: "nobody/x" }).stream("x"), { heartbeat: false })
await fluxion.dispose()
console.log(JSON.stringify({
  events: [...new Set(events)],
  failed: failed instanceof AgentError.AgentError && failed.reason.problem,
  status: response.status
}))
