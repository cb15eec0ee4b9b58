import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect } from "effect"
import * as Secrets from "../../../src/core/Secrets.ts"
import * as WireLog from "../../../src/provider/internal/WireLog.ts"

const key = Secrets.register("wire-secret-0123456789")

const chunked = (...chunks: ReadonlyArray<string>): ReadableStream<Uint8Array> => {
  const encoder = new TextEncoder()
  let index = 0
  return new ReadableStream({
    pull: (controller) => {
      if (index === chunks.length) controller.close()
      else controller.enqueue(encoder.encode(chunks[index++]))
    }
  })
}

const call = async (
  response: () => Response,
  init: RequestInit = { method: "POST", body: `{"model":"m"}`, headers: { authorization: `Bearer ${key}` } }
) => {
  const lines: Array<string> = []
  const fetch = WireLog.wrap("test", async () => response(), (line) => lines.push(line))
  const got = await fetch(`https://example.org/v1?k=${key}`, init)
  const body = await got.text()
  return { lines, body, got }
}

describe("WireLog", () => {
  it("shows method, address, headers, bodies and status, line by line", async () => {
    const { body, got, lines } = await call(() =>
      new Response(chunked("data: {\"a\"", ":1}\n\ndata: {\"b\":2}\n"), {
        status: 201,
        statusText: "Created",
        headers: { "content-type": "text/event-stream", "set-cookie": "session=1" }
      })
    )
    const shown = lines.map((line) => line.replace(/^fluxion wire test #\d+ /, ""))
    assert.deepStrictEqual(shown, [
      "→ POST https://example.org/v1?k=<redacted>",
      "→ authorization: <redacted>",
      `→ {"model":"m"}`,
      "← 201 Created",
      "← content-type: text/event-stream",
      "← set-cookie: <redacted>",
      `← data: {"a":1}`,
      `← data: {"b":2}`,
      "← end"
    ])
    assert.strictEqual(body, "data: {\"a\":1}\n\ndata: {\"b\":2}\n")
    assert.strictEqual(got.status, 201)
  })

  it("shows no key, also not one that comes in two chunks, or that nobody registered", async () => {
    const { body, lines } = await call(() =>
      new Response(chunked(`echo ${key.slice(0, 9)}`, `${key.slice(9)} sk-proj-abcdefghijkl`, " Bearer abcdefghijkl"))
    )
    assert.notInclude(lines.join("\n"), "secret")
    assert.notInclude(lines.join("\n"), "abcdefghijkl")
    assert.include(body, key)
  })

  it("shows that a request failed, and fails the same", async () => {
    const lines: Array<string> = []
    const boom = new TypeError(`fetch failed for ${key}`)
    const fetch = WireLog.wrap("test", () => Promise.reject(boom), (line) => lines.push(line))
    const caught = await fetch("https://example.org").catch((cause: unknown) => cause)
    assert.strictEqual(caught, boom)
    assert.match(lines.at(-1)!, /✗ TypeError: fetch failed for <redacted>/)
  })

  it("leaves a response without a body alone", async () => {
    const { got } = await call(() => new Response(null, { status: 204 }))
    assert.strictEqual(got.status, 204)
  })

  it.effect("is asked for by FLUXION_LOG=wire, among others", () =>
    Effect.gen(function*() {
      const enabled = (value: string) =>
        Effect.provideService(
          WireLog.enabled,
          ConfigProvider.ConfigProvider,
          ConfigProvider.fromUnknown({ FLUXION_LOG: value })
        )
      assert.isTrue(yield* enabled("wire"))
      assert.isTrue(yield* enabled("events,wire"))
      assert.isFalse(yield* enabled("wired"))
      assert.isFalse(yield* enabled(""))
    }))
})
