/**
 * The one seam for durability.
 *
 * Every task call, model call and tool call goes through `step`. Outside a workflow nobody provides a `StepScope`, and
 * a step is a plain Effect. Inside one, the engine's scope journals it and answers it on replay; in a workflow of
 * `effect/workflow` on another engine than ours it is an Activity. No other code asks where it runs.
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import * as ActivityScope from "./internal/ActivityScope.ts"

/** What becomes of a step that was cut off when its process died or was stopped: it runs again, fails, or somebody is asked. */
export type InDoubt = "rerun" | "fail" | "ask"

/** What a scope has to know of a step, to name it and to store its outcome. */
export interface Step<A, E> {
  /** The task's or tool's name; `model` for a model call. */
  readonly name: string
  /** The payload; the scope encodes it with the Schema when it needs it. */
  readonly payload: unknown
  readonly payloadSchema: Schema.Top
  readonly success: Schema.Codec<A, unknown, unknown, unknown>
  readonly error: Schema.Codec<E, unknown, unknown, unknown>
  /** What the Schemas may need: the services of whoever asks, as the scope finds them. */
  readonly services?: Context.Context<never> | undefined
  /** What becomes of it when its process died while it ran. Default: `"rerun"`. */
  readonly inDoubt?: InDoubt | undefined
  /** For how long its answer may be given again to steps of its name and `key`; without a key, to those of its payload. */
  readonly cache?: { readonly key: string | undefined; readonly ttl: Duration.Duration } | undefined
  /** Undoes the step, from the journal, when the workflow fails or is cancelled after it. */
  readonly rollback?: ((exit: Exit.Exit<A, E>) => Effect.Effect<void, never, any>) | undefined
}

/** What a scope has to know of something that an execution waits for: a decision, a time, another execution. */
export interface Wait<A, E> extends Omit<Step<A, E>, "rollback" | "inDoubt" | "cache"> {
  /** What is recorded, and shown to whoever is to answer, when the wait begins; later runs find it in the journal. */
  readonly waits: (key: string) => Effect.Effect<Schema.Json>
}

/** An attempt at the step under way that failed, in this run or in one before. */
export interface FailedAttempt {
  readonly attempt: number
  readonly error: unknown
  /** Whether another attempt follows; if not, the fallback does. */
  readonly retry: boolean
  /** When it failed, in milliseconds since 1970. */
  readonly time: number
}

/** The attempts at the step under way. */
export interface Attempts {
  /** Those that are recorded. */
  readonly failed: ReadonlyArray<FailedAttempt>
  /** Records that an attempt failed, before what follows begins. */
  readonly fail: (attempt: FailedAttempt) => Effect.Effect<void>
  /**
   * Makes an attempt, whose own steps are beneath it: waits for `delay`, then runs `body` as long as it
   * takes no more than `limit` of running time.
   */
  readonly make: <A, E, R>(
    attempt: number,
    body: Effect.Effect<A, E, R>,
    options: { readonly delay: Duration.Duration | undefined; readonly limit: Duration.Duration | undefined }
  ) => Effect.Effect<Option.Option<A>, E, R>
}

/** A named value of an execution: what its recorded changes come to. */
export interface Folded<A, C> {
  readonly name: string
  readonly changeSchema: Schema.Codec<C, any>
  readonly initial: A
  readonly fold: (value: A, change: C) => A
}

/** Records steps, and answers those that were recorded. */
export interface StepScope {
  /** Which step of which execution is under way: the same for every attempt and after every restart. */
  readonly idempotencyKey: string | undefined
  /** The attempts at the step under way; `undefined` between steps. */
  readonly attempts: Attempts | undefined
  readonly step: <A, E, R>(step: Step<A, E>, body: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Waits for an answer from outside; the execution may end its run meanwhile, and holds no process then. */
  readonly wait: <A, E>(wait: Wait<A, E>) => Effect.Effect<A, E>
  /** The execution's value of that name, as of where the code is. */
  readonly state: <A, C>(state: Folded<A, C>) => Effect.Effect<A>
  /** Changes that value, and records it under the step under way. */
  readonly change: <A, C>(state: Folded<A, C>, change: C) => Effect.Effect<void>
  /** A UUID that every replay gives again. */
  readonly uuid: () => string
  /** A number in [0, 1) that every replay gives again. */
  readonly random: () => number
  /** Whether the run is being stopped, to go on later: what is interrupted now is not over. */
  readonly isStopping: () => boolean
}

/** The scope of the workflow under way; `undefined` outside one. */
export const StepScope: Context.Reference<StepScope | undefined> = Context.Reference<StepScope | undefined>(
  "fluxion/durable/StepScope",
  { defaultValue: () => undefined }
)

/** The scope that `fiber` is in: our engine's, or one made for the workflow of another engine. */
export const current = (fiber: Fiber.Fiber<unknown, unknown>): StepScope | undefined => {
  const given = fiber.getRef(StepScope)
  // who has set it to nothing wants nothing
  return given === undefined && fiber.context.mapUnsafe.has(StepScope.key)
    ? undefined
    : ActivityScope.of(fiber.context, given, Effect.provideService(StepScope))
}

/** Runs `body` as a step of the workflow that `fiber` is in, or as it is. */
export const stepIn = <A, E, R>(
  fiber: Fiber.Fiber<unknown, unknown>,
  info: () => Step<A, E>,
  body: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> => {
  const scope = current(fiber)
  return scope === undefined ? body : scope.step(info(), body)
}

/** Runs `body` as a step of the workflow under way, or as it is. */
export const step = <A, E, R>(info: () => Step<A, E>, body: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) => stepIn(fiber, info, body))
