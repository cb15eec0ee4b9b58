/**
 * The execution that code runs in.
 */
import * as Context from "effect/Context"

/** What a workflow's code may know of its execution. Given by the engine. */
export class CurrentExecution extends Context.Service<CurrentExecution, {
  readonly executionId: string
  readonly workflow: string
  readonly version: string
}>()("fluxion/durable/CurrentExecution") {}
