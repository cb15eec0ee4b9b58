/**
 * How Anthropic is reached. No type of the SDK's is in it, so that it can be named where the SDK is not installed.
 */
import type * as Duration from "effect/Duration"
import type * as Redacted from "effect/Redacted"
import type { Rule } from "../../agent/Capabilities.ts"

/** How Anthropic, or a server that speaks its Messages API, is reached. */
export interface Settings {
  /**
   * Default: the environment variable `ANTHROPIC_API_KEY`. It is sent as `authorization: Bearer …`; a proxy that knows
   * `x-api-key` only gets it by `headers`.
   */
  readonly apiKey?: Redacted.Redacted<string> | undefined
  /** Without `/v1`. Default: `ANTHROPIC_BASE_URL`, else `https://api.anthropic.com`. */
  readonly baseUrl?: string | undefined
  /** Sent with every request; `anthropic-beta` is one of them. */
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
