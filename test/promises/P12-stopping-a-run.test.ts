import { assert, describe, it } from "@effect/vitest"
import { Cause, Context, Deferred, Effect, Exit, Fiber, Latch, Layer, Schema, Scope, Stream } from "effect"
import { LanguageModel } from "effect/ai"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { TestClock } from "effect/testing"
import { Agent, AgentError, Task } from "fluxion"
import { TestModel } from "fluxion/testing"
import { EventResponse } from "fluxion/web"
import { type ChildProcess, spawn } from "node:child_process"
import * as LiveVendor from "../support/LiveVendor.ts"
import { assertLegal, told } from "../support/Messages.ts"
import { promptly } from "../support/Promptly.ts"
import * as RunLog from "../support/RunLog.ts"
import * as Scripted from "../support/Scripted.ts"

// The promise is 50 ms, and the exact figure is in the bench; tests run beside others.
const soon = 2_000

const assistant = Agent.make("assistant", { instructions: "i" })

/** What is said in the log, and in `RunFailed`, of a run that was stopped. */
type End = "timed-out" | "interrupted" | "client-gone"

/** A way to run an agent, and to stop it once it hangs. */
interface Stop {
  readonly title: string
  readonly end: End
  /** Runs until `hangs`, and stops it then; done when all clean-up is. */
  readonly stop: (
    agent: Agent.Agent<string, string, LanguageModel.LanguageModel>,
    hangs: Effect.Effect<void>
  ) => Effect.Effect<void, never, LanguageModel.LanguageModel | Scope.Scope>
}

const stops: ReadonlyArray<Stop> = [
  {
    title: "run, its timeout",
    end: "timed-out",
    stop: (agent, hangs) =>
      Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(Effect.exit(agent.with({ timeout: "1 minute" })("go")))
        yield* hangs
        yield* TestClock.adjust("1 minute")
        const exit = yield* Fiber.join(fiber)
        assert.isTrue(Exit.isFailure(exit))
        const error = Cause.squash((exit as Exit.Failure<never, unknown>).cause) as AgentError.AgentError
        assert.strictEqual(error.reason._tag, "TimedOut")
        assertLegal(error.messages)
      })
  },
  {
    title: "stream, its timeout",
    end: "timed-out",
    stop: (agent, hangs) =>
      Effect.gen(function*() {
        const run = Stream.runDrain(agent.with({ timeout: "1 minute" }).stream("go"))
        const fiber = yield* Effect.forkChild(Effect.flip(run))
        yield* hangs
        yield* TestClock.adjust("1 minute")
        assert.strictEqual((yield* Effect.orDie(Fiber.join(fiber))).reason._tag, "TimedOut")
      })
  },
  {
    title: "run, an interrupt",
    end: "interrupted",
    stop: (agent, hangs) =>
      Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(agent("go"))
        yield* hangs
        yield* Fiber.interrupt(fiber)
      })
  },
  {
    title: "run, a time limit around it",
    end: "interrupted",
    stop: (agent, hangs) =>
      Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(Effect.flip(Effect.timeout(agent("go"), "1 minute")))
        yield* hangs
        yield* TestClock.adjust("1 minute")
        assert.strictEqual((yield* Effect.orDie(Fiber.join(fiber)))._tag, "TimeoutError")
      })
  },
  {
    title: "stream, an interrupt of who reads it",
    end: "interrupted",
    stop: (agent, hangs) =>
      Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(Stream.runDrain(agent.stream("go")))
        yield* hangs
        yield* Fiber.interrupt(fiber)
      })
  },
  {
    title: "watch, the end of its scope",
    end: "interrupted",
    stop: (agent, hangs) =>
      Effect.gen(function*() {
        const watch = yield* Effect.scoped(Effect.tap(agent.watch("go"), () => hangs))
        const last = (yield* Stream.runCollect(watch.events())).at(-1)!.event
        assert.strictEqual(last._tag === "RunFailed" ? last.end : last._tag, "interrupted")
      })
  },
  {
    title: "stream, an interrupt of the stream",
    end: "interrupted",
    stop: (agent, hangs) => Effect.orDie(Stream.runDrain(Stream.interruptWhen(agent.stream("go"), hangs)))
  },
  {
    title: "stream, a reader who leaves",
    end: "client-gone",
    stop: (agent, hangs) =>
      agent.stream("go").pipe(
        Stream.tap((event) => event._tag === "TurnStarted" ? hangs : Effect.void),
        Stream.take(2),
        Stream.runDrain,
        Effect.orDie
      )
  },
  {
    title: "stream, a reader who fails",
    end: "client-gone",
    stop: (agent, hangs) =>
      Effect.gen(function*() {
        const broken = Stream.runForEach(agent.stream("go"), (event) =>
          event._tag === "TurnStarted" ? Effect.andThen(hangs, Effect.fail("EPIPE" as const)) : Effect.void)
        const exit = yield* Effect.exit(broken)
        assert.strictEqual(Exit.isFailure(exit) && Cause.squash(exit.cause), "EPIPE")
      })
  },
  {
    title: "stream, a `for await` that breaks off",
    end: "client-gone",
    stop: (agent, hangs) =>
      Effect.gen(function*() {
        const events = yield* Stream.toAsyncIterableEffect(agent.stream("go"))
        const iterator = events[Symbol.asyncIterator]()
        yield* Effect.promise(() => iterator.next())
        yield* hangs
        yield* Effect.promise(() => iterator.return!())
      })
  },
  {
    title: "stream as a response, a client that closes the connection",
    end: "client-gone",
    stop: (agent, hangs) =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        const client = new AbortController()
        const answer = yield* Effect.forkChild(
          EventResponse.make(agent.stream("go"), { signal: client.signal, scope })
        )
        yield* hangs
        client.abort()
        yield* Scope.close(scope, Exit.void)
        yield* Fiber.join(answer)
      })
  },
  {
    title: "run in an HTTP handler, a client that closes the connection",
    end: "client-gone",
    stop: (agent, hangs) =>
      Effect.gen(function*() {
        const context = yield* Effect.context<LanguageModel.LanguageModel>()
        const route = HttpRouter.add(
          "GET",
          "/",
          Effect.provideContext(Effect.map(Effect.orDie(agent("go")), (text) => HttpServerResponse.text(text)), context)
        )
        const { dispose, handler } = HttpRouter.toWebHandler(route, { disableLogger: true })
        yield* Effect.addFinalizer(() => Effect.promise(dispose))
        const client = new AbortController()
        const answer = handler(new Request("http://localhost/", { signal: client.signal }))
        yield* hangs
        client.abort()
        const { status } = yield* Effect.promise(() => answer)
        assert.strictEqual(status, 499)
      })
  }
]

/** Stops a run in this way while it hangs, and looks at the log. */
const stopped = (
  { end, stop }: Stop,
  agent: Parameters<Stop["stop"]>[0],
  hangs: Effect.Effect<void>
) =>
  Effect.gen(function*() {
    const log = RunLog.make()
    yield* log.watch(stop(agent, hangs))
    assert.deepStrictEqual(log.lines.map(({ end, level, path }) => ({ end, level, path })), [
      { end, level: "Info", path: "assistant" }
    ])
  })

const soonDone = (closed: Deferred.Deferred<void>, what: string) =>
  Deferred.await(closed).pipe(promptly(soon, `the ${what} did not end`))

describe("P12 a timeout, an interrupt or a client that goes away really aborts, cleans up once, and the log says which it was", () => {
  for (const way of stops) {
    describe(way.title, () => {
      for (const wire of LiveVendor.wires) {
        for (const when of ["before the headers", "in the middle of the answer"] as const) {
          it.effect(`aborts the ${wire.name} request ${when}`, () =>
            Effect.gen(function*() {
              const arrived = yield* Latch.make()
              const vendor = yield* LiveVendor.make(wire.contentType, ({ send }) =>
                Effect.gen(function*() {
                  if (when !== "before the headers") yield* send(wire.begin + wire.text("Hel"))
                  yield* arrived.open
                }))
              const model = Context.pick(LanguageModel.LanguageModel)(yield* Layer.build(wire.layer(vendor.url)))
              yield* Effect.provide(stopped(way, assistant, arrived.await), model)
              yield* soonDone(vendor.exchanges[0]!.closed, "request")
              assert.strictEqual(vendor.exchanges.length, 1)
            }))
        }
      }

      const callsIt = TestModel.layer([TestModel.toolCall("hang", {})])

      it.effect("ends an Effect that a tool runs, and runs its clean-up once", () =>
        Effect.gen(function*() {
          const running = yield* Latch.make()
          const cleaned: Array<string> = []
          const tool = Task.make("hang", {
            payload: {},
            run: () =>
              Effect.acquireUseRelease(
                Effect.void,
                () => Effect.andThen(running.open, Effect.never),
                (_, exit) => Effect.sync(() => cleaned.push(Exit.isFailure(exit) ? "interrupted" : "done"))
              )
          })
          yield* Effect.provide(stopped(way, assistant.with({ tools: [tool] }), running.await), callsIt)
          assert.deepStrictEqual(cleaned, ["interrupted"])
        }))

      it.effect("kills the child process of a tool written in plain code", () =>
        Effect.gen(function*() {
          const running = yield* Latch.make()
          const exited = yield* Deferred.make<void>()
          let child: ChildProcess | undefined
          yield* Effect.addFinalizer(() => Effect.sync(() => child?.kill("SIGKILL")))
          let aborts = 0
          const tool = Task.make("hang", {
            payload: {},
            success: Schema.String,
            run: (_, { signal }) =>
              new Promise<string>((resolve, reject) => {
                signal.addEventListener("abort", () => aborts++)
                child = spawn(process.execPath, ["-e", "console.log(1); setInterval(() => {}, 1000)"], { signal })
                child.stdout!.once("data", () => Effect.runSync(running.open))
                child.once("error", reject)
                child.once("exit", () => {
                  Deferred.doneUnsafe(exited, Effect.void)
                  resolve("exited")
                })
              })
          })
          yield* Effect.provide(stopped(way, assistant.with({ tools: [tool] }), running.await), callsIt)
          yield* soonDone(exited, "child process")
          assert.strictEqual(child!.signalCode, "SIGTERM")
          assert.strictEqual(aborts, 1)
        }))
    })
  }

  it.effect("a run that answers says nothing in the log, however it is read", () =>
    Effect.gen(function*() {
      const log = RunLog.make()
      yield* log.watch(Effect.gen(function*() {
        yield* assistant("go")
        yield* Stream.runDrain(assistant.stream("go"))
        yield* Stream.runCollect(Stream.takeUntil(assistant.stream("go"), (event) => event._tag === "RunCompleted"))
        const watch = yield* assistant.watch("go")
        yield* Stream.runDrain(watch.events())
      }))
      assert.deepStrictEqual(log.lines, [])
    }).pipe(Effect.provide(Scripted.layer(() => Scripted.parts(Scripted.say(["done"]))))))

  it.effect("a run that fails says so once, where only those see it who look for it: the error is thrown too", () =>
    Effect.gen(function*() {
      const log = RunLog.make()
      yield* log.watch(Effect.gen(function*() {
        yield* Effect.flip(assistant("  "))
        yield* Effect.flip(Stream.runDrain(assistant.stream("  ")))
      }))
      const line = { level: "Debug", path: "assistant", end: "failed" }
      assert.deepStrictEqual(log.lines.map(({ end, level, path }) => ({ level, path, end })), [line, line])
    }).pipe(Effect.provide(TestModel.layer([]))))

  it.effect("who was stopped is told of what was done so far: a legal history, with the calls that were cut short", () =>
    Effect.gen(function*() {
      const running = yield* Latch.make()
      const tools = [
        Task.make("quick", { payload: {}, success: Schema.String, risk: "read", run: () => Effect.succeed("first") }),
        Task.make("hang", { payload: {}, risk: "read", run: () => Effect.andThen(running.open, Effect.never) })
      ]
      const watch = yield* assistant.with({ tools, timeout: "1 minute" }).watch("go")
      yield* running.await
      yield* TestClock.adjust("1 minute")
      const last = (yield* Stream.runCollect(watch.events())).at(-1)!.event
      assert.strictEqual(last._tag, "RunFailed")
      if (last._tag !== "RunFailed") return
      assertLegal(last.messages)
      const [quick, hang] = told(last.messages)
      assert.deepStrictEqual(quick, ["quick", "first"])
      assert.include(String(hang![1]), "may have had an effect")
      assert.strictEqual(last.usage.inputTokens.total, 10)
    }).pipe(Effect.provide(TestModel.layer([[TestModel.toolCall("quick", {}), TestModel.toolCall("hang", {})]]))))

  it.effect("an agent inside another ends with it: one line at the level of the log says why, the rest is detail", () =>
    Effect.gen(function*() {
      for (const way of stops) {
        const running = yield* Latch.make()
        const cleaned: Array<string> = []
        const hang = Task.make("hang", {
          payload: {},
          run: () =>
            Effect.onInterrupt(
              Effect.andThen(running.open, Effect.never),
              () => Effect.sync(() => cleaned.push("hang"))
            )
        })
        const inner = Agent.make("inner", { instructions: "i", tools: [hang] })
        const log = RunLog.make()
        yield* log.watch(way.stop(assistant.with({ tools: [inner] }), running.await)).pipe(
          Effect.provide(TestModel.layer({
            assistant: [TestModel.toolCall("inner", { instruction: "go" })],
            inner: [TestModel.toolCall("hang", {})]
          }))
        )
        assert.deepStrictEqual(cleaned, ["hang"])
        assert.deepStrictEqual(log.lines.map(({ level, path }) => [level, path]), [
          ["Debug", "assistant/inner"],
          ["Info", "assistant"]
        ], way.title)
        assert.strictEqual(log.lines[1]!.end, way.end)
      }
    }))
})
