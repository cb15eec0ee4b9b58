import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Response } from "effect/ai"
import * as OllamaResponse from "../../../src/provider/ollama/OllamaResponse.ts"
import { chunk, done, type Part, summary } from "./fixtures.ts"

const decode = (chunks: ReadonlyArray<unknown>, tools: ReadonlyArray<string> = ["get_weather"], id = "r1") => {
  const fold = OllamaResponse.fold({ id, tools: new Set(tools) })
  const parts: Array<Part> = []
  for (const chunk of chunks) {
    const failure = fold.push(chunk as OllamaResponse.ChatChunk, parts)
    if (failure !== undefined) return { parts, failure }
  }
  return { parts, failure: undefined }
}

const weather = { function: { name: "get_weather", arguments: { city: "Tokyo" } } }

describe("OllamaResponse", () => {
  it("opens and closes a block of text around the content", () => {
    const { parts } = decode([chunk({ content: "Hello" }), chunk({ content: ", you" }), done()])
    assert.deepStrictEqual(parts, [
      { type: "response-metadata", id: "r1", modelId: "llama3.2", timestamp: "2026-01-02T03:04:05.678Z" },
      { type: "text-start", id: "0" },
      { type: "text-delta", id: "0", delta: "Hello" },
      { type: "text-delta", id: "0", delta: ", you" },
      { type: "text-end", id: "0" },
      {
        type: "finish",
        reason: "stop",
        usage: { inputTokens: { total: 11 }, outputTokens: { total: 7 } },
        metadata: { ollama: { total_duration: 5_000_000 } }
      }
    ])
  })

  it("decodes a whole response to the parts of a streamed one", () => {
    const message = { thinking: "hm", content: "Sunny.", tool_calls: [weather] }
    const whole = decode([{ ...done(), message }])
    const streamed = decode([
      chunk({ thinking: "hm" }),
      chunk({ content: "Sunny." }),
      chunk({ tool_calls: [weather] }),
      done()
    ])
    assert.deepStrictEqual(whole, streamed)
  })

  it("gives reasoning a block of its own, in front of the text", () => {
    const { parts } = decode([
      chunk({ thinking: "let me", content: "" }),
      chunk({ thinking: " see" }),
      chunk({ content: "Sunny." }),
      done()
    ])
    assert.deepStrictEqual(parts.map((part) => part.type), [
      "response-metadata",
      "reasoning-start",
      "reasoning-delta",
      "reasoning-delta",
      "reasoning-end",
      "text-start",
      "text-delta",
      "text-end",
      "finish"
    ])
  })

  it("splits a think block off the content, unless the reasoning came apart", () => {
    const { parts: inline } = decode([
      chunk({ content: "<thi" }),
      chunk({ content: "nk>hm</think>\n\nSunny." }),
      done()
    ])
    assert.deepInclude(summary(inline), { reasoning: "hm", text: "Sunny." })
    const { parts: apart } = decode([chunk({ thinking: "hm" }), chunk({ content: "<think> is a tag" }), done()])
    assert.deepInclude(summary(apart), { reasoning: "hm", text: "<think> is a tag" })
  })

  it("decodes calls in one chunk and in several, and says that calls were the reason", () => {
    const search = { function: { index: 1, name: "search", arguments: {} } }
    const expected = [{ name: "get_weather", params: { city: "Tokyo" } }, { name: "search", params: {} }]
    for (
      const chunks of [
        [chunk({ tool_calls: [weather, search] }), done()],
        [chunk({ tool_calls: [weather] }), chunk({ tool_calls: [search] }), done()],
        [{ ...done(), message: { tool_calls: [weather, search] } }]
      ]
    ) {
      const { calls, finish } = summary(decode(chunks).parts)
      assert.deepStrictEqual(calls, expected)
      assert.strictEqual(finish, "tool-calls")
    }
  })

  it("announces a call's arguments before the call, under its id", () => {
    const { parts } = decode([chunk({ tool_calls: [{ ...weather, id: "call_abc" }] }), done()])
    assert.deepStrictEqual(parts.slice(1, 5), [
      { type: "tool-params-start", id: "call_abc", name: "get_weather" },
      { type: "tool-params-delta", id: "call_abc", delta: `{"city":"Tokyo"}` },
      { type: "tool-params-end", id: "call_abc" },
      { type: "tool-call", id: "call_abc", name: "get_weather", params: { city: "Tokyo" } }
    ])
  })

  it("gives a call without an id, or with one that is taken, an id that no other call has", () => {
    const calls = (id: string) =>
      decode(
        [
          chunk({ tool_calls: [weather, { ...weather, id: "" }, { ...weather, id: "x" }, { ...weather, id: "x" }] }),
          done()
        ],
        [],
        id
      )
        .parts.flatMap((part) => part.type === "tool-call" ? [part.id] : [])
    assert.deepStrictEqual(calls("r1"), ["call_r1_0", "call_r1_1", "x", "call_r1_3"])
    assert.strictEqual(new Set([...calls("r1"), ...calls("r2")]).size, 7)
  })

  it("takes arguments as JSON too, and passes on what is none as it is", () => {
    const args = (given: unknown) =>
      summary(decode([chunk({ tool_calls: [{ function: { name: "t", arguments: given } }] }), done()]).parts).calls[0]
        ?.params
    assert.deepStrictEqual(args(`{"city":"Tokyo"}`), { city: "Tokyo" })
    assert.deepStrictEqual(args(`{"city":`), `{"city":`)
    assert.deepStrictEqual(args(null), {})
    assert.deepStrictEqual(args(undefined), {})
  })

  it("takes calls of declared tools out of the text, in order", () => {
    const { parts } = decode([
      chunk({ content: "I look. <tool_" }),
      chunk({ content: `call>{"name":"get_weather","arguments":{"city":"Tokyo"}}</tool_call>` }),
      done()
    ])
    assert.deepInclude(summary(parts), {
      text: "I look. ",
      calls: [{ name: "get_weather", params: { city: "Tokyo" } }],
      finish: "tool-calls"
    })
    assert.strictEqual(
      summary(decode([{ ...done(), message: { content: "<tool_call>{\"name\":\"x\"}" } }]).parts).finish,
      "stop"
    )
  })

  it("gives out held text before a call and at the end", () => {
    const held = chunk({ content: "see <tool_" })
    for (const chunks of [[held, chunk({ tool_calls: [weather] }), done()], [held, done()]]) {
      const { parts } = decode(chunks)
      assert.strictEqual(
        summary(parts.slice(0, parts.findIndex((part) => part.type === "text-end"))).text,
        "see <tool_"
      )
    }
  })

  it("maps why the answer ended", () => {
    const reason = (done_reason: string | undefined, calls = false) =>
      summary(decode([...calls ? [chunk({ tool_calls: [weather] })] : [], { ...done(), done_reason }]).parts).finish
    assert.strictEqual(reason("stop"), "stop")
    assert.strictEqual(reason(undefined), "stop")
    assert.strictEqual(reason("length"), "length")
    assert.strictEqual(reason("length", true), "length")
    assert.strictEqual(reason("load"), "other")
    assert.strictEqual(reason("constructor"), "other")
  })

  it("leaves out counts that the server did not give", () => {
    const { parts } = decode([{ message: { content: "x" }, done: true }])
    assert.deepStrictEqual(summary(parts).usage, { inputTokens: {}, outputTokens: {} })
    assert.deepStrictEqual(parts[0], { type: "response-metadata", id: "r1" })
  })

  it("fails on what is no chunk of Ollama's", () => {
    for (const answer of [{ choices: [] }, "text", 5, null, []]) {
      assert.strictEqual(decode([answer]).failure?._tag, "Undecodable", JSON.stringify(answer))
    }
  })

  it("survives fields of the wrong type", () => {
    const { parts } = decode([
      { message: { content: 5, thinking: {}, tool_calls: "x" }, model: 7, created_at: "yesterday" },
      { message: { tool_calls: [null, {}, { function: null }] } },
      { done: true, prompt_eval_count: "many", eval_count: 1.5, done_reason: 3 }
    ])
    assert.deepInclude(summary(parts), { text: "", finish: "other", usage: { inputTokens: {}, outputTokens: {} } })
  })

  const Message = Schema.Struct({
    content: Schema.optionalKey(Schema.String),
    thinking: Schema.optionalKey(Schema.String),
    tool_calls: Schema.optionalKey(Schema.Array(Schema.Struct({
      id: Schema.optionalKey(Schema.String),
      function: Schema.Struct({ name: Schema.String, arguments: Schema.Record(Schema.String, Schema.Json) })
    })))
  })
  const decodeParts = Schema.decodeUnknownSync(Schema.Array(Response.StreamPart()))

  it.effect.prop(
    "yields blocks that are well nested, and one finish at the end",
    { messages: Schema.Array(Message) },
    ({ messages }) =>
      Effect.sync(() => {
        const { failure, parts } = decode([...messages.map((message) => ({ message, done: false })), done()])
        assert.isUndefined(failure)
        assert.strictEqual(decodeParts(parts).length, parts.length, "effect/ai accepts every part")
        let open: string | undefined
        const ids = new Set<string>()
        for (const [index, part] of parts.entries()) {
          const [kind, edge] = part.type.split("-")
          if (kind === "text" || kind === "reasoning") {
            const id = `${kind} ${"id" in part ? part.id : ""}`
            if (edge === "start") {
              assert.isUndefined(open)
              assert.isFalse(ids.has(id), "an id is used once")
              ids.add(id)
              open = id
            } else assert.strictEqual(open, id)
            if (edge === "end") open = undefined
          } else assert.isUndefined(open, `${part.type} stands between blocks`)
          assert.strictEqual(part.type === "finish", index === parts.length - 1)
          assert.strictEqual(part.type === "response-metadata", index === 0)
        }
        const calls = parts.flatMap((part) => part.type === "tool-call" ? [part.id] : [])
        assert.strictEqual(new Set(calls).size, calls.length)
        assert.strictEqual(calls.length, messages.flatMap((message) => message.tool_calls ?? []).length)
      })
  )
})
