/**
 * The request builder: what a `ModelRequest` becomes on the wire.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import { type AiError, Prompt, type Response, Tool } from "effect/ai"
import * as Capabilities from "../../../src/agent/Capabilities.ts"
import * as Driver from "../../../src/agent/Driver.ts"
import { ResponseFold } from "../../../src/agent/ResponseFold.ts"
import * as GoogleCapabilities from "../../../src/provider/google/GoogleCapabilities.ts"
import * as GoogleMessages from "../../../src/provider/google/GoogleMessages.ts"
import * as GoogleRequest from "../../../src/provider/google/GoogleRequest.ts"
import * as GoogleResponse from "../../../src/provider/google/GoogleResponse.ts"
import * as GoogleTools from "../../../src/provider/google/GoogleTools.ts"
import * as Collect from "../support/Collect.ts"
import * as Wire from "./fixtures/Wire.ts"

const gemini2 = "gemini-2.5-flash"
const gemini3 = "gemini-3-flash"

const make = (request: Driver.ModelRequest, model = gemini3, capabilities = GoogleCapabilities.of(model)) => {
  const made = GoogleRequest.make(model, capabilities, request)
  if (Result.isFailure(made)) throw made.failure
  return made.success as { readonly model: string; readonly contents: Array<any>; readonly config: Record<string, any> }
}

const config = (options: Parameters<typeof Collect.request>[1], model?: string) =>
  make(Collect.request("Hi", options), model).config

const failure = (request: Driver.ModelRequest, model = gemini3): AiError.AiErrorReason => {
  const made = GoogleRequest.make(model, GoogleCapabilities.of(model), request)
  assert(Result.isFailure(made))
  return made.failure
}

const contents = (messages: Prompt.RawInput, model?: string) => make(Collect.request(messages), model).contents

/** The contents of a history that begins with the model: Gemini wants the user first. */
const contentsAfter = (messages: Prompt.RawInput, model?: string) => {
  const [first, ...others] = contents(messages, model)
  assert.deepStrictEqual(first, { role: "user", parts: [{ text: "(The beginning is left out.)" }] })
  return others
}

const fold = (scenario: Pick<Wire.Scenario, "parts" | "end">) => {
  const fold = GoogleResponse.fold({
    id: "test",
    hostedName: (name) => name === "codeExecution" ? "run_code" : "search_the_web"
  })
  const out: Array<Response.StreamPartEncoded> = []
  for (const chunk of Wire.chunks(scenario)) fold.push(chunk as never, out)
  return out
}

/** The messages that histories keep of a response: the run's own, and one of whole parts. */
const remember = (scenario: Pick<Wire.Scenario, "parts" | "end">): ReadonlyArray<Prompt.Prompt> => {
  const parts = fold(scenario)
  const run = new ResponseFold()
  for (const part of parts) run.push(part)
  const content = Driver.joinParts(parts).flatMap((part): Array<any> =>
    ["text", "reasoning", "tool-call", "tool-result", "file"].includes(part.type)
      ? [{ ...part, options: part.metadata ?? {} }]
      : []
  )
  return [
    Prompt.fromMessages([Prompt.makeMessage("assistant", { content: run.response().content })]),
    Prompt.make([{ role: "assistant", content }])
  ]
}

const Weather = Tool.make("get_weather", {
  description: "Current weather for a city.",
  parameters: Schema.Struct({
    city: Schema.String.annotate({ description: "Its name" }),
    unit: Schema.Literals(["celsius", "fahrenheit"])
  })
})
const Now = Tool.make("now")
const Search = Tool.providerDefined({
  id: "google.search",
  customName: "search_the_web",
  providerName: "googleSearch",
  args: Schema.Struct({ excludeDomains: Schema.Array(Schema.String) })
})({ excludeDomains: ["example.org"] })
const RunCode = Tool.providerDefined({
  id: "google.code_execution",
  customName: "run_code",
  providerName: "codeExecution"
})(undefined)

const call = (id: string, name: string, params: unknown = {}, options = {}) =>
  ({ type: "tool-call", id, name, params, options }) as const

const result = (id: string, name: string, result: unknown, isFailure = false) =>
  ({ type: "tool-result", id, name, result, isFailure }) as const

describe("GoogleRequest", () => {
  it("says no more than was asked for", () => {
    assert.deepStrictEqual(make(Collect.request("Hi")), {
      model: gemini3,
      contents: [{ role: "user", parts: [{ text: "Hi" }] }],
      config: {}
    })
  })

  it("holds the limits and the sampling that were asked for", () => {
    const options = { maxTokens: 100, temperature: 0.5, topP: 0.9, seed: 7, stopSequences: ["END"], stream: false }
    assert.deepStrictEqual(config({ options }), {
      maxOutputTokens: 100,
      temperature: 0.5,
      topP: 0.9,
      seed: 7,
      stopSequences: ["END"]
    })
    assert.notProperty(config({ options: { stopSequences: [] } }), "stopSequences")
  })

  it("asks each family for reasoning in its own way", () => {
    const thinking = (reasoning: "low" | "medium" | "high", model: string) =>
      config({ options: { reasoning } }, model)["thinkingConfig"]
    assert.deepStrictEqual(thinking("low", gemini2), { includeThoughts: true, thinkingBudget: 1024 })
    assert.deepStrictEqual(thinking("high", "models/gemini-2.5-pro"), { includeThoughts: true, thinkingBudget: 24_576 })
    const within = (maxTokens: number) =>
      config({ options: { reasoning: "high", maxTokens } }, gemini2)["thinkingConfig"].thinkingBudget
    assert.deepStrictEqual([100, 4096, 100_000].map(within), [512, 3072, 24_576], "room for an answer")
    assert.deepStrictEqual(thinking("medium", gemini3), { includeThoughts: true, thinkingLevel: "MEDIUM" })
    assert.deepStrictEqual(thinking("medium", "gemini-3-pro-preview"), { includeThoughts: true, thinkingLevel: "HIGH" })
    assert.deepStrictEqual(thinking("low", "gemini-flash-latest"), { includeThoughts: true, thinkingLevel: "LOW" })
    assert.isUndefined(thinking("high", "gemini-2.0-flash"))
  })

  it("encodes system, user, images and files", () => {
    const file = (mediaType: string, data: string | Uint8Array | URL, options: object = {}) =>
      Prompt.makePart("file", { mediaType, data, ...options })
    const prompt = Prompt.fromMessages([
      Prompt.makeMessage("system", { content: "Be brief." }),
      Prompt.makeMessage("user", {
        content: [
          Prompt.makePart("text", { text: "What is this?" }),
          Prompt.makePart("text", { text: "" }),
          file("image/png", Uint8Array.of(1, 2, 3)),
          file("image/*", "data:image/webp;base64,AAAA"),
          file("image/*", new URL("https://example.org/a")),
          file("application/pdf", "JVBERg==", { fileName: "a.pdf" }),
          file("video/mp4", "https://example.org/a.mp4", {
            options: { google: { videoMetadata: { startOffset: "3s" } } }
          })
        ]
      }),
      Prompt.makeMessage("system", { content: "And kind." })
    ])
    const params = make(Collect.request(prompt))
    assert.deepStrictEqual(params.config["systemInstruction"], {
      parts: [{ text: "Be brief." }, { text: "And kind." }]
    })
    assert.deepStrictEqual(params.contents, [
      {
        role: "user",
        parts: [
          { text: "What is this?" },
          { inlineData: { mimeType: "image/png", data: "AQID" } },
          { inlineData: { mimeType: "image/webp", data: "AAAA" } },
          { fileData: { fileUri: "https://example.org/a", mimeType: "image/jpeg" } },
          { inlineData: { mimeType: "application/pdf", data: "JVBERg==" } },
          {
            fileData: { fileUri: "https://example.org/a.mp4", mimeType: "video/mp4" },
            videoMetadata: { startOffset: "3s" }
          }
        ]
      }
    ])
  })

  it("puts all results of a turn in one content, as objects, under the ids that Gemini gave; contents alternate", () => {
    const found = contents([
      { role: "user", content: "Hi" },
      { role: "assistant", content: [call("fc_1", "a", { x: 1 }), call("fluxion_call_s_1", "b"), call("fc_3", "c")] },
      { role: "tool", content: [result("fc_1", "a", { degrees: 22 }), result("fluxion_call_s_1", "b", "sunny")] },
      { role: "tool", content: [result("fc_3", "c", { code: 404 }, true)] },
      { role: "user", content: "And?" }
    ], gemini2)
    assert.deepStrictEqual(found, [
      { role: "user", parts: [{ text: "Hi" }] },
      {
        role: "model",
        parts: [
          { functionCall: { id: "fc_1", name: "a", args: { x: 1 } } },
          { functionCall: { name: "b", args: {} } },
          { functionCall: { id: "fc_3", name: "c", args: {} } }
        ]
      },
      {
        role: "user",
        parts: [
          { functionResponse: { id: "fc_1", name: "a", response: { output: { degrees: 22 } } } },
          { functionResponse: { name: "b", response: { output: "sunny" } } },
          { functionResponse: { id: "fc_3", name: "c", response: { error: { code: 404 } } } },
          { text: "And?" }
        ]
      }
    ])
  })

  it("gives results that are nothing, arguments that are no object, and results beside their call", () => {
    const found = contentsAfter([
      {
        role: "assistant",
        content: [
          call("c1", "a", `{"city": "Zür`),
          call("c2", "b", null),
          result("c1", "a", undefined),
          result("c2", "b", [1]),
          { type: "text", text: "So." }
        ]
      }
    ], gemini2)
    assert.deepStrictEqual(found, [
      {
        role: "model",
        parts: [
          { functionCall: { id: "c1", name: "a", args: { arguments: `{"city": "Zür` } } },
          { functionCall: { id: "c2", name: "b", args: {} } }
        ]
      },
      {
        role: "user",
        parts: [
          { functionResponse: { id: "c1", name: "a", response: { output: null } } },
          { functionResponse: { id: "c2", name: "b", response: { output: [1] } } }
        ]
      },
      { role: "model", parts: [{ text: "So." }] }
    ])
  })

  it("gives a tool's files in its result to Gemini 3, and beside it to earlier models", () => {
    const prompt = Prompt.fromMessages([
      Prompt.makeMessage("tool", {
        content: [
          Prompt.makePart("tool-result", {
            id: "c1",
            name: "shot",
            isFailure: false,
            result: "ignored",
            providerExecuted: false,
            modelOutput: [
              Prompt.makePart("text", { text: "a page" }),
              Prompt.makePart("file", { mediaType: "image/png", data: "AQID" })
            ]
          })
        ]
      })
    ])
    const functionResponse = { id: "c1", name: "shot", response: { output: "a page" } }
    const inlineData = { mimeType: "image/png", data: "AQID" }
    assert.deepStrictEqual(contents(prompt, gemini3)[0].parts, [
      { functionResponse: { ...functionResponse, parts: [{ inlineData }] } }
    ])
    assert.deepStrictEqual(contents(prompt, gemini2)[0].parts, [{ functionResponse }, { inlineData }])
  })

  for (const scenario of Wire.scenarios.filter(({ parts }) => parts.length > 0)) {
    it(`${scenario.title}: goes back part by part as it came`, () => {
      const expected = scenario.parts
        .filter((part) => part["inlineData"] === undefined || part["thought"] !== true)
        .map((part) =>
          part["functionCall"] === undefined ? part : { ...part, functionCall: { args: {}, ...part["functionCall"] } }
        )
      const [run, whole] = remember(scenario)
      assert.deepStrictEqual(contentsAfter(whole!), [{ role: "model", parts: expected }])
      assert.deepStrictEqual(contentsAfter(run!), [{ role: "model", parts: expected }])
    })
  }

  it("leaves signatures and thoughts out for a model that does not think", () => {
    for (const prompt of remember(Wire.scenario("thoughts, a text, a signature on an empty last text"))) {
      assert.deepStrictEqual(contentsAfter(prompt, "gemini-2.0-flash"), [
        { role: "model", parts: [{ text: "It is 42." }] }
      ])
    }
    for (const prompt of remember(Wire.scenario("a text and a call without an id"))) {
      assert.deepStrictEqual(contentsAfter(prompt, "gemini-2.0-flash")[0].parts, [
        { text: "Let me look." },
        { functionCall: { name: "now", args: {} } }
      ])
    }
  })

  it("leaves out what Google ran itself when its result never came", () => {
    const scenario = Wire.scenario("code that Google ran")
    for (const prompt of remember({ ...scenario, parts: scenario.parts.slice(0, 1) })) {
      assert.throws(() => contents(prompt), /nothing to ask/)
    }
  })

  it("takes a history of other vendors: their reasoning and tools are left out, their calls are signed for Gemini 3", () => {
    const history: Prompt.RawInput = [
      { role: "user", content: "Hi" },
      {
        role: "assistant",
        content: [
          { type: "reasoning", text: "hm", options: { anthropic: { signature: "x" } } },
          { type: "reasoning", text: "", options: { openai: { itemId: "rs_1", encryptedContent: "y" } } },
          { type: "text", text: "ok", options: { ollama: { any: 1 } } },
          { type: "text", text: "" },
          { type: "tool-call", id: "ws_1", name: "web", params: {}, providerExecuted: true },
          { ...result("ws_1", "web", {}), providerExecuted: true },
          call("call_1", "now"),
          call("toolu_2", "now")
        ]
      },
      { role: "tool", content: [result("call_1", "now", 1), result("toolu_2", "now", 2)] }
    ]
    const signed = (thoughtSignature: object) => [
      { text: "ok" },
      { functionCall: { id: "call_1", name: "now", args: {} }, ...thoughtSignature },
      { functionCall: { id: "toolu_2", name: "now", args: {} } }
    ]
    assert.deepStrictEqual(contents(history, gemini2)[1].parts, signed({}))
    assert.deepStrictEqual(
      contents(history, gemini3)[1].parts,
      signed({ thoughtSignature: "skip_thought_signature_validator" })
    )
  })

  it("declares tools by their own schema", () => {
    assert.deepStrictEqual(config({ tools: [Weather, Now] }), {
      tools: [{
        functionDeclarations: [
          {
            name: "get_weather",
            description: "Current weather for a city.",
            parametersJsonSchema: {
              type: "object",
              properties: {
                city: { type: "string", description: "Its name" },
                unit: { type: "string", enum: ["celsius", "fahrenheit"] }
              },
              required: ["city", "unit"],
              additionalProperties: true
            }
          },
          { name: "now", parametersJsonSchema: { type: "object", properties: {}, additionalProperties: false } }
        ]
      }],
      toolConfig: { functionCallingConfig: { mode: "AUTO" } }
    })
  })

  it("declares raw tools, and tools that Google runs", () => {
    const raw = { type: "object", properties: { q: { type: "string" } }, required: ["q"] } as const
    const mcp = Tool.dynamic("mcp.server:search", { parameters: raw })
    const both = config({ tools: [mcp, Search, RunCode] })
    assert.deepStrictEqual(both, {
      tools: [
        { functionDeclarations: [{ name: "mcp.server:search", parametersJsonSchema: raw }] },
        { googleSearch: { excludeDomains: ["example.org"] } },
        { codeExecution: {} }
      ],
      toolConfig: { functionCallingConfig: { mode: "AUTO" }, includeServerSideToolInvocations: true }
    })
    assert.deepStrictEqual(config({ tools: [Search] }, gemini2), {
      tools: [{ googleSearch: { excludeDomains: ["example.org"] } }]
    })
    assert.include(failure(Collect.request("Hi", { tools: [Now, Search] }), gemini2).message, "not both")
  })

  it("puts tool choices in Google's words", () => {
    const asked = (toolChoice: Driver.ModelRequest["toolChoice"], tools: ReadonlyArray<Tool.Any> = [Weather, Now]) => {
      const { toolConfig, tools: declared } = config({ tools, toolChoice })
      return [
        toolConfig?.functionCallingConfig,
        declared?.flatMap((tool: any) => tool.functionDeclarations?.map(({ name }: any) => name) ?? Object.keys(tool))
      ]
    }
    const all = ["get_weather", "now"]
    assert.deepStrictEqual(asked("auto"), [{ mode: "AUTO" }, all])
    assert.deepStrictEqual(asked("none"), [{ mode: "NONE" }, all])
    assert.deepStrictEqual(asked("required"), [{ mode: "ANY" }, all])
    assert.deepStrictEqual(asked({ tool: "now" }), [{ mode: "ANY", allowedFunctionNames: ["now"] }, all])
    assert.deepStrictEqual(asked({ oneOf: ["now"], mode: "required" }), [
      { mode: "ANY", allowedFunctionNames: ["now"] },
      all
    ])
    assert.deepStrictEqual(asked({ oneOf: ["now"] }), [{ mode: "AUTO" }, ["now"]])
    assert.deepStrictEqual(asked("none", [Now, Search]), [{ mode: "NONE" }, ["now"]])
    assert.deepStrictEqual(asked("none", [Search]), [undefined, undefined])
    assert.deepStrictEqual(asked("required", [Now, Search]), [{ mode: "ANY" }, ["now", "googleSearch"]])
    for (
      const [toolChoice, tools] of [
        [{ tool: "search_the_web" }, [Now, Search]],
        ["required", [Search]]
      ] as const
    ) {
      assert.include(failure(Collect.request("Hi", { tools, toolChoice })).message, "cannot be forced")
    }
  })

  it("asks for structured output, beside tools where the model can", () => {
    const schema = Schema.Struct({ name: Schema.String, nick: Schema.optionalKey(Schema.String) })
    const responseFormat = { type: "json", objectName: "person", schema } as const
    const expected = {
      responseMimeType: "application/json",
      responseJsonSchema: {
        type: "object",
        properties: { name: { type: "string" }, nick: { type: "string" } },
        required: ["name"],
        additionalProperties: false
      }
    }
    assert.deepStrictEqual(config({ responseFormat }, gemini2), expected)
    const both = config({ responseFormat, tools: [Now], options: { reasoning: "low", maxTokens: 50 } })
    assert.deepInclude(both, { ...expected, maxOutputTokens: 50 })
    assert.property(both, "tools")
    assert.property(both, "thinkingConfig")
    const reason = failure(Collect.request("Hi", { responseFormat, tools: [Now] }), gemini2)
    assert.deepInclude(reason, { _tag: "InvalidRequestError", parameter: "responseFormat" })
    assert.deepStrictEqual(config({ responseFormat, tools: [Now], toolChoice: "none" }, gemini2), expected)
    assert.include(failure(Collect.request("Hi", { responseFormat }), "gemma-3-27b-it").message, "held to a Schema")
  })

  it("lays providerOptions.google over the rest, objects merged", () => {
    const { config } = make(Collect.request("Hi", {
      options: {
        reasoning: "high",
        temperature: 1,
        providerOptions: {
          google: {
            thinkingConfig: { includeThoughts: false },
            temperature: 0,
            cachedContent: "cachedContents/1",
            safetySettings: [{ category: "HARM_CATEGORY_HARASSMENT", threshold: "BLOCK_NONE" }]
          },
          openai: { store: true }
        }
      }
    }))
    assert.deepStrictEqual(config, {
      thinkingConfig: { includeThoughts: false, thinkingLevel: "HIGH" },
      temperature: 0,
      cachedContent: "cachedContents/1",
      safetySettings: [{ category: "HARM_CATEGORY_HARASSMENT", threshold: "BLOCK_NONE" }]
    })
  })

  it("refuses before the request what Google would refuse", () => {
    const named = (name: string) => Tool.dynamic(name, { parameters: { type: "object", properties: {} } })
    for (const name of ["get weather", "", "1st", "-a", "x".repeat(129), "größe", "a/b"]) {
      const reason = failure(Collect.request("Hi", { tools: [named(name)] }))
      assert.strictEqual(reason._tag, "ToolConfigurationError", name)
    }
    for (const name of ["_", "a.b:c-d_1", "x".repeat(128)]) {
      assert.strictEqual(config({ tools: [named(name)] })["tools"][0].functionDeclarations[0].name, name)
    }
    const union = Tool.dynamic("u", {
      parameters: Schema.Union([Schema.Struct({ a: Schema.String }), Schema.Struct({ b: Schema.String })])
    })
    assert.strictEqual(failure(Collect.request("Hi", { tools: [union] }))._tag, "UnsupportedSchemaError")
    const other = Tool.providerDefined({ id: "openai.web", customName: "web", providerName: "web" })(undefined)
    assert.include(failure(Collect.request("Hi", { tools: [other] })).message, "another vendor")
    assert.include(failure(Collect.request([{ role: "system", content: "Hi" }])).message, "nothing to ask")
    assert.include(
      failure(Collect.request("Hi", { options: { stopSequences: ["1", "2", "3", "4", "5", "6"] } })).message,
      "at most 5"
    )
  })

  it("encodes each message and each tool once", () => {
    const prompt = Prompt.make([{ role: "user", content: "Hi" }, { role: "assistant", content: "Hello" }])
    const first = GoogleMessages.encodeAll(prompt.content, "level").contents
    const second = GoogleMessages.encodeAll(Prompt.concat(prompt, "More").content, "level").contents
    assert.strictEqual(first[0], second[0])
    assert.strictEqual(first[1], second[1])
    const declared = () => GoogleTools.declare([Weather])[0]!.functionDeclarations![0]
    assert.strictEqual(declared(), declared())
  })

  it.effect.prop(
    "every turn of calls is followed by one content with their results, however these are spread over messages",
    {
      turns: Schema.NonEmptyArray(Schema.NonEmptyArray(Schema.Struct({
        text: Schema.String,
        fails: Schema.Boolean,
        apart: Schema.Boolean
      })))
    },
    ({ turns }) =>
      Effect.sync(() => {
        const messages = turns.flatMap((calls, turn): Array<Prompt.MessageEncoded> => {
          const ids = calls.map((_, index) => `c${turn}_${index}`)
          const results: Array<Array<Prompt.ToolMessagePartEncoded>> = [[]]
          calls.forEach(({ apart, fails, text }, index) => {
            if (apart) results.push([])
            results.at(-1)!.push(result(ids[index]!, "now", text, fails))
          })
          return [
            { role: "assistant", content: ids.map((id) => call(id, "now")) },
            ...results.filter(({ length }) => length > 0).map((content) => ({ role: "tool" as const, content }))
          ]
        })
        const found = contents([{ role: "user", content: "Hi" }, ...messages])
        assert.deepStrictEqual(found.map(({ role }) => role), ["user", ...turns.flatMap(() => ["model", "user"])])
        turns.forEach((calls, turn) => {
          const [asked, answered] = found.slice(turn * 2 + 1, turn * 2 + 3)
          assert.isString(asked.parts[0].thoughtSignature)
          assert.deepStrictEqual(
            answered.parts.map((part: any) => part.functionResponse.id),
            asked.parts.map((part: any) => part.functionCall.id)
          )
          calls.forEach(({ fails, text }, index) => {
            assert.deepStrictEqual(
              answered.parts[index].functionResponse.response,
              fails ? { error: text } : { output: text }
            )
          })
        })
      })
  )
})

describe("GoogleCapabilities", () => {
  it("knows families of models, and lets the user correct it", () => {
    assert.isFalse(GoogleCapabilities.of(gemini2).outputWithTools)
    assert.isTrue(GoogleCapabilities.of(gemini2).structuredOutput)
    assert.isTrue(GoogleCapabilities.of(gemini2).reasoning)
    assert.isFalse(GoogleCapabilities.of("gemini-2.0-flash").reasoning)
    assert.isFalse(GoogleCapabilities.of("publishers/google/models/gemini-2.5-pro").outputWithTools)
    for (const name of [gemini3, "gemini-3.1-pro-preview", "gemini-flash-latest", "gemini-4-pro", "something-new"]) {
      assert.deepStrictEqual(GoogleCapabilities.of(name), Capabilities.all, name)
    }
    assert.isFalse(GoogleCapabilities.of("gemma-3-27b-it").tools)
    assert.isFalse(GoogleCapabilities.of("gemini-2.5-flash-image").tools)
    assert.isFalse(GoogleCapabilities.of("models/mine", [{ model: "models/mine", is: { reasoning: false } }]).reasoning)
  })
})
