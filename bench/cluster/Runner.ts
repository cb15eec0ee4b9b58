/**
 * A runner of the cluster's trials, a process: `Runner.ts <kind> <url>`. It runs executions when it is told to, says what it
 * cost, and tells when a slow step begins.
 */
import { Effect, Layer, Redacted, Schema } from "effect"
import { ClusterWorkflowEngine, SingleRunner } from "effect/cluster"
import { Digest } from "effect/crypto"
import { Workflow as EffectWorkflow } from "effect/workflow"
import { Engine, Task, Workflow } from "fluxion"
import { Cluster } from "fluxion/cluster"
import { Postgres } from "fluxion/postgres"

/** On what: our engine on one machine, our cluster, or Effect's cluster engine. */
export type Kind = "journal" | "cluster" | "effect"

/** What a runner is asked. */
export type Asked =
  | { readonly _tag: "Run"; readonly name: string; readonly executions: number; readonly steps: number }
  | { readonly _tag: "Slow"; readonly id: string; readonly millis: number }
  | { readonly _tag: "Cpu" }

/** What it answers: milliseconds of the run, microseconds of CPU; or when a slow step begins. */
export type Told =
  | { readonly _tag: "Ready" | "Started" }
  | { readonly _tag: "Took"; readonly value: number }
  | { readonly _tag: "Begin"; readonly id: string; readonly at: number }

const [kind, url] = process.argv.slice(2) as [Kind, string]
const tell = (told: Told) => void process.send!(told)

/** What a step gives: 500 bytes. */
const value = { text: "x".repeat(500) }
const work = Task.make("work", {
  payload: { item: Schema.Finite },
  success: Schema.Struct({ text: Schema.String }),
  run: () => value
})
const steps = (count: number) =>
  Effect.forEach(Array.from({ length: count }), (_, item) => work({ item }), { discard: true })
const slow = Task.make("slow", {
  payload: { id: Schema.String, millis: Schema.Finite },
  success: Schema.Void,
  run: ({ id, millis }) =>
    Effect.andThen(Effect.sync(() => tell({ _tag: "Begin", id, at: Date.now() })), Effect.sleep(millis))
})

const flow = Workflow.make("flow", {
  payload: { steps: Schema.Finite },
  success: Schema.Void,
  run: ({ steps: count }) => steps(count)
})
const waits = Workflow.make("waits", {
  payload: { id: Schema.String, millis: Schema.Finite },
  success: Schema.Void,
  run: (payload) => slow(payload)
})
const effectFlow = EffectWorkflow.make("flow", {
  payload: { id: Schema.String, steps: Schema.Finite },
  idempotencyKey: ({ id }) => id
})

const database = Postgres.layer({ url: Redacted.make(url) })
const flows = Layer.mergeAll(flow.layer, waits.layer)
const ours = {
  journal: Layer.provide(Layer.provideMerge(flows, Engine.layerJournal), database),
  cluster: Layer.provideMerge(flows, Cluster.layer({ database }))
}
const effects = effectFlow.toLayer(({ steps: count }) => steps(count)).pipe(
  Layer.provideMerge(ClusterWorkflowEngine.layer),
  Layer.provide(SingleRunner.layer({ runnerStorage: "sql" })),
  Layer.provide([database, Digest.layerWebCrypto])
)

const serve = <R>(
  start: (id: string, count: number) => Effect.Effect<unknown, unknown, R>,
  startSlow: (id: string, millis: number) => Effect.Effect<unknown, unknown, R>
) =>
  Effect.gen(function*() {
    const services = yield* Effect.context<R>()
    const answer = Effect.fnUntraced(function*(asked: Asked) {
      switch (asked._tag) {
        case "Cpu": {
          const { system, user } = process.cpuUsage()
          return tell({ _tag: "Took", value: system + user })
        }
        case "Slow": {
          yield* startSlow(asked.id, asked.millis)
          return tell({ _tag: "Started" })
        }
        case "Run": {
          const from = performance.now()
          yield* Effect.forEach(
            Array.from({ length: asked.executions }),
            (_, index) => start(`${asked.name}-${index}`, asked.steps),
            { concurrency: "unbounded", discard: true }
          )
          return tell({ _tag: "Took", value: performance.now() - from })
        }
      }
    })
    process.on("message", (asked: Asked) => void Effect.runForkWith(services)(Effect.orDie(answer(asked))))
    tell({ _tag: "Ready" })
    return yield* Effect.never
  })

if (kind === "effect") {
  const program = serve((id, steps) => effectFlow.execute({ id, steps }), () => Effect.void)
  Effect.runFork(Effect.orDie(Effect.provide(program, effects)))
} else {
  const program = serve(
    (id, steps) => flow.execute({ steps }, { id }),
    (id, millis) => waits.start({ id, millis }, { id })
  )
  Effect.runFork(Effect.orDie(Effect.provide(program, ours[kind])))
}
