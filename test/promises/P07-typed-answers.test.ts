import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema, Stream } from "effect"
import { Agent, AgentError, Engine, Execution, Pause, Task, Workflow } from "fluxion"
import { TestModel } from "fluxion/testing"

const Forecast = Schema.Struct({ day: Schema.Date, high: Schema.Finite })

const day = "2026-11-24T00:00:00.000Z"
const good = JSON.stringify({ day, high: 22 })
const value = { day: new Date(day), high: 22 }

const forecaster = Agent.make("forecaster", { instructions: "Forecast.", output: Forecast })

const getWeather = Task.make("get_weather", {
  payload: { city: Schema.String },
  success: Schema.String,
  run: () => Effect.succeed("Sunny")
})

describe("P07 an answer that breaks its Schema is corrected, and a typed value is returned; both calls are charged", () => {
  it.effect("dates are dates, both calls are charged, and the model is told the field", () =>
    Effect.gen(function*() {
      const result = yield* forecaster.result("Tomorrow?")
      assert.deepStrictEqual(result.output, value)
      assert.strictEqual(result.turns, 2)
      assert.strictEqual(result.usage.inputTokens.total, 20)
      const requests = yield* TestModel.requests
      const told = JSON.stringify(requests[1]!.prompt.content.at(-1))
      assert.include(told, "high")
      assert.include(told, "Expected")
    }).pipe(Effect.provide(TestModel.layer([
      TestModel.text(JSON.stringify({ day, high: "warm" })),
      TestModel.text(good)
    ]))))

  it.effect("a streamed answer is shown as what is known of it, and the rejected one is an event", () =>
    Effect.gen(function*() {
      const events = yield* Stream.runCollect(forecaster.stream("Tomorrow?"))
      assert.isEmpty(events.filter((event) => event._tag === "TextDelta"))
      const partials = events.flatMap((event) => event._tag === "OutputPartial" ? [event.value] : [])
      assert.deepStrictEqual(partials.at(-1), JSON.parse(good))
      const rejected = events.find((event) => event._tag === "OutputRejected")
      assert.match(rejected?.issues.join() ?? "", /high/)
      const last = events.at(-1)!
      assert.deepStrictEqual(last._tag === "RunCompleted" ? last.result.output : undefined, value)
    }).pipe(Effect.provide(TestModel.layer([
      TestModel.text(JSON.stringify({ day })),
      TestModel.stream([good.slice(0, 12), good.slice(12, 40), good.slice(40)])
    ]))))

  for (const outputWithTools of [true, false]) {
    const how = outputWithTools ? "held to the Schema" : "answering through a tool"
    it.effect(`tools at the same time work, for a model ${how}`, () =>
      Effect.gen(function*() {
        const result = yield* forecaster.with({ tools: [getWeather] }).result("Tomorrow?")
        assert.deepStrictEqual(result.output, value)
        assert.strictEqual(result.toolCalls, 1)
        const calls = new Set<string>()
        for (const message of result.messages) {
          for (const part of typeof message.content === "string" ? [] : message.content) {
            if (part.type === "tool-call") calls.add(part.id)
            if (part.type === "tool-result") assert.isTrue(calls.delete(part.id))
          }
        }
        assert.strictEqual(calls.size, 0)
      }).pipe(Effect.provide(TestModel.layer([
        TestModel.toolCall("get_weather", { city: "Tokyo" }),
        ...(outputWithTools
          ? [TestModel.text("{}"), TestModel.text(good)]
          : [TestModel.toolCall("final_answer", {}), TestModel.toolCall("final_answer", { day, high: 22 })])
      ], { capabilities: { outputWithTools } }))))
  }

  it.effect("a rule of the agent's own is told to the model like an issue of the Schema", () =>
    Effect.gen(function*() {
      const careful = forecaster.with({
        check: ({ high }) => high < 60 ? Effect.void : Effect.fail("high has to be below 60")
      })
      assert.deepStrictEqual(yield* careful("Tomorrow?"), value)
      const requests = yield* TestModel.requests
      assert.include(JSON.stringify(requests[1]!.prompt.content.at(-1)), "high has to be below 60")
    }).pipe(Effect.provide(TestModel.layer([
      TestModel.text(JSON.stringify({ day, high: 222 })),
      TestModel.text(good)
    ]))))

  it.live("the same typed value comes back after a replay, and its model is not asked again", () => {
    const go = Pause.make("go", { input: Schema.String })
    const seen: Array<typeof Forecast.Type> = []
    const flow = Workflow.make("flow", {
      payload: {},
      success: Forecast,
      error: AgentError.AgentError,
      run: () =>
        Effect.gen(function*() {
          const forecast = yield* forecaster("Tomorrow?")
          seen.push(forecast)
          yield* go(undefined)
          return forecast
        })
    })
    return Effect.gen(function*() {
      const id = yield* flow.start({})
      yield* Execution.settled(id)
      yield* go.resume(id, "on")
      assert.deepStrictEqual(yield* flow.result(id), value)
      assert.deepStrictEqual(seen, [value, value])
      assert.strictEqual((yield* TestModel.requests).length, 2)
    }).pipe(Effect.provide(flow.layer.pipe(
      Layer.provideMerge(TestModel.layer([TestModel.text(JSON.stringify({ day })), TestModel.text(good)])),
      Layer.provideMerge(Layer.fresh(Engine.layerMemory))
    )))
  })
})
