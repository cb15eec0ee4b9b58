/**
 * Where the run under way sends its events, so that an agent called by another agent's tool joins the same stream.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { AgentEvent } from "../../core/AgentEvent.ts"
import type { Usage } from "../../core/Usage.ts"

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
  /** Whose run it is: what it keeps is kept for them. A run inside another is its owner's, too. */
  owner: string | undefined
  /** What it used beside its own turns: the agents that it called, and its attempts that failed. */
  spent: Usage
}

/** The run under way; `undefined` outside one. */
export const CurrentRun: Context.Reference<RunScope | undefined> = Context.Reference<RunScope | undefined>(
  "fluxion/agent/RunScope",
  { defaultValue: () => undefined }
)

const claimed = new WeakMap<object, Set<string>>()

/**
 * The path of a run whose events go where others' do: agents of one name that run at once get `editor/researcher`,
 * `editor/researcher#2`.
 */
export const claimPath = (sink: object, wanted: string): string => {
  let paths = claimed.get(sink)
  if (paths === undefined) claimed.set(sink, paths = new Set())
  let path = wanted
  for (let count = 2; paths.has(path); count++) path = `${wanted}#${count}`
  paths.add(path)
  return path
}

/** The run at a path has ended. */
export const releasePath = (sink: object, path: string): void => {
  claimed.get(sink)?.delete(path)
}
