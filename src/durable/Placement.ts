/**
 * Where executions go, of several processes that could run them.
 *
 * A preference, and no lock: who has an execution is said by the journal. The process it names takes up what is queued,
 * due, or left by one that died; what it has not taken after a while (it is full, it has not registered the workflow),
 * any other one takes. What runs stays where it is, wherever the preference goes.
 */
import * as Context from "effect/Context"

/** Which executions a process takes up first. */
export interface Placement {
  /** Whether this process is the one that takes the execution up first. */
  readonly isHere: (execution: string) => boolean
  /** For how many milliseconds an execution is left to the process that is to take it up. */
  readonly leaveFor: number
}

/** Which executions this process takes up first. Default: all. */
export const Placement: Context.Reference<Placement> = Context.Reference<Placement>("fluxion/durable/Placement", {
  defaultValue: () => ({ isHere: () => true, leaveFor: 0 })
})
