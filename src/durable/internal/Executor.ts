/**
 * Runs executions: starts them, takes over those whose process has died, hands them what was decided elsewhere, and
 * gives them up while they wait.
 *
 * What an execution is lives in its journal; here is only what this process does with it at the moment. A run starts
 * from a clean context: the services captured when its workflow was registered, and nothing of whoever woke it.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Schedule from "effect/Schedule"
import * as Scheduler from "effect/Scheduler"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { JournalEvent, Parent, Recorded } from "../../core/JournalEvent.ts"
import { CurrentExecution } from "../CurrentExecution.ts"
import { type Definition, Engine, type Options } from "../Engine.ts"
import { ExecutionExists, PayloadInvalid, WorkflowConflict } from "../ExecutionError.ts"
import * as Journal from "../Journal.ts"
import { Owners } from "../Owners.ts"
import { Placement } from "../Placement.ts"
import { StepScope } from "../StepScope.ts"
import * as Codecs from "./codecs.ts"
import { ExecutionLog } from "./ExecutionLog.ts"
import { ExecutionRun } from "./ExecutionRun.ts"
import { CurrentFeed, Feed } from "./Feed.ts"
import * as Following from "./following.ts"
import { Idle } from "./Idle.ts"
import { LateStarts } from "./LateStarts.ts"
import { LeftToOthers } from "./LeftToOthers.ts"
import { Listeners } from "./Listeners.ts"
import * as Replay from "./Replay.ts"
import * as Retrying from "./retrying.ts"
import * as Rollback from "./rollback.ts"
import type { Run } from "./Run.ts"
import * as Waiting from "./waiting.ts"

interface Registered {
  readonly definition: Definition
  readonly context: Context.Context<any>
}

/** An execution that this process has. */
interface Active {
  readonly id: string
  readonly registered: Registered
  readonly parent: Parent | null
  readonly owner: string
  readonly run: Run
  readonly log: ExecutionLog
  readonly feed: Feed
  /** What others have told it, and it has not asked for yet. */
  readonly inbox: Map<string, Schema.Json>
  readonly timers: Map<string, Fiber.Fiber<unknown, unknown>>
  fiber: Fiber.Fiber<unknown, unknown> | undefined
  state: "running" | "releasing" | "cancelling" | "ending" | "stopped"
}

/** How often the journal is looked at for what nobody told of. */
const lookEvery = Duration.toMillis("1 second")

/** An execution that has to wait for no longer than this is not given up. */
const keepFor = Duration.toMillis("1 second")

/** Executions that are claimed with one look. */
const claimAtOnce = 100

const again = Schedule.min([Schedule.exponential("50 millis"), Schedule.spaced("2 seconds")]).pipe(Schedule.jittered)

const nameOf = ({ name, version }: { readonly name: string; readonly version: string }) => `${name}@${version}`

const random = Effect.flatMap(
  Effect.serviceOption(SecureRandom.SecureRandom),
  (given) =>
    given._tag === "Some" ? Effect.succeed(given.value) : Effect.provide(
      SecureRandom.SecureRandom,
      SecureRandom.layerWebCrypto
    )
)

/** The engine on the journal of the context. */
export const make = Effect.fnUntraced(function*(options: Options = {}) {
  const journal = yield* Journal.Journal
  const owners = yield* Owners
  const clock = yield* Clock.Clock
  const ids = yield* random
  const scope = yield* Effect.scope
  const maxCrashes = options.maxCrashes ?? 3
  const maxRunning = options.maxRunning ?? 1_000
  const stuckAfter = Duration.fromInputUnsafe(options.stuckAfter ?? "1 minute")
  const now = () => clock.currentTimeMillisUnsafe()

  const placement = yield* Placement
  const leftToOthers = new LeftToOthers(placement)

  const registry = new Map<string, Registered>()
  const running = new Map<string, Active>()
  const listeners = new Listeners((id) => running.has(id))
  const kicked = Latch.makeUnsafe(false)
  /** The names that this process has had: a new one when it lost its lock. */
  const names = new Set<string>()
  /** Executions that a fault has stopped: they are gone on with when it is over, if they are ours still. */
  const stranded = new Set<string>()
  /** An execution that may take the process down is gone on with alone. */
  let suspect: string | undefined
  let isClosed = false

  const services = yield* Effect.context<never>()
  const fork = Effect.runForkWith(services)
  /** What the engine does beside the executions' code; it ends with the engine. */
  const forked = new Set<Fiber.Fiber<unknown, unknown>>()
  const background = (effect: Effect.Effect<unknown, unknown>): Fiber.Fiber<unknown, unknown> => {
    const fiber = fork(Effect.catchCause(effect, (cause) =>
      isClosed || Cause.hasInterruptsOnly(cause)
        ? Effect.void
        : Effect.logWarning("the engine could not do what it had to", cause)))
    if (fiber.pollUnsafe() === undefined) {
      forked.add(fiber)
      fiber.addObserver(() => forked.delete(fiber))
    }
    return fiber
  }
  const kick = Effect.sync(() => kicked.openUnsafe())

  const late = new LateStarts(background)

  // ---- what a run does -----------------------------------------------------------------------------------------

  const forget = (active: Active) => {
    active.state = "stopped"
    if (running.get(active.id) === active) running.delete(active.id)
    if (suspect === active.id) suspect = undefined
    for (const timer of active.timers.values()) timer.interruptUnsafe()
    active.timers.clear()
    late.remove(active.log)
    active.feed.end()
  }

  /** Ends a run without a word in the journal: the execution goes on elsewhere, or later. */
  const stop = (active: Active) => {
    if (active.state === "stopped") return
    active.run.stop()
    forget(active)
    active.fiber?.interruptUnsafe()
  }

  /** Stops runs, and waits until they have cleaned up: what they use is still there. */
  const stopAll = (all: ReadonlyArray<Active>) => {
    for (const active of all) stop(active)
    return Effect.forEach(all, ({ fiber }) => fiber === undefined ? Effect.void : Fiber.await(fiber), { discard: true })
  }

  /** Has the journal take what an execution's end depends on, as soon as it can. */
  const insist = <A, E>(active: Active, effect: Effect.Effect<A, E | Journal.JournalUnavailable>) =>
    Effect.retry(effect, {
      schedule: again,
      while: (error) => active.state !== "stopped" && error instanceof Journal.JournalUnavailable
    })

  const park = (active: Active, problem: string) =>
    Effect.suspend(() => {
      if (active.state === "stopped" || active.state === "ending") return Effect.void
      active.state = "ending"
      active.run.stop()
      active.fiber?.interruptUnsafe()
      return Effect.logError(`execution ${active.id} is parked: ${problem}`).pipe(
        Effect.andThen(insist(
          active,
          active.log.tryAppend([{ _tag: "ExecutionParked", problem }], {
            set: { state: "parked", owner: null, problem, wakeAt: null }
          })
        )),
        Effect.ensuring(Effect.sync(() => {
          forget(active)
          listeners.state(active.id)
        }))
      )
    })

  const answer = (active: Active, key: string) =>
    Effect.suspend(() => {
      const data = active.inbox.get(key)
      if (data === undefined || active.state !== "running") return Effect.void
      return Effect.flatMap(active.run.answer(key, data), (result) => {
        if (result === "unknown") return Effect.void
        active.inbox.delete(key)
        if (result === "answered") return Effect.void
        return Effect.andThen(
          Effect.logWarning(`an answer to ${key} of execution ${active.id} is not what is waited for`),
          journal.refuse(active.id, key)
        )
      })
    })

  const deliver = (active: Active, { data, name }: Journal.Message): void => {
    if (active.state === "stopped" || active.inbox.has(name)) return
    if (name === Waiting.cancel || name === Waiting.cancelHard) return cancel(active, name === Waiting.cancelHard)
    active.inbox.set(name, data)
    background(answer(active, name))
  }

  const due = (active: Active, key: string, wait: Waiting.Timed) =>
    Effect.suspend(() => {
      active.timers.delete(key)
      if (active.inbox.has(key)) return Effect.void
      // somebody may have decided at the same moment: the first wins, by the journal
      const isFirst = wait.isContested
        ? insist(active, tell(active.id, { name: key, data: wait.outcome }))
        : Effect.succeed(true)
      return Effect.flatMap(isFirst, (isFirst) => {
        if (!isFirst) return kick
        active.inbox.set(key, wait.outcome)
        return answer(active, key)
      })
    })

  const tellChildren = (awaited: ReadonlyArray<{ readonly waits: unknown }>, isHard: boolean): void => {
    for (const { waits } of awaited) {
      const child = Waiting.childOf(waits)
      if (child !== undefined) background(tell(child, Waiting.cancelMessage(isHard)))
    }
  }

  const cancel = (active: Active, isHard: boolean): void => {
    const interrupt = () => {
      if (active.state !== "running" && active.state !== "releasing") return
      active.state = "cancelling"
      tellChildren(active.run.awaited, isHard)
      active.fiber?.interruptUnsafe()
    }
    if (isHard) return active.run.interrupt === undefined ? interrupt() : active.run.interrupt()
    active.run.cancel()
    active.run.onCancelled = interrupt
    if (active.run.isParked) interrupt()
  }

  /** Gives an execution up that only waits. */
  const release = (active: Active) =>
    Effect.gen(function*() {
      const waits = active.run.awaited
      const wakeAt = Waiting.nextWake(waits)
      const keys = new Set(waits.map(({ key }) => key))
      const take = [...active.inbox.keys()].filter((name) => !keys.has(name))
      const isReleased = yield* journal.release(active.id, active.owner, {
        state: Waiting.stateOf(waits),
        waits: active.run.waits,
        wakeAt: wakeAt ?? null,
        take
      })
      if (active.state !== "releasing") return
      if (isReleased) {
        stop(active)
        listeners.state(active.id)
        if (wakeAt !== undefined) kicked.openUnsafe()
        return
      }
      active.state = "running"
      for (const name of take) active.inbox.delete(name)
      const messages = yield* journal.inbox(active.owner, active.id)
      // nobody's message kept it: it is not ours any more
      if (messages.length === 0 && (yield* journal.entry(active.id))?.owner !== active.owner) return stop(active)
      for (const { message } of messages) deliver(active, message)
      // what came while it was being given up was kept, and not answered
      for (const key of active.inbox.keys()) yield* answer(active, key)
      if (active.run.isParked) parked(active)
    }).pipe(
      Effect.catchTag("JournalUnavailable", () => {
        if (active.state === "releasing") active.state = "running"
        return Effect.andThen(Effect.sleep(lookEvery), Effect.sync(() => active.run.isParked && parked(active)))
      })
    )

  const parked = (active: Active): void => {
    if (active.state !== "running") return
    if (suspect === active.id) suspect = undefined
    const wakeAt = Waiting.nextWake(active.run.awaited)
    if (wakeAt !== undefined && wakeAt - now() <= keepFor) return
    active.state = "releasing"
    background(release(active))
  }

  /** What the code came to, and what is left to do for it. */
  const finish = (active: Active, exit: Exit.Exit<unknown, unknown>) =>
    Effect.suspend(() => {
      const { expected } = active.run
      const isCancelled = active.state === "cancelling" && Exit.isFailure(exit)
      if (expected !== undefined && !isCancelled) {
        return park(active, `its code has ended, and the journal holds ${expected} next: was the code changed?`)
      }
      active.run.end()
      active.state = "ending"
      return end(active, isCancelled ? Exit.interrupt() : exit)
    })

  const end = Effect.fnUntraced(function*(active: Active, exit: Exit.Exit<unknown, unknown>) {
    const { definition } = active.registered
    const stored = Waiting.encodeEnd(active.id, definition, exit)
    if (Exit.isFailure(stored.exit)) yield* undo(active, stored.json)
    const state = Exit.isSuccess(stored.exit)
      ? "completed" as const
      : Cause.hasInterruptsOnly(stored.exit.cause)
      ? "cancelled" as const
      : "failed" as const
    const told = active.parent && {
      execution: active.parent.execution,
      message: { name: active.parent.key, data: Waiting.childExit(active.id, definition, stored.exit) }
    }
    yield* insist(
      active,
      active.log.tryAppend([{ _tag: "ExecutionCompleted", exit: stored.json }], {
        set: { state, owner: null, waits: [], wakeAt: null },
        ...(told === null ? {} : { post: told }),
        ...definition.makeRun === undefined ? {} : {
          tell: {
            prefix: Waiting.askedBy,
            message: { name: Waiting.childKey(active.id), data: Waiting.childExit(active.id, definition, stored.exit) }
          }
        }
      })
    )
    forget(active)
    listeners.state(active.id)
    // those who asked to be told are looked for
    if (definition.makeRun !== undefined) kicked.openUnsafe()
    if (told !== null) {
      const parent = running.get(told.execution)
      if (parent === undefined) kicked.openUnsafe()
      else deliver(parent, told.message)
    }
  }, (effect, active) => Effect.onExit(effect, (exit) => Effect.sync(() => Exit.isFailure(exit) && stop(active))))

  /** Undoes the completed steps, the last first. What a run before has undone is left alone. */
  const undo = Effect.fnUntraced(function*(active: Active, exit: Schema.Json) {
    const events = yield* insist(active, journal.load(active.id))
    const history = Replay.fromEvents(events.map(({ event }) => event))
    if (history.undoable.length === 0) return
    if (history.rollback === undefined) yield* active.log.append({ _tag: "RollbackStarted", exit })
    for (const step of history.undoable.toReversed()) {
      const key = Rollback.keyOf(step.key)
      if (history.steps.get(key)?._tag === "Completed") continue
      active.log.put({ _tag: "StepStarted", key, name: step.name, payload: null })
      const done = yield* Effect.exit(
        Effect.provideContext(Rollback.run(step, active.run.rollbacks.get(step.key)), active.registered.context)
      )
      yield* active.log.append({ _tag: "StepCompleted", key, exit: Rollback.encode(done) })
    }
  })

  // ---- what begins a run ---------------------------------------------------------------------------------------

  /** Watches over a replay that waits for a recorded step that nobody asks for. */
  const watchReplay = (active: Active) =>
    Effect.gen(function*() {
      for (let before = -1;;) {
        yield* Effect.sleep(stuckAfter)
        const { handedOut, waiting } = active.run.progress
        const { expected } = active.run
        if (expected === undefined) return
        if (handedOut === before && waiting !== undefined) {
          return yield* park(
            active,
            `the journal holds ${expected} next, and its code asks for ${waiting} instead: was the code changed?`
          )
        }
        before = handedOut
      }
    })

  const begin = (
    id: string,
    registered: Registered,
    events: ReadonlyArray<Recorded>,
    owner: string,
    sequence: number,
    inbox: ReadonlyArray<Journal.Addressed> = []
  ): void => {
    const history = Replay.fromEvents(events.map(({ event }) => event))
    const { parent, payload: stored, seed } = history.started!
    const { context, definition } = registered
    const idle = new Idle(new Scheduler.MixedScheduler())
    const log = new ExecutionLog(journal, id, sequence)
    // an answer that cannot be looked up is made anew
    const recall = (key: string) => Effect.orElseSucceed(journal.recall(key), () => undefined)
    const made = { id, seed, now, recall }
    const run = definition.makeRun?.(history, log, made) ?? new ExecutionRun(history, log, idle, made)
    const active: Active = {
      id,
      registered,
      parent: parent ?? null,
      owner,
      run,
      log,
      feed: new Feed(() => log.durable),
      inbox: new Map(),
      timers: new Map(),
      fiber: undefined,
      state: "running"
    }
    running.set(id, active)
    log.onPut = () => late.add(log)
    log.onAppended = () => listeners.event(id)
    log.onFailed = (error) => {
      stop(active)
      stranded.add(id)
      background(Effect.andThen(Effect.sleep(lookEvery), kick))
      if (error._tag !== "Fenced") {
        background(Effect.logWarning(`execution ${id} stops for now: ${error.message}`))
      }
    }
    run.onProblem = (problem) => void background(park(active, problem))
    run.onParked = () => parked(active)
    run.onAwaited = ({ key, waits }) => {
      const timed = Waiting.timed(waits)
      if (timed !== undefined) {
        active.timers.set(
          key,
          background(Effect.andThen(Effect.sleep(Math.max(0, timed.until - now())), due(active, key, timed)))
        )
      }
      background(answer(active, key))
    }
    if (history.rollback !== undefined) {
      active.state = "ending"
      background(end(active, Waiting.decodeEnd(definition, history.rollback.exit)))
      return
    }
    const isTold = (name: string) => inbox.some(({ message }) => message.name === name)
    if (definition.makeRun === undefined && isTold(Waiting.cancelHard)) {
      // nothing of it runs, and nothing of it has to
      active.state = "ending"
      tellChildren(history.waits, true)
      background(end(active, Exit.interrupt()))
      return
    }
    let payload: unknown
    try {
      payload = Codecs.of(definition.payload).decode(stored)
    } catch (cause) {
      background(
        park(active, `its payload does not decode any more: ${cause instanceof Error ? cause.message : cause}`)
      )
      return
    }
    if (history.order.length > 0) active.timers.set("replay", background(watchReplay(active)))
    const full = Context.mergeAll(
      context,
      Context.make(StepScope, run.scope()),
      Context.make(CurrentExecution, { executionId: id, workflow: definition.name, version: definition.version }),
      Context.make(Engine, engine),
      Context.make(CurrentFeed, active.feed)
    )
    // no step begins of what was cancelled before; what else it was told is there when it asks
    if (definition.makeRun === undefined && isTold(Waiting.cancel)) cancel(active, false)
    active.fiber = Effect.runForkWith(full)(run.main(Effect.suspend(() => definition.run(payload))), {
      scheduler: idle
    })
    active.fiber.addObserver((exit) => {
      if (active.state === "running" || active.state === "cancelling" || active.state === "releasing") {
        background(finish(active, exit))
      }
    })
    if (active.state === "cancelling") active.fiber.interruptUnsafe()
    for (const { message } of inbox) deliver(active, message)
  }

  const tell = (execution: string, message: Journal.Message): Effect.Effect<boolean, Journal.JournalUnavailable> =>
    Effect.map(journal.post(execution, message), (isFirst) => {
      if (!isFirst) return false
      const active = running.get(execution)
      if (active === undefined) kicked.openUnsafe()
      else deliver(active, message)
      listeners.state(execution)
      return true
    })

  const self = Effect.flatMap(owners.self, (owner) => {
    if (!names.has(owner)) {
      names.add(owner)
      // the lock of the old name is lost: others may have taken over what was owned under it
      for (const active of running.values()) if (active.owner !== owner) stop(active)
    }
    return Effect.succeed(owner)
  })

  /** Takes an execution over; nothing, if somebody else was quicker. */
  const claim = Effect.fnUntraced(function*(entry: Journal.Entry, owner: string) {
    const { epoch, id } = entry
    const registered = registry.get(nameOf({ name: entry.workflow, version: entry.version }))
    if (registered === undefined || running.has(id)) return
    const loaded = yield* Effect.exit(journal.load(id))
    if (Exit.isFailure(loaded)) {
      const error = Cause.squash(loaded.cause)
      if (!(error instanceof Journal.JournalUnreadable)) return yield* Effect.failCause(loaded.cause)
      yield* Effect.logError(`execution ${id} is parked: ${error.message}`)
      yield* journal.append(id, 0, [], { set: { state: "parked", owner: null, problem: error.message } })
      return listeners.state(id)
    }
    const events = loaded.value
    const history = Replay.fromEvents(events.map(({ event }) => event))
    if (history.epoch !== epoch || running.has(id)) return
    const crashed = entry.owner !== null && !names.has(entry.owner)
    const crashes = crashed ? history.crashes + 1 : 0
    if (crashes >= maxCrashes) {
      const problem = `the process that had it died ${crashes} times in a row; retry it when the cause is gone`
      yield* Effect.logError(`execution ${id} is parked: ${problem}`)
      yield* journal.append(id, events.length, [{ _tag: "ExecutionParked", problem }], {
        set: { state: "parked", owner: null, problem }
      })
      return listeners.state(id)
    }
    if (crashes === maxCrashes - 1) {
      if (suspect !== undefined) return
      suspect = id
    }
    const claimed: JournalEvent = { _tag: "Claimed", owner, epoch: epoch + 1, ...(crashed ? { crashed } : {}) }
    yield* journal.append(id, events.length, [claimed], {
      set: { state: "running", owner, epoch: epoch + 1, wakeAt: null }
    }).pipe(Effect.onError(() => Effect.sync(() => suspect === id && (suspect = undefined))))
    const inbox = yield* journal.inbox(owner, id)
    const all = [...events, { sequence: events.length, at: now(), event: claimed }]
    begin(id, registered, all, owner, all.length, inbox)
    listeners.state(id)
  }, Effect.catchTag("Fenced", () => Effect.void))

  /** Looks once at all that others may have done; gives when it has to look again. */
  const look = Effect.gen(function*() {
    const owner = yield* self
    for (const { execution, message } of yield* journal.inbox(owner)) {
      const active = running.get(execution)
      if (active !== undefined) deliver(active, message)
    }
    for (const id of stranded) {
      const entry = yield* journal.entry(id)
      if (entry?.state === "running" && entry.owner !== null && names.has(entry.owner)) yield* claim(entry, owner)
      stranded.delete(id)
    }
    const gone = yield* Effect.filter(
      (yield* journal.owners).filter((other) => other !== owner),
      (other) => names.has(other) ? Effect.succeed(true) : Effect.map(owners.isAlive(other), (isAlive) => !isAlive)
    )
    leftToOthers.look()
    const before = running.size
    let after: Journal.Entry | undefined
    // all pages: one that is full of those that are left alone must not hide the rest
    while (running.size < maxRunning) {
      const entries: ReadonlyArray<Journal.Entry> = yield* journal.claimable({
        definitions: [...registry.keys()],
        owners: gone,
        now: now(),
        after,
        limit: claimAtOnce
      })
      const taken = leftToOthers.take(entries, now()).slice(0, maxRunning - running.size)
      yield* Effect.forEach(taken, (entry) => claim(entry, owner), { concurrency: 16, discard: true })
      after = entries.at(-1)
      if (entries.length < claimAtOnce) break
    }
    // what they wait for may be there
    if (running.size > before) kicked.openUnsafe()
    return yield* journal.nextWake
  })

  const retry = (id: string) =>
    Effect.tap(Retrying.retry(journal, id), (isRetried) =>
      Effect.sync(() => {
        if (!isRetried) return
        kicked.openUnsafe()
        listeners.state(id)
      }))

  // ---- the engine ----------------------------------------------------------------------------------------------

  const engine: Engine["Service"] = Engine.of({
    journal,
    register: (definition) =>
      Effect.gen(function*() {
        const key = nameOf(definition)
        if (registry.has(key)) {
          return yield* new WorkflowConflict({ workflow: definition.name, version: definition.version })
        }
        registry.set(key, { definition, context: yield* Effect.context<any>() })
        yield* Effect.addFinalizer(() =>
          Effect.suspend(() => {
            registry.delete(key)
            return stopAll([...running.values()].filter(({ registered }) => registered.definition === definition))
          })
        )
        kicked.openUnsafe()
      }),
    start: Effect.fnUntraced(function*(definition, payload, options = {}) {
      const encoded = yield* Effect.try({
        try: () => Codecs.of(definition.payload).encode(payload),
        catch: (cause) => PayloadInvalid.of(definition.name, cause)
      })
      const owner = yield* self
      const id = options.id ?? (yield* ids.uuidV7())
      const seed = yield* ids.uuidV4()
      const registered = registry.get(nameOf(definition))
      const isHere = registered !== undefined && running.size < maxRunning && placement.isHere(id)
      const started = {
        _tag: "ExecutionStarted" as const,
        workflow: definition.name,
        version: definition.version,
        payload: encoded,
        seed,
        ...(options.parent === undefined ? {} : { parent: options.parent })
      }
      const claimed = { _tag: "Claimed" as const, owner, epoch: 1 }
      const isNew = yield* journal.append(id, 0, isHere ? [started, claimed] : [started], {
        create: {
          workflow: definition.name,
          version: definition.version,
          state: isHere ? "running" : "queued",
          owner: isHere ? owner : null,
          epoch: isHere ? 1 : 0,
          parent: options.parent ?? null,
          wakeAt: null,
          waits: [],
          problem: null
        }
      }).pipe(Effect.as(true), Effect.catchTag("Fenced", () => Effect.succeed(false)))
      if (isNew) {
        if (isHere) begin(id, registered, [{ sequence: 0, at: now(), event: started }], owner, 2)
        else kicked.openUnsafe()
        return id
      }
      const entry = yield* journal.entry(id)
      if (entry !== undefined && entry.workflow !== definition.name) {
        return yield* new ExecutionExists({ execution: id, workflow: entry.workflow, asked: definition.name })
      }
      if (entry !== undefined && options.parent !== undefined) {
        const told = yield* Retrying.startAgain(journal, entry, definition, retry(id))
        if (told !== undefined) yield* tell(told.execution, told.message)
      }
      return id
    }),
    tell,
    retry,
    watch: listeners.watch,
    listen: (id, listener) =>
      Effect.asVoid(Effect.acquireRelease(
        Effect.sync(() => listeners.add(id, "event", listener)),
        (remove) => Effect.sync(remove)
      )),
    follow: (execution, { from, owner, wake }) =>
      Effect.suspend(() => {
        if (!names.has(owner)) return Following.remote(owners, owner, { execution, from }, wake)
        const feed = running.get(execution)?.feed
        return feed === undefined ? Effect.succeed(undefined) : Following.local(feed, from, wake)
      })
  })

  yield* Effect.addFinalizer(() =>
    Effect.gen(function*() {
      isClosed = true
      yield* stopAll([...running.values()])
      yield* Fiber.interruptAll(forked)
      listeners.close()
      for (const name of names) yield* Effect.ignore(journal.disown(name))
    })
  )
  yield* Effect.forkIn(
    Effect.forever(Effect.gen(function*() {
      kicked.closeUnsafe()
      const next = yield* Effect.catchCause(
        look,
        (cause) => Effect.as(Effect.logWarning("the journal could not be looked at", cause), now() + lookEvery)
      )
      const due = Effect.suspend(() => next === undefined ? Effect.never : Effect.sleep(Math.max(0, next - now())))
      yield* Effect.raceFirst(kicked.await, due)
    })),
    scope
  )
  const written = Effect.sync(() => {
    kicked.openUnsafe()
    listeners.any()
  })
  yield* owners.serve(({ execution, from }) => {
    const feed = running.get(execution)?.feed
    return feed === undefined ? Stream.empty : Following.lines(feed, from)
  }).pipe(Effect.catchCause((cause) => Effect.logDebug("other processes cannot ask for progress here", cause)))
  if (owners.isShared) {
    // others live in the world's time, whatever the time of the executions is
    const beat = Effect.provideService(Effect.sleep(lookEvery), Clock.Clock, Clock.Clock.defaultValue())
    yield* Effect.forkIn(Effect.forever(Effect.andThen(beat, written)), scope)
  }
  yield* Effect.forkIn(Stream.runForEach(owners.changes, () => written), scope)
  return engine
})
