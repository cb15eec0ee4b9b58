/**
 * How a run's events are written to a client: the port of every encoding.
 *
 * An encoder is a fold from events to text that does nothing else. It may remember what it wrote, so each response gets
 * its own: what is passed around is a `Factory`.
 */
import type * as Cause from "effect/Cause"
import type * as Schema from "effect/Schema"
import type { AgentEvent } from "../core/AgentEvent.ts"
import type { Problem } from "./Problem.ts"

/** Writes the events of one response. */
export interface Encoder {
  readonly contentType: string
  /** Headers that the encoding needs beside its content type. */
  readonly headers?: { readonly [name: string]: string }
  /** The event as text, with its id if one can come back with it; `undefined` for what this encoding does not say. */
  readonly encode: (event: AgentEvent, id: number | undefined) => string | undefined
  /** What an idle connection is kept open with; absent where a client would take it for content. */
  readonly heartbeat?: string
  /** The end of a run that failed, or was interrupted; `undefined` where only breaking off can say it. */
  readonly failed: (problem: Problem, cause: Cause.Cause<unknown>) => string | undefined
  /** What follows the last event, also after `failed`. */
  readonly done?: string
}

/** Makes the encoder of one response. */
export type Factory = () => Encoder

/** What every encoding can be told. */
export interface EncodeOptions {
  /** The agent's `output`, where its values are not JSON by themselves: dates, classes, maps. */
  readonly output?: Schema.ConstraintEncoder<unknown> | undefined
}
