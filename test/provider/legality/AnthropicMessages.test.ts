import { assert, describe, it } from "@effect/vitest"
import * as AnthropicMessages from "./AnthropicMessages.ts"
import { at, type Break, type Example, test } from "./Table.ts"

const input_schema = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false
}

const getWeather = { name: "get_weather", description: "d", input_schema }

const thinking = { type: "thinking", thinking: "Ask.", signature: "c2ln" }

const call = (id: string) => ({ type: "tool_use", id, name: "get_weather", input: { city: "Tokyo" } })

const result = (id: string) => ({ type: "tool_result", tool_use_id: id, content: "Sunny" })

const loop = [
  { role: "user", content: "Weather?" },
  { role: "assistant", content: [thinking, call("toolu_1"), call("toolu_2")] },
  { role: "user", content: [result("toolu_1"), result("toolu_2")] }
]

const search = { type: "server_tool_use", id: "srvtoolu_1", name: "web_search", input: { query: "q" } }

const found = { type: "web_search_tool_result", tool_use_id: "srvtoolu_1", content: [] }

const legal: { readonly [name: string]: Example } = {
  text: {
    model: "claude-sonnet-4-20250514",
    body: {
      model: "claude-sonnet-4-20250514",
      max_tokens: 100,
      system: [{ type: "text", text: "s", cache_control: { type: "ephemeral" } }],
      messages: [{ role: "user", content: "Hello" }],
      stop_sequences: ["END"]
    }
  },
  manual: {
    model: "claude-sonnet-4-5",
    body: {
      model: "claude-sonnet-4-5",
      max_tokens: 4096,
      thinking: { type: "enabled", budget_tokens: 1024 },
      tools: [getWeather],
      tool_choice: { type: "auto" },
      messages: loop
    }
  },
  adaptive: {
    model: "claude-opus-5-5",
    body: {
      model: "claude-opus-5-5",
      max_tokens: 4096,
      stream: true,
      thinking: { type: "adaptive", display: "summarized" },
      output_config: { effort: "low", format: { type: "json_schema", schema: input_schema } },
      tools: [{ ...getWeather, strict: true }, { type: "web_search_20250305", name: "web_search" }],
      messages: loop
    }
  },
  forced: {
    model: "claude-sonnet-4-5",
    body: {
      model: "claude-sonnet-4-5",
      max_tokens: 100,
      tools: [getWeather],
      tool_choice: { type: "tool", name: "get_weather" },
      messages: [{ role: "user", content: "Weather?" }]
    }
  },
  hosted: {
    model: "claude-sonnet-4-5",
    body: {
      model: "claude-sonnet-4-5",
      max_tokens: 100,
      messages: [
        { role: "user", content: "News?" },
        { role: "assistant", content: [search, found, { type: "text", text: "None." }] },
        { role: "user", content: [{ type: "text", text: "Really?" }] }
      ]
    }
  },
  prefilled: {
    model: "claude-sonnet-4-5",
    body: {
      model: "claude-sonnet-4-5",
      max_tokens: 100,
      messages: [{ role: "user", content: "Hello" }, { role: "assistant", content: "The answer is (" }]
    }
  }
}

const breaks: ReadonlyArray<Break> = [
  ["a tool that is none", "manual", (body) => body.tools.push("x"), /tools\[1\]: has to be an object/],
  ["no limit", "text", (body) => delete body.max_tokens, /max_tokens: is required/],
  [
    "sampling, which this version does not know",
    "text",
    (body) => body.temperature = 1,
    /body\.temperature: is no field/
  ],
  ["another model", "text", (body) => body.model = "x", /model: has to be/],
  ["no messages", "text", (body) => body.messages = [], /messages: has to have 1/],
  [
    "a conversation that the assistant begins",
    "manual",
    (body) => body.messages.shift(),
    /first message has to be the user's/
  ],
  ["two messages of one role", "manual", (body) => body.messages.splice(0, 0, loop[0]), /roles have to alternate/],
  ["an unknown role", "text", (body) => body.messages[0].role = "tool", /role: has to be one of user, assistant/],
  ["empty text", "hosted", (body) => body.messages[2].content[0].text = "", /more than blanks/],
  ["text of blanks", "hosted", (body) => body.messages[1].content[2].text = " \n", /more than blanks/],
  ["an empty message", "hosted", (body) => body.messages[2].content = [], /content: has to have 1/],
  ["an empty system prompt", "text", (body) => body.system = "", /system: has to be text/],
  ["a call's id of another vendor", "manual", (body) => body.messages[1].content[1].id = "call.1", /id: has to match/],
  ["two calls of one id", "manual", (body) => body.messages[1].content[2].id = "toolu_1", /two calls have the id/],
  [
    "arguments that are no object",
    "manual",
    (body) => body.messages[1].content[1].input = "{}",
    /input: has to be an object/
  ],
  [
    "a call without a result",
    "manual",
    (body) => body.messages[2].content.pop(),
    /answer the call toolu_2 once, not 0/
  ],
  [
    "a call that is answered twice",
    "manual",
    (body) => body.messages[2].content.push(result("toolu_2")),
    /toolu_2 once, not 2/
  ],
  ["a call that is answered later", "manual", (body) => {
    body.messages.splice(2, 0, { role: "user", content: "Wait." }, { role: "assistant", content: "Waiting." })
  }, /messages\[2\]: has to answer the call/],
  [
    "a result of no call",
    "manual",
    (body) => body.messages[2].content[0].tool_use_id = "toolu_9",
    /does not make: toolu_9/
  ],
  [
    "results where nothing was asked",
    "hosted",
    (body) => body.messages[2].content = [result("toolu_1")],
    /does not make$/
  ],
  [
    "results at the beginning",
    "text",
    (body) => body.messages[0].content = [result("toolu_1")],
    /calls that nobody made/
  ],
  [
    "text before results",
    "manual",
    (body) => body.messages[2].content.unshift({ type: "text", text: "x" }),
    /results have to come before/
  ],
  [
    "a call of the user's",
    "manual",
    (body) => body.messages[0].content = [call("toolu_3")],
    /type: has to be one of text/
  ],
  [
    "thinking without a signature",
    "manual",
    (body) => delete body.messages[1].content[0].signature,
    /signature: is required/
  ],
  [
    "thinking at the end of a message",
    "hosted",
    (body) => body.messages[1].content.push(thinking),
    /cannot end with thinking/
  ],
  [
    "a loop that begins without thinking",
    "manual",
    (body) => body.messages[1].content.shift(),
    /loop has to start with thinking/
  ],
  [
    "a loop with thinking that was turned off",
    "manual",
    (body) => delete body.thinking,
    /loop cannot hold thinking/
  ],
  [
    "a budget below the least",
    "manual",
    (body) => body.thinking.budget_tokens = 1000,
    /budget_tokens: has to be a whole number from 1024/
  ],
  ["a budget above the limit", "manual", (body) => body.thinking.budget_tokens = 4096, /has to be below max_tokens/],
  ["a budget on a model that has none", "manual", () => undefined, /claude-opus-4-7 takes adaptive/, "claude-opus-4-7"],
  [
    "adaptive thinking on a model that has none",
    "adaptive",
    () => undefined,
    /claude-haiku-4-5 takes enabled/,
    "claude-haiku-4-5"
  ],
  ["thinking on a model that has none", "manual", () => undefined, /takes no thinking/, "claude-3-5-haiku-latest"],
  [
    "thinking that is turned off where it cannot be",
    "adaptive",
    (body) => body.thinking = { type: "disabled" },
    /claude-opus-5-5 takes adaptive/
  ],
  ["an effort on a model that has none", "manual", (body) => body.output_config = { effort: "low" }, /takes no effort/],
  [
    "an effort that the model does not know",
    "adaptive",
    (body) => body.output_config.effort = "xhigh",
    /takes low, medium, high, max/,
    "claude-sonnet-4-6"
  ],
  ["a choice without tools", "text", (body) => body.tool_choice = { type: "auto" }, /tool_choice: needs tools/],
  ["calls in the history, and no tools", "manual", (body) => {
    delete body.tools
    delete body.tool_choice
  }, /tools: have to be defined/],
  ["a choice of another API", "forced", (body) => body.tool_choice = "required", /tool_choice: has to be an object/],
  ["a choice of a tool that is not there", "forced", (body) => body.tool_choice.name = "x", /not declared: x/],
  [
    "a forced choice while the model thinks",
    "manual",
    (body) => body.tool_choice = { type: "any" },
    /cannot force a call while/
  ],
  [
    "a forced choice on a model that thinks by default",
    "forced",
    () => undefined,
    /cannot force a call while/,
    "claude-opus-5"
  ],
  [
    "a forced choice on a model that knows none",
    "forced",
    () => undefined,
    /cannot be made to call/,
    "claude-opus-5-5"
  ],
  ["a name with a space", "manual", (body) => body.tools[0].name = "get weather", /name: has to match/],
  ["two tools of one name", "manual", (body) => body.tools.push(getWeather), /two tools have one name/],
  ["an unknown kind of tool", "adaptive", (body) => body.tools[1].type = "web_search", /no type of tool/],
  [
    "a tool without an object",
    "manual",
    (body) => body.tools[0].input_schema = { type: "string" },
    /has to be "object"/
  ],
  [
    "a strict tool that is open",
    "adaptive",
    (body) => body.tools[0].input_schema.additionalProperties = true,
    /has to be false/
  ],
  [
    "strict tools on a model that has none",
    "adaptive",
    () => undefined,
    /has no strict tools/,
    "claude-sonnet-4-20250514"
  ],
  ["21 strict tools", "adaptive", (body) => {
    body.tools = Array.from({ length: 21 }, (_, index) => ({ ...getWeather, name: `t${index}`, strict: true }))
  }, /20 strict tools/],
  [
    "an answer's schema on a model that has none",
    "adaptive",
    () => undefined,
    /no structured outputs/,
    "claude-sonnet-4-20250514"
  ],
  [
    "an answer's schema that is open",
    "adaptive",
    (body) => delete body.output_config.format.schema.additionalProperties,
    /has to be false/
  ],
  [
    "a vendor's call without its result",
    "hosted",
    (body) => body.messages[1].content.splice(1, 1),
    /no result of the call srvtoolu_1/
  ],
  [
    "a vendor's result without its call",
    "hosted",
    (body) => body.messages[1].content.shift(),
    /result of no call before it/
  ],
  [
    "a vendor's call of no such tool",
    "hosted",
    (body) => body.messages[1].content[0].name = "get_weather",
    /name: has to be one of/
  ],
  [
    "an answer begun on a model that takes none",
    "prefilled",
    () => undefined,
    /does not go on from/,
    "claude-opus-4-6"
  ],
  ["an answer begun while the model thinks", "prefilled", (body) => {
    body.thinking = { type: "enabled", budget_tokens: 1024 }
  }, /no prefill/],
  [
    "an answer begun that ends with blanks",
    "prefilled",
    (body) => at(body.messages, -1).content += " ",
    /cannot end with blanks/
  ],
  ["five marks of the cache", "hosted", (body) => {
    body.system = Array.from({ length: 5 }, () => ({ type: "text", text: "s", cache_control: { type: "ephemeral" } }))
  }, /at most 4, not 5/],
  ["an image of an unknown type", "hosted", (body) => {
    body.messages[2].content.push({ type: "image", source: { type: "base64", media_type: "image/bmp", data: "AAAA" } })
  }, /media_type: has to be one of/],
  ["stop sequences of blanks", "text", (body) => body.stop_sequences = ["\n"], /stop_sequences\[0\]/]
]

test("what Anthropic's Messages API takes", AnthropicMessages.violations, legal, breaks)

describe("what keeps a conversation's thinking", () => {
  const before = { system: "s", tools: [getWeather], messages: loop.slice(0, 1) }

  it("a request that only grows changes nothing", () => {
    assert.deepStrictEqual(AnthropicMessages.edits(before, { ...before, messages: loop }), [])
  })

  it("an edit of the system prompt, the tools or a message is reported", () => {
    const edited = { system: "t", tools: [], messages: [{ role: "user", content: "Rain?" }] }
    assert.strictEqual(AnthropicMessages.edits(before, edited).length, 3)
  })
})
