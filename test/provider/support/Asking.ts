/**
 * Asks a provider's driver once, against a server that answers wrongly, and looks at the error.
 */
import { assert, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import type { AiError } from "effect/ai"
import type { Driver } from "fluxion"
import * as Collect from "./Collect.ts"
import * as VendorServer from "./VendorServer.ts"

/** The error of one call. `apiKey` may be nowhere in it. */
export const make = <E>(
  driver: (url: string) => Effect.Effect<Driver.Driver, E, Scope.Scope>,
  apiKey: string
) => {
  const ask = (reply: VendorServer.Reply, stream: boolean) =>
    Effect.gen(function*() {
      const server = yield* VendorServer.make([reply])
      const model = yield* driver(server.url)
      const error = yield* Effect.flip(Collect.parts(model, Collect.request("Hi", { options: { stream } })))
      assert.strictEqual(server.requests.length, 1, "nobody but the caller retries")
      assert.notInclude(JSON.stringify(error) + error.message, apiKey)
      return error
    })

  /** A test of the error, streamed and whole. */
  const bothWays = (
    title: string,
    reply: VendorServer.Reply,
    check: (error: AiError.AiError, stream: boolean) => void
  ) => {
    for (const stream of [true, false]) {
      it.effect(
        `${title} (${stream ? "streamed" : "whole"})`,
        () => Effect.map(ask(reply, stream), (error) => check(error, stream))
      )
    }
  }

  return { ask, bothWays }
}
