/**
 * What an execution's journal holds, as one tagged union: what happened, in order. People read it, and replay reads it.
 *
 * Values are JSON, encoded by the Schemas of whoever wrote them: the journal knows how to order events, not what they
 * carry. A step is named by its key, which says where in the execution it is: `/research:k3x/fetch:9ab#1`; what a second
 * attempt does is beneath `/research:k3x@2`.
 */
import * as Schema from "effect/Schema"

const ofStep = { key: Schema.String }

/** Who started an execution and waits for it: the step `key` of another one. */
export const Parent = Schema.Struct({ execution: Schema.String, key: Schema.String })

/** Who started an execution and waits for it: the step `key` of another one. */
export type Parent = typeof Parent.Type

/** The first event: what was started, with what. `seed` is what the execution's ids and random numbers are made of. */
export const ExecutionStarted = Schema.TaggedStruct("ExecutionStarted", {
  workflow: Schema.String,
  version: Schema.String,
  payload: Schema.Json,
  seed: Schema.String,
  parent: Schema.optionalKey(Parent)
})
/** An owner takes the execution over, the one before it may write no more. `crashed`: that one's process had died. */
export const Claimed = Schema.TaggedStruct("Claimed", {
  owner: Schema.String,
  epoch: Schema.Finite,
  crashed: Schema.optionalKey(Schema.Boolean)
})
/** A step's body begins. `rollback`: it can be undone. */
export const StepStarted = Schema.TaggedStruct("StepStarted", {
  ...ofStep,
  name: Schema.String,
  payload: Schema.Json,
  rollback: Schema.optionalKey(Schema.Boolean)
})
/** The execution waits for somebody or something: `waits` says for what, and is all that whoever answers needs. */
export const StepAwaited = Schema.TaggedStruct("StepAwaited", { ...ofStep, name: Schema.String, waits: Schema.Json })
/** An attempt at a step failed, and its fallback or another attempt (`retry`) follows. `time` is in milliseconds since 1970. */
export const AttemptFailed = Schema.TaggedStruct("AttemptFailed", {
  ...ofStep,
  attempt: Schema.Finite,
  exit: Schema.Json,
  retry: Schema.Boolean,
  time: Schema.Finite
})
/** A step is done, well or not: its outcome is the answer of every replay. */
export const StepCompleted = Schema.TaggedStruct("StepCompleted", { ...ofStep, exit: Schema.Json })
/** A step was interrupted while the execution went on: nobody got its answer, and nobody will. */
export const StepDiscarded = Schema.TaggedStruct("StepDiscarded", ofStep)
/** A named value of the execution was changed: the change has a key of its own, beneath the step that made it. */
export const StateChanged = Schema.TaggedStruct("StateChanged", {
  ...ofStep,
  state: Schema.String,
  change: Schema.Json
})
/** The execution has failed or was cancelled (`exit`), and undoes what it did before it ends. */
export const RollbackStarted = Schema.TaggedStruct("RollbackStarted", { exit: Schema.Json })
/** The execution is over. */
export const ExecutionCompleted = Schema.TaggedStruct("ExecutionCompleted", { exit: Schema.Json })
/** The execution is left alone until somebody retries it: `problem` says why. */
export const ExecutionParked = Schema.TaggedStruct("ExecutionParked", { problem: Schema.String })
/** Somebody had a failed or parked execution go on from the step that failed. */
export const ExecutionRetried = Schema.TaggedStruct("ExecutionRetried", {})

/** Every event of a journal. */
export const JournalEvent = Schema.Union([
  ExecutionStarted,
  Claimed,
  StepStarted,
  StepAwaited,
  AttemptFailed,
  StepCompleted,
  StepDiscarded,
  StateChanged,
  RollbackStarted,
  ExecutionCompleted,
  ExecutionParked,
  ExecutionRetried
])

/** Every event of a journal. */
export type JournalEvent = typeof JournalEvent.Type

/** An event in its place: `sequence` counts from 0 within the execution, `at` is in milliseconds since 1970. */
export const Recorded = Schema.Struct({ sequence: Schema.Finite, at: Schema.Finite, event: JournalEvent })

/** An event in its place. */
export type Recorded = typeof Recorded.Type
