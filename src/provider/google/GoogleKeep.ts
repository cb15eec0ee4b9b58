/**
 * What of Gemini's parts is kept beside the parts of a response, so that the next request gives it back.
 *
 * It stands under the key `google`, in a response part's `metadata` and, copied by whoever keeps the history, in a
 * prompt part's `options`. A thought signature belongs to the very part that it came with.
 */
import type * as Schema from "effect/Schema"

/** Kept with a part. All that Gemini reasoned, made or ran itself has one, if only an empty one. */
export interface Keep {
  /** Opaque: what the model thought, for the model. */
  readonly thoughtSignature?: string
  /** The signature came apart, on an empty text after this one. Histories drop empty texts. */
  readonly apart?: true
  /** The part that showed what Google ran itself. */
  readonly part?: HostedCall | HostedResult
}

/** The parts in which Gemini shows what it asked of a tool that Google runs. */
export type HostedCall = "executableCode" | "toolCall"

/** The parts in which it shows what came of it. */
export type HostedResult = "codeExecutionResult" | "toolResponse"

/** As metadata of a part. */
export const toMetadata = (keep: Keep): { readonly google: Schema.JsonObject } => ({
  google: keep as unknown as Schema.JsonObject
})

/** What was kept with a part; `undefined` if it is another vendor's. */
export const read = (options: { readonly [provider: string]: unknown }): Keep | undefined => {
  const own = options["google"]
  return typeof own === "object" && own !== null ? own : undefined
}

/** As a field of Gemini's part. */
export const signature = (keep: Keep | undefined): { readonly thoughtSignature?: string } =>
  typeof keep?.thoughtSignature === "string" ? { thoughtSignature: keep.thoughtSignature } : {}

const made = "fluxion_call_"

/** An id for a call that came without one. `series` is an id that no other response has. */
export const makeId = (series: string, index: number): string => `${made}${series}_${index}`

/** A call's id as a field of Gemini's part, unless it was made here: Gemini does not know those. */
export const givenId = (id: string): { readonly id?: string } => id.startsWith(made) ? {} : { id }
