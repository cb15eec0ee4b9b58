/**
 * What a task is made of.
 */
import type * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as Json from "../../core/Json.ts"
import type { Risk } from "../Risk.ts"
import type { InDoubt } from "../StepScope.ts"

/** What a task's functions may return. */
export type Body<A, E> = Effect.Effect<A, E, any> | Promise<A> | A

/** How often a task is tried again: a Schedule, or `times` further attempts. */
export type Retry<E> =
  | Schedule.Schedule<any, E, never, never>
  | {
    /** Further attempts after the first. */
    readonly times: number
    /** Default: 1 s, doubling to 60 s, jittered. */
    readonly schedule?: Schedule.Schedule<any, E, never, never> | undefined
    /** Which failures are worth another attempt. Default: all. */
    readonly while?: ((error: E) => boolean) | undefined
  }

/** When an answer is given again. */
export interface Cache<P> {
  /** What tells the calls apart. Default: their payloads. */
  readonly key?: ((payload: P) => string) | undefined
  /** How long an answer is good for. */
  readonly ttl: Duration.Input
}

/** The options that `task.with` may change. */
export interface Options<P, A, E, Timeout, FallbackRet, RollbackRet> {
  /** What it does, for people and for models. */
  readonly description?: string | undefined
  /** Default: no further attempt. */
  readonly retry?: Retry<E> | undefined
  /** How long one attempt may take. A limit over all attempts is `Schedule.upTo({ duration })` in `retry`. */
  readonly timeout?: Timeout
  /** Answers instead when every attempt has failed: what it can fail with itself is then all that can go wrong. */
  readonly fallback?: (payload: P, error: E) => FallbackRet
  /**
   * Undoes the task, at most once: when it failed for good or was interrupted, or when it had completed and the
   * workflow later fails or is cancelled. A failure of its own is logged.
   */
  readonly rollback?: ((payload: P, exit: Exit.Exit<A, E>) => RollbackRet) | undefined
  /** What running it may do: a turn's reads run together, everything else alone and in order. */
  readonly risk?: Risk | undefined
  /**
   * A step that was cut off when its process died or was stopped may have had its effect: by default it runs again, with the same
   * `idempotencyKey`; `"fail"` fails it, and `"ask"` asks somebody.
   */
  readonly inDoubt?: InDoubt | undefined
  /** For how long its answer is given again, inside workflows, to calls of one key. Default: not at all. */
  readonly cache?: Cache<P> | undefined
  /** Somebody has to agree before it runs: always, or for some payloads. */
  readonly approval?: boolean | ((payload: P) => boolean) | undefined
}

/** What a task without `success` gives: JSON, as the body returned it. */
export const Inferred = Schema.Json.pipe(
  Schema.decodeTo(
    Schema.Unknown,
    SchemaTransformation.transform({
      decode: (json): unknown => json,
      encode: (value) => Json.plain(value) as Schema.Json
    })
  )
)

/** All that a task is made of, types aside. */
export interface Definition {
  readonly name: string
  readonly payload: Schema.Top
  readonly success: Schema.Top | undefined
  readonly error: Schema.Top
  readonly run: (payload: any, context: any) => unknown
  readonly options: Options<any, any, any, Duration.Input | undefined, unknown, unknown>
  /** What an attempt fails with that ran into its time limit. Default: `TaskTimeout`. */
  readonly onTimeout?: ((payload: any, after: Duration.Duration) => unknown) | undefined
  /** What the body finds in its context besides: for a task that is under way in more than one sense. */
  readonly services?: ((context: Context.Context<any>, payload: any) => Context.Context<any>) | undefined
  /** Told of every attempt that failed, also of those that a journal remembers, where there may be another. */
  readonly onFailed?: ((payload: any, error: any) => void) | undefined
  /** Which failures are worth another attempt, where `retry` does not say. Default: all. */
  readonly isRetryable?: ((error: any) => boolean) | undefined
}
