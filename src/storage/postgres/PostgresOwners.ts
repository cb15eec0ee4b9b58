/**
 * The processes on one PostgreSQL database: each holds an advisory lock in a session of its own.
 *
 * The server frees the lock when the session ends, so when its process dies. The same session listens for what others
 * write, and is asked for a sign of life each second: one that is lost while the process lives (the server was
 * restarted, say) is replaced by another one, under another name, and whoever hears of changes looks once more. It is
 * no connection of the pool, which may be small. With a lease the server ends a session that it has not heard of for so
 * long, and a process that has been frozen for so long has no name until it has asked.
 */
import * as PgClient from "@effect/sql-pg/PgClient"
import * as PgConnection from "@effect/sql-pg/PgConnection"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as PubSub from "effect/PubSub"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { randomUUID } from "node:crypto"
import * as Owners from "../../durable/Owners.ts"
import * as LocalSocket from "../internal/LocalSocket.ts"

/** Other processes live in the world's time, whatever the time of the executions is. */
const inWorldTime = Effect.provideService(Clock.Clock, Clock.Clock.defaultValue())

const again = Schedule.min([Schedule.exponential("50 millis"), Schedule.spaced("1 second")])

const unavailable = (cause: unknown) => new Owners.OwnersUnavailable({ cause })

const lockOf = (owner: string) => `fluxion ${owner}`

/** Knows the processes on the database of the context's `PgClient`. */
export const make = Effect.gen(function*() {
  const sql = yield* PgClient.PgClient
  const lease = yield* Owners.Lease
  const written = yield* PubSub.sliding<void>(1)
  let name = Deferred.makeUnsafe<string, Owners.OwnersUnavailable>()
  let hangUp: Effect.Effect<void> = Effect.void
  let answer: LocalSocket.Answer = () => Stream.empty
  let keeper: Fiber.Fiber<never, unknown> | undefined
  /** When the server last answered, in milliseconds of the world's clock. */
  let answered = 0

  const heartbeat = Effect.map(Clock.currentTimeMillis, (now) => {
    answered = now
  })

  /** Takes a lock in a session of its own, and keeps it until it is lost; fails where it could not be taken. */
  const hold = Effect.scoped(Effect.gen(function*() {
    if (Deferred.isDoneUnsafe(name)) name = Deferred.makeUnsafe()
    const mine = randomUUID()
    const wire = yield* Scope.make()
    const close = hangUp = Scope.close(wire, Exit.void)
    yield* Effect.addFinalizer(() => close)
    const within = <A, E>(effect: Effect.Effect<A, E>) =>
      // an interrupted query would wait for the server once more: the connection ends first
      Effect.raceFirst(
        effect,
        Effect.sleep("2 seconds").pipe(
          Effect.andThen(close),
          Effect.andThen(Effect.fail(unavailable(new Error("the server does not answer"))))
        )
      )
    const connection = yield* Scope.provide(PgConnection.make(sql.config), wire)
    const session = yield* connection.pin
    const heard = yield* within(session.listen(Owners.channel).pipe(Scope.provide(yield* Effect.scope)))
    // before the listening is given up, which a silent server would hold up
    yield* Effect.addFinalizer(() => close)
    if (lease !== undefined) {
      yield* within(session.query("select set_config('idle_session_timeout', $1, false)", [String(lease)]))
    }
    yield* within(session.query("select pg_advisory_lock(hashtextextended($1, 0))", [lockOf(mine)]))
    // on another machine, or without a place for the socket, others do without what is not in the journal
    yield* Effect.ignore(LocalSocket.serve(LocalSocket.pathOf(mine), (asked) => answer(asked)))
    yield* heartbeat
    yield* Deferred.succeed(name, mine)
    const tell = PubSub.publish(written, undefined)
    yield* tell
    const hear = Effect.forever(Effect.andThen(Queue.takeAll(heard), tell))
    const beat = Effect.forever(Effect.gen(function*() {
      yield* Effect.sleep("1 second")
      yield* within(session.query("select 1"))
      yield* heartbeat
    }))
    yield* Effect.exit(Effect.raceFirst(hear, beat))
    name = Deferred.makeUnsafe()
  }))

  const keep = hold.pipe(
    Effect.catchCause((cause) => Effect.fail(unavailable(Cause.squash(cause)))),
    Effect.tapError((error) => Deferred.fail(name, error)),
    Effect.retry(again),
    Effect.andThen(Effect.sleep("50 millis")),
    Effect.forever,
    inWorldTime
  )
  const start = Effect.suspend(() =>
    keeper !== undefined ? Effect.void : Effect.map(Effect.forkDetach(keep), (fiber) => {
      keeper = fiber
    })
  )
  yield* Effect.addFinalizer(() =>
    Effect.suspend(() =>
      keeper === undefined
        ? Effect.void
        : Effect.andThen(Effect.suspend(() => hangUp), Fiber.interrupt(keeper))
    )
  )

  return Owners.Owners.of({
    isShared: true,
    self: Effect.gen(function*() {
      yield* start
      const mine = yield* Deferred.await(name)
      const silent = (yield* inWorldTime(Clock.currentTimeMillis)) - answered
      return lease === undefined || silent < lease ? mine : yield* unavailable(
        new Error(`this process stood still for ${silent} ms, and may have lost its lock`)
      )
    }),
    isAlive: (owner) =>
      sql<{ alive: boolean }>`
        select exists (
          select 1 from pg_locks
          where locktype = 'advisory' and granted and objsubid = 1
            and database = (select oid from pg_database where datname = current_database())
            and ((classid::bigint << 32) | objid::bigint) = hashtextextended(${lockOf(owner)}, 0)
        ) as alive`.pipe(
        Effect.map(([row]) => row!.alive),
        // what one that was killed on this machine has left
        Effect.tap((alive) => alive ? Effect.void : Effect.sync(() => LocalSocket.remove(owner))),
        Effect.mapError(unavailable)
      ),
    serve: (given) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          answer = given
        }),
        () =>
          Effect.sync(() => {
            answer = () => Stream.empty
          })
      ),
    ask: (owner, asked) => LocalSocket.ask(LocalSocket.pathOf(owner), owner, asked),
    changes: Stream.unwrap(Effect.gen(function*() {
      const subscription = yield* PubSub.subscribe(written)
      yield* start
      return Stream.concat(Stream.succeed(undefined), Stream.fromSubscription(subscription))
    }))
  })
})
