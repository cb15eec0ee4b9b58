/**
 * How a server that speaks Chat Completions is reached. No type of the SDK's is in it, so that it can be named where the
 * SDK is not installed.
 */
import type * as Redacted from "effect/Redacted"
import type { Rule } from "../../agent/Capabilities.ts"
import type { CommonSettings } from "../internal/CommonSettings.ts"
import type { Dialect } from "./CompatibleDialect.ts"

/** How a server is reached; what is left out is as it was registered for the server's name. */
export interface Settings extends CommonSettings {
  /** With its path, which is `/v1` at most servers. */
  readonly baseUrl?: string | undefined
  /** Default: the environment variable of the server's name. A server on this machine or in this network needs none. */
  readonly apiKey?: Redacted.Redacted<string> | undefined
  /** What models can do, over what is registered for the server's name. */
  readonly capabilities?: ReadonlyArray<Rule> | undefined
  /** How the server wants its requests, over what is registered for its name. */
  readonly dialect?: Partial<Dialect> | undefined
}
