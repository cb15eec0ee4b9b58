/**
 * What every journal does, in memory and on a database.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { TestClock } from "effect/testing"
import { Postgres } from "fluxion/postgres"
import { Sqlite } from "fluxion/sqlite"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll } from "vitest"
import type { JournalEvent } from "../../src/core/JournalEvent.ts"
import * as Journal from "../../src/durable/Journal.ts"
import * as PostgresServer from "../support/PostgresServer.ts"

const folder = mkdtempSync(join(tmpdir(), "fluxion-journal-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let files = 0
const sqlite = () => Sqlite.layer({ filename: join(folder, `${files++}.db`) })

let server: Awaited<ReturnType<typeof PostgresServer.start>>
beforeAll(async () => {
  server = await PostgresServer.start()
}, 60_000)
afterAll(() => server.stop())
const postgres = () =>
  Layer.unwrap(Effect.map(
    Effect.promise(() => server.database(`journal_${files++}`)),
    (url) => Postgres.layer({ url: Redacted.make(url) })
  ))

const completed = (key: string, value: unknown = key): JournalEvent => ({
  _tag: "StepCompleted",
  key,
  exit: { _tag: "Success", value: value as string }
})
const keys = (events: ReadonlyArray<{ readonly event: JournalEvent }>) =>
  events.map(({ event }) => "key" in event ? event.key : event._tag)

const layers: { readonly [name: string]: Layer.Layer<Journal.Journal> } = {
  "in memory": Journal.layerMemory,
  "on SQLite": Layer.suspend(() => Layer.orDie(Layer.provide(Journal.layerSql, sqlite()))),
  "on PostgreSQL": Layer.suspend(() => Layer.orDie(Layer.provide(Journal.layerSql, postgres())))
}

for (const [name, layer] of Object.entries(layers)) {
  const with_ = (body: (journal: Journal.Journal["Service"]) => Effect.Effect<void, unknown>) => () =>
    Effect.provide(Effect.flatMap(Journal.Journal, body), Layer.fresh(layer))

  describe(`a journal ${name}`, () => {
    it.effect(
      "gives back what was appended, in order, with its time",
      with_((journal) =>
        Effect.gen(function*() {
          yield* TestClock.setTime(1_000)
          yield* journal.append("a", 0, [completed("/x:1"), { _tag: "StepDiscarded", key: "/y:1" }])
          yield* TestClock.setTime(2_000)
          yield* journal.append("a", 2, [completed("/z:1", { rows: [1, null, "é\u0000\u2028"] })])
          yield* journal.append("b", 0, [completed("/other:1")])
          assert.deepStrictEqual(yield* journal.load("a"), [
            { sequence: 0, at: 1_000, event: completed("/x:1") },
            { sequence: 1, at: 1_000, event: { _tag: "StepDiscarded", key: "/y:1" } },
            { sequence: 2, at: 2_000, event: completed("/z:1", { rows: [1, null, "é\u0000\u2028"] }) }
          ])
          assert.deepStrictEqual(keys(yield* journal.load("a", 2)), ["/z:1"])
          assert.deepStrictEqual(yield* journal.load("none"), [])
        })
      )
    )

    it.effect(
      "takes one writer: who writes where something is already, is fenced and writes nothing",
      with_((journal) =>
        Effect.gen(function*() {
          yield* journal.append("a", 0, [completed("/x:1")])
          yield* journal.append("a", 1, [{ _tag: "Claimed", owner: "second", epoch: 2 }])
          const error = yield* Effect.flip(journal.append("a", 1, [completed("/late:1"), completed("/late:2")]))
          assert.strictEqual(error._tag, "Fenced")
          assert.include(error.message, "execution a")
          assert.deepStrictEqual(keys(yield* journal.load("a")), ["/x:1", "Claimed"])
        })
      )
    )

    it.effect(
      "commits what many append at once, and lets the fenced one alone fail",
      with_((journal) =>
        Effect.gen(function*() {
          yield* journal.append("17", 0, [completed("/taken:1")])
          const exits = yield* Effect.forEach(
            Array.from({ length: 1_500 }, (_, index) => String(index)),
            (execution) => Effect.exit(journal.append(execution, 0, [completed("/x:1")])),
            { concurrency: "unbounded" }
          )
          assert.deepStrictEqual(exits.flatMap((exit, index) => exit._tag === "Failure" ? [index] : []), [17])
          for (const execution of ["0", "16", "18", "1499"]) {
            assert.deepStrictEqual(keys(yield* journal.load(execution)), ["/x:1"])
          }
          assert.deepStrictEqual(keys(yield* journal.load("17")), ["/taken:1"])
        })
      )
    )

    it.effect(
      "keeps the first message of a name, and all in the order in which they came",
      with_((journal) =>
        Effect.gen(function*() {
          assert.isTrue(yield* journal.post("a", { name: "review", data: { approved: true } }))
          assert.isFalse(yield* journal.post("a", { name: "review", data: { approved: false } }))
          assert.isTrue(yield* journal.post("a", { name: "cancel", data: null }))
          assert.isTrue(yield* journal.post("b", { name: "review", data: 1 }))
          assert.deepStrictEqual(yield* journal.inbox("a"), [
            { name: "review", data: { approved: true } },
            { name: "cancel", data: null }
          ])
        })
      )
    )
  })
}

describe("a journal on SQLite", () => {
  it.effect("says which event it cannot read", () =>
    Effect.gen(function*() {
      const journal = yield* Journal.Journal
      const sql = yield* SqlClient.SqlClient
      yield* journal.append("a", 0, [completed("/x:1"), completed("/y:1")])
      for (const event of [`{"_tag":"StepCom`, `{"_tag":"FromTheFuture"}`]) {
        yield* sql`update fluxion_journal set event = ${event} where sequence = 1`
        const error = yield* Effect.flip(journal.load("a"))
        assert.strictEqual(error._tag, "JournalUnreadable")
        assert.include(error.message, "event 1 in the journal of execution a")
      }
    }).pipe(Effect.provide(Layer.provideMerge(Journal.layerSql, sqlite()))))

  it.effect("makes its tables once, also when two start at the same time", () =>
    Effect.gen(function*() {
      const layer = sqlite()
      const journal = Effect.provide(Journal.Journal, Layer.fresh(Layer.provide(Journal.layerSql, layer)))
      yield* Effect.all([journal, journal, journal], { concurrency: "unbounded" })
    }))
})
