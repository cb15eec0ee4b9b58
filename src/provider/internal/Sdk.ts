/**
 * Loads a vendor's SDK, when the first model of that vendor is made and not before.
 *
 * SDKs are optional peers: everywhere else they may only be mentioned in `import type`. A missing one is a
 * `ModelUnresolved` that says what to install.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { ModelUnresolved } from "../../core/AgentError.ts"

const isNotFound = (cause: unknown): boolean =>
  cause instanceof Error
  && (("code" in cause && (cause.code === "ERR_MODULE_NOT_FOUND" || cause.code === "MODULE_NOT_FOUND"))
    || /cannot find (package|module)|failed to (resolve|load)/i.test(cause.message))

/** Imports `packageName` by `load`, which has the literal `import("…")`. `model` is what it is needed for. */
export const load = <Module>(
  packageName: string,
  model: string,
  load: () => Promise<Module>
): Effect.Effect<Module, ModelUnresolved> =>
  Effect.tryPromise({
    try: load,
    catch: (cause) =>
      new ModelUnresolved({
        model,
        problem: "missing-package",
        detail: isNotFound(cause)
          ? `the package "${packageName}" is not installed; run: npm install ${packageName}`
          : `the package "${packageName}" does not load (${cause instanceof Error ? cause.message : String(cause)}); `
            + `install it again: npm install ${packageName}`
      })
  })

/** A time limit as the SDKs take it: a whole number of milliseconds that a timer can hold. */
export const toMillis = (limit: Duration.Duration): number =>
  Math.min(Math.max(1, Math.ceil(Duration.toMillis(limit))), 2 ** 31 - 1)
