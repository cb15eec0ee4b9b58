import { assert, describe, it } from "@effect/vitest"
import { Clock, Deferred, Duration, Effect, Exit, Fiber, Scope } from "effect"
import { AiError } from "effect/ai"
import { TestClock } from "effect/testing"
import * as Driver from "../../../src/agent/Driver.ts"
import * as Gate from "../../../src/provider/internal/Gate.ts"

const limited = (retryAfter?: Duration.Input) =>
  AiError.make({
    module: "Test",
    method: "stream",
    reason: new AiError.RateLimitError(
      retryAfter === undefined ? {} : { retryAfter: Duration.fromInputUnsafe(retryAfter) }
    )
  })

const inside = <A>(gate: Gate.Gate, effect: Effect.Effect<A>) =>
  Effect.scoped(Effect.gen(function*() {
    const scope = yield* Scope.Scope
    const clock = yield* Clock.Clock
    yield* gate.enter(scope, clock)
    return yield* effect
  }))

describe("Gate", () => {
  it.live("lets in who had to yield between the look for a place and the wait for one", () =>
    Effect.gen(function*() {
      const workUntil = (left: number): Effect.Effect<void> =>
        Effect.withFiber((fiber) =>
          fiber.currentOpCount >= 2_048 - left ? Effect.void : Effect.suspend(() => workUntil(left))
        )
      const clock = yield* Clock.Clock
      for (let left = 3; left < 20; left++) {
        const gate = Gate.make(Gate.places(1))
        const first = yield* Scope.make()
        yield* gate.enter(first, clock)
        const second = yield* Effect.forkChild(
          inside(gate, Effect.void).pipe((entered) => Effect.andThen(workUntil(left), entered))
        )
        yield* Effect.yieldNow
        yield* Scope.close(first, Exit.void)
        const done = yield* Effect.timeoutOption(Fiber.join(second), "2 seconds")
        assert.strictEqual(done._tag, "Some", `it waits for ever with ${left} operations left`)
      }
    }))

  it.effect("lets so many in at once, over all models of a provider, in order", () =>
    Effect.gen(function*() {
      const places = Gate.places(3)
      const gates = [Gate.make(places), Gate.make(places)]
      let now = 0
      let most = 0
      const order: Array<number> = []
      yield* Effect.forEach(
        Array.from({ length: 50 }, (_, index) => index),
        (index) =>
          inside(
            gates[index % 2]!,
            Effect.gen(function*() {
              order.push(index)
              most = Math.max(most, ++now)
              yield* Effect.yieldNow
              yield* Effect.yieldNow
              now--
            })
          ),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(most, 3)
      assert.deepStrictEqual(order, Array.from({ length: 50 }, (_, index) => index))
      assert.strictEqual(places.free, 3)
    }))

  it.effect("whoever leaves and comes back at once queues behind those who wait", () =>
    Effect.gen(function*() {
      const gate = Gate.make(Gate.places(1))
      const done = yield* Deferred.make<void>()
      const order: Array<string> = []
      const come = (name: string) => inside(gate, Effect.sync(() => order.push(name)))
      const first = yield* Effect.forkChild(Effect.andThen(inside(gate, Deferred.await(done)), come("first again")))
      yield* Effect.yieldNow
      const second = yield* Effect.forkChild(come("second"))
      yield* Effect.yieldNow
      yield* Deferred.succeed(done, undefined)
      yield* Fiber.join(first)
      yield* Fiber.join(second)
      assert.deepStrictEqual(order, ["second", "first again"])
    }))

  it.effect("a waiter that is interrupted keeps no place, and wakes no one too few", () =>
    Effect.gen(function*() {
      const places = Gate.places(1)
      const gate = Gate.make(places)
      const done = yield* Deferred.make<void>()
      const first = yield* Effect.forkChild(inside(gate, Deferred.await(done)))
      yield* Effect.yieldNow
      const second = yield* Effect.forkChild(inside(gate, Effect.void))
      const third = yield* Effect.forkChild(inside(gate, Effect.succeed("in")))
      yield* Effect.yieldNow
      yield* Fiber.interrupt(second)
      yield* Deferred.succeed(done, undefined)
      yield* Fiber.join(first)
      assert.strictEqual(yield* Fiber.join(third), "in")
      assert.strictEqual(places.free, 1)
    }))

  it.effect("one 429 holds its model until its time is over, and no other", () =>
    Effect.gen(function*() {
      const places = Gate.places(2)
      const [held, other] = [Gate.make(places), Gate.make(places)]
      held.report(limited("30 seconds"), 0)
      const waiting = yield* Effect.forkChild(Effect.all([inside(held, Effect.void), inside(held, Effect.void)], {
        concurrency: "unbounded"
      }))
      yield* inside(other, Effect.void)
      yield* TestClock.adjust("29 seconds")
      assert.isUndefined(waiting.pollUnsafe())
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(waiting)
    }))

  it.effect("who may not wait for it is told so at once, and how long it would have been", () =>
    Effect.gen(function*() {
      const gate = Gate.make(Gate.places(1))
      gate.report(limited("30 seconds"), 0)
      yield* TestClock.adjust("10 seconds")
      const impatient = Effect.provideService(inside(gate, Effect.void), Driver.MayWait, false)
      const { reason } = yield* Effect.flip(impatient)
      assert(reason._tag === "RateLimitError")
      assert.deepStrictEqual(reason.retryAfter, Duration.seconds(20))
      yield* TestClock.adjust("20 seconds")
      yield* impatient
    }))

  it.effect("whoever waits for a place while a hold begins is held, and leaves the place to others", () =>
    Effect.gen(function*() {
      const places = Gate.places(1)
      const [held, other] = [Gate.make(places), Gate.make(places)]
      const done = yield* Deferred.make<void>()
      const first = yield* Effect.forkChild(inside(held, Deferred.await(done)))
      yield* Effect.yieldNow
      const second = yield* Effect.forkChild(inside(held, Effect.void))
      const third = yield* Effect.forkChild(inside(other, Effect.succeed("in")))
      yield* Effect.yieldNow
      held.report(limited("10 seconds"), 0)
      yield* Deferred.succeed(done, undefined)
      yield* Fiber.join(first)
      assert.strictEqual(yield* Fiber.join(third), "in")
      assert.isUndefined(second.pollUnsafe())
      yield* TestClock.adjust("10 seconds")
      assert.isTrue(Exit.isSuccess(yield* Fiber.await(second)))
    }))

  it.effect("neither a long time nor none holds anybody", () =>
    Effect.gen(function*() {
      const gate = Gate.make(Gate.places(1))
      gate.report(limited("86400 seconds"), 0)
      gate.report(limited(), 0)
      yield* inside(gate, Effect.void)
    }))
})
