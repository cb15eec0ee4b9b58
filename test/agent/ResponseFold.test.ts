import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import type { Response } from "effect/ai"
import { ResponseFold, TurnResponse } from "../../src/agent/ResponseFold.ts"
import { finish } from "../support/Scripted.ts"

type Part = Response.StreamPartEncoded

const fold = (parts: Iterable<Part>) => {
  const fold = new ResponseFold()
  const shown: Array<string> = []
  for (const part of parts) {
    const event = fold.push(part)
    if (event !== undefined) shown.push(`${event._tag} ${event.delta}`)
  }
  return { fold, shown, response: fold.response() }
}

const textOf = ({ content }: TurnResponse) => content.map((part) => part.type === "text" ? part.text : "").join("")

/** A block as one of the things a response is made of. */
const Block = Schema.Union([
  Schema.Struct({
    kind: Schema.Literals(["text", "reasoning"]),
    pieces: Schema.Array(Schema.String),
    ended: Schema.Boolean
  }),
  Schema.Struct({ kind: Schema.Literal("call"), pieces: Schema.Array(Schema.String), ended: Schema.Boolean }),
  Schema.Struct({ kind: Schema.Literal("hosted"), pieces: Schema.Array(Schema.String), ended: Schema.Boolean })
])

const toParts = (blocks: ReadonlyArray<typeof Block.Type>): ReadonlyArray<Part> =>
  blocks.flatMap(({ ended, kind, pieces }, index): ReadonlyArray<Part> => {
    const id = `${kind}-${index}`
    switch (kind) {
      case "text":
      case "reasoning":
        return [
          { type: `${kind}-start`, id },
          ...pieces.map((delta): Part => ({ type: `${kind}-delta`, id, delta })),
          ...(ended || index < blocks.length - 1 ? [{ type: `${kind}-end`, id } as Part] : [])
        ]
      case "call":
        return [
          { type: "tool-params-start", id, name: "t" },
          ...pieces.map((delta): Part => ({ type: "tool-params-delta", id, delta })),
          { type: "tool-params-end", id },
          { type: "tool-call", id, name: "t", params: { pieces: pieces.join("") } }
        ]
      case "hosted":
        return [
          { type: "tool-call", id, name: "search", params: {}, providerExecuted: true },
          { type: "tool-result", id, name: "search", result: {}, isFailure: false, providerExecuted: true } as Part
        ]
    }
  })

describe("ResponseFold", () => {
  it.effect.prop(
    "what it showed of the text is the text that it keeps, and every call is kept once, in order",
    { blocks: Schema.Array(Block) },
    ({ blocks }) =>
      Effect.sync(() => {
        const parts = toParts(blocks)
        const { fold: done, response, shown } = fold([...parts, finish])
        const shownText = shown.filter((line) => line.startsWith("TextDelta ")).map((line) => line.slice(10)).join("")
        assert.strictEqual(shownText, textOf(response))
        assert.strictEqual(done.text, shownText)
        const calls = parts.filter((part) => part.type === "tool-call" && part.providerExecuted !== true)
        assert.deepStrictEqual(done.calls.map(({ id }) => id), calls.map((part) => (part as { id: string }).id))
        assert.strictEqual(response.finish, "stop")
      })
  )

  it.effect.prop(
    "stopped after any part, what it has is a message that crosses the journal, with no empty text and no open reasoning",
    { blocks: Schema.Array(Block) },
    ({ blocks }) =>
      Effect.gen(function*() {
        const parts = toParts(blocks)
        for (let count = 0; count <= parts.length; count++) {
          const { fold: stopped, response } = fold(parts.slice(0, count))
          const encoded = yield* Schema.encodeEffect(Schema.toCodecJson(TurnResponse))(response)
          assert.deepStrictEqual(
            yield* Schema.decodeEffect(Schema.toCodecJson(TurnResponse))(JSON.parse(JSON.stringify(encoded))),
            response
          )
          for (const part of response.content) if (part.type === "text") assert.notStrictEqual(part.text, "")
          assert.strictEqual(textOf(response), stopped.text)
          const open = new Set<string>()
          for (const part of parts.slice(0, count)) {
            if (part.type === "reasoning-start") open.add(part.id)
            if (part.type === "reasoning-end") open.delete(part.id)
          }
          const whole = parts.slice(0, count).filter((part) => part.type === "reasoning-delta" && !open.has(part.id))
          const kept = response.content.map((part) => part.type === "reasoning" ? part.text : "").join("")
          assert.strictEqual(kept, whole.map((part) => (part as { delta: string }).delta).join(""))
        }
      })
  )

  it("metadata of a block's parts is joined, key by key of each provider", () => {
    const { response } = fold([
      { type: "reasoning-start", id: "r", metadata: { openai: { itemId: "rs_1" } } },
      { type: "reasoning-delta", id: "r", delta: "hm", metadata: { openai: { part: 0 } } },
      { type: "reasoning-end", id: "r", metadata: { openai: { encrypted: "e" }, other: { a: 1 } } }
    ])
    assert.deepStrictEqual(response.content[0]!.options, {
      openai: { itemId: "rs_1", part: 0, encrypted: "e" },
      other: { a: 1 }
    })
  })

  it("a block without words is kept where it carries something, and left out where not", () => {
    const { response } = fold([
      { type: "reasoning-start", id: "1" },
      { type: "reasoning-end", id: "1", metadata: { anthropic: { signature: "s" } } },
      { type: "reasoning-start", id: "2" },
      { type: "reasoning-end", id: "2" },
      { type: "tool-call", id: "c", name: "now", params: {} },
      { type: "text-start", id: "3" },
      { type: "text-end", id: "3", metadata: { google: { thoughtSignature: "s" } } },
      { type: "text-start", id: "4" },
      { type: "text-end", id: "4" }
    ])
    assert.deepStrictEqual(response.content.map((part) => part.type), ["reasoning", "tool-call", "text"])
    assert.deepStrictEqual(response.content.at(-1)!.options, { google: { thoughtSignature: "s" } })
  })

  it("blocks that are open at once, of one id and two kinds too, keep what is theirs and the order in which they began", () => {
    const { response } = fold([
      { type: "text-start", id: "1" },
      { type: "reasoning-start", id: "1" },
      { type: "reasoning-delta", id: "1", delta: "think" },
      { type: "text-delta", id: "1", delta: "say" },
      { type: "reasoning-end", id: "1" },
      { type: "text-end", id: "1" }
    ])
    assert.deepStrictEqual(
      response.content.map((part) => part.type === "text" || part.type === "reasoning" ? [part.type, part.text] : []),
      [["text", "say"], ["reasoning", "think"]]
    )
  })

  it("a delta without a start is text all the same; an end without one is nothing", () => {
    const { response } = fold([{ type: "text-delta", id: "1", delta: "hi" }, { type: "text-end", id: "2" }])
    assert.strictEqual(textOf(response), "hi")
    assert.strictEqual(response.content.length, 1)
  })

  it("a whole answer shows as one delta", () => {
    const whole = new ResponseFold()
    assert.deepStrictEqual(whole.push({ type: "text", text: "hi" }), { _tag: "TextDelta", delta: "hi" })
    assert.strictEqual(textOf(whole.response()), "hi")
  })

  it("the vendor's own calls are in the message with their results, and not among the calls to run", () => {
    const { fold: done, response } = fold(toParts([{ kind: "hosted", pieces: [], ended: true }]))
    assert.deepStrictEqual(done.calls, [])
    assert.deepStrictEqual(response.content.map((part) => part.type), ["tool-call", "tool-result"])
  })

  it("a preliminary result is not kept", () => {
    const result = { type: "tool-result", id: "1", name: "search", result: 1, isFailure: false, providerExecuted: true }
    const { response } = fold([{ ...result, preliminary: true } as Part, { ...result, result: 2 } as Part])
    assert.deepStrictEqual(response.content.map((part) => part.type === "tool-result" ? part.result : undefined), [2])
  })

  it("usage, finish reason and the vendor's name of the model are kept; what is not known is absent", () => {
    const { response } = fold([
      { type: "response-metadata", modelId: "gpt-5-2025-08-07" } as Part,
      {
        ...finish,
        reason: "length",
        usage: {
          inputTokens: { total: 12, uncached: undefined, cacheRead: 3, cacheWrite: undefined },
          outputTokens: { total: undefined, text: undefined, reasoning: undefined }
        }
      } as Part
    ])
    assert.deepStrictEqual(response, {
      content: [],
      finish: "length",
      usage: { inputTokens: { total: 12, cacheRead: 3 }, outputTokens: {} },
      model: "gpt-5-2025-08-07"
    })
    assert.strictEqual(fold([]).response.finish, "unknown")
    assert.notProperty(fold([]).response, "model")
  })
})
