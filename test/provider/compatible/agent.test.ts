/**
 * An agent on a server of Chat Completions: what its requests hold, turn after turn.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as Agent from "../../../src/agent/Agent.ts"
import * as Task from "../../../src/durable/Task.ts"
import { OpenAiCompatible } from "../../../src/provider/compatible/index.ts"
import * as VendorServer from "../support/VendorServer.ts"
import * as Wire from "./fixtures/Wire.ts"

const weather = Task.make("get_weather", {
  description: "Current weather for a city.",
  payload: { city: Schema.String },
  success: Schema.String,
  run: ({ city }) => city === "Atlantis" ? Effect.die(new Error("no such city")) : Effect.succeed(`Sunny in ${city}`)
})

const details = [
  { type: "reasoning.text", text: "Both cities.", signature: "EqQBsig+/=", index: 0 },
  { type: "reasoning.encrypted", data: "EvgFsecret", index: 1 }
]

const calls = [
  Wire.wholeCall("toolu_a", "get_weather", `{"city":"Bern"}`),
  Wire.wholeCall("toolu_b", "get_weather", `{"city":"Atlantis"}`)
]

type Turn = Pick<Wire.Scenario, "deltas" | "message" | "finish">

const turns: ReadonlyArray<Turn> = [
  {
    deltas: [
      { reasoning: "Both cities.", reasoning_details: [details[0]] },
      { reasoning_details: [details[1]] },
      { content: "Let me look." },
      ...Wire.call(0, "toolu_a", "get_weather", `{"city":"Bern"}`),
      ...Wire.call(1, "toolu_b", "get_weather", `{"city":"Atlantis"}`)
    ],
    message: { reasoning: "Both cities.", reasoning_details: details, content: "Let me look.", tool_calls: calls },
    finish: "tool_calls"
  },
  { deltas: Wire.deltas("Sunny in Bern."), message: { content: "Sunny in Bern." }, finish: "stop" }
]

const reply = (turn: Turn, stream: boolean): VendorServer.Reply =>
  stream
    ? { headers: { "content-type": "text/event-stream" }, body: Wire.sse(Wire.chunks(turn)) }
    : { headers: { "content-type": "application/json" }, body: JSON.stringify(Wire.whole(turn)) }

describe("an agent on a server of Chat Completions", () => {
  for (const stream of [true, false]) {
    it.effect(`gives back what the model said, with the results of its calls (stream: ${stream})`, () =>
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
          Effect.provide(OpenAiCompatible.layer({
            name: "openrouter",
            model: "anthropic/claude-haiku-4.5",
            baseUrl: `${server.url}/v1`
          }))
        )
        assert.strictEqual(result.output, "Sunny in Bern.")
        assert.strictEqual(result.usage.inputTokens.total, 72)
        const [first, second] = server.requests.map(({ json }) => json)
        assert.deepStrictEqual(first.messages, [
          { role: "system", content: "Be brief." },
          { role: "user", content: "What is the weather?" }
        ])
        assert.deepStrictEqual(first.reasoning, { effort: "low" })
        assert.strictEqual(first.max_tokens, 4096)
        assert.deepStrictEqual(second.messages.slice(0, 3), [
          ...first.messages,
          { role: "assistant", content: "Let me look.", tool_calls: calls, reasoning_details: details }
        ])
        const [ok, failed, ...others] = second.messages.slice(3)
        assert.deepStrictEqual(ok, { role: "tool", tool_call_id: "toolu_a", content: "Sunny in Bern" })
        assert.deepInclude(failed, { role: "tool", tool_call_id: "toolu_b" })
        assert.include(failed.content, "no such city")
        assert.deepStrictEqual(others, [])
        assert.deepStrictEqual(second.tools, first.tools)
        assert.strictEqual(second.tool_choice, "none")
      }))
  }

  const Answer = Schema.Struct({ degrees: Schema.Finite })
  const answer = { deltas: Wire.deltas(`{"degrees":22}`), message: {}, finish: "stop" }
  const final = { deltas: Wire.call(0, "a", "final_answer", `{"degrees":22}`), message: {}, finish: "tool_calls" }

  it.effect("answers by a Schema where the server holds it to one, else by a tool", () =>
    Effect.gen(function*() {
      const server = yield* VendorServer.make(({ json }) => reply(json.response_format ? answer : final, true))
      const ask = (name: string, model: string) =>
        Agent.make("typed", { instructions: "Be brief.", output: Answer })("How warm?").pipe(
          Effect.provide(OpenAiCompatible.layer({ name, model, baseUrl: `${server.url}/v1` }))
        )
      for (
        const [name, model] of [["vllm", "qwen3"], ["deepseek", "deepseek-chat"], [
          "deepseek",
          "deepseek-v4-pro"
        ]] as const
      ) assert.deepStrictEqual(yield* ask(name, model), { degrees: 22 })
      const [vllm, chat, thinking] = server.requests.map(({ json }) => json)
      assert.strictEqual(vllm.response_format.type, "json_schema")
      assert.notProperty(chat, "response_format")
      assert.property(chat, "tool_choice")
      assert.notProperty(thinking, "tool_choice")
      assert.deepStrictEqual(thinking.tools.map((tool: any) => tool.function.name), ["final_answer"])
    }))
})
