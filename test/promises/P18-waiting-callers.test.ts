/**
 * P18: a caller that waits for something that pauses is told at once what waits, and how to answer it.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Latch, Layer, Schema } from "effect"
import { Engine, Execution, Pause, Task, Workflow } from "fluxion"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

describe("P18 a caller that waits on something that pauses is told what waits, its payload and how to go on", () => {
  it.live(
    "a pause in a sub-workflow is told to who waits for its parent, also while siblings run, and is answered",
    () => {
      const ran: Array<string> = []
      let finish = (): void => {}
      const open = new Promise<void>((resolve) => (finish = resolve))
      const review = Pause.make("review", {
        output: Schema.Struct({ draft: Schema.String }),
        input: Schema.Struct({ approved: Schema.Boolean })
      })
      const slow = Task.make("slow", {
        payload: {},
        success: Schema.String,
        run: async () => {
          await open
          ran.push("slow")
          return "slow"
        }
      })
      const inner = Workflow.make("inner", {
        payload: {},
        success: Schema.Boolean,
        run: () => Effect.map(review({ draft: "bees" }), ({ approved }) => approved)
      })
      const outer = Workflow.make("outer", {
        payload: {},
        success: Schema.Tuple([Schema.Boolean, Schema.String]),
        error: Workflow.ExecutionCancelled,
        run: () => Effect.all([inner({}), Effect.orDie(slow({}))], { concurrency: "unbounded" })
      })
      return Effect.gen(function*() {
        const id = yield* outer.start({})
        const first = yield* Effect.repeat(Execution.settled(id, { at: "first" }), {
          while: ({ pending }) => pending.length === 0
        })
        assert.deepStrictEqual(ran, [])
        assert.strictEqual(first.info.state, "running")
        const [{ execution, key, name, waits }] = first.pending as [Execution.Pending]
        assert.strictEqual(name, "review")
        assert.notStrictEqual(execution, id)
        assert.deepInclude(waits, { _tag: "Answer", output: { draft: "bees" } })
        finish()
        // nothing else of it runs: the same is told, and nothing waits for the caller
        const all = yield* Execution.settled(id)
        assert.deepStrictEqual(ran, ["slow"])
        assert.strictEqual(all.info.state, "waiting")
        assert.deepStrictEqual(all.pending, first.pending)
        yield* review.resume(execution, { approved: true }, { key })
        assert.deepStrictEqual(yield* outer.result(id), [true, "slow"])
      }).pipe(Effect.provide(
        Layer.mergeAll(outer.layer, inner.layer).pipe(Layer.provideMerge(Layer.fresh(Engine.layerMemory)))
      ))
    },
    10_000
  )

  it.live(
    "a caller by HTTP is answered when the sub-workflow pauses, however late, and one who answers by HTTP has it go on",
    () => {
      const begun = Latch.makeUnsafe()
      const open = Latch.makeUnsafe()
      const slow = Task.make("slow", {
        payload: {},
        success: Schema.Void,
        run: () => Effect.andThen(begun.open, open.await)
      })
      const review = Pause.make("review", { output: Schema.String, input: Schema.Struct({ approved: Schema.Boolean }) })
      const inner = Workflow.make("inner", {
        payload: {},
        success: Schema.Boolean,
        run: () => Effect.andThen(slow({}), Effect.map(review("bees"), ({ approved }) => approved))
      })
      const outer = Workflow.make("outer", {
        payload: {},
        success: Schema.Boolean,
        run: () => Effect.orDie(inner({}))
      })
      return Effect.gen(function*() {
        const run = Effect.runPromiseWith(yield* Effect.context<Engine.Engine>())
        const server = yield* Effect.acquireRelease(
          Effect.promise(async () => {
            const server = createServer(async (request, response) => {
              const [, id = "", key] = new URL(request.url!, "http://localhost").pathname.split("/").map(
                decodeURIComponent
              )
              if (key !== undefined) await run(review.resume(id, { approved: true }, { key }))
              else if (request.method === "POST") await run(outer.start({}, { id }))
              const { info, pending } = await run(Execution.settled(key === undefined ? id : "order-1"))
              response.end(JSON.stringify({ state: info.state, pending }))
            })
            await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
            return server
          }),
          (server) => Effect.promise(() => new Promise((resolve) => server.close(resolve)))
        )
        const { port } = server.address() as AddressInfo
        const post = async (...path: ReadonlyArray<string>) => {
          const url = `http://127.0.0.1:${port}/${path.map(encodeURIComponent).join("/")}`
          const answer = await fetch(url, { method: "POST", headers: { connection: "close" } })
          return await answer.json() as { readonly state: string; readonly pending: ReadonlyArray<Execution.Pending> }
        }
        const called = post("order-1")
        yield* begun.await
        // its parent has been given up, and no event of it will come
        yield* Effect.repeat(Execution.get("order-1"), { until: ({ state }) => state === "waiting" })
        yield* open.open
        const { pending: [wait], state } = yield* Effect.promise(() => called)
        assert.strictEqual(state, "waiting")
        assert.deepInclude(wait?.waits, { _tag: "Answer", output: "bees" })
        const { state: end } = yield* Effect.promise(() => post(wait!.execution, wait!.key))
        assert.strictEqual(end, "completed")
        assert.isTrue(yield* outer.result("order-1"))
      }).pipe(Effect.provide(
        Layer.mergeAll(outer.layer, inner.layer).pipe(Layer.provideMerge(Layer.fresh(Engine.layerMemory)))
      ))
    },
    10_000
  )

  it.todo("a delegate that needs approval")
})
