/**
 * How the tables of each part come to be: migrations that go forward only and run by themselves, numbered by part.
 *
 * Each part has a table of its own that says how far it is, so that parts can be used apart. Of two processes that start
 * at once one waits for the other; a database that a newer version has brought further is left alone.
 */
import * as Effect from "effect/Effect"
import * as Migrator from "effect/sql/Migrator"
import * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"

/** The tables of one part, by `0001_name`. */
export interface Part {
  /** What people call it. */
  readonly name: string
  /** The table that says how far it is. */
  readonly table: string
  readonly migrations: { readonly [name: string]: Effect.Effect<void, SqlError, SqlClient.SqlClient> }
}

/** The words in which SQLite and PostgreSQL differ. */
export const dialect = Effect.map(SqlClient.SqlClient, (sql) => {
  const isPostgres = sql.onDialectOrElse({ pg: () => true, orElse: () => false })
  return {
    sql,
    isPostgres,
    big: sql.literal(isPostgres ? "bigint" : "integer"),
    /** An integer that the database counts up. */
    counted: sql.literal(isPostgres ? "bigint generated always as identity" : "integer")
  }
})

/** Brings a part's tables up to date. */
export const run = Effect.fnUntraced(function*({ migrations, name, table }: Part) {
  const sql = yield* SqlClient.SqlClient
  yield* Migrator.make({})({ loader: Migrator.fromRecord(migrations as Record<string, any>), table })
  const known = Math.max(...Object.keys(migrations).map((key) => parseInt(key, 10)))
  const [row] = yield* sql<{ last: number }>`select max(migration_id) as last from ${sql(table)}`.withoutTransform
  if (row !== undefined && Number(row.last) > known) {
    return yield* new Migrator.MigrationError({
      kind: "BadState",
      message: `the ${name} in this database is of version ${row.last}, this program knows ${known}: `
        + `a newer version of fluxion was here; update fluxion`
    })
  }
})
