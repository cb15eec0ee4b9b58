/**
 * A `SqlClient` on PostgreSQL, by `@effect/sql-pg`, which is loaded when the Layer is built.
 *
 * `PgClient.layer` of that package does as well: `layerOwners` goes with it.
 */
import type { PgClient, PgPoolConfig } from "@effect/sql-pg/PgClient"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SqlClient } from "effect/sql/SqlClient"
import { ConnectionError, SqlError } from "effect/sql/SqlError"
import { Owners } from "../../durable/Owners.ts"

/** Where the server is (`url`, or `host`, `port`, `database`, `username`, `password`, `ssl`), and how many connections it gets. */
export type Options = PgPoolConfig

const missing = (cause: unknown) =>
  new SqlError({
    reason: new ConnectionError({
      message:
        "PostgreSQL is spoken to by the package @effect/sql-pg, which cannot be loaded; npm install @effect/sql-pg",
      operation: "load",
      cause
    })
  })

/** The processes on the database of a `PgClient` that comes from elsewhere. */
export const layerOwners: Layer.Layer<Owners, never, PgClient> = Layer.effect(
  Owners,
  Effect.flatMap(Effect.promise(() => import("./PostgresOwners.ts")), (owners) => owners.make)
)

/** A `SqlClient` on a PostgreSQL server, and the processes that share it. Fails when the package is missing, or the server does not answer. */
export const layer = (options: Options): Layer.Layer<SqlClient | Owners, SqlError> =>
  Layer.unwrap(Effect.gen(function*() {
    const PgClient = yield* Effect.tryPromise({ try: () => import("@effect/sql-pg/PgClient"), catch: missing })
    // of two databases in one program each has its own
    return Layer.provideMerge(
      Layer.fresh(layerOwners),
      PgClient.layer({ applicationName: "fluxion", ...options })
    )
  }))

/** `layer` with options that may be `Config`s. */
export const layerConfig = (
  options: Config.Wrap<Options>
): Layer.Layer<SqlClient | Owners, Config.ConfigError | SqlError> =>
  Layer.unwrap(Effect.map(Config.unwrap(options), layer))
