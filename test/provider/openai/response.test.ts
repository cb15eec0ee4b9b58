/**
 * The fold from events to parts: by itself, and through the real SDK over HTTP.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Schema } from "effect"
import { Response, Tool } from "effect/ai"
import * as Driver from "../../../src/agent/Driver.ts"
import { OpenAi } from "../../../src/provider/openai/index.ts"
import * as OpenAiResponse from "../../../src/provider/openai/OpenAiResponse.ts"
import * as Collect from "../support/Collect.ts"
import * as Responses from "../support/Responses.ts"
import * as Wire from "./fixtures/Wire.ts"

const WebSearch = Tool.providerDefined({
  id: "openai.web_search",
  customName: "search_the_web",
  providerName: "web_search"
})

const foldAll = (events: ReadonlyArray<unknown>) => {
  const fold = OpenAiResponse.fold({
    hostedName: (name) => name === "web_search" ? "search_the_web" : undefined
  })
  const out: Array<Response.StreamPartEncoded> = []
  for (const event of events) {
    const failure = fold.push([event as never], out)
    if (failure !== undefined) return failure
  }
  return out
}

const partsOf = (events: ReadonlyArray<unknown>) => {
  const out = foldAll(events)
  assert(Array.isArray(out))
  return out as ReadonlyArray<Response.StreamPartEncoded>
}

const joined = (parts: ReadonlyArray<Response.StreamPartEncoded>) => Driver.joinParts(parts)

Responses.suite({
  scenarios: Wire.scenarios,
  events: Wire.events,
  whole: Wire.whole,
  toEvents: (whole) => Array.from(OpenAiResponse.toEvents(whole as never)),
  partsOf,
  bodies: (scenario) => [Wire.sse(Wire.events(scenario))],
  cut: [Wire.scenarios[0]!, Wire.sse(Wire.events(Wire.scenarios[0]!)).replaceAll("\n", "\r\n")],
  driver: (url, fetch) =>
    Collect.driverOf(OpenAi.layer({
      model: "gpt-5",
      apiKey: Redacted.make("test-key"),
      baseUrl: `${url}/v1`,
      ...(fetch === undefined ? undefined : { fetch })
    })),
  tools: [WebSearch(undefined)],
  call: (json, size) => Wire.events({ items: [Wire.call("call_1", "tool", json, size)], end: {} })
})

describe("OpenAiResponse", () => {
  it.effect.prop(
    "a text gives the same parts however its deltas are cut, with unknown events anywhere",
    {
      text: Schema.String,
      size: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 40 })),
      noise: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 30 })))
    },
    ({ noise, size, text }) =>
      Effect.sync(() => {
        const make = (size: number) => Wire.events({ items: [Wire.message(text, { size })], end: {} })
        const noisy: Array<unknown> = [...make(size)]
        for (const at of noise) {
          noisy.splice(Math.min(at, noisy.length - 1), 0, {
            type: "response.something.new",
            output_index: at,
            delta: {}
          })
        }
        const parts = partsOf(noisy)
        assert.deepStrictEqual(Collect.violations(parts), [])
        assert.deepStrictEqual(joined(parts), joined(partsOf(make(1000))))
        assert.strictEqual(Collect.summarize(parts).text, text)
      })
  )

  it("encrypted reasoning is taken from the item's end", () => {
    const parts = partsOf(Wire.events(Wire.scenarios[3]!))
    const ends = parts.filter((part) => part.type === "reasoning-end")
    assert.deepStrictEqual(ends.map(({ metadata }) => metadata), [
      undefined,
      { openai: { itemId: "rs_1", encryptedContent: "gAAAA-whole" } }
    ])
  })

  it("a citation is a source, a refusal is marked", () => {
    const source = partsOf(Wire.events(Wire.scenarios[6]!)).find((part) => part.type === "source")
    assert.deepInclude(source, { sourceType: "url", url: "https://example.org/inch", title: "Inch" })
    const refused = partsOf(Wire.events(Wire.scenarios[5]!))
    assert.deepStrictEqual(refused.find((part) => part.type === "text-start")?.metadata, {
      openai: { itemId: "msg_1", refusal: true }
    })
    assert.deepStrictEqual(refused.at(-1)?.metadata, { openai: { refusal: "I cannot help with that." } })
  })

  it("items that come with the last event only are not lost", () => {
    const { end, items } = Wire.scenarios[1]!
    const parts = partsOf(
      Wire.events({ items, end }).filter((event) =>
        !event["type"].includes("output_item")
        && !event["type"].includes("arguments")
      )
    )
    assert.strictEqual(Collect.summarize(parts).calls.length, 2)
    assert.deepStrictEqual(Collect.violations(parts), [])
  })

  it("what is cut short without a done event is ended", () => {
    for (const { end, items } of Wire.scenarios) {
      const cut = Wire.events({ items, end }).filter(({ type }) => type !== "response.output_item.done")
      assert.deepStrictEqual(Collect.violations(partsOf(cut)), [])
    }
  })

  it("a failed response is a failure, streamed or whole", () => {
    const end = { status: "failed", error: { code: "server_error", message: "overloaded" } }
    const expected = { _tag: "Refused", code: "server_error", message: "overloaded" }
    assert.deepStrictEqual(foldAll(Wire.events({ items: [], end })) as unknown, expected)
    assert.deepStrictEqual(
      foldAll(OpenAiResponse.toEvents(Wire.whole({ items: [], end }) as never)) as unknown,
      expected
    )
  })
})
