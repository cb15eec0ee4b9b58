import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Schema, Stream } from "effect"
import { type AgentEvent, Usage } from "fluxion"
import { EventResponse, Text } from "fluxion/web"

type Event = AgentEvent.AgentEvent

const started: Event = { _tag: "TurnStarted", path: "a", turn: 1, model: "m" }
const delta = (delta: string, path = "a"): Event => ({ _tag: "TextDelta", path, turn: 1, delta })
const completed = (output: unknown): Event => ({
  _tag: "RunCompleted",
  path: "a",
  result: {
    output,
    finish: "answered",
    usage: Usage.empty,
    turns: 1,
    toolCalls: 0,
    messages: [],
    warnings: [],
    model: "m"
  }
})

/** What a client reads, with each event a piece of its own. */
const read = (events: ReadonlyArray<Event>, encoder = Text.make()) =>
  Effect.flatMap(
    EventResponse.make(Stream.rechunk(Stream.fromIterable(events), 1), { encoder }),
    (response) => Effect.promise(() => response.text())
  )

describe("plain text", () => {
  it.effect.prop(
    "is the text of the deltas, wherever a character is cut in two",
    { text: Schema.String, cuts: Schema.Array(Schema.Natural) },
    ({ cuts, text: any }) =>
      Effect.gen(function*() {
        const text = `${any.replace(/\p{Surrogate}/gu, "")}🙂 день 日本`
        const at = [...new Set(cuts.map((cut) => cut % text.length))].sort((a, b) => a - b)
        const pieces = [0, ...at].map((from, index) => text.slice(from, at[index] ?? text.length))
        assert.strictEqual(pieces.join(""), text)
        const events = [
          started,
          ...pieces.filter((piece) => piece !== "").map((piece) => delta(piece)),
          completed(text)
        ]
        assert.strictEqual(yield* read(events), text)
      })
  )

  it.effect("is of the outermost agent alone, and of nothing but text", () =>
    Effect.gen(function*() {
      const others: ReadonlyArray<Event> = [
        { _tag: "ReasoningDelta", path: "a", turn: 1, delta: "hm" },
        { _tag: "ToolCalled", path: "a", turn: 1, id: "c", name: "b", arguments: {} },
        delta("inside", "a/b"),
        { ...completed("inside"), path: "a/b" } as Event,
        { _tag: "ToolReturned", path: "a", turn: 1, id: "c", name: "b", result: "inside" }
      ]
      assert.strictEqual(
        yield* read([started, delta("one "), ...others, delta("two"), completed("one two")]),
        "one two"
      )
    }))

  it.effect("an answer that was not written follows: a typed one as JSON, a fallback's on a line of its own", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* read([started, completed({ high: 22 })]), `{"high":22}`)
      assert.strictEqual(yield* read([started, completed("yes")]), "yes")
      assert.strictEqual(yield* read([started, delta("half"), completed("sorry")]), "half\nsorry")
      const Day = Schema.Struct({ on: Schema.Date, sun: Schema.Duration })
      const day = { on: new Date(0), sun: Duration.hours(5) }
      const text = yield* read([started, completed(day)], Text.make({ output: Day }))
      assert.deepStrictEqual(Schema.decodeUnknownSync(Schema.fromJsonString(Schema.toCodecJson(Day)))(text), day)
    }))

  it.effect("after a gap, goes on with what is new", () =>
    Effect.gen(function*() {
      const gap: Event = { _tag: "Gap", path: "a", turn: 1, missed: 9, text: "one two three", reasoning: "" }
      const events = [started, delta("one "), gap, delta(" four"), completed("one two three four")]
      assert.strictEqual(yield* read(events), "one two three four")
    }))
})
