/**
 * How an interrupt says that whoever ran something went away: the annotation that Effect's servers put on it.
 *
 * It is known here by its key, so that nothing of effect/http or effect/rpc is loaded for it.
 */
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"

const ofHttp = "effect/http/HttpServerError/ClientAbort"
const keys: ReadonlyArray<string> = [ofHttp, "effect/rpc/RpcSchema/ClientAbort"]

/** What to interrupt a fiber with whose client is gone: `fiber.interruptUnsafe(undefined, ClientAbort.annotation)`. */
export const annotation: Context.Context<never> = Context.makeUnsafe(new Map([[ofHttp, true]]))

/** Whether an interrupt in the cause says that the client is gone. */
export const isIn = (cause: Cause.Cause<unknown>): boolean =>
  cause.reasons.some((reason) => reason._tag === "Interrupt" && keys.some((key) => reason.annotations.has(key)))
