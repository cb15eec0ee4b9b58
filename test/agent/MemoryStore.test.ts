import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { MemoryStore } from "fluxion"
import { MemoryStoreSuite } from "fluxion/testing"
import * as Databases from "../support/Databases.ts"

const databases = Databases.make("memory")

const stores: { readonly [name: string]: () => Layer.Layer<MemoryStore.MemoryStore, unknown> } = {
  "in memory": () => MemoryStore.layerMemory,
  "on SQLite": () => Layer.provide(MemoryStore.layerSql, databases["on SQLite"]()),
  "on PostgreSQL": () => Layer.provide(MemoryStore.layerSql, databases["on PostgreSQL"]())
}

for (const [name, layer] of Object.entries(stores)) {
  describe(`a store of facts ${name}`, () => {
    it.layer(Layer.suspend(() => Layer.orDie(Layer.fresh(layer()))))((it) => {
      for (const { check, title } of MemoryStoreSuite.cases) it.effect(title, () => check)
    })
  })
}

for (const [name, database] of Object.entries(databases)) {
  describe(`facts ${name}`, () => {
    const place = { owner: "ada", scope: "s" }
    const fact = { key: "k", value: "v", writtenBy: "test", expiresAt: null }
    const memory = Layer.fresh(MemoryStore.layerSql)

    it.effect("are there after the store was opened again", () =>
      Effect.gen(function*() {
        const write = MemoryStore.MemoryStore.use((store) => store.memorize(place, fact))
        yield* Effect.provide(write, memory)
        const read = MemoryStore.MemoryStore.use((store) => store.recall(place, "k"))
        assert.strictEqual((yield* Effect.provide(read, memory))?.value, "v")
      }).pipe(Effect.provide(database())))

    it.effect("in a database that a newer version has brought further are left alone", () =>
      Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        yield* Effect.provide(Effect.void, memory)
        yield* sql`insert into fluxion_memory_migrations (migration_id, name) values (7, 'later')`
        const error = yield* Effect.flip(Effect.provide(Effect.void, memory))
        assert.strictEqual(
          error.message,
          "the long-term memory in this database is of version 7, this program knows 1: "
            + "a newer version of fluxion was here; update fluxion"
        )
      }).pipe(Effect.provide(database())))

    it.effect("that have expired are removed by the next one that is to expire", () =>
      Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        const store = yield* MemoryStore.MemoryStore
        for (let n = 0; n < 5; n++) yield* store.memorize(place, { ...fact, key: `k${n}`, expiresAt: -1 })
        yield* store.memorize(place, fact)
        yield* store.memorize(place, { ...fact, key: "later", expiresAt: 1_000 })
        assert.strictEqual((yield* sql`select key from fluxion_memory`).length, 2)
      }).pipe(Effect.provide(memory), Effect.provide(database())))
  })
}

describe("the words of a fact", () => {
  it("are those of its key and of all that is in its value, without case and accents", () => {
    assert.deepStrictEqual(
      MemoryStore.wordsOf({ key: "User_Name-2", value: { "full name": ["Zoë Äpfel", 12.5, null, { ok: true }] } }),
      ["user", "name", "2", "full", "zoe", "apfel", "12", "5", "null", "ok", "true"]
    )
  })
  it("are characters in scripts without spaces", () => {
    assert.deepStrictEqual(MemoryStore.wordsOf({ key: "x", value: "東京abc に" }), ["x", "東", "京", "abc", "に"])
  })
  it("are looked for as beginnings when they are long enough to say something", () => {
    assert.deepStrictEqual(MemoryStore.termsOf("Is TOKYO ok?").map(({ prefix, word }) => [word, prefix]), [
      ["is", false],
      ["tokyo", true],
      ["ok", false]
    ])
  })
})
