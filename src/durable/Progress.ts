/**
 * What happens inside a task while it happens: percentages, lines, partial results. Streamed to whoever watches, never
 * stored, and dropped when nobody does.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

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

/** Tells how far the task under way has come; waits while whoever watches is behind. */
export const emit = (value: unknown): Effect.Effect<void> =>
  Effect.withFiber((fiber) => fiber.getRef(CurrentListener)?.emit(value) ?? Effect.void)

/** Runs `effect` and gives what its tasks report to `onProgress`. */
export const listen = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  onProgress: (value: unknown) => void
): Effect.Effect<A, E, R> =>
  Effect.provideService(effect, CurrentListener, {
    emit: (value) => Effect.sync(() => onProgress(value)),
    emitUnsafe: onProgress
  })
