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
import type { SqlError } from "effect/sql/SqlError"
import * as Stream from "effect/Stream"
import { randomUUID } from "node:crypto"
import { existsSync, type FSWatcher, mkdirSync, readdirSync, rmdirSync, rmSync, statSync, watch } from "node:fs"
import { basename, dirname, join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import * as Owners from "../../durable/Owners.ts"
import * as LocalSocket from "../internal/LocalSocket.ts"

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

/** Files of locks that are younger, in milliseconds, may be of a process that is about to take its lock. */
const young = 60_000

/** The locks on the files of a folder; `own` is this process's, when it has taken it. */
class Locks {
  readonly folder: string
  private own: { readonly name: string; readonly lock: DatabaseSync } | undefined

  constructor(folder: string) {
    this.folder = folder
  }

  get self(): string {
    return this.own?.name ?? this.take()
  }

  isAlive(owner: string): boolean {
    if (owner === this.own?.name) return true
    // a name comes from the database: nothing but a lock's file may be touched for it
    if (!/^[0-9a-f-]{36}$/.test(owner)) return false
    const path = join(this.folder, owner)
    if (!existsSync(path)) return false
    const lock = tryLock(path)
    if (lock === undefined) return true
    lock.close()
    rmSync(path, { force: true })
    LocalSocket.remove(owner, this.folder)
    return false
  }

  /** Gives the own lock back. */
  close(): void {
    if (this.own === undefined) return
    this.own.lock.close()
    try {
      rmSync(join(this.folder, this.own.name), { force: true })
      rmdirSync(this.folder)
    } catch {
      // others have theirs in it, or it is gone
    }
  }

  private take(): string {
    const name = randomUUID()
    const lock = this.lockNew(join(this.folder, name))
    this.own = { name, lock }
    this.removeDead()
    return name
  }

  private lockNew(path: string, tries = 5): DatabaseSync {
    try {
      mkdirSync(this.folder, { recursive: true })
      const lock = tryLock(path)
      if (lock !== undefined) return lock
      throw new Error(`${path} is locked by somebody else`)
    } catch (cause) {
      // another process, the last, may have removed the folder in between
      if (tries > 1 && !existsSync(this.folder)) return this.lockNew(path, tries - 1)
      const said = cause instanceof Error ? cause.message : String(cause)
      throw new Error(
        `the processes on this database know each other by files in ${this.folder}, and this one cannot have its own `
          + `there (${said}): let it write in that folder`,
        { cause }
      )
    }
  }

  /** Removes files that killed processes have left, and nobody has asked for since. */
  private removeDead(): void {
    for (const other of readdirSync(this.folder)) {
      const made = statSync(join(this.folder, other), { throwIfNoEntry: false })?.mtimeMs
      if (made !== undefined && Date.now() - made > young) this.isAlive(other)
    }
  }
}

/** The file of the context's database, as SQLite knows it: without links on its way; `""` for one in memory. */
const fileOf = Effect.flatMap(
  SqlClient.SqlClient,
  (sql) =>
    Effect.map(
      sql`PRAGMA database_list`.values,
      (rows) => String((rows as ReadonlyArray<ReadonlyArray<unknown>>).find(([, name]) => name === "main")?.[2] ?? "")
    )
)

const make = Effect.fnUntraced(function*(file: string) {
  const sql = yield* SqlClient.SqlClient
  const locks = new Locks(`${file}-owners`)
  yield* Effect.addFinalizer(() => Effect.sync(() => locks.close()))

  const version = Effect.map(
    sql<{ data_version: number }>`PRAGMA data_version`.values,
    ([row]) => Number((row as ReadonlyArray<unknown>)[0])
  )
  const written = Stream.callback<void>((queue) => {
    const watching = Effect.acquireRelease(
      Effect.sync((): FSWatcher | undefined => {
        try {
          const name = basename(file)
          const watcher = watch(dirname(file), { persistent: false }, (_, changed) => {
            if (changed === null || changed.startsWith(name)) Queue.offerUnsafe(queue, undefined)
          })
          watcher.on("error", () => watcher.close())
          return watcher
        } catch {
          return undefined
        }
      }),
      (watcher) => Effect.sync(() => watcher?.close())
    )
    // some folders cannot be watched, and some systems tell late
    const beats = Effect.forever(Effect.andThen(Effect.sleep("1 second"), Queue.offer(queue, undefined)))
    return Effect.andThen(watching, inWorldTime(beats))
  }, { bufferSize: 1, strategy: "sliding" })

  return Owners.Owners.of({
    isShared: true,
    self: Effect.try({ try: () => locks.self, catch: unavailable }),
    isAlive: (owner) => Effect.try({ try: () => locks.isAlive(owner), catch: unavailable }),
    serve: (answer) =>
      Effect.flatMap(
        Effect.try({ try: () => locks.self, catch: unavailable }),
        (name) => LocalSocket.serve(LocalSocket.pathOf(name, locks.folder), answer)
      ),
    ask: (owner, asked) => LocalSocket.ask(LocalSocket.pathOf(owner, locks.folder), owner, asked),
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

/** The processes on the database of the context's `SqlClient`. One in memory has one process alone. */
export const layer: Layer.Layer<Owners.Owners, SqlError, SqlClient.SqlClient> = Layer.unwrap(
  Effect.map(fileOf, (file) => file === "" ? Owners.layerAlone : Layer.effect(Owners.Owners, make(file)))
)
