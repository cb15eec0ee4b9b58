/**
 * Follows an execution, wherever it runs: its journal, and between its events what the run tells.
 *
 * The run's progress comes from its feed, in this process, or as lines from the process that has it. A reader who is slow
 * holds nobody up: in a feed it gets a gap, over a socket its own lines wait, and the feed behind them makes the gap.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type ExecutionEvent, Progress } from "../../core/ExecutionEvent.ts"
import type { Recorded } from "../../core/JournalEvent.ts"
import type { Entry } from "../Journal.ts"
import type { Asked, Owners } from "../Owners.ts"
import type { Feed, Reader, Told } from "./Feed.ts"

/** How many events of another process are held for a reader. */
const capacity = 256

/** How long the last progress of an execution that is over is waited for. */
const lastWords = Duration.fromInputUnsafe("1 second")

/** Other processes live in the world's time, whatever the time of the executions is. */
const inWorldTime = Effect.provideService(Clock.Clock, Clock.Clock.defaultValue())

/** Reads the feed of a run in this process, as long as the scope. */
export const local = (feed: Feed, from: number, wake: () => void): Effect.Effect<Reader, never, Scope.Scope> =>
  Effect.acquireRelease(Effect.sync(() => feed.reader(from, wake)), (reader) => Effect.sync(reader.close))

const makeCodec = () => {
  const Line = Schema.toCodecJson(Schema.Struct({ position: Schema.Finite, event: Progress }))
  return { encode: Schema.encodeSync(Line), decode: Schema.decodeUnknownOption(Schema.fromJsonString(Line)) }
}
let codec: ReturnType<typeof makeCodec> | undefined

/** Made when progress first leaves the process, or comes from another one. */
const lineCodec = () => codec ??= makeCodec()

const toLine = (told: Told): string => {
  const { _tag } = told.event
  // most events, and nothing but texts and numbers
  const isPlain = _tag === "TextDelta" || _tag === "ReasoningDelta" || _tag === "ToolInputDelta"
  return `${JSON.stringify(isPlain ? told : lineCodec().encode(told))}\n`
}

/** The feed of a run here, as lines for another process. */
export const lines = (feed: Feed, from: number): Stream.Stream<string> =>
  Stream.scoped(Stream.fromPull(Effect.gen(function*() {
    const more = Latch.makeUnsafe(true)
    const reader = yield* local(feed, from, () => more.openUnsafe())
    const pull: Effect.Effect<readonly [string, ...Array<string>], Cause.Done> = Effect.suspend(() => {
      more.closeUnsafe()
      const told = reader.take()
      if (told.length > 0) return Effect.succeed(told.map(toLine) as [string, ...Array<string>])
      return reader.isOver ? Cause.done() : Effect.andThen(more.await, pull)
    })
    // a stream is made of an Effect that gives its pull
    // @effect-diagnostics-next-line returnEffectInGen:off
    return pull
  })))

/** Reads the feed of a run in another process, as long as the scope. */
export const remote = (
  owners: Owners["Service"],
  owner: string,
  asked: Asked,
  wake: () => void
): Effect.Effect<Reader, never, Scope.Scope> =>
  Effect.gen(function*() {
    let held: Array<Told> = []
    let isOver = false
    let problem: string | undefined
    let taken: Deferred.Deferred<void> | undefined
    const answer = Stream.runForEachArray(owners.ask(owner, asked), (lines) =>
      Effect.suspend(() => {
        for (const line of lines) {
          const told = lineCodec().decode(line)
          // a later version may tell of more
          if (told._tag === "Some") held.push(told.value)
        }
        wake()
        if (held.length < capacity) return Effect.void
        taken = Deferred.makeUnsafe()
        return Deferred.await(taken)
      }))
    yield* Effect.forkScoped(Effect.matchCause(answer, {
      onFailure: (cause) => {
        const error = Cause.squash(cause)
        problem = error instanceof Error ? error.message : String(error)
        isOver = true
        wake()
      },
      onSuccess: () => {
        isOver = true
        wake()
      }
    }))
    return {
      get isOver() {
        return isOver && held.length === 0
      },
      get problem() {
        return problem
      },
      take: () => {
        const told = held
        held = []
        if (taken !== undefined) Deferred.doneUnsafe(taken, Effect.void)
        taken = undefined
        return told
      }
    }
  })

/** Events of the journal from `sequence` on, with progress in its place between them. */
const merge = (recorded: ReadonlyArray<Recorded>, told: ReadonlyArray<Told>): Array<ExecutionEvent> => {
  const all: Array<ExecutionEvent> = []
  let index = 0
  for (const event of recorded) {
    while (index < told.length && told[index]!.position <= event.sequence) all.push({ event: told[index++]!.event })
    all.push(event)
  }
  for (; index < told.length; index++) all.push({ event: told[index]!.event })
  return all
}

/** How an execution is followed. */
export interface Options<E> {
  readonly from: number
  /** The execution's entry, and the events of its journal from a sequence number on. */
  readonly entry: Effect.Effect<Entry, E>
  readonly load: (sequence: number) => Effect.Effect<ReadonlyArray<Recorded>, E>
  /** Whether nothing is to follow after that. */
  readonly isOver: (entry: Entry) => Effect.Effect<boolean, E>
  /** The execution, and those on which it depends whether it is over: `isOver` may add some. */
  readonly executions: ReadonlySet<string>
  /** Calls whenever there may be another event of an execution, as long as the scope. */
  readonly listen: (execution: string, listener: () => void) => Effect.Effect<void, never, Scope.Scope>
  /** Reads what the run tells that this owner has; nothing, where no progress is wanted, or none is there yet. */
  readonly follow: (
    options: { readonly owner: string; readonly from: number; readonly wake: () => void }
  ) => Effect.Effect<Reader | undefined, never, Scope.Scope>
}

/** An execution's events, those that are there, then those that come, with progress between them. */
export const make = <E>(options: Options<E>): Stream.Stream<ExecutionEvent, E> =>
  Stream.scoped(Stream.fromPull(Effect.gen(function*() {
    const scope = yield* Effect.scope
    const changed = Latch.makeUnsafe(true)
    const wake = () => changed.openUnsafe()
    let isJournalNew = true
    const heard = new Set<string>()
    /** Listens to all that there are; whether there were new ones. */
    const listen = Effect.gen(function*() {
      const before = heard.size
      for (const execution of options.executions) {
        if (heard.has(execution)) continue
        heard.add(execution)
        yield* Scope.provide(
          options.listen(execution, () => {
            isJournalNew = true
            wake()
          }),
          scope
        )
      }
      return heard.size > before
    })
    yield* listen
    let next = options.from
    /** Where progress begins: a run that comes later is read from its start. */
    let begin = options.from
    let isDone = false
    let follower: { readonly owner: string; readonly reader: Reader; readonly scope: Scope.Closeable } | undefined
    let lost: string | undefined

    const leave = Effect.suspend(() => {
      if (follower === undefined) return Effect.void
      const { scope } = follower
      follower = undefined
      return Scope.close(scope, Exit.void)
    })
    const join = Effect.fnUntraced(function*({ owner, state }: Entry) {
      if (follower !== undefined && follower.owner !== owner) yield* leave
      if (state !== "running" || owner === null || follower !== undefined || lost === owner) return
      const inside = yield* Scope.fork(scope)
      const reader = yield* Scope.provide(options.follow({ owner, from: begin, wake }), inside)
      if (reader === undefined) return yield* Scope.close(inside, Exit.void)
      begin = 0
      follower = { owner, reader, scope: inside }
    })

    /** What is on its way still when the execution is over. */
    const rest = (reader: Reader) =>
      Effect.suspend(() => {
        const told: Array<Told> = []
        const drain: Effect.Effect<void> = Effect.suspend(() => {
          changed.closeUnsafe()
          told.push(...reader.take())
          return reader.isOver ? Effect.void : Effect.andThen(changed.await, drain)
        })
        return Effect.as(inWorldTime(Effect.timeoutOption(drain, lastWords)), told)
      })

    const pull: Effect.Effect<readonly [ExecutionEvent, ...Array<ExecutionEvent>], E | Cause.Done> = Effect.gen(
      function*() {
        for (;;) {
          if (isDone) return yield* Cause.done()
          changed.closeUnsafe()
          let told = follower?.reader.take() ?? []
          let events: Array<ExecutionEvent>
          if (isJournalNew || told.some(({ position }) => position > next)) {
            isJournalNew = false
            // the state first: whatever it ended with is in the journal then
            const entry = yield* options.entry
            isDone = yield* options.isOver(entry)
            // what they came to before they were listened to
            if (yield* listen) isDone = yield* options.isOver(entry)
            if (!isDone) yield* join(entry)
            // progress next: all that came before it is in the journal then
            told = [...told, ...(follower?.reader.take() ?? [])]
            if (isDone && follower !== undefined) told = [...told, ...(yield* rest(follower.reader))]
            const recorded = yield* options.load(next)
            next += recorded.length
            const last = recorded.at(-1)
            events = merge(
              recorded,
              isDone && last !== undefined ? told.filter(({ position }) => position <= last.sequence) : told
            )
          } else {
            events = told.map(({ event }) => ({ event }))
          }
          if (follower?.reader.isOver === true) {
            const { owner, reader: { problem } } = follower
            if (problem !== undefined && !isDone) {
              lost = owner
              events.push({ event: { _tag: "ProgressLost", message: problem } })
            }
            yield* leave
          }
          if (events.length > 0) return events as [ExecutionEvent, ...Array<ExecutionEvent>]
          if (!isDone) yield* changed.await
        }
      }
    )
    // a stream is made of an Effect that gives its pull
    // @effect-diagnostics-next-line returnEffectInGen:off
    return pull
  })))
