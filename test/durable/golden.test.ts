/**
 * Events as earlier versions wrote them: every later one has to read them. Lines are added here, and never changed.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { Journal } from "fluxion"
import { Sqlite } from "fluxion/sqlite"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { JournalEvent } from "../../src/core/JournalEvent.ts"

const lines = readFileSync(join(import.meta.dirname, "golden", "events-1.jsonl"), "utf8").trimEnd().split("\n")

describe("the events of version 1", () => {
  it("hold one of each kind", () => {
    const kinds = JournalEvent.members.map((member) => member.fields._tag.ast.literal)
    const seen = new Set(lines.map((line) => JSON.parse(line)._tag))
    assert.deepStrictEqual(kinds.filter((kind) => !seen.has(kind)), [])
  })

  it("are read, and written as they were", () => {
    const json = Schema.toCodecJson(JournalEvent)
    for (const line of lines) {
      const event = Schema.decodeUnknownSync(json)(JSON.parse(line))
      assert.deepStrictEqual(Schema.encodeSync(json)(event), JSON.parse(line))
    }
  })

  it.effect("are read out of a database", () =>
    Effect.gen(function*() {
      const journal = yield* Journal.Journal
      const sql = yield* SqlClient.SqlClient
      for (const [sequence, event] of lines.entries()) {
        yield* sql`insert into fluxion_journal ${sql.insert({ execution: "a", sequence, at: sequence, event })}`
      }
      const recorded = yield* journal.load("a")
      assert.deepStrictEqual(recorded.map(({ event }) => event), lines.map((line) => JSON.parse(line)))
    }).pipe(Effect.provide(Layer.provideMerge(Journal.layerSql, Sqlite.layer({ filename: ":memory:" })))))
})
