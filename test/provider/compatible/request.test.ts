/**
 * The request builder: what a `ModelRequest` becomes on the wire, for each kind of server.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import { type AiError, Prompt, type Response, Tool } from "effect/ai"
import * as Capabilities from "../../../src/agent/Capabilities.ts"
import * as Driver from "../../../src/agent/Driver.ts"
import * as Chunk from "../../../src/provider/compatible/CompatibleChunk.ts"
import { anyServer, type Dialect, generic, type Server } from "../../../src/provider/compatible/CompatibleDialect.ts"
import * as CompatibleRequest from "../../../src/provider/compatible/CompatibleRequest.ts"
import * as CompatibleResponse from "../../../src/provider/compatible/CompatibleResponse.ts"
import * as Servers from "../../../src/provider/compatible/CompatibleServers.ts"
import * as CompatibleTools from "../../../src/provider/compatible/CompatibleTools.ts"
import * as Collect from "../support/Collect.ts"
import * as Wire from "./fixtures/Wire.ts"

/** A server as it is registered. */
const known = (name: string): Server => ({ name, dialect: { ...generic, ...Servers.find(name)?.dialect } })

const like = (dialect: Partial<Dialect>): Server => ({ name: "acme", dialect: { ...generic, ...dialect } })

const capable = (name: string, model: string) =>
  Capabilities.resolve(model, Servers.find(name)?.capabilities ?? [], Servers.base)

const make = (
  request: Driver.ModelRequest,
  server: Server = anyServer,
  capabilities: Capabilities.Capabilities = Capabilities.all
) => {
  const made = CompatibleRequest.make("acme-7b", capabilities, request, server)
  if (Result.isFailure(made)) throw made.failure
  return made.success as unknown as Record<string, any>
}

const failure = (
  request: Driver.ModelRequest,
  capabilities: Capabilities.Capabilities = Capabilities.all
): AiError.AiErrorReason => {
  const made = CompatibleRequest.make("acme-7b", capabilities, request)
  assert(Result.isFailure(made))
  return made.failure
}

const messages = (prompt: Prompt.RawInput, server?: Server, capabilities?: Capabilities.Capabilities) =>
  make(Collect.request(prompt), server, capabilities)["messages"] as Array<any>

const user = (content: string): Prompt.MessageEncoded => ({ role: "user", content })

const call = (id: string, name = "now", params: unknown = {}) => ({ type: "tool-call", id, name, params }) as const

const result = (id: string, value: unknown, isFailure = false): Prompt.MessageEncoded => ({
  role: "tool",
  content: [{ type: "tool-result", id, name: "now", isFailure, result: value }]
})

const assistant = (...content: ReadonlyArray<any>): Prompt.MessageEncoded => ({ role: "assistant", content })

/** The message that a history keeps of a response of a server. */
const remember = (
  name: string,
  scenario: Omit<Wire.Scenario, "title" | "expect" | "message">
): Prompt.MessageEncoded => {
  const fold = CompatibleResponse.fold({ source: { name, url: "http://x" }, series: "s", tools: new Set() })
  const out: Array<Response.StreamPartEncoded> = []
  fold.push([...Wire.chunks(scenario), Chunk.done] as never, out)
  return assistant(
    ...Driver.joinParts(out).flatMap((part): Array<any> =>
      part.type === "text" || part.type === "reasoning" || part.type === "tool-call"
        ? [{ ...part, options: part.metadata ?? {} }]
        : []
    )
  )
}

const Weather = Tool.make("get_weather", {
  description: "Current weather for a city.",
  parameters: Schema.Struct({
    city: Schema.String.annotate({ description: "Its name" }),
    unit: Schema.Literals(["celsius", "fahrenheit"])
  })
})
const Now = Tool.make("now")
const tools = [Weather, Now]

describe("CompatibleRequest", () => {
  it("holds what was asked for, and nothing else", () => {
    const options = {
      maxTokens: 100,
      temperature: 0.5,
      topP: 0.9,
      seed: 7,
      stopSequences: ["END"],
      reasoning: "low",
      agent: "a"
    } as const
    assert.deepStrictEqual(make(Collect.request("Hi", { options })), {
      model: "acme-7b",
      messages: [{ role: "user", content: "Hi" }],
      max_tokens: 100,
      temperature: 0.5,
      top_p: 0.9,
      seed: 7,
      stop: ["END"],
      reasoning_effort: "low",
      stream_options: { include_usage: true }
    })
    assert.deepStrictEqual(make(Collect.request("Hi", { options: { stream: false, stopSequences: [] } })), {
      model: "acme-7b",
      messages: [{ role: "user", content: "Hi" }]
    })
  })

  it("leaves out what the model does not take", () => {
    const none = { ...Capabilities.all, sampling: false, seed: false, reasoning: false }
    const options = { temperature: 1, topP: 1, seed: 1, reasoning: "high", stream: false } as const
    assert.deepStrictEqual(Object.keys(make(Collect.request("Hi", { options }), undefined, none)), [
      "model",
      "messages"
    ])
  })

  it("speaks the dialect of each server", () => {
    const options = { maxTokens: 9, seed: 7, reasoning: "high" } as const
    const ask = (name: string, model: string) => {
      const { messages: _messages, model: _model, ...rest } = make(
        Collect.request("Hi", { options }),
        known(name),
        capable(name, model)
      )
      return rest
    }
    const usage = { stream_options: { include_usage: true } }
    const usual = { max_tokens: 9, seed: 7, reasoning_effort: "high", ...usage }
    assert.deepStrictEqual(ask("vllm", "qwen3"), usual)
    assert.deepStrictEqual(ask("lmstudio", "qwen3"), usual)
    assert.deepStrictEqual(ask("openrouter", "openai/gpt-5"), {
      max_tokens: 9,
      seed: 7,
      reasoning: { effort: "high" },
      ...usage
    })
    assert.deepStrictEqual(ask("deepseek", "deepseek-reasoner"), { max_tokens: 9, reasoning_effort: "high", ...usage })
    assert.deepStrictEqual(ask("mistral", "mistral-large-latest"), { max_tokens: 9, random_seed: 7 })
    assert.deepStrictEqual(ask("groq", "llama-3.3-70b-versatile"), { max_completion_tokens: 9, seed: 7, ...usage })
    assert.deepStrictEqual(ask("groq", "openai/gpt-oss-120b")["reasoning_effort"], "high")
  })

  it("lays the user's own options over the request last, under the server's name", () => {
    const providerOptions = {
      acme: { max_tokens: null, extra: { a: 1 }, stream_options: { other: true } },
      "openai-compatible": { extra: 2 }
    }
    const request = Collect.request("Hi", { options: { maxTokens: 9, providerOptions } })
    const own = make(request, like({}))
    assert.deepInclude(own, { max_tokens: null, extra: { a: 1 } })
    assert.deepStrictEqual(own["stream_options"], { include_usage: true, other: true })
    assert.strictEqual(make(request)["extra"], 2)
  })
})

describe("messages", () => {
  it("encodes text, images, sound and files", () => {
    const file = (mediaType: string, data: string | Uint8Array | URL, options: object = {}) =>
      Prompt.makePart("file", { mediaType, data, ...options })
    const prompt = Prompt.fromMessages([
      Prompt.makeMessage("system", { content: "Be brief." }),
      Prompt.makeMessage("user", {
        content: [
          Prompt.makePart("text", { text: "What is this?" }),
          file("image/png", Uint8Array.of(1, 2, 3)),
          file("image/*", "data:image/webp;base64,AAAA"),
          file("image/png", new URL("https://example.org/a.png"), {
            options: { acme: { image_url: { detail: "low" } } }
          }),
          file("audio/mpeg", "AAAA"),
          file("application/pdf", "JVBERg==", { fileName: "a.pdf" }),
          file("application/pdf", "JVBERg=="),
          Prompt.makePart("text", { text: "Well?", options: { acme: { cache_control: { type: "ephemeral" } } } })
        ]
      })
    ])
    assert.deepStrictEqual(messages(prompt, like({})), [
      { role: "system", content: "Be brief." },
      {
        role: "user",
        content: [
          { type: "text", text: "What is this?" },
          { type: "image_url", image_url: { url: "data:image/png;base64,AQID" } },
          { type: "image_url", image_url: { url: "data:image/webp;base64,AAAA" } },
          { type: "image_url", image_url: { url: "https://example.org/a.png", detail: "low" } },
          { type: "input_audio", input_audio: { data: "AAAA", format: "mp3" } },
          { type: "file", file: { filename: "a.pdf", file_data: "data:application/pdf;base64,JVBERg==" } },
          { type: "file", file: { filename: "file.pdf", file_data: "data:application/pdf;base64,JVBERg==" } },
          { type: "text", text: "Well?", cache_control: { type: "ephemeral" } }
        ]
      }
    ])
    const address = Prompt.fromMessages([
      Prompt.makeMessage("user", { content: [file("application/pdf", new URL("https://example.org/a.pdf"))] })
    ])
    assert.deepStrictEqual(messages(address, known("mistral"))[0].content, [
      { type: "document_url", document_url: "https://example.org/a.pdf" }
    ])
    assert.deepStrictEqual(messages(address, known("openrouter"))[0].content[0].file, {
      filename: "file.pdf",
      file_data: "https://example.org/a.pdf"
    })
  })

  it("refuses files that it cannot send, and says what to give", () => {
    const bad = (mediaType: string, data: string | URL) => {
      const content = [Prompt.makePart("file", { mediaType, data, fileName: "it" })]
      const reason = failure(Collect.request(Prompt.fromMessages([Prompt.makeMessage("user", { content })])))
      assert(reason._tag === "InvalidUserInputError")
      return reason.description
    }
    assert.include(bad("application/pdf", new URL("https://example.org/a.pdf")), "give its bytes")
    assert.include(bad("audio/ogg", "AAAA"), "WAV or MP3")
    assert.include(bad("audio/wav", new URL("https://example.org/a.wav")), "it (audio/wav)")
  })

  it("a history without any content is refused", () => {
    assert.strictEqual(failure(Collect.request([])!)._tag, "InvalidUserInputError")
    assert.strictEqual(failure(Collect.request([user(" ")]))._tag, "InvalidUserInputError")
  })

  it("puts all system messages in front, as one", () => {
    const prompt: ReadonlyArray<Prompt.MessageEncoded> = [
      { role: "system", content: "One." },
      { role: "system", content: "" },
      user("Hi"),
      { role: "system", content: "Two.", options: { acme: { cache_control: { type: "ephemeral" } } } }
    ]
    assert.deepStrictEqual(messages(prompt), [
      { role: "system", content: "One.\n\nTwo." },
      { role: "user", content: "Hi" }
    ])
    assert.deepStrictEqual(messages(prompt, like({}))[0].content, [
      { type: "text", text: "One." },
      { type: "text", text: "Two.", cache_control: { type: "ephemeral" } }
    ])
  })

  it("joins users' messages in a row, and sends no empty ones", () => {
    const image = Prompt.makePart("file", { mediaType: "image/png", data: "AAAA" })
    const prompt = Prompt.fromMessages([
      ...Prompt.make([user("a"), user("b"), assistant({ type: "text", text: " " }), user("c")]).content,
      Prompt.makeMessage("user", { content: [image] }),
      ...Prompt.make([assistant({ type: "reasoning", text: "hm" }), user("d")]).content
    ])
    assert.deepStrictEqual(messages(prompt), [{
      role: "user",
      content: [
        { type: "text", text: "a\n\nb\n\nc" },
        { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
        { type: "text", text: "d" }
      ]
    }])
  })

  it("encodes calls and results; a failure says so, malformed arguments are put into an object", () => {
    const found = messages([
      user("Hi"),
      assistant(
        { type: "text", text: "Let me look." },
        call("c1", "get_weather", { city: "Bern" }),
        call("c2", "get_weather", `{"city": "Zür`),
        call("c3", "now", null)
      ),
      result("c1", { degrees: 22 }),
      result("c2", "no JSON", true),
      result("c3", undefined),
      assistant(call("c4"))
    ])
    assert.deepStrictEqual(found.slice(1), [
      {
        role: "assistant",
        content: "Let me look.",
        tool_calls: [
          Wire.wholeCall("c1", "get_weather", `{"city":"Bern"}`),
          Wire.wholeCall("c2", "get_weather", `{"arguments":"{\\"city\\": \\"Zür"}`),
          Wire.wholeCall("c3", "now", "{}")
        ]
      },
      { role: "tool", tool_call_id: "c1", content: `{"degrees":22}` },
      { role: "tool", tool_call_id: "c2", content: `{"error":"no JSON"}` },
      { role: "tool", tool_call_id: "c3", content: "null" },
      { role: "assistant", content: null, tool_calls: [Wire.wholeCall("c4", "now", "{}")] }
    ])
  })

  it("shows the images of results after all of them, to a model that sees", () => {
    const shot = (id: string, mediaType: string): Prompt.MessageEncoded => ({
      role: "tool",
      content: [{
        type: "tool-result",
        id,
        name: "now",
        isFailure: false,
        result: "ignored",
        modelOutput: [
          { type: "text", text: "a page" },
          { type: "file", mediaType, data: "AAAA", fileName: "p" }
        ]
      }]
    })
    const prompt = [user("Hi"), assistant(call("a"), call("b")), shot("a", "image/png"), shot("b", "application/pdf")]
    const found = messages([...prompt, assistant({ type: "text", text: "ok" })])
    assert.deepStrictEqual(found.slice(2), [
      { role: "tool", tool_call_id: "a", content: `a page\n(the file "p", shown below)` },
      { role: "tool", tool_call_id: "b", content: `a page\n(the file "p", which cannot be shown)` },
      {
        role: "user",
        content: [
          { type: "text", text: "(Files of the results above.)" },
          { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } }
        ]
      },
      { role: "assistant", content: "ok" }
    ])
    assert.strictEqual(messages(prompt).at(-1).role, "user")
    const blind = messages(prompt, undefined, { ...Capabilities.all, vision: false })
    assert.include(blind[2].content, "which cannot be shown")
    assert.strictEqual(blind.at(-1).role, "tool")
  })

  it("puts an answer between results and a user's message, where the server wants one", () => {
    const prompt = [user("Hi"), assistant(call("abcdefghi")), result("abcdefghi", 1), user("And?")]
    assert.deepStrictEqual(messages(prompt).map(({ role }) => role), ["user", "assistant", "tool", "user"])
    assert.deepStrictEqual(messages(prompt, known("mistral")).map(({ role }) => role), [
      "user",
      "assistant",
      "tool",
      "assistant",
      "user"
    ])
  })

  it("takes ids of calls of any form, and pairs them with their results", () => {
    const ids = ["x".repeat(60), "call_1", "functions.now:0", "toolu_01", "fluxion_call_é_1", "abcdefghi"]
    const prompt = [user("Hi"), assistant(...ids.map((id) => call(id))), ...ids.map((id) => result(id, id))]
    for (const [name, form] of [["any", /^.+$/], ["forty", /^.{1,40}$/], ["nine", /^[A-Za-z0-9]{9}$/]] as const) {
      const [, calls, ...results] = messages(prompt, like({ callIds: name }))
      const sent = calls.tool_calls.map(({ id }: any) => id)
      assert.deepStrictEqual(results.map((message) => message.tool_call_id), sent)
      assert.strictEqual(new Set(sent).size, ids.length)
      ids.forEach((id, index) => {
        assert.match(sent[index], form)
        if (form.test(id)) assert.strictEqual(sent[index], id)
      })
    }
  })

  it.effect.prop(
    "ids that a server takes, and those made for it, are two for two",
    { left: Schema.String, right: Schema.String },
    ({ left, right }) =>
      Effect.sync(() => {
        const [, { tool_calls }] = messages(
          [user("Hi"), assistant(call(left), call(right)), result(left, 1), result(right, 2)],
          like({ callIds: "nine" })
        ) as any
        assert.strictEqual(tool_calls[0].id === tool_calls[1].id, left === right)
      })
  )

  it("takes a history of other vendors: their reasoning and what they ran themselves is left out", () => {
    const found = messages([
      user("Hi"),
      assistant(
        { type: "reasoning", text: "hm", options: { anthropic: { signature: "x" } } },
        { type: "reasoning", text: "hm", options: { openai: { itemId: "rs_1", encryptedContent: "g" } } },
        { type: "reasoning", text: "hm", options: { groq: { field: "reasoning" } } },
        { ...call("srv", "web_search"), providerExecuted: true, options: { anthropic: { type: "server_tool_use" } } },
        {
          type: "tool-result",
          id: "srv",
          name: "web_search",
          isFailure: false,
          result: [],
          providerExecuted: true
        },
        { type: "text", text: "ok", options: { ollama: { any: 1 } } },
        { type: "text", text: "" },
        call("toolu_1", "a tool.with:odd name"),
        { type: "tool-result", id: "toolu_1", name: "x", isFailure: false, result: 1 },
        { type: "text", text: "done" }
      )
    ])
    assert.deepStrictEqual(found.slice(1), [
      { role: "assistant", content: "ok", tool_calls: [Wire.wholeCall("toolu_1", "a_tool_with_odd_name", "{}")] },
      { role: "tool", tool_call_id: "toolu_1", content: "1" },
      { role: "assistant", content: "done" }
    ])
  })

  it("encodes a message once", () => {
    const prompt = Prompt.make([user("Hi"), assistant({ type: "text", text: "ok" }), user("And?")])
    const [first, second] = [messages(prompt), messages(prompt)]
    first.forEach((message, index) => assert.strictEqual(message, second[index]))
  })
})

describe("reasoning goes back", () => {
  const thought = (field: string, ...more: ReadonlyArray<object>) => ({
    deltas: [...Wire.deltas("Hm.", field), ...more],
    finish: "stop"
  })
  const answer = { content: "42" }
  const called = { tool_calls: [{ index: 0, id: "abcdefghi", function: { name: "now", arguments: "{}" } }] }
  const turn = (name: string, field: string) => [
    user("one"),
    remember(name, thought(field, answer)),
    user("two"),
    remember(name, thought(field, called)),
    result("abcdefghi", 1),
    remember(name, thought(field, answer)),
    user("three"),
    remember(name, thought(field, answer)),
    user("four")
  ]
  const sent = (name: string, field: string) =>
    messages(turn(name, field), known(name), Capabilities.all).map((message) =>
      message.reasoning_content ?? message.reasoning
    )

  const none = undefined
  const inToolTurn = [none, none, none, "Hm.", none, "Hm.", none, none, none]

  it("in the field it came in, for turns with calls, to servers of which nothing else is known", () => {
    for (const field of ["reasoning_content", "reasoning"]) {
      assert.deepStrictEqual(sent("acme", field), inToolTurn)
      const found = messages(turn("vllm", field), known("vllm"))
      assert.deepStrictEqual(found[3], {
        role: "assistant",
        content: null,
        tool_calls: [Wire.wholeCall("abcdefghi", "now", "{}")],
        [field]: "Hm."
      })
    }
  })

  it("to DeepSeek in all answers of turns with calls, if only as an empty text", () => {
    assert.deepStrictEqual(sent("deepseek", "reasoning_content"), inToolTurn)
    const foreign = [user("Hi"), assistant(call("a")), result("a", 1), assistant({ type: "text", text: "ok" })]
    assert.deepStrictEqual(
      messages(foreign, known("deepseek")).map((message) => message.reasoning_content),
      [undefined, "", undefined, ""]
    )
  })

  it("never to Mistral, nor to a model that does not reason", () => {
    assert.deepStrictEqual(sent("mistral", "reasoning").filter(Boolean), [])
    const found = messages(turn("groq", "reasoning"), known("groq"), capable("groq", "llama-3.3-70b"))
    for (const message of found) assert.notProperty(message, "reasoning")
  })

  it("to OpenRouter always, in details exactly as they came", () => {
    for (const index of [5, 6]) {
      const { message } = Wire.scenarios[index]!
      const found = messages([user("Hi"), remember("openrouter", Wire.scenarios[index]!)], known("openrouter"))
      assert.deepStrictEqual(found[1], {
        role: "assistant",
        content: message["content"],
        ...(message["tool_calls"] === undefined ? undefined : { tool_calls: message["tool_calls"] }),
        reasoning_details: message["reasoning_details"]
      })
    }
  })
})

describe("tools and output", () => {
  it("declares tools by their own schema", () => {
    const params = make(Collect.request("Hi", { tools }))
    assert.deepStrictEqual(params["tools"], [
      {
        type: "function",
        function: {
          name: "get_weather",
          description: "Current weather for a city.",
          parameters: {
            type: "object",
            properties: {
              city: { type: "string", description: "Its name" },
              unit: { type: "string", enum: ["celsius", "fahrenheit"] }
            },
            required: ["city", "unit"],
            additionalProperties: true
          }
        }
      },
      {
        type: "function",
        function: { name: "now", parameters: { type: "object", properties: {}, additionalProperties: false } }
      }
    ])
    assert.notProperty(params, "tool_choice")
    assert.notProperty(params, "parallel_tool_calls")
    assert.strictEqual(params["tools"][0], make(Collect.request("Hi", { tools }))["tools"][0])
  })

  it("declares a strict tool by the rules for strict ones", () => {
    const Strict = Tool.make("book", {
      parameters: Schema.Struct({ day: Schema.String, note: Schema.optionalKey(Schema.String) })
    }).annotate(Tool.Strict, true)
    const [declared] = make(Collect.request("Hi", { tools: [Strict] }))["tools"]
    assert.isTrue(declared.function.strict)
    assert.deepStrictEqual(declared.function.parameters.required, ["day", "note"])
    const bring = CompatibleTools.bringer([Strict])!
    assert.deepStrictEqual(bring("book", { day: "today", note: null }), { day: "today" })
  })

  it("refuses a vendor's own tool, and a name that servers do not take", () => {
    const Search = Tool.providerDefined({ id: "openai.web_search", customName: "search", providerName: "web_search" })
    for (const tool of [Search(undefined), Tool.make("a b")]) {
      assert.strictEqual(failure(Collect.request("Hi", { tools: [tool] }))._tag, "ToolConfigurationError")
    }
  })

  it("says which tools the model may or has to call", () => {
    const ask = (toolChoice: Driver.ModelRequest["toolChoice"], server?: Server) => {
      const { tool_choice, tools: declared } = make(Collect.request("Hi", { tools, toolChoice }), server)
      return [tool_choice, declared?.map((tool: any) => tool.function.name)]
    }
    const both = ["get_weather", "now"]
    assert.deepStrictEqual(ask("auto"), [undefined, both])
    assert.deepStrictEqual(ask("none"), ["none", both])
    assert.deepStrictEqual(ask("required"), ["required", both])
    assert.deepStrictEqual(ask({ tool: "now" }), [{ type: "function", function: { name: "now" } }, both])
    assert.deepStrictEqual(ask({ tool: "now" }, known("lmstudio")), ["required", ["now"]])
    assert.deepStrictEqual(ask({ oneOf: ["now"] }), [undefined, ["now"]])
    assert.deepStrictEqual(ask({ oneOf: ["now"], mode: "required" }), ["required", ["now"]])
    const single = { ...Capabilities.all, parallelTools: false }
    assert.isFalse(make(Collect.request("Hi", { tools }), undefined, single)["parallel_tool_calls"])
  })

  const schema = Schema.Struct({ name: Schema.String, nick: Schema.optionalKey(Schema.String) })
  const responseFormat = { type: "json", objectName: "A person!", schema } as const

  it("asks for an answer by its Schema", () => {
    const { response_format } = make(Collect.request("Hi", { responseFormat }))
    assert.strictEqual(response_format.type, "json_schema")
    assert.deepInclude(response_format.json_schema, { name: "A_person_", strict: true })
    assert.deepStrictEqual(response_format.json_schema.schema.required, ["name", "nick"])
    assert.isFalse(response_format.json_schema.schema.additionalProperties)
  })

  it("refuses what the model or the server cannot do, before it is asked", () => {
    const cannot = { ...Capabilities.all, structuredOutput: false }
    assert.deepInclude(failure(Collect.request("Hi", { responseFormat }), cannot), {
      _tag: "InvalidRequestError",
      parameter: "responseFormat"
    })
    const notBoth = { ...Capabilities.all, outputWithTools: false }
    const both = Collect.request("Hi", { responseFormat, tools })
    assert.deepInclude(failure(both, notBoth), { _tag: "InvalidRequestError", parameter: "responseFormat" })
    const unasked = make({ ...both, toolChoice: "none" }, undefined, notBoth)
    assert.notProperty(unasked, "tools")
    assert.property(unasked, "response_format")
    const list = { type: "json", objectName: "list", schema: Schema.Array(Schema.Unknown) } as const
    assert.strictEqual(failure(Collect.request("Hi", { responseFormat: list as never }))._tag, "UnsupportedSchemaError")
  })

  it("knows what is true of the well-known servers", () => {
    assert.deepInclude(capable("deepseek", "deepseek-v4-pro"), { structuredOutput: false, forcedToolChoice: false })
    assert.isTrue(capable("deepseek", "deepseek-chat").forcedToolChoice)
    assert.deepInclude(capable("groq", "llama-3.3-70b-versatile"), { structuredOutput: false, reasoning: false })
    assert.deepInclude(capable("groq", "openai/gpt-oss-20b"), { reasoning: true, vision: false })
    assert.deepInclude(capable("vllm", "any"), { structuredOutput: true, outputWithTools: false, files: false })
    assert.isFalse(capable("mistral", "mistral-large-latest").reasoning)
  })
})
