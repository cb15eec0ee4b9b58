/**
 * P14: calls that are equal in all but their place each run once, and keep their own result over a replay.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Layer, Option, Schema } from "effect"
import { Agent, AgentError, Execution, Pause, Task, Workflow } from "fluxion"
import * as Processes from "../support/Processes.ts"
import * as Scripted from "../support/Scripted.ts"

const file = Processes.files()

/** A pause behind which another process goes on: it replays all that was before. */
const restart = Pause.make("restart", { input: Schema.Boolean })

/** Starts an execution in one process, and gives its result in another one. */
const twice = <A, E>(
  flow: Workflow.Workflow<string, any, A, E, never>,
  layer: Layer.Layer<never, any, any>
) => {
  const filename = file()
  return Effect.gen(function*() {
    yield* Processes.on(filename, layer, Effect.andThen(flow.start({}, { id: "a" }), Execution.settled("a")))
    return yield* Processes.on(
      filename,
      layer,
      Effect.andThen(restart.resume("a", true), flow.result("a"))
    )
  })
}

describe("P14: equal calls in one turn and the next, in branches, beside uuids, races and time limits", () => {
  it.live("two equal tool calls of one turn, which end in the other order, and one of a later turn", () => {
    let drawn = 0
    const second = Deferred.makeUnsafe<void>()
    const draw = Task.make("draw", {
      payload: {},
      success: Schema.String,
      risk: "read",
      run: () =>
        Effect.suspend(() => {
          const number = ++drawn
          // the first ends after the second
          if (number === 1) return Effect.as(Deferred.await(second), "card 1")
          return Effect.as(Deferred.succeed(second, undefined), `card ${number}`)
        })
    })
    const dealer = Agent.make("dealer", { instructions: "Deal.", tools: [draw] })
    const flow = Workflow.make("flow", {
      payload: {},
      success: Schema.Array(Schema.Unknown),
      error: AgentError.AgentError,
      run: () =>
        Effect.gen(function*() {
          const { messages } = yield* dealer.result("Go.")
          const results = messages.flatMap((message) =>
            message.role === "tool"
              ? message.content.flatMap((part) => part.type === "tool-result" ? [part.result] : [])
              : []
          )
          yield* restart(undefined)
          return results
        })
    })
    const answers = [
      Scripted.calls([["draw", {}], ["draw", {}]]),
      Scripted.calls([["draw", {}]]),
      Scripted.say(["Done."])
    ]
    let asked = 0
    const model = Scripted.layer(() => Scripted.parts(answers[asked++]!))
    return Effect.gen(function*() {
      const results = yield* twice(flow as never, Layer.provide(flow.layer, model))
      assert.deepStrictEqual(results, ["card 1", "card 2", "card 3"])
      assert.deepStrictEqual([drawn, asked], [3, 3])
    })
  })

  for (const concurrency of [1, "unbounded"] as const) {
    it.live(`equal branches that end in another order than they began, each with its own uuid and time: ${concurrency}`, () => {
      const charged: Array<string> = []
      let looked = 0
      const look = Task.make("look", {
        payload: {},
        success: Schema.Finite,
        // the first to begin is the last to end
        run: () => Effect.delay(Effect.succeed(looked), 30 - 10 * looked++)
      })
      const charge = Task.make("charge", {
        payload: { item: Schema.Finite, id: Schema.String },
        success: Schema.String,
        run: ({ id, item }) =>
          Effect.sync(() => {
            charged.push(id)
            return `${item} ${id}`
          }).pipe(Effect.delay(9 - item * 3))
      })
      const branch = (item: number) =>
        Effect.gen(function*() {
          yield* look({})
          const at = yield* Workflow.now
          const id = yield* Workflow.uuid
          const chance = yield* Workflow.random
          const receipt = yield* charge({ item, id })
          return { at, id, chance, receipt }
        })
      const flow = Workflow.make("flow", {
        payload: {},
        success: Schema.Unknown,
        run: () =>
          Effect.gen(function*() {
            const before = yield* Effect.forEach([0, 1, 2], branch, { concurrency })
            yield* restart(undefined)
            return before
          })
      })
      const filename = file()
      return Effect.gen(function*() {
        const first = yield* Processes.on(
          filename,
          flow.layer,
          Effect.gen(function*() {
            yield* flow.start({}, { id: "a" })
            yield* Execution.settled("a")
            return charged.slice()
          })
        )
        assert.strictEqual(new Set(first).size, 3)
        const result = yield* Processes.on(
          filename,
          flow.layer,
          Effect.andThen(restart.resume("a", true), flow.result("a"))
        )
        const branches = result as ReadonlyArray<{ readonly id: string; readonly receipt: string }>
        assert.deepStrictEqual(charged, first, "nothing is charged again")
        assert.deepStrictEqual(branches.map(({ receipt }) => receipt), branches.map(({ id }, item) => `${item} ${id}`))
        assert.sameMembers(branches.map(({ id }) => id), first)
      })
    })
  }

  it.live("the loser of a race and the one who ran out of time are not started again, beside an equal call that won", () => {
    const began: Array<string> = []
    const work = Task.make("work", {
      payload: { item: Schema.String },
      success: Schema.String,
      run: ({ item }) =>
        Effect.suspend(() => {
          began.push(item)
          const number = began.length
          return Effect.as(
            began.filter((other) => other === item).length === 1 ? Effect.never : Effect.void,
            `${item} ${number}`
          )
        })
    })
    const flow = Workflow.make("flow", {
      payload: {},
      success: Schema.Array(Schema.String),
      run: () =>
        Effect.gen(function*() {
          const raced = yield* Workflow.race(work({ item: "same" }), Effect.delay(work({ item: "same" }), 5))
          const limited = yield* Workflow.timeout(work({ item: "late" }), "10 millis")
          const again = yield* work({ item: "late" })
          yield* restart(undefined)
          return [raced, Option.getOrElse(limited, () => "too late"), again]
        })
    })
    return Effect.gen(function*() {
      const result = yield* twice(flow as never, flow.layer)
      assert.deepStrictEqual(result, ["same 2", "too late", "late 4"])
      assert.deepStrictEqual(began, ["same", "same", "late", "late"])
    })
  })
})
