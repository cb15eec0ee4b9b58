/**
 * The processes on one PostgreSQL database: each holds an advisory lock in a session of its own.
 *
 * The server frees the lock when the session ends, so when its process dies. A session that is lost while the process
 * lives (the server was restarted, say) is replaced by another one, under another name. What others write is told by
 * `NOTIFY`; a listener that was cut off looks once when it is back.
 */
import { PgClient } from "@effect/sql-pg/PgClient"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { randomUUID } from "node:crypto"
import * as Owners from "../../durable/Owners.ts"

/** Other processes live in the world's time, whatever the time of the executions is. */
const inWorldTime = Effect.provideService(Clock.Clock, Clock.Clock.defaultValue())

const again = Schedule.min([Schedule.exponential("50 millis"), Schedule.spaced("1 second")])

/** Knows the processes on the database of the context's `PgClient`. */
export const make = Effect.gen(function*() {
  const sql = yield* PgClient
  const scope = yield* Effect.scope
  let held: { readonly name: string; readonly session: Scope.Closeable } | undefined
  let taking: Deferred.Deferred<string, Owners.OwnersUnavailable> | undefined

  const drop = (session: Scope.Closeable) =>
    Effect.suspend(() => {
      if (held?.session === session) held = undefined
      return Scope.close(session, Exit.void)
    })

  /** Takes a lock in a session of its own, and watches over it. */
  const acquire = Effect.gen(function*() {
    const name = randomUUID()
    const session = yield* Scope.fork(scope)
    const connection = yield* Scope.provide(sql.reserve, session).pipe(
      Effect.tap((connection) =>
        connection.execute("select pg_advisory_lock(hashtextextended($1, 0))", [`fluxion ${name}`], undefined)
      ),
      Effect.timeout("5 seconds"),
      inWorldTime,
      Effect.tapError(() => drop(session))
    )
    const beat = connection.execute("select 1", [], undefined).pipe(Effect.timeout("2 seconds"))
    yield* Effect.forkIn(
      Effect.forever(Effect.andThen(Effect.sleep("1 second"), beat)).pipe(
        inWorldTime,
        Effect.ignore,
        Effect.andThen(drop(session))
      ),
      scope
    )
    held = { name, session }
    return name
  }).pipe(Effect.mapError((cause) => new Owners.OwnersUnavailable({ cause })))

  const self = Effect.suspend(() => {
    if (held !== undefined) return Effect.succeed(held.name)
    if (taking !== undefined) return Deferred.await(taking)
    const taken = taking = Deferred.makeUnsafe<string, Owners.OwnersUnavailable>()
    return Effect.onExit(acquire, (exit) => {
      taking = undefined
      return Deferred.done(taken, exit)
    })
  })

  const told = Stream.unwrap(Effect.map(
    sql.listen(Owners.channel),
    (queue) => Stream.concat(Stream.succeed(undefined), Stream.map(Stream.fromQueue(queue), () => undefined))
  ))

  return Owners.Owners.of({
    isShared: true,
    self,
    isAlive: (owner) =>
      sql<{ alive: boolean }>`
        select exists (
          select 1 from pg_locks
          where locktype = 'advisory' and granted and objsubid = 1
            and database = (select oid from pg_database where datname = current_database())
            and ((classid::bigint << 32) | objid::bigint) = hashtextextended(${`fluxion ${owner}`}, 0)
        ) as alive`.pipe(
        Effect.map(([row]) => row!.alive),
        Effect.mapError((cause) => new Owners.OwnersUnavailable({ cause }))
      ),
    changes: told.pipe(Stream.retry(again), Stream.orDie)
  })
})
