import { assert, describe, it } from "@effect/vitest"
import { Cause, ConfigProvider, Effect, Exit, Layer, Schema, Sink, Stdio, Stream } from "effect"
import { AiError } from "effect/ai"
import { Agent, type AgentEvent, Progress, Task } from "fluxion"
import { TestModel } from "fluxion/testing"
import * as Transcript from "../../src/agent/Transcript.ts"

type Event = AgentEvent.AgentEvent

const write = (events: ReadonlyArray<Event>, colors = false): string => {
  let transcript = Transcript.initial
  let text = ""
  for (const event of events) {
    const [after, pieces] = Transcript.next(transcript, event)
    transcript = after
    text += Transcript.toText(pieces, { colors })
  }
  return text + Transcript.toText(Transcript.end(transcript), { colors })
}

const at = { path: "chef", turn: 1 }
const text = (delta: string, path = "chef", turn = 1): Event => ({ _tag: "TextDelta", path, turn, delta })
const called = (id: string, name: string, args: unknown, path = "chef"): Event => ({
  _tag: "ToolCalled",
  ...at,
  path,
  id,
  name,
  arguments: args
})
const returned = (id: string, name: string, result: unknown, path = "chef"): Event => ({
  _tag: "ToolReturned",
  ...at,
  path,
  id,
  name,
  result
})
const completed = (output: unknown, more: object = {}): Event => ({
  _tag: "RunCompleted",
  path: "chef",
  result: {
    output,
    finish: "answered",
    usage: { inputTokens: { total: 1234 }, outputTokens: { total: 5 } },
    turns: 2,
    toolCalls: 1,
    messages: [],
    warnings: [],
    model: "test/test",
    ...more
  }
})

describe("Transcript", () => {
  it("keeps calls, results and text apart, and ends with what it cost", () => {
    assert.strictEqual(
      write([
        text("One moment."),
        called("1", "bake", { minutes: 5 }),
        returned("1", "bake", { done: true }),
        { _tag: "TurnStarted", path: "chef", turn: 2, model: "test/test" },
        text("It is ", "chef", 2),
        text("done.", "chef", 2),
        completed("It is done.")
      ]),
      `One moment.

→ bake {"minutes":5}
← bake {"done":true}

It is done.

2 turns, 1 tool call, 1,234 tokens in, 5 out, test/test
`
    )
  })

  it("tells calls of one name apart while they are under way", () => {
    assert.strictEqual(
      write([
        called("1", "bake", 1),
        called("2", "bake", 2),
        returned("2", "bake", "two"),
        returned("1", "bake", "one"),
        called("3", "bake", 3)
      ]),
      `→ bake 1\n→ bake #2 2\n← bake #2 "two"\n← bake "one"\n→ bake 3\n`
    )
  })

  it("shows progress, failures, retries and warnings as lines", () => {
    assert.strictEqual(
      write([
        called("1", "bake", {}),
        { _tag: "ToolProgress", ...at, id: "1", name: "bake", value: { percent: 50 } },
        { _tag: "ToolFailed", ...at, id: "1", name: "bake", reason: "failed", message: "too\nhot", cause: "Error" },
        {
          _tag: "ModelRetried",
          ...at,
          model: "test/test",
          attempt: 2,
          delay: 1234,
          reason: "RateLimitError",
          message: "slow down\n\nplease"
        },
        { _tag: "RunRetried", path: "a", attempt: 2, reason: "EmptyAnswer", message: "nothing was\nsaid" },
        completed("", { finish: "tool-limit", warnings: [{ code: "cut", message: "the answer was cut" }] })
      ]),
      `→ bake {}
… bake {"percent":50}
✗ bake: too hot
! slow down; asking test/test again in 1.2 s
! nothing was said; the run begins anew, attempt 2
! the limit on tool calls ended the run
! the answer was cut

2 turns, 1 tool call, 1,234 tokens in, 5 out, test/test
`
    )
  })

  it("indents an agent inside another one, and does not take its text for the answer", () => {
    assert.strictEqual(
      write([
        called("1", "helper", { instruction: "help" }),
        text("Two\nlines", "chef/helper"),
        called("2", "look", {}, "chef/helper"),
        returned("2", "look", 1, "chef/helper"),
        returned("1", "helper", "Two\nlines"),
        { _tag: "TurnStarted", path: "chef", turn: 2, model: "test/test" },
        text("Done.", "chef", 2),
        completed("Done.")
      ]),
      `→ helper {"instruction":"help"}
  helper: Two
  lines
  → look {}
  ← look 1
← helper "Two\\nlines"

Done.

2 turns, 1 tool call, 1,234 tokens in, 5 out, test/test
`
    )
  })

  it("shows an answer that was not streamed, and says what nobody counted", () => {
    assert.strictEqual(
      write([completed({ a: 1 }, { usage: { inputTokens: {}, outputTokens: {} } })]),
      `{\n  "a": 1\n}\n\n2 turns, 1 tool call, unknown tokens in, unknown out, test/test\n`
    )
  })

  it("shows a typed answer as it comes, once, and closes what was rejected", () => {
    const partial = (value: unknown, turn = 1): Event => ({ _tag: "OutputPartial", path: "chef", turn, value })
    const pieces = [
      partial({}),
      partial({ dish: "so" }),
      partial({ dish: "soup [hot]" }),
      partial({ dish: "soup [hot]", minutes: [5] })
    ]
    const answer = { dish: "soup [hot]", minutes: [5, 10] }
    const summary = "2 turns, 1 tool call, 1,234 tokens in, 5 out, test/test\n"
    assert.strictEqual(write([...pieces, completed(answer)]), `${JSON.stringify(answer, null, 2)}\n\n${summary}`)
    // what is known is there before more comes
    assert.strictEqual(write(pieces.slice(0, 2)), `{\n  "dish": "so\n`)
    assert.strictEqual(
      write([
        partial({ dish: "so" }),
        { _tag: "OutputRejected", ...at, text: "", issues: ["dish is no dish"] },
        partial({ dish: "pie" }, 2),
        completed({ dish: "pie" })
      ]),
      `{\n  "dish": "so"\n}\n\n! the answer does not fit: dish is no dish\n\n{\n  "dish": "pie"\n}\n\n${summary}`
    )
    // an answer that its Schema read otherwise is shown as what it is
    assert.strictEqual(
      write([partial({ at: "5" }), completed({ at: 5 })]),
      `{\n  "at": "5"\n}\n\n{\n  "at": 5\n}\n\n${summary}`
    )
  })

  it("shows the whole text again after a gap, and goes on with it", () => {
    assert.strictEqual(
      write([
        text("Once "),
        { _tag: "Gap", ...at, missed: 7, text: "Once upon a ", reasoning: "" },
        text("time"),
        completed("Once upon a time")
      ]),
      `Once \n\n! 7 events missed; the text so far:\n\nOnce upon a time\n\n`
        + `2 turns, 1 tool call, 1,234 tokens in, 5 out, test/test\n`
    )
  })

  it("cuts what is long, and keeps a result on one line", () => {
    const line = write([returned("1", "read", "x\n".repeat(1000))])
    assert.isBelow(line.length, 500)
    assert.match(line, /… \(3,002 characters\)\n$/)
    assert.strictEqual(line.split("\n").length, 2)
  })

  it("uses colours only where it is told to", () => {
    const events = [called("1", "bake", {}), text("hi")]
    assert.include(write(events, true), "\u001b[36m→ bake {}\u001b[0m\n")
    assert.notInclude(write(events), "\u001b")
  })

  it.effect.prop(
    "never lets a model or a tool steer the terminal",
    { hostile: Schema.String },
    ({ hostile }) =>
      Effect.sync(() => {
        const nasty = `\u001b[2J\u009b31m\r${hostile}\u0007`
        const shown = write([
          text(nasty),
          called("1", "bake", { nasty }),
          returned("1", "bake", nasty),
          { _tag: "ToolFailed", ...at, id: "2", name: "bake", reason: "failed", message: nasty, cause: nasty },
          {
            _tag: "RunFailed",
            path: "chef",
            end: "failed",
            message: nasty,
            usage: { inputTokens: {}, outputTokens: {} },
            messages: []
          }
        ])
        // oxlint-disable-next-line no-control-regex
        assert.notMatch(shown, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/)
      })
  )

  it.effect.prop(
    "shows the same however the text is cut into deltas",
    { pieces: Schema.Array(Schema.String) },
    ({ pieces }) =>
      Effect.sync(() => {
        const whole = pieces.join("")
        assert.strictEqual(
          write([...pieces.map((piece) => text(piece)), completed(whole)]),
          write([...whole === "" ? [] : [text(whole)], completed(whole)])
        )
      })
  )
})

/** A `Stdio` that keeps what is written to it, write by write. */
const stdio = (writes: Array<string>, isTerminal = false): Layer.Layer<Stdio.Stdio> =>
  Stdio.layerTest({
    stdoutIsTerminal: Effect.succeed(isTerminal),
    stdout: () => Sink.forEach((text) => Effect.sync(() => void writes.push(String(text))))
  })

const count = Task.make("count", {
  payload: { to: Schema.Int },
  success: Schema.Int,
  run: Effect.fnUntraced(function*({ to }) {
    yield* Progress.emit({ half: to / 2 })
    return to
  })
})
const counter = Agent.make("counter", { instructions: "You count.", tools: [count] })

describe("Agent.print", () => {
  it.effect("shows a run as it happens, and gives its result", () => {
    const writes: Array<string> = []
    return Effect.gen(function*() {
      const result = yield* Agent.print(counter.stream("Count to 4."))
      assert.strictEqual(result.output, "Four.")
      assert.strictEqual(
        writes.join(""),
        `→ count {"to":4}
… count {"half":2}
← count 4

Four.

2 turns, 1 tool call, 20 tokens in, 10 out, test/test
`
      )
    }).pipe(
      Effect.provide(stdio(writes)),
      Effect.provide(TestModel.layer([
        TestModel.toolCall("count", { to: 4 }),
        TestModel.stream(["Fo", "ur", "."])
      ]))
    )
  })

  it.effect("writes each token when it comes", () => {
    const writes: Array<string> = []
    const seen = (text: string) =>
      Effect.sync(() => assert.isTrue(writes.join("").endsWith(text), `"${text}" in ${JSON.stringify(writes)}`))
    return Agent.print(counter.stream("Say it.")).pipe(
      Effect.provide(stdio(writes)),
      Effect.provide(TestModel.layer([
        TestModel.stream(["One", Effect.yieldNow, seen("One"), " two", Effect.yieldNow, seen("One two")])
      ]))
    )
  })

  it.effect("ends the line of a run that fails, and leaves the failure to the caller", () => {
    const writes: Array<string> = []
    return Effect.gen(function*() {
      const error = yield* Effect.flip(Agent.print(counter.stream("Say it.")))
      assert.strictEqual(error.reason._tag, "ModelFailed")
      assert.strictEqual(writes.join(""), "Half a sen\n")
    }).pipe(
      Effect.provide(stdio(writes)),
      Effect.provide(TestModel.layer([
        [TestModel.stream(["Half a sen"]), TestModel.fail(new AiError.AuthenticationError({ kind: "InvalidKey" }))]
      ]))
    )
  })

  it.effect("is in colours on a terminal only", () =>
    Effect.gen(function*() {
      const isColored = (isTerminal: boolean, env: { readonly [name: string]: string }) => {
        const writes: Array<string> = []
        return Agent.print(counter.stream("Say it.")).pipe(
          Effect.map(() => writes.join("").includes("\u001b")),
          Effect.provide(stdio(writes, isTerminal)),
          Effect.provide(TestModel.layer([TestModel.text("One.")])),
          Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(env)))
        )
      }
      assert.isTrue(yield* isColored(true, {}))
      assert.isFalse(yield* isColored(false, {}))
      assert.isFalse(yield* isColored(true, { NO_COLOR: "1" }))
      assert.isFalse(yield* isColored(true, { TERM: "dumb" }))
    }))

  it.effect("says what is wrong with events that never end", () =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(Agent.print(counter.stream("Say it.").pipe(Stream.take(1))))
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
    }).pipe(Effect.provide(stdio([])), Effect.provide(TestModel.layer({}))))
})

describe("Agent.text", () => {
  it.effect("is the text of the outermost agent, piece by piece", () =>
    Effect.gen(function*() {
      const inner = Agent.make("inner", { instructions: "You help." })
      const outer = Agent.make("outer", { instructions: "You ask.", tools: [inner] })
      assert.deepStrictEqual(yield* Stream.runCollect(Agent.text(outer.stream("Go."))), ["Wait. ", "A", "B"])
    }).pipe(Effect.provide(TestModel.layer({
      outer: [
        [TestModel.text("Wait. "), TestModel.toolCall("inner", { instruction: "Help." })],
        TestModel.stream(["A", "B"])
      ],
      inner: [TestModel.text("never shown")]
    }))))

  it.effect("fails as the run does", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Stream.runDrain(Agent.text(counter.stream("Go."))))
      assert.strictEqual(error.reason._tag, "ModelFailed")
    }).pipe(
      Effect.provide(TestModel.layer([TestModel.fail(new AiError.AuthenticationError({ kind: "InvalidKey" }))]))
    ))
})
