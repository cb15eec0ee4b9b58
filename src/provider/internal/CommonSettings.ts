/**
 * What can be set for every provider, and the limits on its calls that come of it. The interface of each provider's own
 * settings extends this one, and says anew what it means differently there.
 */
import * as Duration from "effect/Duration"
import type { Rule } from "../../agent/Capabilities.ts"
import * as Gate from "./Gate.ts"

/** What can be set for every provider. */
export interface CommonSettings {
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

/** How many calls a provider makes at once, and how long they may take. */
export interface Limits {
  readonly places: Gate.Places
  readonly timeout: Duration.Duration
  readonly idleTimeout: Duration.Duration
}

/** The limits that settings say; `defaults` is for a provider or a client with times of its own. */
export const toLimits = (
  settings: CommonSettings,
  defaults: { readonly timeout?: Duration.Input | undefined; readonly idleTimeout?: Duration.Input | undefined } = {}
): Limits => ({
  places: Gate.places(settings.maxConcurrentRequests ?? 64),
  timeout: Duration.fromInputUnsafe(settings.timeout ?? defaults.timeout ?? "10 minutes"),
  idleTimeout: Duration.fromInputUnsafe(settings.idleTimeout ?? defaults.idleTimeout ?? "2 minutes")
})
