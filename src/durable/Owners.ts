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
import type * as Scope from "effect/Scope"
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

/** An owner's process cannot be reached, and with it what its executions tell beside their journals. */
export class OwnerUnreachable extends Schema.TaggedError<OwnerUnreachable>()("OwnerUnreachable", {
  owner: Schema.String,
  cause: Schema.Defect()
}) {
  override get message(): string {
    const said = this.cause instanceof Error ? this.cause.message : String(this.cause)
    return `the process ${this.owner} cannot be reached from here: ${said}`
  }
}

/** What is asked of an owner: what an execution that it has tells from now on, or from its run's start (`from: 0`). */
export const Asked = Schema.Struct({ execution: Schema.String, from: Schema.Finite })

/** What is asked of an owner. */
export type Asked = typeof Asked.Type

/**
 * For how many milliseconds an owner that gives no sign of life keeps its lock: it may be frozen, or cut off from the
 * database. Default: as long as its connection stands. It holds on PostgreSQL, from version 14.
 */
export const Lease: Context.Reference<number | undefined> = Context.Reference<number | undefined>(
  "fluxion/durable/Owners/Lease",
  { defaultValue: () => undefined }
)

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
  /** Answers other processes that ask, by lines of text, as long as the scope; one who reads slowly holds its own answer up. */
  readonly serve: (
    answer: (asked: Asked) => Stream.Stream<string>
  ) => Effect.Effect<void, OwnersUnavailable, Scope.Scope>
  /** Asks another owner's process. */
  readonly ask: (owner: string, asked: Asked) => Stream.Stream<string, OwnerUnreachable>
}>()("fluxion/durable/Owners") {}

/** One process on a journal that no other one has. */
export const layerAlone: Layer.Layer<Owners> = Layer.effect(
  Owners,
  Effect.map(Effect.zipWith(Random.next, Random.next, (a, b) => StepKey.uuid(String(a), String(b))), (name) => ({
    isShared: false,
    self: Effect.succeed(name),
    isAlive: (owner) => Effect.succeed(owner === name),
    changes: Stream.never,
    serve: () => Effect.void,
    ask: (owner) => Stream.fail(new OwnerUnreachable({ owner, cause: new Error("it is not on this journal") }))
  }))
)
