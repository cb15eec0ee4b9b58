import { assert, describe, it } from "@effect/vitest"
import { Cause, Clock, Deferred, Duration, Effect, Exit, Fiber, Logger, Schedule, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Progress, Task } from "fluxion"

class Busy extends Schema.TaggedError<Busy>()("Busy", { attempt: Schema.Finite }) {}

/** A task that fails with `Busy` until attempt `until`, and tells when it was tried. */
const flaky = (until: number) => {
  const times: Array<number> = []
  const task = Task.make("flaky", {
    payload: {},
    success: Schema.String,
    error: Busy,
    run: (_, { attempt }) =>
      Effect.gen(function*() {
        times.push(yield* Clock.currentTimeMillis)
        if (attempt < until) return yield* new Busy({ attempt })
        return `attempt ${attempt}`
      })
  })
  return { task, gaps: () => times.slice(1).map((time, index) => time - times[index]!), tries: () => times.length }
}

/** Runs an effect to its end while time goes by. */
const inTime = <A, E, R>(effect: Effect.Effect<A, E, R>, time: Duration.Input = "1 day") =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(effect)
    yield* TestClock.adjust(time)
    const exit = fiber.pollUnsafe()
    assert.isDefined(exit, "still running")
    return exit!
  })

const never = new Promise<string>(() => {})

describe("the signal of an attempt", () => {
  it.effect("is aborted for whoever reads it first after the attempt was interrupted", () =>
    Effect.gen(function*() {
      let read = (): boolean => false
      const slow = Task.make("slow", {
        payload: {},
        success: Schema.Void,
        run: (_, context) => {
          read = () => context.signal.aborted
          return new Promise<void>(() => {})
        }
      })
      const fiber = yield* Effect.forkChild(slow({}), { startImmediately: true })
      yield* Fiber.interrupt(fiber)
      assert.isTrue(read())
    }))
})

describe("Task", () => {
  describe("its body", () => {
    it.effect("may return an Effect, a Promise or a value", () =>
      Effect.gen(function*() {
        const payload = { n: Schema.Finite }
        const effect = Task.make("t", { payload, success: Schema.Finite, run: ({ n }) => Effect.succeed(n + 1) })
        const promise = Task.make("t", { payload, success: Schema.Finite, run: async ({ n }) => n + 1 })
        const value = Task.make("t", { payload, success: Schema.Finite, run: ({ n }) => n + 1 })
        for (const task of [effect, promise, value]) assert.strictEqual(yield* task({ n: 1 }), 2)
      }))

    it.effect("is given an empty payload by a call that says nothing", () =>
      Effect.gen(function*() {
        const fields = Task.make("t", {
          payload: { n: Schema.optionalKey(Schema.Finite) },
          run: (payload) => JSON.stringify(payload)
        })
        assert.strictEqual(yield* fields(), "{}")
        assert.strictEqual(yield* Task.make("t", { run: (payload) => JSON.stringify(payload) })(), "{}")
        const whole = Task.make("t", { payload: Schema.Unknown, run: (payload) => payload === undefined })
        assert.isTrue(yield* whole())
      }))

    it.effect("runs again each time the call is run, and not before", () =>
      Effect.gen(function*() {
        let runs = 0
        const call = Task.make("t", { payload: {}, success: Schema.Finite, run: () => ++runs })({})
        assert.strictEqual(runs, 0)
        assert.deepStrictEqual([yield* call, yield* call], [1, 2])
      }))

    it.effect("fails with its typed failure, with TaskFailed for a rejection, and dies of a throw", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* Effect.flip(flaky(2).task({})), new Busy({ attempt: 1 }))

        const cause = new Error("disk full")
        const rejects = Task.make("save", { payload: {}, success: Schema.Void, run: () => Promise.reject<void>(cause) })
        const failed = yield* Effect.flip(rejects({}))
        assert.instanceOf(failed, Task.TaskFailed)
        assert.strictEqual(failed.cause, cause)
        assert.strictEqual(failed.message, "task save failed: disk full")

        const throws = Task.make("t", {
          payload: {},
          success: Schema.Void,
          run: () => {
            throw cause
          }
        })
        const exit = yield* Effect.exit(throws({}))
        assert.isTrue(Exit.isFailure(exit) && Cause.squash(exit.cause) === cause && Cause.hasDies(exit.cause))
      }))

    it.effect("gets the payload as its Schema makes it, defaults included", () =>
      Effect.gen(function*() {
        const withDefault = Task.make("t", {
          payload: { n: Schema.Finite.pipe(Schema.withConstructorDefault(Effect.succeed(7))) },
          success: Schema.Finite,
          run: ({ n }) => n
        })
        assert.strictEqual(yield* withDefault({}), 7)
        const number = Task.make("t", { payload: Schema.Finite, success: Schema.Finite, run: (n) => -n })
        assert.strictEqual(yield* number(3), -3)
      }))

    it.effect("does not run on a payload that breaks the Schema: a defect that names task and field", () =>
      Effect.gen(function*() {
        let ran = false
        const task = Task.make("pay", {
          payload: { amount: Schema.Finite.check(Schema.isGreaterThan(0)) },
          success: Schema.Void,
          run: () => {
            ran = true
          }
        })
        const exit = yield* Effect.exit(task({ amount: -1 }))
        assert.isFalse(ran)
        assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
        const error = Cause.squash((exit as Exit.Failure<never, never>).cause)
        assert.instanceOf(error, Task.TaskPayloadInvalid)
        assert.match((error as Error).message, /task pay .*amount/s)
      }))
  })

  describe("without success", () => {
    const returning = (value: unknown) => Task.make("t", { payload: {}, run: () => Effect.succeed(value) })({})
    const cycle: Record<string, unknown> = { name: "x" }
    cycle["self"] = { again: [cycle] }

    it.effect("gives plain data as it is", () =>
      Effect.gen(function*() {
        const value = { rows: [{ total: 1.5, tags: ["a"], none: null }], "odd key": true }
        assert.strictEqual(yield* returning(value), value)
        assert.strictEqual(yield* returning(undefined), undefined)
      }))

    for (
      const [what, value, path, found] of [
        ["a cycle", cycle, "$.self.again[0]", "a cycle"],
        ["a bigint", { rows: [{ total: 1 }, { total: 2n }] }, "$.rows[1].total", "a bigint"],
        ["a Date", { "odd key": new Date(0) }, `$["odd key"]`, "a Date"],
        ["NaN", [NaN], "$[0]", "NaN"],
        ["a function", () => 1, "$", "a function"]
      ] as const
    ) {
      it.effect(`${what} is a typed error that says where`, () =>
        Effect.gen(function*() {
          const error = yield* Effect.flip(returning(value))
          assert.instanceOf(error, Task.TaskResultInvalid)
          assert.deepStrictEqual([error.path, error.found], [path, found])
          assert.include(error.message, path)
        }))
    }
  })

  describe("retry", () => {
    it.effect("times: 3 makes 3 further attempts, then fails as the last one did", () =>
      Effect.gen(function*() {
        const { task, tries } = flaky(9)
        const exit = yield* inTime(task.with({ retry: { times: 3 } })({}))
        assert.strictEqual(tries(), 4)
        assert.deepStrictEqual(exit, Exit.fail(new Busy({ attempt: 4 })))
      }))

    it.effect("by default it waits 1 s, doubling to 60 s, jittered by a fifth", () =>
      Effect.gen(function*() {
        const { gaps, task } = flaky(10)
        const exit = yield* inTime(task.with({ retry: { times: 9 } })({}))
        assert.deepStrictEqual(exit, Exit.succeed("attempt 10"))
        const base = [1, 2, 4, 8, 16, 32, 60, 60, 60]
        const ratios = gaps().map((gap, index) => gap / 1000 / base[index]!)
        for (const ratio of ratios) assert.isTrue(ratio >= 0.8 && ratio <= 1.2, `${ratios}`)
        assert.isTrue(ratios.some((ratio) => ratio !== 1), "jittered")
      }))

    it.effect("while decides which failures are worth it", () =>
      Effect.gen(function*() {
        const { task, tries } = flaky(9)
        const exit = yield* inTime(task.with({ retry: { times: 5, while: (error) => error.attempt < 2 } })({}))
        assert.strictEqual(tries(), 2)
        assert.isTrue(Exit.isFailure(exit))
      }))

    it.effect("takes a schedule of its own, with times or alone", () =>
      Effect.gen(function*() {
        const first = flaky(9)
        yield* inTime(first.task.with({ retry: { times: 2, schedule: Schedule.spaced("5 seconds") } })({}))
        assert.deepStrictEqual(first.gaps(), [5000, 5000])
        const second = flaky(4)
        yield* inTime(second.task.with({ retry: Schedule.spaced("1 minute") })({}))
        assert.deepStrictEqual(second.gaps(), [60_000, 60_000, 60_000])
      }))

    it.effect("Schedule.upTo bounds all attempts together", () =>
      Effect.gen(function*() {
        const { task, tries } = flaky(99)
        const retry = Schedule.spaced("3 seconds").pipe(Schedule.upTo({ duration: "10 seconds" }))
        const exit = yield* inTime(task.with({ retry })({}))
        assert.isTrue(Exit.isFailure(exit))
        assert.isAtLeast(tries(), 4)
        assert.isAtMost(tries(), 5)
      }))

    it.effect("a defect is not tried again", () =>
      Effect.gen(function*() {
        let tries = 0
        const task = Task.make("t", {
          payload: {},
          success: Schema.Void,
          retry: { times: 3 },
          run: () => {
            tries++
            throw new Error("bug")
          }
        })
        assert.isTrue(Exit.isFailure(yield* inTime(task({}))))
        assert.strictEqual(tries, 1)
      }))
  })

  describe("timeout", () => {
    it.effect("bounds one attempt, interrupts it, and is a typed failure", () =>
      Effect.gen(function*() {
        let interrupted = 0
        const task = Task.make("slow", {
          payload: {},
          success: Schema.String,
          timeout: "5 seconds",
          run: () => Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted++))
        })
        const exit = yield* inTime(task({}), "5 seconds")
        assert.deepStrictEqual(exit, Exit.fail(new Task.TaskTimeout({ task: "slow", after: Duration.seconds(5) })))
        assert.strictEqual(interrupted, 1)
      }))

    it.effect("every attempt has the whole time, and a signal of its own that says when it is over", () =>
      Effect.gen(function*() {
        const signals: Array<AbortSignal> = []
        const task = Task.make("slow", {
          payload: {},
          success: Schema.String,
          timeout: "5 seconds",
          retry: { times: 2, schedule: Schedule.spaced("1 second"), while: (error) => error._tag === "TaskTimeout" },
          run: (_, { attempt, signal }) => {
            signals.push(signal)
            return attempt < 3 ? never : Promise.resolve("third")
          }
        })
        const exit = yield* inTime(task({}), "12 seconds")
        assert.deepStrictEqual(exit, Exit.succeed("third"))
        assert.deepStrictEqual(signals.map((signal) => signal.aborted), [true, true, false])
      }))

    it.effect("a Promise that rejects after its timeout disturbs nobody", () =>
      Effect.gen(function*() {
        const unhandled: Array<unknown> = []
        const listener = (reason: unknown) => unhandled.push(reason)
        process.on("unhandledRejection", listener)
        yield* Effect.addFinalizer(() => Effect.sync(() => process.off("unhandledRejection", listener)))
        let reject: (cause: unknown) => void = () => {}
        const task = Task.make("late", {
          payload: {},
          success: Schema.String,
          timeout: "1 second",
          run: () => new Promise<string>((_, fail) => reject = fail)
        })
        const exit = yield* inTime(task({}), "1 second")
        assert.isTrue(Exit.isFailure(exit))
        reject(new Error("too late"))
        yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
        assert.deepStrictEqual(unhandled, [])
      }))
  })

  describe("fallback", () => {
    it.effect("answers when every attempt has failed, with the payload and the last failure", () =>
      Effect.gen(function*() {
        const task = Task.make("t", {
          payload: { city: Schema.String },
          success: Schema.String,
          error: Busy,
          retry: { times: 1 },
          run: (_, { attempt }) => Effect.fail(new Busy({ attempt })),
          fallback: ({ city }, error) => `${city}: unknown after ${error._tag === "Busy" ? error.attempt : 0}`
        })
        assert.deepStrictEqual(yield* inTime(task({ city: "Rome" })), Exit.succeed("Rome: unknown after 2"))
      }))

    it.effect("also after a timeout; it may fail itself, and a defect is not its business", () =>
      Effect.gen(function*() {
        const slow = Task.make("t", { payload: {}, success: Schema.String, timeout: "1 second", run: () => never })
        const exit = yield* inTime(slow.with({ fallback: (_, error) => Promise.resolve(error._tag) })({}))
        assert.deepStrictEqual(exit, Exit.succeed("TaskTimeout"))

        const { task } = flaky(9)
        const failing = task.with({ fallback: (_, error) => Effect.fail(new Busy({ attempt: -error.attempt })) })
        assert.deepStrictEqual(yield* Effect.flip(failing({})), new Busy({ attempt: -1 }))

        let answered = false
        const dies = Task.make("t", {
          payload: {},
          success: Schema.Void,
          run: () => Effect.die("bug"),
          fallback: () => {
            answered = true
          }
        })
        assert.isTrue(Exit.isFailure(yield* Effect.exit(dies({}))))
        assert.isFalse(answered)
      }))
  })

  describe("rollback", () => {
    /** A task with a rollback that counts; `run` decides how it ends. */
    const undoable = (run: (attempt: number) => Effect.Effect<string, Busy>) => {
      const undone: Array<readonly [payload: unknown, exit: Exit.Exit<string, unknown>]> = []
      const task = Task.make("t", {
        payload: { id: Schema.String },
        success: Schema.String,
        error: Busy,
        retry: { times: 2 },
        run: (_, { attempt }) => run(attempt),
        rollback: (payload, exit) => Effect.sync(() => void undone.push([payload, exit]))
      })
      return { task, undone }
    }

    it.effect("runs once when the task failed for good, with its payload and how it ended", () =>
      Effect.gen(function*() {
        const { task, undone } = undoable((attempt) => Effect.fail(new Busy({ attempt })))
        const exit = yield* inTime(task({ id: "x" }))
        assert.deepStrictEqual(undone, [[{ id: "x" }, Exit.fail(new Busy({ attempt: 3 }))]])
        assert.deepStrictEqual(exit, Exit.fail(new Busy({ attempt: 3 })))
      }))

    it.effect("does not run when an attempt or the fallback answered", () =>
      Effect.gen(function*() {
        const { task, undone } = undoable((n) => n === 2 ? Effect.succeed("ok") : Effect.fail(new Busy({ attempt: n })))
        assert.deepStrictEqual(yield* inTime(task({ id: "x" })), Exit.succeed("ok"))
        const failing = undoable((attempt) => Effect.fail(new Busy({ attempt })))
        yield* inTime(failing.task.with({ fallback: () => "instead" })({ id: "x" }))
        assert.deepStrictEqual([...undone, ...failing.undone], [])
      }))

    it.effect("runs once for a defect, returned or thrown", () =>
      Effect.gen(function*() {
        const died = undoable(() => Effect.die("bug"))
        const threw = undoable(() => {
          throw new Error("bug")
        })
        for (const { task, undone } of [died, threw]) {
          for (const call of [task({ id: "x" }), task.with({ retry: undefined })({ id: "y" })]) {
            assert.isTrue(Exit.isFailure(yield* Effect.exit(call)))
          }
          assert.deepStrictEqual(undone.map(([payload]) => payload), [{ id: "x" }, { id: "y" }])
        }
      }))

    it.effect("runs once when the task is interrupted: in an attempt, or between two", () =>
      Effect.gen(function*() {
        for (const run of [() => Effect.never, (attempt: number) => Effect.fail(new Busy({ attempt }))]) {
          const { task, undone } = undoable(run)
          const fiber = yield* Effect.forkChild(task({ id: "x" }))
          yield* TestClock.adjust("100 millis")
          yield* Fiber.interrupt(fiber)
          assert.strictEqual(undone.length, 1)
          assert.isTrue(Exit.isFailure(undone[0]![1]) && Cause.hasInterruptsOnly(undone[0]![1].cause))
        }
      }))

    it.effect("may be plain code; its own failure is logged, and the task's outcome stands", () =>
      Effect.gen(function*() {
        const logged: Array<unknown> = []
        const { task } = flaky(9)
        const failing = task.with({ rollback: () => Promise.reject(new Error("cannot undo")) })
        const error = yield* Effect.flip(failing({})).pipe(
          Effect.provide(Logger.layer([Logger.make(({ message }) => logged.push(message))]))
        )
        assert.deepStrictEqual(error, new Busy({ attempt: 1 }))
        assert.match(String(logged), /the rollback of task flaky failed: cannot undo/)
      }))
  })

  describe("the context of an attempt", () => {
    it.effect("is the second argument, and the service Task.Current", () =>
      Effect.gen(function*() {
        const task = Task.make("t", {
          payload: {},
          success: Schema.Boolean,
          run: (_, context) => Task.Current.use((current) => Effect.succeed(current === context))
        })
        assert.isTrue(yield* task({}))
      }))

    it.effect("counts attempts under one idempotency key, which is another one for another call", () =>
      Effect.gen(function*() {
        const seen: Array<readonly [number, string]> = []
        const task = Task.make("t", {
          payload: {},
          success: Schema.Void,
          error: Busy,
          retry: { times: 2 },
          run: (_, { attempt, idempotencyKey }) => {
            seen.push([attempt, idempotencyKey])
            return attempt < 3 ? Effect.fail(new Busy({ attempt })) : Effect.void
          }
        })
        const call = task({})
        yield* inTime(call)
        yield* inTime(call)
        assert.deepStrictEqual(seen.map(([attempt]) => attempt), [1, 2, 3, 1, 2, 3])
        const keys = seen.map(([, key]) => key)
        assert.strictEqual(new Set(keys.slice(0, 3)).size, 1)
        assert.strictEqual(new Set(keys.slice(3)).size, 1)
        assert.notStrictEqual(keys[0], keys[3])
      }))

    it.effect("aborts its signal when the task is interrupted, in a Promise and in an Effect", () =>
      Effect.gen(function*() {
        for (const body of [() => never, () => Effect.never]) {
          const started = yield* Deferred.make<AbortSignal>()
          const task = Task.make("t", {
            payload: {},
            run: (_, { signal }): Promise<string> | Effect.Effect<never> => {
              Deferred.doneUnsafe(started, Exit.succeed(signal))
              return body()
            }
          })
          const fiber = yield* Effect.forkChild(task({}))
          const signal = yield* Deferred.await(started)
          yield* Effect.yieldNow
          assert.isFalse(signal.aborted)
          yield* Fiber.interrupt(fiber)
          assert.isTrue(signal.aborted)
        }
      }))

    it.effect("tells progress to whoever listens, from plain code and from an Effect, also of tasks inside", () =>
      Effect.gen(function*() {
        const inner = Task.make("inner", { payload: {}, success: Schema.Void, run: () => Progress.emit("inside") })
        const outer = Task.make("outer", {
          payload: {},
          success: Schema.Void,
          run: (_, { progress }) => {
            progress({ percent: 50 })
            return inner({})
          }
        })
        const told: Array<unknown> = []
        yield* Progress.listen(outer({}), (value) => told.push(value))
        yield* outer({}) // nobody listens
        assert.deepStrictEqual(told, [{ percent: 50 }, "inside"])
      }))
  })

  describe("map", () => {
    it.effect("keeps the payloads' order, and runs 8 at a time unless told otherwise", () =>
      Effect.gen(function*() {
        let running = 0
        let peak = 0
        const task = Task.make("t", {
          payload: { n: Schema.Finite },
          success: Schema.Finite,
          run: ({ n }) =>
            Effect.gen(function*() {
              peak = Math.max(peak, ++running)
              yield* Effect.sleep(1000 - n)
              running--
              return n * n
            })
        })
        const payloads = Array.from({ length: 20 }, (_, n) => ({ n }))
        const squares = payloads.map(({ n }) => n * n)
        for (const [options, expected] of [[undefined, 8], [{ concurrency: 3 }, 3], [{ concurrency: 1 }, 1]] as const) {
          peak = 0
          assert.deepStrictEqual(yield* inTime(Task.map(task, payloads, options)), Exit.succeed(squares))
          assert.strictEqual(peak, expected)
        }
      }))

    it.effect("fails with the first failure, and interrupts the rest", () =>
      Effect.gen(function*() {
        let interrupted = 0
        const task = Task.make("t", {
          payload: { n: Schema.Finite },
          success: Schema.Void,
          error: Busy,
          run: ({ n }) =>
            n === 2
              ? Effect.fail(new Busy({ attempt: n }))
              : Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted++))
        })
        assert.deepStrictEqual(
          yield* Effect.flip(Task.map(task, [0, 1, 2].map((n) => ({ n })))),
          new Busy({ attempt: 2 })
        )
        assert.strictEqual(interrupted, 2)
      }))
  })

  describe("with", () => {
    it.effect("copies: what is not named stays, and the original is as it was", () =>
      Effect.gen(function*() {
        const { task, tries } = flaky(2)
        const first = task.with({ retry: { times: 1 }, description: "tries twice", risk: "write" })
        const second = first.with({ fallback: () => "instead" })
        assert.deepStrictEqual([second.name, second.description, second.risk], ["flaky", "tries twice", "write"])
        assert.isUndefined(task.description)
        assert.deepStrictEqual(yield* inTime(second({})), Exit.succeed("attempt 2"))
        assert.isTrue(Exit.isFailure(yield* Effect.exit(task({}))))
        assert.strictEqual(tries(), 3)
      }))

    it.effect("undefined takes an option away", () =>
      Effect.gen(function*() {
        const { task, tries } = flaky(2)
        const exit = yield* inTime(task.with({ retry: { times: 1 } }).with({ retry: undefined })({}))
        assert.isTrue(Exit.isFailure(exit))
        assert.strictEqual(tries(), 1)
      }))
  })

  describe("approval", () => {
    it.effect("with nobody to ask fails closed: the body does not run, no retry, no fallback", () =>
      Effect.gen(function*() {
        const { task, tries } = flaky(1)
        const asking = task.with({ approval: true, retry: { times: 3 }, fallback: () => "instead" })
        const exit = yield* inTime(asking({}))
        assert.strictEqual(tries(), 0)
        const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
        assert.deepInclude(error, { _tag: "NoApprover", tool: "flaky" })
      }))

    it.effect("may depend on the payload", () =>
      Effect.gen(function*() {
        const pay = Task.make("pay", {
          payload: { amount: Schema.Finite },
          success: Schema.String,
          approval: ({ amount }) => amount > 100,
          run: ({ amount }) => `paid ${amount}`
        })
        assert.strictEqual(yield* pay({ amount: 100 }), "paid 100")
        assert.strictEqual((yield* Effect.flip(pay({ amount: 101 })))._tag, "NoApprover")
      }))
  })

  describe("mock", () => {
    it.effect("answers instead, by Layer: body, retries and approval are left out", () =>
      Effect.gen(function*() {
        const { task, tries } = flaky(9)
        const asking = task.with({ approval: true, retry: { times: 3 } })
        const good = yield* asking({}).pipe(Effect.provide(Task.mock(asking, () => "mocked")))
        assert.strictEqual(good, "mocked")
        const bad = yield* Effect.flip(asking({})).pipe(
          Effect.provide(Task.mock(asking, () => Effect.fail(new Busy({ attempt: 0 }))))
        )
        assert.deepStrictEqual(bad, new Busy({ attempt: 0 }))
        assert.strictEqual(tries(), 0)
      }))

    it.effect("gets the payload, and leaves other tasks alone", () =>
      Effect.gen(function*() {
        const shout = (name: string) =>
          Task.make(name, { payload: { text: Schema.String }, success: Schema.String, run: ({ text }) => text })
        const [a, b] = [shout("a"), shout("b")]
        const both = Effect.all([a({ text: "x" }), b({ text: "x" })])
        const answers = yield* Effect.provide(both, Task.mock(a, ({ text }) => Promise.resolve(`${text}!`)))
        assert.deepStrictEqual(answers, ["x!", "x"])
      }))
  })

  it("a name that is not 1 to 64 letters, digits, _ or - is refused", () => {
    const make = (name: string) => Task.make(name, { payload: {}, success: Schema.Void, run: () => {} })
    for (const name of ["get_weather", "A-1", "x".repeat(64)]) assert.strictEqual(make(name).name, name)
    for (const name of ["", "x".repeat(65), "get weather", "grüße", "a.b", "a/b"]) {
      assert.throws(() => make(name), TypeError, /1 to 64 letters/)
    }
  })
})
