import { assert, describe, it } from "@effect/vitest"
import {
  Context,
  Duration,
  Effect,
  Exit,
  Fiber,
  Latch,
  Layer,
  Metric,
  Option,
  Redacted,
  References,
  Schema,
  Stream,
  Tracer
} from "effect"
import { AiError, Telemetry as AiTelemetry } from "effect/ai"
import { TestClock } from "effect/testing"
import { Agent, Metrics, Secrets, Task } from "fluxion"
import { TestModel } from "fluxion/testing"
import * as Scripted from "../support/Scripted.ts"

/** A tracer that keeps its spans. */
const makeTracer = () => {
  const spans: Array<Tracer.NativeSpan> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  const find = (name: string) => spans.find((span) => span.name === name)!
  return {
    spans,
    find,
    layer: Layer.succeed(Tracer.Tracer, tracer),
    trace: Effect.provideService(Tracer.Tracer, tracer)
  }
}

const attributesOf = (span: Tracer.Span) => Object.fromEntries(span.attributes)
const parentOf = (span: Tracer.Span) => Option.getOrUndefined(span.parent) as Tracer.Span | undefined
const failureOf = (span: Tracer.Span) =>
  span.status._tag === "Ended" && Exit.isFailure(span.status.exit) ? span.status.exit.cause : undefined

const getWeather = Task.make("get_weather", {
  payload: { city: Schema.String },
  success: Schema.String,
  run: ({ city }) => Effect.succeed(`Sunny in ${city}`)
})
const broken = Task.make("broken", {
  payload: {},
  success: Schema.String,
  run: () => Effect.die(new Error("disk full"))
})
const assistant = Agent.make("assistant", { instructions: "i", tools: [getWeather, broken] })
const rateLimited = new AiError.RateLimitError({})

describe("spans", () => {
  it.effect("a run, its model calls and its tool calls are nested, and say what the conventions ask for", () => {
    const { find, spans, trace } = makeTracer()
    return Effect.gen(function*() {
      yield* trace(assistant("go", { temperature: 0.5, topP: 0.9, seed: 7, stopSequences: ["END"], maxTokens: 99 }))
      assert.deepStrictEqual(spans.map((span) => [span.name, span.kind, parentOf(span)?.name]), [
        ["Agent.run", "internal", undefined],
        ["chat test", "client", "Agent.run"],
        ["execute_tool get_weather", "internal", "Agent.run"],
        ["chat test", "client", "Agent.run"]
      ])
      for (const span of spans) assert.strictEqual(span.status._tag, "Ended")
      assert.deepStrictEqual(attributesOf(find("Agent.run")), {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "assistant",
        "gen_ai.response.model": "test/test",
        "gen_ai.usage.input_tokens": 20,
        "gen_ai.usage.output_tokens": 10,
        "fluxion.run.finish": "answered",
        "fluxion.run.turns": 2,
        "fluxion.run.tool_calls": 1
      })
      // the names are those of effect/ai's own telemetry
      const expected = new Tracer.NativeSpan({ ...spans[0]!, startTime: 0n, parent: Option.none() })
      AiTelemetry.addGenAIAnnotations(expected, {
        operation: { name: "chat" },
        provider: { name: "test" },
        request: { model: "test", maxTokens: 99, temperature: 0.5, topP: 0.9, seed: 7, stopSequences: ["END"] },
        response: { finishReasons: ["tool-calls"] },
        usage: { inputTokens: 10, outputTokens: 5 }
      })
      assert.deepStrictEqual(attributesOf(find("chat test")), {
        ...attributesOf(expected),
        "gen_ai.agent.name": "assistant"
      })
      assert.deepStrictEqual(attributesOf(find("execute_tool get_weather")), {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "get_weather",
        "gen_ai.tool.call.id": "c1",
        "gen_ai.tool.type": "function"
      })
    }).pipe(Effect.provide(TestModel.layer([
      TestModel.toolCall("get_weather", { city: "Tokyo" }, { id: "c1" }),
      TestModel.text("Sunny")
    ])))
  })

  it.effect("an agent inside a tool is beneath its tool call, and the spans of a tool's own code too", () => {
    const { find, trace } = makeTracer()
    const inner = Agent.make("inner", {
      instructions: "i",
      tools: [Task.make("own", { payload: {}, run: () => Effect.withSpan(Effect.succeed("x"), "own work") })]
    })
    return Effect.gen(function*() {
      yield* Effect.withSpan(assistant.with({ tools: [inner] })("go"), "request").pipe(trace)
      const chain: Array<string> = []
      for (let span: Tracer.Span | undefined = find("own work"); span !== undefined; span = parentOf(span)) {
        chain.unshift(span.name)
      }
      assert.deepStrictEqual(chain, [
        "request",
        "Agent.run",
        "execute_tool inner",
        "Agent.run",
        "execute_tool own",
        "own work"
      ])
    }).pipe(Effect.provide(TestModel.layer({
      assistant: [TestModel.toolCall("inner", { instruction: "x" }), TestModel.text("done")],
      inner: [TestModel.toolCall("own", {}), TestModel.text("done")]
    })))
  })

  for (
    const [name, run] of [
      ["stream", () => Stream.runDrain(assistant.stream("go"))],
      ["watch", () => Effect.scoped(Effect.flatMap(assistant.watch("go"), (watch) => watch.result))]
    ] as const
  ) {
    it.effect(`${name} is traced as run is`, () => {
      const { spans, trace } = makeTracer()
      return Effect.gen(function*() {
        yield* trace(run())
        assert.deepStrictEqual(spans.map((span) => [span.name, parentOf(span)?.name, span.status._tag]), [
          ["Agent.run", undefined, "Ended"],
          ["chat test", "Agent.run", "Ended"]
        ])
      }).pipe(Effect.provide(TestModel.layer([TestModel.text("done")])))
    })
  }

  it.effect("a tool that fails fails its span, and not the run's", () => {
    const { find, trace } = makeTracer()
    return Effect.gen(function*() {
      yield* trace(assistant("go"))
      assert.strictEqual(attributesOf(find("execute_tool broken"))["error.type"], "failed")
      assert.include(String(failureOf(find("execute_tool broken"))), "disk full")
      assert.isUndefined(failureOf(find("Agent.run")))
      assert.notProperty(attributesOf(find("Agent.run")), "error.type")
    }).pipe(Effect.provide(TestModel.layer([TestModel.toolCall("broken", {}), TestModel.text("done")])))
  })

  it.effect("a model call that fails for good fails its span and the run's, with the reason's name", () => {
    const { find, trace } = makeTracer()
    return Effect.gen(function*() {
      yield* Effect.exit(trace(assistant.with({ modelRetry: { times: 0 } })("go")))
      assert.strictEqual(attributesOf(find("chat test"))["error.type"], "RateLimitError")
      assert.strictEqual(attributesOf(find("Agent.run"))["error.type"], "ModelFailed")
      assert.isDefined(failureOf(find("chat test")))
      assert.isDefined(failureOf(find("Agent.run")))
    }).pipe(Effect.provide(TestModel.layer([TestModel.fail(rateLimited)])))
  })

  it.effect("a span covers the retries of its call", () => {
    const { spans, trace } = makeTracer()
    return Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(trace(assistant("go")))
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(spans.map((span) => span.name), ["Agent.run", "chat test"])
    }).pipe(Effect.provide(TestModel.layer([TestModel.fail(rateLimited), TestModel.text("done")])))
  })

  it.effect("an interrupted run ends all its spans", () => {
    const { spans, trace } = makeTracer()
    return Effect.gen(function*() {
      const running = yield* Latch.make()
      const hang = Task.make("hang", { payload: {}, run: () => Effect.andThen(running.open, Effect.never) })
      const fiber = yield* Effect.forkChild(trace(assistant.with({ tools: [hang] })("go")))
      yield* running.await
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(spans.map((span) => [span.name, span.status._tag]), [
        ["Agent.run", "Ended"],
        ["chat test", "Ended"],
        ["execute_tool hang", "Ended"]
      ])
      assert.isDefined(failureOf(spans[0]!))
    }).pipe(Effect.provide(TestModel.layer([TestModel.toolCall("hang", {})])))
  })

  it.effect("no stack is captured for a span", () => {
    const { trace } = makeTracer()
    const frames: Array<string> = []
    const look = Task.make("look", {
      payload: {},
      run: () =>
        Effect.withFiber((fiber) => {
          let frame = fiber.getRef(References.CurrentStackFrame)
          for (; frame !== undefined; frame = frame.parent) frames.push(frame.name)
          return Effect.succeed("x")
        })
    })
    let captured = 0
    // Effect lowers the limit around each capture
    const countCaptures = Effect.acquireRelease(
      Effect.sync(() => {
        const limit = Error.stackTraceLimit
        Object.defineProperty(Error, "stackTraceLimit", { configurable: true, get: () => limit, set: () => captured++ })
        return limit
      }),
      (value) =>
        Effect.sync(() =>
          Object.defineProperty(Error, "stackTraceLimit", { configurable: true, writable: true, value })
        )
    )
    return Effect.gen(function*() {
      yield* Effect.scoped(Effect.andThen(countCaptures, trace(assistant.with({ tools: [look] })("go"))))
      assert.deepStrictEqual(frames.filter((name) => /^(chat|execute_tool|Agent)/.test(name)), [])
      assert.strictEqual(captured, 0)
    }).pipe(Effect.provide(TestModel.layer([TestModel.toolCall("look", {}), TestModel.text("done")])))
  })

  it.effect("nobody traces, or tracing is off: no span is made", () => {
    const { spans, trace } = makeTracer()
    const seen: Array<unknown> = []
    const look = Task.make("look", {
      payload: {},
      run: () => Effect.map(Effect.option(Effect.currentSpan), (span) => void seen.push(span._tag))
    })
    const agent = assistant.with({ tools: [look] })
    return Effect.gen(function*() {
      yield* agent("go")
      yield* agent("go").pipe(Effect.provideService(References.TracerEnabled, false), trace)
      assert.deepStrictEqual(seen, ["None", "None"])
      assert.deepStrictEqual(spans, [])
    }).pipe(Effect.provide(TestModel.layer([
      TestModel.toolCall("look", {}),
      TestModel.text("done"),
      TestModel.toolCall("look", {}),
      TestModel.text("done")
    ])))
  })

  it.effect("no secret is in a span: not in an attribute, not in the error that ended it", () => {
    const { spans, trace } = makeTracer()
    const secret = Secrets.register(Redacted.make("sk-telemetry-secret"))
    const leak = Redacted.value(secret)
    return Effect.gen(function*() {
      const agent = assistant.with({ stopSequences: [leak], tools: [] })
      yield* Effect.exit(trace(agent("go")))
      const dies = Agent.make("dies", { instructions: Effect.die(new Error(`no such key: ${leak}`)) })
      yield* Effect.exit(trace(dies("go")))
      assert.strictEqual(spans.length, 3)
      for (const span of spans) {
        const shown = JSON.stringify([span.name, attributesOf(span)]) + String(failureOf(span))
        assert.notInclude(shown, leak)
        assert.isDefined(failureOf(span))
      }
    }).pipe(Effect.provide(TestModel.layer([
      TestModel.fail(new AiError.InvalidRequestError({ description: `bad key ${leak}` }))
    ])))
  })
})

describe("Metrics", () => {
  /** A registry of its own, and the series in it. */
  const makeRegistry = () => {
    const registry = new Map() as (typeof Metric.MetricRegistry)["Service"]
    const context = Context.make(Metric.MetricRegistry, registry)
    return {
      measure: Effect.provideService(Metric.MetricRegistry, registry),
      series: (id: string) =>
        Metric.snapshotUnsafe(context).filter((series) => series.id === id).map((series) => ({
          attributes: { ...series.attributes },
          state: series.state as any
        }))
    }
  }
  const model = { "gen_ai.operation.name": "chat", "gen_ai.provider.name": "test", "gen_ai.request.model": "scripted" }

  it.effect("are not kept unless they are asked for", () => {
    const { measure, series } = makeRegistry()
    return Effect.gen(function*() {
      yield* measure(assistant("go"))
      for (const id of ["fluxion.runs", "gen_ai.client.token.usage", "gen_ai.client.operation.duration"]) {
        assert.deepStrictEqual(series(id), [])
      }
    }).pipe(Effect.provide(TestModel.layer([TestModel.text("done")])))
  })

  it.effect("count tokens and time of each model call, retries included, in the buckets of the conventions", () => {
    const { measure, series } = makeRegistry()
    let calls = 0
    const scripted = Scripted.layer(() =>
      ++calls === 1
        ? Stream.fail(AiError.make({
          module: "m",
          method: "m",
          reason: new AiError.RateLimitError({ retryAfter: Duration.seconds(2) })
        }))
        : Scripted.parts([
          { type: "response-metadata", modelId: "scripted-1" } as Scripted.Part,
          ...Scripted.say(["done"])
        ])
    )
    return Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(measure(assistant("go")))
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(fiber)
      const answered = { ...model, "gen_ai.response.model": "scripted-1" }
      const usage = series("gen_ai.client.token.usage")
      assert.deepStrictEqual(usage.map(({ attributes, state }) => [attributes, state.count, state.sum]), [
        [{ ...answered, "gen_ai.token.type": "input", unit: "{token}" }, 1, 10],
        [{ ...answered, "gen_ai.token.type": "output", unit: "{token}" }, 1, 5]
      ])
      assert.deepStrictEqual(usage[0]!.state.buckets.map(([boundary]: [number]) => boundary), [
        1,
        4,
        16,
        64,
        256,
        1024,
        4096,
        16384,
        65536,
        262144,
        1048576,
        4194304,
        16777216,
        67108864
      ])
      const [duration] = series("gen_ai.client.operation.duration")
      assert.deepStrictEqual(duration!.attributes, { ...answered, unit: "s" })
      assert.strictEqual(duration!.state.count, 1)
      assert.strictEqual(duration!.state.sum, 2)
      assert.deepStrictEqual(duration!.state.buckets.map(([boundary]: [number]) => boundary), [
        0.01,
        0.02,
        0.04,
        0.08,
        0.16,
        0.32,
        0.64,
        1.28,
        2.56,
        5.12,
        10.24,
        20.48,
        40.96,
        81.92
      ])
    }).pipe(Effect.provide(Metrics.layer), Effect.provide(scripted))
  })

  it.effect("name what a failed call failed of", () => {
    const { measure, series } = makeRegistry()
    const scripted = Scripted.layer(() =>
      Stream.fail(AiError.make({ module: "m", method: "m", reason: new AiError.InvalidRequestError({}) }))
    )
    return Effect.gen(function*() {
      yield* Effect.exit(measure(assistant("go")))
      assert.deepStrictEqual(series("gen_ai.client.operation.duration").map(({ attributes }) => attributes), [
        { ...model, "error.type": "InvalidRequestError", unit: "s" }
      ])
      assert.deepStrictEqual(series("gen_ai.client.token.usage"), [])
    }).pipe(Effect.provide(Metrics.layer), Effect.provide(scripted))
  })

  it.effect("count runs by how they ended, each once", () => {
    const { measure, series } = makeRegistry()
    return measure(Effect.gen(function*() {
      yield* assistant("go")
      yield* Stream.runDrain(assistant.stream("go"))
      yield* Effect.scoped(Effect.flatMap(assistant.watch("go"), (watch) => watch.result))
      yield* Effect.exit(assistant(" "))
      yield* Stream.runDrain(Stream.take(assistant.with({ tools: [] }).stream("go"), 1))
      const hangs = assistant.with({ instructions: Effect.never, timeout: "1 minute" })
      const fiber = yield* Effect.forkChild(Effect.exit(hangs("go")))
      const interrupted = yield* Effect.forkChild(hangs("go"))
      yield* Effect.yieldNow
      yield* Fiber.interrupt(interrupted)
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(fiber)
      const counts = Object.fromEntries(
        series("fluxion.runs").map(({ attributes, state }) => {
          assert.strictEqual(attributes["gen_ai.agent.name"], "assistant")
          return [attributes["fluxion.end"], state.count]
        })
      )
      assert.deepStrictEqual(counts, { answered: 3, failed: 1, "client-gone": 1, interrupted: 1, "timed-out": 1 })
    })).pipe(
      Effect.provide(Metrics.layer),
      Effect.provide(Scripted.layer(() => Stream.tap(Scripted.parts(Scripted.say(["done"])), () => Effect.yieldNow)))
    )
  })
})
