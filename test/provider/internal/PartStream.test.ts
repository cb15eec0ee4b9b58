import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Exit, Fiber, Stream } from "effect"
import { AiError } from "effect/ai"
import { TestClock } from "effect/testing"
import * as Failure from "../../../src/provider/internal/Failure.ts"
import * as Gate from "../../../src/provider/internal/Gate.ts"
import * as PartStream from "../../../src/provider/internal/PartStream.ts"

const origin = { module: "Test", provider: "test", model: "m", url: "http://test" }

const finish: PartStream.Part = { type: "finish", reason: "stop", usage: { inputTokens: {}, outputTokens: {} } }

/** Numbers become deltas, 0 nothing, -1 the end, -2 a failure, -3 a throw. */
const fold = (): PartStream.Fold<number> => ({
  push: (event, out) => {
    if (event === -3) throw new Error("the fold broke")
    if (event === -2) return { _tag: "Refused", status: 500, message: "no" }
    if (event === -1) out.push(finish)
    else if (event > 0) out.push({ type: "text-delta", id: "t", delta: String(event) })
    return undefined
  }
})

const call = (
  open: (signal: AbortSignal) => Promise<AsyncIterable<number>>,
  options: Partial<PartStream.Call<number>> = {}
): PartStream.Call<number> => ({
  origin,
  gate: Gate.make(Gate.places(64)),
  open,
  fold,
  toFailure: Failure.fromUnknown,
  silence: Duration.minutes(2),
  ...options
})

const of = (...events: ReadonlyArray<number>) => call(async () => PartStream.fromEvents(events))

const text = (parts: ReadonlyArray<PartStream.Part>) =>
  parts.map((part) => part.type === "text-delta" ? part.delta : part.type).join(" ")

/** A source that is pushed by hand, and counts how often it was asked. */
const manual = () => {
  const wanted: Array<(result: IteratorResult<number>) => void> = []
  const state = { asked: 0, returned: 0, signal: undefined as AbortSignal | undefined }
  const open = async (signal: AbortSignal): Promise<AsyncIterable<number>> => {
    state.signal = signal
    return {
      [Symbol.asyncIterator]: () => ({
        next: () => {
          state.asked++
          return new Promise((resolve) => wanted.push(resolve))
        },
        return: async () => {
          state.returned++
          return { done: true, value: undefined }
        }
      })
    }
  }
  return { state, open, give: (value: number) => wanted.shift()?.({ done: false, value }) }
}

describe("PartStream", () => {
  it.effect("gives the parts of all events and ends after the finish part", () =>
    Effect.gen(function*() {
      const parts = yield* Stream.runCollect(PartStream.make(of(1, 0, 0, 2, -1, 9)))
      assert.strictEqual(text(parts), "1 2 finish")
    }))

  it.effect("fails when the events end without a finish part", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Stream.runCollect(PartStream.make(of(1, 2))))
      assert.strictEqual(error.reason._tag, "NetworkError")
    }))

  it.effect("fails as the vendor, the iterator, the opening or the fold does", () =>
    Effect.gen(function*() {
      const fail = (call: PartStream.Call<number>) =>
        Effect.map(Effect.flip(Stream.runCollect(PartStream.make(call))), ({ reason }) => reason._tag)
      assert.strictEqual(yield* fail(of(1, -2)), "InternalProviderError")
      assert.strictEqual(yield* fail(of(1, -3)), "InvalidResponseError")
      assert.strictEqual(yield* fail(call(() => Promise.reject(new SyntaxError("bad")))), "InvalidResponseError")
      assert.strictEqual(
        yield* fail(call(() => {
          throw new TypeError("at once")
        })),
        "NetworkError"
      )
      const throwing = call(async () => ({
        async *[Symbol.asyncIterator]() {
          yield 1
          throw new TypeError("terminated")
        }
      }))
      assert.strictEqual(yield* fail(throwing), "NetworkError")
    }))

  it.effect("gives the parts that came with a failure before it fails", () =>
    Effect.gen(function*() {
      const seen: Array<PartStream.Part> = []
      const both = call(async () => PartStream.fromEvents([1]), {
        fold: () => ({
          push: (event, out) => {
            out.push({ type: "text-delta", id: "t", delta: String(event) })
            return { _tag: "Refused", status: 500, message: "no" }
          }
        })
      })
      const error = yield* PartStream.make(both).pipe(
        Stream.runForEach((part) => Effect.sync(() => seen.push(part))),
        Effect.flip
      )
      assert.strictEqual(text(seen), "1")
      assert.strictEqual(error.reason._tag, "InternalProviderError")
    }))

  it.effect("asks the source for an event only when somebody pulls", () =>
    Effect.gen(function*() {
      const source = manual()
      const seen = yield* Deferred.make<void>()
      const go = yield* Deferred.make<void>()
      const fiber = yield* PartStream.make(call(source.open)).pipe(
        Stream.runForEach((part) =>
          part.type === "finish" ? Effect.void : Effect.andThen(Deferred.succeed(seen, undefined), Deferred.await(go))
        ),
        Effect.forkChild
      )
      yield* flush
      assert.strictEqual(source.state.asked, 1)
      source.give(1)
      yield* Deferred.await(seen)
      yield* flush
      assert.strictEqual(source.state.asked, 1)
      yield* Deferred.succeed(go, undefined)
      yield* flush
      assert.strictEqual(source.state.asked, 2)
      source.give(-1)
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 150)))
      yield* Fiber.join(fiber)
    }))

  it.effect("aborts and waits for nothing when it is interrupted, also while it opens", () =>
    Effect.gen(function*() {
      const source = manual()
      const reading = yield* Effect.forkChild(Stream.runDrain(PartStream.make(call(source.open))))
      yield* flush
      yield* Fiber.interrupt(reading)
      assert.isTrue(source.state.signal!.aborted)
      let signal: AbortSignal | undefined
      const never = call((given) => {
        signal = given
        return new Promise(() => undefined)
      })
      const opening = yield* Effect.forkChild(Stream.runDrain(PartStream.make(never)))
      yield* flush
      yield* Fiber.interrupt(opening)
      assert.isTrue(signal!.aborted)
    }))

  it.effect("aborts also when only the pull is interrupted, and is then no complete answer", () =>
    Effect.gen(function*() {
      const source = manual()
      const pull = yield* Stream.toPull(PartStream.make(call(source.open)))
      const fiber = yield* Effect.forkChild(pull)
      yield* flush
      yield* Fiber.interrupt(fiber)
      assert.isTrue(source.state.signal!.aborted)
      const error = yield* Effect.flip(pull)
      assert(AiError.isAiError(error))
      assert.strictEqual(error.reason._tag, "NetworkError")
    }))

  it.effect("closes the source when the reader leaves early", () =>
    Effect.gen(function*() {
      const source = manual()
      const fiber = yield* Effect.forkChild(Stream.runCollect(Stream.take(PartStream.make(call(source.open)), 1)))
      yield* flush
      source.give(1)
      assert.strictEqual(text(yield* Fiber.join(fiber)), "1")
      assert.isTrue(source.state.signal!.aborted)
      assert.strictEqual(source.state.returned, 1)
    }))

  it.effect("counts silence from the last event, and only while somebody waits", () =>
    Effect.gen(function*() {
      const source = manual()
      const go = yield* Deferred.make<void>()
      const fiber = yield* PartStream.make(call(source.open)).pipe(
        Stream.runForEach(() => Deferred.await(go)),
        Effect.flip,
        Effect.forkChild
      )
      yield* flush
      yield* TestClock.adjust("119 seconds")
      source.give(0) // no part, but a sign of life
      yield* flush
      yield* TestClock.adjust("119 seconds")
      source.give(1)
      yield* flush
      yield* TestClock.adjust("1 hour") // the reader is busy
      yield* Deferred.succeed(go, undefined)
      yield* flush
      yield* TestClock.adjust("119 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("2 minutes")
      const error = yield* Fiber.join(fiber)
      assert.include(error.message, "nothing came from the vendor for 2m")
      assert.isTrue(error.isRetryable)
      assert.isTrue(source.state.signal!.aborted)
    }))

  it.effect("may be silent for ever when told so", () =>
    Effect.gen(function*() {
      const source = manual()
      const fiber = yield* Effect.forkChild(
        Stream.runDrain(PartStream.make(call(source.open, { silence: Duration.infinity })))
      )
      yield* flush
      yield* TestClock.adjust("1000 days")
      assert.isUndefined(fiber.pollUnsafe())
      yield* Fiber.interrupt(fiber)
    }))

  it.effect("gives its place back however it ends", () =>
    Effect.gen(function*() {
      const places = Gate.places(2)
      const gate = Gate.make(places)
      yield* Effect.exit(Stream.runDrain(PartStream.make({ ...of(1, -1), gate })))
      yield* Effect.exit(Stream.runDrain(PartStream.make({ ...of(1), gate })))
      const fiber = yield* Effect.forkChild(Stream.runDrain(PartStream.make(call(manual().open, { gate }))))
      yield* flush
      assert.strictEqual(places.free, 1)
      assert.isTrue(Exit.hasInterrupts(yield* Effect.andThen(Fiber.interrupt(fiber), Fiber.await(fiber))))
      assert.strictEqual(places.free, 2)
    }))
})

const flush = Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
