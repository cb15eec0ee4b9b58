/**
 * One Gemini model as a driver: the pure parts (request, response) around the connection.
 */
import * as AiError from "effect/ai/AiError"
import * as IdGenerator from "effect/ai/IdGenerator"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { Driver } from "../../agent/Driver.ts"
import * as Gate from "../internal/Gate.ts"
import * as PartStream from "../internal/PartStream.ts"
import * as GoogleCapabilities from "./GoogleCapabilities.ts"
import type { Connection } from "./GoogleConnection.ts"
import * as GoogleFailure from "./GoogleFailure.ts"
import * as GoogleRequest from "./GoogleRequest.ts"
import * as GoogleResponse from "./GoogleResponse.ts"
import * as GoogleTools from "./GoogleTools.ts"

/** The name of the provider, as in `"google/gemini-2.5-flash"`. */
export const provider = "google"

/** A model's driver. Its responses are numbered under an id of the driver's own, since Gemini gives calls no ids. */
export const make = (connection: Connection, model: string): Effect.Effect<Driver> =>
  Effect.gen(function*() {
    const ids = Option.getOrElse(
      yield* Effect.serviceOption(IdGenerator.IdGenerator),
      () => IdGenerator.defaultIdGenerator
    )
    const series = yield* ids.generateId()
    let responses = 0
    const capabilities = GoogleCapabilities.of(model, connection.settings.capabilities)
    const gate = Gate.make(connection.places)
    const url = `${connection.url}/${model.includes("/") ? model : `models/${model}`}`
    const { keyName, keyProblem } = connection
    const origin = { module: "Google", provider, model, url, keyName, keyProblem }
    return {
      provider,
      model,
      capabilities,
      stream: (request) => {
        const made = GoogleRequest.make(model, capabilities, request)
        if (Result.isFailure(made)) {
          return Stream.fail(AiError.make({ module: origin.module, method: "stream", reason: made.failure }))
        }
        const params = made.success
        const streamed = request.options.stream !== false
        return PartStream.make({
          origin,
          gate,
          toFailure: GoogleFailure.from,
          silence: streamed ? connection.idleTimeout : connection.timeout,
          open: (signal) => connection.call(params, streamed, signal),
          fold: () =>
            GoogleResponse.fold({
              id: `${series}_${responses++}`,
              hostedName: GoogleTools.hostedName(request.tools)
            })
        })
      }
    }
  })
