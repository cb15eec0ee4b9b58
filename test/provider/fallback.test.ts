/**
 * A fallback over two vendors, through their SDKs.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, References, Schema, Stream } from "effect"
import * as Agent from "../../src/agent/Agent.ts"
import * as Models from "../../src/agent/Models.ts"
import * as Task from "../../src/durable/Task.ts"
import { Providers } from "../../src/provider/index.ts"
import { collect, only } from "../support/Events.ts"
import { assertLegal } from "../support/Messages.ts"
import { promptly } from "../support/Promptly.ts"
import * as AnthropicWire from "./anthropic/fixtures/Wire.ts"
import * as OpenAiWire from "./openai/fixtures/Wire.ts"
import * as VendorServer from "./support/VendorServer.ts"

const sse = { "content-type": "text/event-stream" }

const openai = (...items: Parameters<typeof OpenAiWire.events>[0]["items"]): VendorServer.Reply => ({
  headers: sse,
  body: OpenAiWire.sse(OpenAiWire.events({ items, end: {} }))
})

const anthropic = (...blocks: Parameters<typeof AnthropicWire.events>[0]["blocks"]): VendorServer.Reply => ({
  headers: sse,
  body: AnthropicWire.sse(AnthropicWire.events({ blocks, end: {} }))
})

const refused = (status: number, type: string, headers: Record<string, string> = {}): VendorServer.Reply => ({
  status,
  headers: { "content-type": "application/json", ...headers },
  body: JSON.stringify({ error: { type, message: `this is a ${status}` } })
})

/** Both vendors, each with its replies. */
const make = Effect.fnUntraced(function*(
  first: ReadonlyArray<VendorServer.Reply>,
  second: ReadonlyArray<VendorServer.Reply>
) {
  const [one, two] = [yield* VendorServer.make(first), yield* VendorServer.make(second)]
  const layer = Providers.layerWith({
    openai: { baseUrl: `${one.url}/v1`, apiKey: Redacted.make("test-key") },
    anthropic: { baseUrl: two.url, apiKey: Redacted.make("test-key") }
  })
  return { one, two, provide: Effect.provide(layer) }
})

let looked = 0
const getWeather = Task.make("get_weather", {
  payload: { city: Schema.String },
  success: Schema.String,
  run: ({ city }) => `Sunny in ${city}, ${++looked}`
})

const assistant = Agent.make("assistant", {
  instructions: "Be brief.",
  model: Models.fallback(["openai/gpt-5", "anthropic/claude-sonnet-4-6"]),
  tools: [getWeather],
  reasoning: "low"
})

describe("a fallback over OpenAI and Anthropic", () => {
  it.effect("goes on in the middle of a run, with the history that the first vendor made", () =>
    Effect.gen(function*() {
      looked = 0
      const { one, provide, two } = yield* make(
        [openai(OpenAiWire.call("call_a", "get_weather", `{"city":"Bern"}`)), refused(529, "overloaded_error")],
        [anthropic(AnthropicWire.text("Sunny in Bern."))]
      )
      const { events, exit } = yield* collect(assistant.stream("What is the weather?")).pipe(provide)
      assert.strictEqual(exit._tag, "Success")
      assert.deepStrictEqual([one.requests.length, two.requests.length, looked], [2, 1, 1])
      const [fellBack] = only(events, "ModelFellBack")
      assert.deepInclude(fellBack, { turn: 2, from: "openai/gpt-5", to: "anthropic/claude-sonnet-4-6" })
      assert.include(fellBack!.message, "this is a 529")
      const { messages, model, output } = only(events, "RunCompleted")[0]!.result
      assert.deepStrictEqual([output, model], ["Sunny in Bern.", "claude-sonnet-4-6"])
      assertLegal(messages)
      const { messages: sent } = two.requests[0]!.json
      assert.deepStrictEqual(sent.map(({ role }: any) => role), ["user", "assistant", "user"])
      assert.deepInclude(sent[1].content[0], { type: "tool_use", id: "call_a", name: "get_weather" })
      assert.deepInclude(sent[2].content[0], {
        type: "tool_result",
        tool_use_id: "call_a",
        content: "Sunny in Bern, 1"
      })
    }))

  it.effect("does not wait for the rate limit of the first, in the next run either", () =>
    Effect.gen(function*() {
      const { one, provide, two } = yield* make(
        [refused(429, "rate_limit_error", { "retry-after": "50" })],
        [anthropic(AnthropicWire.text("Hello."))]
      )
      const events = yield* Effect.gen(function*() {
        assert.strictEqual(yield* assistant("Hi"), "Hello.")
        return (yield* collect(assistant.stream("Hi"))).events
      }).pipe(provide, promptly(5000, "nobody waits"), Effect.provideService(References.MinimumLogLevel, "None"))
      // it is known already what the first would say
      assert.deepStrictEqual([one.requests.length, two.requests.length], [1, 2])
      assert.match(only(events, "ModelFellBack")[0]!.message, /^the rate limit is reached; wait \d+s/)
    }))

  it.effect("a stream that breaks before its first delta is another model's, and one that breaks after it is not", () =>
    Effect.gen(function*() {
      const whole = openai(OpenAiWire.message("Once upon a time")).body as string
      const cut = (at: number): VendorServer.Reply => ({ headers: sse, body: whole.slice(0, at), after: "cut" })
      const { one, provide, two } = yield* make(
        [
          cut(whole.indexOf("event: response.output_text.delta")),
          cut(whole.indexOf("event: response.output_text.done"))
        ],
        [anthropic(AnthropicWire.text("Hello."))]
      )
      yield* Effect.gen(function*() {
        assert.strictEqual(yield* Agent.text(assistant.stream("Hi")).pipe(Stream.mkString), "Hello.")
        const { events, exit } = yield* collect(assistant.stream("Hi"))
        assert.strictEqual(exit._tag, "Failure")
        assert.strictEqual(only(events, "TextDelta").map(({ delta }) => delta).join(""), "Once upon a time")
      }).pipe(provide)
      assert.deepStrictEqual([one.requests.length, two.requests.length], [2, 1])
    }))

  it.effect("does not hide a bad key", () =>
    Effect.gen(function*() {
      const { provide, two } = yield* make([refused(401, "invalid_api_key")], [])
      const error = yield* Effect.flip(assistant("Hi")).pipe(provide)
      assert.include(error.message, "openai/gpt-5")
      assert.deepStrictEqual(two.requests, [])
    }))
})
