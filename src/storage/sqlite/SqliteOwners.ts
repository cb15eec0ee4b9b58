/**
 * The processes on one SQLite database: each holds a lock of the operating system on a file of its own.
 *
 * The lock is an exclusive transaction on a small database that stays empty. It is free the moment its process is dead,
 * however it died, and stays held while the process is stopped. What others write shows in `PRAGMA data_version`, which
 * is looked at when the operating system says that the database's files have changed.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as SqlClient from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import { randomUUID } from "node:crypto"
import { existsSync, type FSWatcher, mkdirSync, renameSync, rmdirSync, rmSync, watch } from "node:fs"
import { basename, dirname, join, resolve } from "node:path"
import { DatabaseSync } from "node:sqlite"
import * as Owners from "../../durable/Owners.ts"

/** Takes the lock on a file, which is made if need be; nothing, if somebody has it. */
const tryLock = (path: string): DatabaseSync | undefined => {
  const database = new DatabaseSync(path, { timeout: 0 })
  try {
    // no file beside it: nothing will be rolled back
    database.exec("PRAGMA journal_mode = MEMORY")
    database.exec("BEGIN EXCLUSIVE")
    return database
  } catch (cause) {
    database.close()
    // SQLITE_BUSY, or a lock of it that is being taken
    if (cause instanceof Error && "errcode" in cause && Number(cause.errcode) % 256 === 5) return undefined
    throw cause
  }
}

const unavailable = (cause: unknown) => new Owners.OwnersUnavailable({ cause })

/** The least time between two looks at what others have written, in milliseconds. */
const lookEvery = 5

/** Knows the processes on the database `filename`, of which the context's `SqlClient` is one connection. */
export const make = Effect.fnUntraced(function*(filename: string) {
  const sql = yield* SqlClient.SqlClient
  const file = resolve(filename)
  const folder = `${file}-owners`
  let held: { readonly name: string; readonly lock: DatabaseSync } | undefined

  const acquire = () => {
    const name = randomUUID()
    mkdirSync(folder, { recursive: true })
    // others see the file when its lock is held, not before
    const making = join(folder, `${name}.new`)
    const lock = tryLock(making)
    if (lock === undefined) throw new Error(`${making} is locked by somebody else`)
    renameSync(making, join(folder, name))
    held = { name, lock }
    return name
  }
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      if (held === undefined) return
      held.lock.close()
      try {
        rmSync(join(folder, held.name), { force: true })
        rmdirSync(folder)
      } catch {
        // others have theirs in it, or it is gone
      }
    })
  )

  const isAlive = (owner: string): boolean => {
    if (owner === held?.name) return true
    const path = join(folder, owner)
    if (!existsSync(path)) return false
    const lock = tryLock(path)
    if (lock === undefined) return true
    rmSync(path, { force: true })
    lock.close()
    return false
  }

  const version = Effect.map(
    sql<{ data_version: number }>`PRAGMA data_version`.values,
    ([row]) => Number((row as ReadonlyArray<unknown>)[0])
  )
  const written = Stream.callback<void>((queue) =>
    Effect.acquireRelease(
      Effect.sync((): FSWatcher | undefined => {
        try {
          const name = basename(file)
          const watcher = watch(dirname(file), { persistent: false }, (_, changed) => {
            if (changed === null || changed.startsWith(name)) Queue.offerUnsafe(queue, undefined)
          })
          watcher.on("error", () => watcher.close())
          return watcher
        } catch {
          // a folder that cannot be watched: the engine looks each second
          return undefined
        }
      }),
      (watcher) => Effect.sync(() => watcher?.close())
    ), { bufferSize: 1, strategy: "sliding" })

  return Owners.Owners.of({
    isShared: true,
    self: Effect.try({ try: () => held?.name ?? acquire(), catch: unavailable }),
    isAlive: (owner) => Effect.try({ try: () => isAlive(owner), catch: unavailable }),
    changes: Stream.suspend(() => {
      let seen: number | undefined
      let lookedAt = 0
      const look = Effect.suspend(() => {
        lookedAt = performance.now()
        return version
      })
      const lookAgain = Effect.suspend(() => {
        const rest = lookedAt + lookEvery - performance.now()
        return rest > 0 ? Effect.andThen(inWorldTime(Effect.sleep(rest)), look) : look
      })
      return Stream.filterEffect(written, () =>
        Effect.match(lookAgain, {
          onFailure: () => true,
          onSuccess: (now) => {
            const isNew = now !== seen
            seen = now
            return isNew
          }
        }))
    })
  })
})

/** Other processes live in the world's time, whatever the time of the executions is. */
const inWorldTime = Effect.provideService(Clock.Clock, Clock.Clock.defaultValue())

/** The `Owners` of a database file. One in memory has one process alone. */
export const layer = (filename: string): Layer.Layer<Owners.Owners, never, SqlClient.SqlClient> =>
  filename === ":memory:" ? Owners.layerAlone : Layer.effect(Owners.Owners, make(filename))
