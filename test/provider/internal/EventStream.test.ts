import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as EventStream from "../../../src/provider/internal/EventStream.ts"
import * as Failure from "../../../src/provider/internal/Failure.ts"
import * as Recut from "../support/Recut.ts"

const read = async (body: string | Uint8Array, cut: Recut.Cut = (body) => [body]) => {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body
  const response = await Recut.answer(bytes, cut, { contentType: "text/event-stream" })("http://x")
  const events: Array<unknown> = []
  try {
    for await (const batch of EventStream.read<unknown>(response)) for (const event of batch) events.push(event)
  } catch (cause) {
    assert.instanceOf(cause, Failure.Thrown)
    return { events, failure: cause.failure }
  }
  return { events }
}

describe("EventStream", () => {
  it("reads events by the standard, whatever ends their lines", async () => {
    for (const end of ["\n", "\r\n", "\r"]) {
      const body = [
        ": a comment",
        "event: a",
        "id: 1",
        "data: {\"a\":",
        "data:  1}",
        "",
        "retry: 10",
        "event: no-data",
        "",
        "data:[\"grüezi 👋🏽\"]",
        "",
        "data: [DONE]",
        "",
        "unknown: field",
        "data: 3",
        "",
        ""
      ].join(end)
      const expected = { events: [{ a: 1 }, ["grüezi 👋🏽"], 3] }
      assert.deepStrictEqual(await read(body), expected)
      assert.deepStrictEqual(await read(`\uFEFF${body}`, Recut.bytes), expected)
      for (let at = 0; at < body.length; at += 5) assert.deepStrictEqual(await read(body, Recut.at(at)), expected)
    }
  })

  it("takes a last event without its empty line, and no body at all", async () => {
    assert.deepStrictEqual(await read("data: 1\n\ndata: 2"), { events: [1, 2] })
    assert.deepStrictEqual(await read("data: 1\n\ndata: 2\n", Recut.bytes), { events: [1, 2] })
    assert.deepStrictEqual(await read(""), { events: [] })
  })

  it("gives what came before a malformed event, and shows it", async () => {
    const { events, failure } = await read("data: 1\n\ndata: {\"x\n\ndata: 2\n\n")
    assert.deepStrictEqual(events, [1])
    assert.deepInclude(failure, { _tag: "Undecodable", body: "{\"x" })
  })

  it("drops an event that the end of the body cuts short", async () => {
    assert.deepStrictEqual(await read("data: 1\n\ndata: {\"x"), { events: [1] })
    assert.deepStrictEqual(await read("data: 1\n\ndata: {\"x\n", Recut.bytes), { events: [1] })
  })

  it("gives what stands for [DONE], if asked to", async () => {
    const response = await Recut.answer(new TextEncoder().encode("data: 1\n\ndata: [DONE]\n"), Recut.bytes, {
      contentType: "text/event-stream"
    })("http://x")
    const events: Array<unknown> = []
    for await (const batch of EventStream.read<unknown>(response, "over")) events.push(...batch)
    assert.deepStrictEqual(events, [1, "over"])
  })

  it("refuses what is no UTF-8, also in the last bytes", async () => {
    for (const bytes of [[0x64, 0xff, 0x0a], [...new TextEncoder().encode("data: 1\n\ndata: \""), 0xe4, 0xb8]]) {
      const { failure } = await read(Uint8Array.from(bytes))
      assert.include(failure, { _tag: "Undecodable", message: "the stream is not valid UTF-8" })
    }
  })

  it.effect.prop(
    "is the inverse of writing, in bytes",
    { values: Schema.Array(Schema.Json) },
    ({ values }) =>
      Effect.promise(async () => {
        const plain = JSON.parse(JSON.stringify(values)) as Array<unknown>
        const body = plain.map((value) => `data: ${JSON.stringify(value)}\n\n`).join("")
        assert.deepStrictEqual(await read(body, Recut.bytes), { events: plain })
      })
  )
})
