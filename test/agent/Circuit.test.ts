/**
 * Circuits in fallbacks: who is left out, for how long, and who shares that.
 */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Latch, Layer, Stream } from "effect"
import { AiError } from "effect/ai"
import { CircuitBreaker } from "effect/persistence"
import { TestClock } from "effect/testing"
import { Agent, AgentError, Models } from "fluxion"
import { collect, only } from "../support/Events.ts"
import { recorder, within } from "../support/Steps.ts"
import * as Vendors from "../support/Vendors.ts"

const overloaded = new AiError.InternalProviderError({ description: "overloaded; try again" })

const assistant = (model: Models.Fallback = Models.fallback(["a/one", "b/two"])) =>
  Agent.make("assistant", { instructions: "You help.", model })

describe("the circuit of a model", () => {
  const times = <A, E, R>(count: number, effect: Effect.Effect<A, E, R>) =>
    Effect.forEach(Array.from({ length: count }), () => effect)

  it.effect("opens after five failures in a row, leaves the model out for 30 seconds, then one call tries it", () => {
    const { asked, models, provide } = Vendors.make({
      "a/one": [...Array.from({ length: 6 }, () => Vendors.fail(overloaded)), Vendors.say("one")],
      "b/two": [Vendors.say("two")]
    })
    const ran = (run: ReadonlyArray<string>) => {
      assert.deepStrictEqual(models(), run)
      asked.length = 0
    }
    return Effect.gen(function*() {
      yield* times(5, assistant()("?"))
      ran(Array.from({ length: 5 }, () => ["a/one", "b/two"]).flat())

      yield* TestClock.adjust("10 seconds")
      const { events } = yield* collect(assistant().stream("?"))
      ran(["b/two"])
      const [fellBack] = only(events, "ModelFellBack")
      assert.include(fellBack!.message, "its circuit is open for 20s more")

      // half open: it fails again, and is left out again
      yield* TestClock.adjust("20 seconds")
      yield* assistant()("?")
      ran(["a/one", "b/two"])
      yield* assistant()("?")
      ran(["b/two"])

      // half open: it answers, and is asked first again
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(yield* assistant()("?"), "one")
      assert.strictEqual(yield* assistant()("?"), "one")
      ran(["a/one", "a/one"])
    }).pipe(provide)
  })

  it.effect("while one call tries it, all others go on to the next model", () => {
    const latch = Latch.makeUnsafe()
    const slow: Vendors.Answer = (request) => Stream.unwrap(Effect.as(latch.await, Vendors.say("one")(request)))
    const { models, provide } = Vendors.make({
      "a/one": [Vendors.fail(overloaded), slow],
      "b/two": [Vendors.say("two")]
    })
    const fallback = Models.fallback(["a/one", "b/two"], { circuit: { tripPolicy: CircuitBreaker.consecutive(1) } })
    return Effect.gen(function*() {
      yield* assistant(fallback)("?")
      yield* TestClock.adjust("30 seconds")
      const probe = yield* Effect.forkChild(assistant(fallback)("?"))
      yield* Effect.yieldNow
      const others = yield* Effect.all(Array.from({ length: 5 }, () => collect(assistant(fallback).stream("?"))), {
        concurrency: "unbounded"
      })
      for (const { events } of others) {
        assert.include(only(events, "ModelFellBack")[0]!.message, "half open")
        assert.strictEqual(only(events, "RunCompleted")[0]!.result.output, "two")
      }
      yield* latch.open
      assert.strictEqual(yield* Fiber.join(probe), "one")
      assert.deepStrictEqual(models(), ["a/one", "b/two", "a/one", ...Array.from({ length: 5 }, () => "b/two")])
    }).pipe(provide)
  })

  it.effect("is one for all runs at once, and for all agents on the same Models", () => {
    const { models, provide } = Vendors.make({
      "a/one": [Vendors.fail(overloaded)],
      "b/two": [Vendors.say("two")],
      "c/three": [Vendors.say("three")]
    })
    return Effect.gen(function*() {
      const runs = yield* Effect.all(Array.from({ length: 50 }, () => assistant()("?")), { concurrency: "unbounded" })
      assert.deepStrictEqual(new Set(runs), new Set(["two"]))
      const before = models().filter((model) => model === "a/one").length
      assert.strictEqual(yield* assistant(Models.fallback(["a/one", "c/three"]))("?"), "three")
      assert.strictEqual(models().filter((model) => model === "a/one").length, before)
    }).pipe(provide)
  })

  it.effect("is another one where the options are other ones", () => {
    const { models, provide } = Vendors.make({ "a/one": [Vendors.fail(overloaded)], "b/two": [Vendors.say("two")] })
    const circuit = { tripPolicy: CircuitBreaker.consecutive(1) }
    const own = () => assistant(Models.fallback(["a/one", "b/two"], { circuit }))("?")
    return Effect.gen(function*() {
      yield* own()
      yield* own()
      assert.deepStrictEqual(models(), ["a/one", "b/two", "b/two"])
      yield* assistant()("?")
      assert.deepStrictEqual(models().slice(3), ["a/one", "b/two"])
    }).pipe(provide)
  })

  it.effect("a Models layer has its own", () => {
    const { layer, models } = Vendors.make({ "a/one": [Vendors.fail(overloaded)], "b/two": [Vendors.say("two")] })
    return Effect.gen(function*() {
      yield* times(6, assistant()("?")).pipe(Effect.provide(Layer.fresh(layer)))
      assert.strictEqual(models().filter((model) => model === "a/one").length, 5)
      yield* assistant()("?").pipe(Effect.provide(Layer.fresh(layer)))
      assert.strictEqual(models().filter((model) => model === "a/one").length, 6)
    })
  })

  it.effect("a CircuitBreakerStore that is given holds the state, also for another Models layer", () => {
    const { layer, models } = Vendors.make({ "a/one": [Vendors.fail(overloaded)], "b/two": [Vendors.say("two")] })
    return Effect.gen(function*() {
      yield* times(6, assistant()("?")).pipe(Effect.provide(Layer.fresh(layer)))
      yield* assistant()("?").pipe(Effect.provide(Layer.fresh(layer)))
      assert.strictEqual(models().filter((model) => model === "a/one").length, 5)
      const store = yield* CircuitBreaker.CircuitBreakerStore
      assert.strictEqual((yield* store.state("fluxion/model/a/one"))._tag, "Open")
    }).pipe(Effect.provide(CircuitBreaker.layerStoreMemory()))
  })

  it.effect("stays open for as long as the vendor asks to wait, if that is longer", () => {
    const limited = new AiError.RateLimitError({ retryAfter: Duration.minutes(5) })
    const { models, provide } = Vendors.make({ "a/one": [Vendors.fail(limited)], "b/two": [Vendors.say("two")] })
    const fallback = Models.fallback(["a/one", "b/two"], { circuit: { tripPolicy: CircuitBreaker.consecutive(1) } })
    return Effect.gen(function*() {
      yield* assistant(fallback)("?")
      yield* TestClock.adjust("4 minutes")
      yield* assistant(fallback)("?")
      yield* TestClock.adjust("1 minute")
      yield* assistant(fallback)("?")
      assert.deepStrictEqual(models(), ["a/one", "b/two", "b/two", "a/one", "b/two"])
    }).pipe(provide)
  })

  it.effect("what says nothing of the model's health does not count", () => {
    const { models, provide } = Vendors.make({
      "a/one": [Vendors.fail(new AiError.InvalidRequestError({ description: "?" }))],
      "b/two": []
    })
    return Effect.gen(function*() {
      yield* times(8, Effect.flip(assistant()("?")))
      assert.deepStrictEqual(models(), Array.from({ length: 8 }, () => "a/one"))
    }).pipe(provide)
  })

  it.effect("the last model is asked whatever its circuit says, and the error names the one that was left out", () => {
    const { asked, models, provide } = Vendors.make({
      "a/one": [Vendors.fail(overloaded)],
      "b/two": [Vendors.fail(new AiError.QuotaExhaustedError({}))]
    })
    return Effect.gen(function*() {
      yield* times(5, Effect.flip(assistant()("?")))
      asked.length = 0
      const error = (yield* Effect.flip(assistant()("?"))).reason
      assert(error instanceof AgentError.ModelFailed)
      assert.deepStrictEqual(models(), ["b/two"])
      assert.deepStrictEqual([error.model, error.error.reason._tag], ["b/two", "QuotaExhaustedError"])
      assert.match(error.message, /a\/one could not answer: .*its circuit is open for 30s more/)
    }).pipe(provide)
  })

  it.effect("can be left out altogether", () => {
    const { models, provide } = Vendors.make({ "a/one": [Vendors.fail(overloaded)], "b/two": [Vendors.say("two")] })
    return Effect.gen(function*() {
      yield* times(8, assistant(Models.fallback(["a/one", "b/two"], { circuit: false }))("?"))
      assert.strictEqual(models().filter((model) => model === "a/one").length, 8)
    }).pipe(provide)
  })

  it.effect("an open one is that step's recorded failure, so a replay does not depend on it", () => {
    const { provide } = Vendors.make({ "a/one": [Vendors.fail(overloaded)], "b/two": [Vendors.say("two")] })
    const { scope, stored } = recorder()
    return Effect.gen(function*() {
      yield* times(5, assistant()("?"))
      yield* assistant()("?").pipe(within(scope))
      const [, outcome] = stored.find(([name]) => name === "model")!
      assert.deepNestedInclude(outcome as any, {
        _tag: "ModelFailed",
        model: "a/one",
        "error.reason._tag": "InternalProviderError",
        "error.reason.metadata.fluxion.circuit": "CircuitOpen"
      })
    }).pipe(provide)
  })
})
