/**
 * A vendor that runs tools of its own may pause a turn: the run asks it to go on.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Schema, Sink, Stdio, Stream } from "effect"
import { AiError, type Response } from "effect/ai"
import { TestClock } from "effect/testing"
import { Agent, AgentError, Limits, Task } from "fluxion"
import { TestModel } from "fluxion/testing"
import { collect, only } from "../support/Events.ts"
import { assertLegal, texts } from "../support/Messages.ts"
import { recorder, within } from "../support/Steps.ts"

const searcher = Agent.make("searcher", { instructions: "You search." })

const says = (...turns: ReadonlyArray<TestModel.Turn>) => Effect.provide(TestModel.layer(turns))

const search = (id: string): Response.StreamPartEncoded => ({
  type: "tool-call",
  id,
  name: "web_search",
  params: { query: id },
  providerExecuted: true
})

const found = (id: string): Response.StreamPartEncoded => ({
  type: "tool-result",
  id,
  name: "web_search",
  result: `found ${id}`,
  isFailure: false,
  providerExecuted: true
})

const paused = (...items: ReadonlyArray<TestModel.StreamItem>) => TestModel.stream(items, { finish: "pause" })

const shape = (messages: ReadonlyArray<{ readonly role: string; readonly content: unknown }>) =>
  messages.map(({ content, role }) =>
    Array.isArray(content) ? `${role}: ${content.map(({ type }) => type).join(" ")}` : role
  )

describe("a turn that its vendor pauses", () => {
  it.effect("is gone on with in a turn of its own; what was said is one message, and one answer", () =>
    Effect.gen(function*() {
      const { events, exit } = yield* collect(searcher.stream("How long is an inch?"))
      assert.deepStrictEqual(exit, Exit.void)
      assert.deepStrictEqual(events.map((event) => "turn" in event ? `${event._tag} ${event.turn}` : event._tag), [
        "RunStarted",
        "TurnStarted 1",
        "TextDelta 1",
        "ResponseReceived 1",
        "TurnStarted 2",
        "ResponseReceived 2",
        "TurnStarted 3",
        "TextDelta 3",
        "ResponseReceived 3",
        "RunCompleted"
      ])
      const { finish, messages, output, turns, usage, warnings } = only(events, "RunCompleted")[0]!.result
      assert.strictEqual(output, "I look it up. 2.54 cm")
      assert.deepStrictEqual({ finish, turns, warnings }, { finish: "answered", turns: 3, warnings: [] })
      assert.deepStrictEqual([usage.inputTokens.total, usage.outputTokens.total], [30, 15])
      assertLegal(messages)
      assert.deepStrictEqual(shape(messages), [
        "user: text",
        "assistant: text tool-call tool-result tool-call tool-result text"
      ])
      const asked = (yield* TestModel.requests).map(({ prompt }) => shape(prompt.content))
      assert.deepStrictEqual(asked, [
        ["system", "user: text"],
        ["system", "user: text", "assistant: text tool-call"],
        ["system", "user: text", "assistant: text tool-call tool-result tool-call"]
      ])
    }).pipe(says(
      paused("I look it up. ", search("inch")),
      paused(found("inch"), search("again")),
      TestModel.stream([found("again"), "2.54 cm"])
    )))

  it.effect("may end in calls of the run's own tools", () => {
    const convert = Task.make("convert", { payload: {}, success: Schema.String, run: () => "2.54 cm" })
    return Effect.gen(function*() {
      const { messages, output, toolCalls } = yield* searcher.with({ tools: [convert] }).result("?")
      assert.deepStrictEqual([output, toolCalls], ["It is 2.54 cm.", 1])
      assertLegal(messages)
      assert.deepStrictEqual(shape(messages), [
        "user: text",
        "assistant: text tool-call tool-result tool-call",
        "tool: tool-result",
        "assistant: text"
      ])
    }).pipe(says(
      paused("I look it up.", search("inch")),
      [TestModel.stream([found("inch")]), TestModel.toolCall("convert", {})],
      TestModel.text("It is 2.54 cm.")
    ))
  })

  it.effect("after ten pauses in a row what was said so far is the answer, and the run says that it was cut", () =>
    Effect.gen(function*() {
      const { finish, messages, output, turns, warnings } = yield* searcher.result("?")
      assert.deepStrictEqual({ finish, output, turns }, {
        finish: "tool-limit",
        output: "0 1 2 3 4 5 6 7 8 9 10 ",
        turns: Limits.maxPauses + 1
      })
      assert.deepStrictEqual(warnings.map(({ code }) => code), ["paused-too-often"])
      assertLegal(messages)
      assert.strictEqual(messages.length, 2)
    }).pipe(says(
      ...Array.from({ length: 11 }, (_, index) => paused(`${index} `, ...(index === 10 ? [search("last")] : [])))
    )))

  it.effect("that says nothing, again and again, is an empty answer", () =>
    Effect.gen(function*() {
      const { messages, reason } = yield* Effect.flip(searcher("?"))
      assert(reason instanceof AgentError.EmptyAnswer)
      assert.strictEqual(reason.finish, "pause")
      assert.include(reason.message, "its vendor's own tools took too long")
      assert.deepStrictEqual(shape(messages), ["user: text"])
    }).pipe(says(...Array.from({ length: 11 }, () => paused(search("x"))))))

  it.effect("and is not gone on with, by a failure, leaves a history that every provider takes", () =>
    Effect.gen(function*() {
      const { messages, reason } = yield* Effect.flip(searcher("?"))
      assert.strictEqual(reason._tag, "ModelFailed")
      assertLegal(messages)
      assert.deepStrictEqual(shape(messages), ["user: text", "assistant: text"])
      assert.deepStrictEqual(texts(messages), ["?", "I look it up."])
    }).pipe(says(
      paused("I look it up.", search("inch")),
      TestModel.fail(new AiError.AuthenticationError({ kind: "InvalidKey" }))
    )))

  it.effect("and is not gone on with, since the run's time is over, leaves one, too", () =>
    Effect.gen(function*() {
      const slow = searcher.with({
        timeout: "1 second",
        beforeTurn: ({ turn }) => turn === 2 ? Effect.never : Effect.void
      })
      const run = yield* Effect.forkChild(Effect.flip(slow("?")))
      yield* TestClock.adjust("1 second")
      const { messages, reason } = yield* Fiber.join(run)
      assert.strictEqual(reason._tag, "TimedOut")
      assertLegal(messages)
      assert.deepStrictEqual(shape(messages), ["user: text", "assistant: text"])
    }).pipe(says(paused("I look it up.", search("inch")))))

  it.effect("and whose next response is cut short keeps what came of both", () =>
    Effect.gen(function*() {
      const begun = yield* Deferred.make<void>()
      const script = [
        paused("I look it up. ", search("inch")),
        TestModel.stream([found("inch"), "2.54", Effect.andThen(Deferred.succeed(begun, undefined), Effect.never)])
      ]
      const run = Effect.scoped(Effect.gen(function*() {
        const { events } = yield* searcher.watch("?")
        const seen = yield* Effect.forkDetach(Stream.runCollect(events()))
        yield* Deferred.await(begun)
        return seen
      }))
      const events = yield* Effect.flatMap(run, Fiber.join).pipe(says(...script))
      const last = events.at(-1)!.event
      assert(last._tag === "RunFailed")
      assertLegal(last.messages)
      assert.deepStrictEqual(shape(last.messages), ["user: text", "assistant: text tool-call tool-result text"])
    }))

  it.effect("a typed answer is what the last response says", () =>
    Effect.gen(function*() {
      const typed = Agent.make("typed", { instructions: "i", output: Schema.Struct({ cm: Schema.Finite }) })
      assert.deepStrictEqual(yield* typed("How long is an inch?"), { cm: 2.54 })
    }).pipe(says(
      paused(`Maybe {"cm":3}? I look it up.`, search("inch")),
      TestModel.stream([found("inch"), `{"cm":2.54}`])
    )))

  it.effect("each response is a step of its turn", () => {
    const { scope, steps } = recorder()
    return Effect.gen(function*() {
      yield* searcher("?").pipe(within(scope))
      assert.deepStrictEqual(steps.filter(({ name }) => name === "model").map(({ payload }) => payload), [
        { turn: 1 },
        { turn: 2 }
      ])
    }).pipe(says(paused("a"), TestModel.text("b")))
  })

  it.effect("its text is shown once", () => {
    let shown = ""
    const stdio = Stdio.layerTest({
      stdout: () =>
        Sink.forEach((text) =>
          Effect.sync(() => {
            shown += text
          })
        )
    })
    return Effect.gen(function*() {
      yield* Agent.print(searcher.stream("?"))
      assert.strictEqual(shown, "I look it up. \n\n2.54 cm\n\n2 turns, 0 tool calls, 20 tokens in, 10 out, test/test\n")
    }).pipe(says(paused("I look it up. "), TestModel.text("2.54 cm")), Effect.provide(stdio))
  })
})
