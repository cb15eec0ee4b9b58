/**
 * The fold from chunks to parts: by itself, and through the real SDK over HTTP.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Response } from "effect/ai"
import * as Driver from "../../../src/agent/Driver.ts"
import * as Chunk from "../../../src/provider/compatible/CompatibleChunk.ts"
import * as CompatibleResponse from "../../../src/provider/compatible/CompatibleResponse.ts"
import { OpenAiCompatible } from "../../../src/provider/compatible/index.ts"
import * as Collect from "../support/Collect.ts"
import * as Responses from "../support/Responses.ts"
import * as Wire from "./fixtures/Wire.ts"

type Part = Response.StreamPartEncoded

const newFold = (tools: ReadonlyArray<string> = []) =>
  CompatibleResponse.fold({
    source: { name: "acme", url: "http://acme/v1/chat/completions" },
    series: "s",
    tools: new Set(tools)
  })

const foldAll = (chunks: ReadonlyArray<unknown>, tools?: ReadonlyArray<string>) => {
  const fold = newFold(tools)
  const out: Array<Part> = []
  for (const chunk of chunks) {
    const failure = fold.push([chunk as never], out)
    if (failure !== undefined) return failure
  }
  fold.end!(out)
  return out
}

const partsOf = (chunks: ReadonlyArray<unknown>, tools?: ReadonlyArray<string>): ReadonlyArray<Part> => {
  const out = foldAll([...chunks, Chunk.done], tools)
  assert(Array.isArray(out))
  assert.deepStrictEqual(Collect.violations(out), [])
  return out
}

const summary = (chunks: ReadonlyArray<unknown>, tools?: ReadonlyArray<string>) =>
  Collect.summarize(partsOf(chunks, tools))

/** Without deltas, and without what only streams differ in. */
const joined = (parts: ReadonlyArray<Part>) => Driver.joinParts(parts)

Responses.suite({
  scenarios: Wire.scenarios,
  events: Wire.chunks,
  whole: Wire.whole,
  toEvents: (whole) => [whole],
  partsOf,
  // not all servers say that they are done
  bodies: (scenario) => [Wire.sse(Wire.chunks(scenario)), Wire.sse(Wire.chunks(scenario), "")],
  cut: [
    Wire.scenarios[4]!,
    `: keep-alive\n\n${Wire.sse(Wire.chunks(Wire.scenarios[4]!))}`.replaceAll("\n", "\r\n")
  ],
  driver: (url, fetch) =>
    Collect.driverOf(OpenAiCompatible.layer({
      name: "acme",
      model: "acme-7b",
      baseUrl: `${url}/v1`,
      ...(fetch === undefined ? undefined : { fetch })
    })),
  call: (json, size) => Wire.chunks({ deltas: Wire.call(0, "call_1", "tool", json, size), finish: "tool_calls" })
})

describe("CompatibleResponse", () => {
  it.effect.prop(
    "a text gives the same parts however its deltas are cut, with what is no chunk anywhere",
    {
      text: Schema.String,
      size: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 40 })),
      noise: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 30 })))
    },
    ({ noise, size, text }) =>
      Effect.sync(() => {
        // a word before it, since white space alone is no answer, and a tag in front is reasoning
        const written = `So: ${text}`
        const make = (size: number) => Wire.chunks({ deltas: Wire.deltas(written, "content", size), finish: "stop" })
        const noisy: Array<unknown> = [...make(size)]
        for (const at of noise) {
          const other = [null, {}, { type: "ping" }, { object: "chat.completion.chunk", choices: null }, 1][at % 5]
          noisy.splice(Math.min(at, noisy.length), 0, other)
        }
        const parts = partsOf(noisy)
        assert.deepStrictEqual(joined(parts), joined(partsOf(make(1000))))
        assert.strictEqual(Collect.summarize(parts).text, written)
      })
  )

  it("says in which field reasoning came, and keeps details with the last part of a message", () => {
    const starts = (index: number) =>
      partsOf(Wire.chunks(Wire.scenarios[index]!)).filter(({ type }) => type === "reasoning-start")
    assert.deepStrictEqual(starts(3), [
      { type: "reasoning-start", id: "0", metadata: { acme: { field: "reasoning_content" } } }
    ])
    assert.deepStrictEqual(starts(4), [
      { type: "reasoning-start", id: "0", metadata: { acme: { field: "reasoning" } } }
    ])
    assert.deepStrictEqual(starts(5), [{ type: "reasoning-start", id: "0" }])
    for (const index of [5, 6]) {
      const { message } = Wire.scenarios[index]!
      const kept = partsOf(Wire.chunks(Wire.scenarios[index]!)).filter((part) =>
        part.type !== "finish" && "metadata" in part && part.metadata !== undefined
      )
      assert.deepStrictEqual(kept.map(({ metadata, type }) => [type, metadata]), [
        [index === 5 ? "text-end" : "tool-call", { acme: { reasoningDetails: message["reasoning_details"] } }]
      ])
    }
  })

  it("keeps details of several thoughts apart, in their order", () => {
    const piece = (detail: object) => ({ reasoning_details: [detail] })
    const deltas = [
      piece({ type: "reasoning.summary", summary: "One", index: 0 }),
      piece({ type: "reasoning.summary", summary: " two.", index: 0, id: "rs_1" }),
      piece({ type: "reasoning.encrypted", data: "gAAA", index: 0, id: "rs_1" }),
      piece({ type: "reasoning.encrypted", data: "gBBB", index: 0, id: "rs_2" }),
      piece({ type: "reasoning.text", text: "a", index: 1 }),
      piece({ type: "reasoning.text", text: "", signature: "s1", index: 1, id: null }),
      piece({ type: "reasoning.text", text: "b", index: 1 }),
      { content: "ok" }
    ]
    const parts = partsOf(Wire.chunks({ deltas, finish: "stop" }))
    assert.strictEqual(Collect.summarize(parts).reasoning, "One two.ab")
    assert.deepStrictEqual(parts.find(({ type }) => type === "text-end")?.metadata, {
      acme: {
        reasoningDetails: [
          { type: "reasoning.summary", summary: "One two.", index: 0, id: "rs_1" },
          { type: "reasoning.encrypted", data: "gAAA", index: 0, id: "rs_1" },
          { type: "reasoning.encrypted", data: "gBBB", index: 0, id: "rs_2" },
          { type: "reasoning.text", text: "a", signature: "s1", index: 1, id: null },
          { type: "reasoning.text", text: "b", index: 1 }
        ]
      }
    })
  })

  it("a citation is a source, once; a refusal is marked", () => {
    const { deltas } = Wire.scenarios[10]!
    const again = [...deltas, deltas.at(-1)!, { annotations: [{ type: "file", file: {} }] }]
    const parts = partsOf([
      ...Wire.chunks({ deltas: again, finish: "stop" }),
      { citations: ["https://example.org/inch", "https://example.org/other", "nonsense"] }
    ])
    assert.deepStrictEqual(parts.filter(({ type }) => type === "source"), [
      { type: "source", sourceType: "url", id: "source_1", url: "https://example.org/inch", title: "Inch" },
      {
        type: "source",
        sourceType: "url",
        id: "source_2",
        url: "https://example.org/other",
        title: "https://example.org/other"
      }
    ])
    const refused = partsOf(Wire.chunks(Wire.scenarios[9]!))
    assert.deepStrictEqual(refused.find(({ type }) => type === "text-start")?.metadata, { acme: { refusal: true } })
    assert.deepInclude(refused.at(-1)?.metadata?.["acme"], { refusal: "I cannot help with that." })
  })

  it("says what the server said of its end", () => {
    const chunks = Wire.chunks({ deltas: Wire.deltas("ok"), finish: "stop", usage: { prompt_tokens: 1, cost: 0.5 } })
    const parts = partsOf(chunks.map((chunk) =>
      chunk["choices"][0]?.finish_reason === "stop"
        ? { ...chunk, service_tier: "flex", choices: [{ ...chunk["choices"][0], native_finish_reason: "STOP" }] }
        : chunk
    ))
    assert.deepStrictEqual(parts.at(-1), {
      type: "finish",
      reason: "stop",
      usage: { inputTokens: { total: 1 }, outputTokens: {} },
      metadata: { acme: { finishReason: "stop", nativeFinishReason: "STOP", serviceTier: "flex", cost: 0.5 } }
    })
  })
})

describe("calls as servers send them", () => {
  const calls = (
    pieces: ReadonlyArray<object | ReadonlyArray<object>>,
    tools?: ReadonlyArray<string>
  ): ReadonlyArray<unknown> =>
    summary(
      Wire.chunks({
        deltas: pieces.map((piece) => ({ tool_calls: Array.isArray(piece) ? piece : [piece] })),
        finish: "tool_calls"
      }),
      tools
    ).calls.map(({ id, name, params }) => [id, name, params])

  it("indexes may begin at 1, and come in any order", () => {
    assert.deepStrictEqual(
      calls([
        { index: 2, id: "b", function: { name: "now", arguments: "{" } },
        { index: 1, id: "a", function: { name: "get", arguments: `{"x"` } },
        { index: 2, function: { arguments: "}" } },
        { index: 1, function: { arguments: ":1}" } }
      ]),
      [["b", "now", {}], ["a", "get", { x: 1 }]]
    )
  })

  it("an id may be missing, come late, or with every piece", () => {
    assert.deepStrictEqual(
      calls([
        { index: 0, function: { name: "now", arguments: "{}" } },
        { index: 1, function: { name: "now", arguments: "" } },
        { index: 1, id: "late", function: { arguments: "{}" } },
        { index: 2, id: "same", function: { name: "get", arguments: `{"x":` } },
        { index: 2, id: "same", function: { name: "get", arguments: "1}" } },
        { index: 3, id: "", function: { name: "now", arguments: "{}" } },
        { index: 4, id: null, function: { name: "now" } }
      ]),
      [
        ["call_s_0", "now", {}],
        ["late", "now", {}],
        ["same", "get", { x: 1 }],
        ["call_s_3", "now", {}],
        ["call_s_4", "now", {}]
      ]
    )
  })

  it("a name may come in pieces, grow, or be said again", () => {
    for (
      const names of [["get_", "wea", "ther"], ["get_", "get_wea", "get_weather"], ["get_weather", "get_weather", ""]]
    ) {
      const pieces = names.map((name) => ({ index: 0, id: "a", function: { name } }))
      assert.deepStrictEqual(
        calls([...pieces, { index: 0, function: { arguments: "{}" } }]),
        [["a", "get_weather", {}]],
        names.join()
      )
    }
    assert.deepStrictEqual(
      calls([
        { index: 0, id: "a", function: { name: "get_weather", arguments: "{" } },
        { index: 0, id: "a", function: { name: "get_weather", arguments: "}" } }
      ]),
      [["a", "get_weather", {}]]
    )
    assert.deepStrictEqual(
      calls([
        { index: 0, id: "a", function: { arguments: "{" } },
        { index: 0, function: { name: "now", arguments: "}" } }
      ]),
      [["a", "now", {}]]
    )
  })

  it("calls of one id, of one index, or of no index are told apart", () => {
    assert.deepStrictEqual(
      calls([
        { index: 0, id: "x", function: { name: "now", arguments: "{}" } },
        { index: 1, id: "x", function: { name: "now", arguments: "{}" } }
      ]),
      [["x", "now", {}], ["x_1", "now", {}]]
    )
    assert.deepStrictEqual(
      calls([
        { index: 0, id: "a", function: { name: "now", arguments: "{}" } },
        { index: 0, id: "b", function: { name: "get", arguments: `{"x":1}` } }
      ]),
      [["a", "now", {}], ["b", "get", { x: 1 }]]
    )
    assert.deepStrictEqual(
      calls([
        { id: "a", function: { name: "now", arguments: "{" } },
        { function: { arguments: "}" } },
        { function: { name: "get", arguments: "{}" } }
      ]),
      [["a", "now", {}], ["call_s_1", "get", {}]]
    )
    const message = { tool_calls: [Wire.wholeCall("x", "now", "{}"), Wire.wholeCall("x", "now", "{}")] }
    assert.deepStrictEqual(summary([Wire.whole({ message, finish: "tool_calls" })]).calls.map(({ id }) => id), [
      "x",
      "x_1"
    ])
  })

  it("arguments may be an object, and what holds nothing is no call", () => {
    assert.deepStrictEqual(
      calls([{ index: 0, id: "a", function: { name: "get", arguments: { x: 1 } } }, { index: 1 }, {
        index: 2,
        function: { name: "", arguments: "" }
      }]),
      [["a", "get", { x: 1 }]]
    )
  })

  it("are found in the text, if they name a declared tool", () => {
    const text = `<tool_call>{"name": "now", "arguments": {"zone": "CET"}}</tool_call>`
    const chunks = Wire.chunks({ deltas: Wire.deltas(text), finish: "stop" })
    const found = summary(chunks, ["now"])
    assert.deepInclude(found, { text: "", finish: "tool-calls" })
    assert.deepStrictEqual(found.calls, [{ id: "call_s_0", name: "now", params: { zone: "CET" } }])
    assert.deepInclude(summary(chunks), { text, finish: "stop", calls: [] })
  })
})

describe("usage and ends as servers send them", () => {
  const text = Wire.deltas("ok")

  it("usage may come with the finish, in every chunk, at Groq's own place, or with counts that are none", () => {
    const end = Wire.chunk({}, { finish_reason: "stop" })
    const usage = { prompt_tokens: 5, completion_tokens: 2 }
    const begin = Wire.chunks({ deltas: text, finish: "stop", usage: null }).slice(0, -1)
    const expected = { inputTokens: { total: 5 }, outputTokens: { total: 2 } }
    assert.deepStrictEqual(summary([...begin, { ...end, usage }]).usage as unknown, expected)
    assert.deepStrictEqual(summary([...begin, { ...end, x_groq: { usage } }]).usage as unknown, expected)
    const continuous = begin.map((chunk, index) => ({
      ...chunk,
      usage: { prompt_tokens: 5, completion_tokens: index }
    }))
    assert.deepStrictEqual(summary([...continuous, { ...end, usage }]).usage as unknown, expected)
    const odd = {
      prompt_tokens: null,
      completion_tokens: -1,
      prompt_cache_hit_tokens: 3,
      completion_tokens_details: null
    }
    assert.deepStrictEqual(summary([...begin, { ...end, usage: odd }]).usage as unknown, {
      inputTokens: { cacheRead: 3 },
      outputTokens: {}
    })
  })

  it("without a reason to finish, only [DONE] ends a response", () => {
    const chunks = Wire.chunks({ deltas: text, finish: "stop" }).slice(0, -2)
    assert.deepInclude(summary(chunks), { text: "ok", finish: "unknown" })
    const called = [...chunks, Wire.chunk({ tool_calls: [{ index: 0, id: "a", function: { name: "now" } }] })]
    assert.strictEqual(summary(called).finish, "tool-calls")
    const open = foldAll(chunks)
    assert(Array.isArray(open))
    assert.isUndefined(open.find(({ type }) => type === "finish"))
  })

  it("nothing comes after the end, and other answers than the first are left out", () => {
    const parts = partsOf([...Wire.chunks({ deltas: text, finish: "stop" }), Chunk.done, Wire.chunk({ content: "!" })])
    assert.strictEqual(Collect.summarize(parts).text, "ok")
    const second = { ...Wire.chunk({}), choices: [{ index: 1, delta: { content: "other" }, finish_reason: "length" }] }
    assert.deepInclude(summary([second, ...Wire.chunks({ deltas: text, finish: "stop" }), second]), {
      text: "ok",
      finish: "stop"
    })
  })

  it("an error in the middle is a failure, in every form, after what came before it", () => {
    const begin = Wire.chunks({ deltas: text, finish: "stop" }).slice(0, -2)
    const failure = (chunk: object) => foldAll([...begin, chunk]) as any
    assert.deepInclude(failure({ error: { message: "overloaded", type: "server_error", code: null } }), {
      _tag: "Refused",
      message: "overloaded",
      type: "server_error"
    })
    const routed = {
      id: "gen-1",
      error: {
        code: 429,
        message: "Provider returned error",
        metadata: { raw: `{"detail":"slow down"}`, provider_name: "Acme" }
      },
      choices: [{ index: 0, delta: { content: "" }, finish_reason: "error" }]
    }
    assert.deepInclude(failure(routed), {
      status: 429,
      message: `Provider returned error (Acme: {"detail":"slow down"})`
    })
    assert.deepInclude(failure({ choices: [{ index: 0, error: { code: 502, message: "down" } }] }), {
      status: 502,
      message: "down"
    })
    assert.deepInclude(failure({ object: "error", message: "too long", type: "BadRequestError", code: 400 }), {
      status: 400,
      message: "too long"
    })
    assert.deepInclude(failure({ error: "Model unloaded." }), { message: "Model unloaded.", kind: "model" })
    assert.deepInclude(failure({ error: {} }), { message: "the server reports an error without saying which" })
    for (const finish of ["error", "insufficient_system_resource"]) {
      assert.deepInclude(failure(Wire.chunk({}, { finish_reason: finish })), { code: "server_error" })
    }
    const wrong = failure({ error: { message: "no", code: "tool_use_failed", failed_generation: "{now}" } })
    assert.strictEqual(wrong.reason._tag, "InvalidOutputError")
    assert.include(wrong.reason.description, "{now}")
  })
})
