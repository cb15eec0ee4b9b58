/**
 * What a reader of an execution is shown: the events of its journal, each in its place, and progress between them.
 *
 * Progress shows a step happening: an agent's text as its model writes it, what a tool or a task tells. It has no place,
 * is never stored, and says nothing that the journal will not hold when the step is done.
 */
import * as Schema from "effect/Schema"
import * as AgentEvent from "./AgentEvent.ts"
import type { Recorded } from "./JournalEvent.ts"

/** A task in the workflow's own code tells how far it has come; `key` is its step's. A tool's is `ToolProgress`. */
export const TaskProgress = Schema.TaggedStruct("TaskProgress", {
  key: Schema.String,
  name: Schema.String,
  value: AgentEvent.Shown
})

/**
 * Progress was left out, and nothing shown so far can stand for it: the process that has the execution cannot be reached,
 * or `missed` tasks' events were more than its reader took. Events of the journal are never left out.
 */
export const ProgressLost = Schema.TaggedStruct("ProgressLost", {
  message: Schema.String,
  missed: Schema.optionalKey(Schema.Finite)
})

/**
 * What happens inside steps. `TurnStarted` and `Gap` stand in place of all that was shown of their agent's turn before:
 * a model call begins, once more perhaps, or the reader was behind or came late and gets the whole text so far.
 */
export const Progress = Schema.Union([
  AgentEvent.TurnStarted,
  AgentEvent.TextDelta,
  AgentEvent.ReasoningDelta,
  AgentEvent.ToolInputDelta,
  AgentEvent.ToolProgress,
  AgentEvent.OutputPartial,
  AgentEvent.Gap,
  TaskProgress,
  ProgressLost
])

/** What happens inside steps. */
export type Progress = typeof Progress.Type

/** Progress of an execution. */
export interface Shown {
  readonly sequence?: undefined
  readonly event: Progress
}

/** An event of an execution's journal, with its `sequence` and time, or progress, which has neither. */
export type ExecutionEvent = Recorded | Shown
