/**
 * What of a response is kept beside its parts, so that the next request gives it back to the same server.
 *
 * It stands under the server's name, in a response part's `metadata` and, copied by whoever keeps the history, in a
 * prompt part's `options`. In prompts users put options of their own there: fields of the content part.
 */
import type * as Prompt from "effect/ai/Prompt"
import type * as Response from "effect/ai/Response"
import type * as Schema from "effect/Schema"

/** A field in which servers put reasoning as a text, and take it back. */
export type ReasoningField = "reasoning_content" | "reasoning"

/** Of a text: whether it is a refusal. */
export interface TextKeep {
  readonly refusal?: true
}

/** Of a reasoning: the field it came in; none when the whole of it stands in the message's details. */
export interface ReasoningKeep {
  readonly field?: ReasoningField
}

/** Of a message, on a part of it: `reasoning_details`, as they came. */
export interface MessageKeep {
  readonly reasoningDetails?: ReadonlyArray<unknown>
}

/** As metadata of a part. */
export const toMetadata = (
  name: string,
  keep: TextKeep | ReasoningKeep | MessageKeep
): Response.ProviderMetadata => ({ [name]: keep as unknown as Schema.JsonObject })

const none: { readonly [field: string]: unknown } = {}

/** What stands under the server's name. */
export const own = (options: Prompt.ProviderOptions, name: string): { readonly [field: string]: unknown } => {
  const found = options[name]
  return typeof found === "object" && found !== null && !Array.isArray(found)
    ? found as { readonly [field: string]: unknown }
    : none
}

/** The field that a reasoning came in, if it came from the server. */
export const fieldOf = (options: Prompt.ProviderOptions, name: string): ReasoningField | undefined => {
  const { field } = own(options, name)
  return field === "reasoning_content" || field === "reasoning" ? field : undefined
}

/** The details of a message that are kept with one of its parts. */
export const detailsOf = (options: Prompt.ProviderOptions, name: string): ReadonlyArray<unknown> | undefined => {
  const { reasoningDetails } = own(options, name)
  return Array.isArray(reasoningDetails) ? reasoningDetails : undefined
}
