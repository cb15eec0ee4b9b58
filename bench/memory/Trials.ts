/**
 * What is measured of long-term memory, each in a process of its own: `node Trials.ts <database> <json>` prints microseconds.
 *
 * Wall clock, since a database waits for its disk or its socket. The floor of a search is the same question asked without
 * an index: `like` over all values.
 */
import { Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { MemoryStore } from "fluxion"
import { Postgres } from "fluxion/postgres"
import { Sqlite } from "fluxion/sqlite"
import * as PostgresServer from "../../test/support/PostgresServer.ts"

/** Microseconds at one number of facts. */
export interface Times {
  readonly recall: number
  /** A word that about a hundred facts have. */
  readonly search: number
  /** The same, read without an index. */
  readonly scan: number
  /** A word that every fact has. */
  readonly common: number
}

const place = { owner: "ada", scope: "bench" }

const fill = (store: MemoryStore.MemoryStore["Service"], from: number, to: number) =>
  Effect.forEach(
    Array.from({ length: to - from }, (_, index) => from + index),
    (n) =>
      store.memorize(place, {
        key: `fact ${n}`,
        value: `The ${n}th thing that somebody said about topic${n % 1000}x, in a sentence of the usual length.`,
        writtenBy: "bench",
        expiresAt: null
      }),
    { concurrency: 8, discard: true }
  )

const timed = <A, E, R>(rounds: number, effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    yield* effect
    const times: Array<number> = []
    for (let round = 0; round < rounds; round++) {
      const start = performance.now()
      yield* effect
      times.push((performance.now() - start) * 1000)
    }
    return times.sort((a, b) => a - b)[rounds >> 1]!
  })

const trial = (sizes: ReadonlyArray<number>, rounds: number) =>
  Effect.gen(function*() {
    const store = yield* MemoryStore.MemoryStore
    const sql = yield* SqlClient.SqlClient
    const search = (text: string) =>
      store.search(place, { terms: MemoryStore.termsOf(text), limit: 10, reserved: false })
    const measured: Array<Times> = []
    let there = 0
    for (const size of sizes) {
      yield* fill(store, there, size)
      there = size
      measured.push({
        recall: yield* timed(rounds * 10, store.recall(place, `fact ${size >> 1}`)),
        search: yield* timed(rounds, search("topic77x")),
        scan: yield* timed(rounds, sql`select * from fluxion_memory where value like ${"%topic77x%"} limit 1000`),
        common: yield* timed(rounds, search("sentence"))
      })
    }
    return measured
  })

const [name, settings] = process.argv.slice(2)
const { filename, rounds, sizes } = JSON.parse(settings!)
const server = name === "postgres" ? await PostgresServer.start() : undefined
const database = server === undefined
  ? Sqlite.layer({ filename })
  : Postgres.layer({ url: Redacted.make(await server.database("bench")) })
const measured = await Effect.runPromise(
  Effect.orDie(Effect.provide(trial(sizes, rounds), Layer.provideMerge(MemoryStore.layerSql, database)))
)
await server?.stop()
process.stdout.write(`${JSON.stringify(measured)}\n`)
