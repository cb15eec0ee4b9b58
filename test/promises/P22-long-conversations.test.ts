/**
 * P22: in a conversation of 1,000 turns the journal grows linearly, and what is read and resumed costs a step the same at
 * 1,000 turns as at 100.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { Agent, Conversations, Engine, Execution, Pause, Workflow, WorkingMemory } from "fluxion"
import { Sqlite } from "fluxion/sqlite"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"
import * as Scripted from "../support/Scripted.ts"

const folder = mkdtempSync(join(tmpdir(), "fluxion-p22-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const model = Scripted.layer(() =>
  Scripted.parts(Scripted.say(["An answer of the usual length, which says something."]))
)

const review = Pause.make("review", { output: Schema.Void, input: Schema.Void })

/** A workflow of so many turns, in the execution's own memory or in a conversation, and a pause at the end. */
const flowOf = (memory: WorkingMemory.WorkingMemory) => {
  const assistant = Agent.make("assistant", { instructions: "You help.", memory })
  return Workflow.make("flow", {
    payload: { turns: Schema.Finite, conversation: Schema.optionalKey(Schema.String) },
    success: Schema.Finite,
    run: ({ conversation, turns }) =>
      Effect.orDie(Effect.gen(function*() {
        for (let turn = 0; turn < turns; turn++) {
          yield* assistant(`Question ${turn}, which is as long as questions are.`, { conversation })
        }
        yield* review(undefined)
        return turns
      }))
  })
}

const sizes = [100, 1000] as const

const bytesOf = (flow: ReturnType<typeof flowOf>, turns: number, conversation?: string) =>
  Effect.gen(function*() {
    const id = yield* flow.start({ turns, ...(conversation === undefined ? {} : { conversation }) })
    yield* Execution.settled(id)
    const { journal } = yield* Engine.Engine
    const events = yield* journal.load(id)
    return { id, bytes: JSON.stringify(events).length, events: events.length }
  })

const live = <A, E>(
  flow: ReturnType<typeof flowOf>,
  effect: Effect.Effect<A, E, Engine.Engine | Conversations.Conversations>,
  filename = ":memory:"
) =>
  Effect.provide(
    effect,
    flow.layer.pipe(
      Layer.provideMerge(Layer.fresh(Layer.merge(Engine.layerJournal, Conversations.layerSql))),
      Layer.provide(Layer.fresh(Sqlite.layer({ filename }))),
      Layer.provide(model)
    )
  )

/** CPU time of what it takes to go on with an execution whose owner is gone, in milliseconds. */
const resumed = (flow: ReturnType<typeof flowOf>, filename: string, id: string) =>
  Effect.gen(function*() {
    const before = process.cpuUsage()
    yield* live(flow, Effect.andThen(review.resume(id, undefined), flow.result(id)), filename)
    const { system, user } = process.cpuUsage(before)
    return (system + user) / 1000
  })

const isLinear = (few: number, many: number) =>
  assert.closeTo(many / sizes[1] / (few / sizes[0]), 1, 0.05, "bytes a turn at 1,000 turns, over those at 100")

describe("P22: a conversation of 1,000 turns", () => {
  it.live("in an execution's own memory: the journal grows linearly in the turns", () => {
    const flow = flowOf(WorkingMemory.make())
    return live(
      flow,
      Effect.gen(function*() {
        const [few, many] = yield* Effect.forEach(sizes, (turns) => bytesOf(flow, turns))
        isLinear(few!.bytes, many!.bytes)
      })
    )
  }, 60_000)

  it.live("kept by its key, whole: so does the journal of the execution that has it", () => {
    const flow = flowOf(WorkingMemory.make())
    return live(
      flow,
      Effect.gen(function*() {
        const [few, many] = yield* Effect.forEach(sizes, (turns) => bytesOf(flow, turns, `chat ${turns}`))
        isLinear(few!.bytes, many!.bytes)
        const store = yield* Conversations.Conversations
        assert.strictEqual((yield* store.history("chat 1000")).messages.length, 2000)
      })
    )
  }, 60_000)

  it.live("is gone on with at the same cost a turn as one of 100", () => {
    const flow = flowOf(WorkingMemory.make())
    return Effect.gen(function*() {
      const ratios: Array<number> = []
      for (const round of [1, 2, 3]) {
        const each: Array<number> = []
        for (const turns of sizes) {
          const filename = join(folder, `${turns} ${round}.db`)
          const { id } = yield* live(flow, bytesOf(flow, turns), filename)
          each.push((yield* resumed(flow, filename, id)) / turns)
        }
        ratios.push(each[1]! / each[0]!)
      }
      // what opening a database costs is in both
      assert.isBelow(Math.min(...ratios), 1.2)
    })
  }, 60_000)

  it.live("an execution a turn: each journals as much as the first", () => {
    const assistant = Agent.toWorkflow(Agent.make("assistant", { instructions: "You help." }), { conversations: true })
    return Effect.gen(function*() {
      const { journal } = yield* Engine.Engine
      const bytes: Array<number> = []
      for (let turn = 0; turn < 1000; turn++) {
        yield* assistant.execute({ instruction: "Go on, as before.", conversation: "chat" })
        if (turn % 111 !== 0) continue
        const [entry] = yield* journal.list({ limit: 1 })
        bytes.push(JSON.stringify(yield* journal.load(entry!.id)).length)
      }
      for (const size of bytes) assert.closeTo(size / bytes[0]!, 1, 0.02)
    }).pipe(Effect.provide(
      assistant.layer.pipe(
        Layer.provideMerge(Layer.merge(Engine.layerJournal, Conversations.layerSql)),
        Layer.provide(Layer.fresh(Sqlite.layer({ filename: ":memory:" }))),
        Layer.provide(model)
      )
    ))
  }, 60_000)
})
