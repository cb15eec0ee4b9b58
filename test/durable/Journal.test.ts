/**
 * What every journal does, in memory and on a database.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted, type Schema } from "effect"
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
const entry: NonNullable<Journal.Also["create"]> = {
  workflow: "flow",
  version: "1",
  state: "running",
  owner: "me",
  epoch: 1,
  parent: null,
  wakeAt: null,
  waits: [],
  problem: null
}
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
          assert.isTrue(yield* journal.hasMessage("a", "cancel"))
          assert.isFalse(yield* journal.hasMessage("b", "cancel"))
        })
      )
    )

    it.effect(
      "lists executions, the newest first, page by page, by workflow and by state",
      with_((journal) =>
        Effect.gen(function*() {
          for (const [index, id] of ["a", "b", "c", "d"].entries()) {
            yield* TestClock.setTime(1_000 * index)
            yield* journal.append(id, 0, [completed("/x:1")], {
              create: { ...entry, workflow: index === 0 ? "first" : "other", state: index < 2 ? "paused" : "failed" }
            })
          }
          const ids = (query: Partial<Journal.Query>) =>
            Effect.map(journal.list({ limit: 10, ...query }), (entries) => entries.map(({ id }) => id).join(""))
          assert.strictEqual(yield* ids({}), "dcba")
          assert.strictEqual(yield* ids({ limit: 2 }), "dc")
          assert.strictEqual(yield* ids({ limit: 2, after: { createdAt: 2_000, id: "c" } }), "ba")
          assert.strictEqual(yield* ids({ after: { createdAt: 2_000, id: "d" } }), "cba")
          assert.strictEqual(yield* ids({ workflow: "other" }), "dcb")
          assert.strictEqual(yield* ids({ states: ["paused"], workflow: "other" }), "b")
          assert.strictEqual(yield* ids({ from: 1_000, before: 3_000 }), "cb")
          assert.deepStrictEqual(yield* journal.entry("b"), {
            ...entry,
            id: "b",
            workflow: "other",
            state: "paused",
            createdAt: 1_000,
            updatedAt: 1_000
          })
          assert.isUndefined(yield* journal.entry("none"))
        })
      )
    )

    it.effect(
      "changes an entry with the events that say why, or not at all",
      with_((journal) =>
        Effect.gen(function*() {
          yield* journal.append("a", 0, [completed("/x:1")], { create: entry })
          assert.strictEqual(
            (yield* Effect.flip(journal.append("a", 0, [completed("/x:1")], { create: entry })))._tag,
            "Fenced"
          )
          assert.strictEqual(
            (yield* Effect.flip(journal.append("a", 0, [completed("/y:1")], { set: { state: "failed" } })))._tag,
            "Fenced"
          )
          assert.strictEqual((yield* journal.entry("a"))!.state, "running")
          yield* journal.append("a", 1, [completed("/y:1")], { set: { waits: [{ key: "k" }], wakeAt: 7 } })
          const after = (yield* journal.entry("a"))!
          assert.deepStrictEqual([after.waits, after.wakeAt, after.owner], [[{ key: "k" }], 7, "me"])
        })
      )
    )

    it.effect(
      "gives an execution up only when no message waits for it, and queues it when one comes later",
      with_((journal) =>
        Effect.gen(function*() {
          yield* journal.append("a", 0, [completed("/x:1")], { create: entry })
          yield* journal.post("a", { name: "k", data: 1 })
          assert.deepStrictEqual(yield* journal.inbox("me"), [{ execution: "a", message: { name: "k", data: 1 } }])
          assert.deepStrictEqual(yield* journal.inbox("other"), [])
          assert.isFalse(yield* journal.release("a", "me", { state: "paused", take: [] }))
          assert.strictEqual((yield* journal.entry("a"))!.owner, "me")
          yield* journal.append("a", 1, [completed("k")], { take: ["k"] })
          assert.deepStrictEqual(yield* journal.inbox("me"), [])
          assert.isFalse(yield* journal.release("a", "other", { state: "paused", take: [] }))
          assert.isTrue(yield* journal.release("a", "me", { state: "paused", take: [] }))
          assert.strictEqual((yield* journal.entry("a"))!.owner, null)
          assert.isFalse(
            yield* journal.post("a", { name: "k", data: 2 }),
            "a message that was dealt with is still first"
          )
          assert.strictEqual((yield* journal.entry("a"))!.state, "paused")
          assert.isTrue(yield* journal.post("a", { name: "l", data: 2 }))
          assert.strictEqual((yield* journal.entry("a"))!.state, "queued")
          yield* journal.refuse("a", "l")
          assert.isFalse(yield* journal.hasMessage("a", "l"))
          yield* journal.append("a", 2, [completed("again")], { refuse: ["k", "none"] })
          assert.isTrue(yield* journal.post("a", { name: "k", data: 3 }), "it was taken back with what was appended")
        })
      )
    )

    it.effect(
      "knows what may be claimed, and when the next has to be woken",
      with_((journal) =>
        Effect.gen(function*() {
          const rows: ReadonlyArray<readonly [string, Journal.Change]> = [
            ["queued", { state: "queued", owner: null }],
            ["mine", { state: "running", owner: "me" }],
            ["theirs", { state: "running", owner: "dead" }],
            ["due", { state: "sleeping", owner: null, wakeAt: 5 }],
            ["early", { state: "paused", owner: null, wakeAt: 6 }],
            ["done", { state: "completed", owner: null }]
          ]
          for (const [id, change] of rows) {
            yield* journal.append(id, 0, [completed("/x:1")], { create: { ...entry, ...change } })
          }
          yield* journal.append("unknown", 0, [completed("/x:1")], {
            create: { ...entry, version: "2", state: "queued", owner: null }
          })
          const ids = (claimable: Partial<Journal.Claimable>) =>
            Effect.map(
              journal.claimable({ definitions: ["flow@1"], owners: [], now: 5, limit: 10, ...claimable }),
              (entries) => entries.map(({ id }) => id).sort()
            )
          assert.deepStrictEqual(yield* ids({}), ["due", "queued"])
          assert.deepStrictEqual(yield* ids({ now: 4 }), ["queued"])
          assert.deepStrictEqual(yield* ids({ owners: ["dead", "gone"], now: 4 }), ["queued", "theirs"])
          assert.deepStrictEqual(yield* ids({ definitions: ["flow@2"] }), ["unknown"])
          assert.deepStrictEqual(yield* ids({ definitions: [] }), [])
          const first = yield* journal.claimable({ definitions: ["flow@1"], owners: [], now: 5, limit: 1 })
          const rest = yield* ids({ after: first[0] })
          assert.deepStrictEqual([...first.map(({ id }) => id), ...rest].sort(), ["due", "queued"])
          assert.deepStrictEqual(rest.length, 1)
          assert.strictEqual(yield* journal.nextWake, 5)
          assert.deepStrictEqual([...yield* journal.owners].sort(), ["dead", "me"])
          yield* journal.disown("dead")
          assert.strictEqual((yield* journal.entry("theirs"))!.state, "queued")
        })
      )
    )

    it.effect(
      "tells another execution in the same commit",
      with_((journal) =>
        Effect.gen(function*() {
          yield* journal.append("parent", 0, [completed("/x:1")], {
            create: { ...entry, state: "waiting", owner: null }
          })
          const also = { post: { execution: "parent", message: { name: "/child:1", data: "done" } } }
          yield* journal.append("child", 0, [completed("/x:1")], also)
          yield* Effect.flip(journal.append("child", 0, [completed("/x:1")], {
            post: { execution: "parent", message: { name: "/child:2", data: "never" } }
          }))
          assert.isTrue(yield* journal.hasMessage("parent", "/child:1"))
          assert.isFalse(yield* journal.hasMessage("parent", "/child:2"))
          yield* journal.append("other", 0, [completed("/x:1")], {
            create: { ...entry, state: "waiting", owner: null }
          })
          yield* journal.post("child", { name: "asked/other", data: null })
          yield* journal.append("child", 1, [completed("/x:2")], {
            take: ["asked/other"],
            tell: { prefix: "asked/", message: { name: "child/child", data: 1 } }
          })
          assert.isTrue(yield* journal.hasMessage("other", "child/child"))
          assert.strictEqual((yield* journal.entry("other"))!.state, "queued")
          assert.strictEqual((yield* journal.entry("parent"))!.state, "queued")
        })
      )
    )

    it.effect(
      "removes what has ended, and nothing else",
      with_((journal) =>
        Effect.gen(function*() {
          yield* journal.append("a", 0, [completed("/x:1")], { create: entry })
          yield* journal.post("a", { name: "k", data: 1 })
          assert.isFalse(yield* journal.remove("a"))
          yield* journal.append("a", 1, [completed("/y:1")], { set: { state: "completed", owner: null } })
          assert.isTrue(yield* journal.remove("a"))
          assert.isFalse(yield* journal.remove("a"))
          assert.deepStrictEqual(yield* journal.load("a"), [])
          assert.isFalse(yield* journal.hasMessage("a", "k"))
        })
      )
    )

    it.effect(
      "leaves no hole: what an execution appends behind an append that fails, fails too",
      with_((journal) =>
        Effect.gen(function*() {
          yield* journal.append("a", 0, [completed("/taken:1")])
          const exits = yield* Effect.all([
            Effect.exit(journal.append("b", 0, [completed("/b:1")])),
            Effect.exit(journal.append("a", 0, [completed("/late:1")])),
            Effect.exit(journal.append("a", 2, [completed("/late:2")])),
            Effect.exit(journal.append("b", 1, [completed("/b:2")]))
          ], { concurrency: "unbounded" })
          assert.deepStrictEqual(exits.map(({ _tag }) => _tag), ["Success", "Failure", "Failure", "Success"])
          assert.deepStrictEqual(keys(yield* journal.load("a")), ["/taken:1"])
          assert.deepStrictEqual(keys(yield* journal.load("b")), ["/b:1", "/b:2"])
          // a start of what is there already takes nothing of its owner's along
          const own = yield* Effect.all([
            Effect.exit(journal.append("b", 0, [completed("/late:1")], { create: entry })),
            Effect.exit(journal.append("b", 2, [completed("/b:3")]))
          ], { concurrency: "unbounded" })
          assert.deepStrictEqual(own.map(({ _tag }) => _tag), ["Failure", "Success"])
        })
      )
    )
  })
}

for (const [name, database] of Object.entries({ SQLite: sqlite, PostgreSQL: postgres })) {
  describe(`big values on ${name}`, () => {
    const content = (seed: string) =>
      Array.from({ length: 400 }, (_, index) => ({ index, text: `${seed} ${index} "ü"` }))
    const started = (payload: Schema.Json): JournalEvent => ({
      _tag: "ExecutionStarted",
      workflow: "flow",
      version: "1",
      payload,
      seed: "s"
    })
    const ended = (value: Schema.Json): JournalEvent => ({
      _tag: "ExecutionCompleted",
      exit: { _tag: "Success", value }
    })
    const failed: JournalEvent = {
      _tag: "StepCompleted",
      key: "/failed:1",
      exit: { _tag: "Failure", cause: [{ _tag: "Die", defect: "x".repeat(5_000) }] }
    }
    const on = <A, E>(effect: Effect.Effect<A, E, Journal.Journal | SqlClient.SqlClient>) =>
      Effect.provide(effect, Layer.provideMerge(Journal.layerSqlWith({ maxInline: 1_000 }), database()))
    const count = (sql: SqlClient.SqlClient) =>
      Effect.map(sql<{ id: string }>`select id from fluxion_values`, (rows) => rows.length)

    it.effect("are stored once, whoever has them, and gone with the last one who does", () =>
      on(Effect.gen(function*() {
        const journal = yield* Journal.Journal
        const sql = yield* SqlClient.SqlClient
        const events = [
          started(content("a")),
          completed("/a:1", content("a")),
          completed("/b:1"),
          failed,
          ended(content("a"))
        ]
        const child = [started(content("a")), completed("/c:1", content("b")), ended("small")]
        const state = "completed" as const
        yield* journal.append("a", 0, events, { create: entry, set: { state } })
        yield* Effect.all(
          child.map((event, sequence) =>
            journal.append("b", sequence, [event], sequence === 0 ? { create: { ...entry, state } } : undefined)
          ),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual((yield* journal.load("a")).map(({ event }) => event), events)
        assert.deepStrictEqual((yield* journal.load("b")).map(({ event }) => event), child)
        assert.deepStrictEqual((yield* journal.last("a"))?.event, events.at(-1))
        assert.strictEqual(yield* count(sql), 3)
        const sizes = yield* sql<{ size: number }>`select max(length(event)) as size from fluxion_journal`
        assert.isBelow(Number(sizes[0]!.size), 1_000)
        yield* journal.remove("a")
        assert.strictEqual(yield* count(sql), 2)
        assert.deepStrictEqual((yield* journal.load("b")).map(({ event }) => event), child)
        yield* journal.remove("b")
        assert.strictEqual(yield* count(sql), 0)
      })))

    it.effect("are not taken for others whose id is the same", () =>
      on(Effect.gen(function*() {
        const journal = yield* Journal.Journal
        const sql = yield* SqlClient.SqlClient
        yield* journal.append("a", 0, [completed("/a:1", content("a"))])
        yield* sql`update fluxion_values set content = ${JSON.stringify("another")}`
        yield* journal.append("b", 0, [completed("/a:1", content("a"))])
        assert.deepStrictEqual((yield* journal.load("b"))[0]?.event, completed("/a:1", content("a")))
        assert.deepStrictEqual((yield* journal.load("a"))[0]?.event, completed("/a:1", "another"))
      })))

    it.effect("that are cut short are said to be unreadable, with their event", () =>
      on(Effect.gen(function*() {
        const journal = yield* Journal.Journal
        const sql = yield* SqlClient.SqlClient
        yield* journal.append("a", 0, [completed("/a:1"), completed("/b:1", content("a"))])
        yield* sql`update fluxion_values set content = substr(content, 1, 500)`
        const error = yield* Effect.flip(journal.load("a"))
        assert.deepInclude(error, { _tag: "JournalUnreadable", execution: "a", sequence: 1 })
      })))
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
