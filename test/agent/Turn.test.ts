import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Turn from "../../src/agent/Turn.ts"

const tools = new Map([
  ["read", { barrier: false }],
  ["write", { barrier: true }]
])

const Calls = Schema.Array(Schema.Literals(["read", "write", "unknown"]))
const Count = Schema.Int.check(Schema.isBetween({ minimum: -2, maximum: 12 }))

const toCalls = (names: ReadonlyArray<string>) => names.map((name, index) => ({ id: `c${index}`, name, params: {} }))

describe("Turn.plan", () => {
  it.prop(
    "decides every call: the first `remaining` run or are unknown, the rest are over the limit",
    { names: Calls, remaining: Count },
    ({ names, remaining }) => {
      const { decisions } = Turn.plan(toCalls(names), tools, remaining)
      assert.deepStrictEqual(
        decisions,
        names.map((name, index) => index >= remaining ? "limit" : name === "unknown" ? "unknown-tool" : "run")
      )
    }
  )

  it.prop("every call that runs is in exactly one batch, in the order asked", { names: Calls, remaining: Count }, ({
    names,
    remaining
  }) => {
    const { batches, decisions } = Turn.plan(toCalls(names), tools, remaining)
    assert.deepStrictEqual(batches.flat(), [...names.keys()].filter((index) => decisions[index] === "run"))
    for (const batch of batches) assert.isAbove(batch.length, 0)
  })

  it.prop("a write is alone in its batch; reads share one exactly while no write comes between", { names: Calls }, ({
    names
  }) => {
    const { batches } = Turn.plan(toCalls(names), tools, Infinity)
    const at = new Map(batches.flatMap((batch, number) => batch.map((index) => [index, number] as const)))
    for (const batch of batches) {
      if (batch.some((index) => names[index] === "write")) assert.strictEqual(batch.length, 1)
    }
    const run = [...at.keys()]
    for (const left of run) {
      for (const right of run) {
        if (left >= right || names[left] !== "read" || names[right] !== "read") continue
        assert.strictEqual(at.get(left) === at.get(right), !names.slice(left, right).includes("write"))
      }
    }
  })
})

describe("Turn.refusal", () => {
  const call = { id: "c", name: "nope", params: {} }
  it("names the limit, or the tools there are", () => {
    assert.include(Turn.refusal("limit", call, tools, 7), "7 tool calls")
    assert.include(Turn.refusal("unknown-tool", call, tools, 7), `"nope". The tools are: read, write.`)
    assert.include(Turn.refusal("unknown-tool", call, new Map(), 7), "The tools are: none.")
  })
})

describe("Turn.cut", () => {
  const note = /\n\[Result cut: the first (\d+) of (\d+) characters are shown\. .*\]$/

  it.prop("leaves what fits, and cuts what does not to `max` characters and a note", {
    text: Schema.String,
    max: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20 }))
  }, ({ max, text }) => {
    const { cut, result } = Turn.cut(text, max)
    assert.strictEqual(cut, text.length > max)
    if (!cut) return assert.strictEqual(result, text)
    const shown = String(result).replace(note, "")
    assert.isTrue(text.startsWith(shown))
    assert.isAtMost(shown.length, max)
    assert.isAtLeast(shown.length, max - 1)
    const [, first, all] = note.exec(String(result))!
    assert.deepStrictEqual([Number(first), Number(all)], [shown.length, text.length])
  })

  it("never cuts a character in half", () => {
    for (let max = 0; max < 8; max++) {
      assert.notMatch(String(Turn.cut("👋🌍👋🌍", max).result), /\p{Surrogate}/u)
    }
  })

  it.prop("other results are measured as JSON, and become its beginning", { value: Schema.Json }, ({ value }) => {
    const { cut, result } = Turn.cut(value, 10)
    const json = JSON.stringify(value)
    if (typeof value !== "object" || value === null || json.length <= 10) {
      if (typeof value !== "string") assert.deepStrictEqual({ cut, result }, { cut: false, result: value })
    } else {
      assert.isTrue(cut)
      assert.isTrue(json.startsWith(String(result).replace(note, "")))
    }
  })
})

describe("Turn.toStep", () => {
  it("tells what a turn did", () => {
    const outcomes = [{ _tag: "Returned", result: 1 }, { _tag: "Failed", result: "no" }] as const
    assert.deepStrictEqual(Turn.toStep(3, "text", toCalls(["a", "b"]), outcomes), {
      turn: 3,
      text: "text",
      toolCalls: [
        { name: "a", arguments: {}, result: 1, failed: false },
        { name: "b", arguments: {}, result: "no", failed: true }
      ]
    })
  })
})
