/**
 * The driver of one model, of what its vendor's folder holds: pure parts, the request and the fold of the response,
 * around a connection that does the IO. All that is the same for every vendor is here.
 */
import * as AiError from "effect/ai/AiError"
import type * as LanguageModel from "effect/ai/LanguageModel"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { Capabilities } from "../../agent/Capabilities.ts"
import type { Driver, ModelRequest } from "../../agent/Driver.ts"
import type { Limits } from "./CommonSettings.ts"
import type * as Failure from "./Failure.ts"
import * as Gate from "./Gate.ts"
import * as PartStream from "./PartStream.ts"

/** What a vendor's driver is made of. */
export interface Options<Params, Event> {
  readonly origin: Failure.Origin
  readonly limits: Limits
  readonly capabilities: Capabilities
  readonly codecTransformer?: LanguageModel.CodecTransformer
  /** The parameters of a request; or why it cannot be made. */
  readonly toParams: (request: ModelRequest) => Result.Result<Params, AiError.AiErrorReason>
  /** Sends a request. `signal` aborts it, also while its events are read. */
  readonly open: (params: Params, streamed: boolean, signal: AbortSignal) => Promise<AsyncIterable<Event>>
  /** What turns the events of the request's response into parts. */
  readonly fold: (request: ModelRequest, params: Params) => PartStream.Fold<Event>
  /** What the SDK threw. */
  readonly toFailure: (cause: unknown) => Failure.Failure
}

/** The driver, with a gate of its own. */
export const make = <Params, Event>(options: Options<Params, Event>): Driver => {
  const { capabilities, codecTransformer, limits, origin, toFailure } = options
  const gate = Gate.make(limits.places)
  return {
    provider: origin.provider,
    model: origin.model,
    capabilities,
    codecTransformer,
    stream: (request) => {
      const made = options.toParams(request)
      if (Result.isFailure(made)) {
        return Stream.fail(AiError.make({ module: origin.module, method: "stream", reason: made.failure }))
      }
      const params = made.success
      const streamed = request.options.stream !== false
      return PartStream.make({
        origin,
        gate,
        toFailure,
        silence: streamed ? limits.idleTimeout : limits.timeout,
        open: (signal) => options.open(params, streamed, signal),
        fold: () => options.fold(request, params)
      })
    }
  }
}
