/**
 * Effect's own workflows on our engine, in memory and on SQLite: what `effect/workflow` promises holds here, too.
 */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Context, Effect, Exit, Fiber, Latch, Layer, Option, Schedule, Schema, Scope } from "effect"
import { PersistedQueue } from "effect/persistence"
import { TestClock } from "effect/testing"
import { Activity, DurableClock, DurableDeferred, DurableQueue, Workflow, WorkflowEngine } from "effect/workflow"
import { Engine, Execution, Owners, Pause, Task, Workflow as Durable } from "fluxion"
import { Sqlite } from "fluxion/sqlite"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"

const folder = mkdtempSync(join(tmpdir(), "fluxion-effect-engine-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let files = 0

type Engines = Engine.Engine | WorkflowEngine.WorkflowEngine

const onFile = (filename: string) =>
  Layer.orDie(Layer.provide(
    Layer.fresh(Engine.layerJournal),
    Layer.fresh(Layer.merge(Sqlite.layer({ filename }), Owners.layerAlone))
  ))
const newFile = () => join(folder, `${files++}.db`)

const layers: { readonly [name: string]: () => Layer.Layer<Engines> } = {
  "in memory": () => Layer.fresh(Engine.layerMemory),
  "on SQLite": () => onFile(newFile())
}

/** Looks until a workflow has come so far. */
const until = <A, E, R>(
  tag: "Suspended" | "Complete",
  poll: Effect.Effect<Option.Option<Workflow.Result<A, E>>, never, R>
): Effect.Effect<Workflow.Result<A, E>, never, R> =>
  Effect.flatMap(poll, (result) =>
    Option.isSome(result) && result.value._tag === tag
      ? Effect.succeed(result.value)
      : Effect.andThen(turn, until(tag, poll)))
/** One turn of the event loop: hashes and commits take some. */
const turn = Effect.promise(() => new Promise<void>((resume) => setImmediate(resume)))

const byId = { idempotencyKey: ({ id }: { readonly id: string }) => id, payload: { id: Schema.String } }
const token = (deferred: DurableDeferred.Any, workflow: Workflow.Any, executionId: string) =>
  DurableDeferred.tokenFromExecutionId(deferred as never, { workflow: workflow as never, executionId })

for (const [name, layer] of Object.entries(layers)) {
  describe(`Effect's workflows on an engine ${name}`, () => {
    const on = <A, E, R>(
      workflows: Layer.Layer<never, never, Engines>,
      effect: Effect.Effect<A, E, R>
    ) => Effect.provide(effect, Layer.provideMerge(workflows, layer()))

    it.effect("run their activities once, give their result, and are executions like all others", () => {
      let ran = 0
      const Greet = Workflow.make("Greet", { ...byId, success: Schema.String })
      const layer = Greet.toLayer(({ id }) =>
        Activity.make({
          name: "hello",
          success: Schema.Date,
          execute: Effect.sync(() => new Date(++ran))
        }).pipe(Effect.map((date) => `${id} ${date.getTime()}`))
      )
      return on(
        layer,
        Effect.gen(function*() {
          const id = yield* Greet.execute({ id: "a" }, { discard: true })
          assert.strictEqual(id, yield* Greet.executionId({ id: "a" }))
          assert.strictEqual(yield* Greet.execute({ id: "a" }), "a 1")
          assert.strictEqual(yield* Greet.execute({ id: "a" }), "a 1")
          assert.strictEqual(ran, 1)
          assert.deepStrictEqual(
            yield* Greet.poll(id),
            Option.some(new Workflow.Complete({ exit: Exit.succeed("a 1") }))
          )
          assert.isTrue(Option.isNone(yield* Greet.poll("none")))
          assert.deepInclude(yield* Execution.get(id), { id, workflow: "Greet", state: "completed" })
          const events = (yield* Effect.flatMap(Engine.Engine, ({ journal }) => journal.load(id))).map(({ event }) =>
            event._tag
          )
          assert.deepStrictEqual(events, [
            "ExecutionStarted",
            "Claimed",
            "StepStarted",
            "StepCompleted",
            "ExecutionCompleted"
          ])
          yield* Execution.delete(id)
          assert.strictEqual((yield* Execution.list()).executions.length, 0)
        })
      )
    })

    it.effect("fail with their own error, and with defects that are captured", () => {
      const Fails = Workflow.make("Fails", { ...byId, error: Schema.String })
      return on(
        Fails.toLayer(({ id }) => id === "defect" ? Effect.die(new Error("boom")) : Effect.fail(id)),
        Effect.gen(function*() {
          assert.strictEqual(yield* Effect.flip(Fails.execute({ id: "typed" })), "typed")
          const exit = yield* Effect.exit(Fails.execute({ id: "defect" }))
          assert.include(String(Exit.isFailure(exit) && Cause.squash(exit.cause)), "boom")
        })
      )
    })

    it.effect("retry an activity; each attempt is recorded", () => {
      const attempts: Array<number> = []
      const Tries = Workflow.make("Tries", { ...byId, success: Schema.Finite, error: Schema.String })
      const gate = DurableDeferred.make("gate")
      const layer = Tries.toLayer(() =>
        Activity.make({
          name: "unsteady",
          success: Schema.Finite,
          error: Schema.String,
          execute: Effect.gen(function*() {
            const attempt = yield* Activity.CurrentAttempt
            attempts.push(attempt)
            return attempt < 3 ? yield* Effect.fail("not yet") : attempt
          })
        }).pipe(Activity.retry({ times: 5 }), Effect.tap(() => DurableDeferred.await(gate)))
      )
      return on(
        layer,
        Effect.gen(function*() {
          const id = yield* Tries.execute({ id: "a" }, { discard: true })
          yield* until("Suspended", Tries.poll(id))
          yield* DurableDeferred.succeed(gate, { token: token(gate, Tries, id), value: undefined })
          assert.strictEqual(yield* Tries.execute({ id: "a" }), 3)
          assert.deepStrictEqual(attempts, [1, 2, 3])
        })
      )
    })

    const Signal = DurableDeferred.make("signal", { success: Schema.String, error: Schema.String })

    it.effect("suspend where they wait for a deferred, say so, hold no process, and go on when it is done", () => {
      let ran = 0
      const Waits = Workflow.make("Waits", { ...byId, success: Schema.String, error: Schema.String })
      const layer = Waits.toLayer(() =>
        Activity.make({ name: "before", execute: Effect.sync(() => void ran++) }).pipe(
          Effect.andThen(DurableDeferred.await(Signal))
        )
      )
      return on(
        layer,
        Effect.gen(function*() {
          const id = yield* Waits.execute({ id: "a" }, { discard: true })
          yield* until("Suspended", Waits.poll(id))
          const info = yield* Execution.get(id)
          assert.deepInclude(info, { state: "paused", owner: null })
          assert.deepInclude(info.waits[0], { name: "signal" })
          yield* DurableDeferred.succeed(Signal, { token: token(Signal, Waits, id), value: "first" })
          yield* DurableDeferred.fail(Signal, { token: token(Signal, Waits, id), error: "second" })
          assert.strictEqual(yield* Waits.execute({ id: "a" }), "first")
          assert.strictEqual(ran, 1)

          const other = yield* Waits.execute({ id: "b" }, { discard: true })
          const caller = yield* Effect.forkChild(Effect.flip(Waits.execute({ id: "b" })))
          yield* until("Suspended", Waits.poll(other))
          yield* DurableDeferred.fail(Signal, { token: token(Signal, Waits, other), error: "no" })
          assert.strictEqual(yield* Fiber.join(caller), "no")
        })
      )
    })

    it.effect("find what was done before they began", () => {
      const Early = Workflow.make("Early", { ...byId, success: Schema.String, error: Schema.String })
      return on(
        Early.toLayer(() => DurableDeferred.await(Signal)),
        Effect.gen(function*() {
          const id = yield* Early.executionId({ id: "a" })
          yield* DurableDeferred.succeed(Signal, { token: token(Signal, Early, id), value: "early" })
          assert.strictEqual(yield* Early.execute({ id: "a" }), "early")
        })
      )
    })

    it.effect("sleep until the first deadline, in memory or not", () => {
      let passes = 0
      const Sleeps = Workflow.make("Sleeps", { ...byId, success: Schema.String })
      const layer = Sleeps.toLayer(() =>
        Effect.gen(function*() {
          passes++
          yield* DurableClock.sleep({ name: "short", duration: "10 seconds" })
          yield* DurableClock.sleep({ name: "long", duration: "2 days" })
          return "awake"
        })
      )
      return on(
        layer,
        Effect.gen(function*() {
          const id = yield* Sleeps.execute({ id: "a" }, { discard: true })
          yield* turn
          yield* TestClock.adjust("10 seconds")
          yield* until("Suspended", Sleeps.poll(id))
          assert.deepInclude(yield* Execution.get(id), { state: "sleeping", owner: null })
          yield* TestClock.adjust("1 day")
          // a pass more does not begin the sleep again
          yield* Sleeps.resume(id)
          while (passes < 2) yield* turn
          yield* until("Suspended", Sleeps.poll(id))
          yield* TestClock.adjust("23 hours")
          yield* turn
          assert.strictEqual((yield* until("Suspended", Sleeps.poll(id)))._tag, "Suspended")
          yield* TestClock.adjust("1 hour")
          assert.strictEqual(yield* Sleeps.execute({ id: "a" }), "awake")
        })
      )
    })

    it.effect("wait for workflows that they start, at any depth, and several at once", () => {
      const Parent = Workflow.make("Parent", { ...byId, success: Schema.Array(Schema.Finite) })
      const Child = Workflow.make("Child", {
        payload: { index: Schema.Finite },
        success: Schema.Finite,
        idempotencyKey: ({ index }) => String(index)
      })
      const started: Array<number> = []
      const layer = Layer.merge(
        Parent.toLayer(() =>
          Activity.make({
            name: "fan-out",
            success: Schema.Array(Schema.Finite),
            execute: Effect.forEach([0, 1, 2, 3, 4], (index) => Child.execute({ index }), { concurrency: 2 })
          })
        ),
        Child.toLayer(({ index }) =>
          Effect.gen(function*() {
            started.push(index)
            yield* DurableClock.sleep({ name: "child", duration: "2 seconds", inMemoryThreshold: 0 })
            return index
          })
        )
      )
      return on(
        layer,
        Effect.gen(function*() {
          const id = yield* Parent.execute({ id: "a" }, { discard: true })
          for (const wave of [2, 4, 5]) {
            while (new Set(started).size < wave) yield* turn
            yield* until("Suspended", Parent.poll(id))
            assert.strictEqual(new Set(started).size, wave)
            assert.deepInclude(yield* Execution.get(id), { state: "waiting" })
            yield* TestClock.adjust("2 seconds")
          }
          assert.deepStrictEqual(yield* Parent.execute({ id: "a" }), [0, 1, 2, 3, 4])
        })
      )
    })

    it.effect("are woken by children that they discarded, and not by detached ones", () => {
      let passes = 0
      const Parent = Workflow.make("Parent", { ...byId, success: Schema.String, error: Schema.String })
      const Child = Workflow.make("Child", byId)
      const layer = Layer.merge(
        Parent.toLayer(({ id }) =>
          Effect.gen(function*() {
            passes++
            yield* Child.execute({ id }, { discard: true, detached: id === "detached" })
            return yield* DurableDeferred.await(Signal)
          })
        ),
        Child.toLayer(() => DurableClock.sleep({ name: "nap", duration: "1 hour" }))
      )
      return on(
        layer,
        Effect.gen(function*() {
          for (const [id, expected] of [["linked", 2], ["detached", 1]] as const) {
            passes = 0
            const parent = yield* Parent.execute({ id }, { discard: true })
            const child = yield* Child.executionId({ id })
            yield* until("Suspended", Parent.poll(parent))
            yield* until("Suspended", Child.poll(child))
            yield* TestClock.adjust("1 hour")
            yield* until("Complete", Child.poll(child))
            while (passes < expected) yield* turn
            yield* until("Suspended", Parent.poll(parent))
            assert.strictEqual(passes, expected)
          }
        })
      )
    })

    it.effect("are woken by an execution that another one has started, too", () => {
      const Parent = Workflow.make("Parent", { ...byId, success: Schema.String })
      const Child = Workflow.make("Child", { ...byId, success: Schema.String })
      const layer = Layer.merge(
        Parent.toLayer(({ id }) => Effect.map(Child.execute({ id: "shared" }), (said) => `${id} ${said}`)),
        Child.toLayer(() => Effect.as(DurableClock.sleep({ name: "nap", duration: "1 hour" }), "slept"))
      )
      return on(
        layer,
        Effect.gen(function*() {
          const ids = ["a", "b", "c"]
          for (const id of ids) {
            const parent = yield* Parent.execute({ id }, { discard: true })
            yield* until("Suspended", Parent.poll(parent))
          }
          yield* TestClock.adjust("1 hour")
          for (const id of ids) assert.strictEqual(yield* Parent.execute({ id }), `${id} slept`)
        })
      )
    }, 5_000)

    it.effect("end where they suspend when they are interrupted; what they did is compensated, their children end", () => {
      const compensated: Array<string> = []
      const Parent = Workflow.make("Parent", byId)
      const Child = Workflow.make("Child", { ...byId, success: Schema.String, error: Schema.String })
      const layer = Layer.merge(
        Parent.toLayer(({ id }) =>
          Effect.gen(function*() {
            yield* Activity.make({ name: "book", success: Schema.String, execute: Effect.succeed("flight") }).pipe(
              Parent.withCompensation((value) =>
                Activity.make({ name: "cancel", execute: Effect.sync(() => void compensated.push(value)) })
              )
            )
            yield* Effect.orDie(Child.execute({ id }))
          })
        ),
        Child.toLayer(() => DurableDeferred.await(Signal))
      )
      return on(
        layer,
        Effect.gen(function*() {
          const engine = yield* WorkflowEngine.WorkflowEngine
          for (const key of ["soft", "hard"]) {
            const id = yield* Parent.execute({ id: key }, { discard: true })
            yield* until("Suspended", Parent.poll(id))
            yield* key === "soft" ? Parent.interrupt(id) : engine.interruptUnsafe(Parent, id)
            const result = yield* until("Complete", Parent.poll(id))
            assert.isTrue(result._tag === "Complete" && Exit.hasInterrupts(result.exit))
            const child = yield* until("Complete", Child.poll(yield* Child.executionId({ id: key })))
            assert.isTrue(child._tag === "Complete" && Exit.hasInterrupts(child.exit))
            assert.strictEqual((yield* Execution.get(id)).state, "cancelled")
          }
          assert.deepStrictEqual(compensated, ["flight", "flight"])
        })
      )
    })

    it.effect("go on to their end when they are interrupted softly, and not when hard", () => {
      const Runs = Workflow.make("Runs", byId)
      const begun = Latch.makeUnsafe()
      const release = Latch.makeUnsafe()
      const layer = Runs.toLayer(() =>
        Activity.make({ name: "last", execute: Effect.andThen(begun.open, release.await) })
      )
      return on(
        layer,
        Effect.gen(function*() {
          const engine = yield* WorkflowEngine.WorkflowEngine
          const soft = yield* Runs.execute({ id: "soft" }, { discard: true })
          yield* begun.await
          yield* Runs.interrupt(soft)
          yield* release.open
          assert.isTrue(Exit.isSuccess(yield* Effect.exit(Runs.execute({ id: "soft" }))))
          yield* begun.close
          yield* release.close
          const hard = yield* Runs.execute({ id: "hard" }, { discard: true })
          yield* begun.await
          yield* Runs.interrupt(hard)
          yield* engine.interruptUnsafe(Runs, hard)
          const result = yield* until("Complete", Runs.poll(hard))
          assert.isTrue(result._tag === "Complete" && Exit.hasInterrupts(result.exit))
        })
      )
    })

    it.effect("begin no further activity when they are interrupted", () => {
      const begun = Latch.makeUnsafe()
      const release = Latch.makeUnsafe()
      let ran = 0
      const Two = Workflow.make("Two", byId)
      return on(
        Two.toLayer(() =>
          Activity.make({ name: "first", execute: Effect.andThen(begun.open, release.await) }).pipe(
            Effect.andThen(Activity.make({ name: "second", execute: Effect.sync(() => void ran++) }))
          )
        ),
        Effect.gen(function*() {
          const id = yield* Two.execute({ id: "a" }, { discard: true })
          yield* begun.await
          yield* Two.interrupt(id)
          yield* release.open
          const result = yield* until("Complete", Two.poll(id))
          assert.isTrue(result._tag === "Complete" && Exit.hasInterrupts(result.exit))
          assert.strictEqual(ran, 0)
        })
      )
    })

    it.effect("are compensated in reverse order when they fail", () => {
      const log: Array<string> = []
      const Trip = Workflow.make("Trip", { ...byId, error: Schema.String })
      const book = (item: string) =>
        Activity.make({ name: item, execute: Effect.sync(() => void log.push(item)) }).pipe(
          Trip.withCompensation(() => Effect.sync(() => void log.push(`undo ${item}`)))
        )
      return on(
        Trip.toLayer(() => Effect.andThen(book("flight"), Effect.andThen(book("hotel"), Effect.fail("no seats")))),
        Effect.gen(function*() {
          assert.strictEqual(yield* Effect.flip(Trip.execute({ id: "a" })), "no seats")
          assert.deepStrictEqual(log, ["flight", "hotel", "undo hotel", "undo flight"])
        })
      )
    })

    it.effect("are parked by a failure if they suspend on failure, and resumed explicitly", () => {
      let isBroken = true
      const runs = { good: 0, bad: 0 }
      const Careful = Workflow.make("Careful", { ...byId, success: Schema.String }).annotate(
        Workflow.SuspendOnFailure,
        true
      )
      const layer = Careful.toLayer(() =>
        Effect.gen(function*() {
          yield* Activity.make({ name: "good", execute: Effect.sync(() => void runs.good++) })
          return yield* Activity.make({
            name: "bad",
            success: Schema.String,
            execute: Effect.suspend(() => {
              runs.bad++
              return isBroken ? Effect.die(new Error("no disk")) : Effect.succeed("done")
            })
          })
        })
      )
      return on(
        layer,
        Effect.gen(function*() {
          const id = yield* Careful.execute({ id: "a" }, { discard: true })
          const result = yield* until("Suspended", Careful.poll(id))
          assert.isTrue(result._tag === "Suspended" && result.failed === true)
          const info = yield* Execution.get(id)
          assert.strictEqual(info.state, "parked")
          assert.include(info.problem, "no disk")
          isBroken = false
          yield* Careful.resume(id)
          assert.strictEqual(yield* Careful.execute({ id: "a" }), "done")
          assert.deepStrictEqual(runs, { good: 1, bad: 2 })
        })
      )
    })

    it.effect("race: the first wins for ever, and a deferred that is done wakes a run that still does something", () => {
      let passes = 0
      const Race = Workflow.make("Race", { ...byId, success: Schema.String, error: Schema.String })
      const layer = Race.toLayer(() =>
        Effect.gen(function*() {
          passes++
          const first = yield* DurableDeferred.raceAll({
            name: "race",
            success: Schema.String,
            error: Schema.String,
            effects: [DurableDeferred.await(Signal), Effect.as(Effect.sleep("10 seconds"), "timer")]
          })
          const second = yield* Activity.raceAll("activities", [
            Activity.make({ name: "slow", success: Schema.String, execute: Effect.never }),
            Activity.make({ name: "quick", success: Schema.String, execute: Effect.succeed("quick") })
          ])
          return `${first} ${second}`
        })
      )
      return on(
        layer,
        Effect.gen(function*() {
          const id = yield* Race.execute({ id: "a" }, { discard: true })
          while (passes === 0) yield* turn
          for (let index = 0; index < 5; index++) yield* turn
          yield* DurableDeferred.succeed(Signal, { token: token(Signal, Race, id), value: "signal" })
          assert.strictEqual(yield* Race.execute({ id: "a" }), "signal quick")
          assert.strictEqual(passes, 2)

          const other = yield* Race.execute({ id: "b" }, { discard: true })
          while (passes < 3) yield* turn
          yield* turn
          yield* TestClock.adjust("10 seconds")
          assert.strictEqual(yield* Race.execute({ id: "b" }), "timer quick")
          assert.strictEqual((yield* Execution.get(other)).state, "completed")
        })
      )
    })

    it.effect("complete a deferred that another branch of theirs waits for", () => {
      const Own = Workflow.make("Own", { ...byId, success: Schema.Array(Schema.String), error: Schema.String })
      const layer = Own.toLayer(() =>
        Effect.all([
          Activity.make({ name: "work", success: Schema.String, execute: Effect.as(turn, "made") }).pipe(
            DurableDeferred.into(Signal)
          ),
          DurableDeferred.await(Signal)
        ], { concurrency: 2 })
      )
      return on(
        layer,
        Effect.gen(function*() {
          assert.deepStrictEqual(yield* Own.execute({ id: "a" }), ["made", "made"])
        })
      )
    })

    it.effect("hand work to a queue, and go on with what its workers made of it", () => {
      const Queue = DurableQueue.make({
        name: "queue",
        payload: byId.payload,
        success: Schema.String,
        error: Schema.String,
        idempotencyKey: byId.idempotencyKey
      })
      const Queued = Workflow.make("Queued", { ...byId, success: Schema.String, error: Schema.String })
      const layer = Layer.merge(
        Queued.toLayer(({ id }) => DurableQueue.process(Queue, { id })),
        DurableQueue.worker(Queue, ({ id }) => id === "bad" ? Effect.fail("boom") : Effect.succeed(`${id} done`))
      ).pipe(Layer.provide(Layer.provideMerge(PersistedQueue.layer, PersistedQueue.layerStoreMemory)))
      return on(
        layer,
        Effect.gen(function*() {
          assert.strictEqual(yield* Queued.execute({ id: "good" }), "good done")
          assert.strictEqual(yield* Effect.flip(Queued.execute({ id: "bad" })), "boom")
        })
      )
    })

    it.effect("see the services of their registration, whoever starts and wakes them", () => {
      class Whose extends Context.Service<Whose, string>()("test/Whose") {}
      const Clean = Workflow.make("Clean", { ...byId, success: Schema.Array(Schema.String), error: Schema.String })
      const seen: Array<string> = []
      const layer = Clean.toLayer(() =>
        Effect.gen(function*() {
          seen.push(yield* Whose)
          yield* DurableDeferred.await(Signal)
          return [yield* Whose]
        })
      ).pipe(Layer.provide(Layer.succeed(Whose, "registered")))
      return on(
        layer,
        Effect.gen(function*() {
          const id = yield* Clean.execute({ id: "a" }, { discard: true }).pipe(Effect.provideService(Whose, "caller"))
          yield* until("Suspended", Clean.poll(id))
          yield* DurableDeferred.succeed(Signal, { token: token(Signal, Clean, id), value: "" }).pipe(
            Effect.provideService(Whose, "waker")
          )
          assert.deepStrictEqual(yield* Clean.execute({ id: "a" }), ["registered"])
          assert.deepStrictEqual(seen, ["registered", "registered"])
        })
      )
    })

    // the shorter time is waited for in memory
    it.effect.each(["500 millis", "1 hour"] as const)(
      "make further attempts at our tasks %s later, and undo them",
      (delay) => {
        const log: Array<string> = []
        const charge = Task.make("charge", {
          payload: { id: Schema.String },
          success: Schema.String,
          error: Schema.String,
          retry: { times: 1, schedule: Schedule.spaced(delay) },
          rollback: ({ id }) => Effect.sync(() => void log.push(`refund ${id}`)),
          run: ({ id }, { attempt }) =>
            Effect.suspend(() => {
              log.push(`charge ${id} ${attempt}`)
              return attempt === 1 ? Effect.fail("no network") : Effect.succeed(id)
            })
        })
        const Pays = Workflow.make("Pays", { ...byId, error: Schema.String })
        const layer = Pays.toLayer(({ id }) =>
          Activity.make({ name: "pay", success: Schema.String, execute: Effect.orDie(charge({ id })) }).pipe(
            Effect.andThen(Effect.fail("sold out"))
          )
        )
        return on(
          layer,
          Effect.gen(function*() {
            const { journal } = yield* Engine.Engine
            const id = yield* Pays.execute({ id: delay }, { discard: true })
            while (!(yield* journal.load(id)).some(({ event }) => event._tag === "StepAwaited")) yield* turn
            yield* turn
            yield* TestClock.adjust(delay)
            assert.strictEqual(yield* Effect.flip(Pays.execute({ id: delay })), "sold out")
            assert.deepStrictEqual(log, [`charge ${delay} 1`, `charge ${delay} 2`, `refund ${delay}`])
          })
        )
      }
    )

    it.effect("run our tasks, pauses, timers and workflows as steps, in activities, too", () => {
      const ran: Array<string> = []
      const Review = Pause.make("review", { output: Schema.String, input: Schema.String })
      const draft = Task.make("draft", {
        payload: { topic: Schema.String },
        success: Schema.String,
        run: ({ topic }) =>
          Effect.gen(function*() {
            ran.push("draft")
            const text = yield* inner({ topic })
            const answer = yield* Review(text) as Effect.Effect<string>
            return `${text} ${answer}`
          })
      })
      const inner = Task.make("inner", {
        payload: { topic: Schema.String },
        success: Schema.String,
        run: ({ topic }) => {
          ran.push("inner")
          return topic
        }
      })
      const child = Durable.make("child", {
        payload: { text: Schema.String },
        success: Schema.String,
        run: ({ text }) => Effect.as(Durable.sleep("1 hour"), `child of ${text}`)
      })
      const Mixed = Workflow.make("Mixed", { ...byId, success: Schema.String })
      const layer = Layer.merge(
        Mixed.toLayer(({ id }) =>
          Effect.gen(function*() {
            const text = yield* Activity.make({
              name: "activity",
              success: Schema.String,
              execute: draft({ topic: id }) as Effect.Effect<string>
            })
            yield* Durable.sleep("1 day")
            const result = yield* child({ text }) as Effect.Effect<string>
            yield* DurableClock.sleep({ name: "more", duration: "1 day" })
            return result
          })
        ),
        Layer.orDie(child.layer)
      )
      return on(
        layer,
        Effect.gen(function*() {
          const id = yield* Mixed.execute({ id: "bees" }, { discard: true })
          const { pending } = yield* Execution.settled(id)
          assert.deepInclude(pending[0], { name: "review", execution: id })
          assert.deepInclude(pending[0]!.waits, { output: "bees" })
          yield* Review.resume(id, "yes")
          while ((yield* Execution.get(id)).state !== "sleeping") yield* turn
          yield* TestClock.adjust("1 day")
          while ((yield* Execution.list({ states: ["sleeping"], workflow: "child" })).executions.length === 0) {
            yield* turn
          }
          assert.strictEqual((yield* Execution.get(id)).state, "waiting")
          yield* TestClock.adjust("1 hour")
          while ((yield* Execution.get(id)).state !== "sleeping") yield* turn
          yield* TestClock.adjust("1 day")
          assert.strictEqual(yield* Mixed.execute({ id: "bees" }), "child of bees yes")
          // a body that suspends begins again, as that of an activity does; what it had done stays
          assert.strictEqual(ran.filter((task) => task === "inner").length, 1)
          assert.isAbove(ran.filter((task) => task === "draft").length, 1)
        })
      )
    })
  })
}

describe("Effect's workflows and the end of a process", () => {
  it.effect("go on with what was recorded, in a new engine on the same file", () => {
    const filename = newFile()
    const ran: Array<string> = []
    const Gate = DurableDeferred.make("gate", { success: Schema.String })
    const Long = Workflow.make("Long", { ...byId, success: Schema.String })
    const begun = Latch.makeUnsafe()
    let isFirst = true
    const activity = (name: string, execute: Effect.Effect<void> = Effect.void) =>
      Activity.make({ name, execute: Effect.andThen(Effect.sync(() => void ran.push(name)), execute) })
    const layer = () =>
      Layer.provideMerge(
        Long.toLayer(() =>
          Effect.gen(function*() {
            yield* Long.withCompensation(activity("one"), () => Effect.sync(() => void ran.push("undo one")))
            yield* activity(
              "two",
              Effect.suspend(() => isFirst ? Effect.andThen(begun.open, Effect.never) : Effect.void)
            )
            const said = yield* DurableDeferred.await(Gate)
            yield* DurableClock.sleep({ name: "nap", duration: "1 hour" })
            return said
          })
        ),
        onFile(filename)
      )
    return Effect.gen(function*() {
      const id = yield* Long.executionId({ id: "a" })
      const first = yield* Scope.make()
      const context = yield* Scope.provide(Layer.build(layer()), first)
      yield* Effect.provideContext(Long.execute({ id: "a" }, { discard: true }), context)
      yield* begun.await
      yield* Scope.close(first, Exit.void)
      isFirst = false
      yield* Effect.provide(until("Suspended", Long.poll(id)), layer())
      yield* Effect.provide(
        DurableDeferred.succeed(Gate, { token: token(Gate, Long, id), value: "open" }),
        onFile(filename)
      )
      yield* Effect.gen(function*() {
        while ((yield* Execution.get(id)).state !== "sleeping") yield* turn
      }).pipe(Effect.provide(layer()))
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* Effect.provide(Long.execute({ id: "a" }), layer()), "open")
      assert.deepStrictEqual(ran, ["one", "two", "two"])
    })
  })
})
