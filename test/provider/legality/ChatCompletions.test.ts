import * as ChatCompletions from "./ChatCompletions.ts"
import { type Break, type Example, test } from "./Table.ts"

const parameters = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false
}

const getWeather = { type: "function", function: { name: "get_weather", description: "d", parameters, strict: true } }

const call = (id: string) => ({ id, type: "function", function: { name: "get_weather", arguments: "{}" } })

const legal: { readonly [name: string]: Example } = {
  text: {
    model: "llama-3.3-70b",
    body: {
      model: "llama-3.3-70b",
      messages: [{ role: "system", content: "s" }, { role: "user", content: "Hello" }],
      max_tokens: 100,
      temperature: 0.5,
      stop: ["END"],
      stream: true,
      stream_options: { include_usage: true }
    }
  },
  tools: {
    model: "gpt-5",
    body: {
      model: "gpt-5",
      max_completion_tokens: 100,
      reasoning_effort: "low",
      tools: [getWeather],
      tool_choice: "auto",
      parallel_tool_calls: true,
      messages: [
        { role: "developer", content: "s" },
        { role: "user", content: [{ type: "text", text: "Weather?" }] },
        { role: "assistant", content: null, reasoning_content: "Ask.", tool_calls: [call("call_1"), call("call_2")] },
        { role: "tool", tool_call_id: "call_1", content: "Sunny" },
        { role: "tool", tool_call_id: "call_2", content: "Rain" }
      ]
    }
  },
  structured: {
    model: "gpt-4o",
    body: {
      model: "gpt-4o",
      messages: [{ role: "user", content: "Hello" }, { role: "assistant", content: "{}" }, {
        role: "user",
        content: "Again"
      }],
      response_format: { type: "json_schema", json_schema: { name: "output", strict: true, schema: parameters } }
    }
  }
}

const breaks: ReadonlyArray<Break> = [
  ["no messages", "text", (body) => body.messages = [], /messages: has to have 1/],
  ["an unknown field", "text", (body) => body.think = true, /body\.think: is no field/],
  ["another model", "text", (body) => body.model = "x", /model: has to be/],
  ["an unknown role", "text", (body) => body.messages[0].role = "model", /role: has to be one of/],
  ["an unknown field of a message", "tools", (body) => body.messages[2].thinking = "x", /thinking: is no field/],
  [
    "an answer without words and calls",
    "structured",
    (body) => body.messages[1].content = null,
    /required where there are no calls/
  ],
  ["an empty list of calls", "tools", (body) => body.messages[2].tool_calls = [], /tool_calls: has to have 1/],
  ["a call that is not answered", "tools", (body) => body.messages.pop(), /call_2 is not answered before this/],
  [
    "a call that is answered too late",
    "tools",
    (body) => body.messages.splice(3, 0, { role: "user", content: "x" }),
    /messages\[3\]: the call call_1 is not answered/
  ],
  ["an answer without a call", "tools", (body) => body.messages[3].tool_call_id = "call_9", /answers no call/],
  ["two calls of one id", "tools", (body) => body.messages[2].tool_calls[1].id = "call_1", /two calls have one id/],
  [
    "a call's id that is too long",
    "tools",
    (body) => body.messages[2].tool_calls[0].id = "c".repeat(41),
    /id: has to match/
  ],
  [
    "arguments that are no text",
    "tools",
    (body) => body.messages[2].tool_calls[0].function.arguments = {},
    /arguments: has to be a string/
  ],
  [
    "a result with an image",
    "tools",
    (body) => body.messages[3].content = [{ type: "image_url", image_url: { url: "https://x.org/a" } }],
    /type: has to be one of text/
  ],
  [
    "an image that is no address",
    "tools",
    (body) => body.messages[1].content.push({ type: "image_url", image_url: { url: "cat.png" } }),
    /url: has to match/
  ],
  ["a name with a space", "tools", (body) => body.tools[0].function.name = "get weather", /name: has to match/],
  [
    "a tool that is not strict enough",
    "tools",
    (body) => body.tools[0].function.parameters.required = [],
    /name every property/
  ],
  ["a loose tool without an object", "tools", (body) => {
    body.tools[0] = { type: "function", function: { name: "a", parameters: { type: "string" } } }
  }, /has to be "object"/],
  ["two tools of one name", "tools", (body) => body.tools.push(getWeather), /two tools have one name/],
  ["an empty list of tools", "structured", (body) => body.tools = [], /tools: has to have 1/],
  ["a choice without tools", "structured", (body) => body.tool_choice = "none", /tool_choice: needs tools/],
  ["a choice that is none", "tools", (body) => body.tool_choice = "any", /tool_choice: has to be one of/],
  [
    "parallel calls without tools",
    "structured",
    (body) => body.parallel_tool_calls = true,
    /parallel_tool_calls: needs tools/
  ],
  [
    "a choice of a tool that is not there",
    "tools",
    (body) => body.tool_choice = { type: "function", function: { name: "x" } },
    /not declared: x/
  ],
  ["a subset with a tool that is not there", "tools", (body) => {
    body.tool_choice = {
      type: "allowed_tools",
      allowed_tools: { mode: "auto", tools: [{ type: "function", function: { name: "y" } }] }
    }
  }, /not declared: y/],
  [
    "a schema's name",
    "structured",
    (body) => body.response_format.json_schema.name = "my answer",
    /name: has to match/
  ],
  [
    "a schema that is not strict enough",
    "structured",
    (body) => body.response_format.json_schema.schema.required = [],
    /name every property/
  ],
  ["usage of a stream that is none", "text", (body) => body.stream = false, /only when streaming/],
  [
    "two limits",
    "structured",
    (body) => Object.assign(body, { max_tokens: 1, max_completion_tokens: 1 }),
    /not beside/
  ],
  ["the old limit for a model that reasons", "tools", (body) => {
    delete body.max_completion_tokens
    body.max_tokens = 9
  }, /takes max_completion_tokens/],
  ["an effort that the model does not know", "tools", (body) => body.reasoning_effort = "none", /takes minimal, low/],
  [
    "an effort for a model that does not reason",
    "structured",
    (body) => body.reasoning_effort = "low",
    /gpt-4o does not reason/
  ],
  [
    "an effort beside tools, where only the other API takes it",
    "tools",
    () => undefined,
    /takes none beside tools/,
    "gpt-5.6-luna"
  ],
  ["sampling while a model reasons", "tools", (body) => body.temperature = 1, /temperature: .* takes none/],
  ["stop sequences for a model that reasons", "tools", (body) => body.stop = ["x"], /stop: gpt-5 takes none/],
  ["five stop sequences", "text", (body) => body.stop = ["1", "2", "3", "4", "5"], /stop: has to have 1 to 4/],
  [
    "an id that Mistral does not take",
    "structured",
    (body) => {
      body.messages.push({ role: "assistant", tool_calls: [call("call_1")] }, {
        role: "tool",
        tool_call_id: "call_1",
        content: "x"
      })
    },
    /nine letters and digits: call_1/,
    "mistral-large-latest"
  ],
  [
    "a user right after results, at Mistral",
    "tools",
    (body) => body.messages.push({ role: "user", content: "x" }),
    /no user right after results/,
    "mistral-large-latest"
  ],
  [
    "a turn without its reasoning, at DeepSeek",
    "tools",
    (body) => delete body.messages[2].reasoning_content,
    /wants reasoning_content back/,
    "deepseek-reasoner"
  ],
  [
    "a form of effort that nobody knows",
    "text",
    (body) => body.reasoning = { level: "low" },
    /reasoning\.level: is no field/
  ],
  ["a seed that is no number", "text", (body) => body.random_seed = "x", /random_seed/]
]

test("what the Chat Completions API takes", ChatCompletions.violations, legal, breaks)
