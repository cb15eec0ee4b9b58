/**
 * The request builder: what a `ModelRequest` becomes on the wire.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import { type AiError, Prompt, type Response, Tool } from "effect/ai"
import * as Capabilities from "../../../src/agent/Capabilities.ts"
import * as Driver from "../../../src/agent/Driver.ts"
import * as OpenAiCapabilities from "../../../src/provider/openai/OpenAiCapabilities.ts"
import * as OpenAiMessages from "../../../src/provider/openai/OpenAiMessages.ts"
import * as OpenAiRequest from "../../../src/provider/openai/OpenAiRequest.ts"
import * as OpenAiResponse from "../../../src/provider/openai/OpenAiResponse.ts"
import * as OpenAiTools from "../../../src/provider/openai/OpenAiTools.ts"
import * as Collect from "../support/Collect.ts"
import * as Wire from "./fixtures/Wire.ts"

const make = (request: Driver.ModelRequest, model = "gpt-5", capabilities = OpenAiCapabilities.of(model)) => {
  const made = OpenAiRequest.make(model, capabilities, request)
  if (Result.isFailure(made)) throw made.failure
  return made.success as unknown as Record<string, any>
}

const failure = (request: Driver.ModelRequest): AiError.AiErrorReason => {
  const made = OpenAiRequest.make("gpt-5", OpenAiCapabilities.of("gpt-5"), request)
  assert(Result.isFailure(made))
  return made.failure
}

const input = (messages: ReadonlyArray<Prompt.MessageEncoded>, model?: string) =>
  make(Collect.request(messages), model)["input"] as Array<any>

/** The message that a history keeps of a response. */
const remember = (parts: ReadonlyArray<Response.StreamPartEncoded>): Prompt.MessageEncoded => ({
  role: "assistant",
  content: Driver.joinParts(parts).flatMap((part): Array<any> =>
    part.type === "text" || part.type === "reasoning" || part.type === "tool-call" || part.type === "tool-result"
      ? [{ ...part, options: part.metadata ?? {} }]
      : []
  )
})

const fold = (scenario: Pick<Wire.Scenario, "items" | "end">) => {
  const fold = OpenAiResponse.fold({ hostedName: () => "search_the_web" })
  const out: Array<Response.StreamPartEncoded> = []
  fold.push(Wire.events(scenario) as never, out)
  return out
}

const Weather = Tool.make("get_weather", {
  description: "Current weather for a city.",
  parameters: Schema.Struct({
    city: Schema.String.annotate({ description: "Its name" }),
    unit: Schema.Literals(["celsius", "fahrenheit"]),
    place: Schema.Struct({ lat: Schema.Finite, tags: Schema.Array(Schema.String) })
  })
})
const Now = Tool.make("now")
const WebSearch = Tool.providerDefined({
  id: "openai.web_search",
  customName: "search_the_web",
  providerName: "web_search",
  args: Schema.Struct({ search_context_size: Schema.String })
})

describe("OpenAiRequest", () => {
  it("is stateless, and holds the limits that were asked for", () => {
    const params = make(Collect.request("Hi", { options: { maxTokens: 100, reasoning: "low", temperature: 1 } }))
    assert.deepStrictEqual(params, {
      model: "gpt-5",
      input: [{ role: "user", content: "Hi" }],
      store: false,
      max_output_tokens: 100,
      include: ["reasoning.encrypted_content"],
      reasoning: { effort: "low", summary: "auto" }
    })
  })

  it("asks models that do not reason for sampling and for no reasoning", () => {
    const params = make(
      Collect.request("Hi", { options: { reasoning: "low", temperature: 0.5, topP: 0.9 } }),
      "gpt-4o"
    )
    assert.deepStrictEqual(params, {
      model: "gpt-4o",
      input: [{ role: "user", content: "Hi" }],
      store: false,
      temperature: 0.5,
      top_p: 0.9
    })
  })

  it("encodes system, user, images and files", () => {
    const file = (mediaType: string, data: string | Uint8Array | URL, options: object = {}) =>
      Prompt.makePart("file", { mediaType, data, ...options })
    const prompt = Prompt.fromMessages([
      Prompt.makeMessage("system", { content: "Be brief." }),
      Prompt.makeMessage("user", {
        content: [
          Prompt.makePart("text", { text: "What is this?" }),
          file("image/png", Uint8Array.of(1, 2, 3)),
          file("image/*", "data:image/webp;base64,AAAA"),
          file("image/png", new URL("https://example.org/a.png")),
          file("application/pdf", "JVBERg==", { fileName: "a.pdf" }),
          file("image/png", "AAAA", { options: { openai: { detail: "low" } } })
        ]
      })
    ])
    const items = make(Collect.request(prompt))["input"]
    assert.deepStrictEqual(items, [
      { role: "developer", content: "Be brief." },
      {
        role: "user",
        content: [
          { type: "input_text", text: "What is this?" },
          { type: "input_image", detail: "auto", image_url: "data:image/png;base64,AQID" },
          { type: "input_image", detail: "auto", image_url: "data:image/webp;base64,AAAA" },
          { type: "input_image", detail: "auto", image_url: "https://example.org/a.png" },
          { type: "input_file", filename: "a.pdf", file_data: "data:application/pdf;base64,JVBERg==" },
          { type: "input_image", detail: "low", image_url: "data:image/png;base64,AAAA" }
        ]
      }
    ])
  })

  it("encodes calls and results; a failure says so, malformed arguments go back as they came", () => {
    const items = input([
      {
        role: "assistant",
        content: [
          { type: "tool-call", id: "c1", name: "get_weather", params: { city: "Bern" } },
          { type: "tool-call", id: "c2", name: "get_weather", params: `{"city": "Zür` }
        ]
      },
      {
        role: "tool",
        content: [
          { type: "tool-result", id: "c1", name: "get_weather", isFailure: false, result: { degrees: 22 } },
          { type: "tool-result", id: "c2", name: "get_weather", isFailure: true, result: "no JSON" }
        ]
      },
      {
        role: "assistant",
        content: [{ type: "tool-call", id: "c3", name: "now", params: {} }, {
          type: "tool-call",
          id: "c4",
          name: "shot",
          params: {}
        }]
      },
      {
        role: "tool",
        content: [
          { type: "tool-result", id: "c3", name: "now", isFailure: false, result: undefined },
          {
            type: "tool-result",
            id: "c4",
            name: "shot",
            isFailure: false,
            result: "ignored",
            modelOutput: [
              { type: "text", text: "a page" },
              {
                type: "file",
                mediaType: "image/png",
                data: { _tag: "URL", href: "https://example.org/s.png" } as never
              }
            ]
          }
        ]
      }
    ])
    assert.deepStrictEqual(items, [
      { type: "function_call", call_id: "c1", name: "get_weather", arguments: `{"city":"Bern"}` },
      { type: "function_call", call_id: "c2", name: "get_weather", arguments: `{"city": "Zür` },
      { type: "function_call_output", call_id: "c1", output: `{"degrees":22}` },
      { type: "function_call_output", call_id: "c2", output: `{"error":"no JSON"}` },
      { type: "function_call", call_id: "c3", name: "now", arguments: "{}" },
      { type: "function_call", call_id: "c4", name: "shot", arguments: "{}" },
      { type: "function_call_output", call_id: "c3", output: "null" },
      {
        type: "function_call_output",
        call_id: "c4",
        output: [
          { type: "input_text", text: "a page" },
          { type: "input_image", detail: "auto", image_url: "https://example.org/s.png" }
        ]
      }
    ])
  })

  it("gives reasoning back exactly, before its call, with the phase of messages", () => {
    const items = input([{ role: "user", content: "Hi" }, remember(fold(Wire.scenarios[3]!))])
    assert.deepStrictEqual(items.slice(1), [
      {
        type: "reasoning",
        id: "rs_1",
        summary: [
          { type: "summary_text", text: "First I think." },
          { type: "summary_text", text: "Then I think again." }
        ],
        encrypted_content: "gAAAA-whole"
      },
      { type: "message", role: "assistant", content: "Let me look.", phase: "commentary" },
      { type: "function_call", call_id: "call_a", name: "now", arguments: "{}" }
    ])
    assert.deepStrictEqual(input([remember(fold(Wire.scenarios[4]!))]), [
      { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "gAAAA-silent" },
      { type: "message", role: "assistant", content: "42" }
    ])
  })

  it("leaves out reasoning that nobody could read again, and what depends on it", () => {
    const items = input([
      remember(fold({ items: [Wire.reasoning(["Hm."]), Wire.webSearch("inch"), Wire.message("2.54 cm")], end: {} }))
    ])
    assert.deepStrictEqual(items, [{ type: "message", role: "assistant", content: "2.54 cm" }])
  })

  it("leaves out reasoning for a model that has none, and reasoning that was interrupted before it led to anything", () => {
    const reasoning = Wire.reasoning(["Hm."], { encrypted: "gAAAA" })
    const answered = remember(fold({ items: [reasoning, Wire.message("42")], end: {} }))
    assert.deepStrictEqual(input([answered], "gpt-4o"), [{ type: "message", role: "assistant", content: "42" }])
    assert.strictEqual(input([answered], "gpt-5")[0].type, "reasoning")
    const interrupted = remember(fold({ items: [Wire.message("Well."), reasoning], end: {} }))
    assert.deepStrictEqual(input([interrupted]), [{ type: "message", role: "assistant", content: "Well." }])
  })

  it("gives back what OpenAI ran itself as it was", () => {
    const items = input([remember(fold({ items: [Wire.webSearch("inch"), Wire.message("2.54 cm")], end: {} }))])
    assert.deepStrictEqual(items[0], Wire.webSearch("inch").done)
  })

  it("takes a history of another vendor", () => {
    const items = input([{
      role: "assistant",
      content: [
        { type: "reasoning", text: "hm", options: { anthropic: { signature: "x" } } },
        { type: "text", text: "ok", options: { ollama: { any: 1 } } },
        { type: "text", text: "" }
      ]
    }])
    assert.deepStrictEqual(items, [{ type: "message", role: "assistant", content: "ok" }])
  })

  it("declares tools by their own schema", () => {
    const params = make(Collect.request("Hi", { tools: [Weather, Now] }))
    assert.deepStrictEqual(params["tools"], [
      {
        type: "function",
        name: "get_weather",
        description: "Current weather for a city.",
        parameters: {
          type: "object",
          properties: {
            city: { type: "string", description: "Its name" },
            unit: { type: "string", enum: ["celsius", "fahrenheit"] },
            place: {
              type: "object",
              properties: { lat: { type: "number" }, tags: { type: "array", items: { type: "string" } } },
              required: ["lat", "tags"],
              additionalProperties: true
            }
          },
          required: ["city", "unit", "place"],
          additionalProperties: true
        },
        strict: false
      },
      {
        type: "function",
        name: "now",
        parameters: { type: "object", properties: {}, additionalProperties: false },
        strict: false
      }
    ])
    assert.strictEqual(params["tool_choice"], "auto")
  })

  it("declares strict, raw and hosted tools", () => {
    const Strict = Tool.make("book", {
      parameters: Schema.Struct({ day: Schema.DateTimeUtcFromString, note: Schema.optionalKey(Schema.String) })
    }).annotate(Tool.Strict, true)
    const raw = { type: "object", properties: { q: { type: "string" } }, required: ["q"] } as const
    const [strict, dynamic, hosted] = make(Collect.request("Hi", {
      tools: [Strict, Tool.dynamic("mcp_search", { parameters: raw }), WebSearch({ search_context_size: "low" })]
    }))["tools"] as Array<any>
    assert.strictEqual(strict.strict, true)
    assert.deepStrictEqual(strict.parameters.required, ["day", "note"])
    assert.strictEqual(strict.parameters.additionalProperties, false)
    assert.deepStrictEqual(dynamic, { type: "function", name: "mcp_search", parameters: raw, strict: false })
    assert.deepStrictEqual(hosted, { type: "web_search", search_context_size: "low" })
    const bring = OpenAiTools.bringer([Strict, Weather])!
    assert.deepStrictEqual(bring("book", { day: "2026-01-02T00:00:00.000Z", note: null }), {
      day: "2026-01-02T00:00:00.000Z"
    })
    assert.deepStrictEqual(bring("book", { day: 1 }), { day: 1 })
    assert.strictEqual(OpenAiTools.bringer([Weather]), undefined)
  })

  it("puts tool choices in OpenAI's words", () => {
    const choice = (toolChoice: Driver.ModelRequest["toolChoice"]) =>
      make(Collect.request("Hi", { tools: [Weather, Now, WebSearch({ search_context_size: "low" })], toolChoice }))[
        "tool_choice"
      ]
    assert.strictEqual(choice("none"), "none")
    assert.strictEqual(choice("required"), "required")
    assert.deepStrictEqual(choice({ tool: "now" }), { type: "function", name: "now" })
    assert.deepStrictEqual(choice({ tool: "search_the_web" }), { type: "web_search" })
    assert.deepStrictEqual(choice({ oneOf: ["now", "search_the_web"] }), {
      type: "allowed_tools",
      mode: "auto",
      tools: [{ type: "function", name: "now" }, { type: "web_search" }]
    })
    assert.deepStrictEqual(choice({ mode: "required", oneOf: ["now"] }), {
      type: "allowed_tools",
      mode: "required",
      tools: [{ type: "function", name: "now" }]
    })
  })

  it("keeps tools declared when the choice is none, and says nothing of tools when there are none", () => {
    assert.strictEqual(make(Collect.request("Hi", { tools: [Now], toolChoice: "none" }))["tools"].length, 1)
    const without = make(Collect.request("Hi", { toolChoice: "none" }))
    assert.notProperty(without, "tools")
    assert.notProperty(without, "tool_choice")
  })

  it("turns parallel calls off for a model that has none", () => {
    const capabilities = { ...Capabilities.all, parallelTools: false }
    assert.strictEqual(
      make(Collect.request("Hi", { tools: [Now] }), "x", capabilities)["parallel_tool_calls"],
      false
    )
  })

  it("asks for structured output by OpenAI's rules", () => {
    const schema = Schema.Struct({ name: Schema.String, nick: Schema.optionalKey(Schema.String) })
    const params = make(
      Collect.request("Hi", { responseFormat: { type: "json", objectName: "a person!", schema }, tools: [Now] })
    )
    const { schema: json, ...format } = params["text"].format
    assert.deepStrictEqual(format, { type: "json_schema", name: "a_person_", strict: true })
    assert.deepStrictEqual(json.required, ["name", "nick"])
    assert.strictEqual(params["tools"].length, 1)
  })

  it("lays providerOptions.openai over the rest, objects merged", () => {
    const schema = Schema.Struct({ name: Schema.String })
    const params = make(Collect.request("Hi", {
      responseFormat: { type: "json", objectName: "x", schema },
      options: {
        reasoning: "high",
        providerOptions: {
          openai: { store: true, text: { verbosity: "low" }, include: [], reasoning: { summary: "detailed" } },
          ollama: { think: true }
        }
      }
    }))
    assert.strictEqual(params["store"], true)
    assert.strictEqual(params["text"].verbosity, "low")
    assert.strictEqual(params["text"].format.name, "x")
    assert.deepStrictEqual(params["include"], [])
    assert.deepStrictEqual(params["reasoning"], { effort: "high", summary: "detailed" })
    assert.notProperty(params, "think")
  })

  it("refuses before the request what OpenAI would refuse", () => {
    const named = (name: string) => Tool.dynamic(name, { parameters: { type: "object", properties: {} } })
    for (const name of ["get weather", "", "wetter.heute", "x".repeat(65), "größe"]) {
      const reason = failure(Collect.request("Hi", { tools: [named(name)] }))
      assert.strictEqual(reason._tag, "ToolConfigurationError")
    }
    const union = Tool.dynamic("u", {
      parameters: Schema.Union([Schema.Struct({ a: Schema.String }), Schema.Struct({ b: Schema.String })])
    })
    assert.strictEqual(failure(Collect.request("Hi", { tools: [union] }))._tag, "UnsupportedSchemaError")
    const other = Tool.providerDefined({ id: "anthropic.bash", customName: "bash", providerName: "bash" })(undefined)
    assert.include(failure(Collect.request("Hi", { tools: [other] })).message, "another vendor")
    assert.strictEqual(
      failure(Collect.request("Hi", {
        responseFormat: { type: "json", objectName: "x", schema: Schema.Array(Schema.String) }
      }))._tag,
      "UnsupportedSchemaError"
    )
    assert.include(
      failure(Collect.request("Hi", { options: { stopSequences: ["END"] } })).message,
      "stopSequences"
    )
  })

  it("encodes each message and each tool once", () => {
    const prompt = Prompt.make([{ role: "user", content: "Hi" }, { role: "assistant", content: "Hello" }])
    const first = OpenAiMessages.encodeAll(prompt.content, true)
    const second = OpenAiMessages.encodeAll(Prompt.concat(prompt, "More").content, true)
    assert.strictEqual(first[0], second[0])
    assert.strictEqual(first[1], second[1])
    assert.strictEqual(OpenAiTools.declare(Weather), OpenAiTools.declare(Weather))
  })

  it.effect.prop(
    "every call on the wire has its result, when the history has it",
    { results: Schema.NonEmptyArray(Schema.Struct({ text: Schema.String, fails: Schema.Boolean })) },
    ({ results }) =>
      Effect.sync(() => {
        const items = input([
          {
            role: "assistant",
            content: results.map((_, index) => ({ type: "tool-call", id: `c${index}`, name: "now", params: {} }))
          },
          {
            role: "tool",
            content: results.map(({ fails, text }, index) => ({
              type: "tool-result",
              id: `c${index}`,
              name: "now",
              isFailure: fails,
              result: text
            }))
          }
        ])
        const calls = items.filter((item) => item.type === "function_call").map((item) => item.call_id)
        const outputs = items.filter((item) => item.type === "function_call_output")
        assert.deepStrictEqual(outputs.map((item) => item.call_id), calls)
        for (const output of outputs) assert.isString(output.output)
      })
  )
})

describe("OpenAiCapabilities", () => {
  it("knows families of models, and lets the user correct it", () => {
    assert.isFalse(OpenAiCapabilities.of("gpt-4o-mini").reasoning)
    assert.isTrue(OpenAiCapabilities.of("gpt-4o-mini").sampling)
    assert.isTrue(OpenAiCapabilities.of("gpt-5.1-codex-max").reasoning)
    assert.isFalse(OpenAiCapabilities.of("o4-mini").sampling)
    assert.isFalse(OpenAiCapabilities.of("gpt-6.1-sol").sampling)
    assert.isFalse(OpenAiCapabilities.of("ft:gpt-4o-2024-08-06:me").reasoning)
    assert.isTrue(OpenAiCapabilities.of("gpt-5-chat-latest").sampling)
    assert.isTrue(OpenAiCapabilities.of("something-new").reasoning)
    assert.isFalse(OpenAiCapabilities.of("something-new").stopSequences)
    assert.isFalse(OpenAiCapabilities.of("mine", [{ model: "mine", is: { reasoning: false } }]).reasoning)
  })
})
