import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration, Effect, Result, Schema } from "effect"
import { AiError, Prompt } from "effect/ai"
import { AgentError, AgentEvent, Usage } from "fluxion"
import { Problem, Sse } from "fluxion/web"
import * as Clients from "./support/Clients.ts"

type Event = AgentEvent.AgentEvent

const codec = Schema.toCodecJson(AgentEvent.AgentEvent)
const toJson = Schema.encodeResult(codec)
const fromJson = Schema.decodeUnknownSync(codec)

const result = {
  output: "It rains.",
  finish: "answered",
  usage: Usage.empty,
  turns: 1,
  toolCalls: 0,
  messages: [Prompt.makeMessage("user", { content: [Prompt.makePart("text", { text: "private" })] })],
  warnings: [],
  model: "m"
} as const

const completed = (output: unknown): Event => ({ _tag: "RunCompleted", path: "a", result: { ...result, output } })

const vendor = new AgentError.ModelFailed({
  model: "m",
  error: AiError.make({
    module: "OpenAi",
    method: "stream",
    reason: new AiError.AuthenticationError({ kind: "InvalidKey", description: "private" })
  })
})

const failed: Event = {
  _tag: "RunFailed",
  path: "a",
  end: "failed",
  message: "private",
  reason: vendor,
  usage: Usage.empty,
  messages: result.messages
}

/** The one event that was written. */
const only = (text: string | undefined) => {
  const [event, ...more] = Clients.parse([text ?? ""])
  assert.deepStrictEqual(more, [])
  return event!
}

const dataOf = (event: Event, options?: Sse.Options) => JSON.parse(only(Sse.make(options)().encode(event, 1)).data)

describe("Server-Sent Events", () => {
  it.effect.prop(
    "any events, cut anywhere, are what a client decodes",
    { events: Schema.Array(AgentEvent.AgentEvent), cut: Schema.Natural, first: Schema.Natural },
    ({ cut, events, first }) =>
      Effect.sync(() => {
        const encoder = Sse.make({ whole: true })()
        const text = events.map((event, index) => encoder.encode(event, first + index)).join("")
        const size = 1 + cut % 50
        const chunks = Array.from({ length: Math.ceil(text.length / size) }, (_, index) =>
          text.slice(index * size, (index + 1) * size))
        const seen = Clients.parse(chunks)
        assert.deepStrictEqual(
          seen.map(({ event, id }) => [event, id]),
          events.map(({ _tag }, index) => [
            _tag,
            String(first + index)
          ])
        )
        for (const [index, { data }] of seen.entries()) {
          const known = toJson(events[index]!)
          if (Result.isFailure(known)) {
            continue // a value that no Schema describes, and that is no JSON
          }
          const { problem, ...event } = JSON.parse(data)
          assert.deepStrictEqual(event, JSON.parse(JSON.stringify(known.success)))
          assert.strictEqual(problem !== undefined, event._tag === "RunFailed")
        }
      })
  )

  it("an event that nobody can come back to has no id", () => {
    assert.notMatch(Sse.make()().encode({ _tag: "RunStarted", path: "a" }, undefined)!, /^id/m)
  })

  it("text may hold whatever ends a line or an event", () => {
    const delta = "a\n\nb\r\nc\rdata: x\n\nevent: y\u2028\u2029\u0000\ud83d"
    assert.strictEqual(dataOf({ _tag: "TextDelta", path: "a", turn: 1, delta }).delta, delta)
  })

  it("an answer is written by the Schema of the agent's output, if that is given", () => {
    const fields = { on: Schema.Date, sun: Schema.Duration, rain: Schema.ReadonlyMap(Schema.String, Schema.BigInt) }
    class Day extends Schema.Class<Day>("Day")(fields) {}
    const day = new Day({ on: new Date(0), sun: Duration.hours(5), rain: new Map([["Oslo", 3n]]) })
    const { output } = dataOf(completed(day), { output: Day }).result
    assert.deepStrictEqual(Schema.decodeUnknownSync(Schema.toCodecJson(Day))(output), day)
    // an agent inside has another
    const inside = { ...completed("x"), path: "a/b" } as Event
    assert.strictEqual(dataOf(inside, { output: Day }).result.output, "x")
  })

  it("values that are no JSON are written all the same", () => {
    const cycle: { self?: unknown } = {}
    cycle.self = cycle
    const twice = { n: 1 }
    const value = { big: 3n, map: new Map([["k", new Set([1])]]), date: new Date(0), cycle, again: [twice, twice] }
    assert.deepStrictEqual(dataOf({ _tag: "OutputPartial", path: "a", turn: 1, value }).value, {
      big: "3",
      map: [["k", [1]]],
      date: "1970-01-01T00:00:00.000Z",
      cycle: { self: "[cycle]" },
      again: [{ n: 1 }, { n: 1 }]
    })
    assert.strictEqual(dataOf(completed(undefined)).result.output, undefined)
    assert.strictEqual(dataOf(completed(7n)).result.output, "7")
  })

  describe("for a client who may not know everything", () => {
    const privates: ReadonlyArray<Event> = [
      { _tag: "TurnStarted", path: "a", turn: 1, model: "m", changes: { instructions: "private" } },
      {
        _tag: "ToolFailed",
        path: "a",
        turn: 1,
        id: "c",
        name: "t",
        reason: "failed",
        message: "told",
        cause: "private"
      },
      {
        _tag: "ModelRetried",
        path: "a",
        turn: 1,
        model: "m",
        attempt: 2,
        delay: 1,
        reason: "RateLimitError",
        message: "private"
      },
      { _tag: "ModelFellBack", path: "a", turn: 1, from: "m", to: "n", message: "private" },
      { _tag: "RunRetried", path: "a", attempt: 2, reason: "EmptyAnswer", message: "private" },
      completed("x"),
      failed
    ]

    for (const event of privates) {
      it(`${event._tag} has nothing of the server's own in it, and is an event by its Schema still`, () => {
        const data = dataOf(event)
        assert.notInclude(JSON.stringify(data), "private")
        assert.strictEqual(fromJson(data)._tag, event._tag)
        assert.include(JSON.stringify(dataOf(event, { whole: true })), "private")
      })
    }

    it("a RunFailed says in their words what happened, and as what problem", () => {
      const { message, problem } = dataOf(failed)
      assert.strictEqual(message, "the model refused the server")
      assert.deepStrictEqual(problem, Problem.ofEvent(failed as never))
    })
  })

  describe("a stream that fails ends with the RunFailed that watchers get", () => {
    const fail = (cause: Cause.Cause<unknown>, options?: Sse.Options) => {
      const encoder = Sse.make(options)()
      encoder.encode({ _tag: "RunStarted", path: "outer" }, undefined)
      const { data, event } = only(encoder.failed(Problem.ofCause(cause), cause))
      assert.strictEqual(event, "RunFailed")
      assert.strictEqual(fromJson(JSON.parse(data))._tag, "RunFailed")
      return JSON.parse(data)
    }
    const toError = (reason: AgentError.AgentErrorReason) =>
      new AgentError.AgentError({
        agent: "outer",
        reason,
        usage: { inputTokens: { total: 3 }, outputTokens: {} },
        messages: result.messages
      })

    it("with path, usage and problem, and without what was said", () => {
      const data = fail(Cause.fail(toError(vendor)))
      assert.deepStrictEqual(data, {
        _tag: "RunFailed",
        path: "outer",
        end: "failed",
        message: "the model refused the server",
        usage: { inputTokens: { total: 3 }, outputTokens: {} },
        messages: [],
        problem: Problem.of(toError(vendor))
      })
    })

    it("whole, for those who may know it", () => {
      const { problem: _, ...event } = fail(Cause.fail(toError(vendor)), { whole: true })
      const read = fromJson(event)
      assert.strictEqual(read._tag === "RunFailed" && read.reason?._tag, "ModelFailed")
      assert.strictEqual(read._tag === "RunFailed" && read.messages.length, 1)
    })

    it("and says how it ended", () => {
      const timedOut = new AgentError.TimedOut({ after: Duration.seconds(5) })
      assert.strictEqual(fail(Cause.fail(toError(timedOut))).end, "timed-out")
      assert.strictEqual(fail(Cause.fail({ _tag: "Odd" })).end, "failed")
      assert.strictEqual(fail(Cause.die("private")).end, "defect")
      assert.strictEqual(fail(Cause.interrupt()).end, "interrupted")
    })
  })
})
