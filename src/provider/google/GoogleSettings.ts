/**
 * How Google is reached. No type of the SDK's is in it, so that it can be named where the SDK is not installed.
 */
import type * as Duration from "effect/Duration"
import type * as Redacted from "effect/Redacted"
import type { CommonSettings } from "../internal/CommonSettings.ts"

/** How the Gemini API, or a server that speaks it, is reached. Vertex AI takes a ready client. */
export interface Settings extends CommonSettings {
  /** Default: the environment variable `GOOGLE_API_KEY`, else `GEMINI_API_KEY`. */
  readonly apiKey?: Redacted.Redacted<string> | undefined
  /** Without a version. Default: `GOOGLE_GEMINI_BASE_URL`, else `https://generativelanguage.googleapis.com`. */
  readonly baseUrl?: string | undefined
  /**
   * `"v1"` is the stable API, `"v1beta"` has all models and features. Default: `GOOGLE_GENAI_API_VERSION`, else
   * `"v1beta"` (the SDK's own default is `"v1"`).
   */
  readonly apiVersion?: string | undefined
  /** How long a response may take that is not streamed. Default: 10 minutes; Node's `fetch` gives up after 5. */
  readonly timeout?: Duration.Input | undefined
}
