/**
 * An agent on an Anthropic model: what its requests hold, turn after turn.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Schema } from "effect"
import * as Agent from "../../../src/agent/Agent.ts"
import * as Task from "../../../src/durable/Task.ts"
import { Anthropic } from "../../../src/provider/anthropic/index.ts"
import * as VendorServer from "../support/VendorServer.ts"
import * as Wire from "./fixtures/Wire.ts"

const weather = Task.make("get_weather", {
  description: "Current weather for a city.",
  payload: { city: Schema.String },
  success: Schema.String,
  run: ({ city }) => city === "Atlantis" ? Effect.die(new Error("no such city")) : Effect.succeed(`Sunny in ${city}`)
})

const turns = [
  {
    blocks: [
      Wire.thinking("Both cities.", "EqQBsig+/="),
      Wire.redacted("EvgFsecret"),
      Wire.text("Let me look."),
      Wire.call("toolu_a", "get_weather", `{"city":"Bern"}`),
      Wire.call("toolu_b", "get_weather", `{"city":"Atlantis"}`)
    ],
    end: { stop_reason: "tool_use" }
  },
  { blocks: [Wire.text("Sunny in Bern.")], end: {} }
]

const reply = (turn: (typeof turns)[number], stream: boolean): VendorServer.Reply =>
  stream
    ? { headers: { "content-type": "text/event-stream" }, body: Wire.sse(Wire.events(turn)) }
    : { headers: { "content-type": "application/json" }, body: JSON.stringify(Wire.whole(turn)) }

describe("an agent on Anthropic", () => {
  for (const stream of [true, false]) {
    it.effect(`gives back what the model said, with all results in one message (stream: ${stream})`, () =>
      Effect.gen(function*() {
        const server = yield* VendorServer.make(turns.map((turn) => reply(turn, stream)))
        const assistant = Agent.make("assistant", {
          instructions: "Be brief.",
          tools: [weather],
          reasoning: "low",
          stream,
          maxToolCalls: 2
        })
        const result = yield* assistant.result("What is the weather?").pipe(
          Effect.provide(Anthropic.layer({
            model: "claude-sonnet-4-6",
            apiKey: Redacted.make("test-key"),
            baseUrl: server.url
          }))
        )
        assert.strictEqual(result.output, "Sunny in Bern.")
        assert.strictEqual(result.usage.inputTokens.total, 80)
        const [first, second] = server.requests.map(({ json }) => json)
        assert.deepStrictEqual(first.system, [{ type: "text", text: "Be brief." }])
        assert.deepStrictEqual(first.thinking, { type: "adaptive", display: "summarized" })
        assert.deepStrictEqual(first.tool_choice, { type: "auto" })
        assert.strictEqual(first.max_tokens, 4096)
        const said = turns[0]!.blocks.map(({ whole: { caller: _caller, citations: _citations, ...block } }) => block)
        assert.deepStrictEqual(second.messages.slice(0, 2), [first.messages[0], { role: "assistant", content: said }])
        const [ok, failed, ...others] = second.messages[2].content
        assert.deepStrictEqual(ok, { type: "tool_result", tool_use_id: "toolu_a", content: "Sunny in Bern" })
        assert.deepInclude(failed, { tool_use_id: "toolu_b", is_error: true })
        assert.include(failed.content, "no such city")
        assert.deepStrictEqual(others, [])
        assert.deepStrictEqual(second.tools, first.tools)
        assert.deepStrictEqual(second.tool_choice, { type: "none" })
      }))
  }
})
