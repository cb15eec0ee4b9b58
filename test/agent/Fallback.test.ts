import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Logger, References, Schema, Stream, Tracer } from "effect"
import { AiError, Prompt } from "effect/ai"
import { TestClock } from "effect/testing"
import { Agent, agent, AgentError, Driver, Models, Secrets, type StepScope, Task } from "fluxion"
import { TestModel } from "fluxion/testing"
import { decide } from "../../src/agent/internal/fallback.ts"
import { collect, only } from "../support/Events.ts"
import { assertLegal, texts } from "../support/Messages.ts"
import * as Scripted from "../support/Scripted.ts"
import { elsewhere, recorder, within } from "../support/Steps.ts"
import * as Vendors from "../support/Vendors.ts"

const overloaded = new AiError.InternalProviderError({ description: "overloaded; try again" })
const rateLimited = new AiError.RateLimitError({})
const noQuota = new AiError.QuotaExhaustedError({})
const unreachable = new AiError.NetworkError({
  reason: "TransportError",
  method: "POST",
  url: "https://a.test",
  description: "nothing came from the vendor for 2m"
})
const badKey = new AiError.AuthenticationError({ kind: "InvalidKey" })
const badRequest = new AiError.InvalidRequestError({ description: "temperature is too high" })
const tooLong = new AiError.InvalidRequestError({
  description: "the prompt is too long",
  metadata: { fluxion: { contextLengthExceeded: true } }
})

const two = Models.fallback(["a/one", "b/two"])
const assistant = (model: Models.Fallback = two) => Agent.make("assistant", { instructions: "You help.", model })

const failed = (reason: AiError.AiErrorReason, shown?: boolean) => ({
  error: AiError.make({ module: "m", method: "m", reason }),
  ...(shown === undefined ? {} : { shown })
})

/** The reason for which a run failed. */
const failure = <A, R>(run: Effect.Effect<A, AgentError.AgentError, R>) =>
  Effect.map(Effect.flip(run), ({ reason }) => reason)

const modelFailed = <A, R>(run: Effect.Effect<A, AgentError.AgentError, R>) =>
  Effect.map(failure(run), (reason) => {
    assert(reason instanceof AgentError.ModelFailed)
    return reason
  })

describe("decide", () => {
  const moves: ReadonlyArray<readonly [title: string, reason: AiError.AiErrorReason, move: string]> = [
    ["a rate limit", rateLimited, "next"],
    ["a quota: another vendor has another account", noQuota, "next"],
    ["an overload, any 5xx", overloaded, "next"],
    ["a broken connection, or silence", unreachable, "next"],
    ["a prompt that is too long", tooLong, "larger"],
    ["a bad request", badRequest, "none"],
    ["a request that no network carries", new AiError.NetworkError({ ...unreachable, reason: "EncodeError" }), "none"],
    ["a bad key", badKey, "none"],
    ["a key that may not", new AiError.AuthenticationError({ kind: "InsufficientPermissions" }), "none"],
    ["a content filter", new AiError.ContentPolicyError({ description: "no" }), "none"],
    ["an answer that cannot be read", new AiError.InvalidResponseError({ description: "html" }), "none"],
    ["output that breaks its form", new AiError.InvalidOutputError({ description: "no" }), "none"],
    ["a Schema that the vendor cannot take", new AiError.UnsupportedSchemaError({ description: "no" }), "none"],
    ["an empty instruction", new AiError.InvalidUserInputError({ description: "no" }), "none"],
    ["what nobody knows", new AiError.UnknownError({}), "none"]
  ]
  for (const [title, reason, move] of moves) {
    it(`${title}: ${move}`, () => {
      assert.strictEqual(decide(failed(reason)), move)
      assert.strictEqual(decide(failed(reason, false)), move)
      assert.strictEqual(decide(failed(reason, true)), "none", "a part of the answer was shown")
    })
  }
})

describe("Models.fallback", () => {
  it("refuses an empty list, a name of another form, and a name that is there twice", () => {
    assert.throws(() => Models.fallback([]), TypeError, "at least one model")
    assert.throws(() => Models.fallback(["gpt-5"]), TypeError, `"gpt-5" cannot be a model of a fallback`)
    assert.throws(() => Models.fallback([undefined as never]), TypeError, "undefined cannot be a model")
    assert.throws(() => Models.fallback(["a/x", "b/y", "a/x"]), TypeError, `"a/x" is twice`)
    assert.throws(() => Models.fallback(["a/x"], { contextLength: "large" }), TypeError, `"large"`)
  })

  it("is a value of its own: the list may change later", () => {
    const list = ["a/x", "b/y"]
    const fallback = Models.fallback(list)
    list.pop()
    assert.deepStrictEqual(fallback.models, ["a/x", "b/y"])
    assert.isTrue(Models.isFallback(fallback))
    assert.isFalse(Models.isFallback("a/x"))
  })

  it("gives an agent without a name that of its first model", () => {
    assert.strictEqual(
      agent("You help.", { model: Models.fallback(["openai/gpt-5", "a/b"]) }).name,
      "agent_openai_gpt-5"
    )
  })
})

describe("an agent with a fallback", () => {
  for (
    const [title, reason] of [
      ["a rate limit", rateLimited],
      ["a used up quota", noQuota],
      ["an overload", overloaded],
      ["a broken network", unreachable]
    ] as const
  ) {
    it.effect(`asks the next model at once after ${title}`, () => {
      const { models, provide } = Vendors.make({ "a/one": [Vendors.fail(reason)], "b/two": [Vendors.say("hi")] })
      return Effect.gen(function*() {
        const { events, exit } = yield* collect(assistant().stream("hello"))
        assert.deepStrictEqual(exit, Exit.void)
        assert.deepStrictEqual(events.map((event) => event._tag), [
          "RunStarted",
          "TurnStarted",
          "ModelFellBack",
          "TextDelta",
          "ResponseReceived",
          "RunCompleted"
        ])
        const { message, ...event } = only(events, "ModelFellBack")[0]!
        assert.deepStrictEqual(event, {
          _tag: "ModelFellBack",
          path: "assistant",
          turn: 1,
          from: "a/one",
          to: "b/two"
        })
        assert.strictEqual(message, new AgentError.ModelFailed({ model: "a/one", ...failed(reason) }).said)
        const { model, output, turns } = only(events, "RunCompleted")[0]!.result
        assert.deepStrictEqual({ model, output, turns }, { model: "b/two", output: "hi", turns: 1 })
        assert.deepStrictEqual(models(), ["a/one", "b/two"])
      }).pipe(provide)
    })
  }

  for (
    const [title, reason] of [
      ["a bad key", badKey],
      ["a bad request", badRequest],
      ["a prompt that is too long, without a larger model", tooLong]
    ] as const
  ) {
    it.effect(`does not hide ${title}`, () => {
      const { models, provide } = Vendors.make({ "a/one": [Vendors.fail(reason)], "b/two": [] })
      return Effect.gen(function*() {
        const { before, error, model } = yield* modelFailed(assistant()("hello"))
        assert.deepStrictEqual([model, error.reason._tag, before], ["a/one", reason._tag, undefined])
        assert.deepStrictEqual(models(), ["a/one"])
      }).pipe(provide)
    })
  }

  it.effect("goes on in the middle of a run: tools do not run again, and the run stays where it went", () => {
    const { asked, models, provide } = Vendors.make({
      "a/one": [Vendors.call("count", {}), Vendors.fail(overloaded)],
      "b/two": [Vendors.call("count", {}), Vendors.say("2")]
    })
    let count = 0
    const counts = Task.make("count", { payload: {}, success: Schema.Finite, run: () => ++count })
    return Effect.gen(function*() {
      const { events } = yield* collect(assistant().with({ tools: [counts] }).stream("count"))
      assert.deepStrictEqual(models(), ["a/one", "a/one", "b/two", "b/two"])
      assert.strictEqual(count, 2)
      assert.deepStrictEqual(only(events, "TurnStarted").map(({ model }) => model), ["a/one", "a/one", "b/two"])
      assert.deepStrictEqual(only(events, "ModelFellBack").map(({ turn }) => turn), [2])
      assert.deepStrictEqual(asked[2]!.request.prompt, asked[1]!.request.prompt)
      const { messages, output } = only(events, "RunCompleted")[0]!.result
      assert.strictEqual(output, "2")
      assertLegal(messages)
      assert.deepStrictEqual(messages.map(({ role }) => role), [
        "user",
        "assistant",
        "tool",
        "assistant",
        "tool",
        "assistant"
      ])
    }).pipe(provide)
  })

  it.effect("the next run starts with the first model again", () => {
    const { models, provide } = Vendors.make({
      "a/one": [Vendors.fail(overloaded), Vendors.say("1")],
      "b/two": [Vendors.say("2")]
    })
    return Effect.gen(function*() {
      assert.strictEqual(yield* assistant()("?"), "2")
      assert.strictEqual(yield* assistant()("?"), "1")
      assert.deepStrictEqual(models(), ["a/one", "b/two", "a/one"])
    }).pipe(provide)
  })

  it.effect("when the model it stays with fails in a later turn, those after it are asked, then those before it", () => {
    const { models, provide } = Vendors.make({
      "a/one": [Vendors.fail(overloaded), Vendors.say("one")],
      "b/two": [Vendors.call("noop", {}), Vendors.fail(overloaded)],
      "c/three": [Vendors.fail(rateLimited)]
    })
    const noop = Task.make("noop", { payload: {}, success: Schema.Void, run: () => {} })
    return Effect.gen(function*() {
      const answer = yield* assistant(Models.fallback(["a/one", "b/two", "c/three"])).with({ tools: [noop] })("?")
      assert.strictEqual(answer, "one")
      assert.deepStrictEqual(models(), ["a/one", "b/two", "b/two", "c/three", "a/one"])
    }).pipe(provide)
  })

  it.effect("before the first delta another model may answer, after it none, and what was shown is kept", () => {
    const start: Vendors.Answer = () =>
      Stream.concat(
        Scripted.parts([{ type: "response-metadata" } as never, { type: "text-start", id: "t" }]),
        Vendors.fail(overloaded)({} as never)
      )
    const { models, provide } = Vendors.make({
      "a/one": [start, Vendors.fail(overloaded, "Once ", "upon")],
      "b/two": [Vendors.say("hi")]
    })
    return Effect.gen(function*() {
      assert.strictEqual(yield* Agent.text(assistant().stream("hello")).pipe(Stream.mkString), "hi")
      const { events, exit } = yield* collect(assistant().stream("hello"))
      assert.deepStrictEqual(only(events, "TextDelta").map(({ delta }) => delta), ["Once ", "upon"])
      assert.deepStrictEqual(only(events, "ModelFellBack"), [])
      const { messages, reason } = yield* Effect.flip(
        Effect.suspend(() => exit as Exit.Exit<never, AgentError.AgentError>)
      )
      assert.deepStrictEqual(texts(messages), ["hello", "Once upon"])
      assert(reason instanceof AgentError.ModelFailed)
      assert.strictEqual(reason.shown, true)
      assert.deepStrictEqual(models(), ["a/one", "b/two", "a/one"])
    }).pipe(provide)
  })

  it.effect("a part of an answer that nobody was shown is thrown away, and leaves nothing behind", () => {
    const { models, provide } = Vendors.make({
      "a/one": [Vendors.fail(overloaded, "Once ", "upon")],
      "b/two": [Vendors.say("hi")]
    })
    return Effect.gen(function*() {
      const { messages, output } = yield* assistant().result("hello")
      assert.strictEqual(output, "hi")
      assert.deepStrictEqual(texts(messages), ["hello", "hi"])
      assert.deepStrictEqual(models(), ["a/one", "b/two"])
    }).pipe(provide)
  })

  it.effect("a model is asked again before the next one only where the fallback says so; the last one by modelRetry", () => {
    const script = {
      "a/one": [Vendors.fail(overloaded)],
      "b/two": [Vendors.fail(rateLimited), Vendors.fail(rateLimited), Vendors.say("hi")]
    }
    return Effect.gen(function*() {
      const once = Vendors.make(script)
      const retry = { times: 2, schedule: undefined }
      const first = yield* Effect.forkChild(assistant().with({ modelRetry: retry })("?").pipe(once.provide))
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* Fiber.join(first), "hi")
      assert.deepStrictEqual(once.models(), ["a/one", "b/two", "b/two", "b/two"])

      const thrice = Vendors.make(script)
      const patient = assistant(Models.fallback(["a/one", "b/two"], { retry: { times: 2 } }))
      const second = yield* Effect.forkChild(
        collect(patient.with({ modelRetry: retry }).stream("?")).pipe(thrice.provide)
      )
      yield* TestClock.adjust("10 seconds")
      const { events } = yield* Fiber.join(second)
      assert.deepStrictEqual(thrice.models(), ["a/one", "a/one", "a/one", "b/two", "b/two", "b/two"])
      assert.deepStrictEqual(only(events, "ModelRetried").map(({ model }) => model), [
        "a/one",
        "a/one",
        "b/two",
        "b/two"
      ])
    })
  })

  it.effect("when all have failed, the error is the last one's, and names those before it", () => {
    const { models, provide } = Vendors.make({
      "a/one": [Vendors.fail(rateLimited)],
      "b/two": [Vendors.fail(unreachable)],
      "c/three": [Vendors.fail(badKey)]
    })
    return Effect.gen(function*() {
      const error = yield* modelFailed(assistant(Models.fallback(["a/one", "b/two", "c/three"]))("?"))
      assert.strictEqual(error.model, "c/three")
      assert.strictEqual(error.error.reason._tag, "AuthenticationError")
      assert.strictEqual(error.isRetryable, false)
      assert.deepStrictEqual(error.before?.map(({ model, reason }) => [model, reason]), [
        ["a/one", "RateLimitError"],
        ["b/two", "NetworkError"]
      ])
      assert.include(error.message, "the call to model c/three failed: InvalidKey")
      assert.include(error.message, "before it, a/one could not answer: the rate limit is reached")
      assert.include(error.message, "before it, b/two could not answer: nothing came from the vendor for 2m")
      const codec = Schema.toCodecJson(AgentError.ModelFailed)
      const back = Schema.decodeUnknownSync(codec)(Schema.encodeUnknownSync(codec)(error))
      assert.strictEqual(back.message, error.message)
      assert.deepStrictEqual(models(), ["a/one", "b/two", "c/three"])
    }).pipe(provide)
  })

  it.effect("a prompt that is too long goes to the model that was named for it, and to no other", () => {
    const script = {
      "a/small": [Vendors.fail(tooLong)],
      "b/other": [],
      "c/large": [Vendors.call("noop", {}), Vendors.say("long")]
    }
    const noop = Task.make("noop", { payload: {}, success: Schema.Void, run: () => {} })
    return Effect.gen(function*() {
      for (const models of [["a/small", "b/other"], ["a/small", "b/other", "c/large"]]) {
        const vendors = Vendors.make(script)
        const fallback = Models.fallback(models, { contextLength: "c/large" })
        const { events } = yield* collect(assistant(fallback).with({ tools: [noop] }).stream("?")).pipe(vendors.provide)
        assert.deepStrictEqual(vendors.models(), ["a/small", "c/large", "c/large"])
        assert.deepStrictEqual(only(events, "ModelFellBack").map(({ to }) => to), ["c/large"])
        assert.strictEqual(only(events, "RunCompleted")[0]!.result.output, "long")
      }
    })
  })

  it.effect("the model for long prompts is asked for nothing else, and when it fails nobody is asked in its place", () => {
    const fallback = Models.fallback(["a/small", "b/other"], { contextLength: "c/large" })
    return Effect.gen(function*() {
      const outage = Vendors.make({
        "a/small": [Vendors.fail(overloaded)],
        "b/other": [Vendors.say("hi")],
        "c/large": []
      })
      assert.strictEqual(yield* assistant(fallback)("?").pipe(outage.provide), "hi")

      const large = Vendors.make({
        "a/small": [Vendors.fail(tooLong)],
        "b/other": [],
        "c/large": [Vendors.fail(noQuota)]
      })
      const error = yield* modelFailed(assistant(fallback)("?").pipe(large.provide))
      assert.deepStrictEqual([error.model, error.before?.map(({ model }) => model)], ["c/large", ["a/small"]])

      const longer = Vendors.make({
        "a/small": [Vendors.fail(tooLong)],
        "b/other": [],
        "c/large": [Vendors.fail(tooLong)]
      })
      yield* modelFailed(assistant(fallback)("?").pipe(longer.provide))
      assert.deepStrictEqual(longer.models(), ["a/small", "c/large"])
    })
  })

  it.effect("all of its models are found at the start, so a key that is missing for the second is told at once", () => {
    const { models, provide } = Vendors.make({ "a/one": [Vendors.say("hi")] })
    return Effect.gen(function*() {
      const reason = yield* failure(assistant()("?"))
      assert(reason instanceof AgentError.ModelUnresolved)
      assert.deepStrictEqual([reason.model, reason.problem], ["b/two", "unknown-provider"])
      const larger = assistant(Models.fallback(["a/one"], { contextLength: "b/two" }))
      assert.strictEqual((yield* failure(larger("?")))._tag, "ModelUnresolved")
      assert.deepStrictEqual(models(), [])
    }).pipe(provide)
  })

  it.effect("a model that could never do what the agent needs is told at once, too", () => {
    const { models, provide } = Vendors.make(
      { "a/one": [Vendors.say("hi")], "b/two": [] },
      { "b/two": { tools: false } }
    )
    const noop = Task.make("noop", { payload: {}, success: Schema.Void, run: () => {} })
    return Effect.gen(function*() {
      const reason = yield* failure(assistant().with({ tools: [noop] })("?"))
      assert(reason instanceof AgentError.Unsupported)
      assert.deepStrictEqual([reason.model, reason.feature], ["b/two", "tools"])
      assert.deepStrictEqual(models(), [])
      assert.strictEqual(yield* assistant()("?"), "hi")
    }).pipe(provide)
  })

  it.effect("a model that cannot take what this run says is passed over", () => {
    const blind = { "b/two": { vision: false } }
    const image = [Prompt.filePart({ mediaType: "image/png", data: "AAAA" }), "What is this?"]
    return Effect.gen(function*() {
      const three = Vendors.make(
        { "a/one": [Vendors.fail(overloaded)], "b/two": [], "c/three": [Vendors.say("a cat")] },
        blind
      )
      const fallback = Models.fallback(["a/one", "b/two", "c/three"])
      assert.strictEqual(yield* assistant(fallback)(image).pipe(three.provide), "a cat")
      assert.deepStrictEqual(three.models(), ["a/one", "c/three"])

      // nobody is left who can take it: the first is the last one, and is asked again
      const none = Vendors.make({ "a/one": [Vendors.fail(overloaded)], "b/two": [] }, blind)
      const run = assistant().with({ modelRetry: { times: 1 } })(image).pipe(none.provide)
      const fiber = yield* Effect.forkChild(modelFailed(run))
      yield* TestClock.adjust("10 seconds")
      const error = yield* Fiber.join(fiber)
      assert.deepStrictEqual(none.models(), ["a/one", "a/one"])
      assert.deepStrictEqual(error.before, [{
        model: "b/two",
        reason: "Unsupported",
        message: "model b/two does not support images: name a model that sees images"
      }])
    })
  })

  it.effect("each model is asked in its own way: a typed answer natively, or by a tool, with the options it takes", () => {
    const city = Schema.Struct({ city: Schema.String, founded: Schema.Date })
    const json = { city: "Bern", founded: "1191-01-01T00:00:00.000Z" }
    const native = Vendors.say(JSON.stringify(json))
    const byTool = Vendors.call("final_answer", json)
    const plain = { structuredOutput: false, sampling: false }
    return Effect.gen(function*() {
      for (
        const [first, second, capabilities] of [
          [native, byTool, { "b/two": plain }],
          [byTool, native, { "a/one": plain }]
        ] as const
      ) {
        const { asked, provide } = Vendors.make({
          "a/one": [Vendors.fail(overloaded), first],
          "b/two": [second]
        }, capabilities)
        const typed = Agent.make("typed", { instructions: "i", model: two, output: city, temperature: 0.5 })
        const fellBack = yield* typed.result("?").pipe(provide)
        assert.deepStrictEqual(fellBack.output, { city: "Bern", founded: new Date(json.founded) })
        const isPlain = asked.map(({ request }) => request.responseFormat.type === "text")
        assert.deepStrictEqual(isPlain, second === byTool ? [false, true] : [true, false])
        for (const { request } of asked) {
          const natively = request.responseFormat.type === "json"
          assert.deepStrictEqual(request.tools.map(({ name }) => name), natively ? [] : ["final_answer"])
          assert.strictEqual(request.options.temperature, natively ? 0.5 : undefined)
        }
        assert.deepStrictEqual(fellBack.warnings.map(({ message }) => message), [
          `model ${second === byTool ? "b/two" : "a/one"} does not take temperature: left out`
        ])
        assertLegal(fellBack.messages)
      }
    })
  })

  it.effect("stream and watch see the same, and a run that nobody watches says it in the log", () => {
    const lines: Array<string> = []
    const logger = Logger.layer([Logger.make(({ logLevel, message }) => {
      lines.push(`${logLevel} ${String(message)}`)
    })])
    const { provide } = Vendors.make({ "a/one": [Vendors.fail(overloaded)], "b/two": [Vendors.say("hi")] })
    return Effect.gen(function*() {
      const streamed = yield* collect(assistant().stream("?"))
      const watched = yield* Effect.scoped(Effect.gen(function*() {
        const { events, result } = yield* assistant().watch("?")
        assert.strictEqual((yield* result).output, "hi")
        return yield* Stream.runCollect(events())
      }))
      assert.deepStrictEqual(watched.map(({ event }) => event), streamed.events)
      assert.deepStrictEqual(lines, [])
      yield* assistant()("?")
      assert.deepStrictEqual(lines, [
        "Info agent assistant: a/one could not answer, b/two is asked instead: "
        + new AgentError.ModelFailed({ model: "a/one", ...failed(overloaded) }).said
      ])
    }).pipe(provide, Effect.provide(logger))
  })

  it.effect("no known secret is told with it", () => {
    Secrets.register("fallback-secret-1234567890")
    const leaky = new AiError.InternalProviderError({ description: "no key fallback-secret-1234567890 here" })
    const { provide } = Vendors.make({ "a/one": [Vendors.fail(leaky)], "b/two": [Vendors.fail(leaky)] })
    return Effect.gen(function*() {
      const { events, exit } = yield* collect(assistant().with({ modelRetry: { times: 0 } }).stream("?"))
      const told = JSON.stringify([events, exit])
      assert.include(told, "no key <redacted> here")
      assert.notInclude(told, "fallback-secret")
    }).pipe(provide)
  })

  it.effect("a span names the model that was called", () => {
    const spans: Array<Tracer.NativeSpan> = []
    const tracer = Tracer.make({
      span: (options) => {
        const span = new Tracer.NativeSpan(options)
        spans.push(span)
        return span
      }
    })
    const { provide } = Vendors.make({ "a/one": [Vendors.fail(overloaded)], "b/two": [Vendors.say("hi")] })
    return Effect.gen(function*() {
      yield* assistant()("?").pipe(Effect.provideService(Tracer.Tracer, tracer))
      assert.deepStrictEqual(
        spans.map((
          { attributes, name }
        ) => [name, attributes.get("gen_ai.provider.name"), attributes.get("error.type")]),
        [
          ["Agent.run", undefined, undefined],
          ["chat one", "a", "InternalProviderError"],
          ["chat two", "b", undefined]
        ]
      )
      assert.strictEqual(spans[0]!.attributes.get("gen_ai.response.model"), "b/two")
    }).pipe(provide, Effect.provideService(References.MinimumLogLevel, "None"))
  })

  it.effect("beforeTurn may name one; a fallback that it names again stays with the model that answered", () => {
    const { models, provide } = Vendors.make({
      "a/one": [Vendors.fail(overloaded)],
      "b/two": [Vendors.call("noop", {}), Vendors.say("hi")]
    })
    const noop = Task.make("noop", { payload: {}, success: Schema.Void, run: () => {} })
    const changing = Agent.make("changing", {
      instructions: "i",
      tools: [noop],
      beforeTurn: () => Effect.succeed({ model: two })
    })
    return Effect.gen(function*() {
      const { events } = yield* collect(changing.stream("?"))
      assert.strictEqual(only(events, "RunCompleted")[0]!.result.output, "hi")
      assert.deepStrictEqual(models(), ["a/one", "b/two", "b/two"])
      assert.deepStrictEqual(only(events, "TurnStarted").map(({ model }) => model), ["a/one", "b/two"])
    }).pipe(provide, Effect.provide(Scripted.layer(() => Stream.die(new Error("the agent's own model was asked")))))
  })

  it.effect("prompt says what the first model would be sent", () => {
    const { models, provide } = Vendors.make({ "a/one": [], "b/two": [] })
    return Effect.gen(function*() {
      assert.strictEqual((yield* assistant().prompt("?")).model, "a/one")
      assert.deepStrictEqual(models(), [])
    }).pipe(provide)
  })

  it.effect("TestModel stands for all of its models, in the order of the calls", () =>
    Effect.gen(function*() {
      const { model, output } = yield* assistant().result("?")
      assert.deepStrictEqual([model, output], ["b/two", "hi"])
    }).pipe(Effect.provide(TestModel.layer([TestModel.fail(overloaded), TestModel.text("hi")]))))
})

describe("in a workflow", () => {
  const noop = Task.make("noop", { payload: {}, success: Schema.Void, run: () => {} })
  const durable = assistant().with({ tools: [noop] })
  const make = () =>
    Vendors.make({
      "a/one": [Vendors.call("noop", {}), Vendors.fail(overloaded)],
      "b/two": [Vendors.say("hi")]
    })

  it.effect("each model's call is a step of its own, and a failed one is recorded as such", () => {
    const { provide } = make()
    const { names, scope, steps, stored } = recorder()
    return Effect.gen(function*() {
      assert.strictEqual(yield* durable("?").pipe(within(scope)), "hi")
      assert.deepStrictEqual(names(), [
        "assistant",
        "assistant/model",
        "assistant/noop",
        "assistant/model",
        "assistant/model"
      ])
      // by turn, and not by model: another list of models goes on from the same journal
      assert.deepStrictEqual(steps.filter(({ name }) => name === "model").map(({ payload }) => payload), [
        { turn: 1 },
        { turn: 2 },
        { turn: 2 }
      ])
      const calls = stored.filter(([name]) => name === "model").map(([, outcome]) => outcome as any)
      assert.deepStrictEqual(calls.map((outcome) => outcome._tag), [undefined, "ModelFailed", undefined])
      assert.deepInclude(calls[1], { model: "a/one" })
      assert.notProperty(calls[1], "shown")
    }).pipe(provide)
  })

  /** Answers model calls from what was stored, in order. */
  const replay = (outcomes: ReadonlyArray<unknown>): StepScope.StepScope => {
    let count = 0
    return {
      idempotencyKey: undefined,
      step: (step, body): any => {
        if (step.name !== "model") return body
        const outcome = outcomes[count++] as { readonly _tag?: string }
        return outcome._tag === "ModelFailed"
          ? Effect.flatMap(
            Effect.orDie(Schema.decodeUnknownEffect(Schema.toCodecJson(step.error))(outcome)),
            Effect.fail
          )
          : Effect.orDie(Schema.decodeUnknownEffect(Schema.toCodecJson(step.success))(outcome))
      },
      ...elsewhere
    }
  }

  it.effect("a replay takes the same way, and calls no model", () =>
    Effect.gen(function*() {
      const { scope, stored } = recorder()
      const first = make()
      const { events } = yield* collect(durable.stream("?")).pipe(within(scope), first.provide)
      const outcomes = stored.filter(([name]) => name === "model").map(([, outcome]) => outcome)
      const second = make()
      const again = yield* collect(durable.stream("?")).pipe(within(replay(outcomes)), second.provide)
      assert.deepStrictEqual(second.models(), [])
      assert.deepStrictEqual(only(again.events, "ModelFellBack"), only(events, "ModelFellBack"))
      const [before, after] = [events, again.events].map((events) => only(events, "RunCompleted")[0]!.result)
      assert.deepStrictEqual(after, before)
    }))

  it.effect("that a part was shown is recorded: no other model answers on replay either", () =>
    Effect.gen(function*() {
      const { scope, stored } = recorder()
      const first = Vendors.make({ "a/one": [Vendors.fail(overloaded, "Once")], "b/two": [] })
      const { exit } = yield* collect(durable.stream("?")).pipe(within(scope), first.provide)
      assert.isTrue(Exit.isFailure(exit))
      const [, outcome] = stored.find(([name]) => name === "model")!
      assert.deepInclude(outcome, { _tag: "ModelFailed", shown: true })
      const second = Vendors.make({ "a/one": [], "b/two": [] })
      const error = yield* modelFailed(durable("?").pipe(within(replay([outcome])), second.provide))
      assert.deepStrictEqual([error.model, error.shown, second.models()], ["a/one", true, []])
    }))
})

describe("a model that another one can stand in for", () => {
  it.effect("may not wait for its rate limit; the last one may", () => {
    const seen: Array<boolean> = []
    const note = (answer: Vendors.Answer): Vendors.Answer => (request) =>
      Stream.unwrap(Effect.map(Driver.MayWait, (mayWait) => {
        seen.push(mayWait)
        return answer(request)
      }))
    const { provide } = Vendors.make({ "a/one": [note(Vendors.fail(overloaded))], "b/two": [note(Vendors.say("hi"))] })
    return Effect.gen(function*() {
      yield* assistant()("?")
      yield* Agent.make("plain", { instructions: "i", model: "b/two" })("?")
      assert.deepStrictEqual(seen, [false, true, true])
    }).pipe(provide)
  })
})
