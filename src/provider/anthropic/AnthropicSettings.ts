/**
 * How Anthropic is reached. No type of the SDK's is in it, so that it can be named where the SDK is not installed.
 */
import type * as Redacted from "effect/Redacted"
import type { CommonSettings } from "../internal/CommonSettings.ts"

/** How Anthropic, or a server that speaks its Messages API, is reached. */
export interface Settings extends CommonSettings {
  /**
   * Default: the environment variable `ANTHROPIC_API_KEY`. It is sent as `authorization: Bearer …`; a proxy that knows
   * `x-api-key` only gets it by `headers`.
   */
  readonly apiKey?: Redacted.Redacted<string> | undefined
  /** Without `/v1`. Default: `ANTHROPIC_BASE_URL`, else `https://api.anthropic.com`. */
  readonly baseUrl?: string | undefined
  /** Sent with every request; `anthropic-beta` is one of them. */
  readonly headers?: { readonly [name: string]: string } | undefined
}
