/**
 * One run of an execution in this process: its steps are answered from the journal, or run and recorded.
 *
 * It owns the order of answers (`Gate`) and the numbers of the journal's events. Stopping it (shutdown, a pause, lost
 * ownership) records nothing: the next run goes on from what is there.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import type { JournalEvent } from "../../core/JournalEvent.ts"
import * as InDoubt from "../InDoubt.ts"
import type { Also, Change } from "../Journal.ts"
import { type Attempts, type FailedAttempt, type Folded, type Step, StepScope, type Wait } from "../StepScope.ts"
import { TaskInDoubt } from "../TaskError.ts"
import * as Codecs from "./codecs.ts"
import type { Log } from "./ExecutionLog.ts"
import { Gate } from "./Gate.ts"
import type { Idle } from "./Idle.ts"
import type * as Replay from "./Replay.ts"
import type { Awaited, Made, Run } from "./Run.ts"
import { States } from "./States.ts"
import * as StepKey from "./StepKey.ts"
import * as Timer from "./timer.ts"

interface Answerable {
  readonly accepts: (exit: unknown) => boolean
  readonly answer: (exit: unknown) => Effect.Effect<void>
}

/** The code within one step, or of the whole execution: what it has under way. */
interface Level {
  readonly key: string
  readonly above: Level | undefined
  readonly counts: StepKey.Counts
  /** The steps that run within it. */
  readonly steps: Set<Level>
  /** How much of it waits for somebody. */
  waits: number
  /** How much of it is on its way into the journal, or back from it. */
  busy: number
  /** Since when all of it waits, and for how long it did before, in milliseconds. */
  parkedAt: number | undefined
  parkedFor: number
}

const makeLevel = (key: string, above: Level | undefined): Level => ({
  key,
  above,
  counts: new Map(),
  steps: new Set(),
  waits: 0,
  busy: 0,
  parkedAt: undefined,
  parkedFor: 0
})

/** Whether all that is under way at a level waits for somebody. */
const isParked = (level: Level): boolean => {
  if (level.busy > 0 || level.waits + level.steps.size === 0) return false
  for (const step of level.steps) if (!isParked(step)) return false
  return true
}

/** A run under way. */
export class ExecutionRun implements Run {
  readonly #gate: Gate
  readonly #replay: Replay.Replay
  readonly #log: Log
  readonly #made: Made
  readonly #root = makeLevel("", undefined)
  readonly #listed = new Map<string, Awaited>()
  readonly #awaited = new Map<string, Answerable>()
  #state: "running" | "stopping" | "ended" = "running"
  #isCancelled = false
  #limits = 0
  readonly #states = new States()
  /** The steps that another execution's answer was given to. */
  readonly #recalled = new Set<string>()
  /** How to undo the steps that this run has asked for, by their keys. */
  readonly rollbacks = new Map<string, Step<any, any>>()
  /** Called when the execution has reached something that it waits for; what that says is durable. */
  onAwaited: (awaited: Awaited) => void = () => {}
  /** Called when all that is under way waits for somebody. */
  onParked: () => void = () => {}
  /** Called when what is recorded and what the code does cannot both be true: the run can only be stopped. */
  onProblem: (problem: string) => void = () => {}
  /** Called when the code asks for something new after `cancel`. */
  onCancelled: () => void = () => {}

  constructor(replay: Replay.Replay, log: Log, idle: Idle, made: Made) {
    this.#replay = replay
    this.#log = log
    this.#made = made
    this.#gate = new Gate(replay.order, replay.unasked, idle)
    this.#gate.onUnasked = (key) => {
      const record = replay.steps.get(key)
      if (record?._tag === "Changed") this.#states.add(record.state, record.change)
    }
    this.#gate.onQuiet = () => {
      if (this.#limits > 0) this.#noteParked(this.#root)
      if (this.isParked) this.onParked()
    }
  }

  /** The code runs once: it goes on where it waits. */
  main<A, E, R>(code: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return code
  }

  /** What the execution waits for now. */
  get awaited(): ReadonlyArray<Awaited> {
    return [...this.#listed.values()]
  }

  /** Whether all that is under way waits for somebody, and nothing is recorded that was not asked for. */
  get isParked(): boolean {
    return this.#state === "running" && !this.#gate.isReplaying && isParked(this.#root)
  }

  /**
   * Answers a wait with an encoded outcome: `unknown` if nobody waits for it (yet, or any more), `refused` if it is not
   * what is waited for.
   */
  answer(key: string, exit: unknown): Effect.Effect<"answered" | "unknown" | "refused"> {
    return Effect.suspend(() => {
      const awaited = this.#awaited.get(key)
      if (awaited === undefined || this.#state !== "running") return Effect.succeed("unknown" as const)
      if (!awaited.accepts(exit)) return Effect.succeed("refused" as const)
      this.#awaited.delete(key)
      return Effect.as(awaited.answer(exit), "answered" as const)
    })
  }

  /** The step that is recorded next, and that the code has not asked for. */
  get expected(): string | undefined {
    return this.#gate.expected
  }

  /** How many recorded answers were given, and a step that waits for the next. */
  get progress(): { readonly handedOut: number; readonly waiting: string | undefined } {
    return { handedOut: this.#gate.handedOut, waiting: this.#gate.waiting }
  }

  /** From now on nothing new begins; what runs goes on to its end. */
  cancel(): void {
    this.#isCancelled = true
  }

  /** From now on nothing is recorded: the fibers are about to be interrupted, and the execution goes on elsewhere. */
  stop(): void {
    this.#state = "stopping"
  }

  /** The code has come to its end: whoever still calls a step is told so. */
  end(): void {
    this.#state = "ended"
  }

  /** The scope of the execution's own code. */
  scope(): StepScope {
    return this.#scope(this.#root)
  }

  #scope(level: Level, attempts?: Attempts): StepScope {
    return {
      idempotencyKey: StepKey.idempotencyKey(this.#made.id, level.key),
      attempts,
      step: (step, body) => this.#step(level, step, body),
      wait: (wait) => this.#wait(level, wait),
      uuid: () => StepKey.uuid(this.#made.seed, StepKey.next(level.counts, level.key, "uuid", "")),
      state: (state) => this.#read(state),
      change: (state, change) => this.#change(level, state, change),
      isStopping: () => this.#state === "stopping",
      random: () => StepKey.random(this.#made.seed, StepKey.next(level.counts, level.key, "random", ""))
    }
  }

  /** The attempts at a step whose body is at `level`. */
  #attempts(level: Level, step: Step<any, any>): Attempts {
    const codec = Codecs.ofExit(step)
    const failed = (this.#replay.attempts.get(level.key) ?? []).map(({ attempt, exit, retry, time }): FailedAttempt => {
      const decoded = this.#decode(level.key, step, exit)
      const error = decoded !== undefined && Exit.isFailure(decoded) ? Cause.squash(decoded.cause) : undefined
      return { attempt, error, retry, time }
    })
    return {
      failed,
      fail: ({ attempt, error, retry, time }) =>
        this.#log.append({
          _tag: "AttemptFailed",
          key: level.key,
          attempt,
          exit: codec.encode(Exit.fail(error)),
          retry,
          time
        }),
      make: (attempt, body, { delay, limit }) => {
        const inside = makeLevel(StepKey.ofAttempt(level.key, attempt), level)
        const scope = this.#scope(inside)
        const effect = Effect.provideService(body, StepScope, scope)
        return Effect.suspend(() => {
          level.steps.add(inside)
          const limited = limit === undefined ? Effect.asSome(effect) : this.#limited(inside, limit, effect)
          const millis = delay === undefined ? 0 : Duration.toMillis(delay)
          return millis > 0 ? Effect.andThen(Timer.wait(scope, "retry", (now) => now + millis), limited) : limited
        }).pipe(Effect.ensuring(Effect.sync(() => level.steps.delete(inside))))
      }
    }
  }

  /** Runs `body` for no more than `limit` in which not all of it waits. */
  #limited<A, E, R>(
    level: Level,
    limit: Duration.Duration,
    body: Effect.Effect<A, E, R>
  ): Effect.Effect<Option.Option<A>, E, R> {
    const parkedFor = () => {
      if (!isParked(level)) this.#unpark(level)
      return level.parkedFor + (level.parkedAt === undefined ? 0 : this.#made.now() - level.parkedAt)
    }
    const sleep = (millis: number): Effect.Effect<Option.Option<A>> =>
      Effect.suspend(() => {
        const before = parkedFor()
        return Effect.flatMap(Effect.sleep(millis), () => {
          const rest = parkedFor() - before
          return rest > 0 ? sleep(rest) : Effect.succeedNone
        })
      })
    return Effect.suspend(() => {
      this.#limits++
      return Effect.raceFirst(Effect.asSome(body), sleep(Duration.toMillis(limit)))
    }).pipe(Effect.ensuring(Effect.sync(() => this.#limits--)))
  }

  #noteParked(level: Level): void {
    if (level.parkedAt === undefined && isParked(level)) level.parkedAt = this.#made.now()
    for (const step of level.steps) this.#noteParked(step)
  }

  #unpark(level: Level): void {
    for (let at: Level | undefined = level; at !== undefined; at = at.above) {
      if (at.parkedAt === undefined) continue
      at.parkedFor += this.#made.now() - at.parkedAt
      at.parkedAt = undefined
    }
  }

  #step<A, E, R>(level: Level, step: Step<A, E>, body: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.withFiber((fiber) => {
      const asked = { ...step, services: fiber.context }
      return this.#ask(level, asked, (key, payload) => this.#live(level, key, asked, payload, body))
    })
  }

  /** Answers a step from the history, or runs `live` when the history is at its end. */
  #ask<A, E, R>(
    level: Level,
    step: Step<A, E> | Wait<A, E>,
    live: (key: string, payload: unknown) => Effect.Effect<A, E, R>
  ): Effect.Effect<A, E, R> {
    return Effect.suspend(() => {
      if (this.#state === "ended") {
        return Effect.die(new Error(`step ${step.name} was called after its execution had ended`))
      }
      const payload = Codecs.of(step.payloadSchema).encode(step.payload, step.services)
      const key = StepKey.next(level.counts, level.key, step.name, JSON.stringify(payload))
      if ("rollback" in step && step.rollback !== undefined) this.rollbacks.set(key, step)
      const record = this.#replay.steps.get(key)
      if (record?._tag === "Discarded") return Effect.never
      if (record?._tag === "Completed") return this.#answer(key, step, record.exit)
      if (this.#isCancelled) {
        this.onCancelled()
        return Effect.never
      }
      return this.#gate.isReplaying && !this.#replay.around.has(key)
        ? Effect.andThen(Effect.callback<void>((resume) => this.#onceOrNever(key, resume)), live(key, payload))
        : live(key, payload)
    })
  }

  #read<A>(state: Folded<A, any>): Effect.Effect<A> {
    return Effect.suspend(() => {
      try {
        return Effect.succeed(this.#states.get(state))
      } catch (cause) {
        const said = cause instanceof Error ? cause.message : String(cause)
        this.onProblem(`a recorded change of the state ${state.name} does not decode any more: ${said}`)
        return Effect.never
      }
    })
  }

  /** A change is recorded and handed out like a step's answer: who reads before or after it does so in every replay. */
  #change<C>(level: Level, { changeSchema, name }: Folded<any, C>, change: C): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.#state === "ended") {
        return Effect.die(new Error(`the state ${name} was changed after its execution had ended`))
      }
      const json = Codecs.of(changeSchema).encode(change)
      // told apart by their order alone: what is recorded stands, whatever a body that runs again makes of it
      const key = StepKey.next(level.counts, level.key, name, "")
      const record = this.#replay.steps.get(key)
      if (record?._tag === "Discarded") return Effect.never
      if (record?._tag === "Changed") {
        if (record.isDiscarded) return Effect.never
        return this.#changed(key, name, record.change, (made) => this.#gate.awaitRecorded(key, made))
      }
      if (this.#isCancelled) {
        this.onCancelled()
        return Effect.never
      }
      const live = Effect.uninterruptibleMask((restore) => {
        level.busy++
        return Effect.andThen(
          this.#log.append({ _tag: "StateChanged", key, state: name, change: json }),
          restore(this.#changed(key, name, json, (made) =>
            this.#gate.awaitCommitted(() => {
              level.busy--
              made()
            })))
        )
      })
      return this.#gate.isReplaying
        ? Effect.andThen(Effect.callback<void>((resume) => this.#onceOrNever(key, resume)), live)
        : live
    })
  }

  /** Makes a recorded change when its turn has come, also when whoever made it is gone by then. */
  #changed(key: string, name: string, change: unknown, inTurn: (made: () => void) => void): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      let isMade = false
      inTurn(() => {
        isMade = true
        this.#states.add(name, change)
        resume(Effect.void)
      })
      return Effect.sync(() => {
        if (!isMade) this.#discarded(key)
      })
    })
  }

  #wait<A, E>(level: Level, wait: Wait<A, E>): Effect.Effect<A, E> {
    return this.#ask(level, wait, (key) => {
      const record = this.#replay.steps.get(key)
      if (record?._tag === "Awaited") return this.#await(level, key, wait, record.waits)
      return Effect.uninterruptibleMask((restore) => {
        level.busy++
        return Effect.flatMap(wait.waits(key), (waits) => {
          this.#listed.set(key, { key, name: wait.name, waits })
          const also = { set: { waits: this.waits } }
          return Effect.flatMap(this.#log.append({ _tag: "StepAwaited", key, name: wait.name, waits }, also), () => {
            level.busy--
            return restore(this.#await(level, key, wait, waits))
          })
        })
      })
    })
  }

  /** What the execution waits for, for its entry. */
  get waits(): ReadonlyArray<Schema.Json> {
    return [...this.#listed.values()].map(({ key, name, waits }) => ({ key, name, waits: waits as Schema.Json }))
  }

  /** Waits until somebody answers; what is awaited is durable. */
  #await<A, E>(level: Level, key: string, wait: Wait<A, E>, waits: unknown): Effect.Effect<A, E> {
    return Effect.callback<A, E>((resume) => {
      let state: "waiting" | "answered" | "over" = "waiting"
      const awaited: Answerable = {
        accepts: (exit) => {
          try {
            Codecs.ofExit(wait).decode(exit)
            return true
          } catch {
            return false
          }
        },
        answer: (exit) =>
          Effect.suspend(() => {
            state = "answered"
            level.waits--
            level.busy++
            this.#unpark(level)
            this.#listed.delete(key)
            const also = { set: { waits: this.waits }, take: [key] }
            return this.#log.append({ _tag: "StepCompleted", key, exit: exit as Schema.Json }, also)
          }).pipe(Effect.map(() => {
            this.#gate.awaitCommitted(() => {
              level.busy--
              if (state === "over") return this.#discarded(key)
              state = "over"
              resume(this.#given(key, wait, exit))
            })
          }))
      }
      level.waits++
      this.#listed.set(key, { key, name: wait.name, waits })
      this.#awaited.set(key, awaited)
      this.onAwaited({ key, name: wait.name, waits })
      this.#gate.settle()
      return Effect.sync(() => {
        if (state === "waiting") {
          level.waits--
          this.#unpark(level)
          this.#awaited.delete(key)
          this.#listed.delete(key)
          // nobody is asked to answer it any more
          this.#discarded(key, { waits: this.waits })
        }
        // an answer that is under way is thrown away when it is there
        state = "over"
        this.#gate.settle()
      })
    })
  }

  #onceOrNever(key: string, resume: (effect: Effect.Effect<void>) => void): Effect.Effect<void> {
    const takeBack = this.#gate.awaitStart(key, () => resume(Effect.void))
    // what it waited for may be discarded, too: a later replay would not have it wait
    return this.#forget(key, takeBack)
  }

  /** The recorded outcome, when its turn has come. */
  #answer<A, E>(key: string, step: Step<A, E> | Wait<A, E>, exit: unknown): Effect.Effect<A, E> {
    return Effect.callback<A, E>((resume) => {
      const takeBack = this.#gate.awaitRecorded(
        key,
        () => resume(this.#given(key, step, exit))
      )
      return this.#forget(key, takeBack)
    })
  }

  /** Whoever waited for an answer is gone: it will not be given, now or on a replay. */
  #forget(key: string, takeBack: () => void): Effect.Effect<void> {
    return Effect.sync(() => {
      takeBack()
      this.#discarded(key)
    })
  }

  /** A recorded outcome, for whoever asked. */
  #given<A, E>(key: string, step: Step<A, E> | Wait<A, E>, exit: unknown): Effect.Effect<A, E> {
    return Effect.suspend(() => this.#decode(key, step, exit) ?? Effect.never)
  }

  #decode<A, E>(key: string, step: Step<A, E> | Wait<A, E>, exit: unknown): Exit.Exit<A, E> | undefined {
    try {
      return Codecs.ofExit(step).decode(exit) as Exit.Exit<A, E>
    } catch (cause) {
      const said = cause instanceof Error ? cause.message : String(cause)
      this.onProblem(`what is recorded of step ${key} does not decode any more: ${said}`)
      return undefined
    }
  }

  #live<A, E, R>(
    level: Level,
    key: string,
    step: Step<A, E>,
    payload: unknown,
    body: Effect.Effect<A, E, R>
  ): Effect.Effect<A, E, R> {
    return Effect.uninterruptibleMask((restore) => {
      const isCareful = step.inDoubt === "fail" || step.inDoubt === "ask"
      let started = Effect.void
      if (!this.#replay.steps.has(key)) {
        const rollback = step.rollback === undefined ? {} : { rollback: true }
        const json = payload as Schema.Json
        const event: JournalEvent = { _tag: "StepStarted", key, name: step.name, payload: json, ...rollback }
        // what may not be repeated has to have begun before it begins
        if (isCareful) started = this.#log.append(event)
        else this.#log.put(event)
      }
      const inside = makeLevel(key, level)
      level.steps.add(inside)
      const scope = this.#scope(inside, this.#attempts(inside, step))
      const cached = step.cache === undefined ? body : this.#cached(key, step, payload, body)
      const careful = isCareful ? Effect.andThen(this.#decided(key, step, payload), cached) : cached
      const settled = Effect.flatMap(
        Effect.exit(Effect.andThen(started, restore(Effect.provideService(careful, StepScope, scope)))),
        (exit) =>
          Effect.flatMap(
            Effect.exit(restore(Effect.void)),
            (interrupted) =>
              this.#state !== "running" || Exit.isFailure(interrupted)
                ? this.#discard(key, exit)
                : this.#complete(key, step, payload, exit, restore)
          )
      )
      return Effect.ensuring(settled, Effect.sync(() => level.steps.delete(inside)))
    })
  }

  /** Fails, or asks, for each time that the step was cut off. */
  #decided<A, E>(key: string, step: Step<A, E>, payload: unknown): Effect.Effect<void, E> {
    const times = this.#replay.doubts.get(key) ?? 0
    const inDoubt = Effect.fail(new TaskInDoubt({ task: step.name, step: key }) as E)
    if (times === 0) return Effect.void
    if (step.inDoubt === "fail") return inDoubt
    const ask = InDoubt.decide({ task: step.name, step: key, payload: payload as Schema.Json }) as Effect.Effect<string>
    return Effect.forEach(
      Array.from({ length: times }),
      () => Effect.flatMap(ask, (answer) => answer === "fail" ? inDoubt : Effect.void),
      { discard: true }
    )
  }

  /** What another step of that name and key came to, if that is still good: else what `body` does. */
  #cached<A, E, R>(
    key: string,
    step: Step<A, E>,
    payload: unknown,
    body: Effect.Effect<A, E, R>
  ): Effect.Effect<A, E, R> {
    return Effect.flatMap(this.#made.recall(cacheKey(step, payload)), (exit) => {
      if (exit === undefined) return body
      this.#recalled.add(key)
      // what no longer decodes is made anew
      return this.#accepts(step, exit) ? this.#given(key, step, exit) : body
    })
  }

  #accepts(step: Step<any, any> | Wait<any, any>, exit: unknown): boolean {
    try {
      Codecs.ofExit(step).decode(exit, step.services)
      return true
    } catch {
      return false
    }
  }

  #discarded(key: string, set?: Change): void {
    if (this.#state === "running") this.#log.put({ _tag: "StepDiscarded", key }, set)
  }

  /** Whoever asked is gone. */
  #discard<A, E>(key: string, exit: Exit.Exit<A, E>): Effect.Effect<A, E> {
    this.#discarded(key)
    return Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause) ? exit : Effect.interrupt
  }

  #complete<A, E>(
    key: string,
    step: Step<A, E>,
    payload: unknown,
    exit: Exit.Exit<A, E>,
    restore: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  ): Effect.Effect<A, E> {
    const stored = encodeExit(key, step, exit)
    const isKept = step.cache !== undefined && Exit.isSuccess(stored.exit) && !this.#recalled.has(key)
    const also: Also | undefined = isKept
      ? {
        remember: {
          key: cacheKey(step, payload),
          exit: stored.json,
          until: this.#made.now() + Duration.toMillis(step.cache!.ttl)
        }
      }
      : undefined
    const delivered = Effect.callback<void>((resume) =>
      this.#forget(key, this.#gate.awaitCommitted(() => resume(Effect.void)))
    )
    return this.#log.append({ _tag: "StepCompleted", key, exit: stored.json }, also).pipe(
      Effect.andThen(restore(delivered)),
      Effect.andThen(stored.exit)
    )
  }
}

/** What tells the calls apart whose answers may be given again. */
const cacheKey = ({ cache, name }: Step<any, any>, payload: unknown): string =>
  StepKey.uuid(name, cache?.key ?? JSON.stringify(payload))

/** An outcome as the journal takes it. A value that its Schema does not take is a defect of the step. */
export const encodeExit = <A, E>(key: string, step: Step<A, E>, exit: Exit.Exit<A, E>) => {
  const codec = Codecs.ofExit(step)
  try {
    return { json: codec.encode(exit), exit }
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause)
    const defect = Exit.die(new Error(`the outcome of step ${key} does not fit its Schema: ${said}`))
    return { json: codec.encode(defect), exit: defect as Exit.Exit<A, E> }
  }
}
