/**
 * Pauses of this package in workflows of `effect/workflow` that another engine runs (`WorkflowEngine.layerMemory`,
 * `ClusterWorkflowEngine`): there is no `Engine` to resume them by, and they are answered as that engine's own deferreds are.
 */
import type * as Schema from "effect/Schema"
import * as DurableDeferred from "effect/workflow/DurableDeferred"
import { PauseTimedOut } from "./ExecutionError.ts"
import * as ActivityScope from "./internal/ActivityScope.ts"
import type { Pause } from "./Pause.ts"

/** Which pause of that name. */
export interface DeferredOptions {
  /** Counted from 1, among those of this name beneath the same step. Default 1. */
  readonly occurrence?: number | undefined
  /** The key of the step around it: the name of its Activity. Default: the workflow's own code. */
  readonly within?: string | undefined
}

/** The `DurableDeferred` that answers a pause: `DurableDeferred.succeed(deferred(review), { token, value })`. */
export const deferred = <Name extends string, Output extends Schema.Top, Input extends Schema.Top>(
  pause: Pause<Name, Output, Input>,
  { occurrence = 1, within = "" }: DeferredOptions = {}
): DurableDeferred.DurableDeferred<Input, typeof PauseTimedOut> =>
  DurableDeferred.make(ActivityScope.deferredName(within, pause.name, occurrence), {
    success: pause.input,
    error: PauseTimedOut
  })
