/**
 * Where executions, conversations and facts are kept: a file, a PostgreSQL server, or memory.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type { MigrationError } from "effect/sql/Migrator"
import type { SqlError } from "effect/sql/SqlError"
import * as Conversations from "../../agent/Conversations.ts"
import * as MemoryStore from "../../agent/MemoryStore.ts"
import * as Engine from "../../durable/Engine.ts"

/** What opening a database can fail with. */
export type DatabaseError = SqlError | MigrationError

const isUrl = (database: string) => /^postgres(ql)?:\/\//.test(database)

/** What is kept, and where: an engine, conversations, facts. */
export type Kept = Engine.Engine | Conversations.Conversations | MemoryStore.MemoryStore

/** An engine and the stores of memory on a file's path, a `postgres://` address, or in memory. Drivers are loaded when it is built. */
export const layer = (
  database: string | undefined
): Layer.Layer<Kept, DatabaseError> => {
  if (database === undefined) {
    return Layer.mergeAll(Engine.layerMemory, Conversations.layerMemory, MemoryStore.layerMemory)
  }
  const storage = isUrl(database)
    ? Effect.map(
      Effect.promise(() => import("../../storage/postgres/Postgres.ts")),
      (Postgres) => Postgres.layer({ url: Redacted.make(database) })
    )
    : Effect.map(
      Effect.promise(() => import("../../storage/sqlite/Sqlite.ts")),
      (Sqlite) => Sqlite.layer({ filename: database })
    )
  return Layer.provide(
    Layer.mergeAll(Engine.layerJournal, Conversations.layerSql, MemoryStore.layerSql),
    Layer.unwrap(storage)
  )
}
