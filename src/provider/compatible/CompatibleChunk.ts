/**
 * A chunk of a response of Chat Completions, as far as it is read. Nothing of it is certain, since servers differ: no
 * field has to be there, and any may be `null`. A whole response is one chunk, with `message` in place of `delta`.
 */

type Maybe<A> = A | null | undefined

/** A call, or some of it. */
export interface ChunkCall {
  readonly index?: Maybe<number>
  readonly id?: Maybe<string>
  readonly function?: Maybe<{
    readonly name?: Maybe<string>
    /** JSON as a text; some servers send the object itself. */
    readonly arguments?: unknown
  }>
}

/** A piece of content, where content is a list: Mistral's `thinking` among them. */
export interface ChunkContent {
  readonly type?: Maybe<string>
  readonly text?: Maybe<string>
  readonly thinking?: unknown
}

/** A citation. */
export interface ChunkAnnotation {
  readonly type?: Maybe<string>
  readonly url_citation?: Maybe<{ readonly url?: Maybe<string>; readonly title?: Maybe<string> }>
}

/** One of OpenRouter's `reasoning_details`. */
export interface ChunkDetail {
  readonly type?: Maybe<string>
  readonly index?: Maybe<number>
  readonly text?: Maybe<string>
  readonly summary?: Maybe<string>
  readonly [field: string]: unknown
}

/** What a chunk adds to the message. */
export interface ChunkDelta {
  readonly content?: Maybe<string | ReadonlyArray<ChunkContent>>
  readonly refusal?: Maybe<string>
  /** DeepSeek's name. */
  readonly reasoning_content?: Maybe<string>
  /** OpenRouter's, Groq's, Ollama's and vLLM's. */
  readonly reasoning?: Maybe<string>
  readonly reasoning_details?: Maybe<ReadonlyArray<ChunkDetail>>
  readonly tool_calls?: Maybe<ReadonlyArray<ChunkCall>>
  readonly annotations?: Maybe<ReadonlyArray<ChunkAnnotation>>
}

/** What a chunk says of one of the answers. */
export interface ChunkChoice {
  readonly index?: Maybe<number>
  readonly delta?: Maybe<ChunkDelta>
  readonly message?: Maybe<ChunkDelta>
  readonly finish_reason?: Maybe<string>
  /** OpenRouter's. */
  readonly native_finish_reason?: Maybe<string>
  readonly error?: unknown
}

/** Token counts. */
export interface ChunkUsage {
  readonly prompt_tokens?: Maybe<number>
  readonly completion_tokens?: Maybe<number>
  readonly prompt_tokens_details?: Maybe<
    { readonly cached_tokens?: Maybe<number>; readonly cache_write_tokens?: Maybe<number> }
  >
  readonly completion_tokens_details?: Maybe<{ readonly reasoning_tokens?: Maybe<number> }>
  /** DeepSeek's, from before there were details. */
  readonly prompt_cache_hit_tokens?: Maybe<number>
  /** OpenRouter's, in its credits. */
  readonly cost?: Maybe<number>
}

/** A chunk. */
export interface Chunk {
  readonly id?: Maybe<string>
  readonly model?: Maybe<string>
  /** Seconds. */
  readonly created?: Maybe<number>
  /** `"error"`, if that is what it is, at some servers. */
  readonly object?: Maybe<string>
  readonly choices?: Maybe<ReadonlyArray<ChunkChoice>>
  readonly usage?: Maybe<ChunkUsage>
  readonly service_tier?: Maybe<string>
  readonly error?: unknown
  /** Addresses that Perplexity's answer rests on. */
  readonly citations?: Maybe<ReadonlyArray<unknown>>
  /** Groq's. */
  readonly x_groq?: Maybe<{ readonly usage?: Maybe<ChunkUsage> }>
}

/** Stands for `[DONE]`: the response is over. */
export const done = { isDone: true } as const

/** What a fold takes. */
export type Event = Chunk | typeof done
