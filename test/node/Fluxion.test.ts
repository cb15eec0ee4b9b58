import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Layer, Logger, Schema, Stream } from "effect"
import { LanguageModel } from "effect/ai"
import { Agent, AgentError, type AgentEvent, Capabilities, Driver, Models, Task } from "fluxion"
import { Fluxion } from "fluxion/node"
import { TestModel } from "fluxion/testing"
import { promptly } from "../support/Promptly.ts"
import * as RunLog from "../support/RunLog.ts"
import * as Scripted from "../support/Scripted.ts"

const soon = 2_000

/** A Promise, which has to be settled soon. */
const inTime = <A>(promise: Promise<A>, message = "it was not done"): Promise<A> =>
  Effect.runPromise(
    promptly(soon, message)(Effect.promise(() =>
      promise.then((a) => () => a, (e) => () => {
        throw e
      })
    ))
  ).then((settled) => settled())

/** What a Promise is rejected with. */
const rejection = (promise: Promise<unknown>): Promise<any> =>
  inTime(promise.then(() => assert.fail("it was resolved"), (error) => error))

const assistant = Agent.make("assistant", { instructions: "i" })
const named = Agent.make("assistant", { instructions: "i", model: "openai/gpt-5" })

const collect = async <A>(iterable: AsyncIterable<A>): Promise<Array<A>> => {
  const all: Array<A> = []
  for await (const a of iterable) all.push(a)
  return all
}

/** A task that hangs until it is interrupted, and then takes its time to clean up. */
const hanging = () => {
  const state = { opened: 0, cleaned: 0 }
  const hangs = Deferred.makeUnsafe<void>()
  const task = Task.make("hang", {
    payload: {},
    success: Schema.String,
    run: () =>
      Effect.acquireUseRelease(
        Effect.sync(() => state.opened++),
        () => Effect.andThen(Deferred.succeed(hangs, undefined), Effect.never),
        () => Effect.map(Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 10))), () => state.cleaned++)
      )
  })
  return { state, task, hangs: inTime(Effect.runPromise(Deferred.await(hangs)), "it does not hang") }
}

/** A model that says so many words, and counts what was pulled. */
const talkative = (count: number, pulled = { count: 0 }) =>
  Scripted.layer(() =>
    Scripted.parts(Scripted.say(function*() {
      for (let i = 0; i < count; i++) {
        pulled.count++
        yield `${i} `
      }
    }()))
  )

const textOf = (events: ReadonlyArray<AgentEvent.AgentEvent<unknown>>) =>
  events.flatMap((event) => event._tag === "TextDelta" ? [event.delta] : []).join("")

describe("run", () => {
  it("resolves with the value of what an agent, a task, or any Effect gives", async () => {
    const fluxion = Fluxion.make({ model: TestModel.layer([TestModel.text("Paris.")]) })
    const add = Task.make("add", { payload: { a: Schema.Finite }, run: async ({ a }) => a + 1 })
    assert.strictEqual(await fluxion.run(assistant("The capital of France?")), "Paris.")
    assert.strictEqual(await fluxion.run(add({ a: 1 })), 2)
    assert.strictEqual(await fluxion.run(Effect.succeed("x")), "x")
    await fluxion.dispose()
  })

  it("rejects with the very error that the run failed with", async () => {
    class NotFound extends Schema.TaggedError<NotFound>()("NotFound", { city: Schema.String }) {}
    const notFound = new NotFound({ city: "Atlantis" })
    const thrown = new RangeError("a bug")
    const cause = new TypeError("rejected")
    const fields = { payload: {}, success: Schema.String }
    const fails = Task.make("fails", { ...fields, error: NotFound, run: () => Effect.fail(notFound) })
    const throws = Task.make("throws", {
      ...fields,
      run: () => {
        throw thrown
      }
    })
    const rejects = Task.make("rejects", { ...fields, run: () => Promise.reject<string>(cause) })
    const fluxion = Fluxion.make()
    assert.strictEqual(await rejection(fluxion.run(fails({}))), notFound)
    assert.strictEqual(await rejection(fluxion.run(throws({}))), thrown)
    assert.strictEqual(await rejection(fluxion.run(Effect.fail("a text"))), "a text")
    const failed = await rejection(fluxion.run(rejects({})))
    assert.instanceOf(failed, Task.TaskFailed)
    assert.strictEqual(failed.cause, cause)
    assert.strictEqual(failed.message, "task rejects failed: rejected")
    const empty = await rejection(fluxion.run(named("")))
    assert.instanceOf(empty, AgentError.AgentError)
    assert.strictEqual(empty.cause, empty.reason)
  })

  it("is ended by its signal: it rejects with the signal's reason when all is cleaned up, and the log says who left", async () => {
    const log = RunLog.make()
    for (const reason of [undefined, new Error("enough")]) {
      const { hangs, state, task } = hanging()
      const fluxion = Fluxion.make({
        model: TestModel.layer([TestModel.toolCall("hang", {})]),
        layer: log.layer
      })
      const controller = new AbortController()
      const run = fluxion.run(assistant.with({ tools: [task] })("go"), { signal: controller.signal })
      await hangs
      controller.abort(reason)
      const error = await rejection(run)
      assert.strictEqual(error, controller.signal.reason)
      assert.strictEqual(error.name, reason === undefined ? "AbortError" : "Error")
      assert.deepStrictEqual(state, { opened: 1, cleaned: 1 })
      await fluxion.dispose()
    }
    assert.deepStrictEqual(log.lines.map(({ end }) => end), ["client-gone", "client-gone"])
  })

  it("does not start when its signal is aborted already", async () => {
    let started = false
    const fluxion = Fluxion.make()
    const reason = new Error("too late")
    const run = fluxion.run(Effect.sync(() => started = true), { signal: AbortSignal.abort(reason) })
    assert.strictEqual(await rejection(run), reason)
    assert.isFalse(started)
  })

  it("goes on to its end when the signal is aborted after it", async () => {
    const controller = new AbortController()
    const fluxion = Fluxion.make()
    assert.strictEqual(await fluxion.run(Effect.succeed(1), { signal: controller.signal }), 1)
    controller.abort()
  })

  it("that somebody else interrupts rejects with an AbortError", async () => {
    const error = await rejection(Fluxion.make().run(Effect.interrupt))
    assert.strictEqual(error.name, "AbortError")
    assert.strictEqual(error.message, "the run was interrupted")
  })

  it("tells what it was given instead of an Effect", async () => {
    const fluxion = Fluxion.make()
    const told = async (value: unknown) => {
      const error = await rejection(fluxion.run(value as Effect.Effect<void>))
      assert.instanceOf(error, TypeError)
      return error.message
    }
    assert.match(await told(assistant), /assistant itself; call it: fluxion\.run\(assistant\(…\)\)/)
    assert.match(await told(assistant.stream("x")), /a Stream; read it with fluxion\.stream/)
    assert.match(await told(Promise.resolve()), /something else than an Effect/)
    assert.match(await told(undefined), /something else than an Effect/)
    assert.throws(() => fluxion.stream(assistant as never), /call it: fluxion\.stream\(assistant\.stream\(…\)\)/)
    assert.throws(() => fluxion.stream(Effect.void as never), /an Effect; run it with fluxion\.run/)
  })
})

describe("stream", () => {
  it("gives every event of a run in order, and only as fast as it is read", async () => {
    const pulled = { count: 0 }
    const fluxion = Fluxion.make({ model: talkative(3000, pulled) })
    const events: Array<AgentEvent.AgentEvent<string>> = []
    let deltas = 0
    for await (const event of fluxion.stream(assistant.stream("go"))) {
      events.push(event)
      if (event._tag !== "TextDelta" || ++deltas !== 10) continue
      for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve))
      assert.isAtMost(pulled.count, 100)
    }
    assert.strictEqual(textOf(events), Array.from({ length: 3000 }, (_, index) => `${index} `).join(""))
    const last = events.at(-1)
    assert.strictEqual(last?._tag === "RunCompleted" && last.result.output, textOf(events))
  })

  it("is a run of its own for every loop, which starts with it", async () => {
    const fluxion = Fluxion.make({ model: TestModel.layer([TestModel.text("one"), TestModel.text("two")]) })
    const stream = fluxion.stream(Agent.text(assistant.stream("go")))
    assert.deepStrictEqual(await collect(stream), ["one"])
    assert.deepStrictEqual(await collect(stream), ["two"])
    await fluxion.dispose()
  })

  const leaving: {
    readonly [how: string]: (events: AsyncIterable<unknown>, hangs: Promise<void>) => Promise<unknown>
  } = {
    break: async (events, hangs) => {
      for await (const _ of events) {
        await hangs
        break
      }
    },
    "an error thrown in it": async (events, hangs) => {
      const mine = new Error("mine")
      const error = await rejection((async () => {
        for await (const _ of events) {
          await hangs
          throw mine
        }
      })())
      assert.strictEqual(error, mine)
    },
    "a return while the next event is awaited": async (events, hangs) => {
      const iterator = events[Symbol.asyncIterator]()
      await iterator.next()
      const pending = (async () => {
        while ((await iterator.next()).done !== true);
      })()
      await hangs
      assert.deepStrictEqual(await inTime(iterator.return!()), { done: true, value: undefined })
      await inTime(pending)
      assert.deepStrictEqual(await iterator.next(), { done: true, value: undefined })
    }
  }
  for (const [how, leave] of Object.entries(leaving)) {
    it(`leaving its loop by ${how} ends the run, and waits for its clean-up`, async () => {
      const { hangs, state, task } = hanging()
      const log = RunLog.make()
      const model = Scripted.layer(() => Scripted.parts(Scripted.calls([["hang", {}]])))
      const fluxion = Fluxion.make({ model, layer: log.layer })
      await inTime(leave(fluxion.stream(assistant.with({ tools: [task] }).stream("go")), hangs), "nobody came back")
      assert.deepStrictEqual(state, { opened: 1, cleaned: 1 })
      assert.deepStrictEqual(log.lines.map(({ end }) => end), ["client-gone"])
    })
  }

  it("is ended by its signal, also while nobody asks for the next event", async () => {
    for (const asks of [true, false]) {
      const { hangs, state, task } = hanging()
      const log = RunLog.make()
      const model = Scripted.layer(() => Scripted.parts(Scripted.calls([["hang", {}]])))
      const fluxion = Fluxion.make({ model, layer: log.layer })
      const controller = new AbortController()
      const { signal } = controller
      const iterator = fluxion.stream(assistant.with({ tools: [task] }).stream("go"), { signal })
        [Symbol.asyncIterator]()
      await iterator.next()
      const rest = asks ?
        rejection((async () => {
          while ((await iterator.next()).done !== true);
        })()) :
        undefined
      if (asks) await hangs
      controller.abort(new Error("enough"))
      const error = await (rest ?? rejection((async () => {
        while ((await iterator.next()).done !== true);
      })()))
      assert.strictEqual(error, signal.reason)
      assert.deepStrictEqual(await iterator.next(), { done: true, value: undefined })
      assert.strictEqual(state.opened, state.cleaned)
      assert.deepStrictEqual(log.lines.map(({ end }) => end), ["client-gone"])
    }
  })

  it("ends at once by its signal, whatever had been handed over", async () => {
    const controller = new AbortController()
    const { signal } = controller
    const stream = Stream.concat(Stream.make(1, 2, 3), Stream.never)
    const iterator = Fluxion.make().stream(stream, { signal })[Symbol.asyncIterator]()
    assert.deepStrictEqual(await iterator.next(), { done: false, value: 1 })
    controller.abort()
    assert.strictEqual(await rejection(iterator.next()), signal.reason)
  })

  it("does not start when its signal is aborted already, nor when it is left at once", async () => {
    const fluxion = Fluxion.make({ model: TestModel.layer([]) })
    const reason = new Error("too late")
    const aborted = fluxion.stream(assistant.stream("go"), { signal: AbortSignal.abort(reason) })
    assert.strictEqual(await rejection(collect(aborted)), reason)
    const iterator = fluxion.stream(assistant.stream("go"))[Symbol.asyncIterator]()
    assert.deepStrictEqual(await iterator.return!(), { done: true, value: undefined })
    assert.deepStrictEqual(await iterator.next(), { done: true, value: undefined })
  })

  it("throws the typed error after what was shown, once", async () => {
    const fluxion = Fluxion.make({ model: TestModel.layer([TestModel.text("x")]), layer: Layer.empty })
    const failing = Stream.concat(Stream.make(1, 2), Stream.fail(new Task.TaskFailed({ task: "t", cause: "c" })))
    const seen: Array<number> = []
    const iterator = fluxion.stream(failing)[Symbol.asyncIterator]()
    const error = await rejection((async () => {
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) seen.push(next.value)
    })())
    assert.instanceOf(error, Task.TaskFailed)
    assert.deepStrictEqual(seen, [1, 2])
    assert.isTrue((await iterator.next()).done)
  })

  it("answers those who ask at once in the order in which they asked", async () => {
    const iterator = Fluxion.make().stream(Stream.make(1, 2, 3).pipe(Stream.rechunk(2)))[Symbol.asyncIterator]()
    const asked = await Promise.all(Array.from({ length: 5 }, () => iterator.next()))
    assert.deepStrictEqual(asked.map(({ value }) => value), [1, 2, 3, undefined, undefined])
    assert.deepStrictEqual(asked.map(({ done }) => done), [false, false, false, true, true])
  })

  it("tells who leaves it of a clean-up that failed", async () => {
    const bug = new Error("a clean-up's bug")
    const stream = Stream.make(1, 2).pipe(Stream.rechunk(1), Stream.ensuring(Effect.die(bug)))
    const iterator = Fluxion.make().stream(stream)[Symbol.asyncIterator]()
    await iterator.next()
    assert.strictEqual(await rejection(iterator.return!()), bug)
  })
})

describe("dispose", () => {
  it("ends what runs, waits for it, closes the Layer after that, and can be called again", async () => {
    const order: Array<string> = []
    const { hangs, state, task } = hanging()
    const held = Layer.effectDiscard(
      Effect.addFinalizer(() => Effect.sync(() => order.push(`closed ${state.cleaned}`)))
    )
    const fluxion = Fluxion.make({ layer: held })
    const run = rejection(fluxion.run(task({})))
    const iterator = fluxion.stream(Stream.concat(Stream.make(1), Stream.never))[Symbol.asyncIterator]()
    await iterator.next()
    const next = rejection(iterator.next())
    await hangs
    await inTime(Promise.all([fluxion.dispose(), fluxion[Symbol.asyncDispose]()]))
    assert.deepStrictEqual(order, ["closed 1"])
    for (const error of [await run, await next]) {
      assert.strictEqual(error.name, "AbortError")
      assert.strictEqual(error.message, "the run was ended: its Fluxion was disposed")
    }
    await fluxion.dispose()
  })

  it("is told to whoever comes later", async () => {
    const fluxion = Fluxion.make()
    await fluxion.dispose()
    const late = [
      fluxion.run(Effect.void),
      collect(fluxion.stream(Stream.empty)),
      fluxion.response(named.stream("x"))
    ]
    for (const promise of late) {
      const error = await rejection(promise)
      assert.instanceOf(error, Fluxion.Disposed)
      assert.match(error.message, /was disposed.*Fluxion\.make\(\)/)
    }
  })

  it("tells of a Layer that could not be closed", async () => {
    const bug = new Error("still open")
    const fluxion = Fluxion.make({ layer: Layer.effectDiscard(Effect.addFinalizer(() => Effect.die(bug))) })
    await fluxion.run(Effect.void)
    assert.strictEqual(await rejection(fluxion.dispose()), bug)
  })

  it("is all there is to do for a Fluxion on which nothing ran: the Layer was never built", async () => {
    let built = 0
    const fluxion = Fluxion.make({ layer: Layer.effectDiscard(Effect.sync(() => built++)) })
    await fluxion.dispose()
    assert.strictEqual(built, 0)
  })
})

describe("the Layer", () => {
  class Weather extends Context.Service<Weather, { readonly sky: string }>()("test/Weather") {}

  it("is built once, by the first run; what it fails with is what runs are rejected with", async () => {
    let built = 0
    const fluxion = Fluxion.make({ layer: Layer.effect(Weather, Effect.sync(() => ({ sky: `sky ${++built}` }))) })
    assert.strictEqual(built, 0)
    const skies = await Promise.all([1, 2].map(() => fluxion.run(Weather.use(({ sky }) => Effect.succeed(sky)))))
    assert.deepStrictEqual(skies, ["sky 1", "sky 1"])
    const failing = Fluxion.make({
      layer: Layer.effect(Weather, Effect.fail(new Task.TaskFailed({ task: "t", cause: 1 })))
    })
    assert.instanceOf(await rejection(failing.run(Effect.void)), Task.TaskFailed)
  })

  it("lets `layer` use the models, and replace whatever is there", async () => {
    const fluxion = Fluxion.make({
      model: TestModel.layer([TestModel.text("fog")]),
      layer: Layer.effect(
        Weather,
        Effect.map(LanguageModel.generateText({ prompt: "?" }), ({ text }) => ({ sky: text }))
      )
    })
    assert.strictEqual(await fluxion.run(Weather.use(({ sky }) => Effect.succeed(sky))), "fog")
    const replaced = Fluxion.make({ layer: TestModel.layer([TestModel.text("1"), TestModel.text("2")]) })
    assert.strictEqual(await replaced.run(assistant("x")), "1")
    assert.strictEqual(await replaced.run(named("x")), "2")
    assert.strictEqual((await replaced.run(TestModel.requests)).length, 2)
  })

  it("is for Effects as well", async () => {
    const layer = Fluxion.layer({ model: TestModel.layer([TestModel.text("yes")]) })
    const both = Effect.all([assistant("x"), Effect.map(Models.Models, ({ get }) => typeof get)])
    assert.deepStrictEqual(await Effect.runPromise(Effect.provide(both, layer)), ["yes", "function"])
  })
})

describe("the model of agents that name none", () => {
  it("is looked for by the first run that needs it; what is wrong with it is that run's error, and the next one tries again", async () => {
    const unresolved = new AgentError.ModelUnresolved({ model: "mine/m", problem: "missing-key", detail: "set KEY" })
    let asked = 0
    const mine: Models.Provider = {
      name: "mine",
      model: () =>
        ++asked < 3 ? Effect.fail(unresolved) : Driver.toLanguageModel({
          provider: "mine",
          model: "m",
          capabilities: Capabilities.all,
          stream: () => Scripted.parts(Scripted.say(["yes"]))
        })
    }
    const fluxion = Fluxion.make({ model: "mine/m", layer: Models.layer([mine]) })
    assert.strictEqual(await fluxion.run(Effect.succeed(1)), 1)
    assert.strictEqual(asked, 0)
    const error = await rejection(fluxion.run(assistant("x")))
    assert.instanceOf(error, AgentError.AgentError)
    assert.strictEqual(error.reason, unresolved)
    const direct = await rejection(fluxion.run(LanguageModel.generateText({ prompt: "x" })))
    assert.strictEqual(direct._tag, "AiError")
    assert.match(direct.message, /set KEY/)
    const result = await fluxion.run(assistant.result("x"))
    assert.deepStrictEqual([result.output, result.model], ["yes", "mine/m"])
    assert.strictEqual((await fluxion.run(LanguageModel.generateText({ prompt: "x" }))).text, "yes")
    assert.strictEqual(asked, 3)
  })

  it("given as a Layer is built by the first run that needs it, once, and closed with the rest", async () => {
    const seen: Array<string> = []
    const model = Layer.provideMerge(
      TestModel.layer([TestModel.text("1"), TestModel.text("2")]),
      Layer.effectDiscard(
        Effect.acquireRelease(Effect.sync(() => seen.push("built")), () => Effect.sync(() => seen.push("closed")))
      )
    )
    const fluxion = Fluxion.make({ model })
    await fluxion.run(Effect.void)
    assert.deepStrictEqual(seen, [])
    assert.strictEqual((await fluxion.run(assistant.result("x"))).model, "test/test")
    assert.strictEqual(await fluxion.run(assistant("x")), "2")
    assert.deepStrictEqual(seen, ["built"])
    await fluxion.dispose()
    assert.deepStrictEqual(seen, ["built", "closed"])
  })

  it("whose Layer fails is the run's ModelUnresolved, whatever it fails with; the next run builds it again", async () => {
    let builds = 0
    const failures = [
      new Error("no settings"),
      new AgentError.ModelUnresolved({ model: "a/b", problem: "missing-package", detail: "install a" })
    ]
    const model = Layer.effect(
      LanguageModel.LanguageModel,
      Effect.suspend(() => Effect.fail(failures[builds++]!) as Effect.Effect<LanguageModel.LanguageModel, Error>)
    )
    const fluxion = Fluxion.make({ model })
    const [first, second] = [await rejection(fluxion.run(assistant("x"))), await rejection(fluxion.run(assistant("x")))]
    assert.strictEqual(first.reason.problem, "bad-settings")
    assert.match(first.message, /given as a Layer.*no settings/)
    assert.strictEqual(second.reason.problem, "missing-package")
  })

  it("is called by whoever wraps it", async () => {
    let wrapped = 0
    const wrap = Layer.effect(
      LanguageModel.LanguageModel,
      Effect.map(LanguageModel.LanguageModel, (model): LanguageModel.LanguageModel => ({
        ...model,
        streamText: ((options: never) => {
          wrapped++
          return model.streamText(options)
        }) as never
      }))
    )
    const fluxion = Fluxion.make({ model: TestModel.layer([TestModel.text("yes")]), layer: wrap })
    assert.strictEqual(await fluxion.run(assistant("x")), "yes")
    assert.strictEqual(wrapped, 1)
  })
})

describe("the log", () => {
  const told = Effect.all([Effect.log("hello", { a: 1 }), Effect.annotateLogs(Effect.logWarning("careful"), { b: 2 })])

  it("goes to a Logger that `layer` gives, and to no other", async () => {
    const lines: Array<unknown> = []
    const fluxion = Fluxion.make({ layer: Logger.layer([Logger.make(({ message }) => lines.push(message))]) })
    await fluxion.run(told)
    assert.deepStrictEqual(lines, [["hello", { a: 1 }], ["careful"]])
  })
})

describe("fibers", () => {
  it("of a run keep the caller's AsyncLocalStorage, in tools too", async () => {
    const { AsyncLocalStorage } = await import("node:async_hooks")
    const storage = new AsyncLocalStorage<string>()
    const who = Task.make("who", {
      payload: {},
      run: async () => {
        await new Promise((resolve) => setImmediate(resolve))
        return storage.getStore() ?? "nobody"
      }
    })
    const script = () =>
      Scripted.layer(({ prompt }) =>
        Scripted.parts(
          prompt.content.at(-1)?.role === "tool" ? Scripted.say(["done"]) : Scripted.calls([["who", {}]])
        )
      )
    const fluxion = Fluxion.make({ model: script() })
    const returned = (name: string) =>
      storage.run(name, async () => {
        for await (const event of fluxion.stream(assistant.with({ tools: [who] }).stream("go"))) {
          if (event._tag === "ToolReturned") return event.result
        }
        return undefined
      })
    assert.deepStrictEqual(await Promise.all([returned("Ada"), returned("Bob")]), ["Ada", "Bob"])
  })
})
