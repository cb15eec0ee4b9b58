/**
 * The fold from events to parts: by itself, and through the real SDK over HTTP.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Schema } from "effect"
import { Response, Tool } from "effect/ai"
import * as Driver from "../../../src/agent/Driver.ts"
import * as AnthropicResponse from "../../../src/provider/anthropic/AnthropicResponse.ts"
import * as AnthropicTools from "../../../src/provider/anthropic/AnthropicTools.ts"
import { Anthropic } from "../../../src/provider/anthropic/index.ts"
import * as Collect from "../support/Collect.ts"
import * as Recut from "../support/Recut.ts"
import * as VendorServer from "../support/VendorServer.ts"
import * as Wire from "./fixtures/Wire.ts"

const WebSearch = Tool.providerDefined({
  id: "anthropic.web_search_20250305",
  customName: "search_the_web",
  providerName: "web_search"
})

const tools = [WebSearch(undefined)]

const foldAll = (events: ReadonlyArray<unknown>) => {
  const fold = AnthropicResponse.fold({ rename: (name) => name === "web_search" ? "search_the_web" : name })
  const out: Array<Response.StreamPartEncoded> = []
  for (const event of events) {
    const failure = fold.push(event as never, out)
    if (failure !== undefined) return failure
  }
  return out
}

const partsOf = (events: ReadonlyArray<unknown>) => {
  const out = foldAll(events)
  assert(Array.isArray(out))
  return out as ReadonlyArray<Response.StreamPartEncoded>
}

/** Parts without what only a whole response says in other words. */
const joined = (parts: ReadonlyArray<Response.StreamPartEncoded>) =>
  Driver.joinParts(parts).filter(({ type }) => type !== "source" && type !== "finish")

const sourcesOf = (parts: ReadonlyArray<Response.StreamPartEncoded>) => parts.filter(({ type }) => type === "source")

const overHttp = (reply: VendorServer.Reply, stream: boolean, fetch?: typeof globalThis.fetch) =>
  Effect.gen(function*() {
    const server = yield* VendorServer.make([reply])
    const driver = yield* Collect.driverOf(Anthropic.layer({
      model: "claude-sonnet-4-6",
      apiKey: Redacted.make("test-key"),
      baseUrl: server.url,
      ...(fetch === undefined ? undefined : { fetch })
    }))
    return yield* Collect.parts(driver, Collect.request("Hello", { tools, options: { stream } }))
  })

describe("AnthropicResponse", () => {
  for (const scenario of Wire.scenarios) {
    const events = Wire.events(scenario)
    const streamed = {
      headers: { "content-type": "text/event-stream; charset=utf-8" },
      body: Wire.sse(events)
    }

    it(`${scenario.title}: the fold gives legal parts that mean what was said`, () => {
      const parts = partsOf(events)
      assert.deepStrictEqual(Collect.violations(parts), [])
      const summary = Collect.summarize(parts)
      for (const [key, value] of Object.entries(scenario.expect)) {
        assert.deepStrictEqual(summary[key as keyof Collect.Summary], value, key)
      }
    })

    it(`${scenario.title}: the whole response gives the same parts, deltas aside`, () => {
      const streamed = partsOf(events)
      const parts = partsOf(AnthropicResponse.toEvents(Wire.whole(scenario) as never))
      assert.deepStrictEqual(Collect.violations(parts), [])
      assert.deepStrictEqual(joined(parts), joined(streamed))
      assert.deepStrictEqual(sourcesOf(parts), sourcesOf(streamed))
      assert.deepStrictEqual(parts.at(-1), streamed.at(-1))
    })

    it.effect(`${scenario.title}: through the SDK it is the same, streamed, whole, and in single bytes`, () =>
      Effect.gen(function*() {
        const expected = partsOf(events)
        assert.deepStrictEqual(yield* overHttp(streamed, true), expected)
        assert.deepStrictEqual(yield* overHttp(streamed, true, Recut.fetch(Recut.bytes)), expected)
        const whole = yield* overHttp(
          { headers: { "content-type": "application/json" }, body: JSON.stringify(Wire.whole(scenario)) },
          false
        )
        assert.deepStrictEqual(joined(whole), joined(expected))
      }))
  }

  it.effect("a body is decoded the same wherever it is cut in two", () =>
    Effect.gen(function*() {
      const scenario = Wire.scenarios[0]!
      const body = new TextEncoder().encode(Wire.sse(Wire.events(scenario)).replaceAll("\n", "\r\n"))
      const expected = partsOf(Wire.events(scenario))
      let cut = 0
      const driver = yield* Collect.driverOf(Anthropic.layer({
        model: "claude-sonnet-4-6",
        apiKey: Redacted.make("test-key"),
        fetch: (input, init) => Recut.answer(body, Recut.at(cut), { contentType: "text/event-stream" })(input, init)
      }))
      const asked = Collect.request("Hello", { tools })
      for (cut = 0; cut <= body.length; cut += 3) {
        assert.deepStrictEqual(yield* Collect.parts(driver, asked), expected)
      }
    }))

  it.effect.prop(
    "blocks give the same parts however their deltas are cut, with unknown events anywhere",
    {
      text: Schema.String,
      size: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 40 })),
      noise: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 30 })))
    },
    ({ noise, size, text }) =>
      Effect.sync(() => {
        const make = (size: number) =>
          Wire.events({ blocks: [Wire.thinking(text, "sig"), Wire.text(text, { size })], end: {} })
        const noisy: Array<unknown> = [...make(size)]
        const unknown = [
          { type: "something_new", index: 0, delta: {} },
          { type: "content_block_start", index: 90, content_block: { type: "something_new" } },
          { type: "content_block_delta", index: 91, delta: { type: "something_new" } },
          { type: "content_block_delta", index: 0, delta: { type: "something_new" } },
          { type: "content_block_stop", index: 92 }
        ]
        noise.forEach((at, index) => noisy.splice(Math.min(at, noisy.length - 1), 0, unknown[index % unknown.length]))
        const parts = partsOf(noisy)
        assert.deepStrictEqual(Collect.violations(parts), [])
        assert.deepStrictEqual(Driver.joinParts(parts), Driver.joinParts(partsOf(make(1000))))
        assert.strictEqual(Collect.summarize(parts).text, text)
        assert.strictEqual(Collect.summarize(parts).reasoning, text)
      })
  )

  it.effect.prop(
    "arguments that are JSON arrive parsed, however they are cut",
    {
      params: Schema.Record(Schema.String, Schema.Json),
      size: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 }))
    },
    ({ params, size }) =>
      Effect.sync(() => {
        const json = JSON.stringify(params)
        const blocks = [Wire.call("toolu_1", "tool", json, { size })]
        const [found] = Collect.summarize(partsOf(Wire.events({ blocks, end: {} }))).calls
        // These are left as text, since they could change more than the arguments.
        const isUnsafe = /__proto__|constructor/.test(json)
        assert.deepStrictEqual(found?.params, isUnsafe && typeof found?.params === "string" ? json : JSON.parse(json))
      })
  )

  it("parts are what effect/ai decodes", () => {
    const decode = Schema.decodeUnknownSync(Response.StreamPart(emptyToolkit))
    for (const scenario of Wire.scenarios) {
      for (const part of partsOf(Wire.events(scenario))) {
        if (part.type !== "tool-call" && part.type !== "tool-result") decode(part)
      }
    }
  })

  it("thinking carries its signature, or its encrypted data, at its end", () => {
    const ends = [3, 4].flatMap((index) =>
      partsOf(Wire.events(Wire.scenarios[index]!)).filter((part) => part.type === "reasoning-end")
    )
    assert.deepStrictEqual(ends.map(({ metadata }) => metadata), [
      { anthropic: { signature: "EqQBsig+/=" } },
      { anthropic: { redactedData: "EvgFsecret" } },
      { anthropic: { signature: "EqQBempty" } }
    ])
  })

  it("what Anthropic ran keeps all of its blocks; a citation is a source", () => {
    const parts = partsOf(Wire.events(Wire.scenarios[6]!))
    assert.deepStrictEqual(parts.find((part) => part.type === "tool-result"), {
      type: "tool-result",
      id: "srvtoolu_1",
      name: "search_the_web",
      result: Wire.found,
      isFailure: false,
      providerExecuted: true,
      metadata: { anthropic: { type: "web_search_tool_result", caller: { type: "direct" } } }
    })
    assert.deepInclude(parts.find((part) => part.type === "source"), {
      sourceType: "url",
      url: "https://example.org/inch",
      title: "Inch",
      metadata: { anthropic: { citedText: "An inch is 2.54 cm" } }
    })
  })

  it("citations of documents are sources too, and are kept as a request takes them", () => {
    const place = { cited_text: "…", document_index: 1, document_title: null, file_id: null }
    const blocks = [Wire.text("So it is.", {
      citations: [
        { ...place, type: "page_location", start_page_number: 1, end_page_number: 2 },
        { ...place, type: "char_location", document_title: "Notes", start_char_index: 1, end_char_index: 2 },
        { type: "search_result_location", cited_text: "…", source: "kb/7", title: null, search_result_index: 0 },
        { type: "something_new" }
      ]
    })]
    const parts = partsOf(Wire.events({ blocks, end: {} }))
    assert.deepStrictEqual(
      sourcesOf(parts).map((part: any) => [part.sourceType, part.mediaType, part.title]),
      [
        ["document", "application/pdf", "document 2"],
        ["document", "text/plain", "Notes"],
        ["document", "text/plain", "kb/7"]
      ]
    )
    const kept = parts.find((part) => part.type === "text-end")?.metadata?.["anthropic"] as any
    assert.strictEqual(kept.citations.length, 4)
    assert.notProperty(kept.citations[0], "file_id")
  })

  it("the finish says how it ended, in Anthropic's own words too", () => {
    const finish = (index: number) =>
      partsOf(Wire.events(Wire.scenarios[index]!)).at(-1)?.metadata?.["anthropic"] as any
    assert.deepInclude(finish(5), {
      stopReason: "refusal",
      stopDetails: { type: "refusal", category: "cyber", explanation: "No." }
    })
    assert.deepInclude(finish(10), { stopReason: "stop_sequence", stopSequence: "three" })
    assert.strictEqual(finish(0).usage.service_tier, "standard")
    const container = { id: "container_1", expires_at: "2026-01-01T00:00:00Z", skills: null }
    const kept = partsOf(Wire.events({ blocks: [], end: { container } })).at(-1)?.metadata?.["anthropic"] as any
    assert.deepStrictEqual(kept.container, container)
  })

  it("a stop reason that nobody knows, or none, is no success; a call is a call", () => {
    const reason = (stop_reason: unknown) =>
      Collect.summarize(partsOf(Wire.events({ blocks: [Wire.text("x")], end: { stop_reason } }))).finish
    assert.strictEqual(reason("something_new"), "other")
    assert.strictEqual(reason(null), "unknown")
    const called = Wire.events({ blocks: [Wire.call("toolu_a", "now", "{}")], end: { stop_reason: "end_turn" } })
    assert.strictEqual(Collect.summarize(partsOf(called)).finish, "tool-calls")
  })

  it("calls without an id, and two of one id, are told apart", () => {
    const blocks = [Wire.call("", "now", "{}"), Wire.call("toolu_a", "now", "{}"), Wire.call("toolu_a", "now", "{}")]
    const parts = partsOf(Wire.events({ blocks, end: { stop_reason: "tool_use" } }))
    assert.deepStrictEqual(Collect.summarize(parts).calls.map(({ id }) => id), ["msg_1_0", "toolu_a", "toolu_a_2"])
    assert.deepStrictEqual(Collect.violations(parts), [])
  })

  it("blocks that do not end are ended with the message", () => {
    const events = Wire.events(Wire.scenarios[1]!).filter(({ type }) => type !== "content_block_stop")
    const parts = partsOf(events)
    assert.deepStrictEqual(Collect.violations(parts), [])
    assert.strictEqual(Collect.summarize(parts).calls.length, 2)
  })

  it("what Anthropic's code execution runs has the name of its tool; a result of an earlier message too", () => {
    const CodeExecution = Tool.providerDefined({
      id: "anthropic.code_execution_20250825",
      customName: "run_code",
      providerName: "code_execution"
    })
    const fold = AnthropicResponse.fold({ rename: AnthropicTools.renamer([CodeExecution(undefined)]) })
    const out: Array<Response.StreamPartEncoded> = []
    const blocks = [
      Wire.serverResult("srvtoolu_0", "bash_code_execution_tool_result", {
        type: "bash_code_execution_tool_result_error",
        error_code: "unavailable"
      }),
      Wire.serverCall("srvtoolu_1", "text_editor_code_execution", { command: "view" })
    ]
    for (const event of Wire.events({ blocks, end: {} })) fold.push(event as never, out)
    const shown = out.filter((part) => part.type === "tool-result" || part.type === "tool-call")
    assert.deepStrictEqual(shown.map(({ name }) => name), ["run_code", "run_code"])
    assert.deepInclude(shown[0], { isFailure: true })
  })

  it("an error instead of a message, or within one, is a failure", () => {
    const error = { type: "error", error: { type: "overloaded_error", message: "Overloaded" } } as const
    const expected = { _tag: "Refused", code: "overloaded_error", message: "Overloaded" }
    assert.deepStrictEqual(foldAll([...Wire.events(Wire.scenarios[0]!).slice(0, 4), error]) as unknown, expected)
    assert.deepStrictEqual(foldAll(AnthropicResponse.toEvents(error)) as unknown, expected)
  })
})

const emptyToolkit = { tools: {} } as never
