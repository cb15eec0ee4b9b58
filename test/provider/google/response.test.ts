/**
 * The fold from chunks to parts: by itself, and through the real SDK over HTTP.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Response, Tool } from "effect/ai"
import * as Driver from "../../../src/agent/Driver.ts"
import * as GoogleResponse from "../../../src/provider/google/GoogleResponse.ts"
import * as Collect from "../support/Collect.ts"
import * as Responses from "../support/Responses.ts"
import * as Wire from "./fixtures/Wire.ts"

type Parts = ReadonlyArray<Response.StreamPartEncoded>

const hosted = (providerName: string, customName: string) =>
  Tool.providerDefined({ id: `google.${customName}`, customName, providerName })(undefined)

const tools = [hosted("googleSearch", "search_the_web"), hosted("codeExecution", "run_code")]

const names: { readonly [providerName: string]: string } = { googleSearch: "search_the_web", codeExecution: "run_code" }

const foldAll = (chunks: ReadonlyArray<unknown>) => {
  const fold = GoogleResponse.fold({ id: "test", hostedName: (name) => names[name] })
  const out: Array<Response.StreamPartEncoded> = []
  for (const chunk of chunks) {
    const failure = fold.push(chunk as never, out)
    if (failure !== undefined) return failure
    if (out.at(-1)?.type === "finish") break
  }
  return out
}

const partsOf = (chunks: ReadonlyArray<unknown>): Parts => {
  const out = foldAll(chunks)
  assert(Array.isArray(out))
  return out as Parts
}

const withoutIds = (parts: Parts) =>
  JSON.parse(JSON.stringify(parts).replaceAll(/(fluxion_call|source)_\w+_(\d+)/g, "$1_$2")) as Parts

Responses.suite({
  scenarios: Wire.scenarios,
  events: (scenario) => Wire.chunks(scenario),
  whole: Wire.whole,
  toEvents: (whole) => [whole],
  partsOf,
  bodies: (scenario) => [Wire.sse(Wire.chunks(scenario))],
  cut: [Wire.scenario("a text"), Wire.sse(Wire.chunks(Wire.scenario("a text")))],
  driver: (url, fetch) => Wire.driver(url, fetch === undefined ? {} : { fetch }),
  tools,
  normalize: withoutIds
})

describe("GoogleResponse", () => {
  it.effect.prop(
    "a text gives the same parts however it is cut, with empty and unknown parts and chunks anywhere",
    {
      text: Schema.NonEmptyString,
      thought: Schema.String,
      size: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 40 })),
      noise: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 30 })))
    },
    ({ noise, size, text, thought }) =>
      Effect.sync(() => {
        const parts = [{ text: thought, thought: true }, { text }, { text: "", thoughtSignature: "c2ln" }]
        const scenario = { parts, end: { finishReason: "STOP" } }
        const noisy: Array<unknown> = [...Wire.chunks(scenario, size)]
        const unknown = [
          {},
          { candidates: [] },
          { candidates: [{ index: 0, content: { role: "model" } }] },
          { candidates: [{ index: 0, content: { parts: [{ text: "" }, { somethingNew: {} }, null] } }] },
          { candidates: [{ index: 1, content: { parts: [{ text: "another candidate" }] } }] }
        ]
        for (const at of noise) noisy.splice(Math.min(at, noisy.length - 1), 0, unknown[at % unknown.length])
        const found = partsOf(noisy)
        assert.deepStrictEqual(Collect.violations(found), [])
        const joined = (parts: Parts) => Driver.joinParts(parts).filter(({ type }) => type !== "response-metadata")
        assert.deepStrictEqual(joined(found), joined(partsOf([Wire.whole(scenario)])))
        assert.deepInclude(Collect.summarize(found), { text, reasoning: thought })
      })
  )

  it.effect.prop(
    "calls keep their order, and their ids where those are one of a kind",
    { ids: Schema.NonEmptyArray(Schema.optional(Schema.Literals(["a", "b", "c", ""]))) },
    ({ ids }) =>
      Effect.sync(() => {
        const parts = ids.map((id, n) => ({
          functionCall: { ...(id === undefined ? {} : { id }), name: "f", args: { n } }
        }))
        const { calls } = Collect.summarize(partsOf(Wire.chunks({ parts, end: { finishReason: "STOP" } })))
        assert.deepStrictEqual(calls.map(({ params }) => params), ids.map((_, n) => ({ n })))
        assert.strictEqual(new Set(calls.map(({ id }) => id)).size, ids.length)
        ids.forEach((id, index) => {
          if (id !== undefined && id !== "" && ids.indexOf(id) === index) assert.strictEqual(calls[index]!.id, id)
        })
      })
  )

  it("a signature stays with its own part", () => {
    const metadata = (title: string) =>
      Driver.joinParts(partsOf(Wire.chunks(Wire.scenario(title))))
        .filter(({ type }) => type !== "response-metadata" && type !== "finish")
        .map((part) => [part.type, "text" in part ? part.text : undefined, part.metadata?.["google"]])
    assert.deepStrictEqual(metadata("thoughts, a text, a signature on an empty last text"), [
      ["reasoning", "First I think. Then again.", {}],
      ["text", "It is 42.", { thoughtSignature: "c2lnLWVtcHR5", apart: true }]
    ])
    assert.deepStrictEqual(metadata("signatures on a thought and on a text"), [
      ["reasoning", "Hm.", { thoughtSignature: "c2lnLXRob3VnaHQ=" }],
      ["text", "Well", undefined],
      ["text", ", 42.", { thoughtSignature: "c2lnLXRleHQ=" }]
    ])
    assert.deepStrictEqual(metadata("two calls side by side, the first signed, one without arguments"), [
      ["tool-call", undefined, { thoughtSignature: "c2lnLWNhbGw=" }],
      ["tool-call", undefined, undefined]
    ])
    assert.deepStrictEqual(metadata("signatures on an empty thought and after a call"), [
      ["reasoning", "Hm.", {}],
      ["reasoning", "", { thoughtSignature: "c2lnLXRob3VnaHQ=" }],
      ["tool-call", undefined, { thoughtSignature: "c2lnLWNhbGw=" }],
      ["text", "", { thoughtSignature: "c2lnLWVtcHR5" }]
    ])
  })

  it("what Google ran itself is a call and its result, if it was declared", () => {
    const [call, result] = partsOf(Wire.chunks(Wire.scenario("code that Google ran"))).filter(({ type }) =>
      type.startsWith("tool-")
    )
    assert.deepInclude(call, { name: "run_code", params: { language: "PYTHON", code: "print(6*7)" } })
    assert.deepInclude(result, {
      name: "run_code",
      result: { outcome: "OUTCOME_OK", output: "42\n" },
      isFailure: false
    })
    const fold = GoogleResponse.fold({ id: "test" })
    const out: Array<Response.StreamPartEncoded> = []
    for (const chunk of Wire.chunks(Wire.scenario("code that Google ran"))) fold.push(chunk as never, out)
    assert.deepStrictEqual(out.filter(({ type }) => type.startsWith("tool-")), [])
  })

  it("a result of Google's finds its call", () => {
    const ids = partsOf(Wire.chunks(Wire.scenario("two searches side by side, answered the other way round"))).flatMap((
      part
    ) => part.type === "tool-call" || part.type === "tool-result" ? [`${part.type} ${part.id}`] : [])
    assert.deepStrictEqual(ids, ["tool-call tc_1", "tool-call tc_2", "tool-result tc_2", "tool-result tc_1"])
  })

  it("grounding gives each source once, and what has to be shown with the answer", () => {
    const parts = partsOf(Wire.chunks(Wire.scenario("a search that Google ran beside a function, with sources")))
    assert.deepStrictEqual(
      parts.flatMap((part) => part.type === "source" && part.sourceType === "url" ? [[part.url, part.title]] : []),
      [["https://example.org/inch", "Inch"], ["https://example.org/units", "https://example.org/units"]]
    )
    const finish = parts.at(-1)!
    assert(finish.type === "finish")
    assert.deepInclude(
      finish.metadata?.["google"],
      Wire.scenario("a search that Google ran beside a function, with sources").end
    )
  })

  it("an image is a file, and one that was only thought of is not", () => {
    assert.deepStrictEqual(
      partsOf(Wire.chunks(Wire.scenario("an image, with a thought of one before it"))).filter(({ type }) =>
        type === "file"
      ),
      [
        {
          type: "file",
          mediaType: "image/png",
          data: "AQID",
          metadata: { google: { thoughtSignature: "c2lnLWltYWdl" } }
        }
      ]
    )
  })

  it("the finish says what Google said", () => {
    const about = (scenario: Pick<Wire.Scenario, "parts" | "end" | "about">) =>
      partsOf(Wire.chunks(scenario)).at(-1)!.metadata?.["google"]
    assert.deepStrictEqual(about(Wire.scenario("a prompt that was blocked")), { finishReason: "PROHIBITED_CONTENT" })
    // The SDK keeps it for Vertex AI only.
    const end = { finishReason: "MALFORMED_FUNCTION_CALL", finishMessage: "Malformed function call: print(1)" }
    assert.deepStrictEqual(about({ parts: [], end }), end)
  })

  it("tokens of Google's own tools count as input, and impossible counts are left out", () => {
    const usageMetadata = { promptTokenCount: 10, toolUsePromptTokenCount: 5, candidatesTokenCount: -1 }
    const whole = Wire.whole({ parts: [], end: { finishReason: "STOP" }, about: { usageMetadata } })
    assert.deepStrictEqual(Collect.summarize(partsOf([whole])).usage, {
      inputTokens: { total: 15 },
      outputTokens: {}
    } as never)
  })

  it("what is no chunk is a failure", () => {
    assert.deepInclude(foldAll(["hello"]), { _tag: "Undecodable" })
  })
})
