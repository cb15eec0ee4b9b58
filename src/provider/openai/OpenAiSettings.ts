/**
 * How OpenAI is reached. No type of the SDK's is in it, so that it can be named where the SDK is not installed.
 */
import type * as Duration from "effect/Duration"
import type * as Redacted from "effect/Redacted"
import type { Rule } from "../../agent/Capabilities.ts"

/** How OpenAI, or a server that speaks its Responses API, is reached. */
export interface Settings {
  /** Default: the environment variable `OPENAI_API_KEY`. For a server without keys, any text. */
  readonly apiKey?: Redacted.Redacted<string> | undefined
  /** With its `/v1`. Default: `OPENAI_BASE_URL`, else `https://api.openai.com/v1`. */
  readonly baseUrl?: string | undefined
  /** Default: `OPENAI_ORG_ID`. */
  readonly organization?: string | undefined
  /** Default: `OPENAI_PROJECT_ID`. */
  readonly project?: string | undefined
  /** Sent with every request. */
  readonly headers?: { readonly [name: string]: string } | undefined
  /** Used instead of the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch | undefined
  /** How long a response may take that is not streamed, and the start of one that is. Default: 10 minutes. */
  readonly timeout?: Duration.Input | undefined
  /** The longest silence on a stream, its start included. Default: 2 minutes. */
  readonly idleTimeout?: Duration.Input | undefined
  /** Calls at once, over all models of the provider; others wait. Default: 64. */
  readonly maxConcurrentRequests?: number | undefined
  /** What models can do, over the table that comes with the provider. */
  readonly capabilities?: ReadonlyArray<Rule> | undefined
}
