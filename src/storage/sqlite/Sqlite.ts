/**
 * A `SqlClient` over `node:sqlite`: one connection, WAL, no native build.
 *
 * The interface is that of `@effect/sql-sqlite-node`, so that either can be given. A database that another process has
 * locked is asked again on a Schedule, never waited for inside SQLite, whose calls stop the event loop. `synchronous`
 * says what a commit survives: `"normal"` (the default) the death of the process, `"full"` the loss of power, too.
 */
import * as Cache from "effect/Cache"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Schedule from "effect/Schedule"
import * as Semaphore from "effect/Semaphore"
import * as SqlClient from "effect/sql/SqlClient"
import type { Connection } from "effect/sql/SqlConnection"
import { classifySqliteError, SqlError } from "effect/sql/SqlError"
import * as Statement from "effect/sql/Statement"
import * as Stream from "effect/Stream"
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite"
import type { Owners } from "../../durable/Owners.ts"
import { OpenFile } from "./OpenFile.ts"
import * as SqliteOwners from "./SqliteOwners.ts"

/** Where the database is, and how it is used. */
export interface Options {
  /** A path; it is created with its first table. `":memory:"` for one that ends with the Layer. */
  readonly filename: string
  /** What a commit survives: `"normal"` `kill -9`, `"full"` power loss, for an `fsync` each. Default `"normal"`. */
  readonly synchronous?: "normal" | "full" | undefined
  /** Opens an existing database for reading only. */
  readonly readonly?: boolean | undefined
  /** How long a statement is tried again while another process holds the lock. Default 5 seconds. */
  readonly busyTimeout?: Duration.Input | undefined
  /** Statements that are kept prepared. Default 200. */
  readonly prepareCacheSize?: number | undefined
  /** Makes names of columns and tables out of names in code. */
  readonly transformQueryNames?: ((name: string) => string) | undefined
  /** Makes names in code out of names of columns. */
  readonly transformResultNames?: ((name: string) => string) | undefined
  readonly spanAttributes?: { readonly [name: string]: unknown } | undefined
}

const failure = (operation: string) => (cause: unknown): SqlError => {
  // `node:sqlite` has SQLite's code where Effect does not look for it
  const known = cause instanceof Error && "errcode" in cause ? Object.assign(cause, { errno: cause.errcode }) : cause
  const said = cause instanceof Error ? cause.message : String(cause)
  return new SqlError({ reason: classifySqliteError(known, { message: `SQLite: ${said}`, operation }) })
}

const isLocked = (error: SqlError): boolean => error.reason._tag === "LockTimeoutError"

/** What a locked database is asked again by. */
const patience = (limit: Duration.Duration) =>
  Schedule.min([Schedule.exponential("1 millis", 1.5), Schedule.spaced("50 millis")]).pipe(
    Schedule.jittered,
    Schedule.upTo({ duration: limit })
  )

const open = ({ filename, readonly, synchronous }: Options): DatabaseSync => {
  const database = new DatabaseSync(filename, { readOnly: readonly ?? false, timeout: 0 })
  try {
    if (readonly !== true) database.exec("PRAGMA journal_mode = WAL")
    database.exec(`PRAGMA synchronous = ${synchronous === "full" ? "FULL" : "NORMAL"}`)
    database.exec("PRAGMA foreign_keys = ON")
  } catch (cause) {
    database.close()
    throw cause
  }
  return database
}

/** Rows that a stream reads at a time. */
const pageSize = 256

/** Opens a database for as long as the scope. */
export const make = Effect.fnUntraced(function*(options: Options) {
  const again = patience(Duration.fromInputUnsafe(options.busyTimeout ?? "5 seconds"))
  const database = yield* Effect.acquireRelease(
    Effect.retry(Effect.try({ try: () => open(options), catch: failure("open") }), {
      schedule: again,
      while: isLocked
    }),
    (database) => Effect.sync(() => database.close())
  )

  const file = new OpenFile(options.filename)
  const prepare = (sql: string) => Effect.try({ try: () => database.prepare(sql), catch: failure("prepare") })
  const prepared = yield* Cache.make({ capacity: options.prepareCacheSize ?? 200, lookup: prepare })

  const read = (statement: StatementSync, params: ReadonlyArray<unknown>, shape: "rows" | "raw" | "values") =>
    Effect.withFiber<any, SqlError>((fiber) => {
      const attempt = Effect.try({
        try: () => {
          file.check()
          const values = params as Array<SQLInputValue>
          statement.setReadBigInts(Context.get(fiber.context, SqlClient.SafeIntegers))
          if (shape === "raw" && statement.columns().length === 0) return statement.run(...values)
          statement.setReturnArrays(shape === "values")
          return statement.all(...values)
        },
        catch: failure("execute")
      })
      // inside a transaction the lock is ours, and a part of it cannot be made again
      return database.isTransaction
        ? attempt
        : Effect.catchIf(attempt, isLocked, () => Effect.retry(attempt, { schedule: again, while: isLocked }))
    })
  const run = (sql: string, params: ReadonlyArray<unknown>, shape: "rows" | "raw" | "values", keep = true) =>
    Effect.flatMap(keep ? Cache.get(prepared, sql) : prepare(sql), (statement) => read(statement, params, shape))

  const transformRows = options.transformResultNames === undefined
    ? undefined
    : Statement.defaultTransforms(options.transformResultNames).array
  const connection: Connection = {
    execute: (sql, params, transform) => {
      const rows = run(sql, params, "rows")
      return transform === undefined ? rows : Effect.map(rows, transform)
    },
    executeRaw: (sql, params) => run(sql, params, "raw"),
    executeValues: (sql, params) => run(sql, params, "values"),
    executeValuesUnprepared: (sql, params) => run(sql, params, "values", false),
    executeUnprepared: (sql, params, transform) => {
      const rows = run(sql, params, "rows", false)
      return transform === undefined ? rows : Effect.map(rows, transform)
    },
    executeStream: (sql, params, transform) =>
      Stream.unwrap(Effect.map(prepare(sql), (statement) => {
        const rows = statement.iterate(...params as Array<SQLInputValue>)
        const page = Effect.try({
          try: () => {
            const chunk: Array<any> = []
            while (chunk.length < pageSize) {
              const next = rows.next()
              if (next.done === true) break
              chunk.push(next.value)
            }
            const more = chunk.length === pageSize ? Option.some(undefined) : Option.none()
            return [transform === undefined ? chunk : transform(chunk), more] as const
          },
          catch: failure("execute")
        })
        return Stream.paginate(undefined, () => page)
      }))
  }
  const acquirers = SqlClient.makeSqliteAcquirers({
    connection: Effect.succeed(connection),
    semaphore: yield* Semaphore.make(1),
    isTransaction: () => database.isTransaction
  })
  return yield* SqlClient.make({
    ...acquirers,
    compiler: Statement.makeCompilerSqlite(options.transformQueryNames),
    driver: "node:sqlite",
    transformRows,
    // a transaction that reads first and then writes may find that somebody else wrote in between
    beginTransaction: "BEGIN IMMEDIATE",
    prepareTransactionControls: true,
    spanAttributes: [["db.system.name", "sqlite"], ...Object.entries(options.spanAttributes ?? {})]
  })
})

/** The processes on the SQLite database of a `SqlClient` that comes from elsewhere. */
export const layerOwners: Layer.Layer<Owners, SqlError, SqlClient.SqlClient> = SqliteOwners.layer

/** A `SqlClient` on a database file, and the processes that share it. */
export const layer = (options: Options): Layer.Layer<SqlClient.SqlClient | Owners, SqlError> =>
  // of two databases in one program each has its own
  Layer.fresh(layerOwners).pipe(
    Layer.provideMerge(Layer.effect(SqlClient.SqlClient, make(options))),
    Layer.provide(Reactivity.layer)
  )

/** `layer` with options that may be `Config`s. */
export const layerConfig = (
  options: Config.Wrap<Options>
): Layer.Layer<SqlClient.SqlClient | Owners, Config.ConfigError | SqlError> =>
  Layer.unwrap(Effect.map(Config.unwrap(options), layer))
