/**
 * Retries and time limits on an agent: of one model call, of the whole run, and what answers when all of it failed.
 *
 *   npm run example 09
 */
import { Console, Effect, Schedule, Stream } from "effect"
import { AiError } from "effect/ai"
import { Agent } from "fluxion"
import { TestModel } from "fluxion/testing"

const busy = TestModel.fail(new AiError.RateLimitError({}))

const assistant = Agent.make("assistant", {
  instructions: "You answer in one word.",
  // one model call: what passes (rate limits, overload, network) is tried again, and finished tools do not run again
  modelRetry: Schedule.upTo(Schedule.spaced("20 millis"), { times: 2 })
})

// seen from outside, a retry is an event
const watched = assistant.stream("The capital of Peru?").pipe(
  Stream.runForEach((event) =>
    event._tag === "ModelRetried"
      ? Console.log(`${event.reason}: attempt ${event.attempt} in ${event.delay} ms`)
      : event._tag === "RunCompleted"
      ? Console.log(event.result.output)
      : Effect.void
  ),
  Effect.provide(TestModel.layer([busy, busy, TestModel.text("Lima")]))
)

// the whole run: its own time limit and retries, and an answer for when nothing helped
const patient = assistant.with({
  timeout: "300 millis",
  retry: { times: 1, while: (error) => error.reason._tag === "TimedOut" },
  fallback: (_, error) => Console.log(error.message).pipe(Effect.as("I cannot say now."))
})
const silent = TestModel.stream([Effect.never])

const program = Effect.gen(function*() {
  yield* watched
  yield* patient("The capital of Peru?").pipe(
    Effect.flatMap(Console.log),
    Effect.provide(TestModel.layer([silent, TestModel.text("Lima")]))
  )
  yield* patient("The capital of Peru?").pipe(
    Effect.flatMap(Console.log),
    Effect.provide(TestModel.layer([silent, silent]))
  )
})

await Effect.runPromise(program)
