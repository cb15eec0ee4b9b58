/**
 * What an execution's journal holds, as one tagged union: what happened, in order. People read it, and replay reads it.
 *
 * Values are JSON, encoded by the Schemas of whoever wrote them: the journal knows how to order events, not what they
 * carry. A step is named by its key, which says where in the execution it is: `/research:k3x/fetch:9ab#1`.
 */
import * as Schema from "effect/Schema"

const ofStep = { key: Schema.String }

/** The first event: what was started, with what. `seed` is what the execution's ids and random numbers are made of. */
export const ExecutionStarted = Schema.TaggedStruct("ExecutionStarted", {
  workflow: Schema.String,
  version: Schema.String,
  payload: Schema.Json,
  seed: Schema.String
})
/** An owner takes the execution over; the one before it may write no more. */
export const Claimed = Schema.TaggedStruct("Claimed", { owner: Schema.String, epoch: Schema.Finite })
/** A step's body begins. */
export const StepStarted = Schema.TaggedStruct("StepStarted", { ...ofStep, name: Schema.String, payload: Schema.Json })
/** The execution waits for somebody or something: `waits` says for what, and is all that whoever answers needs. */
export const StepAwaited = Schema.TaggedStruct("StepAwaited", { ...ofStep, name: Schema.String, waits: Schema.Json })
/** A step is done, well or not: its outcome is the answer of every replay. */
export const StepCompleted = Schema.TaggedStruct("StepCompleted", { ...ofStep, exit: Schema.Json })
/** A step was interrupted while the execution went on: nobody got its answer, and nobody will. */
export const StepDiscarded = Schema.TaggedStruct("StepDiscarded", ofStep)
/** The execution is over. */
export const ExecutionCompleted = Schema.TaggedStruct("ExecutionCompleted", { exit: Schema.Json })

/** Every event of a journal. */
export const JournalEvent = Schema.Union([
  ExecutionStarted,
  Claimed,
  StepStarted,
  StepAwaited,
  StepCompleted,
  StepDiscarded,
  ExecutionCompleted
])

/** Every event of a journal. */
export type JournalEvent = typeof JournalEvent.Type

/** An event in its place: `sequence` counts from 0 within the execution, `at` is in milliseconds since 1970. */
export const Recorded = Schema.Struct({ sequence: Schema.Finite, at: Schema.Finite, event: JournalEvent })

/** An event in its place. */
export type Recorded = typeof Recorded.Type
