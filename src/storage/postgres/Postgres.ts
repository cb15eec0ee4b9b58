/**
 * A `SqlClient` on PostgreSQL, by `@effect/sql-pg`, which is loaded when the Layer is built.
 *
 * `PgClient.layer` of that package does as well: whatever gives a `SqlClient` of the dialect `pg` is taken.
 */
import type { PgPoolConfig } from "@effect/sql-pg/PgClient"
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

/** A `SqlClient` on a PostgreSQL server, and the processes that share it. Fails when the package is missing, or the server does not answer. */
export const layer = (options: Options): Layer.Layer<SqlClient | Owners, SqlError> =>
  Layer.unwrap(Effect.gen(function*() {
    const PgClient = yield* Effect.tryPromise({ try: () => import("@effect/sql-pg/PgClient"), catch: missing })
    const owners = yield* Effect.promise(() => import("./PostgresOwners.ts"))
    return Layer.provideMerge(
      Layer.effect(Owners, owners.make),
      PgClient.layer({ applicationName: "fluxion", ...options })
    )
  }))

/** `layer` with options that may be `Config`s. */
export const layerConfig = (
  options: Config.Wrap<Options>
): Layer.Layer<SqlClient | Owners, Config.ConfigError | SqlError> =>
  Layer.unwrap(Effect.map(Config.unwrap(options), layer))
