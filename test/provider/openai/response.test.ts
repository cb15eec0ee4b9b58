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
import * as Recut from "../support/Recut.ts"
import * as VendorServer from "../support/VendorServer.ts"
import * as Wire from "./fixtures/Wire.ts"

const WebSearch = Tool.providerDefined({
  id: "openai.web_search",
  customName: "search_the_web",
  providerName: "web_search"
})

const tools = [WebSearch(undefined)]

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

const overHttp = (reply: VendorServer.Reply, stream: boolean, fetch?: typeof globalThis.fetch) =>
  Effect.gen(function*() {
    const server = yield* VendorServer.make([reply])
    const driver = yield* Collect.driverOf(OpenAi.layer({
      model: "gpt-5",
      apiKey: Redacted.make("test-key"),
      baseUrl: `${server.url}/v1`,
      ...(fetch === undefined ? undefined : { fetch })
    }))
    return yield* Collect.parts(driver, Collect.request("Hello", { tools, options: { stream } }))
  })

describe("OpenAiResponse", () => {
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
      const parts = partsOf(OpenAiResponse.toEvents(Wire.whole(scenario) as never))
      assert.deepStrictEqual(Collect.violations(parts), [])
      assert.deepStrictEqual(joined(parts), joined(partsOf(events)))
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
      const driver = yield* Collect.driverOf(OpenAi.layer({
        model: "gpt-5",
        apiKey: Redacted.make("test-key"),
        fetch: (input, init) => Recut.answer(body, Recut.at(cut), { contentType: "text/event-stream" })(input, init)
      }))
      const asked = Collect.request("Hello", { tools })
      for (cut = 0; cut <= body.length; cut += 3) {
        assert.deepStrictEqual(yield* Collect.parts(driver, asked), expected)
      }
    }))

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

  it.effect.prop(
    "arguments that are JSON arrive parsed, however they are cut",
    {
      params: Schema.Record(Schema.String, Schema.Json),
      size: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 }))
    },
    ({ params, size }) =>
      Effect.sync(() => {
        const plain = JSON.parse(JSON.stringify(params))
        const items = [Wire.call("call_1", "tool", JSON.stringify(plain), size)]
        const [found] = Collect.summarize(partsOf(Wire.events({ items, end: {} }))).calls
        if (!("__proto__" in plain) && !("constructor" in plain)) assert.deepStrictEqual(found?.params, plain)
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

const emptyToolkit = { tools: {} } as never
