/**
 * A fiber may have to yield between any two operations. Whoever reads a run, or watches it, must not miss what happens
 * in that moment.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Agent } from "fluxion"
import { TestModel } from "fluxion/testing"
import { assertLegal } from "../support/Messages.ts"

const agent = Agent.make("agent", { instructions: "i" })

/** Uses up operations until a reader's turn has `left` of its 2,048. */
const workUntil = (left: number): Effect.Effect<void> =>
  Effect.withFiber((fiber) =>
    fiber.currentOpCount >= 2_048 - left ? Effect.void : Effect.suspend(() => workUntil(left))
  )

describe("a reader that has to yield", () => {
  it.live("gets every event of a stream, wherever its work ends", () =>
    Effect.gen(function*() {
      const items = Array.from({ length: 40 }, (_, index) => [`w${index} `, Effect.yieldNow, Effect.yieldNow]).flat()
      for (let left = 3; left < 20; left++) {
        const done = yield* agent.stream("?").pipe(
          Stream.runForEach(() => workUntil(left)),
          Effect.provide(TestModel.layer([TestModel.stream(items)])),
          Effect.timeoutOption("5 seconds")
        )
        assert.isTrue(Option.isSome(done), `the reader hangs with ${left} operations left`)
      }
    }))

  it.live("gets every event that it watches", () =>
    Effect.gen(function*() {
      for (let left = 3; left < 16; left++) {
        for (let gap = 0; gap < 5; gap++) {
          const done = yield* Effect.gen(function*() {
            const watch = yield* agent.watch("?")
            return yield* Stream.runForEach(watch.events(), () => workUntil(left))
          }).pipe(
            Effect.scoped,
            Effect.provide(
              TestModel.layer([TestModel.stream(["w", ...Array.from({ length: gap }, () => Effect.yieldNow)])])
            ),
            Effect.timeoutOption("5 seconds")
          )
          assert.isTrue(Option.isSome(done), `the watcher hangs with ${left} operations left, after ${gap} turns`)
        }
      }
    }))
})

describe("a run that ends between a response and its first call", () => {
  it.effect("leaves a history in which the call has a result", () =>
    Effect.gen(function*() {
      const typed = Agent.make("typed", {
        instructions: "i",
        output: Schema.Struct({ n: Schema.Finite }),
        check: () => Effect.never,
        timeout: "1 second"
      })
      const fiber = yield* Effect.forkChild(Effect.flip(typed("?")), { startImmediately: true })
      yield* TestClock.adjust("2 seconds")
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error.reason._tag, "TimedOut")
      assert.deepStrictEqual(error.messages.map(({ role }) => role), ["user", "assistant", "tool"])
      assertLegal(error.messages)
    }).pipe(Effect.provide(TestModel.layer([TestModel.toolCall("final_answer", { n: 1 })], {
      capabilities: { structuredOutput: false }
    }))))
})
