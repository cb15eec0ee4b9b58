/**
 * What the attempt under way knows of itself.
 */
import * as Context from "effect/Context"

/** What a body is told of the attempt it is. */
export interface TaskContext {
  /** Aborted when the attempt is interrupted or runs into its time limit. */
  readonly signal: AbortSignal
  /** Tells how far the task has come; never waits. In an Effect, `Progress.emit` waits for slow watchers instead. */
  readonly progress: (value: unknown) => void
  /**
   * The same for every attempt of one call, and after a restart; in an execution its id and the step. Give it to services
   * that remove duplicates.
   */
  readonly idempotencyKey: string
  /** 1 for the first attempt. */
  readonly attempt: number
}

/** The context of the attempt under way, as a service: the same as the second argument of `run`. */
export class Current extends Context.Service<Current, TaskContext>()("fluxion/durable/TaskContext/Current") {}
