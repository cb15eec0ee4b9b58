/**
 * What of Anthropic's content blocks is kept beside the parts of a response, so that the next request gives it back.
 *
 * It stands under the key `anthropic`, in a response part's `metadata` and, copied by whoever keeps the history, in a
 * prompt part's `options`. In prompts users put options of their own there: `cacheControl`, and in user messages
 * whatever fields the block has at Anthropic.
 */
import type * as Prompt from "effect/ai/Prompt"
import type * as Schema from "effect/Schema"

/** The fields of a block, or some of them, as Anthropic has them. */
export type Fields = { readonly [field: string]: unknown }

/** Of a thinking block: what proves that Anthropic made it. */
export interface ThinkingKeep {
  readonly signature: string
}

/** Of a thinking block that Anthropic does not show: the encrypted whole of it. */
export interface RedactedKeep {
  readonly redactedData: string
}

/** Of a text: its citations, as a request takes them. */
export interface TextKeep {
  readonly citations: ReadonlyArray<Fields>
}

/** Of a call that we run: who called, if not the model itself; the tool's name there, if the tool is Anthropic's. */
export interface CallKeep {
  readonly caller?: unknown
  readonly name?: string
}

/** Of what Anthropic ran itself: all fields of the block but its id and its content. */
export interface ServerKeep extends Fields {
  readonly type: string
}

type Keep = ThinkingKeep | RedactedKeep | TextKeep | CallKeep | ServerKeep

/** As metadata of a part. */
export const toMetadata = (keep: Keep): { readonly anthropic: Schema.JsonObject } => ({
  anthropic: keep as unknown as Schema.JsonObject
})

const none: Fields = {}

/** What stands under the key `anthropic`. */
export const own = (options: Prompt.ProviderOptions): Fields => {
  const found = options["anthropic"]
  return typeof found === "object" && found !== null && !Array.isArray(found) ? found as Fields : none
}

/** Options as fields of a block: `cacheControl` is `cache_control` there. */
export const toFields = ({ cacheControl, ...fields }: Fields): Fields =>
  cacheControl === undefined ? fields : { ...fields, cache_control: cacheControl }

/** The cache breakpoint that the options ask for, as a field of a block. */
export const cacheControl = (options: Fields): Fields => {
  const { cache_control = options["cacheControl"] } = options
  return cache_control === undefined ? none : { cache_control }
}

/** Whether the keep is of something that Anthropic ran itself. */
export const isServer = (keep: Fields): keep is ServerKeep => typeof keep["type"] === "string"
