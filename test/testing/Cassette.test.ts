/**
 * What a cassette does in its modes, and whichever Model is behind it.
 */
import { assert, describe, expectTypeOf, it } from "@effect/vitest"
import { Config, Effect, Layer, Schema, Stream } from "effect"
import { AiError, LanguageModel, Model, Tool, Toolkit } from "effect/ai"
import { toCodecOpenAI } from "effect/ai/OpenAiStructuredOutput"
import { Agent, AgentError, Capabilities, Driver, Models, Task } from "fluxion"
import { Cassette, TestModel } from "fluxion/testing"
import { pathToFileURL } from "node:url"
import * as LazyModel from "../../src/agent/LazyModel.ts"
import * as Scripted from "../support/Scripted.ts"
import * as Tapes from "./support/Tapes.ts"

const assistant = Agent.make("assistant", { instructions: "You help." })
const other = Agent.make("other", { instructions: "You help." })

describe("the modes", () => {
  it.effect("auto records what is missing, once, and replays what is there, without making the Model", () =>
    Effect.gen(function*() {
      const file = yield* Tapes.fresh
      assert.strictEqual(yield* Tapes.record(file, assistant("one?"), Tapes.say("1")), "1")
      const text = Tapes.text(file)
      assert.strictEqual(yield* Tapes.record(file, assistant("one?"), Tapes.unreachable), "1")
      assert.strictEqual(Tapes.text(file), text)
      const both = Effect.all([assistant("one?"), assistant("two?")])
      assert.deepStrictEqual(yield* Tapes.record(file, both, Tapes.say("2")), ["1", "2"])
      assert.deepStrictEqual(Tapes.requestsOf(file), ["one?", "two?"])
      assert.deepStrictEqual(yield* Tapes.replay(file, both), ["1", "2"])
    }))

  it.effect("record begins anew and drops what is not used any more; Layers of one process then share the file", () =>
    Effect.gen(function*() {
      const file = yield* Tapes.fresh
      yield* Tapes.record(file, Effect.all([assistant("one?"), assistant("two?")]), Tapes.say("1", "2"))
      assert.strictEqual(yield* Tapes.record(file, assistant("one?"), Tapes.say("I"), "record"), "I")
      assert.deepStrictEqual(Tapes.requestsOf(file), ["one?"])
      assert.strictEqual(yield* Tapes.record(file, assistant("three?"), Tapes.say("III"), "record"), "III")
      // what was recorded a moment ago is not paid for again
      assert.strictEqual(yield* Tapes.record(file, assistant("one?"), Tapes.say(), "record"), "I")
      assert.deepStrictEqual(Tapes.requestsOf(file), ["one?", "three?"])
    }))

  it.effect("record overwrites nothing before it has something to write", () =>
    Effect.gen(function*() {
      const file = yield* Tapes.fresh
      yield* Tapes.record(file, assistant("one?"), Tapes.say("1"))
      const failing = TestModel.layer([TestModel.fail(new AiError.AuthenticationError({ kind: "InvalidKey" }))])
      yield* Tapes.failureOf(Tapes.record(file, assistant("one?"), failing, "record"))
      assert.strictEqual(yield* Tapes.replay(file, assistant("one?")), "1")
    }))

  it.effect("replay fails on what is missing, and says what was asked and how it differs", () =>
    Effect.gen(function*() {
      const file = yield* Tapes.fresh
      const tool = Task.make("look_up", { payload: { word: Schema.String }, success: Schema.String, run: () => "x" })
      const agent = Agent.make("assistant", { instructions: "You help.\nBe brief.", tools: [tool] })
      yield* Tapes.record(file, Effect.all([other("what?"), agent("Where is Tokyo?")]), Tapes.say("1", "2"))
      const error = yield* Tapes.failureOf(Tapes.replay(file, agent("Where is Lima?")))
      assert.strictEqual(error.reason._tag, "InvalidRequestError")
      assert.isFalse(error.isRetryable)
      const { message } = error
      assert.include(message, `No answer is recorded in ${file} for this request to test/test (2 messages, 1 tool).\n`)
      assert.include(message, "nearest of 2 recordings is number 2")
      assert.include(message, "\n-    content: Where is Tokyo?\n+    content: Where is Lima?\n")
      assert.include(message, `mode "auto"`)
    }))

  it.effect("an answer that was given is not given again, and a Layer begins from the start", () =>
    Effect.gen(function*() {
      const file = yield* Tapes.fresh
      const twice = Effect.all([assistant("again?"), assistant("again?")])
      assert.deepStrictEqual(yield* Tapes.record(file, twice, Tapes.say("first", "second")), ["first", "second"])
      assert.deepStrictEqual(yield* Tapes.replay(file, twice), ["first", "second"])
      assert.strictEqual(yield* Tapes.replay(file, assistant("again?")), "first")
      const error = yield* Tapes.failureOf(Tapes.replay(file, Effect.andThen(twice, assistant("again?"))))
      assert.include(error.message, `is recorded in ${file} 2 times, and all answers were given`)
      // and where recording is allowed, the third is recorded as the third
      assert.strictEqual(
        yield* Tapes.record(file, Effect.andThen(twice, assistant("again?")), Tapes.say("third")),
        "third"
      )
      assert.deepStrictEqual(yield* Tapes.replay(file, twice), ["first", "second"])
    }))

  for (const ci of ["true", "1", "yes", " github "]) {
    it.effect(`in CI (CI is "${ci}") auto replays alone, and record does not begin`, () =>
      Effect.gen(function*() {
        const file = yield* Tapes.fresh
        yield* Tapes.record(file, assistant("one?"), Tapes.say("1"))
        const auto = Cassette.layer(file, { model: Tapes.unreachable }).pipe(Tapes.within({ CI: ci }))
        assert.strictEqual(yield* Effect.provide(assistant("one?"), auto), "1")
        const error = yield* Tapes.failureOf(Effect.provide(assistant("two?"), auto))
        assert.include(error.message, "In CI nothing is recorded")
        const record_ = Cassette.layer(file, { mode: "record", model: Tapes.unreachable }).pipe(
          Tapes.within({ CI: ci })
        )
        const refused = yield* Tapes.problemOf(record_)
        assert.strictEqual(refused.problem, "ci")
        assert.include(refused.message, `CI is "${ci}"`)
        const none = yield* Tapes.problemOf(
          Cassette.layer(`${file}.none`, { model: Tapes.unreachable }).pipe(Tapes.within({ CI: ci }))
        )
        assert.strictEqual(none.problem, "missing")
        assert.include(none.message, "elsewhere")
      }))
  }

  for (const ci of ["", "0", "false", "FALSE"]) {
    it.effect(`it is no CI when CI is "${ci}"`, () =>
      Effect.gen(function*() {
        const file = yield* Tapes.fresh
        const layer = Cassette.layer(file, { mode: "record", model: Tapes.say("1") }).pipe(Tapes.within({ CI: ci }))
        assert.strictEqual(yield* Effect.provide(assistant("one?"), layer), "1")
      }))
  }
})

describe("what is given", () => {
  it("gives what the given Layers give, and fails as they do", () => {
    class Broken extends Schema.TaggedError<Broken>()("Broken", {}) {}
    const model = {} as Layer.Layer<LanguageModel.LanguageModel | Model.ModelName, Broken, Config.Config<string>>
    expectTypeOf(() => Cassette.layer("f", { model })).returns.toEqualTypeOf<
      Layer.Layer<
        LanguageModel.LanguageModel | Model.ModelName,
        Cassette.CassetteError | Broken,
        Config.Config<string>
      >
    >()
    const models = {} as Layer.Layer<Models.Models>
    expectTypeOf(() => Cassette.layer("f", { mode: "auto", models })).returns.toEqualTypeOf<
      Layer.Layer<Models.Models, Cassette.CassetteError>
    >()
    expectTypeOf(() => Cassette.layer("f", { model: TestModel.layer([]), models: TestModel.layer([]) })).returns
      .toEqualTypeOf<Layer.Layer<LanguageModel.LanguageModel | Models.Models, Cassette.CassetteError>>()
    // @ts-expect-error Models are no Model
    void (() => Cassette.layer("f", { model: models }))
    // @ts-expect-error a Model is no Models
    void (() => Cassette.layer("f", { models: model }))
    // @ts-expect-error there is no such mode
    void (() => Cassette.layer("f", { mode: "once", model }))
  })

  const driver = (
    capabilities: Partial<Capabilities.Capabilities>,
    more: Partial<Driver.Driver> = {}
  ): Driver.Driver => ({
    provider: "acme",
    model: "m1",
    capabilities: { ...Capabilities.all, ...capabilities },
    stream: () => Scripted.parts(Scripted.say(["hi"])),
    ...more
  })

  const layerOf = (driver: Driver.Driver) => Layer.effect(LanguageModel.LanguageModel, Driver.toLanguageModel(driver))

  it.effect("a replay has the driver's names and capabilities", () =>
    Effect.gen(function*() {
      const file = yield* Tapes.fresh
      const names = Layer.merge(Layer.succeed(Model.ProviderName, "acme"), Layer.succeed(Model.ModelName, "m1"))
      const model = Layer.merge(layerOf(driver({ tools: false, seed: false })), names)
      yield* Tapes.record(file, assistant("hi"), model)
      const context = yield* Layer.build(
        Cassette.layer(file, { mode: "replay", model: Layer.merge(Tapes.unreachable, names) })
      )
      yield* Effect.gen(function*() {
        const found = Driver.of(yield* LanguageModel.LanguageModel)!
        assert.deepStrictEqual([found.provider, found.model], ["acme", "m1"])
        assert.deepStrictEqual(found.capabilities, { ...Capabilities.all, tools: false, seed: false })
        assert.deepStrictEqual([yield* Model.ProviderName, yield* Model.ModelName], ["acme", "m1"])
        assert.strictEqual((yield* assistant.result("hi")).model, "acme/m1")
      }).pipe(Effect.provideContext(context))
    }))

  it.effect("a driver with a codec of its own is refused typed answers, and nothing else", () =>
    Effect.gen(function*() {
      const file = yield* Tapes.fresh
      const own = driver({}, { codecTransformer: (schema) => LanguageModel.defaultCodecTransformer(schema) })
      assert.strictEqual(yield* Tapes.record(file, assistant("hi"), layerOf(own)), "hi")
      const typed = Agent.make("typed", { instructions: "i", output: Schema.Struct({ n: Schema.Finite }) })
      assert.include(
        (yield* Tapes.failureOf(Tapes.record(file, typed("hi"), layerOf(own)))).message,
        "codecTransformer of its own"
      )
    }))

  it.effect("another Model than the recorded one is refused when it is made", () =>
    Effect.gen(function*() {
      const file = yield* Tapes.fresh
      yield* Tapes.record(file, assistant("one?"), Tapes.say("1"))
      const error = yield* Tapes.failureOf(Tapes.record(file, assistant("two?"), layerOf(driver({}))))
      assert.include(error.message, "recorded with test/test, and now acme/m1 is given")
      // where nothing has to be recorded it is not made, so nobody knows
      assert.strictEqual(yield* Tapes.record(file, assistant("one?"), layerOf(driver({}))), "1")
      yield* Tapes.record(file, assistant("one?"), Tapes.say("1"), "record")
      const again = Cassette.layer(file, { mode: "record", model: layerOf(driver({})) }).pipe(Tapes.within())
      assert.strictEqual((yield* Tapes.problemOf(again)).problem, "other-model")
    }))

  it.effect("a Model that lost its driver since is refused", () =>
    Effect.gen(function*() {
      const file = yield* Tapes.fresh
      yield* Tapes.record(file, assistant("one?"), layerOf(driver({})))
      const wrapped = Layer.effect(
        LanguageModel.LanguageModel,
        Effect.map(Driver.toLanguageModel(driver({})), (service) => ({ ...service }))
      ).pipe(
        Layer.merge(Layer.succeed(Model.ProviderName, "acme")),
        Layer.merge(Layer.succeed(Model.ModelName, "m1"))
      )
      const error = yield* Tapes.failureOf(Tapes.record(file, assistant("two?"), wrapped))
      assert.include(error.message, "was recorded with a driver")
    }))

  it.effect("a Model that cannot be made fails the Layer, with its own error, and a later call with what is missing", () =>
    Effect.gen(function*() {
      class Broken extends Schema.TaggedError<Broken>()("Broken", { key: Schema.String }) {
        override get message() {
          return `set ${this.key}`
        }
      }
      const file = yield* Tapes.fresh
      const broken = Layer.effect(LanguageModel.LanguageModel, Effect.fail(new Broken({ key: "ACME_KEY" })))
      const layer = Cassette.layer(file, { model: broken }).pipe(Tapes.within())
      assert.strictEqual((yield* Effect.flip(Layer.build(layer)))._tag, "Broken")
      yield* Tapes.record(file, assistant("one?"), Tapes.say("1"))
      const run = Effect.provide(Effect.all([assistant("one?"), assistant("two?")]), layer)
      const { message } = yield* Tapes.failureOf(run as Effect.Effect<unknown, AgentError.AgentError>)
      assert.include(message, "It cannot be recorded: set ACME_KEY")
      assert.include(message, "+    content: two?")
    }))

  it.effect("a Model that is found later is found when something is recorded, and why it is not", () =>
    Effect.gen(function*() {
      const file = yield* Tapes.fresh
      const lazy = (find: LazyModel.LazyModel["find"]) =>
        Layer.succeed(LanguageModel.LanguageModel, LazyModel.make({ id: "acme/m1", find }))
      const detail = "set ACME_KEY"
      const missing = new AgentError.ModelUnresolved({ model: "acme/m1", problem: "missing-key", detail })
      const error = yield* Tapes.problemOf(
        Cassette.layer(file, { model: lazy(Effect.fail(missing)) }).pipe(Tapes.within())
      )
      assert.strictEqual(error.problem, "no-model")
      assert.include(error.message, detail)
      yield* Tapes.record(file, assistant("one?"), lazy(Driver.toLanguageModel(driver({ seed: false }))))
      assert.deepStrictEqual(Tapes.read(file).models["acme/m1"].driver.capabilities, { seed: false })
    }))

  it.effect("a Model is made once, by the first of many calls that need it, and again after it failed", () =>
    Effect.gen(function*() {
      const file = yield* Tapes.fresh
      yield* Tapes.record(file, assistant("zero?"), Tapes.say("0"))
      let tries = 0
      const flaky = Layer.effect(
        LanguageModel.LanguageModel,
        Effect.suspend(() =>
          ++tries === 1
            ? Effect.fail(new Error("not yet"))
            : Driver.toLanguageModel(driver({}, { provider: "test", model: "test" }))
        )
      )
      yield* Effect.gen(function*() {
        assert.include((yield* Tapes.failureOf(assistant("one?"))).message, "not yet")
        yield* Effect.all([assistant("one?"), assistant("two?"), assistant("three?")], { concurrency: "unbounded" })
        assert.strictEqual(tries, 2)
      }).pipe(Effect.provide(Cassette.layer(file, { model: flaky }).pipe(Tapes.within())))
    }))

  it.effect("a file that holds only Models by name says so to who wants a Model", () =>
    Effect.gen(function*() {
      const file = yield* Tapes.fresh
      const models = Cassette.layer(file, { models: Tapes.say("1") }).pipe(Tapes.within())
      const agent = Agent.make("agent", { instructions: "i", model: "acme/m1" })
      yield* Effect.provide(agent("one?"), models)
      const error = yield* Tapes.problemOf(Cassette.layer(file, { mode: "replay", model: Tapes.unreachable }))
      assert.strictEqual(error.problem, "no-model")
      assert.include(error.message, "`models` alone")
    }))

  it.effect("Models by name, several in one file, each found once; an unknown one names those there are", () =>
    Effect.gen(function*() {
      const file = yield* Tapes.fresh
      const both = Effect.forEach(
        ["acme/m1", "acme/m2"],
        (model) => Agent.make("agent", { instructions: "i", model })("who?")
      )
      const recorded = Cassette.layer(file, { models: Tapes.say("one", "two") }).pipe(Tapes.within())
      assert.deepStrictEqual(yield* Effect.provide(both, recorded), ["one", "two"])
      const none = Layer.effect(Models.Models, Effect.die(new Error("the Models were made")))
      yield* Effect.gen(function*() {
        assert.deepStrictEqual(yield* both, ["one", "two"])
        const models = yield* Models.Models
        assert.strictEqual(yield* models.get("acme/m1"), yield* models.get("acme/m1"))
        const error = yield* Effect.flip(models.get("acme/m3"))
        assert.strictEqual(error._tag, "ModelUnresolved")
        assert.include(error.message, "recorded are: acme/m1, acme/m2")
      }).pipe(Effect.provide(Cassette.layer(file, { mode: "replay", models: none })))
    }))

  it.effect("a fallback is replayed: the failure of the first, then the answer of the second", () =>
    Effect.gen(function*() {
      const file = yield* Tapes.fresh
      const agent = Agent.make("agent", { instructions: "i", model: Models.fallback(["acme/m1", "acme/m2"]) })
      const models = TestModel.layer([
        TestModel.fail(new AiError.InternalProviderError({ description: "overloaded" })),
        TestModel.text("from the second")
      ])
      const run = (layer: Layer.Layer<Models.Models, Cassette.CassetteError>) =>
        Effect.map(Effect.provide(agent.result("who?"), layer, { local: true }), ({ output, model }) => [output, model])
      const recorded = yield* run(Cassette.layer(file, { models }).pipe(Tapes.within()))
      assert.deepStrictEqual(recorded, ["from the second", "acme/m2"])
      assert.deepStrictEqual(yield* run(Cassette.layer(file, { mode: "replay", models })), recorded)
    }))

  it.effect("a file: URL is a path", () =>
    Effect.gen(function*() {
      const file = yield* Tapes.fresh
      yield* Tapes.record(file, assistant("one?"), Tapes.say("1"))
      const layer = Cassette.layer(pathToFileURL(file), { mode: "replay", model: Tapes.unreachable })
      assert.strictEqual(yield* Effect.provide(assistant("one?"), layer), "1")
    }))
})

describe("a Model without a driver", () => {
  const search = Task.make("search", { payload: { q: Schema.String }, success: Schema.String, run: ({ q }) => `${q}!` })
  const Search = Tool.make("search", {
    parameters: Schema.Struct({ n: Schema.FiniteFromString }),
    success: Schema.String
  })

  /** Somebody's own Model: what it answers, and how often it was asked. */
  const foreign = (answers: ReadonlyArray<TestModel.Turn>) => {
    let calls = 0
    const layer = Layer.effect(
      LanguageModel.LanguageModel,
      Effect.map(LanguageModel.LanguageModel, (service) => ({
        ...service,
        generateText: ((options: never) => (calls++, service.generateText(options))) as never,
        streamText: ((options: never) => (calls++, service.streamText(options))) as never,
        generateObject: ((options: never) => (calls++, service.generateObject(options))) as never
      }))
    ).pipe(Layer.provide(TestModel.layer(answers)))
    return { layer, calls: () => calls }
  }

  for (const stream of [true, false]) {
    it.effect(`runs an agent with tools, and is replayed as a Model without one (stream: ${stream})`, () =>
      Effect.gen(function*() {
        const file = yield* Tapes.fresh
        const agent = Agent.make("agent", { instructions: "i", tools: [search], stream })
        const { calls, layer } = foreign([TestModel.toolCall("search", { q: "rain" }), TestModel.text("It rains.")])
        const first = yield* Tapes.record(file, agent.result("go"), layer)
        assert.strictEqual(first.output, "It rains.")
        assert.strictEqual(calls(), 2)
        assert.strictEqual(Tapes.read(file).model, "custom")
        yield* Tapes.replay(
          file,
          Effect.gen(function*() {
            assert.isUndefined(Driver.of(yield* LanguageModel.LanguageModel))
            assert.deepStrictEqual(yield* agent.result("go"), first)
          })
        )
      }))
  }

  it.effect("its typed answers come back through the output's Schema, and through a tool in an agent", () =>
    Effect.gen(function*() {
      const file = yield* Tapes.fresh
      const schema = Schema.Struct({ at: Schema.FiniteFromString })
      const ask = Effect.map(LanguageModel.generateObject({ prompt: "when?", schema }), ({ value }) => value)
      const agent = Agent.make("agent", { instructions: "i", output: schema })
      const both = Effect.all([ask, agent("when?")])
      const { layer } = foreign([
        [TestModel.text(`{ "at"`), TestModel.text(`: "12" }`)],
        TestModel.toolCall("final_answer", { at: "13" })
      ])
      assert.deepStrictEqual(yield* Tapes.record(file, both, layer), [{ at: 12 }, { at: 13 }])
      assert.deepStrictEqual(yield* Tapes.replay(file, both), [{ at: 12 }, { at: 13 }])
    }))

  it.effect("what its vendor makes of a Schema is undone before it is recorded", () =>
    Effect.gen(function*() {
      const file = yield* Tapes.fresh
      const schema = Schema.Struct({ range: Schema.Tuple([Schema.Finite, Schema.Finite]) })
      const ask = Effect.map(LanguageModel.generateObject({ prompt: "from where to where?", schema }), ({ value }) =>
        value)
      const vendor = Driver.toLanguageModel({
        provider: "acme",
        model: "m1",
        capabilities: Capabilities.all,
        codecTransformer: toCodecOpenAI,
        stream: () =>
          Scripted.parts(Scripted.say([`{"range":{"0":1,`, `"1":2}}`]))
      })
      const wrapped = Layer.effect(LanguageModel.LanguageModel, Effect.map(vendor, (service) => ({ ...service })))
      assert.deepStrictEqual(yield* Tapes.record(file, ask, wrapped), { range: [1, 2] })
      assert.deepStrictEqual(yield* Tapes.replay(file, ask), { range: [1, 2] })
    }))

  it.effect("tools of a Toolkit run in a replay as they did; what was streamed may be asked for as a whole", () =>
    Effect.gen(function*() {
      const file = yield* Tapes.fresh
      const toolkit = Toolkit.make(Search)
      const ran: Array<number> = []
      const handlers = toolkit.toLayer({ search: ({ n }) => Effect.sync(() => `found ${ran.push(n)}`) })
      const whole = LanguageModel.generateText({ prompt: "go", toolkit }).pipe(
        Effect.map(({ toolResults }) => toolResults.map(({ result }) => result)),
        Effect.provide(handlers)
      )
      const streamed = LanguageModel.streamText({ prompt: "go", toolkit }).pipe(
        Stream.runCollect,
        Effect.map((parts) => parts.flatMap((part) => part.type === "tool-result" ? [part.result] : [])),
        Effect.provide(handlers)
      )
      const { layer } = foreign([TestModel.toolCall("search", { n: "7" })])
      assert.deepStrictEqual(yield* Tapes.record(file, streamed, layer), ["found 1"])
      assert.deepStrictEqual(yield* Tapes.replay(file, whole), ["found 2"])
      assert.deepStrictEqual(yield* Tapes.replay(file, streamed), ["found 3"])
      assert.deepStrictEqual(ran, [7, 7, 7])
    }))
})
