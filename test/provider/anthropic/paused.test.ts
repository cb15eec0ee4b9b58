/**
 * A turn that Anthropic pauses, through the SDK: what goes back is what came.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Schema } from "effect"
import { Prompt, Tool } from "effect/ai"
import * as Agent from "../../../src/agent/Agent.ts"
import { Anthropic } from "../../../src/provider/anthropic/index.ts"
import { assertLegal } from "../../support/Messages.ts"
import * as VendorServer from "../support/VendorServer.ts"
import * as Wire from "./fixtures/Wire.ts"

const webSearch = Tool.providerDefined({
  id: "anthropic.web_search_20250305",
  customName: "search_the_web",
  providerName: "web_search",
  args: Schema.Struct({ max_uses: Schema.optional(Schema.Finite) })
})({})

const searcher = Agent.make("searcher", { instructions: "You search.", tools: [webSearch] })

const turns = [
  Wire.scenarios.find(({ end }) => end["stop_reason"] === "pause_turn")!,
  {
    blocks: [Wire.serverResult("srvtoolu_1", "web_search_tool_result", Wire.found), Wire.text(" It is 2.54 cm.")],
    end: {}
  },
  { blocks: [Wire.text("You are welcome.")], end: {} }
]

describe("a turn that Anthropic pauses", () => {
  it.effect("is sent back as it came, and goes on", () =>
    Effect.gen(function*() {
      const server = yield* VendorServer.make(turns.map((turn) => ({
        headers: { "content-type": "text/event-stream" },
        body: Wire.sse(Wire.events(turn))
      })))
      const model = Anthropic.layer({
        model: "claude-sonnet-4-6",
        apiKey: Redacted.make("test-key"),
        baseUrl: server.url
      })
      const { messages, output, turns: count } = yield* searcher.result("How long is an inch?").pipe(
        Effect.provide(model)
      )
      assert.deepStrictEqual([output, count], ["I look it up. It is 2.54 cm.", 2])
      assertLegal(messages)
      const history = { history: Prompt.fromMessages(messages) }
      yield* searcher("Thank you.", history).pipe(Effect.provide(model))

      const [first, second, third] = server.requests.map(({ json }) => json)
      const clean = ({ citations: _, ...block }: any) => block
      const said = turns.map(({ blocks }) => blocks.map(({ whole }) => clean(whole)))
      assert.deepStrictEqual(second.messages, [...first.messages, { role: "assistant", content: said[0] }])
      assert.deepStrictEqual(second.tools, first.tools)
      assert.deepStrictEqual(third.messages.slice(0, 2), [
        first.messages[0],
        { role: "assistant", content: [...said[0]!, ...said[1]!] }
      ])
      assert.strictEqual(third.messages.length, 3)
    }))
})
