/**
 * One run of an execution in this process: its steps are answered from the journal, or run and recorded.
 *
 * It owns the order of answers (`Gate`) and the numbers of the journal's events. Stopping it (shutdown, a pause, lost
 * ownership) records nothing: the next run goes on from what is there.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import type { JournalEvent } from "../../core/JournalEvent.ts"
import type { Journal, JournalError } from "../Journal.ts"
import { type Step, StepScope, type Wait } from "../StepScope.ts"
import { Gate } from "./Gate.ts"
import type { Idle } from "./Idle.ts"
import * as Replay from "./Replay.ts"
import * as StepKey from "./StepKey.ts"

/** Where a run's events go. */
export interface Log {
  /** Puts an event behind those before it; it is durable with the next one that is awaited. */
  readonly put: (event: JournalEvent) => void
  /** Puts an event, and waits until it is durable. */
  readonly append: (event: JournalEvent) => Effect.Effect<void, JournalError>
}

/** The log of one execution on a journal, from `sequence` on. */
export const logOf = (journal: Journal["Service"], execution: string, sequence: number): Log => {
  let next = sequence
  let buffer: Array<JournalEvent> = []
  return {
    put: (event) => {
      buffer.push(event)
    },
    append: (event) =>
      Effect.suspend(() => {
        const from = next
        const events = [...buffer, event]
        buffer = []
        next += events.length
        return journal.append(execution, from, events)
      })
  }
}

interface Codec {
  readonly encode: (value: unknown) => unknown
  readonly decode: (value: unknown) => unknown
}

const codecs = new WeakMap<Schema.Top, Codec>()

const codecOf = (key: Schema.Top, make: () => Schema.Top): Codec => {
  let codec = codecs.get(key)
  if (codec === undefined) {
    const json = Schema.toCodecJson(make()) as unknown as Schema.Codec<unknown>
    codec = { encode: Schema.encodeUnknownSync(json), decode: Schema.decodeUnknownSync(json) }
    codecs.set(key, codec)
  }
  return codec
}

const exits = new WeakMap<Schema.Top, WeakMap<Schema.Top, Schema.Top>>()

/** The Schema of a step's outcome: one object for one pair, since codecs are kept by it. */
const exitSchema = (success: Schema.Top, error: Schema.Top): Schema.Top => {
  let byError = exits.get(success)
  if (byError === undefined) exits.set(success, byError = new WeakMap())
  let exit = byError.get(error)
  if (exit === undefined) byError.set(error, exit = Schema.Exit(success, error, Schema.Defect()))
  return exit
}

const payloadCodec = ({ payloadSchema }: Step<any, any> | Wait<any, any>) => codecOf(payloadSchema, () => payloadSchema)

const exitCodec = ({ error, success }: Step<any, any> | Wait<any, any>) => {
  const exit = exitSchema(success, error)
  return codecOf(exit, () => exit)
}

/** Something that the execution waits for, to be answered by `ExecutionRun.answer`. */
export interface Awaited {
  readonly key: string
  readonly name: string
  readonly waits: unknown
}

/** The code within one step, or of the whole execution: what it has under way. */
interface Level {
  readonly key: string
  readonly counts: StepKey.Counts
  /** The steps that run within it. */
  readonly steps: Set<Level>
  /** How much of it waits for somebody. */
  waits: number
  /** How much of it is on its way into the journal, or back from it. */
  busy: number
}

const makeLevel = (key: string): Level => ({ key, counts: new Map(), steps: new Set(), waits: 0, busy: 0 })

/** Whether all that is under way at a level waits for somebody. */
const isParked = (level: Level): boolean => {
  if (level.busy > 0 || level.waits + level.steps.size === 0) return false
  for (const step of level.steps) if (!isParked(step)) return false
  return true
}

/** A run under way. */
export class ExecutionRun {
  readonly #gate: Gate
  readonly #replay: Replay.Replay
  readonly #log: Log
  readonly #root = makeLevel("")
  readonly #awaited = new Map<
    string,
    Awaited & { readonly answer: (exit: unknown) => Effect.Effect<void, JournalError> }
  >()
  #state: "running" | "stopping" | "ended" = "running"
  /** Called when the execution has reached something that it waits for; what that says is durable. */
  onAwaited: (awaited: Awaited) => void = () => {}
  /** Called when all that is under way waits for somebody. */
  onParked: () => void = () => {}

  constructor(replay: Replay.Replay, log: Log, idle: Idle) {
    this.#replay = replay
    this.#log = log
    this.#gate = new Gate(replay.order, idle)
    this.#gate.onQuiet = () => {
      if (this.#state === "running" && !this.#gate.isReplaying && isParked(this.#root)) this.onParked()
    }
  }

  /** What the execution waits for now. */
  get awaited(): ReadonlyArray<Awaited> {
    return [...this.#awaited.values()]
  }

  /** Answers a wait with an encoded outcome; `false` if nobody waits for it (any more). */
  answer(key: string, exit: unknown): Effect.Effect<boolean, JournalError> {
    return Effect.suspend(() => {
      const awaited = this.#awaited.get(key)
      if (awaited === undefined) return Effect.succeed(false)
      this.#awaited.delete(key)
      return Effect.as(awaited.answer(exit), true)
    })
  }

  /** The steps that are recorded, and that the code has not asked for. */
  get expected(): string | undefined {
    return this.#gate.expected
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

  #scope(level: Level): StepScope {
    return {
      idempotencyKey: level.key === "" ? undefined : level.key,
      step: (step, body) => this.#step(level, step, body),
      wait: (wait) => this.#wait(level, wait)
    }
  }

  #step<A, E, R>(level: Level, step: Step<A, E>, body: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return this.#ask(level, step, (key, payload) => this.#live(level, key, step, payload, body))
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
      const payload = payloadCodec(step).encode(step.payload)
      const key = StepKey.next(level.counts, level.key, step.name, JSON.stringify(payload))
      const record = this.#replay.steps.get(key)
      if (record?._tag === "Discarded") return Effect.never
      if (record?._tag === "Completed") return this.#answer(key, step, record.exit)
      return this.#gate.isReplaying && !this.#replay.around.has(key)
        ? Effect.andThen(Effect.callback<void>((resume) => this.#onceOrNever(resume)), live(key, payload))
        : live(key, payload)
    })
  }

  #wait<A, E>(level: Level, wait: Wait<A, E>): Effect.Effect<A, E> {
    return this.#ask(level, wait, (key) => {
      const record = this.#replay.steps.get(key)
      if (record?._tag === "Awaited") return this.#await(level, key, wait, record.waits)
      return Effect.uninterruptibleMask((restore) => {
        level.busy++
        return Effect.flatMap(
          wait.waits,
          (waits) =>
            Effect.flatMap(Effect.orDie(this.#log.append({ _tag: "StepAwaited", key, name: wait.name, waits })), () => {
              level.busy--
              return restore(this.#await(level, key, wait, waits))
            })
        )
      })
    })
  }

  /** Waits until somebody answers; what is awaited is durable. */
  #await<A, E>(level: Level, key: string, wait: Wait<A, E>, waits: unknown): Effect.Effect<A, E> {
    return Effect.callback<A, E>((resume) => {
      let state: "waiting" | "answered" | "over" = "waiting"
      const answer = (exit: unknown) =>
        Effect.suspend(() => {
          state = "answered"
          level.waits--
          level.busy++
          return this.#log.append({ _tag: "StepCompleted", key, exit: exit as Schema.Json })
        }).pipe(Effect.map(() => {
          this.#gate.awaitCommitted(() => {
            level.busy--
            if (state === "over") return this.#discarded(key)
            state = "over"
            resume(Effect.suspend(() => this.#decode(key, wait, exit)))
          })
        }))
      const awaited = { key, name: wait.name, waits, answer }
      level.waits++
      this.#awaited.set(key, awaited)
      this.onAwaited(awaited)
      this.#gate.settle()
      return Effect.sync(() => {
        if (state === "waiting") {
          level.waits--
          this.#awaited.delete(key)
          this.#discarded(key)
        }
        // an answer that is under way is thrown away when it is there
        state = "over"
        this.#gate.settle()
      })
    })
  }

  #onceOrNever(resume: (effect: Effect.Effect<void>) => void): Effect.Effect<void> {
    return Effect.sync(this.#gate.awaitStart(() => resume(Effect.void)))
  }

  /** The recorded outcome, when its turn has come. */
  #answer<A, E>(key: string, step: Step<A, E> | Wait<A, E>, exit: unknown): Effect.Effect<A, E> {
    return Effect.callback<A, E>((resume) => {
      const takeBack = this.#gate.awaitRecorded(
        key,
        () => resume(Effect.suspend(() => this.#decode(key, step, exit)))
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

  #decode<A, E>(key: string, step: Step<A, E> | Wait<A, E>, exit: unknown): Exit.Exit<A, E> {
    try {
      return exitCodec(step).decode(exit) as Exit.Exit<A, E>
    } catch (cause) {
      const said = cause instanceof Error ? cause.message : String(cause)
      return Exit.die(new Error(`the recorded outcome of step ${key} does not decode any more: ${said}`))
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
      this.#log.put({ _tag: "StepStarted", key, name: step.name, payload: payload as Schema.Json })
      const inside = makeLevel(key)
      level.steps.add(inside)
      const settled = Effect.flatMap(
        Effect.exit(restore(Effect.provideService(body, StepScope, this.#scope(inside)))),
        (exit) =>
          Effect.flatMap(
            Effect.exit(restore(Effect.void)),
            (interrupted) =>
              this.#state !== "running" || Exit.isFailure(interrupted)
                ? this.#discard(key, exit)
                : this.#complete(key, step, exit, restore)
          )
      )
      return Effect.ensuring(settled, Effect.sync(() => level.steps.delete(inside)))
    })
  }

  #discarded(key: string): void {
    if (this.#state === "running") this.#log.put({ _tag: "StepDiscarded", key })
  }

  /** Whoever asked is gone. */
  #discard<A, E>(key: string, exit: Exit.Exit<A, E>): Effect.Effect<A, E> {
    this.#discarded(key)
    return Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause) ? exit : Effect.interrupt
  }

  #complete<A, E>(
    key: string,
    step: Step<A, E>,
    exit: Exit.Exit<A, E>,
    restore: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  ): Effect.Effect<A, E> {
    const stored = exitCodec(step).encode(exit) as Schema.Json
    const delivered = Effect.callback<void>((resume) =>
      this.#forget(key, this.#gate.awaitCommitted(() => resume(Effect.void)))
    )
    return this.#log.append({ _tag: "StepCompleted", key, exit: stored }).pipe(
      Effect.orDie,
      Effect.andThen(restore(delivered)),
      Effect.andThen(exit)
    )
  }
}
