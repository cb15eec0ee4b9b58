import * as OllamaChat from "./OllamaChat.ts"
import { type Break, type Example, test } from "./Table.ts"

const parameters = { type: "object", properties: { city: { type: "string" } } }

const tool = (name: string) => ({ type: "function", function: { name, description: "d", parameters } })

const call = (name: string) => ({ id: `call_${name}`, function: { name, arguments: {} } })

const result = (name: string) => ({ role: "tool", content: "Sunny", tool_name: name, tool_call_id: `call_${name}` })

const legal: { readonly [name: string]: Example } = {
  text: {
    model: "llama3",
    body: {
      model: "llama3",
      messages: [{ role: "system", content: "s" }, { role: "user", content: "Hello" }],
      stream: false,
      format: { type: "object" },
      options: { num_predict: 100, temperature: 0, stop: ["END"] }
    }
  },
  tools: {
    model: "qwen3",
    body: {
      model: "qwen3",
      think: true,
      tools: [tool("a"), tool("b")],
      messages: [
        { role: "user", content: "Weather?" },
        { role: "assistant", content: "", thinking: "Ask.", tool_calls: [call("a"), call("b")] },
        result("a"),
        result("b")
      ]
    }
  }
}

const breaks: ReadonlyArray<Break> = [
  ["a wish that it does not know", "tools", (body) => body.tool_choice = "auto", /body\.tool_choice: is no field/],
  ["an option that it does not know", "text", (body) => body.options.max_tokens = 9, /max_tokens: is no field/],
  ["another model", "text", (body) => body.model = "x", /model: has to be/],
  ["no messages", "text", (body) => body.messages = [], /messages: has to have 1/],
  ["an unknown role", "text", (body) => body.messages[0].role = "developer", /role: has to be one of/],
  ["content that is a list", "text", (body) => body.messages[1].content = [], /content: has to be a string/],
  [
    "an assistant that says nothing",
    "text",
    (body) => body.messages.push({ role: "assistant", content: "" }),
    /says nothing/
  ],
  [
    "arguments that are text",
    "tools",
    (body) => body.messages[1].tool_calls[0].function.arguments = "{}",
    /arguments: has to be an object/
  ],
  ["a result without its tool", "tools", (body) => delete body.messages[2].tool_name, /tool_name: is required/],
  [
    "results out of order",
    "tools",
    (body) => body.messages.push(body.messages.splice(2, 1)[0]),
    /tool_name: has to be a/
  ],
  ["a result of another id", "tools", (body) => body.messages[2].tool_call_id = "call_9", /is not the id of its call/],
  ["a result of no call", "tools", (body) => body.messages.push(result("b")), /answers no call/],
  ["a call without a result", "tools", (body) => body.messages.pop(), /1 calls are not answered$/],
  [
    "a result that comes late",
    "tools",
    (body) => body.messages.splice(2, 0, body.messages[0]),
    /2 calls are not answered before this/
  ],
  ["tools of a model that has none", "tools", (body) => delete body.think, /llama3 does not support tools/, "llama3"],
  ["two tools of one name", "tools", (body) => body.tools.push(tool("a")), /two tools have one name/],
  [
    "a tool without an object",
    "tools",
    (body) => body.tools[0].function.parameters = { type: "string" },
    /has to be "object"/
  ],
  ["thinking of a model that does not", "tools", () => undefined, /llama3\.2 does not support thinking/, "llama3.2"],
  ["a level of a model that takes none", "tools", (body) => body.think = "low", /qwen3 takes true and false/],
  ["no level for a model that needs one", "tools", () => undefined, /gpt-oss:20b takes low/, "gpt-oss:20b"],
  ["a format beside tools", "tools", (body) => body.format = "json", /shuts out calls/],
  ["a format that is none", "text", (body) => body.format = "xml", /format: has to be one of/],
  ["images for a model that sees none", "text", (body) => body.messages[1].images = ["AAAA"], /llama3 sees no images/],
  ["images that are no base64", "text", (body) => body.messages[1].images = ["./cat.png"], /images\[0\]: has to match/]
]

test("what Ollama takes", OllamaChat.violations, legal, breaks)
