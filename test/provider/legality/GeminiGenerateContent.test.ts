import * as GeminiGenerateContent from "./GeminiGenerateContent.ts"
import { type Break, type Example, test } from "./Table.ts"

const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] }

const declarations = [{ name: "get_weather", description: "d", parametersJsonSchema: schema }]

const user = { role: "user", parts: [{ text: "Weather?" }] }

const call = { functionCall: { name: "get_weather", args: { city: "Tokyo" } } }

const response = { functionResponse: { name: "get_weather", response: { output: "Sunny" } } }

const loop = [
  user,
  {
    role: "model",
    parts: [{ text: "Ask.", thought: true }, { ...call, thoughtSignature: "c2ln" }, call]
  },
  { role: "user", parts: [response, response] }
]

const legal: { readonly [name: string]: Example } = {
  text: {
    model: "gemini-2.5-flash",
    body: {
      contents: [user, { role: "model", parts: [{ text: "Sunny" }, { text: "", thoughtSignature: "c2ln" }] }, user],
      systemInstruction: { parts: [{ text: "s" }], role: "user" },
      generationConfig: { temperature: 1, maxOutputTokens: 100, thinkingConfig: { thinkingBudget: 0 } }
    }
  },
  tools: {
    model: "gemini-2.5-flash",
    body: {
      contents: loop,
      tools: [{ functionDeclarations: declarations }],
      toolConfig: { functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["get_weather"] } },
      generationConfig: { thinkingConfig: { thinkingBudget: 1024, includeThoughts: true } }
    }
  },
  structured: {
    model: "gemini-3-flash-preview",
    body: {
      contents: loop,
      tools: [{ functionDeclarations: declarations }, { googleSearch: {} }],
      generationConfig: {
        responseMimeType: "application/json",
        responseJsonSchema: schema,
        thinkingConfig: { thinkingLevel: "LOW" }
      }
    }
  }
}

const breaks: ReadonlyArray<Break> = [
  ["a part that is none", "text", (body) => body.contents[0].parts = ["x"], /parts\[0\]: has to be an object/],
  ["no contents", "text", (body) => body.contents = [], /contents: has to have 1/],
  ["an unknown field", "text", (body) => body.tool_choice = "auto", /body\.tool_choice: is no field/],
  ["an unknown setting", "text", (body) => body.generationConfig.reasoning = "low", /reasoning: is no field/],
  ["an unknown role", "text", (body) => body.contents[1].role = "assistant", /role: has to be one of/],
  [
    "a conversation that the model begins",
    "text",
    (body) => body.contents.shift(),
    /first content has to be the user's/
  ],
  [
    "a conversation that ends with the model",
    "text",
    (body) => body.contents.pop(),
    /last content has to be the user's/
  ],
  ["two contents of one role", "text", (body) => body.contents.push(user), /roles have to alternate/],
  ["no parts", "text", (body) => body.contents[0].parts = [], /parts: has to have 1/],
  [
    "a part that holds nothing",
    "text",
    (body) => body.contents[1].parts[1] = { thoughtSignature: "c2ln" },
    /one thing, not nothing/
  ],
  [
    "a part that holds two things",
    "tools",
    (body) => body.contents[1].parts[2].text = "x",
    /one thing, not text, functionCall|functionCall, text/
  ],
  ["empty text", "text", (body) => delete body.contents[1].parts[1].thoughtSignature, /text: is empty/],
  [
    "a signature that is no base64",
    "tools",
    (body) => body.contents[1].parts[1].thoughtSignature = "a b",
    /thoughtSignature: has to match/
  ],
  ["a call of the user's", "tools", (body) => body.contents[0].parts.push(call), /only the model calls/],
  ["a thought of the user's", "text", (body) => body.contents[0].parts[0].thought = true, /only the model thinks/],
  ["a response of the model's", "tools", (body) => body.contents[1].parts.push(response), /only the user answers/],
  ["a response that is missing", "tools", (body) => body.contents[2].parts.pop(), /answer 2 calls, not 1/],
  ["responses without a call", "text", (body) => body.contents[2].parts = [response], /contents\[2\]: answers no call/],
  [
    "responses at the beginning",
    "text",
    (body) => body.contents[0].parts = [response],
    /contents\[0\]: answers no call/
  ],
  [
    "responses out of order",
    "tools",
    (body) => body.contents[2].parts[0].functionResponse.name = "get_time",
    /answer 0 is of get_time/
  ],
  [
    "a response of another id",
    "tools",
    (body) => body.contents[2].parts[0].functionResponse.id = "c9",
    /another id than its call/
  ],
  [
    "a response that is no object",
    "tools",
    (body) => body.contents[2].parts[0].functionResponse.response = "x",
    /response: has to be an object/
  ],
  [
    "a call without a signature, from Gemini 3 on",
    "structured",
    (body) => delete body.contents[1].parts[1].thoughtSignature,
    /has no thoughtSignature/
  ],
  [
    "a name that begins with a digit",
    "tools",
    (body) => body.tools[0].functionDeclarations[0].name = "1st",
    /name: has to match/
  ],
  [
    "two functions of one name",
    "tools",
    (body) => body.tools[0].functionDeclarations.push(declarations[0]),
    /two functions have one name/
  ],
  ["parameters given twice", "tools", (body) => body.tools[0].functionDeclarations[0].parameters = {}, /given twice/],
  [
    "parameters that are no object",
    "tools",
    (body) => body.tools[0].functionDeclarations[0].parametersJsonSchema = { type: "string" },
    /has to be "object"/
  ],
  [
    "parameters of another dialect",
    "tools",
    (body) => body.tools[0].functionDeclarations[0].parametersJsonSchema.allOf = [],
    /allOf: is not supported/
  ],
  [
    "built-in tools beside functions, before Gemini 3",
    "tools",
    (body) => body.tools.push({ googleSearch: {} }),
    /do not go together/
  ],
  ["a choice without functions", "tools", (body) => delete body.tools, /needs functions/],
  [
    "a mode that is none",
    "tools",
    (body) => body.toolConfig.functionCallingConfig.mode = "REQUIRED",
    /mode: has to be one of/
  ],
  [
    "a subset with a mode that takes none",
    "tools",
    (body) => body.toolConfig.functionCallingConfig.mode = "NONE",
    /not with mode NONE/
  ],
  [
    "a subset with no such function",
    "tools",
    (body) => body.toolConfig.functionCallingConfig.allowedFunctionNames = ["x"],
    /names no function: x/
  ],
  [
    "JSON beside tools, before Gemini 3",
    "tools",
    (body) => body.generationConfig.responseMimeType = "application/json",
    /no JSON beside tools/
  ],
  [
    "a schema without its type",
    "structured",
    (body) => delete body.generationConfig.responseMimeType,
    /has to be application\/json/
  ],
  ["two schemas", "structured", (body) => body.generationConfig.responseSchema = {}, /not beside responseJsonSchema/],
  [
    "a schema of another dialect",
    "structured",
    (body) => body.generationConfig.responseJsonSchema.not = {},
    /not: is not supported/
  ],
  [
    "thinking of a model that does not",
    "tools",
    () => undefined,
    /gemini-2\.0-flash does not think/,
    "gemini-2.0-flash"
  ],
  [
    "a level of a model that takes budgets",
    "structured",
    () => undefined,
    /gemini-2\.5-pro takes budgets/,
    "gemini-2.5-pro"
  ],
  [
    "a level that the model does not know",
    "structured",
    (body) => {
      body.generationConfig.thinkingConfig.thinkingLevel = "MINIMAL"
    },
    /takes LOW, HIGH/,
    "gemini-3-pro-preview"
  ],
  [
    "a budget of a model that takes levels",
    "tools",
    () => undefined,
    /gemini-3\.5-flash takes levels/,
    "gemini-3.5-flash"
  ],
  [
    "a budget and a level",
    "structured",
    (body) => body.generationConfig.thinkingConfig.thinkingBudget = -1,
    /not both/
  ],
  [
    "a budget out of range",
    "tools",
    (body) => body.generationConfig.thinkingConfig.thinkingBudget = 30_000,
    /takes 1 to 24576/
  ],
  ["no budget on a model that cannot but think", "text", () => undefined, /takes 128 to 32768/, "gemini-2.5-pro"],
  [
    "six stop sequences",
    "text",
    (body) => body.generationConfig.stopSequences = ["1", "2", "3", "4", "5", "6"],
    /0 to 5/
  ]
]

test("what the Gemini API takes", GeminiGenerateContent.violations, legal, breaks)
