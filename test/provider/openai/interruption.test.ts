import { Redacted } from "effect"
import { OpenAi } from "../../../src/provider/openai/index.ts"
import * as Collect from "../support/Collect.ts"
import * as Interruption from "../support/Interruption.ts"
import * as Wire from "./fixtures/Wire.ts"

const events = Wire.events(Wire.scenarios[0]!)

Interruption.suite({
  driver: (url) =>
    Collect.driverOf(OpenAi.layer({ model: "gpt-5", apiKey: Redacted.make("test-key"), baseUrl: `${url}/v1` })),
  answer: Wire.sse(events),
  begun: Wire.sse(events.slice(0, 8)),
  delta: (text) => {
    const events = Wire.events({ items: [Wire.message(text, { size: text.length })], end: {} })
    const at = events.findIndex(({ type }) => type === "response.output_text.delta")
    return [Wire.sse(events.slice(0, at)), Wire.sse([events[at]!]), Wire.sse(events.slice(-1))]
  }
})
