/**
 * Where the run under way sends its events, so that an agent called by another agent's tool joins the same stream.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { AgentEvent } from "../../core/AgentEvent.ts"

/** Takes a run's events. */
export interface Sink {
  /** Waits while the reader is behind. */
  readonly emit: (event: AgentEvent) => Effect.Effect<void>
  /** Never waits. */
  readonly push: (event: AgentEvent) => void
}

/** The run under way: its agent's path, and who takes its events, if anybody. */
export interface RunScope {
  readonly path: string
  readonly sink: Sink | undefined
}

/** The run under way; `undefined` outside one. */
export const CurrentRun: Context.Reference<RunScope | undefined> = Context.Reference<RunScope | undefined>(
  "fluxion/agent/RunScope",
  { defaultValue: () => undefined }
)
