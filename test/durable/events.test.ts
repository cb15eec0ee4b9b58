/**
 * What a reader of an execution is shown: its journal, whole, and progress between.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Latch, Layer, Schema, Stream } from "effect"
import { AiError } from "effect/ai"
import { TestClock } from "effect/testing"
import { Agent, Engine, Execution, type ExecutionEvent, Pause, Progress, Task, Workflow } from "fluxion"
import * as Scripted from "../support/Scripted.ts"

type Event = ExecutionEvent.ExecutionEvent

const on = <A, E>(
  layers: ReadonlyArray<Layer.Layer<never, any, any>>,
  effect: Effect.Effect<A, E, Engine.Engine>
): Effect.Effect<A, E> => {
  const engine = Layer.fresh(Engine.layerMemory)
  const all = layers.reduce((below, layer) => Layer.provideMerge(layer, below), engine as Layer.Layer<any, any, any>)
  return Effect.provide(effect, Layer.orDie(all)) as Effect.Effect<A, E>
}

const tags = (events: ReadonlyArray<Event>) => events.map(({ event }) => event._tag)
const textOf = (events: ReadonlyArray<Event>, path = "poet") =>
  events.flatMap(({ event }) => event._tag === "TextDelta" && event.path === path ? [event.delta] : []).join("")
const poet = Agent.make("poet", { instructions: "You write." })
const words = (count: number) => Array.from({ length: count }, (_, index) => `w${index} `)

/** A model that says so many words, and waits in the middle. */
const halting = (count: number, goesOn: Latch.Latch, reached: Latch.Latch) =>
  Scripted.layer(() =>
    Stream.fromIterable(Scripted.say(words(count)), { chunkSize: 1 }).pipe(
      Stream.tap((part) =>
        part.type === "text-delta" && part.delta === `w${count / 2} `
          ? Effect.andThen(reached.open, goesOn.await)
          : Effect.void
      )
    )
  )

const collect = (stream: Stream.Stream<Event, any, Engine.Engine>, seen: Array<Event>) =>
  Effect.forkChild(Stream.runForEach(stream, (event) => Effect.sync(() => seen.push(event))), {
    startImmediately: true
  })

describe("the events of an execution", () => {
  const durable = Agent.toWorkflow(poet)

  it.effect("show an agent's text as its model writes it, each part where it belongs in the journal", () =>
    on(
      [Scripted.layer(() => Scripted.parts(Scripted.say(["Rain ", "again."]))), durable.layer],
      Effect.gen(function*() {
        const events = yield* Stream.runCollect(durable.stream({ instruction: "Go." }))
        assert.deepStrictEqual(tags(events), [
          "ExecutionStarted",
          "Claimed",
          "TurnStarted",
          "TextDelta",
          "TextDelta",
          "StepStarted",
          "StepStarted",
          "StepCompleted",
          "StepCompleted",
          "ExecutionCompleted"
        ])
        assert.strictEqual(textOf(events), "Rain again.")
      })
    ))

  it.effect("leave progress out for whoever does not want it", () =>
    on(
      [Scripted.layer(() => Scripted.parts(Scripted.say(["Rain"]))), durable.layer],
      Effect.gen(function*() {
        const id = yield* durable.start({ instruction: "Go." })
        const events = yield* Stream.runCollect(Execution.events(id, { progress: false }))
        assert.deepStrictEqual(events.map(({ sequence }) => sequence), events.map((_, index) => index))
      })
    ))

  it.effect("begin for one who comes late, behind events that he has, with the whole text so far", () => {
    const goesOn = Latch.makeUnsafe()
    const reached = Latch.makeUnsafe()
    return on(
      [halting(20, goesOn, reached), durable.layer],
      Effect.gen(function*() {
        const id = yield* durable.start({ instruction: "Go." })
        yield* reached.await
        const late: Array<Event> = []
        const reader = yield* collect(Execution.events(id, { from: 2 }), late)
        yield* Effect.yieldNow
        yield* goesOn.open
        yield* Fiber.join(reader)
        const gap = late[0]!.event
        assert.deepStrictEqual(gap, {
          _tag: "Gap",
          path: "poet",
          turn: 1,
          missed: 11,
          text: words(10).join(""),
          reasoning: ""
        })
        assert.strictEqual(gap._tag === "Gap" ? gap.text + textOf(late) : "", words(20).join(""))
        assert.strictEqual(late.at(-1)?.event._tag, "ExecutionCompleted")
      })
    )
  })

  it.effect("hold no run up for a slow reader, who gets a gap with the whole text, and every event of the journal", () => {
    const goesOn = Latch.makeUnsafe()
    const reached = Latch.makeUnsafe()
    return on(
      [halting(2_000, goesOn, reached), durable.layer],
      Effect.gen(function*() {
        const slow: Array<Event> = []
        const stands = Latch.makeUnsafe()
        const reader = yield* durable.stream({ instruction: "Go." }, { id: "a" }).pipe(
          Stream.rechunk(1),
          Stream.runForEach((event) => {
            slow.push(event)
            return event.event._tag === "TextDelta" && slow.length < 10 ? stands.await : Effect.void
          }),
          Effect.forkChild({ startImmediately: true })
        )
        yield* reached.await
        yield* stands.open
        for (let round = 0; round < 20; round++) yield* Effect.yieldNow
        yield* goesOn.open
        yield* Fiber.join(reader)
        const gap = slow.find(({ event }) => event._tag === "Gap")?.event
        assert.isTrue(gap?._tag === "Gap" && words(2_000).join("").startsWith(gap.text) && gap.missed > 256)
        const sequences = slow.flatMap(({ sequence }) => sequence === undefined ? [] : [sequence])
        assert.deepStrictEqual(sequences, sequences.map((_, index) => index))
        assert.strictEqual(slow.at(-1)?.event._tag, "ExecutionCompleted")
      })
    )
  })

  it.effect("show what a task tells, by its step, and what an agent's tool tells, by its call", () => {
    const load = Task.make("load", {
      payload: { item: Schema.String },
      success: Schema.String,
      run: ({ item }, { progress }) => {
        progress({ item, percent: 50 })
        return Effect.as(Progress.emit("nearly"), item)
      }
    })
    const helper = Agent.make("helper", { instructions: "Help.", tools: [load] })
    const flow = Workflow.make("flow", {
      payload: {},
      success: Schema.String,
      run: () => Effect.andThen(load({ item: "a" }), Effect.orDie(helper("Go.")))
    })
    const model = Scripted.layer(({ prompt }) =>
      Scripted.parts(
        prompt.content.at(-1)?.role === "tool" ? Scripted.say(["done"]) : Scripted.calls([["load", { item: "b" }]])
      )
    )
    return on(
      [model, flow.layer],
      Effect.gen(function*() {
        const events = yield* Stream.runCollect(flow.stream({}))
        const step = events.find(({ event }) => event._tag === "StepStarted")!.event
        const key = step._tag === "StepStarted" ? step.key : ""
        const told = events.flatMap(({ event }): ReadonlyArray<unknown> =>
          event._tag === "TaskProgress" || event._tag === "ToolProgress" ? [event] : []
        )
        assert.deepStrictEqual(told, [
          { _tag: "TaskProgress", key, name: "load", value: { item: "a", percent: 50 } },
          { _tag: "TaskProgress", key, name: "load", value: "nearly" },
          {
            _tag: "ToolProgress",
            path: "helper",
            turn: 1,
            id: "call_0",
            name: "load",
            value: { item: "b", percent: 50 }
          },
          { _tag: "ToolProgress", path: "helper", turn: 1, id: "call_0", name: "load", value: "nearly" }
        ])
      })
    )
  })

  it.effect("tell agents of one name apart that run at once", () => {
    let runs = 0
    const flow = Workflow.make("flow", {
      payload: {},
      success: Schema.Array(Schema.String),
      run: () => Effect.orDie(Effect.all([poet("1"), poet("2")], { concurrency: "unbounded" }))
    })
    const model = Scripted.layer(() => {
      const mine = ++runs
      return Stream.tap(Scripted.parts(Scripted.say([`${mine}a `, `${mine}b`])), () => Effect.yieldNow)
    })
    return on(
      [model, flow.layer],
      Effect.gen(function*() {
        const events = yield* Stream.runCollect(flow.stream({}))
        assert.deepStrictEqual([textOf(events), textOf(events, "poet#2")], ["1a 1b", "2a 2b"])
      })
    )
  })

  it.effect("begin a turn anew when its model call broke off and is made again", () => {
    let calls = 0
    const overloaded = AiError.make({
      module: "test",
      method: "streamText",
      reason: new AiError.InternalProviderError({ description: "overloaded" })
    })
    const model = Scripted.layer(() =>
      ++calls === 1
        ? Stream.concat(Stream.take(Scripted.parts(Scripted.say(["Sn", "ow"])), 2), Stream.fail(overloaded))
        : Scripted.parts(Scripted.say(["Rain"]))
    )
    return on(
      [model, durable.layer],
      Effect.gen(function*() {
        const seen: Array<Event> = []
        const reader = yield* collect(durable.stream({ instruction: "Go." }), seen)
        for (let second = 0; second < 10; second++) yield* TestClock.adjust("1 second")
        yield* Fiber.join(reader)
        const shown = seen.flatMap(({ event }) =>
          event._tag === "TurnStarted" ? ["-"] : event._tag === "TextDelta" ? [event.delta] : []
        )
        assert.deepStrictEqual(shown, ["-", "Sn", "-", "Rain"])
      })
    )
  })

  it.effect("show in the journal that a step has begun which takes its time", () => {
    const slow = Task.make("slow", { payload: {}, success: Schema.Void, run: () => Effect.sleep("10 seconds") })
    const flow = Workflow.make("flow", { payload: {}, success: Schema.Void, run: () => slow({}) })
    return on(
      [flow.layer],
      Effect.gen(function*() {
        const seen: Array<Event> = []
        const reader = yield* collect(flow.stream({}), seen)
        for (let tenth = 0; tenth < 5; tenth++) yield* TestClock.adjust("100 millis")
        assert.deepStrictEqual(tags(seen), ["ExecutionStarted", "Claimed", "StepStarted"])
        yield* TestClock.adjust("10 seconds")
        yield* Fiber.join(reader)
        assert.strictEqual(tags(seen).filter((tag) => tag === "StepStarted").length, 1)
      })
    )
  })

  it.effect("follow an execution over a pause into its next run, and repeat nothing", () => {
    const approve = Pause.make("approve", { input: Schema.Boolean })
    const flow = Workflow.make("flow", {
      payload: {},
      success: Schema.String,
      run: () => Effect.orDie(Effect.andThen(Effect.andThen(poet("1"), approve(undefined)), poet("2")))
    })
    return on(
      [Scripted.layer(() => Scripted.parts(Scripted.say(["Rain ", "again."]))), flow.layer],
      Effect.gen(function*() {
        const id = yield* flow.start({})
        const seen: Array<Event> = []
        const reader = yield* collect(Execution.events(id), seen)
        yield* Execution.settled(id)
        yield* approve.resume(id, true)
        yield* Fiber.join(reader)
        assert.strictEqual(textOf(seen), "Rain again.Rain again.")
        assert.strictEqual(tags(seen).filter((tag) => tag === "TurnStarted").length, 2)
      })
    )
  })
})
