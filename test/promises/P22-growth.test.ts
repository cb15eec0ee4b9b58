/**
 * P22: a long conversation's journal grows with its turns alone, and so does what a resume of it has to do.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { Agent, AgentError, Engine, Execution, Pause, Task, Workflow } from "fluxion"
import * as Processes from "../support/Processes.ts"
import * as Scripted from "../support/Scripted.ts"

const file = Processes.files()

/** An agent that calls a tool in each of its turns, and waits for somebody at the end. */
const make = () => {
  const counts = { model: 0, tool: 0 }
  const restart = Pause.make("restart", { input: Schema.Boolean })
  const look = Task.make("look", {
    payload: { page: Schema.Finite },
    success: Schema.String,
    run: ({ page }) => {
      counts.tool++
      return `page ${String(page).padStart(6, "0")}`
    }
  })
  const reader = Agent.make("reader", { instructions: "Read all pages.", tools: [look], maxToolCalls: 10_000 })
  const flow = Workflow.make("flow", {
    payload: { turns: Schema.Finite },
    success: Schema.Struct({ turns: Schema.Finite, messages: Schema.Finite }),
    error: AgentError.AgentError,
    run: ({ turns }) =>
      Effect.gen(function*() {
        const result = yield* reader.result(`Read ${turns} pages.`)
        yield* restart(undefined)
        return { turns: result.turns, messages: result.messages.length }
      })
  })
  const model = Scripted.layer(({ prompt }) => {
    counts.model++
    const turns = Number(/Read (\d+) pages/.exec(JSON.stringify(prompt.content.slice(0, 3)))![1])
    const answered = prompt.content.filter(({ role }) => role === "tool").length
    return Scripted.parts(
      answered < turns ? Scripted.calls([["look", { page: 100_000 + answered }]]) : Scripted.say(["All read."])
    )
  })
  return { counts, layer: Layer.provide(flow.layer, model), flow, restart }
}

/** Runs so many turns in one process, and goes on in another: what is in the journal, and what the second one did. */
const measure = (turns: number) =>
  Effect.gen(function*() {
    const { counts, flow, layer, restart } = make()
    const filename = file()
    const first = yield* Processes.on(
      filename,
      layer,
      Effect.gen(function*() {
        yield* flow.start({ turns }, { id: "a" })
        yield* Execution.settled("a")
        const { journal } = yield* Engine.Engine
        const events = yield* journal.load("a")
        // the agent's own result holds its messages once; here is what its turns cost
        const inside = events.filter(({ event }) => "key" in event && event.key.split("/").length > 2)
        return {
          events: inside.length,
          bytes: inside.reduce((sum, { event }) => sum + Buffer.byteLength(JSON.stringify(event)), 0),
          whole: events.reduce((sum, { event }) => sum + Buffer.byteLength(JSON.stringify(event)), 0),
          largest: Math.max(...inside.map(({ event }) => JSON.stringify(event).length))
        }
      })
    )
    const before = { ...counts }
    const { added, result } = yield* Processes.on(
      filename,
      layer,
      Effect.gen(function*() {
        const { journal } = yield* Engine.Engine
        const known = (yield* journal.load("a")).length
        yield* restart.resume("a", true)
        const result = yield* flow.result("a")
        return { result, added: (yield* journal.load("a")).length - known }
      })
    )
    assert.strictEqual(result.turns, turns + 1)
    assert.deepStrictEqual(counts, before, "a resume asks no model, and runs no tool")
    return { ...first, added }
  })

describe("P22: the journal of a long run", () => {
  it.live(
    "grows linearly from 100 turns to 1,000, no event grows with the run, and a resume writes the same few events",
    () =>
      Effect.gen(function*() {
        const short = yield* measure(100)
        const long = yield* measure(1_000)
        const perTurn = (of: typeof short, turns: number) => of.bytes / (turns + 1)
        assert.strictEqual((long.events - 2) / 1_000, (short.events - 2) / 100)
        assert.closeTo(perTurn(long, 1_000) / perTurn(short, 100), 1, 0.05)
        assert.isBelow(long.whole / short.whole, 10.5)
        assert.isAtMost(long.largest, short.largest + 20)
        assert.strictEqual(long.added, short.added)
        assert.isAtMost(long.added, 4)
      }),
    60_000
  )
})
