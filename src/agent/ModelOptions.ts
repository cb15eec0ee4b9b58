/**
 * What one model call is asked for beyond prompt and tools: limits, sampling, reasoning, vendor options.
 *
 * A driver gets them in its `ModelRequest`. Behind a wrapped `LanguageModel`, whose functions have no place for them,
 * our providers read them from the context instead (`CurrentModelOptions`), so a wrapper loses nothing.
 */
import * as Context from "effect/Context"
import type * as Schema from "effect/Schema"

/** How much a reasoning model may think before it answers. */
export type Reasoning = "low" | "medium" | "high"

/** Options of one model call. An absent one is left to the vendor. */
export interface ModelOptions {
  /** The most tokens of one answer, reasoning included where the vendor counts it so. */
  readonly maxTokens?: number | undefined
  /** Randomness; 0 to 1 or 2, by vendor. */
  readonly temperature?: number | undefined
  /** Nucleus sampling, 0 to 1. */
  readonly topP?: number | undefined
  /** Asks for repeatable sampling where the vendor can. */
  readonly seed?: number | undefined
  /** The answer ends before any of these. */
  readonly stopSequences?: ReadonlyArray<string> | undefined
  /** How much a reasoning model may think. */
  readonly reasoning?: Reasoning | undefined
  /** `false`: the vendor is asked for the whole response at once. Default `true`. */
  readonly stream?: boolean | undefined
  /** The agent that asks, for logs and test models; not sent to the vendor. */
  readonly agent?: string | undefined
  /** Merged into the vendor's request as they are, by provider: `{ openai: { store: true } }`. */
  readonly providerOptions?: { readonly [provider: string]: Schema.JsonObject } | undefined
}

/** The options of the model call under way, for Models that are called through a wrapper. */
export const CurrentModelOptions: Context.Reference<ModelOptions> = Context.Reference<ModelOptions>(
  "fluxion/agent/ModelOptions",
  { defaultValue: () => ({}) }
)
