/**
 * The database of a command: found, looked at, and opened; what is wrong with it is one line.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { statSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { DatabaseSync } from "node:sqlite"
import * as Fluxion from "../node/Fluxion.ts"
import { fail, Failure } from "./Failure.ts"
import * as Settings from "./Settings.ts"

/** Where it is, if nobody says anything. */
const byDefault = "fluxion.db"

const isUrl = (database: string) => /^postgres(ql)?:\/\//.test(database)

/** A database as it may be shown: without the password. */
export const shown = (database: string): string => database.replace(/(\/\/[^:/@]*):[^@]*@/, "$1:…@")

/** The words with which a command that is told to somebody names the database. */
export const words = (database: string): ReadonlyArray<string> =>
  isUrl(database)
    ? ["--database", shown(database)]
    : database === byDefault
    ? []
    : ["--database", database]

/** Which database it is: of the command line, the environment, the file; else `fluxion.db` in this folder. */
export const find = (config: Fluxion.AnyConfig | undefined) =>
  Effect.map(Settings.database, (given) => given ?? config?.database ?? byDefault)

const messageOf = (cause: unknown): string => {
  const said: Array<string> = []
  let at: unknown = cause
  while (typeof at === "object" && at !== null && said.length < 5) {
    const { cause, errors, message, reason } = at as {
      readonly cause?: unknown
      readonly errors?: ReadonlyArray<unknown>
      readonly message?: unknown
      readonly reason?: unknown
    }
    if (typeof message === "string" && message !== "" && !said.includes(message)) said.push(message)
    at = reason ?? cause ?? errors?.[0]
  }
  return said.at(-1) ?? String(cause)
}

/** Why a file is none that executions can be kept in. */
const problemOf = (database: string, isMade: boolean): string | undefined => {
  const path = resolve(database)
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined) {
    if (!isMade) return `there is no database ${database}; name it with --database, or run something first`
    return statSync(dirname(path), { throwIfNoEntry: false }) === undefined
      ? `the folder of the database ${database} is not there`
      : undefined
  }
  if (stats.isDirectory()) return `the database ${database} is a folder; name a file`
  if (stats.size === 0) return undefined
  let file: DatabaseSync | undefined
  try {
    file = new DatabaseSync(path, { readOnly: true })
    const tables = file.prepare("select name from sqlite_master where type = 'table'").all().map(({ name }) =>
      String(name)
    )
    return tables.length === 0 || tables.some((name) => name.startsWith("fluxion_"))
      ? undefined
      : `the database ${database} is another program's (it has ${
        tables.slice(0, 3).join(", ")
      }); name a file of its own`
  } catch (cause) {
    return `the database ${database} cannot be read: ${messageOf(cause)}`
  } finally {
    file?.close()
  }
}

/** Looks at a database before it is opened. `isMade`: it is made if it is not there. */
export const check = (database: string, isMade: boolean): Effect.Effect<void, Failure> =>
  Effect.suspend(() => {
    const problem = isUrl(database) ? undefined : problemOf(database, isMade)
    return problem === undefined ? Effect.void : Effect.fail(fail("database", problem))
  })

const advice = (database: string): string =>
  isUrl(database)
    ? "is the server up, and are the name and the password right?"
    : "may this user write to it and to its folder, and is there room on the disk?"

/** The failure of a database, in one line. */
export const unavailable = (database: string, cause: unknown): Failure =>
  fail("database", `the database ${shown(database)} is not available: ${messageOf(cause)}; ${advice(database)}`)

const tagOf = (error: unknown): string | undefined =>
  typeof error === "object" && error !== null && "_tag" in error ? String(error._tag) : undefined

const ofDatabase = ["SqlError", "MigrationError", "JournalUnavailable", "OwnersUnavailable"]
const refused = ["ExecutionState", "ExecutionNotFound", "ExecutionExists", "AlreadyResumed", "NotPaused", "Fenced"]
const usage = ["PayloadInvalid", "InputInvalid", "WorkflowConflict"]

/** Whatever a command fails with, as the line and the exit code that it ends with. */
export const toFailure = (database: string) => (error: unknown): Failure => {
  if (error instanceof Failure) return error
  const tag = tagOf(error)
  const said = error instanceof Error ? error.message : String(error)
  if (tag === "MigrationError") return fail("database", `the database ${shown(database)}: ${said}`)
  if (tag !== undefined && ofDatabase.includes(tag)) return unavailable(database, error)
  if (tag === "ExecutionCancelled") return fail("cancelled", said)
  if (tag !== undefined && refused.includes(tag)) return fail("refused", said)
  if (tag !== undefined && usage.includes(tag)) return fail("usage", said)
  return fail("failed", said)
}

/** Runs an effect on a Layer with a database, and ends it with a line if that is not available. */
export const run = <A, E, R, Out, E2>(
  database: string,
  layer: Layer.Layer<Out, E2>,
  effect: Effect.Effect<A, E, R | Out>
): Effect.Effect<A, Failure, Exclude<R, Out>> => Effect.mapError(Effect.provide(effect, layer), toFailure(database))

/** Runs an effect on a database that is there, with an engine that has no workflows: it looks, and tells. */
export const use = <A, E, R>(
  config: Fluxion.AnyConfig | undefined,
  effect: (database: string) => Effect.Effect<A, E, R>
) =>
  Effect.gen(function*() {
    const database = yield* find(config)
    yield* check(database, false)
    return yield* run(database, Fluxion.layer({ database }), effect(database))
  })

/** The first thing that a run could not do without, if its failure says so. */
export const missingService = (message: string): string | undefined => /^Service not found: (\S+)/.exec(message)?.[1]

/** What to do about a service that is missing. */
export const missingAdvice = (service: string): string =>
  service === "effect/ai/LanguageModel"
    ? "no model is given: name one with --model provider/name, FLUXION_MODEL, or in "
      + "`export const config = Fluxion.config({ model: \"provider/name\" })`"
    : `the service ${service} is missing: give its Layer in \`export const config = Fluxion.config({ layer })\``

/** The cause of a defect, on one line. */
export const defect = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  const said = error instanceof Error ? error.message : String(error)
  const service = missingService(said)
  return service === undefined ? said : missingAdvice(service)
}
