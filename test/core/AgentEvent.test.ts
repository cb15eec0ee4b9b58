import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { AgentEvent } from "fluxion"

const codec = Schema.toCodecJson(AgentEvent.AgentEvent)

class Money {
  readonly cents = 5n
}
class Tagged {
  toJSON() {
    return { tag: new Date(0) }
  }
}
const cycle: { self?: unknown } = {}
cycle.self = cycle

/** What tools, agents and partial answers may bring into an event, and what is told of it. */
const values: ReadonlyArray<readonly [unknown, Schema.Json]> = [
  ["text", "text"],
  [{ n: [1, null, true] }, { n: [1, null, true] }],
  [{ at: new Date(0), no: new Date(NaN) }, { at: "1970-01-01T00:00:00.000Z", no: null }],
  [12345678901234567890n, "12345678901234567890"],
  [new Map([["a", new Set([1n])]]), [["a", ["1"]]]],
  [new Uint8Array([1, 2, 3]), "AQID"],
  [new Money(), { cents: "5" }],
  [new Tagged(), { tag: "1970-01-01T00:00:00.000Z" }],
  [{ left: undefined, run: () => 1 }, {}],
  [undefined, null],
  [NaN, "NaN"],
  [new TypeError("no"), "TypeError: no"],
  [cycle, { self: "[cycle]" }]
]

const usage = {
  inputTokens: { total: 1, uncached: 1, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 1, text: 1, reasoning: 0 }
}

const eventsOf = (value: unknown): ReadonlyArray<AgentEvent.AgentEvent> => {
  const tool = { path: "a", turn: 1, id: "c", name: "t" }
  return [
    { _tag: "ToolCalled", ...tool, arguments: value },
    { _tag: "ToolProgress", ...tool, value },
    { _tag: "ToolReturned", ...tool, result: value },
    { _tag: "OutputPartial", path: "a", turn: 1, value },
    { _tag: "TurnStarted", path: "a", turn: 1, model: "m", changes: { value } },
    { _tag: "Paused", path: "a", name: "p", output: value },
    { _tag: "Gap", path: "a", turn: 1, missed: 1, text: "", reasoning: "", value },
    {
      _tag: "RunCompleted",
      path: "a",
      result: {
        output: value,
        finish: "answered",
        usage,
        turns: 1,
        toolCalls: 0,
        messages: [],
        warnings: [],
        model: "m"
      }
    }
  ]
}

describe("an event", () => {
  it("has JSON whatever value is in it, and that decodes to an event again", () => {
    for (const [value, shown] of values) {
      for (const event of eventsOf(value)) {
        const json = Schema.encodeSync(codec)(event)
        const told = eventsOf(shown).find(({ _tag }) => _tag === event._tag)
        assert.deepStrictEqual(JSON.parse(JSON.stringify(json)), JSON.parse(JSON.stringify(told)))
        assert.deepStrictEqual(Schema.decodeUnknownSync(codec)(json)._tag, event._tag)
      }
    }
  })
})
