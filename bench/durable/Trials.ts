/**
 * What is measured of durable executions, each in a process of its own: `node Trials.ts <name> <json>` prints numbers.
 *
 * Wall clock, since a commit waits for the disk; the floor is a bare one-row commit of the same bytes on the same disk.
 */
import { Effect, Layer, Option, Redacted, Schema } from "effect"
import * as ClusterWorkflowEngine from "effect/cluster/ClusterWorkflowEngine"
import * as SingleRunner from "effect/cluster/SingleRunner"
import * as Digest from "effect/crypto/Digest"
import { Activity, Workflow as EffectWorkflow, type WorkflowEngine } from "effect/workflow"
import { Engine, Execution, Pause, Task, Workflow } from "fluxion"
import { Postgres } from "fluxion/postgres"
import { Sqlite } from "fluxion/sqlite"
import { fork } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { setTimeout as sleep } from "node:timers/promises"
import * as PostgresServer from "../../test/support/PostgresServer.ts"
import * as Peers from "../measure/Peers.ts"
import * as Waiting from "./Waiting.ts"

/** How a commit is made. */
export interface Setting {
  readonly filename: string
  readonly synchronous: "normal" | "full"
}

/** What a step gives: 500 bytes. */
const value = { text: "x".repeat(500) }

const work = Task.make("work", {
  payload: { item: Schema.Finite },
  success: Schema.Struct({ text: Schema.String }),
  run: () => value
})

const steps = (count: number) =>
  Effect.forEach(Array.from({ length: count }), (_, item) => work({ item }), { discard: true })

const flow = Workflow.make("flow", {
  payload: { steps: Schema.Finite },
  success: Schema.Void,
  run: ({ steps: count }) => steps(count)
})

/** Pauses, so that the next run has to replay what was before. */
const go = Pause.make("go", { input: Schema.Void })
const paused = Workflow.make("paused", {
  payload: { steps: Schema.Finite },
  success: Schema.Finite,
  run: ({ steps: count }) => Effect.as(Effect.andThen(steps(count), go(undefined)), count)
})

const engine = ({ filename, synchronous }: Setting) =>
  Layer.mergeAll(flow.layer, paused.layer).pipe(
    Layer.provideMerge(Engine.layerJournal),
    Layer.provide(Sqlite.layer({ filename, synchronous }))
  )

const on = <A, E>(setting: Setting, effect: Effect.Effect<A, E, Engine.Engine>): Promise<A> =>
  Effect.runPromise(Effect.orDie(Effect.provide(effect, engine(setting))))

/** Microseconds that each of `count` parts took. */
const each = async (count: number, body: () => Promise<unknown> | unknown) => {
  const start = performance.now()
  await body()
  return (performance.now() - start) / count * 1000
}

const timed = <A, E, R>(count: number, effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const start = performance.now()
    return Effect.map(effect, () => (performance.now() - start) / count * 1000)
  })

const bare = ({ filename, synchronous }: Setting) => {
  const database = new DatabaseSync(`${filename}.bare`)
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous}`)
  database.exec(
    "create table if not exists journal (execution text, sequence integer, at integer, event text, "
      + "primary key (execution, sequence)) without rowid"
  )
  const insert = database.prepare("insert into journal values (?, ?, ?, ?)")
  const event = JSON.stringify({ _tag: "StepCompleted", key: "/work:abcdefghijk", exit: { _tag: "Success", value } })
  let sequence = Number(database.prepare("select count(*) as count from journal").get()!["count"])
  return () => insert.run("bare", sequence++, Date.now(), event)
}

/** A step of one execution, and a bare commit: pairs of microseconds, one for each round. */
const step = async ({ rounds, ...setting }: Setting & { readonly rounds: number }) => {
  const commit = bare(setting)
  return on(
    setting,
    Effect.gen(function*() {
      yield* flow.execute({ steps: 300 })
      const pairs: Array<readonly [number, number]> = []
      for (let round = 0; round < rounds; round++) {
        const floor = yield* Effect.promise(() =>
          each(500, () => {
            for (let index = 0; index < 500; index++) commit()
          })
        )
        pairs.push([yield* timed(500, flow.execute({ steps: 500 })), floor])
      }
      return pairs
    })
  )
}

/** A step of one execution, and a step of a thousand at once: pairs of microseconds. */
const many = ({ rounds, ...setting }: Setting & { readonly rounds: number }) =>
  on(
    setting,
    Effect.gen(function*() {
      yield* flow.execute({ steps: 300 })
      const pairs: Array<readonly [number, number]> = []
      for (let round = 0; round < rounds; round++) {
        const alone = yield* timed(500, flow.execute({ steps: 500 }))
        const all = Array.from({ length: 1_000 }, () => flow.execute({ steps: 10 }))
        pairs.push([alone, yield* timed(10_000, Effect.all(all, { concurrency: "unbounded", discard: true }))])
      }
      return pairs
    })
  )

/** Bytes of the journal a step, over those of its result, at 10 and at 5,000 steps. */
const bytes = (setting: Setting) =>
  on(
    setting,
    Effect.gen(function*() {
      const { journal } = yield* Engine.Engine
      const sizes: Array<number> = []
      for (const count of [10, 5_000]) {
        const id = yield* flow.start({ steps: count })
        yield* flow.result(id)
        const events = yield* journal.load(id)
        const size = events.reduce((sum, { event }) => sum + JSON.stringify(event).length, 0)
        sizes.push(size / count - JSON.stringify(value).length)
      }
      return sizes
    })
  )

/**
 * Microseconds that a replayed step takes, loading and decoding included, at 100 and at 5,000 steps, over a resume behind
 * no steps; and what that takes. The code is warm.
 */
const replay = ({ rounds, ...setting }: Setting & { readonly rounds: number }) =>
  on(
    setting,
    Effect.gen(function*() {
      const resume = Effect.fnUntraced(function*(count: number) {
        const id = yield* paused.start({ steps: count })
        yield* Execution.settled(id)
        return yield* timed(1, Effect.andThen(go.resume(id, undefined), paused.result(id)))
      })
      const medianOf = (count: number, rounds: number) =>
        Effect.map(
          Effect.forEach(Array.from({ length: rounds }), () => resume(count)),
          (times) => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]!
        )
      yield* medianOf(100, 20)
      const alone = yield* medianOf(0, rounds * 4)
      const few = yield* medianOf(100, rounds * 4)
      const all = yield* medianOf(5_000, rounds)
      return [(few - alone) / 100, (all - alone) / 5_000, alone]
    })
  )

/** CPU, as a part of one core, and bytes over an empty engine, while so many executions are paused. */
const idle = ({ count, seconds, ...setting }: Setting & { readonly count: number; readonly seconds: number }) =>
  on(
    setting,
    Effect.gen(function*() {
      const rest = Effect.promise(async () => {
        globalThis.gc?.()
        await sleep(500)
        const before = process.cpuUsage()
        await sleep(seconds * 1000)
        const { system, user } = process.cpuUsage(before)
        globalThis.gc?.()
        return [(system + user) / (seconds * 1e6), process.memoryUsage().heapUsed] as const
      })
      const [, empty] = yield* rest
      for (let started = 0; started < count; started += 500) {
        yield* Effect.forEach(
          Array.from({ length: 500 }),
          () => Effect.flatMap(paused.start({ steps: 1 }), (id) => Execution.settled(id)),
          { concurrency: "unbounded", discard: true }
        )
      }
      const [cpu, full] = yield* rest
      return [cpu, full - empty]
    })
  )

const Peer = EffectWorkflow.make("Peer", {
  payload: { steps: Schema.Finite, round: Schema.Finite },
  success: Schema.Void,
  idempotencyKey: ({ round }) => String(round)
})

/** A step of one execution here, and an Activity of the same bytes on `ClusterWorkflowEngine`: pairs of microseconds. */
const cluster = ({ rounds, ...setting }: Setting & { readonly rounds: number }) => {
  const result = Schema.Struct({ text: Schema.String })
  const peer = Peer.toLayer(({ steps: count }) =>
    Effect.forEach(
      Array.from({ length: count }),
      (_, item) => Activity.make({ name: `work ${item}`, success: result, execute: Effect.succeed(value) }),
      { discard: true }
    )
  ).pipe(
    Layer.provideMerge(ClusterWorkflowEngine.layer),
    Layer.provideMerge(SingleRunner.layer({ runnerStorage: "memory" })),
    Layer.provide(Sqlite.layer({ ...setting, filename: `${setting.filename}.cluster` })),
    Layer.provide(Digest.layerWebCrypto)
  )
  const count = 50
  return on(
    setting,
    Effect.gen(function*() {
      yield* flow.execute({ steps: 300 })
      const pairs: Array<readonly [number, number]> = []
      yield* Effect.gen(function*() {
        yield* Peer.execute({ steps: 5, round: -1 })
        for (let round = 0; round < rounds; round++) {
          const ours = yield* timed(count, flow.execute({ steps: count }))
          pairs.push([ours, yield* timed(count, Peer.execute({ steps: count, round }))])
        }
      }).pipe(Effect.provide(Layer.orDie(peer as Layer.Layer<WorkflowEngine.WorkflowEngine, unknown>)))
      return pairs
    })
  )
}

/** What is called of DBOS. */
interface Dbos {
  readonly DBOS: {
    readonly setConfig: (config: { readonly [name: string]: unknown }) => void
    readonly registerWorkflow: <Args extends ReadonlyArray<unknown>, A>(
      run: (...args: Args) => Promise<A>,
      options: { readonly name: string }
    ) => (...args: Args) => Promise<A>
    readonly runStep: <A>(run: () => Promise<A>, options: { readonly name: string }) => Promise<A>
    readonly launch: () => Promise<void>
    readonly shutdown: () => Promise<void>
  }
}

/** A step here and one of DBOS, each on a database of its own of one PostgreSQL server: pairs of microseconds. */
const dbos = async ({ rounds }: { readonly rounds: number }) => {
  const server = await PostgresServer.start()
  try {
    const { DBOS } = await Peers.load<Dbos>("@dbos-inc/dbos-sdk")
    DBOS.setConfig({
      name: "bench",
      systemDatabaseUrl: await server.database("dbos"),
      runAdminServer: false,
      logLevel: "error"
    })
    const peer = DBOS.registerWorkflow(async (count: number) => {
      for (let item = 0; item < count; item++) await DBOS.runStep(() => Promise.resolve(value), { name: "work" })
    }, { name: "flow" })
    await DBOS.launch()
    const database = Postgres.layer({ url: Redacted.make(await server.database("fluxion")) })
    const layer = flow.layer.pipe(Layer.provideMerge(Engine.layerJournal), Layer.provide(database))
    const count = 200
    const pairs = await Effect.runPromise(Effect.orDie(Effect.provide(
      Effect.gen(function*() {
        yield* flow.execute({ steps: count })
        yield* Effect.promise(() => peer(count))
        const pairs: Array<readonly [number, number]> = []
        for (let round = 0; round < rounds; round++) {
          const ours = yield* timed(count, flow.execute({ steps: count }))
          pairs.push([ours, yield* timed(count, Effect.promise(() => peer(count)))])
        }
        return pairs
      }),
      layer
    )))
    await DBOS.shutdown()
    return pairs
  } finally {
    await server.stop()
  }
}

/** Starts a process that runs the waiting workflow. */
const runner = (filename: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const child = fork(join(import.meta.dirname, "Runner.ts"), [filename], {
        execArgv: ["--conditions=fluxion-source", "--disable-warning=ExperimentalWarning"]
      })
      await once(child, "message")
      return child
    }),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )

/** Milliseconds from a decision here until the result of the execution, which another process runs, is known here. */
const decide = ({ rounds, ...setting }: Setting & { readonly rounds: number }) =>
  on(
    setting,
    Effect.scoped(Effect.gen(function*() {
      yield* runner(setting.filename)
      const times: Array<number> = []
      for (let round = 0; round < rounds; round++) {
        const id = yield* Waiting.flow.start({})
        yield* Execution.settled(id)
        const start = performance.now()
        yield* Waiting.go.resume(id, 0)
        yield* Waiting.flow.result(id)
        times.push(performance.now() - start)
      }
      return times
    }))
  )

/** Milliseconds from the kill of a process until another one has each of the executions that were at work in it. */
const takeOver = ({ count, rounds, ...setting }: Setting & { readonly rounds: number; readonly count: number }) => {
  const database = Sqlite.layer({ filename: setting.filename })
  const here = Waiting.flow.layer.pipe(Layer.provideMerge(Layer.fresh(Engine.layerJournal)), Layer.provide(database))
  return on(
    setting,
    Effect.gen(function*() {
      const times: Array<number> = []
      for (let round = 0; round < rounds; round++) {
        yield* Effect.scoped(Effect.gen(function*() {
          const child = yield* runner(setting.filename)
          const ids = yield* Effect.forEach(Array.from({ length: count }), () => Waiting.flow.start({}))
          yield* Effect.forEach(ids, (id) => Execution.settled(id), { concurrency: "unbounded" })
          yield* Effect.forEach(ids, (id) => Waiting.go.resume(id, 60_000), { concurrency: "unbounded" })
          const { journal, watch } = yield* Engine.Engine
          const claimed = (id: string, times: number) =>
            watch(
              id,
              "event",
              Effect.map(journal.load(id), (events) =>
                events.filter(({ event }) =>
                    event._tag === "Claimed"
                  ).length >= times
                  ? Option.some(undefined)
                  : Option.none())
            )
          yield* Effect.forEach(ids, (id) => claimed(id, 2), { concurrency: "unbounded" })
          yield* Effect.sleep(500)
          yield* Effect.gen(function*() {
            // there and idle when the other one dies
            yield* Effect.sleep(300)
            const start = performance.now()
            child.kill("SIGKILL")
            yield* Effect.forEach(
              ids,
              (id) => Effect.map(claimed(id, 3), () => times.push(performance.now() - start)),
              {
                concurrency: "unbounded"
              }
            )
            yield* Effect.forEach(ids, (id) => Execution.cancel(id, { hard: true }), { discard: true })
          }).pipe(Effect.provide(Layer.orDie(here)))
        }))
      }
      return times
    })
  )
}

const trials: { readonly [name: string]: (settings: any) => Promise<unknown> } = {
  step,
  many,
  bytes,
  replay,
  idle,
  cluster,
  dbos,
  decide,
  takeOver
}

const [name, settings] = process.argv.slice(2)
const numbers = await trials[name!]!(JSON.parse(settings!))
process.stdout.write(`${JSON.stringify(numbers)}\n`)
process.exit()
