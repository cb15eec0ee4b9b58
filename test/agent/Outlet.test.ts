import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Latch, Pull, Stream } from "effect"
import type { AgentEvent } from "fluxion"
import { Outlet } from "../../src/agent/internal/Outlet.ts"

type Event = AgentEvent.AgentEvent

const delta = (n: number): Event => ({ _tag: "TextDelta", path: "a", turn: 1, delta: String(n) })
const numbersOf = (events: ReadonlyArray<Event>) => events.map((event) => Number((event as { delta: string }).delta))
const count = (n: number) => Array.from({ length: n }, (_, index) => index)

/** Writes `n` events, waiting where it is told to, and says how far it is. */
const write = (outlet: Outlet<string>, n: number, written: { count: number }) =>
  Effect.gen(function*() {
    for (let i = 0; i < n; i++) {
      const waiting = outlet.emit(delta(i))
      written.count++
      yield* waiting
    }
    outlet.end(Exit.void)
  })

const settled = Effect.gen(function*() {
  for (let i = 0; i < 20; i++) yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
})

describe("Outlet", () => {
  it.effect("everything written is read, in order, then the end", () =>
    Effect.gen(function*() {
      const outlet = new Outlet<string>()
      yield* Effect.forkChild(write(outlet, 1000, { count: 0 }))
      const events = yield* Stream.runCollect(Stream.fromPull(Effect.succeed(outlet.pull)))
      assert.deepStrictEqual(numbersOf(events), count(1000))
    }))

  it.effect("a writer waits when the reader stands still, and goes on when it reads", () =>
    Effect.gen(function*() {
      const outlet = new Outlet<string>()
      const written = { count: 0 }
      const writer = yield* Effect.forkChild(write(outlet, 1000, written))
      yield* settled
      const first = written.count
      assert.isAtMost(first, 64)
      const batch = yield* outlet.pull
      assert.strictEqual(batch.length, first)
      yield* settled
      assert.isAbove(written.count, first)
      assert.isAtMost(written.count, first + 64)
      yield* Fiber.interrupt(writer)
    }))

  it.effect("a writer that begins to wait after all was taken goes on at once", () =>
    Effect.gen(function*() {
      const outlet = new Outlet<string>()
      let waiting = Effect.void
      for (let i = 0; i < 100; i++) waiting = outlet.emit(delta(i))
      // between `emit` and its Effect, the fiber may have yielded to the reader
      assert.strictEqual((yield* outlet.pull).length, 100)
      const writer = yield* Effect.forkChild(waiting)
      yield* settled
      assert.isDefined(writer.pollUnsafe())
    }))

  it.effect("a waiting reader is woken by one event, by many at once with all of them, and by the end", () =>
    Effect.gen(function*() {
      const outlet = new Outlet<string>()
      const one = yield* Effect.forkChild(outlet.pull)
      yield* settled
      outlet.push(delta(1))
      assert.deepStrictEqual(numbersOf(yield* Fiber.join(one)), [1])
      const many = yield* Effect.forkChild(outlet.pull)
      yield* settled
      for (const n of [2, 3, 4]) outlet.push(delta(n))
      assert.deepStrictEqual(numbersOf(yield* Fiber.join(many)), [2, 3, 4])
      const end = yield* Effect.forkChild(Effect.exit(outlet.pull))
      yield* settled
      outlet.end(Exit.void)
      const exit = yield* Fiber.join(end)
      assert.isTrue(Exit.isFailure(exit) && Pull.isDoneCause(exit.cause))
    }))

  it.effect("a failure comes after what was written before it; what is written after it is not read", () =>
    Effect.gen(function*() {
      const outlet = new Outlet<string>()
      outlet.push(delta(1))
      outlet.end(Exit.fail("broken"))
      outlet.push(delta(2))
      assert.deepStrictEqual(numbersOf(yield* outlet.pull), [1])
      const exit = yield* Effect.exit(outlet.pull)
      assert.isTrue(
        Exit.isFailure(exit) &&
          exit.cause.reasons.some((reason) => Cause.isFailReason(reason) && reason.error === "broken")
      )
    }))

  it.effect("the event that a woken reader gets, and the end that follows at once, are both read", () =>
    Effect.gen(function*() {
      const outlet = new Outlet<string>()
      const reader = yield* Effect.forkChild(Stream.runCollect(Stream.fromPull(Effect.succeed(outlet.pull))))
      yield* settled
      outlet.push(delta(1))
      outlet.end(Exit.void)
      assert.deepStrictEqual(numbersOf(yield* Fiber.join(reader)), [1])
    }))

  it.effect("an interrupted reader loses nothing: the next one gets what it did not", () =>
    Effect.gen(function*() {
      const outlet = new Outlet<string>()
      const reader = yield* Effect.forkChild(outlet.pull)
      yield* settled
      outlet.push(delta(1)) // woken in a microtask; interrupted before
      yield* Fiber.interrupt(reader)
      outlet.push(delta(2))
      assert.deepStrictEqual(numbersOf(yield* outlet.pull), [1, 2])
    }))

  it.effect("an interrupted writer does not keep the others waiting", () =>
    Effect.gen(function*() {
      const outlet = new Outlet<string>()
      const go = yield* Latch.make()
      const written = [{ count: 0 }, { count: 0 }] as const
      const one = yield* Effect.forkChild(Effect.andThen(go.await, write(outlet, 100, written[0])))
      const two = yield* Effect.forkChild(Effect.andThen(go.await, write(outlet, 100, written[1])))
      yield* go.open
      yield* settled
      yield* Fiber.interrupt(one)
      const reader = yield* Effect.forkChild(Stream.runDrain(Stream.fromPull(Effect.succeed(outlet.pull))))
      yield* Fiber.join(two)
      yield* Fiber.join(reader)
      assert.strictEqual(written[1].count, 100)
    }))
})
