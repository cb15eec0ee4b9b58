import * as OpenAiResponses from "./OpenAiResponses.ts"
import { at, type Break, type Example, test } from "./Table.ts"

const getWeather = {
  type: "function",
  name: "get_weather",
  description: "The weather of a city.",
  parameters: {
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
    additionalProperties: false
  },
  strict: true
}

const user = { role: "user", content: [{ type: "input_text", text: "Weather in Tokyo and Oslo?" }] }

const reasoning = {
  type: "reasoning",
  id: "rs_1",
  summary: [{ type: "summary_text", text: "Ask." }],
  encrypted_content: "gAAA"
}

const call = (id: string) => ({
  type: "function_call",
  call_id: id,
  name: "get_weather",
  arguments: `{"city":"Tokyo"}`
})

const output = (id: string) => ({ type: "function_call_output", call_id: id, output: "Sunny" })

const legal: { readonly [name: string]: Example } = {
  text: { model: "gpt-4o", body: { model: "gpt-4o", input: "Hello", max_output_tokens: 100, temperature: 0.5 } },
  tools: {
    model: "gpt-5",
    body: {
      model: "gpt-5",
      store: false,
      include: ["reasoning.encrypted_content"],
      instructions: "Be brief.",
      reasoning: { effort: "low", summary: "auto" },
      tools: [getWeather],
      tool_choice: "auto",
      input: [user, reasoning, call("call_1"), call("call_2"), output("call_1"), output("call_2")]
    }
  },
  structured: {
    model: "o4-mini",
    body: {
      model: "o4-mini",
      stream: true,
      store: false,
      include: ["reasoning.encrypted_content"],
      input: [
        user,
        reasoning,
        { role: "assistant", content: [{ type: "output_text", text: "{}" }], type: "message", id: "msg_1" },
        { role: "user", content: "again" }
      ],
      text: { format: { type: "json_schema", name: "output", strict: true, schema: getWeather.parameters } }
    }
  },
  hosted: {
    model: "gpt-5",
    body: {
      model: "gpt-5",
      input: [user, { type: "web_search_call", id: "ws_1", status: "completed" }, {
        role: "assistant",
        content: "Sunny"
      }],
      tools: [{ type: "web_search" }, getWeather],
      tool_choice: { type: "allowed_tools", mode: "auto", tools: [{ type: "web_search" }] }
    }
  }
}

const breaks: ReadonlyArray<Break> = [
  ["an item that is none", "tools", (body) => body.input.unshift("x"), /input\[0\]: has to be an object/],
  ["a tool that is none", "tools", (body) => body.tools.push("x"), /tools\[1\]: has to be an object/],
  ["no input", "text", (body) => delete body.input, /body\.input: is required/],
  ["an unknown field", "text", (body) => body.seed = 1, /body\.seed: is no field/],
  ["another model", "text", (body) => body.model = "gpt-3", /model: has to be gpt-4o/],
  ["a role of another API", "tools", (body) => body.input[0].role = "tool", /role: has to be one of/],
  [
    "text for the model in the model's mouth",
    "structured",
    (body) => body.input[2].content[0].type = "input_text",
    /type: has to be one of output_text/
  ],
  ["an empty message", "tools", (body) => body.input[0].content = [], /content: has to have 1/],
  [
    "an image that is no address",
    "tools",
    (body) => body.input[0].content.push({ type: "input_image", image_url: "cat.png" }),
    /image_url: has to match/
  ],
  [
    "a file that is no data address",
    "tools",
    (body) => body.input[0].content.push({ type: "input_file", file_data: "AAAA" }),
    /file_data: has to match/
  ],
  ["an unknown item", "tools", (body) => body.input.push({ type: "tool_result" }), /no type of item/],
  ["a vendor's item without its id", "hosted", (body) => delete body.input[1].id, /input\[1\]\.id/],
  ["an id of another kind of item", "structured", (body) => body.input[2].id = "rs_2", /id: has to match/],
  ["a call's id that is too long", "tools", (body) => body.input[2].call_id = "c".repeat(65), /call_id: has to match/],
  ["a name with a space", "tools", (body) => body.tools[0].name = "get weather", /name: has to match/],
  ["arguments that are no text", "tools", (body) => body.input[2].arguments = {}, /arguments: has to be a string/],
  ["a call without an output", "tools", (body) => body.input.pop(), /has no output: call_2/],
  ["an output without a call", "tools", (body) => body.input.splice(2, 1), /answers no call/],
  ["an output twice", "tools", (body) => body.input.push(output("call_2")), /answers no call/],
  ["two calls of one id", "tools", (body) => body.input[3].call_id = "call_1", /two calls have the id/],
  ["a message between a call and its output", "tools", (body) => body.input.splice(4, 0, user), /stands between/],
  ["two items of one id", "structured", (body) => body.input.splice(1, 0, reasoning), /two items have the id/],
  [
    "reasoning with nothing after it",
    "structured",
    (body) => body.input.splice(2, 1),
    /followed by what the model made/
  ],
  [
    "reasoning that came without its content",
    "tools",
    (body) => delete body.input[1].encrypted_content,
    /required while nothing is stored/
  ],
  [
    "reasoning for a model that does not reason",
    "tools",
    (body) => {
      delete body.reasoning
    },
    /takes no reasoning items/,
    "gpt-4o"
  ],
  ["an effort for a model that does not reason", "tools", () => undefined, /gpt-4\.1 does not reason/, "gpt-4.1"],
  [
    "an effort that the model does not know",
    "tools",
    (body) => body.reasoning.effort = "minimal",
    /takes none, low/,
    "gpt-5.1"
  ],
  ["sampling while a model reasons", "tools", (body) => body.temperature = 1, /temperature: .* takes none/],
  ["reasoning that will not come back", "tools", (body) => delete body.include, /encrypted_content is needed/],
  ["too few tokens", "text", (body) => body.max_output_tokens = 5, /max_output_tokens/],
  [
    "a tool that is not strict enough",
    "tools",
    (body) => body.tools[0].parameters.required = [],
    /name every property/
  ],
  ["a loose tool without an object", "tools", (body) => {
    body.tools[0] = { ...getWeather, strict: false, parameters: { type: "string" } }
  }, /has to be "object"/],
  ["a tool without its strictness", "tools", (body) => delete body.tools[0].strict, /strict: is required/],
  ["an unknown kind of tool", "tools", (body) => body.tools.push({ type: "magic" }), /no type of tool/],
  ["two tools of one name", "tools", (body) => body.tools.push(getWeather), /two tools have one name/],
  ["129 tools", "text", (body) => {
    body.tools = Array.from({ length: 129 }, (_, index) => ({ ...getWeather, name: `t${index}` }))
  }, /0 to 128/],
  ["a choice without tools", "text", (body) => body.tool_choice = "required", /required needs tools/],
  ["a choice that is none", "tools", (body) => body.tool_choice = "any", /tool_choice: has to be one of/],
  [
    "a choice of a tool that is not there",
    "tools",
    (body) => body.tool_choice = { type: "function", name: "x" },
    /not declared: x/
  ],
  [
    "a subset with a tool that is not there",
    "hosted",
    (body) => body.tool_choice.tools = [{ type: "mcp" }],
    /not declared: mcp/
  ],
  ["a schema's name", "structured", (body) => body.text.format.name = "my answer", /name: has to match/],
  [
    "a schema that is not strict enough",
    "structured",
    (body) => body.text.format.schema.additionalProperties = true,
    /has to be false/
  ],
  ["an unknown wish to include", "tools", (body) => body.include.push("everything"), /include\[1\]/],
  ["an input that is empty", "tools", (body) => body.input = [], /input: has to have 1/],
  [
    "a call in the middle of the input that is never answered",
    "tools",
    (body) => at(body.input, -1).call_id = "call_3",
    /has no output: call_2/
  ]
]

test("what OpenAI's Responses API takes", OpenAiResponses.violations, legal, breaks)
