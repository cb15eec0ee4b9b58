/**
 * Runs as the AI SDK's own client shows them: its transport checks every chunk, its reader makes the message.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema, Stream } from "effect"
import { AiError, type LanguageModel } from "effect/ai"
import { Agent, type AgentEvent, Progress, Task, Usage } from "fluxion"
import { TestModel } from "fluxion/testing"
import { EventResponse, UiMessages } from "fluxion/web"
import * as Scripted from "../support/Scripted.ts"
import * as Clients from "./support/Clients.ts"

type Event = AgentEvent.AgentEvent

const assistant = Agent.make("assistant", { instructions: "i" })

const look = Task.make("look", {
  payload: { at: Schema.String },
  success: Schema.Struct({ seen: Schema.String }),
  error: Schema.String,
  risk: "read",
  run: Effect.fnUntraced(function*({ at }) {
    if (at === "sun") return yield* Effect.fail("too bright")
    yield* Progress.emit({ percent: 50 })
    yield* Progress.emit({ percent: 100 })
    return { seen: `a ${at}` }
  })
})

/** What the AI SDK's client makes of a run. */
const shown = (
  stream: Stream.Stream<Event, unknown, LanguageModel.LanguageModel>,
  options?: UiMessages.Options
): Effect.Effect<Clients.Chat, never, LanguageModel.LanguageModel> =>
  Effect.flatMap(EventResponse.make(stream, { encoder: UiMessages.make(options) }), Clients.chatOf)

/** The same of events that are there already. */
const shownOf = (events: ReadonlyArray<Event>, options?: UiMessages.Options) =>
  Effect.flatMap(EventResponse.make(Stream.fromIterable(events), { encoder: UiMessages.make(options) }), Clients.chatOf)

const call = (id: string, params: object): ReadonlyArray<Scripted.Part> => {
  const text = JSON.stringify(params)
  return [
    { type: "tool-params-start", id, name: "look" },
    { type: "tool-params-delta", id, delta: text.slice(0, 5) },
    { type: "tool-params-delta", id, delta: text.slice(5) },
    { type: "tool-params-end", id },
    { type: "tool-call", id, name: "look", params }
  ]
}

const typesOf = ({ chunks }: Clients.Chat) => chunks.map(({ type }) => type)

describe("a UI message stream", () => {
  it.effect("shows reasoning, text, calls as they come, their progress, results and failures, turn by turn", () => {
    let turn = 0
    // vendors may count ids from the start in each turn
    const model = Scripted.layer(() =>
      ++turn <= 2
        ? Scripted.parts([
          { type: "reasoning-start", id: "r" },
          { type: "reasoning-delta", id: "r", delta: "let me " },
          { type: "reasoning-delta", id: "r", delta: "look" },
          { type: "reasoning-end", id: "r" },
          { type: "text-start", id: "t" },
          { type: "text-delta", id: "t", delta: "I look." },
          { type: "text-end", id: "t" },
          ...call("c1", { at: "moon" }),
          ...call("c2", turn === 1 ? { at: "sun" } : { at: 3 }),
          Scripted.finish
        ])
        : Scripted.parts(Scripted.say(["a ", "moon"]))
    )
    return Effect.gen(function*() {
      const chat = yield* shown(assistant.with({ tools: [look] }).stream("go"))
      assert.deepStrictEqual(chat.errors, [])
      const { message } = chat
      assert.deepStrictEqual(message?.metadata, {
        model: "test/scripted",
        usage: { inputTokens: { total: 30 }, outputTokens: { total: 15 } },
        finish: "answered",
        turns: 3,
        toolCalls: 4
      })
      const parts = message!.parts.map((part) => {
        if (part.type === "reasoning" || part.type === "text") return [part.type, part.text, part.state]
        if (part.type === "data-tool-progress") return [part.type, part.data]
        if (part.type !== "tool-look" || !("state" in part)) return [part.type]
        return [part.type, part.toolCallId, part.input, part.state === "output-error" ? part.errorText : part.output]
      })
      const said = [["step-start"], ["reasoning", "let me look", "done"], ["text", "I look.", "done"]]
      const progress = ["data-tool-progress", {
        toolCallId: "c1",
        toolName: "look",
        value: { percent: 100 }
      }]
      const moon = ["tool-look", "c1", { at: "moon" }, { seen: "a moon" }]
      assert.deepStrictEqual(parts.slice(0, 6), [
        ...said,
        moon,
        ["tool-look", "c2", { at: "sun" }, "too bright"],
        progress
      ] as never)
      assert.deepStrictEqual(parts.slice(6, 10), [...said, moon] as never)
      assert.include(String(parts[10]), "at")
      assert.deepStrictEqual(parts.slice(11), [progress, ["step-start"], ["text", "a moon", "done"]] as never)
      assert.strictEqual(typesOf(chat).filter((type) => type === "tool-input-start").length, 4)
      // the arguments grow as they come
      const inputs = chat.states.flatMap((state) =>
        state.parts.flatMap((part) =>
          part.type === "tool-look" && "state" in part && part.state === "input-streaming" ? [part.input] : []
        )
      )
      assert.isNotEmpty(inputs)
    }).pipe(Effect.provide(model))
  })

  it.effect("begins once, has a step for each turn, and ends with why it ended", () =>
    Effect.gen(function*() {
      const chat = yield* shown(assistant.stream("go"), { messageId: "m-1" })
      assert.deepStrictEqual(typesOf(chat), [
        "start",
        "start-step",
        "text-start",
        "text-delta",
        "text-delta",
        "text-end",
        "finish-step",
        "finish"
      ])
      assert.strictEqual(chat.message?.id, "m-1")
      const last = chat.chunks.at(-1)!
      assert.strictEqual(last.type === "finish" && last.finishReason, "length")
    }).pipe(Effect.provide(TestModel.layer([TestModel.stream(["a", "b"], { finish: "length" })]))))

  it.effect("a typed answer is one data part, which grows to the whole", () =>
    Effect.gen(function*() {
      const Forecast = Schema.Struct({ day: Schema.Date, high: Schema.Finite })
      const typed = Agent.make("typed", { instructions: "i", output: Forecast })
      const chat = yield* shown(typed.stream("go"), { output: Forecast })
      const states = chat.states.flatMap(({ parts }) =>
        parts.flatMap((part) => part.type === "data-output" ? [part.data] : [])
      )
      assert.deepStrictEqual(states.at(-1), { day: "2026-11-24T00:00:00.000Z", high: 22 })
      assert.isTrue(states.some((state) => JSON.stringify(state) !== JSON.stringify(states.at(-1))), "it grows")
      assert.strictEqual(chat.message?.parts.filter(({ type }) => type === "data-output").length, 1)
      assert.isFalse(chat.message?.parts.some(({ type }) => type === "text"))
    }).pipe(Effect.provide(TestModel.layer([
      TestModel.stream([`{"day":"2026-11`, `-24T00:00:00.000Z",`, `"high":2`, `2}`])
    ]))))

  it.effect("an error in the middle is the last chunk, after what was shown", () =>
    Effect.gen(function*() {
      const chat = yield* shown(assistant.stream("go"))
      assert.deepStrictEqual(chat.errors, ["the model failed"])
      assert.deepStrictEqual(typesOf(chat).slice(-3), ["text-delta", "text-end", "error"])
      assert.deepInclude(chat.message!.parts.at(-1), { type: "text", text: "half an ", state: "done" })
    }).pipe(Effect.provide(TestModel.layer([
      [TestModel.text("half an "), TestModel.fail(new AiError.InternalProviderError({ description: "private" }))]
    ]))))

  const at = { path: "a", turn: 1 }
  const usage = Usage.empty
  const delta = (delta: string): Event => ({ _tag: "TextDelta", ...at, delta })
  const started: Event = { _tag: "TurnStarted", ...at, model: "m" }
  const completed = (output: unknown): Event => ({
    _tag: "RunCompleted",
    path: "a",
    result: { output, finish: "tool-limit", usage, turns: 1, toolCalls: 0, messages: [], warnings: [], model: "m" }
  })

  it.effect("what is no part of a message is told to whoever wants it: retries, other models, corrections, pauses", () =>
    Effect.gen(function*() {
      const told: ReadonlyArray<Event> = [
        {
          _tag: "ModelRetried",
          ...at,
          model: "m",
          attempt: 2,
          delay: 500,
          reason: "RateLimitError",
          message: "private"
        },
        { _tag: "ModelFellBack", ...at, from: "m", to: "n", message: "private" },
        { _tag: "OutputRejected", ...at, issues: ["high: missing"], text: "{}" },
        { _tag: "RunRetried", path: "a", attempt: 2, reason: "EmptyAnswer", message: "private" },
        { _tag: "Paused", path: "a", name: "review", output: { notes: 1 } }
      ]
      const chat = yield* shownOf([started, ...told, delta("done"), completed("done")])
      const data = chat.chunks.filter(({ type }) => type.startsWith("data-"))
      assert.deepStrictEqual(data.map(({ type }) => type), [
        "data-model-retried",
        "data-model-fell-back",
        "data-output-rejected",
        "data-run-retried",
        "data-paused"
      ])
      assert.notInclude(JSON.stringify(data), "private")
      assert.deepStrictEqual(chat.message?.parts.map(({ type }) => type), ["step-start", "text"])
      const last = chat.chunks.at(-1)!
      assert.strictEqual(last.type === "finish" && last.finishReason, "other")
    }))

  it.effect("an agent inside is a tool; what it does is told and leaves the message alone", () =>
    Effect.gen(function*() {
      const inner = Agent.make("inner", { instructions: "i" })
      const chat = yield* shown(assistant.with({ tools: [inner] }).stream("go"))
      assert.deepStrictEqual(chat.message?.parts.map((part) => [part.type, "text" in part ? part.text : undefined]), [
        ["step-start", undefined],
        ["tool-inner", undefined],
        ["step-start", undefined],
        ["text", "done"]
      ])
      const told = chat.chunks.flatMap((chunk) => chunk.type === "data-text-delta" ? [chunk.data] : [])
      assert.deepStrictEqual(told, [{ _tag: "TextDelta", path: "assistant/inner", turn: 1, delta: "inside" }])
    }).pipe(Effect.provide(TestModel.layer({
      assistant: [TestModel.toolCall("inner", { instruction: "go" }), TestModel.text("done")],
      inner: [TestModel.text("inside")]
    }))))

  it.effect("after a gap, text and reasoning go on with what is new, and a call that was shown keeps its result", () =>
    Effect.gen(function*() {
      const gap: Event = { _tag: "Gap", ...at, missed: 9, text: "one two", reasoning: "hm, so", value: { n: 1 } }
      const chat = yield* shownOf([
        started,
        { _tag: "ReasoningDelta", ...at, delta: "hm" },
        delta("one "),
        { _tag: "ToolCalled", ...at, id: "c", name: "look", arguments: undefined },
        gap,
        { _tag: "ToolReturned", ...at, id: "c", name: "look", result: undefined },
        completed("one two")
      ])
      assert.deepStrictEqual(chat.errors, [])
      const of = (type: string) =>
        chat.message!.parts.flatMap((part) => part.type === type && "text" in part ? [part.text] : [])
      assert.strictEqual(of("reasoning").join(""), "hm, so")
      assert.strictEqual(of("text").join(""), "one two")
      assert.deepInclude(chat.message!.parts.find(({ type }) => type === "tool-look"), { output: null, input: null })
      assert.deepInclude(chat.message!.parts.find(({ type }) => type === "data-output"), { data: { n: 1 } })
      assert.deepInclude(chat.chunks.find(({ type }) => type === "data-gap"), { transient: true })
    }))

  it.effect("an answer that was not written is: a fallback's as a text of its own", () =>
    Effect.gen(function*() {
      const chat = yield* shownOf([started, delta("half"), completed("sorry")])
      assert.deepStrictEqual(chat.message?.parts.flatMap((part) => part.type === "text" ? [part.text] : []), [
        "half",
        "sorry"
      ])
    }))

  it.effect("of a watched run, failure is an error, and an interrupt an abort", () =>
    Effect.gen(function*() {
      const end = (end: "failed" | "interrupted"): Event => ({
        _tag: "RunFailed",
        path: "a",
        end,
        message: "private",
        usage,
        messages: []
      })
      const failed = yield* shownOf([started, delta("half"), end("failed")])
      assert.deepStrictEqual(failed.errors, ["something went wrong on the server"])
      const stopped = yield* shownOf([started, delta("half"), end("interrupted")])
      assert.deepStrictEqual(stopped.errors, [])
      assert.deepStrictEqual(stopped.chunks.at(-1), { type: "abort", reason: "the run was interrupted" })
    }))
})
