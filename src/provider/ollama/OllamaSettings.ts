/**
 * How an Ollama server is reached and used. No type of the SDK's is in it, so that it can be named where the SDK is not
 * installed.
 */
import type * as Duration from "effect/Duration"
import type * as Redacted from "effect/Redacted"
import type { CommonSettings } from "../internal/CommonSettings.ts"

/** How a server is reached and used. */
export interface Settings extends CommonSettings {
  /** `"gpu-box"`, `"127.0.0.1:11434"`, `"https://ollama.com"`. Default: `OLLAMA_HOST`, else this machine. */
  readonly host?: string | undefined
  /** For a server that asks for one. Default for ollama.com, and only there: `OLLAMA_API_KEY`. */
  readonly apiKey?: Redacted.Redacted<string> | undefined
  /** How long a whole response may take that is not streamed. Default: 10 minutes. */
  readonly timeout?: Duration.Input | undefined
  /**
   * The longest silence on a stream. Default: 5 minutes, since a server is silent while it loads a model and while it
   * reads the prompt. Node's own `fetch` gives up after 5 minutes, too.
   */
  readonly idleTimeout?: Duration.Input | undefined
  /** How long a model stays loaded after a request: seconds, or as in `"10m"`; -1 for ever. Default: the server's. */
  readonly keepAlive?: string | number | undefined
  /** The size of the model's context in tokens; the server cuts a longer prompt silently. Default: the server's. */
  readonly numCtx?: number | undefined
  /**
   * Whether calls of declared tools that a model writes into its text, as older ones do, are calls. Default: true. Say
   * false where a model may be made to quote such text.
   */
  readonly toolCallsInText?: boolean | undefined
}
