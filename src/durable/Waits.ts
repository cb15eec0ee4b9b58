/**
 * What an execution may wait for, as it is recorded and shown.
 */
import * as Schema from "effect/Schema"

const timed = {
  /** When the wait ends by itself, in milliseconds since 1970. */
  until: Schema.optionalKey(Schema.Finite),
  /** With which encoded outcome. */
  outcome: Schema.optionalKey(Schema.Json)
}

/** Somebody's answer. `output` is what they are shown, `input` the JSON Schema of what they have to say. */
export const ForAnswer = Schema.TaggedStruct("Answer", {
  output: Schema.Json,
  input: Schema.Json,
  /** In milliseconds since 1970. */
  since: Schema.Finite,
  ...timed
})

/** A time. */
export const ForTime = Schema.TaggedStruct("Time", timed)

/** The end of an execution that this one has started. */
export const ForExecution = Schema.TaggedStruct("Execution", { execution: Schema.String, workflow: Schema.String })

/** What an execution may wait for. */
export const Waits = Schema.Union([ForAnswer, ForTime, ForExecution])

/** What an execution may wait for. */
export type Waits = typeof Waits.Type

/** Something that an execution waits for: where in it, what it is called, and what would end it. */
export const Waiting = Schema.Struct({ key: Schema.String, name: Schema.String, waits: Waits })

/** Something that an execution waits for: where in it, what it is called, and what would end it. */
export type Waiting = typeof Waiting.Type
