/**
 * P17: each attempt at an agent has its own calls, over pauses and deaths; a pause inside an attempt is no failure of it.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schedule, Schema, Stream } from "effect"
import { AiError } from "effect/ai"
import { Agent, AgentError, Engine, Execution, Pause, Task, Workflow } from "fluxion"
import * as Processes from "../support/Processes.ts"
import * as Scripted from "../support/Scripted.ts"

const file = Processes.files()

const down = AiError.make({
  module: "test",
  method: "streamText",
  reason: new AiError.InternalProviderError({ description: "down" })
})

/** An agent whose first attempt fails after its first tool call, and a workflow of it. */
const make = (retry: Schedule.Schedule<unknown>) => {
  const ran: Array<string> = []
  const approve = Pause.make("approve", { input: Schema.Boolean })
  const look = Task.make("look", {
    payload: {},
    success: Schema.String,
    run: () => {
      ran.push("look")
      return `seen ${ran.length}`
    }
  })
  const send = Task.make("send", {
    payload: {},
    success: Schema.String,
    run: () =>
      Effect.map(approve(undefined), (isApproved) => {
        ran.push(`send ${isApproved}`)
        return "sent"
      })
  })
  const assistant = Agent.make("assistant", {
    instructions: "Help.",
    tools: [look, send],
    modelRetry: { times: 0 },
    retry: { times: 3, schedule: retry }
  })
  const flow = Workflow.make("flow", {
    payload: {},
    success: Schema.Array(Schema.Unknown),
    error: AgentError.AgentError,
    run: () =>
      Effect.map(assistant.result("Go."), ({ messages }) =>
        messages.flatMap((message) =>
          message.role === "tool"
            ? message.content.flatMap((part) => part.type === "tool-result" ? [part.result] : [])
            : []
        ))
  })
  const answers = [
    // attempt 1
    () => Scripted.parts(Scripted.calls([["look", {}]])),
    () => Stream.fail(down),
    // attempt 2
    () => Scripted.parts(Scripted.calls([["look", {}]])),
    () => Scripted.parts(Scripted.calls([["send", {}]])),
    () => Scripted.parts(Scripted.say(["Done."]))
  ]
  // not the model's Layer, which each process has for itself: what was asked by all of them
  const asked = { count: 0 }
  const model = Scripted.layer(() => answers[asked.count++]!())
  return { approve, asked, flow, layer: Layer.provide(flow.layer, model), ran }
}

const attempt1 = ["model@1", "look@1", "model@1", "failed 1"]
const attempt2 = ["model@2", "look@2", "model@2", "send@2"]

/** The steps with the attempt that they belong to: `look@2`. */
const steps = (id: string) =>
  Effect.map(
    Effect.flatMap(Engine.Engine, ({ journal }) => journal.load(id)),
    (events) =>
      events.flatMap(({ event }) => {
        if (event._tag === "AttemptFailed") return [`failed ${event.attempt}`]
        if (event._tag !== "StepStarted") return []
        const at = /^\/assistant[^/@]*(@\d+)?\/([^:]+):/.exec(event.key)
        return at === null ? [] : [`${at[2]}${at[1] ?? "@1"}`]
      })
  )

describe("P17: what an attempt does is its own, also after a pause, a restart, or both", () => {
  it.live("attempt 2 calls its model and its tools anew, and pauses without failing; another process goes on in it", () =>
    Effect.gen(function*() {
      const { approve, asked, flow, layer, ran } = make(Schedule.spaced("1 millis"))
      const filename = file()
      yield* Processes.on(
        filename,
        layer,
        Effect.gen(function*() {
          yield* flow.start({}, { id: "a" })
          const { info, pending } = yield* Execution.settled("a")
          assert.strictEqual(info.state, "paused")
          assert.deepStrictEqual(pending.map(({ name }) => name), ["approve"])
          assert.deepStrictEqual(yield* steps("a"), [...attempt1, ...attempt2])
        })
      )
      yield* Processes.on(
        filename,
        layer,
        Effect.gen(function*() {
          yield* approve.resume("a", true)
          // the answer is that of attempt 2: the call of attempt 1 is not in it
          assert.deepStrictEqual(yield* flow.result("a"), ["seen 2", "sent"])
          assert.deepStrictEqual(yield* steps("a"), [...attempt1, ...attempt2, "model@2"])
        })
      )
      assert.deepStrictEqual(ran, ["look", "look", "send true"])
      assert.strictEqual(asked.count, 5)
    }))

  it.live("a process that ends between two attempts leaves the next one to another process", () =>
    Effect.gen(function*() {
      const { approve, asked, flow, layer, ran } = make(Schedule.spaced("300 millis"))
      const filename = file()
      yield* Processes.on(
        filename,
        layer,
        Effect.gen(function*() {
          yield* flow.start({}, { id: "a" })
          const failed = Execution.events("a").pipe(Stream.takeUntil(({ event }) => event._tag === "AttemptFailed"))
          yield* Stream.runDrain(failed)
        })
      )
      assert.deepStrictEqual(ran, ["look"])
      yield* Processes.on(
        filename,
        layer,
        Effect.gen(function*() {
          yield* Execution.settled("a")
          yield* approve.resume("a", false)
          assert.deepStrictEqual(yield* flow.result("a"), ["seen 2", "sent"])
          assert.deepStrictEqual(yield* steps("a"), [...attempt1, ...attempt2, "model@2"])
        })
      )
      assert.deepStrictEqual(ran, ["look", "look", "send false"])
      assert.strictEqual(asked.count, 5)
    }))

  it.live("a parent of such an execution waits for it over both, and makes nothing again", () =>
    Effect.gen(function*() {
      const { asked, layer, ran, ...made } = make(Schedule.spaced("1 millis"))
      const outer = Workflow.make("outer", {
        payload: {},
        success: Schema.Array(Schema.Unknown),
        error: Schema.Unknown,
        run: () => made.flow({})
      })
      const filename = file()
      const both = Layer.merge(layer, outer.layer)
      yield* Processes.on(
        filename,
        both,
        Effect.andThen(outer.start({}, { id: "a" }), Execution.settled("a", { at: "first" }))
      )
      const result = yield* Processes.on(
        filename,
        both,
        Effect.gen(function*() {
          const [open] = yield* Execution.pending("a")
          yield* made.approve.resume(open!.execution, true)
          return yield* outer.result("a")
        })
      )
      assert.deepStrictEqual(result, ["seen 2", "sent"])
      assert.deepStrictEqual(ran, ["look", "look", "send true"])
      assert.strictEqual(asked.count, 5)
    }))
})
