/**
 * A workflow is a named, versioned program that is durable: the tasks, agents, pauses and timers in it are journaled.
 *
 * `start` gives an execution's id, `execute` its result; called inside another workflow, it is a child of that. Code
 * between steps has to be repeatable: what the world says (time, randomness, other systems) comes by steps, or by `now`,
 * `uuid` and `random`.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { ExecutionEvent } from "../core/ExecutionEvent.ts"
import * as Name from "../core/Name.ts"
import { CurrentExecution } from "./CurrentExecution.ts"
import { type Definition, Engine, type EngineError } from "./Engine.ts"
import * as Execution from "./Execution.ts"
import {
  ExecutionCancelled,
  type ExecutionExists,
  type ExecutionNotFound,
  ExecutionParked,
  type PayloadInvalid,
  type WorkflowConflict
} from "./ExecutionError.ts"
import * as Codecs from "./internal/codecs.ts"
import * as StepKey from "./internal/StepKey.ts"
import * as Timer from "./internal/timer.ts"
import * as Waiting from "./internal/waiting.ts"
import { ended, type Fenced, type JournalUnreadable, type State } from "./Journal.ts"
import * as Pause from "./Pause.ts"
import * as StepScope from "./StepScope.ts"
import type { PayloadSchema } from "./Task.ts"
import type { Waits } from "./Waits.ts"

export { CurrentExecution } from "./CurrentExecution.ts"
export { ExecutionCancelled } from "./ExecutionError.ts"

/** What starting an execution can fail with. */
export type StartError = EngineError | Fenced | PayloadInvalid | ExecutionExists

/** What waiting for an execution can fail with, besides its own error. */
export type ResultError = EngineError | JournalUnreadable | ExecutionNotFound | ExecutionCancelled | ExecutionParked

/** How an execution is started. */
export interface StartOptions {
  /** The execution's id: started again under it, nothing more happens. Default: a new one. */
  readonly id?: string | undefined
}

/** A named, versioned, durable program. */
export interface Workflow<out Name extends string, P extends Schema.Top, out A, out E, out R> {
  /** Inside another workflow: runs as an execution of its own, which this one waits for. */
  (payload: P["~type.make.in"]): Effect.Effect<A, E | ExecutionCancelled, Engine | CurrentExecution>
  readonly name: Name
  readonly version: string
  readonly payload: P
  readonly success: Schema.Codec<A, unknown, unknown, unknown>
  readonly error: Schema.Codec<E, unknown, unknown, unknown>
  readonly definition: Definition
  /** Starts an execution, and gives its id. It runs where the workflow is registered. */
  readonly start: (payload: P["~type.make.in"], options?: StartOptions) => Effect.Effect<string, StartError, Engine>
  /** Starts an execution, and waits for its result. */
  readonly execute: (
    payload: P["~type.make.in"],
    options?: StartOptions
  ) => Effect.Effect<A, E | StartError | ResultError, Engine>
  /** Waits for the result of an execution. */
  readonly result: (executionId: string) => Effect.Effect<A, E | ResultError, Engine>
  /** Starts an execution; its events and progress, until it ends or waits for somebody: `Execution.events`. */
  readonly stream: (
    payload: P["~type.make.in"],
    options?: StartOptions
  ) => Stream.Stream<ExecutionEvent, StartError | ExecutionNotFound | JournalUnreadable, Engine>
  /** Registers the workflow with the engine, with the services of the Layer. */
  readonly layer: Layer.Layer<never, WorkflowConflict, Engine | Exclude<R, Engine | CurrentExecution>>
}

/** How the start of a child is tried again while the journal is not available. */
const asking = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("5 seconds")])

/**
 * Makes a workflow. Its Schemas need no services: what an execution is given and gives has to be read by any process.
 *
 * ```ts
 * const research = Workflow.make("research", {
 *   payload: { topic: Schema.String },
 *   success: Schema.String,
 *   run: ({ topic }) => researcher(`Research ${topic}`)
 * })
 * ```
 */
export const make = <
  const Name extends string,
  const P extends { readonly [field: string]: Schema.Codec<any, any> } | Schema.Codec<any, any>,
  S extends Schema.Codec<any, any>,
  Err extends Schema.Codec<any, any> = typeof Schema.Never,
  R = never
>(
  name: Name,
  options: {
    readonly payload: P
    readonly success: S
    /** Its typed failures. Default: none. */
    readonly error?: Err | undefined
    /** A changed workflow is another version: executions go on under the one they started with. Default "1". */
    readonly version?: string | undefined
    readonly run: (payload: NoInfer<PayloadSchema<P>["Type"]>) => Effect.Effect<S["Type"], Err["Type"], R>
  }
): Workflow<Name, PayloadSchema<P>, S["Type"], Err["Type"], R> => {
  Name.assert("workflow", name)
  const version = options.version ?? "1"
  const payload = Schema.isSchema(options.payload)
    ? options.payload as Schema.Top
    : Schema.Struct(options.payload as Schema.Struct.Fields)
  const definition: Definition = {
    name,
    version,
    payload,
    success: options.success,
    error: options.error ?? Schema.Never,
    run: options.run
  }
  const errorInside = Waiting.childError(definition.error)

  const call = (input: unknown) =>
    Effect.gen(function*() {
      const engine = yield* Engine
      const { executionId } = yield* CurrentExecution
      const scope = (yield* StepScope.StepScope)!
      const made = payload.make(input as never)
      return yield* scope.wait({
        name,
        payload: made,
        payloadSchema: payload,
        success: definition.success as Schema.Codec<unknown, unknown, unknown, unknown>,
        error: errorInside as Schema.Codec<unknown, unknown, unknown, unknown>,
        waits: (key) => {
          const id = StepKey.uuid(executionId, key)
          const waits: Waits = { _tag: "Execution", execution: id, workflow: name }
          return engine.start(definition, made, { id, parent: { execution: executionId, key } }).pipe(
            Effect.retry({ schedule: asking, while: ({ isRetryable }) => isRetryable }),
            Effect.orDie,
            Effect.as(waits as unknown as Schema.Json)
          )
        }
      })
    })

  const start = (input: unknown, options?: StartOptions) =>
    Effect.flatMap(Engine, (engine) => engine.start(definition, payload.make(input as never), options))

  const result = (id: string): Effect.Effect<any, any, Engine> =>
    Effect.gen(function*() {
      const engine = yield* Engine
      const { exit, info } = yield* engine.watch(
        id,
        "end",
        Effect.flatMap(Execution.get(id), (info) =>
          info.state === "parked"
            ? Effect.succeedSome({ info, exit: Option.none<Schema.Json>() })
            : isEnded(info.state)
            // one that is retried at this moment is waited for
            ? Effect.map(
              engine.journal.last(id),
              (last) => Option.map(Waiting.endOf(last), (exit) => ({ info, exit: Option.some(exit) }))
            )
            : Effect.succeedNone)
      )
      if (Option.isNone(exit)) {
        return yield* new ExecutionParked({ execution: id, problem: info.problem ?? "unknown" })
      }
      if (info.state === "cancelled") {
        return yield* new ExecutionCancelled({ execution: id })
      }
      return yield* Codecs.ofExit(definition).decode(exit.value) as Exit.Exit<unknown, unknown>
    })

  return Object.defineProperties(call, {
    name: { value: name, enumerable: true },
    version: { value: version, enumerable: true },
    payload: { value: payload },
    success: { value: definition.success },
    error: { value: definition.error },
    definition: { value: definition },
    start: { value: start },
    execute: { value: (input: unknown, options?: StartOptions) => Effect.flatMap(start(input, options), result) },
    result: { value: result },
    stream: {
      value: (input: unknown, options?: StartOptions) =>
        Stream.unwrap(Effect.map(start(input, options), (id) => Execution.events(id, { until: "pause" })))
    },
    layer: {
      value: Layer.effectDiscard(Effect.flatMap(Engine, (engine) => engine.register(definition)))
    }
  }) as any
}

const isEnded = (state: State) => ended.includes(state)

const timer = (until: (now: number) => number) =>
  Effect.withFiber<void>((fiber) => {
    const scope = StepScope.current(fiber)
    return scope === undefined
      ? Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.sleep(until(now) - now))
      : Timer.wait(scope, "sleep", until)
  })

/** Waits so long, over restarts, and holds no process meanwhile. Outside a workflow: `Effect.sleep`. */
export const sleep = (duration: Duration.Input): Effect.Effect<void> =>
  timer((now) => now + Duration.toMillis(Duration.fromInputUnsafe(duration)))

/** Waits until a time, in milliseconds since 1970. */
export const sleepUntil = (time: number): Effect.Effect<void> => timer(() => time)

const nowStep = {
  name: "now",
  payload: null,
  payloadSchema: Schema.Null,
  success: Schema.Finite as Schema.Codec<number, unknown, unknown, unknown>,
  error: Schema.Never as Schema.Codec<never, unknown, unknown, unknown>
}

/** The time in milliseconds since 1970; a replay gives the same again. */
export const now: Effect.Effect<number> = Effect.withFiber((fiber) => {
  const scope = StepScope.current(fiber)
  return scope === undefined ? Clock.currentTimeMillis : scope.step(nowStep, Clock.currentTimeMillis)
})

/** A new UUID; a replay gives the same again. */
export const uuid: Effect.Effect<string> = Effect.withFiber((fiber) => {
  const scope = StepScope.current(fiber)
  return scope === undefined
    ? Effect.zipWith(Random.next, Random.next, (a, b) => StepKey.uuid(String(a), String(b)))
    : Effect.succeed(scope.uuid())
})

/** A number in [0, 1); a replay gives the same again. */
export const random: Effect.Effect<number> = Effect.withFiber((fiber) => {
  const scope = StepScope.current(fiber)
  return scope === undefined ? Random.next : Effect.succeed(scope.random())
})

/** The first to succeed or fail; the others are interrupted, and a replay sees the same one win. */
export const race = <A, E, R, A2, E2, R2>(
  left: Effect.Effect<A, E, R>,
  right: Effect.Effect<A2, E2, R2>
): Effect.Effect<A | A2, E | E2, R | R2> => Effect.raceFirst(left, right)

/** What `effect` gives, if it takes no longer than that, over restarts: else nothing, and it is interrupted. */
export const timeout = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  duration: Duration.Input
): Effect.Effect<Option.Option<A>, E, R> =>
  Effect.raceFirst(Effect.asSome(effect), Effect.as(sleep(duration), Option.none()))

/** A pause that is made where it is reached: `Pause.make`, called once. It is answered by `Execution.answer`, by its name. */
export const pause = <
  const Name extends string,
  Input extends Schema.Codec<any, any>,
  Output extends Schema.Codec<any, any>
>(
  name: Name,
  options: { readonly input: Input; readonly output: Output },
  output: Output["Type"]
): Effect.Effect<Input["Type"], never, CurrentExecution> => Pause.make(name, options)(output)
