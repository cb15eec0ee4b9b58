import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema, Stream } from "effect"
import { AiError, LanguageModel, Prompt, type Response, Tool, Toolkit } from "effect/ai"
import { Agent, Capabilities, Driver, ModelOptions, Task } from "fluxion"
import * as Scripted from "../support/Scripted.ts"

type Part = Response.StreamPartEncoded

/** A driver that answers from a script and keeps what it was asked. */
const make = (answer: Iterable<Part> | ((request: Driver.ModelRequest) => Iterable<Part>)) => {
  const requests: Array<Driver.ModelRequest> = []
  const driver: Driver.Driver = {
    provider: "test",
    model: "m",
    capabilities: Capabilities.all,
    stream: (request) =>
      Stream.suspend(() => {
        requests.push(request)
        return Scripted.parts(typeof answer === "function" ? answer(request) : answer)
      })
  }
  return { driver, requests, model: Driver.toLanguageModel(driver) }
}

const assistant = Agent.make("assistant", { instructions: "i" })

describe("registration", () => {
  it.effect("the driver is found by the service it was made into, by the object itself", () =>
    Effect.gen(function*() {
      const { driver, model } = make(Scripted.say(["hi"]))
      const service = yield* model
      assert.strictEqual(Driver.of(service), driver)
      const found = yield* Effect.provideService(LanguageModel.LanguageModel, LanguageModel.LanguageModel, service)
      assert.strictEqual(Driver.of(found), driver)
    }))

  it.effect("a Model of somebody else has none", () =>
    Effect.gen(function*() {
      const service = yield* LanguageModel.make({
        generateText: () => Effect.succeed([]),
        streamText: () => Stream.empty
      })
      assert.isUndefined(Driver.of(service))
    }))

  /** The ways in which people put something in between; each counts what goes through it. */
  const wrappings: ReadonlyArray<
    readonly [
      title: string,
      wrap: (model: LanguageModel.LanguageModel, count: () => void) => LanguageModel.LanguageModel
    ]
  > = [
    ["a copy with another streamText", (model, count) => ({
      ...model,
      streamText: ((options: never) => {
        count()
        return model.streamText(options)
      }) as never
    })],
    ["a copy with another generateText", (model, count) => ({
      ...model,
      generateText: ((options: never) => {
        count()
        return model.generateText(options)
      }) as never
    })],
    ["a copy that changes nothing yet", (model) => ({ ...model })],
    ["a Proxy", (model, count) =>
      new Proxy(model, {
        get: (target, key, receiver) => {
          if (key === "streamText" || key === "generateText") count()
          return Reflect.get(target, key, receiver)
        }
      })],
    ["a prototype in between", (model) => Object.create(model)],
    ["the object itself, with a function replaced", (model, count) => {
      const { streamText } = model
      return Object.assign(model, {
        streamText: (options: never) => {
          count()
          return streamText(options)
        }
      })
    }]
  ]

  for (const [title, wrap] of wrappings) {
    it.effect(`${title} is never bypassed, and loses none of the run's options`, () =>
      Effect.gen(function*() {
        const { model, requests } = make(() => Scripted.say(["hi"]))
        let through = 0
        const wrapped = wrap(yield* model, () => through++)
        assert.isUndefined(Driver.of(wrapped))
        for (const stream of [true, false]) {
          const answer = yield* assistant("go", { stream, temperature: 0.5, maxTokens: 77 }).pipe(
            Effect.provideService(LanguageModel.LanguageModel, wrapped)
          )
          assert.strictEqual(answer, "hi")
          const { options } = requests.at(-1)!
          assert.deepStrictEqual(options, { agent: "assistant", stream, temperature: 0.5, maxTokens: 77 })
        }
        assert.strictEqual(requests.length, 2)
        if (title !== "a copy that changes nothing yet" && title !== "a prototype in between") {
          assert.isAbove(through, 0)
        }
      }))
  }

  it.effect("a wrapped Model runs tools, tells their results and takes text as it streams", () =>
    Effect.gen(function*() {
      const { model, requests } = make(({ prompt }) =>
        prompt.content.at(-1)!.role === "tool" ? Scripted.say(["o", "k"]) : Scripted.calls([["get", { id: "7" }]])
      )
      const get = Task.make("get", {
        payload: { id: Schema.FiniteFromString },
        success: Schema.Finite,
        run: ({ id }) => Effect.succeed(id + 1)
      })
      const wrapped = { ...(yield* model) }
      const events = yield* Stream.runCollect(assistant.with({ tools: [get] }).stream("go")).pipe(
        Effect.provideService(LanguageModel.LanguageModel, wrapped)
      )
      assert.deepStrictEqual(events.flatMap((event) => event._tag === "TextDelta" ? [event.delta] : []), ["o", "k"])
      assert.deepStrictEqual(events.flatMap((event) => event._tag === "ToolReturned" ? [event.result] : []), [8])
      assert.deepStrictEqual(requests.map(({ tools }) => tools.map(({ name }) => name)), [["get"], ["get"]])
    }))
})

describe("joinParts", () => {
  it("joins deltas to whole parts, in the order in which they began, with their metadata merged", () => {
    const parts: ReadonlyArray<Part> = [
      { type: "reasoning-start", id: "r", metadata: { test: { a: 1 } } },
      { type: "reasoning-delta", id: "r", delta: "so " },
      { type: "text-start", id: "1" },
      { type: "text-delta", id: "1", delta: "one " },
      { type: "text-start", id: "2" },
      { type: "reasoning-delta", id: "r", delta: "it is" },
      { type: "text-delta", id: "2", delta: "three" },
      { type: "text-delta", id: "1", delta: "two" },
      { type: "reasoning-end", id: "r", metadata: { test: { signature: "s" } } },
      { type: "text-end", id: "2" },
      { type: "text-end", id: "1" },
      { type: "tool-params-start", id: "c", name: "get" },
      { type: "tool-params-delta", id: "c", delta: "{}" },
      { type: "tool-params-end", id: "c" },
      { type: "tool-call", id: "c", name: "get", params: {} },
      Scripted.finish
    ]
    const joined = Driver.joinParts(parts)
    assert.deepStrictEqual(joined.map((part) => part.type), ["reasoning", "text", "text", "tool-call", "finish"])
    assert.deepInclude(joined[0], { text: "so it is" })
    assert.deepInclude(joined[1], { text: "one two" })
    assert.deepInclude(joined[2], { text: "three" })
  })

  it("keeps the text of a block that was not ended, and other parts as they are", () => {
    const whole: Part = { type: "response-metadata", modelId: "m", id: "x" } as Part
    assert.deepStrictEqual(
      Driver.joinParts([whole, { type: "text-start", id: "1" }, { type: "text-delta", id: "1", delta: "cut" }]),
      [whole as never, { type: "text", text: "cut" }]
    )
  })

  it("metadata of one provider in several parts of a block is joined key by key", () => {
    const [text] = Driver.joinParts([
      { type: "text-start", id: "1", metadata: { test: { a: 1 } } },
      { type: "text-delta", id: "1", delta: "x", metadata: { test: { b: 2 } } },
      { type: "text-end", id: "1", metadata: { other: { c: 3 } } }
    ])
    assert.deepStrictEqual(text, { type: "text", text: "x", metadata: { test: { a: 1, b: 2 }, other: { c: 3 } } })
  })
})

describe("the standard Model over a driver", () => {
  const Add = Tool.make("add", {
    parameters: Schema.Struct({ a: Schema.Finite, b: Schema.Finite }),
    success: Schema.Finite
  })
  const tools = Toolkit.make(Add)
  const handlers = tools.toLayer({ add: ({ a, b }) => Effect.succeed(a + b) })

  it.effect("generateText gives text, usage, finish, and runs tools", () => {
    const { model, requests } = make(Scripted.calls([["add", { a: 1, b: 2 }]]))
    return Effect.gen(function*() {
      const response = yield* LanguageModel.generateText({ prompt: "add", toolkit: tools })
      assert.deepStrictEqual(response.toolResults.map(({ result }) => result), [3])
      assert.strictEqual(response.finishReason, "tool-calls")
      assert.strictEqual(response.usage.inputTokens.total, 10)
      assert.deepStrictEqual(requests[0]!.tools.map(({ name }) => name), ["add"])
      assert.deepStrictEqual(requests[0]!.options, {})
    }).pipe(Effect.provide(Layer.merge(Layer.effect(LanguageModel.LanguageModel, model), handlers)))
  })

  it.effect("streamText gives the parts as they come", () => {
    const { model } = make(Scripted.say(["a", "b"]))
    return Effect.gen(function*() {
      const parts = yield* Stream.runCollect(LanguageModel.streamText({ prompt: "go" }))
      assert.deepStrictEqual(parts.map((part) => part.type), [
        "text-start",
        "text-delta",
        "text-delta",
        "text-end",
        "finish"
      ])
    }).pipe(Effect.provideServiceEffect(LanguageModel.LanguageModel, model))
  })

  it.effect("generateObject asks for JSON of the Schema, and decodes what was streamed in pieces", () => {
    const { model, requests } = make(Scripted.say([`{"day":"2026-01-`, `02T00:00:00.000Z"}`]))
    return Effect.gen(function*() {
      const { value } = yield* LanguageModel.generateObject({
        prompt: "when",
        objectName: "when",
        schema: Schema.Struct({ day: Schema.DateTimeUtcFromString })
      })
      assert.strictEqual(value.day.epochMilliseconds, Date.UTC(2026, 0, 2))
      const { responseFormat } = requests[0]!
      assert.deepInclude(responseFormat, { type: "json", objectName: "when" })
    }).pipe(Effect.provideServiceEffect(LanguageModel.LanguageModel, model))
  })

  it.effect("a failure of the driver is theirs", () => {
    const reason = new AiError.InvalidRequestError({ description: "no" })
    const model = Driver.toLanguageModel({
      provider: "test",
      model: "m",
      capabilities: Capabilities.all,
      stream: () => Stream.fail(AiError.make({ module: "m", method: "m", reason }))
    })
    return Effect.gen(function*() {
      const failures = [
        yield* Effect.flip(LanguageModel.generateText({ prompt: "go" })),
        yield* Effect.flip(Stream.runDrain(LanguageModel.streamText({ prompt: "go" })))
      ]
      for (const { reason } of failures) assert.strictEqual(reason._tag, "InvalidRequestError")
    }).pipe(Effect.provideServiceEffect(LanguageModel.LanguageModel, model))
  })

  it.effect("a call of a tool that was not declared fails by its name, after what came before it", () => {
    const { model } = make([
      ...[...Scripted.say(["Let me see. "])].slice(0, -1),
      ...Scripted.calls([["subtract", { a: 1, b: 2 }]])
    ])
    return Effect.gen(function*() {
      let text = ""
      const streamed = LanguageModel.streamText({ prompt: "go", toolkit: tools }).pipe(
        Stream.runForEach((part) => Effect.sync(() => text += part.type === "text-delta" ? part.delta : ""))
      )
      const failures = [
        yield* Effect.flip(LanguageModel.generateText({ prompt: "go", toolkit: tools })),
        yield* Effect.flip(
          LanguageModel.generateText({ prompt: "go", toolkit: tools, disableToolCallResolution: true })
        ),
        yield* Effect.flip(streamed)
      ]
      for (const error of failures) {
        assert.instanceOf(error, AiError.AiError)
        assert.deepInclude(error.reason, { _tag: "ToolNotFoundError", toolName: "subtract", availableTools: ["add"] })
        assert.isTrue(error.isRetryable)
      }
      assert.strictEqual(text, "Let me see. ")
      const none = yield* Effect.flip(LanguageModel.generateText({ prompt: "go" }))
      assert.deepInclude(none.reason, { _tag: "ToolNotFoundError", availableTools: [] })
    }).pipe(Effect.provide(Layer.merge(Layer.effect(LanguageModel.LanguageModel, model), handlers)))
  })

  it.effect("who looks at the calls himself is given them all", () => {
    const { model } = make(Scripted.calls([["subtract", { a: 1, b: 2 }]]))
    return Effect.gen(function*() {
      const { toolCalls } = yield* LanguageModel.generateText({
        prompt: "go",
        toolkit: tools,
        disableToolCallResolution: true,
        toolCallValidation: "deferred"
      })
      assert.deepStrictEqual(toolCalls.map(({ name, params }) => [name, params]), [["subtract", { a: 1, b: 2 }]])
    }).pipe(Effect.provide(Layer.merge(Layer.effect(LanguageModel.LanguageModel, model), handlers)))
  })

  it.effect("options of a call are given by CurrentModelOptions", () => {
    const { model, requests } = make(Scripted.say(["x"]))
    return Effect.gen(function*() {
      yield* LanguageModel.generateText({ prompt: Prompt.make("go") }).pipe(
        Effect.provideService(ModelOptions.CurrentModelOptions, { maxTokens: 3, reasoning: "low" })
      )
      assert.deepStrictEqual(requests[0]!.options, { maxTokens: 3, reasoning: "low" })
    }).pipe(Effect.provideServiceEffect(LanguageModel.LanguageModel, model))
  })
})
