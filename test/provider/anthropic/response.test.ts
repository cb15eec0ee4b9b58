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
import * as Responses from "../support/Responses.ts"
import * as Wire from "./fixtures/Wire.ts"

const WebSearch = Tool.providerDefined({
  id: "anthropic.web_search_20250305",
  customName: "search_the_web",
  providerName: "web_search"
})

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

Responses.suite({
  scenarios: Wire.scenarios,
  events: Wire.events,
  whole: Wire.whole,
  toEvents: (whole) => Array.from(AnthropicResponse.toEvents(whole as never)),
  partsOf,
  bodies: (scenario) => [Wire.sse(Wire.events(scenario))],
  cut: [Wire.scenarios[0]!, Wire.sse(Wire.events(Wire.scenarios[0]!)).replaceAll("\n", "\r\n")],
  driver: (url, fetch) =>
    Collect.driverOf(Anthropic.layer({
      model: "claude-sonnet-4-6",
      apiKey: Redacted.make("test-key"),
      baseUrl: url,
      ...(fetch === undefined ? undefined : { fetch })
    })),
  tools: [WebSearch(undefined)],
  joined: (parts) => [joined(parts), sourcesOf(parts), parts.at(-1)],
  call: (json, size) => Wire.events({ blocks: [Wire.call("toolu_1", "tool", json, { size })], end: {} })
})

describe("AnthropicResponse", () => {
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
