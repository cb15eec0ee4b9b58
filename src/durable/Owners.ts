/**
 * The processes that share a journal: which of them live, and when another one has written.
 *
 * An owner is a process with a lock that ends with it: the operating system's on SQLite, a session's advisory lock on
 * PostgreSQL. A crashed owner's executions can be taken up at once, a stalled one's are not stolen; the journal's fence
 * covers the rest.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as StepKey from "./internal/StepKey.ts"

/** The channel on which PostgreSQL tells of what was written. */
export const channel = "fluxion"

/** Whether an owner lives could not be found out. */
export class OwnersUnavailable extends Schema.TaggedError<OwnersUnavailable>()("OwnersUnavailable", {
  cause: Schema.Defect()
}) {
  readonly isRetryable = true
  override get message(): string {
    const said = this.cause instanceof Error ? this.cause.message : String(this.cause)
    return `the locks of the processes on this database cannot be read: ${said}`
  }
}

/** Knows the processes on one journal. */
export class Owners extends Context.Service<Owners, {
  /** Whether other processes may be on this journal. */
  readonly isShared: boolean
  /**
   * This process's name, whose lock it holds. A new one when the lock was lost (PostgreSQL was restarted, say): what was
   * owned under the old name has to be claimed again.
   */
  readonly self: Effect.Effect<string, OwnersUnavailable>
  /** Whether that owner's process is there still. */
  readonly isAlive: (owner: string) => Effect.Effect<boolean, OwnersUnavailable>
  /** One element whenever another process may have written, and after each time that this could not be seen. Never ends. */
  readonly changes: Stream.Stream<void>
}>()("fluxion/durable/Owners") {}

/** One process on a journal that no other one has. */
export const layerAlone: Layer.Layer<Owners> = Layer.effect(
  Owners,
  Effect.map(Effect.zipWith(Random.next, Random.next, (a, b) => StepKey.uuid(String(a), String(b))), (name) => ({
    isShared: false,
    self: Effect.succeed(name),
    isAlive: (owner) => Effect.succeed(owner === name),
    changes: Stream.never
  }))
)
