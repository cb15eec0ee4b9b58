/**
 * How OpenAI is reached. No type of the SDK's is in it, so that it can be named where the SDK is not installed.
 */
import type * as Redacted from "effect/Redacted"
import type { CommonSettings } from "../internal/CommonSettings.ts"

/** How OpenAI, or a server that speaks its Responses API, is reached. */
export interface Settings extends CommonSettings {
  /** Default: the environment variable `OPENAI_API_KEY`. For a server without keys, any text. */
  readonly apiKey?: Redacted.Redacted<string> | undefined
  /** With its `/v1`. Default: `OPENAI_BASE_URL`, else `https://api.openai.com/v1`. */
  readonly baseUrl?: string | undefined
  /** Default: `OPENAI_ORG_ID`. */
  readonly organization?: string | undefined
  /** Default: `OPENAI_PROJECT_ID`. */
  readonly project?: string | undefined
}
