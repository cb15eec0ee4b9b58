/**
 * What runs executions.
 *
 * `layerJournal` on a database, the default; `layerMemory` the same on a journal in memory, for tests; `layer` with
 * options, on a journal of one's own. Which one runs shows nowhere in a user's code.
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { MigrationError } from "effect/sql/Migrator"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { WorkflowEngine } from "effect/workflow/WorkflowEngine"
import type { Parent } from "../core/JournalEvent.ts"
import type { ExecutionExists, PayloadInvalid, WorkflowConflict } from "./ExecutionError.ts"
import type { ExecutionLog } from "./internal/ExecutionLog.ts"
import type { Reader } from "./internal/Feed.ts"
import type { History } from "./internal/Replay.ts"
import type { Made, Run } from "./internal/Run.ts"
import * as Journal from "./Journal.ts"
import * as Owners from "./Owners.ts"

/** How an engine runs. */
export interface Options {
  /** After how many deaths of its process in a row an execution is parked. Default 3. */
  readonly maxCrashes?: number | undefined
  /** How many executions run in this process at a time; others are queued. Default 1,000. */
  readonly maxRunning?: number | undefined
  /** How long a replay may wait for a recorded step that its code does not ask for. Default 1 minute. */
  readonly stuckAfter?: Duration.Input | undefined
}

/** A workflow as the engine runs it. */
export interface Definition {
  readonly name: string
  readonly version: string
  readonly payload: Schema.Top
  readonly success: Schema.Top
  readonly error: Schema.Top
  readonly run: (payload: any) => Effect.Effect<any, any, any>
  /** Makes the runs of its executions, where they follow rules of their own, as those of `effect/workflow` do. */
  readonly makeRun?: ((history: History, log: ExecutionLog, made: Made) => Run) | undefined
}

/** What an engine's journal or its locks can fail with. */
export type EngineError = Journal.JournalUnavailable | Owners.OwnersUnavailable

/** Runs executions. */
export class Engine extends Context.Service<Engine, {
  readonly journal: Journal.Journal["Service"]
  /** Executions of that name and version can run here, with the services of this context, as long as the scope. */
  readonly register: (definition: Definition) => Effect.Effect<void, WorkflowConflict, Scope.Scope>
  /** Starts an execution; of an id that is there already, nothing more happens. Gives the id. */
  readonly start: (
    definition: Definition,
    payload: unknown,
    options?: { readonly id?: string | undefined; readonly parent?: Parent | undefined }
  ) => Effect.Effect<string, EngineError | Journal.Fenced | PayloadInvalid | ExecutionExists>
  /** Leaves an execution a message; `false` if one of that name has come before. */
  readonly tell: (execution: string, message: Journal.Message) => Effect.Effect<boolean, Journal.JournalUnavailable>
  /** Has a failed or parked execution go on; `false` if its steps were rolled back. */
  readonly retry: (
    execution: string
  ) => Effect.Effect<boolean, Journal.JournalError | Journal.JournalUnreadable>
  /**
   * Looks now, and again whenever there may be another state, or another event, until there is something. For its `end`
   * it does not look as long as the execution runs in this process. Of several executions, `look` may add some.
   */
  readonly watch: <A, E, R>(
    executions: string | ReadonlySet<string>,
    what: "state" | "event" | "end",
    look: Effect.Effect<Option.Option<A>, E, R>
  ) => Effect.Effect<A, E, R>
  /** Calls `listener` whenever there may be another event, as long as the scope. */
  readonly listen: (execution: string, listener: () => void) => Effect.Effect<void, never, Scope.Scope>
  /**
   * Reads what the run of an execution, which `owner` has, tells beside its journal: from the run's start (`from: 0`), or
   * from now. Nothing, if this process is the owner and has no such run; `wake` is called when there is more.
   */
  readonly follow: (
    execution: string,
    options: { readonly owner: string; readonly from: number; readonly wake: () => void }
  ) => Effect.Effect<Reader | undefined, never, Scope.Scope>
}>()("fluxion/durable/Engine") {}

/** An engine on the journal and the owners of the context. Effect's own workflows run on it, too. */
export const layer = (
  options?: Options
): Layer.Layer<Engine | WorkflowEngine, never, Journal.Journal | Owners.Owners> =>
  Layer.effectContext(Effect.gen(function*() {
    const [executor, effectEngine, { WorkflowEngine }] = yield* Effect.promise(() =>
      Promise.all([
        import("./internal/Executor.ts"),
        import("./internal/EffectEngine.ts"),
        import("effect/workflow/WorkflowEngine")
      ])
    )
    const engine = yield* executor.make(options)
    return Context.make(Engine, engine).pipe(Context.add(WorkflowEngine, effectEngine.make(engine)))
  }))

/** An engine that forgets all when its Layer ends. */
export const layerMemory: Layer.Layer<Engine | WorkflowEngine> = Layer.provide(layer(), [
  Journal.layerMemory,
  Owners.layerAlone
])

/** An engine on a database: `Sqlite.layer` or `Postgres.layer` give what it needs. */
export const layerJournal: Layer.Layer<
  Engine | WorkflowEngine,
  SqlError | MigrationError,
  SqlClient | Owners.Owners
> = Layer.provide(layer(), Journal.layerSql)
