import { Redacted } from "effect"
import { Anthropic } from "../../../src/provider/anthropic/index.ts"
import * as Collect from "../support/Collect.ts"
import * as Interruption from "../support/Interruption.ts"
import * as Wire from "./fixtures/Wire.ts"

const events = Wire.events(Wire.scenarios[0]!)

Interruption.suite({
  driver: (url) =>
    Collect.driverOf(Anthropic.layer({ model: "claude-sonnet-4-6", apiKey: Redacted.make("test-key"), baseUrl: url })),
  answer: Wire.sse(events),
  begun: Wire.sse(events.slice(0, 8)),
  delta: (text) => {
    const events = Wire.events({ blocks: [Wire.text(text, { size: text.length })], end: {} })
    const at = events.findIndex(({ type }) => type === "content_block_delta")
    return [Wire.sse(events.slice(0, at)), Wire.sse([events[at]!]), Wire.sse(events.slice(at + 1))]
  }
})
