import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Latch, Layer, Schema, Stream } from "effect"
import { LanguageModel } from "effect/ai"
import { Agent, type AgentEvent, Driver, Task } from "fluxion"
import { TestModel } from "fluxion/testing"
import { only } from "../support/Events.ts"
import * as LiveVendor from "../support/LiveVendor.ts"
import { assertLegal, texts } from "../support/Messages.ts"
import { promptly } from "../support/Promptly.ts"
import * as Steps from "../support/Steps.ts"

type Event = AgentEvent.AgentEvent<unknown>

const getWeather = Task.make("get_weather", {
  description: "Current weather for a city.",
  payload: { city: Schema.String },
  success: Schema.String,
  run: ({ city }) => Effect.succeed(`Sunny in ${city}`)
})

const assistant = Agent.make("assistant", { instructions: "Answer.", tools: [getWeather] })

const pieces = ["It ", "is ", "sunny ", "in ", "Tōkyō 🌞", ".\n"]
const answer = pieces.join("")

/** One latch for each piece: opened when the subscriber has seen it. */
const makeLatches = Effect.forEach(pieces, () => Latch.make())

/** Takes a run's events, and opens the latch of every delta that it sees. */
const readAlong = <E, R>(
  events: Stream.Stream<Event, E, R>,
  latches: ReadonlyArray<Latch.Latch>,
  tag: "TextDelta" | "ReasoningDelta" = "TextDelta"
) =>
  Effect.gen(function*() {
    const seen: Array<Event> = []
    let count = 0
    yield* Stream.runForEach(events, (event) => {
      seen.push(event)
      return event._tag === tag ? latches[count++]?.open ?? Effect.void : Effect.void
    })
    return seen
  }).pipe(promptly(5_000, "the model waits for the subscriber to see a delta, which it does not"))

/** The recorded answer is what was shown, wherever it is recorded. */
const assertRecorded = (
  events: ReadonlyArray<Event>,
  usages: ReadonlyArray<readonly [input: number, output: number]>
) => {
  const received = only(events, "ResponseReceived")
  for (const { text, turn } of received) {
    const shown = only(events, "TextDelta").filter((event) => event.turn === turn).map((event) => event.delta)
    assert.strictEqual(shown.join(""), text)
  }
  assert.strictEqual(received.at(-1)!.text, answer)
  assert.deepStrictEqual(
    received.map(({ usage }) => [usage.inputTokens.total, usage.outputTokens.total]),
    usages.map(([input, output]) => [input, output])
  )
  const { result } = only(events, "RunCompleted")[0]!
  assert.strictEqual(result.output, answer)
  assert.strictEqual(texts(result.messages.slice(-1)).join(""), answer)
  assertLegal(result.messages)
  assert.strictEqual(result.usage.inputTokens.total, usages.reduce((sum, [input]) => sum + input, 0))
  assert.strictEqual(result.usage.outputTokens.total, usages.reduce((sum, [, output]) => sum + output, 0))
}

/** The pieces, each made only once the one before it was seen. */
const inStep = (latches: ReadonlyArray<Latch.Latch>): ReadonlyArray<TestModel.StreamItem> =>
  pieces.flatMap((piece, index) => index === 0 ? [piece] : [latches[index - 1]!.await, piece])

const scripted = (latches: ReadonlyArray<Latch.Latch>) =>
  TestModel.layer([
    TestModel.toolCall("get_weather", { city: "Tokyo" }),
    TestModel.stream(inStep(latches), { usage: { inputTokens: { total: 30 }, outputTokens: { total: 6 } } })
  ])

describe("P09 with tools too, text reaches the subscriber as it is produced, and what it shows is what is recorded, with its usage", () => {
  it.effect("the one who runs it has seen a delta before the model makes the next", () =>
    Effect.gen(function*() {
      const latches = yield* makeLatches
      const events = yield* Effect.provide(readAlong(assistant.stream("Weather in Tokyo?"), latches), scripted(latches))
      assertRecorded(events, [[10, 5], [30, 6]])
      assert.deepStrictEqual(
        only(events, "TextDelta").map(({ delta, turn }) => [turn, delta]),
        pieces.map((p) => [2, p])
      )
      assert.deepStrictEqual(only(events, "ToolReturned").map(({ result }) => result), ["Sunny in Tokyo"])
    }))

  it.effect("so has a watcher", () =>
    Effect.gen(function*() {
      const latches = yield* makeLatches
      const events = yield* Effect.gen(function*() {
        const watch = yield* assistant.watch("Weather in Tokyo?")
        return yield* readAlong(Stream.map(watch.events(), ({ event }) => event as Event), latches)
      }).pipe(Effect.provide(scripted(latches)))
      assertRecorded(events, [[10, 5], [30, 6]])
    }))

  it.effect("so it is with a Model that somebody wrapped, which has no driver", () =>
    Effect.gen(function*() {
      const latches = yield* makeLatches
      let calls = 0
      const wrapped = Layer.effect(
        LanguageModel.LanguageModel,
        Effect.map(LanguageModel.LanguageModel, (model): LanguageModel.LanguageModel => ({
          ...model,
          streamText: ((options: never) => {
            calls++
            return model.streamText(options)
          }) as unknown as typeof model.streamText
        }))
      ).pipe(Layer.provide(scripted(latches)))
      yield* Effect.gen(function*() {
        assert.isUndefined(Driver.of(yield* LanguageModel.LanguageModel))
        assertRecorded(yield* readAlong(assistant.stream("Weather?"), latches), [[10, 5], [30, 6]])
      }).pipe(Effect.provide(wrapped))
      assert.strictEqual(calls, 2)
    }))

  it.effect("text in front of a tool call is shown before the tool runs, and reasoning as it is thought", () =>
    Effect.gen(function*() {
      const latches = yield* makeLatches
      const shown = yield* Latch.make()
      const slow = Task.make("get_weather", {
        payload: { city: Schema.String },
        success: Schema.String,
        run: () => Effect.as(shown.await, "Sunny") // waits until its reader has seen the text
      })
      const reasoning = pieces.flatMap((delta, index) => [
        ...(index === 0 ? [] : [latches[index - 1]!.await]),
        { type: "reasoning-delta", id: "r", delta } as const
      ])
      const model = TestModel.layer([
        [
          TestModel.stream([{ type: "reasoning-start", id: "r" }, ...reasoning, { type: "reasoning-end", id: "r" }]),
          TestModel.text("Let me see."),
          TestModel.toolCall("get_weather", { city: "Tokyo" })
        ],
        TestModel.text(answer)
      ])
      const events = yield* assistant.with({ tools: [slow] }).stream("Weather?").pipe(
        Stream.tap((event) => event._tag === "TextDelta" && event.turn === 1 ? shown.open : Effect.void),
        (events) => readAlong(events, latches, "ReasoningDelta"),
        Effect.provide(model)
      )
      assertRecorded(events, [[10, 5], [10, 5]])
      assert.strictEqual(only(events, "ReasoningDelta").map(({ delta }) => delta).join(""), answer)
      assert.strictEqual(only(events, "ResponseReceived")[0]!.text, "Let me see.")
    }))

  it.effect("the step of each call records the text that was shown, and what it cost", () =>
    Effect.gen(function*() {
      const latches = yield* makeLatches
      const { scope, stored } = Steps.recorder()
      const events = yield* readAlong(assistant.stream("Weather in Tokyo?"), latches).pipe(
        Steps.within(scope),
        Effect.provide(scripted(latches))
      )
      assertRecorded(events, [[10, 5], [30, 6]])
      const responses = stored.flatMap(([name, outcome]) => name === "model" ? [outcome as any] : [])
      assert.deepStrictEqual(responses.map(({ usage }) => [usage.inputTokens.total, usage.outputTokens.total]), [
        [10, 5],
        [30, 6]
      ])
      assert.deepStrictEqual(responses[1].content.map((part: { readonly text: string }) => part.text), [answer])
    }))

  for (const wire of LiveVendor.wires) {
    const { usage } = LiveVendor

    it.effect(`over HTTP with the ${wire.name} SDK, a delta is seen before the server sends the next`, () =>
      Effect.gen(function*() {
        const latches = yield* makeLatches
        const vendor = yield* LiveVendor.make(wire.contentType, (exchange) =>
          exchange.index === 0
            ? LiveVendor.call(wire, exchange, [["get_weather", { city: "Tokyo" }]])
            : Effect.gen(function*() {
              if (wire.begin !== "") yield* exchange.send(wire.begin)
              for (const [index, piece] of pieces.entries()) {
                if (index > 0) yield* latches[index - 1]!.await
                yield* exchange.send(wire.text(piece))
              }
              yield* exchange.send(wire.end(answer))
              yield* exchange.end
            }))
        const model = yield* Layer.build(wire.layer(vendor.url))
        const events = yield* readAlong(assistant.stream("Weather in Tokyo?"), latches).pipe(
          Effect.provide(Context.pick(LanguageModel.LanguageModel)(model))
        )
        assertRecorded(events, [[usage.input, usage.output], [usage.input, usage.output]])
        assert.deepStrictEqual(only(events, "TextDelta").map(({ delta }) => delta), pieces)
        assert.deepStrictEqual(only(events, "ToolCalled").map((event) => [event.name, event.arguments]), [
          ["get_weather", { city: "Tokyo" }]
        ])
        assert.include(JSON.stringify(vendor.exchanges[1]!.json), "Sunny in Tokyo")
      }))
  }
})
