/**
 * The request builder: what a `ModelRequest` becomes on the wire.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import { type AiError, Prompt, type Response, Tool } from "effect/ai"
import * as Capabilities from "../../../src/agent/Capabilities.ts"
import * as Driver from "../../../src/agent/Driver.ts"
import * as AnthropicCapabilities from "../../../src/provider/anthropic/AnthropicCapabilities.ts"
import * as AnthropicMessages from "../../../src/provider/anthropic/AnthropicMessages.ts"
import * as AnthropicRequest from "../../../src/provider/anthropic/AnthropicRequest.ts"
import * as AnthropicResponse from "../../../src/provider/anthropic/AnthropicResponse.ts"
import * as AnthropicTools from "../../../src/provider/anthropic/AnthropicTools.ts"
import { Anthropic } from "../../../src/provider/anthropic/index.ts"
import * as Collect from "../support/Collect.ts"
import * as Wire from "./fixtures/Wire.ts"

const current = "claude-sonnet-4-6"

const make = (request: Driver.ModelRequest, model = current, capabilities = AnthropicCapabilities.of(model)) => {
  const made = AnthropicRequest.make(model, capabilities, request)
  if (Result.isFailure(made)) throw made.failure
  return made.success as unknown as Record<string, any>
}

const failure = (request: Driver.ModelRequest, model = current): AiError.AiErrorReason => {
  const made = AnthropicRequest.make(model, AnthropicCapabilities.of(model), request)
  assert(Result.isFailure(made))
  return made.failure
}

const messages = (prompt: Prompt.RawInput, model?: string) =>
  make(Collect.request(prompt), model)["messages"] as Array<any>

/** The message that a history keeps of a response. */
const remember = (parts: ReadonlyArray<Response.StreamPartEncoded>): Prompt.MessageEncoded => ({
  role: "assistant",
  content: Driver.joinParts(parts).flatMap((part): Array<any> =>
    part.type === "text" || part.type === "reasoning" || part.type === "tool-call" || part.type === "tool-result"
      ? [{ ...part, options: part.metadata ?? {} }]
      : []
  )
})

const answered = (blocks: ReadonlyArray<Wire.Block>, end: object = {}) => {
  const fold = AnthropicResponse.fold({ rename: (name) => name === "web_search" ? "search_the_web" : name })
  const out: Array<Response.StreamPartEncoded> = []
  for (const event of Wire.events({ blocks, end })) fold.push(event as never, out)
  return remember(out)
}

const asked = { role: "user", content: "Hi" } as const
const text = (text: string) => ({ type: "text", text })

const call = (id: string, params: unknown = {}) => ({ type: "tool-call", id, name: "now", params } as const)
const result = (id: string, value: unknown = "ok", isFailure = false) =>
  ({ type: "tool-result", id, name: "now", isFailure, result: value }) as const

const Weather = Tool.make("get_weather", {
  description: "Current weather for a city.",
  parameters: Schema.Struct({
    city: Schema.String.annotate({ description: "Its name" }),
    unit: Schema.Literals(["celsius", "fahrenheit"])
  })
})
const Now = Tool.make("now")
const WebSearch = Tool.providerDefined({
  id: "anthropic.web_search_20250305",
  customName: "search_the_web",
  providerName: "web_search",
  args: Schema.Struct({ max_uses: Schema.Int })
})({ max_uses: 3 })

describe("AnthropicRequest", () => {
  it("holds the limits that were asked for, and a limit on tokens always", () => {
    assert.deepStrictEqual(
      make(
        Collect.request("Hi", { options: { maxTokens: 100, stopSequences: ["END"], temperature: 1, topP: 1, seed: 1 } })
      ),
      {
        model: current,
        max_tokens: 100,
        messages: [{ role: "user", content: [text("Hi")] }],
        stop_sequences: ["END"]
      }
    )
    assert.strictEqual(make(Collect.request("Hi"))["max_tokens"], 4096)
  })

  it("encodes system, user, images and files", () => {
    const file = (mediaType: string, data: string | Uint8Array | URL, options: object = {}) =>
      Prompt.makePart("file", { mediaType, data, ...options })
    const cacheControl = { type: "ephemeral", ttl: "1h" }
    const prompt = Prompt.fromMessages([
      Prompt.makeMessage("system", { content: "Be brief.", options: { anthropic: { cacheControl } } }),
      Prompt.makeMessage("user", {
        content: [
          Prompt.makePart("text", { text: "What is this?", options: { anthropic: { cacheControl } } }),
          file("image/png", Uint8Array.of(1, 2, 3)),
          file("image/*", "data:image/webp;base64,AAAA"),
          file("image/png", new URL("https://example.org/a.png")),
          file("application/pdf", "JVBERg==", {
            fileName: "a.pdf",
            options: { anthropic: { citations: { enabled: true } } }
          }),
          file("application/pdf", new URL("https://example.org/a.pdf")),
          file("text/markdown", new TextEncoder().encode("# Grüezi"))
        ]
      }),
      Prompt.makeMessage("system", { content: "Be kind, too." })
    ])
    const params = make(Collect.request(prompt))
    assert.deepStrictEqual(params["system"], [
      { type: "text", text: "Be brief.", cache_control: cacheControl },
      text("Be kind, too.")
    ])
    assert.deepStrictEqual(params["messages"], [{
      role: "user",
      content: [
        { type: "text", text: "What is this?", cache_control: cacheControl },
        { type: "image", source: { type: "base64", media_type: "image/png", data: "AQID" } },
        { type: "image", source: { type: "base64", media_type: "image/webp", data: "AAAA" } },
        { type: "image", source: { type: "url", url: "https://example.org/a.png" } },
        {
          type: "document",
          source: { type: "base64", media_type: "application/pdf", data: "JVBERg==" },
          title: "a.pdf",
          citations: { enabled: true }
        },
        { type: "document", source: { type: "url", url: "https://example.org/a.pdf" } },
        { type: "document", source: { type: "text", media_type: "text/plain", data: "# Grüezi" } }
      ]
    }])
  })

  it("refuses a user's file that Anthropic cannot read, and describes a tool's", () => {
    const zip = { type: "file", mediaType: "application/zip", data: "UEsDBA==", fileName: "a.zip" } as const
    const reason = failure(Collect.request([{ role: "user", content: [zip] }]))
    assert.strictEqual(reason._tag, "InvalidUserInputError")
    assert.include(reason.message, `the file "a.zip" of type application/zip`)
    for (
      const part of [
        { type: "file", mediaType: "image/svg+xml", data: "AAAA" },
        { type: "file", mediaType: "text/plain", data: new URL("https://example.org/a.txt") },
        { type: "file", mediaType: "text/plain", data: "%%%" }
      ] as const
    ) {
      assert.strictEqual(failure(Collect.request([{ role: "user", content: [part] }]))._tag, "InvalidUserInputError")
    }
    const [, , last] = messages([asked, { role: "assistant", content: [call("c1")] }, {
      role: "tool",
      content: [{
        ...result("c1"),
        modelOutput: [{ type: "text", text: " " }, zip, { type: "file", mediaType: "image/png", data: "AAAA" }]
      }]
    }])
    assert.deepStrictEqual(last.content[0].content, [
      text(`(the file "a.zip" of type application/zip, which cannot be shown)`),
      { type: "image", source: { type: "base64", media_type: "image/png", data: "AAAA" } }
    ])
  })

  it("puts all results of a turn first in one user message, and says which failed", () => {
    const found = messages([
      asked,
      {
        role: "assistant",
        content: [call("c1", { city: "Bern" }), call("c2", `{"city": "Zür`), call("c3"), call("c4")]
      },
      { role: "tool", content: [result("c1", { degrees: 22 })] },
      { role: "tool", content: [result("c2", "no JSON", true), result("c3", ""), result("c4", "", true)] },
      { role: "user", content: "And now?" }
    ])
    assert.deepStrictEqual(found.slice(1), [
      {
        role: "assistant",
        content: [
          { type: "tool_use", id: "c1", name: "now", input: { city: "Bern" } },
          { type: "tool_use", id: "c2", name: "now", input: { invalid_input: `{"city": "Zür` } },
          { type: "tool_use", id: "c3", name: "now", input: {} },
          { type: "tool_use", id: "c4", name: "now", input: {} }
        ]
      },
      {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: "c1", content: `{"degrees":22}` },
          { type: "tool_result", tool_use_id: "c2", content: "no JSON", is_error: true },
          { type: "tool_result", tool_use_id: "c3" },
          { type: "tool_result", tool_use_id: "c4", content: "The tool failed.", is_error: true },
          text("And now?")
        ]
      }
    ])
    const late = messages([
      asked,
      { role: "assistant", content: [call("c1")] },
      { role: "user", content: "Hurry." },
      { role: "tool", content: [result("c1")] }
    ])
    assert.deepStrictEqual(late[2].content.map(({ type }: any) => type), ["tool_result", "text"])
  })

  it("splits an assistant's message that holds results of ours", () => {
    const found = messages([asked, {
      role: "assistant",
      content: [text("Well."), call("c1"), result("c1"), text("It is late.")] as never
    }])
    assert.deepStrictEqual(found.map(({ content, role }) => [role, content.map(({ type }: any) => type)]), [
      ["user", ["text"]],
      ["assistant", ["text", "tool_use"]],
      ["user", ["tool_result"]],
      ["assistant", ["text"]]
    ])
  })

  it("joins messages of one role, leaves blank ones out, begins with the user, and ends without white space", () => {
    const found = messages([
      { role: "assistant", content: "Hello. " },
      asked,
      { role: "user", content: " \n" },
      { role: "assistant", content: [text("\n\n"), text("")] as never },
      { role: "user", content: "Again" },
      { role: "assistant", content: "So: " }
    ])
    assert.deepStrictEqual(found, [
      { role: "user", content: [text("(The beginning is left out.)")] },
      { role: "assistant", content: [text("Hello. ")] },
      { role: "user", content: [text("Hi"), text("Again")] },
      { role: "assistant", content: [text("So:")] }
    ])
    assert.strictEqual(failure(Collect.request([{ role: "user", content: " " }]))._tag, "InvalidUserInputError")
  })

  it("gives thinking back unchanged, before its call", () => {
    const found = messages([asked, answered(Wire.scenarios[3]!.blocks), { role: "tool", content: [result("toolu_a")] }])
    assert.deepStrictEqual(found[1].content, [
      { type: "thinking", thinking: "First I think.", signature: "EqQBsig+/=" },
      text("Well."),
      { type: "tool_use", id: "toolu_a", name: "now", input: {} }
    ])
    assert.deepStrictEqual(messages([asked, answered(Wire.scenarios[4]!.blocks), asked])[1].content, [
      { type: "redacted_thinking", data: "EvgFsecret" },
      { type: "thinking", thinking: "", signature: "EqQBempty" },
      text("42")
    ])
  })

  it("leaves out thinking that is not Anthropic's, that led to nothing, or that the model does not take", () => {
    const blocks = [Wire.text("Well."), Wire.thinking("Hm.", "sig")]
    assert.deepStrictEqual(messages([asked, answered(blocks), asked])[1].content, [text("Well.")])
    assert.deepStrictEqual(messages([asked, answered([Wire.thinking("Hm.", "sig")]), asked]), [
      { role: "user", content: [text("Hi"), text("Hi")] }
    ])
    const other = {
      role: "assistant",
      content: [
        { type: "reasoning", text: "hm", options: { openai: { itemId: "rs_1", encryptedContent: "x" } } },
        { type: "text", text: "ok", options: { openai: { itemId: "msg_1" } } },
        {
          type: "tool-call",
          id: "ws_1",
          name: "web",
          params: {},
          providerExecuted: true,
          options: { openai: { itemType: "x" } }
        },
        { type: "tool-result", id: "ws_1", name: "web", isFailure: false, result: {}, providerExecuted: true },
        { type: "file", mediaType: "image/png", data: "AAAA" }
      ]
    } as never
    assert.deepStrictEqual(messages([asked, other, asked])[1].content, [text("ok")])
    const thought = answered(Wire.scenarios[3]!.blocks.slice(0, 2))
    assert.deepStrictEqual(messages([asked, thought, asked], "claude-3-5-haiku-20241022")[1].content, [text("Well.")])
  })

  it("gives names and ids of another vendor in a form that Anthropic takes", () => {
    const found = messages([
      asked,
      { role: "assistant", content: [{ type: "tool-call", id: "call:1|a", name: "wetter.heute ü", params: {} }] },
      { role: "tool", content: [{ ...result("call:1|a"), name: "wetter.heute ü" }] }
    ])
    assert.deepInclude(found[1].content[0], { id: "call_1_a", name: "wetter_heute__" })
    assert.strictEqual(found[2].content[0].tool_use_id, "call_1_a")
  })

  it("gives back what Anthropic ran itself, and its citations, as they were", () => {
    const { blocks } = Wire.scenarios[6]!
    const found = messages([asked, answered(blocks), asked])
    assert.deepStrictEqual(found[1].content, blocks.map(({ whole }) => whole))
  })

  it("keeps a call that Anthropic has not ended only where the turn goes on", () => {
    const [said, search] = Wire.scenarios[7]!.blocks
    const paused = answered(Wire.scenarios[7]!.blocks, { stop_reason: "pause_turn" })
    assert.deepStrictEqual(messages([asked, paused])[1].content, [text("I look it up."), search!.whole])
    const rest = [Wire.serverResult("srvtoolu_1", "web_search_tool_result", Wire.found), Wire.text("2.54 cm")]
    const resumed = messages([asked, paused, answered(rest), asked])
    assert.deepStrictEqual(resumed.map(({ role }) => role), ["user", "assistant", "user"])
    assert.deepStrictEqual(resumed[1].content, [text("I look it up."), search!.whole, rest[0]!.whole, text("2.54 cm")])
    assert.deepStrictEqual(messages([asked, paused, asked])[1].content, [text((said!.whole as any).text)])
  })

  it("passes cache breakpoints of parts, messages and tools on", () => {
    const cacheControl = { type: "ephemeral" }
    const options = { anthropic: { cacheControl } }
    const found = messages([
      { role: "user", content: [text("a"), text("b")], options } as never,
      { role: "assistant", content: [{ ...call("c1"), options }] as never },
      { role: "tool", content: [{ ...result("c1"), options }] as never },
      { role: "assistant", content: [{ ...text("c"), options }] as never },
      asked
    ])
    assert.deepStrictEqual(
      found.map(({ content }) => content.map((block: any) => block.cache_control)),
      [[undefined, cacheControl], [cacheControl], [cacheControl], [cacheControl], [undefined]]
    )
    const cached = Now.annotate(Anthropic.ToolOptions, { cacheControl, eager_input_streaming: true })
    assert.deepStrictEqual(make(Collect.request("Hi", { tools: [cached] }))["tools"], [{
      name: "now",
      input_schema: { type: "object", properties: {}, additionalProperties: false },
      cache_control: cacheControl,
      eager_input_streaming: true
    }])
  })

  it("declares tools by their own schema", () => {
    const params = make(Collect.request("Hi", { tools: [Weather, Now] }))
    assert.deepStrictEqual(params["tools"], [
      {
        name: "get_weather",
        description: "Current weather for a city.",
        input_schema: {
          type: "object",
          properties: {
            city: { type: "string", description: "Its name" },
            unit: { type: "string", enum: ["celsius", "fahrenheit"] }
          },
          required: ["city", "unit"],
          additionalProperties: true
        }
      },
      { name: "now", input_schema: { type: "object", properties: {}, additionalProperties: false } }
    ])
    assert.deepStrictEqual(params["tool_choice"], { type: "auto" })
  })

  it("names the tools that the history called, where none are offered, and lets none be called", () => {
    const call = Prompt.makePart("tool-call", { id: "1", name: "now", params: {}, providerExecuted: false })
    const result = Prompt.makePart("tool-result", {
      id: "1",
      name: "now",
      isFailure: false,
      result: "noon",
      providerExecuted: false
    })
    const history = [
      Prompt.makeMessage("user", { content: [Prompt.makePart("text", { text: "Hi" })] }),
      Prompt.makeMessage("assistant", { content: [call] }),
      Prompt.makeMessage("tool", { content: [result] })
    ]
    for (const request of [Collect.request(history), Collect.request(history, { toolChoice: { oneOf: [] } })]) {
      const params = make(request)
      assert.deepStrictEqual(params["tools"], [{ name: "now", input_schema: { type: "object" } }])
      assert.deepStrictEqual(params["tool_choice"], { type: "none" })
    }
  })

  it("declares strict tools, raw ones, and Anthropic's own", () => {
    const Strict = Tool.make("book", {
      parameters: Schema.Struct({ day: Schema.DateTimeUtcFromString, note: Schema.optionalKey(Schema.String) })
    }).annotate(Tool.Strict, true)
    const raw = { type: "object", properties: { q: { type: "string" } }, required: ["q"] } as const
    const [strict, dynamic, own] = make(Collect.request("Hi", {
      tools: [Strict, Tool.dynamic("mcp_search", { parameters: raw }), WebSearch]
    }))["tools"] as Array<any>
    assert.strictEqual(strict.strict, true)
    assert.deepStrictEqual(strict.input_schema.required, ["day", "note"])
    assert.strictEqual(strict.input_schema.additionalProperties, false)
    assert.deepStrictEqual(dynamic, { name: "mcp_search", input_schema: raw })
    assert.deepStrictEqual(own, { type: "web_search_20250305", name: "web_search", max_uses: 3 })
    const bring = AnthropicTools.bringer([Strict, Weather])!
    assert.deepStrictEqual(bring("book", { day: "2026-01-02T00:00:00.000Z", note: null }), {
      day: "2026-01-02T00:00:00.000Z"
    })
    assert.deepStrictEqual(bring("book", { day: 1 }), { day: 1 })
    assert.strictEqual(AnthropicTools.bringer([Weather]), undefined)
  })

  it("names a tool of Anthropic's that we run as Anthropic does, there and back", () => {
    const Bash = Tool.providerDefined({
      id: "anthropic.bash_20250124",
      customName: "run_command",
      providerName: "bash",
      requiresHandler: true
    })({})
    const params = make(Collect.request("Hi", { tools: [Bash], toolChoice: { tool: "run_command" } }))
    assert.deepStrictEqual(params["tools"], [{ type: "bash_20250124", name: "bash" }])
    assert.deepStrictEqual(params["tool_choice"], { type: "tool", name: "bash" })
    const fold = AnthropicResponse.fold({ rename: AnthropicTools.renamer([Bash, Now]) })
    const out: Array<Response.StreamPartEncoded> = []
    const caller = { type: "code_execution_20260120", tool_id: "srvtoolu_1" }
    const blocks = [Wire.call("toolu_a", "bash", "{}"), Wire.call("toolu_b", "now", "{}", { fields: { caller } })]
    for (const event of Wire.events({ blocks, end: {} })) fold.push(event as never, out)
    assert.deepStrictEqual(Collect.summarize(out).calls.map(({ name }) => name), ["run_command", "now"])
    const [, said] = messages([asked, remember(out)])
    assert.deepStrictEqual(said.content, [
      { type: "tool_use", id: "toolu_a", name: "bash", input: {} },
      { type: "tool_use", id: "toolu_b", name: "now", input: {}, caller }
    ])
  })

  it("puts tool choices in Anthropic's words; a choice among some leaves the others out", () => {
    const choice = (toolChoice: Driver.ModelRequest["toolChoice"], capabilities = Capabilities.all) => {
      const params = make(
        Collect.request("Hi", { tools: [Weather, Now, WebSearch], toolChoice }),
        current,
        capabilities
      )
      return [params["tool_choice"], params["tools"].map(({ name }: any) => name)]
    }
    const all = ["get_weather", "now", "web_search"]
    assert.deepStrictEqual(choice("none"), [{ type: "none" }, all])
    assert.deepStrictEqual(choice("required"), [{ type: "any" }, all])
    assert.deepStrictEqual(choice({ tool: "now" }), [{ type: "tool", name: "now" }, all])
    assert.deepStrictEqual(choice({ tool: "search_the_web" }), [{ type: "tool", name: "web_search" }, all])
    assert.deepStrictEqual(choice({ oneOf: ["now", "search_the_web"] }), [{ type: "auto" }, ["now", "web_search"]])
    assert.deepStrictEqual(choice({ mode: "required", oneOf: ["now"] }), [{ type: "any" }, ["now"]])
    const single = { ...Capabilities.all, parallelTools: false }
    assert.deepStrictEqual(choice("auto", single)[0], { type: "auto", disable_parallel_tool_use: true })
    assert.deepStrictEqual(choice("none", single)[0], { type: "none" })
    const without = make(Collect.request("Hi", { toolChoice: "none" }))
    assert.notProperty(without, "tools")
    assert.notProperty(without, "tool_choice")
  })

  it("asks current models to think by an effort, and older ones by a budget within the limit", () => {
    const think = (model: string, options: Partial<Driver.ModelRequest["options"]> = {}) => {
      const params = make(
        Collect.request("Hi", { options: { reasoning: "medium", maxTokens: 8000, ...options } }),
        model
      )
      return [params["thinking"], params["output_config"]]
    }
    const adaptive = { type: "adaptive", display: "summarized" }
    const budget = (budget_tokens: number) => ({ type: "enabled", budget_tokens, display: "summarized" })
    assert.deepStrictEqual(think(current), [adaptive, { effort: "medium" }])
    assert.deepStrictEqual(think("claude-opus-5"), [adaptive, { effort: "medium" }])
    assert.deepStrictEqual(think("claude-opus-4-5"), [budget(4000), { effort: "medium" }])
    assert.deepStrictEqual(think("claude-sonnet-4-20250514"), [budget(4000), undefined])
    assert.deepStrictEqual(think("claude-sonnet-4-20250514", { reasoning: "low", maxTokens: 2000 }), [
      budget(1024),
      undefined
    ])
    assert.deepStrictEqual(think("claude-sonnet-4-20250514", { reasoning: "high" }), [budget(6000), undefined])
    assert.deepStrictEqual(think("claude-sonnet-4-20250514", { maxTokens: 1024 }), [undefined, undefined])
    assert.deepStrictEqual(think("claude-3-5-haiku-20241022"), [undefined, undefined])
    assert.deepStrictEqual(think(current, { reasoning: undefined }), [undefined, undefined])
  })

  it("does not ask for thinking together with a forced choice", () => {
    const options = { reasoning: "high" } as const
    for (const toolChoice of ["required", { tool: "now" }, { mode: "required", oneOf: ["now"] }] as const) {
      const params = make(Collect.request("Hi", { tools: [Now], toolChoice, options }))
      assert.notProperty(params, "thinking")
      assert.deepStrictEqual(params["output_config"], { effort: "high" })
    }
    for (const toolChoice of ["auto", "none", { oneOf: ["now"] }] as const) {
      assert.property(make(Collect.request("Hi", { tools: [Now], toolChoice, options })), "thinking")
    }
  })

  it("tells a model that thinks by default not to, where a call is forced", () => {
    const thinking = (model: string, toolChoice: "required" | "auto") =>
      make(Collect.request("Hi", { tools: [Now], toolChoice }), model)["thinking"]
    assert.deepStrictEqual(thinking("claude-opus-5", "required"), { type: "disabled" })
    assert.isUndefined(thinking("claude-opus-5", "auto"))
    assert.isUndefined(thinking("claude-opus-4-8", "required"))
  })

  it("does not show an older model the thinking of a turn under way, unless it is to think", () => {
    const history: Array<Prompt.MessageEncoded> = [
      asked,
      answered(Wire.scenarios[3]!.blocks),
      { role: "tool", content: [result("toolu_a")] }
    ]
    const types = (request: Prompt.RawInput, model: string, options = {}) =>
      make(Collect.request(request, { tools: [Now], options }), model).messages[1].content.map(({ type }: any) => type)
    const older = "claude-sonnet-4-5"
    assert.deepStrictEqual(types(history, older), ["text", "tool_use"])
    assert.deepStrictEqual(types(history, older, { reasoning: "low" }), ["thinking", "text", "tool_use"])
    assert.deepStrictEqual(types(history, current), ["thinking", "text", "tool_use"])
    const ended: Array<Prompt.MessageEncoded> = [...history, { role: "assistant", content: "Well." }, asked]
    assert.deepStrictEqual(types(ended, older), ["thinking", "text", "tool_use"])
    const own = { providerOptions: { anthropic: { thinking: { type: "enabled", budget_tokens: 1024 } } } }
    assert.deepStrictEqual(types(history, older, own), ["thinking", "text", "tool_use"])
  })

  it("does not ask an older model to think in the middle of a turn that began without", () => {
    const think = (answer: Prompt.MessageEncoded, model: string, rest: Array<Prompt.MessageEncoded>) =>
      make(
        Collect.request([asked, answer, ...rest], { tools: [Now], options: { reasoning: "low" } }),
        model
      )["thinking"]
    const without = { role: "assistant", content: [call("toolu_a")] } as const
    const results = [{ role: "tool", content: [result("toolu_a")] }] as const
    assert.isUndefined(think(without, "claude-sonnet-4-20250514", [...results]))
    assert.isDefined(think(without, current, [...results]))
    assert.isDefined(think(answered(Wire.scenarios[3]!.blocks), "claude-sonnet-4-20250514", [...results]))
    const again = [{ role: "assistant", content: [call("toolu_b")] }, {
      role: "tool",
      content: [result("toolu_b")]
    }] as const
    assert.isUndefined(think(without, "claude-sonnet-4-20250514", [...results, ...again]))
    assert.isDefined(think(answered(Wire.scenarios[3]!.blocks), "claude-sonnet-4-20250514", [...results, ...again]))
    assert.isDefined(think({ role: "assistant", content: "Hello" }, "claude-sonnet-4-20250514", [asked]))
  })

  it("asks for structured output by Anthropic's rules", () => {
    const schema = Schema.Struct({ name: Schema.String, nick: Schema.optionalKey(Schema.String) })
    const responseFormat = { type: "json", objectName: "a person!", schema } as const
    const params = make(Collect.request("Hi", { responseFormat, tools: [Now], options: { reasoning: "low" } }))
    const { effort, format } = params["output_config"]
    assert.strictEqual(effort, "low")
    assert.strictEqual(format.type, "json_schema")
    assert.deepStrictEqual(format.schema.required, ["name", "nick"])
    assert.strictEqual(format.schema.additionalProperties, false)
    assert.strictEqual(params["tools"].length, 1)
    const reason = failure(Collect.request("Hi", { responseFormat }), "claude-sonnet-4-20250514")
    assert.deepInclude(reason, { _tag: "InvalidRequestError", parameter: "responseFormat" })
  })

  it("lays providerOptions.anthropic over the rest, objects merged", () => {
    const params = make(Collect.request("Hi", {
      tools: [Now],
      options: {
        reasoning: "high",
        providerOptions: {
          anthropic: {
            temperature: 0.5,
            thinking: { display: "omitted" },
            cache_control: { type: "ephemeral" },
            tools: []
          },
          openai: { store: true }
        }
      }
    }))
    assert.strictEqual(params["temperature"], 0.5)
    assert.deepStrictEqual(params["thinking"], { type: "adaptive", display: "omitted" })
    assert.deepStrictEqual(params["cache_control"], { type: "ephemeral" })
    assert.deepStrictEqual(params["tools"], [])
    assert.notProperty(params, "store")
  })

  it("refuses before the request what Anthropic would refuse", () => {
    const named = (name: string) => Tool.dynamic(name, { parameters: { type: "object", properties: {} } })
    for (const name of ["get weather", "", "wetter.heute", "x".repeat(129), "größe"]) {
      const reason = failure(Collect.request("Hi", { tools: [named(name)] }))
      assert.strictEqual(reason._tag, "ToolConfigurationError")
    }
    const union = Tool.dynamic("u", {
      parameters: Schema.Union([Schema.Struct({ a: Schema.String }), Schema.Struct({ b: Schema.String })])
    })
    assert.strictEqual(failure(Collect.request("Hi", { tools: [union] }))._tag, "UnsupportedSchemaError")
    const other = Tool.providerDefined({ id: "openai.web_search", customName: "web", providerName: "web_search" })(
      undefined
    )
    assert.include(failure(Collect.request("Hi", { tools: [other] })).message, "another vendor")
    interface Tree {
      readonly children: ReadonlyArray<Tree>
    }
    const tree: Schema.Codec<Tree> = Schema.Struct({ children: Schema.Array(Schema.suspend(() => tree)) })
    const recursive = failure(
      Collect.request("Hi", { responseFormat: { type: "json", objectName: "x", schema: tree as never } })
    )
    assert.strictEqual(recursive._tag, "UnsupportedSchemaError")
    assert.include(recursive.message, "leads back to what it is a part of")
  })

  it("encodes each message and each tool once", () => {
    const prompt = Prompt.make([asked, { role: "assistant", content: "Hello" }, { role: "user", content: "More" }])
    const first = AnthropicMessages.encodeAll(prompt.content, true).messages
    const second = AnthropicMessages.encodeAll(Prompt.concat(prompt, "and more").content, true).messages
    assert.strictEqual(first[0], second[0])
    assert.strictEqual(first[1], second[1])
    assert.strictEqual(first[2]!.content[0], second[2]!.content[0])
    assert.strictEqual(first[2]!.content.length, 1)
    assert.strictEqual(AnthropicTools.declare(Weather), AnthropicTools.declare(Weather))
  })

  const Part = Schema.Struct({
    kind: Schema.Literals(["text", "blank", "thinking", "call", "server"]),
    fails: Schema.Boolean
  })
  const Turns = Schema.Array(Schema.Struct({
    said: Schema.Literals(["user", "blank", "system", "nothing"]),
    parts: Schema.Array(Part)
  }))

  it.effect.prop("every history becomes legal messages", { turns: Turns }, ({ turns }) =>
    Effect.sync(() => {
      const history: Array<Prompt.MessageEncoded> = [asked]
      turns.forEach(({ parts, said }, turn) => {
        if (said === "system") history.push({ role: "system", content: "S" })
        else if (said !== "nothing") history.push({ role: "user", content: said === "user" ? "more" : " " })
        const content: Array<any> = []
        const results: Array<any> = []
        parts.forEach(({ fails, kind }, index) => {
          const id = `c${turn}_${index}`
          if (kind === "text" || kind === "blank") content.push(text(kind === "text" ? "so " : "\n"))
          else if (kind === "thinking") {
            content.push({ type: "reasoning", text: "hm", options: fails ? {} : { anthropic: { signature: "sig" } } })
          } else if (kind === "call") {
            content.push(call(id))
            results.push(result(id, fails ? "" : "ok", fails))
          } else {content.push({
              ...call(id),
              providerExecuted: true,
              options: { anthropic: { type: "server_tool_use", name: "x" } }
            })}
        })
        history.push({ role: "assistant", content })
        if (results.length > 0) history.push({ role: "tool", content: results })
      })
      const params = make(Collect.request(history))
      assert.deepStrictEqual(illegal(params["messages"]), [])
    }))
})

/** What of Anthropic's rules some messages break. */
const illegal = (messages: ReadonlyArray<any>): ReadonlyArray<string> => {
  const found: Array<string> = []
  if (messages[0]?.role !== "user") found.push("it does not begin with the user")
  messages.forEach(({ content, role }, index) => {
    const isLast = index === messages.length - 1
    const types: Array<string> = content.map(({ type }: any) => type)
    if (messages[index - 1]?.role === role) found.push(`${index}: ${role} twice`)
    if (types.length === 0) found.push(`${index}: empty`)
    for (const block of content) {
      if (block.type === "text" && block.text.trim() === "") found.push(`${index}: blank text`)
    }
    if (types.at(-1) === "thinking") found.push(`${index}: ends with thinking`)
    if (isLast && role === "assistant" && /\s$/.test(content.at(-1).text ?? "")) found.push("white space at the end")
    if (!isLast && types.includes("server_tool_use")) found.push(`${index}: a call of Anthropic's without a result`)
    const calls = role === "assistant"
      ? content.filter((block: any) => block.type === "tool_use").map(({ id }: any) => id)
      : []
    const next: Array<any> = messages[index + 1]?.content ?? []
    const results = next.slice(0, calls.length).map((block) => block.tool_use_id)
    if (calls.join() !== results.join()) found.push(`${index}: calls ${calls.join()}, results ${results.join()}`)
    for (const block of content) {
      if (block.type === "tool_result" && block.is_error === true && !block.content) {
        found.push(`${index}: an empty error`)
      }
    }
  })
  return found
}

describe("AnthropicCapabilities", () => {
  it("knows families of models, also by their names at Bedrock and Vertex, and lets the user correct it", () => {
    assert.isFalse(AnthropicCapabilities.of("claude-3-haiku-20240307").reasoning)
    assert.isFalse(AnthropicCapabilities.of("claude-3-5-sonnet-latest").reasoning)
    assert.isTrue(AnthropicCapabilities.of("claude-3-7-sonnet-latest").reasoning)
    for (
      const model of [
        "claude-sonnet-4-20250514",
        "claude-opus-4-0",
        "claude-sonnet-4@20250514",
        "us.anthropic.claude-opus-4-20250514-v1:0"
      ]
    ) {
      assert.isFalse(AnthropicCapabilities.of(model).structuredOutput, model)
      assert.deepInclude(AnthropicCapabilities.thinking(model), { by: "budget", effort: false }, model)
    }
    for (const model of ["claude-haiku-4-5", "claude-sonnet-4-6", "claude-opus-5", "new"]) {
      assert.isTrue(AnthropicCapabilities.of(model).structuredOutput, model)
      assert.isTrue(AnthropicCapabilities.of(model).forcedToolChoice, model)
      assert.isFalse(AnthropicCapabilities.of(model).reasoningWithForcedChoice, model)
    }
    assert.isFalse(AnthropicCapabilities.of("claude-opus-4-1-20250805").structuredOutput)
    for (const model of ["claude-opus-5-5", "claude-haiku-5-5", "claude-fable-5-1", "us.anthropic.claude-sonnet-5-5"]) {
      assert.isFalse(AnthropicCapabilities.of(model).forcedToolChoice, model)
    }
    assert.isTrue(AnthropicCapabilities.thinking("claude-opus-5").byDefault)
    assert.isFalse(AnthropicCapabilities.thinking("claude-opus-4-8").byDefault)
    assert.strictEqual(AnthropicCapabilities.thinking("claude-haiku-4-5").by, "budget")
    assert.strictEqual(AnthropicCapabilities.thinking("claude-haiku-5-5").by, "adaptive")
    assert.isFalse(AnthropicCapabilities.of("claude-opus-5").sampling)
    assert.isFalse(AnthropicCapabilities.of("mine", [{ model: "mine", is: { reasoning: false } }]).reasoning)
  })
})
