import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Scope } from "effect"
import { Prompt } from "effect/ai"
import { SqlClient } from "effect/sql"
import { TestClock } from "effect/testing"
import { Conversations } from "fluxion"
import { ConversationsSuite } from "fluxion/testing"
import * as Databases from "../support/Databases.ts"

const databases = Databases.make("conversations")

const stores: { readonly [name: string]: () => Layer.Layer<Conversations.Conversations, unknown> } = {
  "in memory": () => Conversations.layerMemory,
  "on SQLite": () => Layer.provide(Conversations.layerSql, databases["on SQLite"]()),
  "on PostgreSQL": () => Layer.provide(Conversations.layerSql, databases["on PostgreSQL"]())
}

for (const [name, layer] of Object.entries(stores)) {
  describe(`a store of conversations ${name}`, () => {
    it.layer(Layer.suspend(() => Layer.orDie(Layer.fresh(layer()))))((it) => {
      for (const { check, title } of ConversationsSuite.cases) it.effect(title, () => check)
    })
  })
}

const hello = { messages: [Prompt.userMessage({ content: [Prompt.textPart({ text: "Hello." })] })], by: "test" }

for (const [name, database] of Object.entries(databases)) {
  describe(`conversations ${name}`, () => {
    const fresh = Layer.fresh(Conversations.layerSql)

    it.effect("are there after the store was opened again", () =>
      Effect.gen(function*() {
        yield* Effect.provide(Conversations.Conversations.use((store) => store.append("a", hello)), fresh)
        const { messages } = yield* Effect.provide(
          Conversations.Conversations.use((store) => store.history("a")),
          fresh
        )
        assert.strictEqual(messages.length, 1)
      }).pipe(Effect.provide(database())))

    it.effect("in a database that a newer version has brought further are left alone", () =>
      Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        yield* Effect.provide(Effect.void, fresh)
        yield* sql`insert into fluxion_conversations_migrations (migration_id, name) values (7, 'later')`
        const error = yield* Effect.flip(Effect.provide(Effect.void, fresh))
        assert.include(error.message, "the conversations in this database is of version 7")
      }).pipe(Effect.provide(database())))

    it.effect("are had by one process at a time, and by nobody after its holder is gone", () =>
      Effect.gen(function*() {
        // two stores on one database are as two processes
        const opened = Effect.map(Layer.build(fresh), (context) => Effect.provide(Conversations.Conversations, context))
        const [one, two] = [yield* yield* opened, yield* yield* opened]
        const first = yield* Scope.make()
        yield* Scope.provide(one.hold("a", "wait"), first)
        const busy = yield* Effect.flip(Effect.scoped(two.hold("a", "fail")))
        assert.strictEqual(busy.reason._tag, "ConversationBusy")
        // it is renewed while its holder lives
        const sql = yield* SqlClient.SqlClient
        const until = Effect.map(
          Effect.andThen(
            Effect.promise(() => new Promise((resolve) => setImmediate(resolve))),
            sql<{ held_until: unknown }>`select held_until from fluxion_conversations where conversation = 'a'`
          ),
          ([row]) => Number(row?.held_until)
        )
        for (let n = 0; n < 6; n++) {
          const before = yield* until
          yield* TestClock.adjust("10 seconds")
          yield* Effect.repeat(until, { until: (now) => now > before })
        }
        assert.isTrue(Exit.isFailure(yield* Effect.exit(Effect.scoped(two.hold("a", "fail")))))
        yield* Scope.close(first, Exit.void)
        yield* Effect.scoped(two.hold("a", "fail"))
        // a holder that died: nobody renews
        yield* sql`update fluxion_conversations set holder = 'dead', held_until = ${
          (yield* Effect.clockWith((clock) => clock.currentTimeMillis)) + 30_000
        } where conversation = 'a'`
        assert.isTrue(Exit.isFailure(yield* Effect.exit(Effect.scoped(two.hold("a", "fail")))))
        const waiting = yield* Effect.forkChild(Effect.scoped(two.hold("a", "wait")), { startImmediately: true })
        yield* TestClock.adjust("31 seconds")
        // it looks again and again
        while (waiting.pollUnsafe() === undefined) yield* Effect.andThen(until, TestClock.adjust("100 millis"))
        yield* Fiber.join(waiting)
      }).pipe(Effect.scoped, Effect.provide(database())))
  })
}
