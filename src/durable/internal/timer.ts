/**
 * A wait for a time, journaled: it goes on over restarts, and holds no process meanwhile.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import type { StepScope } from "../StepScope.ts"
import type { Waits } from "../Waits.ts"
import * as Codecs from "./codecs.ts"

const schemas = {
  success: Schema.Void as Schema.Codec<void, unknown, unknown, unknown>,
  error: Schema.Never as Schema.Codec<never, unknown, unknown, unknown>
}

/** Waits in `scope` until a time, in milliseconds since 1970. */
export const wait = (scope: StepScope, name: string, until: (now: number) => number): Effect.Effect<void> =>
  scope.wait({
    name,
    payload: null,
    payloadSchema: Schema.Null,
    ...schemas,
    waits: () =>
      Effect.map(Clock.currentTimeMillis, (now): Schema.Json => {
        const waits: Waits = { _tag: "Time", until: until(now), outcome: Codecs.ofExit(schemas).encode(Exit.void) }
        return waits as unknown as Schema.Json
      })
  })
