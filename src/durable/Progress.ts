/**
 * What happens inside a task while it happens: percentages, lines, partial results. Streamed to whoever watches, never
 * stored, and dropped when nobody does. In a workflow, `Execution.events` shows it.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Secrets from "../core/Secrets.ts"
import { CurrentExecution } from "./CurrentExecution.ts"
import { CurrentFeed } from "./internal/Feed.ts"
import * as StepKey from "./internal/StepKey.ts"
import { StepScope } from "./StepScope.ts"

/** Takes the progress of the task under way. */
export interface Listener {
  /** Waits while the watcher is behind. */
  readonly emit: (value: unknown) => Effect.Effect<void>
  /** Never waits: for plain code. */
  readonly emitUnsafe: (value: unknown) => void
}

/** Who listens to the task under way, if anybody. */
export const CurrentListener: Context.Reference<Listener | undefined> = Context.Reference<Listener | undefined>(
  "fluxion/durable/Progress",
  { defaultValue: () => undefined }
)

/** Who listens to the task that `fiber` runs: an agent whose tool it is, or who reads the execution's events. */
export const listenerOf = (fiber: Fiber.Fiber<unknown, unknown>): Listener | undefined => {
  const listener = fiber.getRef(CurrentListener)
  if (listener !== undefined) return listener
  const feed = fiber.getRef(CurrentFeed)
  const execution = Context.getOrUndefined(fiber.context as Context.Context<CurrentExecution>, CurrentExecution)
  const step = fiber.getRef(StepScope)?.idempotencyKey
  if (feed === undefined || execution === undefined || step === undefined) return undefined
  const key = step.slice(execution.executionId.length)
  const emitUnsafe = (value: unknown) =>
    feed.push({ _tag: "TaskProgress", key, name: StepKey.nameOf(key), value: Secrets.scrubValue(value) })
  return { emitUnsafe, emit: (value) => Effect.sync(() => emitUnsafe(value)) }
}

/** Tells how far the task under way has come; waits while whoever watches is behind. */
export const emit = (value: unknown): Effect.Effect<void> =>
  Effect.withFiber((fiber) => listenerOf(fiber)?.emit(value) ?? Effect.void)

/** Runs `effect` and gives what its tasks report to `onProgress`. */
export const listen = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  onProgress: (value: unknown) => void
): Effect.Effect<A, E, R> =>
  Effect.provideService(effect, CurrentListener, {
    emit: (value) => Effect.sync(() => onProgress(value)),
    emitUnsafe: onProgress
  })
