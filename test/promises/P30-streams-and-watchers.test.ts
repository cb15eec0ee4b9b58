import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Latch, Layer, Option, Redacted, Schedule, Schema, Scope, Stream } from "effect"
import { Sse } from "effect/encoding"
import { TestClock } from "effect/testing"
import { Agent, type AgentEvent, Engine, Execution, type ExecutionEvent, Task, type Watch } from "fluxion"
import { Postgres } from "fluxion/postgres"
import { Sqlite } from "fluxion/sqlite"
import { EventResponse } from "fluxion/web"
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll } from "vitest"
import { isProgress } from "../../src/core/AgentEvent.ts"
import * as LiveVendor from "../support/LiveVendor.ts"
import * as PostgresServer from "../support/PostgresServer.ts"
import * as Scripted from "../support/Scripted.ts"
import * as View from "../support/View.ts"

type Event = AgentEvent.AgentEvent<unknown>

const words = (count: number) => Array.from({ length: count }, (_, index) => `w${index} `)
const textOf = (events: ReadonlyArray<Event>) =>
  events.flatMap((event) => event._tag === "TextDelta" ? [event.delta] : []).join("")
const durable = (events: Iterable<Event>) => [...events].filter((event) => !isProgress(event))
const pause = Effect.promise<void>(() => new Promise((resolve) => setImmediate(resolve)))

/** A model that says so many words, lets others run now and then, and counts what was pulled. */
const talkative = (count: number, pulled = { count: 0 }) => {
  const pieces = function*() {
    for (const word of words(count)) {
      pulled.count++
      yield word
    }
  }
  return Scripted.layer(() =>
    Scripted.parts(Scripted.say(pieces())).pipe(
      Stream.tap(() => pulled.count % 50 === 0 ? pause : Effect.void)
    )
  )
}

const assistant = Agent.make("assistant", { instructions: "i" })

/** The durable events of a run of one turn. */
const oneTurn = ["RunStarted", "TurnStarted", "ResponseReceived", "RunCompleted"]

/** What a watcher was given so far; it goes on after every event as it is told. */
const follow = <Output>(
  watch: Watch.Watch<Output>,
  onEvent: (event: Watch.Watched<Output>, count: number) => Effect.Effect<void> = () => Effect.void,
  after?: number
) =>
  Effect.gen(function*() {
    const seen: Array<Watch.Watched<Output>> = []
    const fiber = yield* watch.events({ after }).pipe(
      Stream.runForEach((entry) => Effect.suspend(() => onEvent(entry, seen.push(entry)))),
      Effect.forkChild({ startImmediately: true })
    )
    return { seen, done: Effect.as(Fiber.join(fiber), seen.map(({ event }) => event as Event)), fiber }
  })

const eventsOf = (seen: ReadonlyArray<Watch.Watched<unknown>>) => seen.map(({ event }) => event as Event)

describe("P30 the runner's stream loses nothing and its reader's pace reaches the vendor; watchers never hold up a run", () => {
  describe("the one who runs it", () => {
    it.effect("a slow reader gets every event of a long answer, in order", () =>
      Effect.gen(function*() {
        const events: Array<Event> = []
        yield* Stream.runForEach(assistant.stream("go"), (event) => {
          events.push(event)
          return events.length % 100 === 0 ? pause : Effect.void
        })
        assert.strictEqual(textOf(events), words(5000).join(""))
        const tags = [...new Set(events.map((event) => event._tag))]
        assert.deepStrictEqual(tags, ["RunStarted", "TurnStarted", "TextDelta", "ResponseReceived", "RunCompleted"])
      }).pipe(Effect.provide(talkative(5000))))

    it.effect("a reader who stands still stops the model: only so much is pulled, and it goes on when he does", () => {
      const pulled = { count: 0 }
      return Effect.gen(function*() {
        const stands = yield* Latch.make()
        const goesOn = yield* Latch.make()
        let text = ""
        const reader = yield* assistant.stream("go").pipe(
          Stream.runForEach((event) => {
            if (event._tag !== "TextDelta") return Effect.void
            text += event.delta
            return text.length > 3 ? Effect.andThen(stands.open, goesOn.await) : Effect.void
          }),
          Effect.forkChild
        )
        yield* stands.await
        for (let i = 0; i < 100; i++) yield* pause
        const standing = pulled.count
        assert.isAtMost(standing, 100)
        yield* goesOn.open
        yield* Fiber.join(reader)
        assert.strictEqual(pulled.count, 5000)
        assert.strictEqual(text, words(5000).join(""))
      }).pipe(Effect.provide(talkative(5000, pulled)))
    })

    for (const wire of LiveVendor.wires) {
      it.live(`a reader who stands still stops the writes of a vendor's server behind the ${wire.name} SDK`, () =>
        Effect.gen(function*() {
          const pieces = Array.from({ length: 2_000 }, (_, index) => `${index} `.padEnd(16 * 1024, "."))
          const vendor = yield* LiveVendor.make(wire.contentType, (exchange) => LiveVendor.say(wire, exchange, pieces))
          const stands = yield* Latch.make()
          const goesOn = yield* Latch.make()
          let deltas = 0
          const reader = yield* assistant.stream("go").pipe(
            Stream.runForEach((event) =>
              event._tag === "TextDelta" && ++deltas === 1 ? Effect.andThen(stands.open, goesOn.await) : Effect.void
            ),
            Effect.provide(wire.layer(vendor.url)),
            Effect.forkChild
          )
          yield* stands.await
          const standing = yield* LiveVendor.standstill(vendor)
          assert.isBelow(standing.taken, pieces.length, "the server was not held up")
          assert.strictEqual(standing.begun, standing.taken + 1, "a write waits")
          assert.strictEqual(deltas, 1)
          yield* goesOn.open
          yield* Fiber.join(reader)
          assert.strictEqual(deltas, pieces.length)
        }).pipe(Effect.scoped))
    }
  })

  describe("whoever watches it", () => {
    it.effect("of two watchers the quick one sees every event; the slow one all durable ones, and a gap with the text so far", () =>
      Effect.gen(function*() {
        const goesOn = yield* Latch.make()
        const watch = yield* assistant.watch("go")
        const quick = yield* follow(watch)
        const slow = yield* follow(watch, (_, count) => count === 3 ? goesOn.await : Effect.void)
        const result = yield* watch.result // the run does not wait for the one who stands still
        yield* Fiber.join(quick.fiber)
        assert.strictEqual(slow.seen.length, 3)
        yield* goesOn.open
        yield* Fiber.join(slow.fiber)
        const all = eventsOf(quick.seen)
        assert.strictEqual(textOf(all), result.output)
        assert.isFalse(all.some((event) => event._tag === "Gap"))
        const some = eventsOf(slow.seen)
        assert.deepStrictEqual(durable(some), durable(all))
        assert.strictEqual(some.filter((event) => event._tag === "Gap").length, 1)
        assert.isBelow(some.length, 400)
        assert.strictEqual(View.of(some).of("assistant")?.text, result.output)
        for (const events of [all, some]) assert.strictEqual(events.at(-1)?._tag, "RunCompleted")
      }).pipe(Effect.provide(talkative(3000))))

    it.effect("a thousand watchers, as slow as they are, all show the recorded answer and see the end", () =>
      Effect.gen(function*() {
        const watch = yield* assistant.watch("go")
        const watchers = yield* Effect.forEach(
          Array.from({ length: 1000 }, (_, index) => index),
          (index) => follow(watch, (_, count) => index % 10 === 0 && count % 7 === 0 ? pause : Effect.void)
        )
        const result = yield* watch.result
        for (const [index, { fiber, seen }] of watchers.entries()) {
          yield* Fiber.join(fiber)
          const events = eventsOf(seen)
          assert.deepStrictEqual(durable(events).map((event) => event._tag), oneTurn)
          assert.strictEqual(events.at(-1)?._tag, "RunCompleted")
          assert.strictEqual(View.of(events).of("assistant")?.text, result.output)
          if (index % 10 !== 0) assert.strictEqual(textOf(events), result.output)
        }
        assert.isTrue(watchers.some(({ seen }) => seen.some(({ event }) => event._tag === "Gap")))
      }).pipe(Effect.provide(talkative(1000))))

    it.effect("who comes back with the last id goes on from there, whichever event it was", () =>
      Effect.gen(function*() {
        const watch = yield* assistant.watch("go")
        const whole = yield* Stream.runCollect(watch.events())
        assert.deepStrictEqual(whole.map(({ id }) => id), whole.map((_, index) => index + 1))
        for (const { id } of whole) {
          const rest = yield* Stream.runCollect(watch.events({ after: id }))
          assert.deepStrictEqual(rest, whole.slice(id))
        }
      }).pipe(Effect.provide(talkative(30))))

    it.effect("who comes back again and again during a long run, from far behind, shows the recorded answer", () =>
      Effect.gen(function*() {
        const watch = yield* assistant.watch("go")
        const view = new View.View()
        const seen: Array<Event> = []
        let last: number | undefined
        for (let round = 0; seen.at(-1)?._tag !== "RunCompleted"; round++) {
          for (let i = 0; i < 20; i++) yield* pause
          for (
            const { event, id } of yield* Stream.runCollect(Stream.take(watch.events({ after: last }), 1 + round % 9))
          ) {
            seen.push(event)
            view.see(event)
            last = id
          }
        }
        const result = yield* watch.result
        assert.deepStrictEqual(durable(seen).map((event) => event._tag), oneTurn)
        assert.isTrue(seen.some((event) => event._tag === "Gap"))
        assert.strictEqual(view.of("assistant")?.text, result.output)
      }).pipe(Effect.provide(talkative(20_000))))

    it.effect("who comes back with Last-Event-ID, again and again, shows the recorded answer too, and is told when there is no more", () =>
      Effect.gen(function*() {
        const watch = yield* assistant.watch("go")
        const view = new View.View()
        const seen: Array<Event> = []
        let lastEventId: string | undefined
        for (let size = 1;; size += 3) {
          const response = yield* EventResponse.watch(watch, { lastEventId })
          if (response.status === 204) break
          assert.isBelow(size, 1000, "it does not get on")
          // the connection breaks after some pieces, in the middle of an event or not
          const body = response.body!.getReader()
          const decoder = new TextDecoder()
          const parser = Sse.makeParser((sent) => {
            if (sent._tag !== "Event") return
            lastEventId = sent.id
            const event: Event = JSON.parse(sent.data)
            seen.push(event)
            view.see(event)
          })
          for (let piece = 0; piece < size; piece++) {
            const { done, value } = yield* Effect.promise(() => body.read())
            if (done) break
            const text = decoder.decode(value, { stream: true })
            parser.feed(piece === size - 1 ? text.slice(0, text.length / 2) : text)
          }
          yield* Effect.promise(() => body.cancel())
          for (let i = 0; i < 20; i++) yield* pause
        }
        const result = yield* watch.result
        assert.deepStrictEqual(durable(seen).map((event) => event._tag), oneTurn)
        assert.isTrue(seen.some((event) => event._tag === "Gap"))
        assert.strictEqual(view.of("assistant")?.text, result.output)
      }).pipe(Effect.provide(talkative(20_000))))

    it.effect("who comes after the end gets all durable events and the terminal one", () =>
      Effect.gen(function*() {
        const watch = yield* assistant.watch("go")
        yield* watch.result
        const events = eventsOf(yield* Stream.runCollect(watch.events()))
        assert.deepStrictEqual(durable(events).map((event) => event._tag), oneTurn)
        assert.strictEqual(events.at(-1)?._tag, "RunCompleted")
        assert.strictEqual(View.of(events).of("assistant")?.text, words(1000).join(""))
      }).pipe(Effect.provide(talkative(1000))))

    it.effect("agents inside, of one name and at once, are told apart, also behind a gap; so is reasoning", () => {
      const thoughts = function*(agent: string, count: number): Generator<Scripted.Part> {
        yield { type: "reasoning-start", id: "r" }
        for (const word of words(count)) yield { type: "reasoning-delta", id: "r", delta: `${agent} thinks ${word}` }
        yield { type: "reasoning-end", id: "r" }
        yield* Scripted.say(words(count).map((word) => `${agent} says ${word}`))
      }
      let researchers = 0
      let turns = 0
      const model = Scripted.layer(({ options }) => {
        if (options.agent === "editor") {
          return Scripted.parts(
            ++turns === 1
              ? Scripted.calls([["researcher", { instruction: "x" }], ["researcher", { instruction: "y" }]])
              : Scripted.say(["done"])
          )
        }
        return Stream.tap(Scripted.parts(thoughts(`number ${++researchers}`, 300)), () => Effect.yieldNow)
      })
      return Effect.gen(function*() {
        const researcher = Agent.make("researcher", { instructions: "i", risk: "read" })
        const editor = Agent.make("editor", { instructions: "i", tools: [researcher] })
        const watch = yield* editor.watch("go")
        const quick = yield* follow(watch)
        const goesOn = yield* Latch.make()
        const slow = yield* follow(watch, (_, count) => count === 40 ? goesOn.await : Effect.void)
        yield* watch.result
        yield* goesOn.open
        yield* Fiber.join(quick.fiber)
        yield* Fiber.join(slow.fiber)
        const paths = ["editor/researcher", "editor/researcher#2"]
        assert.isTrue(eventsOf(slow.seen).some((event) => event._tag === "Gap"))
        for (const seen of [quick.seen, slow.seen].map(eventsOf)) {
          assert.deepStrictEqual(durable(seen), durable(eventsOf(quick.seen)))
          for (const [index, path] of paths.entries()) {
            const of = `number ${index + 1}`
            assert.deepStrictEqual(View.of(seen).of(path), {
              turn: 1,
              text: words(300).map((word) => `${of} says ${word}`).join(""),
              reasoning: words(300).map((word) => `${of} thinks ${word}`).join("")
            })
          }
        }
      }).pipe(Effect.provide(model))
    })

    describe("a run that ends without an answer ends for watchers with RunFailed, which says how", () => {
      const hangs = Task.make("hangs", { payload: {}, success: Schema.String, run: () => Effect.never })
      const model = Scripted.layer(() => Scripted.parts(Scripted.calls([["hangs", {}]])))
      const ends = (watch: Watch.Watch<unknown>) =>
        Effect.map(Stream.runCollect(watch.events()), (seen) => {
          const event = seen.at(-1)!.event as Event
          return event._tag === "RunFailed" ? event.end : event._tag
        })

      it.effect("it failed", () =>
        Effect.gen(function*() {
          const watch = yield* assistant.watch("  ")
          assert.strictEqual(yield* ends(watch), "failed")
          assert.isTrue(Exit.isFailure(yield* Effect.exit(watch.result)))
        }).pipe(Effect.provide(model)))

      it.effect("it took too long", () =>
        Effect.gen(function*() {
          const watch = yield* assistant.with({ tools: [hangs], timeout: "1 minute" }).watch("go")
          const end = yield* Effect.forkChild(ends(watch))
          yield* TestClock.adjust("1 minute")
          assert.strictEqual(yield* Fiber.join(end), "timed-out")
        }).pipe(Effect.provide(model)))

      it.effect("the scope that it ran in was closed", () =>
        Effect.gen(function*() {
          const scope = yield* Scope.make()
          const watch = yield* Scope.provide(assistant.with({ tools: [hangs] }).watch("go"), scope)
          const end = yield* Effect.forkChild(ends(watch), { startImmediately: true })
          yield* Scope.close(scope, Exit.void)
          assert.strictEqual(yield* Fiber.join(end), "interrupted")
        }).pipe(Effect.provide(model)))
    })

    it.effect("a watcher who leaves does not end the run", () =>
      Effect.gen(function*() {
        const isAsked = yield* Deferred.make<void>()
        const answers = yield* Deferred.make<void>()
        const wait = Task.make("wait", {
          payload: {},
          success: Schema.String,
          run: () => Effect.as(Effect.andThen(Deferred.succeed(isAsked, undefined), Deferred.await(answers)), "x")
        })
        const watch = yield* assistant.with({ tools: [wait] }).watch("go")
        const gone = yield* follow(watch)
        yield* Deferred.await(isAsked)
        yield* Fiber.interrupt(gone.fiber)
        yield* Deferred.succeed(answers, undefined)
        assert.strictEqual((yield* watch.result).output, "done")
      }).pipe(Effect.provide(Scripted.layer(({ prompt }) =>
        Scripted.parts(
          prompt.content.at(-1)?.role === "tool" ? Scripted.say(["done"]) : Scripted.calls([["wait", {}]])
        )
      ))))
  })

  describe("whoever watches an execution that another process runs", () => {
    const folder = mkdtempSync(join(tmpdir(), "fluxion-p30-"))
    const children = new Set<ChildProcess>()
    let server: Awaited<ReturnType<typeof PostgresServer.start>>
    let databases = 0
    beforeAll(async () => {
      server = await PostgresServer.start()
    }, 60_000)
    afterAll(async () => {
      for (const child of children) child.kill("SIGKILL")
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    })

    type Shown = ExecutionEvent.ExecutionEvent

    const kinds = {
      SQLite: async () => {
        const filename = join(folder, `${databases++}.db`)
        return { args: ["sqlite", filename], layer: Sqlite.layer({ filename }) }
      },
      PostgreSQL: async () => {
        const url = await server.database(`p30_${databases++}`)
        return { args: ["postgres", url], layer: Postgres.layer({ url: Redacted.make(url) }) }
      }
    }

    /** Starts a process on the database whose model says so many words. */
    const poet = async (args: ReadonlyArray<string>, count: number, pace: number) => {
      const child = fork(join(import.meta.dirname, "..", "children", "poet.ts"), [...args, `${count}`, `${pace}`], {
        execArgv: ["--conditions=fluxion-source", "--disable-warning=ExperimentalWarning"]
      })
      children.add(child)
      await once(child, "message")
      return child
    }

    /** The events of an execution from when somebody has started it. */
    const events = (id: string, from?: number) =>
      Execution.events(id, { from }).pipe(
        Stream.retry(Schedule.spaced("5 millis").pipe(Schedule.upTo({ duration: "10 seconds" })))
      )

    const viewOf = (seen: ReadonlyArray<Shown>) => {
      const view = new View.View()
      for (const { event } of seen) {
        if (event._tag !== "TaskProgress" && event._tag !== "ProgressLost" && "path" in event) view.see(event)
      }
      return view.of("poet")?.text
    }
    const sequences = (seen: ReadonlyArray<Shown>) =>
      seen.flatMap(({ sequence }) => sequence === undefined ? [] : [sequence])
    /** Every durable event, once and in order, and the end last. */
    const isWhole = (seen: ReadonlyArray<Shown>, from = 0) => {
      assert.deepStrictEqual(sequences(seen), sequences(seen).map((_, index) => from + index))
      assert.strictEqual(seen.at(-1)?.event._tag, "ExecutionCompleted")
    }

    for (const [name, make] of Object.entries(kinds)) {
      it.live(
        `sees on ${name} every event, and the text as it comes; one who is slow a gap with the whole text; nobody holds it up`,
        () =>
          Effect.gen(function*() {
            const count = 20_000
            const text = words(count).join("")
            const { args, layer } = yield* Effect.promise(make)
            const child = yield* Effect.promise(() => poet(args, count, 1))
            yield* Effect.gen(function*() {
              const quick: Array<Shown> = []
              const slow: Array<Shown> = []
              const stands = yield* Latch.make()
              const read = (seen: Array<Shown>, onDelta: (delta: string) => Effect.Effect<unknown>) =>
                events("a").pipe(
                  Stream.rechunk(1),
                  Stream.runForEach((entry) => {
                    seen.push(entry)
                    return entry.event._tag === "TextDelta" ? onDelta(entry.event.delta) : Effect.void
                  }),
                  Effect.forkChild({ startImmediately: true })
                )
              const isFar = (delta: string) => Number(delta.slice(1)) > count * 0.8
              const readers = [
                yield* read(quick, (delta) => isFar(delta) ? stands.open : Effect.void),
                yield* read(slow, () => stands.await)
              ]
              child.send("a")
              for (const reader of readers) yield* Fiber.join(reader)
              isWhole(quick)
              isWhole(slow)
              assert.isAbove(quick.filter(({ event }) => event._tag === "TextDelta").length, 100)
              assert.strictEqual(viewOf(quick), text)
              assert.strictEqual(viewOf(slow), text)
              assert.isTrue(slow.some(({ event }) => event._tag === "Gap"))
              assert.isBelow(slow.length, count)
              const { exit } = yield* Execution.settled("a")
              assert.deepInclude(Option.getOrThrow(exit), { value: text })
            }).pipe(Effect.provide(Layer.orDie(Layer.provide(Engine.layerJournal, layer))))
            child.kill("SIGKILL")
          }),
        60_000
      )

      it.live(
        `comes back on ${name} with the last sequence number, and goes on from there with the whole text`,
        () =>
          Effect.gen(function*() {
            const count = 5_000
            const { args, layer } = yield* Effect.promise(make)
            const child = yield* Effect.promise(() => poet(args, count, 5))
            yield* Effect.gen(function*() {
              child.send("a")
              const first = yield* Stream.runCollect(
                Stream.takeUntil(events("a"), ({ event }) => event._tag === "TextDelta" && event.delta === "w500 ")
              )
              const from = sequences(first).length
              const rest = yield* Stream.runCollect(events("a", from))
              isWhole(rest, from)
              assert.strictEqual(viewOf([...first, ...rest]), words(count).join(""))
              assert.isTrue(rest.some(({ event }) => event._tag === "Gap"))
            }).pipe(Effect.provide(Layer.orDie(Layer.provide(Engine.layerJournal, layer))))
            child.kill("SIGKILL")
          }),
        60_000
      )
    }

    it.live(
      "sees the turn begin anew when that process is killed and another one goes on",
      () =>
        Effect.gen(function*() {
          const count = 2_000
          const { args, layer } = yield* Effect.promise(kinds.SQLite)
          const child = yield* Effect.promise(() => poet(args, count, 100_000))
          yield* Effect.gen(function*() {
            child.send("a")
            const seen: Array<Shown> = []
            const isHalf = yield* Latch.make()
            const reader = yield* Effect.forkChild(
              Stream.runForEach(events("a"), (event) => {
                seen.push(event)
                return event.event._tag === "TextDelta" ? isHalf.open : Effect.void
              })
            )
            yield* isHalf.await
            child.kill("SIGKILL")
            const other = yield* Effect.promise(() => poet(args, count, 5))
            yield* Fiber.join(reader)
            other.kill("SIGKILL")
            isWhole(seen)
            assert.strictEqual(viewOf(seen), words(count).join(""))
            assert.strictEqual(seen.filter(({ event }) => event._tag === "Claimed").length, 2)
          }).pipe(Effect.provide(Layer.orDie(Layer.provide(Engine.layerJournal, layer))))
        }),
      60_000
    )

    it.live(
      "is told once when it cannot be reached, and goes on with the events of the journal",
      () =>
        Effect.gen(function*() {
          const { args, layer } = yield* Effect.promise(kinds.SQLite)
          const child = yield* Effect.promise(() => poet(args, 2_000, 10))
          yield* Effect.gen(function*() {
            const owners = `${args[1]}-owners`
            for (const file of readdirSync(owners)) if (file.endsWith(".sock")) rmSync(join(owners, file))
            child.send("a")
            const seen = yield* Stream.runCollect(events("a"))
            isWhole(seen)
            const progress = seen.flatMap(({ event, sequence }) => sequence === undefined ? [event] : [])
            assert.deepStrictEqual(progress.map(({ _tag }) => _tag), ["ProgressLost"])
            assert.match(progress[0]?._tag === "ProgressLost" ? progress[0].message : "", /cannot be reached from here/)
          }).pipe(Effect.provide(Layer.orDie(Layer.provide(Engine.layerJournal, layer))))
          child.kill("SIGKILL")
        }),
      60_000
    )
  })
})
