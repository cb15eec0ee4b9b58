import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Layer, Schema, Scope, Stream } from "effect"
import type { Prompt } from "effect/ai"
import { TestClock } from "effect/testing"
import { Agent, Task } from "fluxion"
import { TestModel } from "fluxion/testing"
import { only } from "../support/Events.ts"
import { assertLegal, texts } from "../support/Messages.ts"

/**
 * A run of two turns that hangs at its `n`th point, of those between any two parts of a response and in every tool.
 * `said` is what the model has said by then.
 */
const hangingAt = (n: number) => {
  const reached = Deferred.makeUnsafe<void>()
  const said: Array<string> = []
  let cleaned = 0
  let opened = 0
  let point = 0
  const tick = Effect.suspend(() => {
    if (++point !== n) return Effect.yieldNow
    Deferred.doneUnsafe(reached, Exit.void)
    return Effect.never
  })
  const work = Effect.acquireUseRelease(
    Effect.sync(() => opened++),
    () => Effect.as(Effect.andThen(tick, tick), "done"),
    () => Effect.sync(() => cleaned++)
  )
  const fields = { payload: {}, success: Schema.String, run: () => work }
  const tools = [Task.make("read", { ...fields, risk: "read" }), Task.make("write", { ...fields, risk: "write" })]
  const text = (text: string): Array<TestModel.StreamItem> => [Effect.sync(() => said.push(text)), text]
  const ticking = (...items: ReadonlyArray<TestModel.StreamItem | Array<TestModel.StreamItem>>) => [
    tick,
    ...items.flatMap((item) => [item, tick].flat())
  ]
  const call = (id: string, name: string) => ({ type: "tool-call", id, name, params: {} }) as const
  const reasoning = (id: string) =>
    ticking({ type: "reasoning-start", id }, { type: "reasoning-delta", id, delta: "hm" }, {
      type: "reasoning-end",
      id
    })
  const layer = TestModel.layer([
    TestModel.stream([
      ...reasoning("r1"),
      ...ticking(text("Let me "), text("see.")),
      ...ticking(
        { type: "tool-params-start", id: "c1", name: "read" },
        { type: "tool-params-delta", id: "c1", delta: "{}" },
        { type: "tool-params-end", id: "c1" },
        call("c1", "read"),
        { ...call("v1", "web_search"), providerExecuted: true },
        { type: "tool-result", id: "v1", name: "web_search", result: [], isFailure: false, providerExecuted: true },
        call("c2", "write"),
        call("c3", "read"),
        call("c4", "read")
      )
    ], { finish: "tool-calls" }),
    TestModel.stream([...reasoning("r2"), ...ticking(text("It is "), text("so."))])
  ])
  const agent = Agent.make("a", { instructions: "i", tools, timeout: "1 minute" })
  return { agent, layer, reached, said, leaked: () => opened - cleaned }
}

const check = (messages: ReadonlyArray<Prompt.Message>, said: ReadonlyArray<string>) => {
  assertLegal(messages)
  assert.deepStrictEqual(messages[0]!.role, "user")
  assert.strictEqual(texts(messages.slice(1)).join(""), said.join(""), "the partial answer is kept")
}

describe("a run that is ended at any point", () => {
  for (const how of ["its timeout", "an interrupt"] as const) {
    it.effect(`by ${how} leaves a history that is legal for every provider, and cleans up`, () =>
      Effect.gen(function*() {
        let points = 0
        for (let n = 1;; n++) {
          const { agent, layer, leaked, reached, said } = hangingAt(n)
          const scope = yield* Scope.make()
          const services = yield* Layer.buildWithScope(layer, scope)
          const watch = yield* agent.watch("go").pipe(Effect.provide(services), Scope.provide(scope))
          const ended = yield* Effect.raceFirst(
            Effect.as(Deferred.await(reached), false),
            Effect.as(Effect.exit(watch.result), true)
          )
          if (ended) {
            points = n - 1
            yield* Scope.close(scope, Exit.void)
            break
          }
          if (how === "its timeout") yield* TestClock.adjust("1 minute")
          yield* Scope.close(scope, Exit.interrupt()) // the script is not used up, and that is no failure
          const events = (yield* Stream.runCollect(watch.events())).map(({ event }) => event)
          const [failed] = only(events, "RunFailed")
          assert.deepInclude(events.at(-1), {
            _tag: "RunFailed",
            end: how === "its timeout" ? "timed-out" : "interrupted"
          })
          check(failed!.messages, said)
          assert.strictEqual(leaked(), 0, `point ${n}`)
        }
        assert.strictEqual(points, 32)
      }))
  }
})
