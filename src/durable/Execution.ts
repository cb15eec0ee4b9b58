/**
 * What can be asked of executions, and done to them, from outside: from any process on the same journal.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { ExecutionEvent } from "../core/ExecutionEvent.ts"
import type { Recorded } from "../core/JournalEvent.ts"
import { Engine, type EngineError } from "./Engine.ts"
import { AlreadyResumed, ExecutionNotFound, ExecutionState, InputInvalid, NotPaused } from "./ExecutionError.ts"
import { problemOf } from "./internal/checkInput.ts"
import * as Following from "./internal/following.ts"
import * as Waiting from "./internal/waiting.ts"
import * as Journal from "./Journal.ts"
import * as Waits from "./Waits.ts"

/** What is known of an execution; times in milliseconds since 1970. */
export interface Info extends Omit<Journal.Entry, "epoch" | "waits" | "wakeAt"> {
  readonly waits: ReadonlyArray<Waits.Waiting>
}

const decodeWaits = Schema.decodeUnknownOption(Waits.Waiting)

const toInfo = ({ epoch: _epoch, waits, wakeAt: _wakeAt, ...entry }: Journal.Entry): Info => ({
  ...entry,
  waits: waits.flatMap((wait) => Option.toArray(decodeWaits(wait)))
})

const found = (execution: string, entry: Journal.Entry | undefined) =>
  entry === undefined ? Effect.fail(new ExecutionNotFound({ execution })) : Effect.succeed(entry)

const entryOf = (engine: Engine["Service"], execution: string) =>
  Effect.flatMap(engine.journal.entry(execution), (entry) => found(execution, entry))

/** Where an execution stands. */
export const get = (execution: string): Effect.Effect<Info, ExecutionNotFound | EngineError, Engine> =>
  Effect.flatMap(Engine, (engine) => Effect.map(entryOf(engine, execution), toInfo))

/** Which executions to list. */
export interface ListOptions {
  readonly workflow?: string | undefined
  readonly states?: ReadonlyArray<Journal.State> | undefined
  /** Started at or after, in milliseconds since 1970. */
  readonly from?: number | undefined
  /** Started before, in milliseconds since 1970. */
  readonly before?: number | undefined
  /** How many, 1 to 1,000. Default 100. */
  readonly limit?: number | undefined
  /** The `next` of the page before. */
  readonly cursor?: string | undefined
}

/** A page of executions, the newest first; `next` is the cursor of the page after it, if there is one. */
export interface Page {
  readonly executions: ReadonlyArray<Info>
  readonly next: string | undefined
}

/** Lists executions, the newest first. */
export const list = (options: ListOptions = {}): Effect.Effect<Page, EngineError, Engine> =>
  Effect.flatMap(Engine, ({ journal }) => {
    const limit = Math.min(1_000, Math.max(1, options.limit ?? 100))
    const [createdAt, ...id] = options.cursor?.split("/") ?? []
    const after = createdAt === undefined ? undefined : { createdAt: Number(createdAt), id: id.join("/") }
    const { before, from, states, workflow } = options
    return Effect.map(journal.list({ workflow, states, from, before, after, limit: limit + 1 }), (entries): Page => {
      const executions = entries.slice(0, limit).map(toInfo)
      const last = entries.length > limit ? executions.at(-1) : undefined
      return { executions, next: last && `${last.createdAt}/${last.id}` }
    })
  })

const isEnded = (state: Journal.State) => Journal.ended.includes(state)

/** Which of an execution's events. */
export interface EventsOptions {
  /** The first event, by its sequence number. Default 0. */
  readonly from?: number | undefined
  /** Where the stream ends: with the execution (the default), or also when it is paused. */
  readonly until?: "end" | "pause" | undefined
  /** Whether what happens inside steps is shown as well. Default true. */
  readonly progress?: boolean | undefined
}

/**
 * An execution's events: those that are there, then those that come, until it ends; between them what happens inside its
 * steps while it happens, an agent's text say, from whichever process runs it.
 *
 * Nothing of the journal is ever left out. Progress has no `sequence`: a reader who was too slow for it gets a `Gap` with
 * the whole text so far, and one who cannot reach the process that has the execution is told so once, by `ProgressLost`.
 * Whoever comes back goes on `from` the last sequence number and one.
 */
export const events: {
  (
    execution: string,
    options: EventsOptions & { readonly progress: false }
  ): Stream.Stream<Recorded, ExecutionNotFound | Journal.JournalUnreadable | EngineError, Engine>
  (
    execution: string,
    options?: EventsOptions
  ): Stream.Stream<ExecutionEvent, ExecutionNotFound | Journal.JournalUnreadable | EngineError, Engine>
} = (
  execution: string,
  { from = 0, progress = true, until = "end" }: EventsOptions = {}
): Stream.Stream<any, any, Engine> =>
  Stream.unwrap(
    Effect.map(Engine, (engine) => {
      const executions = new Set([execution])
      return Following.make<ExecutionNotFound | Journal.JournalUnreadable | EngineError>({
        from,
        entry: entryOf(engine, execution),
        load: (sequence) => engine.journal.load(execution, sequence),
        isOver: (entry) => {
          const { state } = entry
          if (isEnded(state) || state === "parked") return Effect.succeed(true)
          if (until === "end" || state !== "waiting") return Effect.succeed(until === "pause" && state === "paused")
          const open = openOf(engine, toInfo(entry), executions)
          return Effect.map(open, ({ isRunning, pending }) => pending.length > 0 && !isRunning)
        },
        executions,
        listen: (execution, listener) => engine.listen(execution, listener),
        follow: (options) => progress ? engine.follow(execution, options) : Effect.succeed(undefined)
      })
    })
  )

/** What an execution that was waited for has come to: its end, or that it waits for somebody. */
export interface Settled {
  readonly info: Info
  /** The encoded outcome, when it has ended. */
  readonly exit: Option.Option<Schema.Json>
  /** What somebody has to answer, in it or in the executions that it waits for. */
  readonly pending: ReadonlyArray<Pending>
}

/** Something that somebody has to answer: `Pause.resume(execution, answer, { key })`. */
export interface Pending extends Waits.Waiting {
  readonly execution: string
}

/** What somebody has to answer so that the execution can go on, in it or in executions that it waits for. */
export const pending = (
  execution: string
): Effect.Effect<ReadonlyArray<Pending>, ExecutionNotFound | EngineError, Engine> =>
  Effect.gen(function*() {
    const engine = yield* Engine
    const { pending } = yield* openOf(engine, toInfo(yield* entryOf(engine, execution)), new Set())
    return pending
  })

interface Open {
  readonly pending: ReadonlyArray<Pending>
  /** Whether an execution that is waited for still runs. */
  readonly isRunning: boolean
}

/** What is open in an execution that has come so far, and in `seen` the executions on which that depends. */
const openOf = (
  engine: Engine["Service"],
  { id, waits }: Info,
  seen: Set<string>
): Effect.Effect<Open, EngineError> => {
  const each = Effect.forEach(waits, (waiting): Effect.Effect<Open, EngineError> => {
    switch (waiting.waits._tag) {
      case "Answer":
        // one that is answered stays in the entry until the execution is gone on with
        return Effect.map(
          engine.journal.hasMessage(id, waiting.key),
          (isAnswered) => isAnswered ? nothingOpen : { pending: [{ ...waiting, execution: id }], isRunning: false }
        )
      case "Execution": {
        const child = waiting.waits.execution
        seen.add(child)
        return Effect.flatMap(engine.journal.entry(child), (entry) => {
          // one that is deleted waits for nothing
          if (entry === undefined) return Effect.succeed(nothingOpen)
          const open = openOf(engine, toInfo(entry), seen)
          return entry.state === "running" ? Effect.map(open, (open) => ({ ...open, isRunning: true })) : open
        })
      }
      default:
        return Effect.succeed(nothingOpen)
    }
  })
  return Effect.map(each, (all) => ({
    pending: all.flatMap(({ pending }) => pending),
    isRunning: all.some(({ isRunning }) => isRunning)
  }))
}

const nothingOpen: Open = { pending: [], isRunning: false }

/**
 * Waits until an execution has ended, or waits for somebody: as soon as it does (`at: "first"`), or when nothing else
 * of it runs (`at: "all"`, the default).
 */
export const settled = (
  execution: string,
  { at = "all" }: { readonly at?: "first" | "all" | undefined } = {}
): Effect.Effect<Settled, ExecutionNotFound | Journal.JournalUnreadable | EngineError, Engine> =>
  Effect.flatMap(Engine, (engine) => {
    // a child's pause is no event of its parent: those that it waits for are watched as well
    const executions = new Set([execution])
    return engine.watch(
      executions,
      at === "first" ? "event" : "state",
      Effect.gen(function*() {
        const info = yield* get(execution)
        const { state } = info
        if (isEnded(state)) {
          const exit = Waiting.endOf(yield* engine.journal.last(execution))
          return Option.some({ info, exit, pending: [] })
        }
        if (state === "parked") return Option.some({ info, exit: Option.none(), pending: [] })
        if (at === "all" && state !== "paused" && state !== "waiting") return Option.none()
        const { isRunning, pending } = yield* openOf(engine, info, executions)
        if (pending.length === 0 || (at === "all" && isRunning)) return Option.none()
        return Option.some({ info, exit: Option.none(), pending })
      })
    )
  })

/** Which wait of an execution is answered. */
export interface Which {
  readonly name: string
  readonly key?: string | undefined
}

/** Answers what an execution waits for, with an encoded outcome. `Pause.resume` is the typed way. */
export const answer = (
  execution: string,
  { key, name }: Which,
  exit: Schema.Json
): Effect.Effect<void, AlreadyResumed | ExecutionNotFound | ExecutionState | NotPaused | EngineError, Engine> =>
  Effect.gen(function*() {
    const engine = yield* Engine
    const entry = yield* entryOf(engine, execution)
    const { state, waits } = toInfo(entry)
    const open = waits.filter(({ waits }) => waits._tag === "Answer")
    const wait = open.find((wait) => key === undefined ? wait.name === name : wait.key === key)
    if (wait === undefined) {
      const events = yield* Effect.orDie(engine.journal.load(execution))
      const isAnswered = events.some(({ event }) =>
        event._tag === "StepAwaited" && (key === undefined ? event.name === name : event.key === key)
      )
      if (isAnswered) return yield* new AlreadyResumed({ execution, pause: name })
      if (isEnded(state)) return yield* new ExecutionState({ execution, state, detail: "it waits for nobody any more" })
      return yield* new NotPaused({ execution, pause: name, waits: open.map(({ name }) => name) })
    }
    const isFirst = yield* engine.tell(execution, { name: wait.key, data: exit })
    if (!isFirst) return yield* new AlreadyResumed({ execution, pause: name })
  })

/** Which pause of an execution is resumed. Default: the only one. */
export interface ResumeOptions {
  readonly pause?: string | undefined
  /** Which, of several of one name. */
  readonly key?: string | undefined
}

/**
 * Answers the pause of an execution with JSON, as its Schema encodes it; what does not fit is refused, and the pause
 * still waits. `Pause.resume` does the same, typed.
 */
export const resume = (
  execution: string,
  input: Schema.Json,
  { key, pause }: ResumeOptions = {}
): Effect.Effect<
  void,
  AlreadyResumed | ExecutionNotFound | ExecutionState | InputInvalid | NotPaused | EngineError,
  Engine
> =>
  Effect.gen(function*() {
    const { waits } = yield* get(execution)
    const open = waits.flatMap((wait) => wait.waits._tag === "Answer" ? [{ ...wait, input: wait.waits.input }] : [])
    const asked = open.filter((wait) =>
      (pause === undefined || wait.name === pause) && (key === undefined || wait.key === key)
    )
    const [wait] = asked
    if (pause === undefined && asked.length > 1) {
      return yield* new NotPaused({ execution, pause: "any one pause alone", waits: asked.map(({ name }) => name) })
    }
    const name = pause ?? wait?.name ?? "any pause"
    const issues = wait && problemOf(input, wait.input)
    if (issues !== undefined) return yield* new InputInvalid({ execution, pause: name, issues })
    yield* answer(execution, { name, key: wait?.key ?? key }, { _tag: "Success", value: input })
  })

/**
 * Cancels an execution: at its next step (the default), or at once (`hard`: what runs is interrupted). What it has done
 * is undone by its steps' rollbacks, once. One that has ended stays as it is.
 */
export const cancel = (
  execution: string,
  { hard = false }: { readonly hard?: boolean | undefined } = {}
): Effect.Effect<void, ExecutionNotFound | EngineError, Engine> =>
  Effect.flatMap(
    Engine,
    (engine) =>
      Effect.flatMap(entryOf(engine, execution), ({ state }) => {
        if (isEnded(state)) return Effect.void
        if (state !== "parked") return Effect.asVoid(engine.tell(execution, Waiting.cancelMessage(hard)))
        // its code cannot go on to a next step: what it has done is undone without it
        return Effect.andThen(
          engine.tell(execution, Waiting.cancelMessage(true)),
          Effect.catchTags(Effect.asVoid(engine.retry(execution)), {
            // somebody else has it go on
            Fenced: () => Effect.void,
            // nobody can say what to undo: it may be deleted
            JournalUnreadable: () => Effect.void
          })
        )
      })
  )

/** Has a failed or parked execution go on from the step that failed. Completed steps are not run again. */
export const retry = (
  execution: string
): Effect.Effect<
  void,
  ExecutionNotFound | ExecutionState | Journal.JournalUnreadable | Journal.Fenced | EngineError,
  Engine
> =>
  Effect.gen(function*() {
    const engine = yield* Engine
    const { state } = yield* entryOf(engine, execution)
    if (state !== "failed" && state !== "parked") {
      return yield* new ExecutionState({ execution, state, detail: "only one that has failed or is parked is retried" })
    }
    if (!(yield* engine.retry(execution))) {
      return yield* new ExecutionState({ execution, state, detail: "its steps were rolled back; start it anew" })
    }
  })

/** Removes an execution that has ended, or is parked, with its journal. Of a parked one nothing is undone. */
const remove = (
  execution: string
): Effect.Effect<void, ExecutionNotFound | ExecutionState | EngineError, Engine> =>
  Effect.gen(function*() {
    const engine = yield* Engine
    const { state } = yield* entryOf(engine, execution)
    if (!(yield* engine.journal.remove(execution))) {
      return yield* new ExecutionState({
        execution,
        state,
        detail: "only one that has ended, or is parked, is deleted; cancel it first"
      })
    }
  })

export {
  /** Removes an execution that has ended, or is parked, with its journal. Of a parked one nothing is undone. */
  remove as delete
}

/**
 * Removes all executions that ended before a time, in milliseconds since 1970, in some of the ends or in all. One that
 * another execution has started stays as long as that one. Gives how many.
 */
export const deleteBefore = (
  time: number,
  states: ReadonlyArray<Ended> = ends
): Effect.Effect<number, EngineError, Engine> =>
  Effect.gen(function*() {
    const { journal } = yield* Engine
    let count = 0
    let after: { readonly createdAt: number; readonly id: string } | undefined
    for (;;) {
      const entries: ReadonlyArray<Journal.Entry> = yield* journal.list({
        states,
        unchangedSince: time,
        after,
        limit: 100
      })
      for (const { id, parent } of entries) {
        const above = parent === null ? undefined : yield* journal.entry(parent.execution)
        if (above !== undefined && !isEnded(above.state)) continue
        if (yield* journal.remove(id)) count++
      }
      const last = entries.at(-1)
      if (last === undefined) return count
      after = last
    }
  })

/** The states in which an execution has ended. */
export type Ended = "completed" | "failed" | "cancelled"

const ends: ReadonlyArray<Ended> = ["completed", "failed", "cancelled"]

/** For how long executions that have ended are kept; those of a state without a time are kept for ever. */
export interface Retention extends Partial<Readonly<Record<Ended, Duration.Input>>> {
  /** How often old ones are looked for. Default 1 hour. */
  readonly every?: Duration.Input | undefined
}

/** Removes executions that ended long ago, as long as the Layer is there. Any number of processes may do so. */
export const retention = ({ every = "1 hour", ...kept }: Retention): Layer.Layer<never, never, Engine> => {
  const sweep = Effect.gen(function*() {
    const now = yield* Clock.currentTimeMillis
    for (const state of ends) {
      const age = kept[state]
      if (age !== undefined) yield* deleteBefore(now - Duration.toMillis(Duration.fromInputUnsafe(age)), [state])
    }
  })
  const tolerant = Effect.catchCause(sweep, (cause) => Effect.logWarning("old executions could not be removed", cause))
  return Layer.effectDiscard(Effect.forkScoped(Effect.repeat(tolerant, Schedule.spaced(every))))
}
