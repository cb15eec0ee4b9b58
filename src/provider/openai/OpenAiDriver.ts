/**
 * One OpenAI model as a driver: the pure parts (request, response) around the connection.
 */
import * as AiError from "effect/ai/AiError"
import { toCodecOpenAI } from "effect/ai/OpenAiStructuredOutput"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { Driver } from "../../agent/Driver.ts"
import * as Gate from "../internal/Gate.ts"
import * as PartStream from "../internal/PartStream.ts"
import * as OpenAiCapabilities from "./OpenAiCapabilities.ts"
import * as Connection from "./OpenAiConnection.ts"
import * as OpenAiRequest from "./OpenAiRequest.ts"
import * as OpenAiResponse from "./OpenAiResponse.ts"
import * as OpenAiTools from "./OpenAiTools.ts"

/** The name of the provider, as in `"openai/gpt-5"`. */
export const provider = "openai"

/** A model's driver. */
export const make = (connection: Connection.Connection, model: string): Driver => {
  const capabilities = OpenAiCapabilities.of(model, connection.settings.capabilities)
  const gate = Gate.make(connection.places)
  const toFailure = Connection.toFailure(connection)
  const { keyName, keyProblem, url } = connection
  const origin = { module: "OpenAi", provider, model, url, keyName, keyProblem }
  return {
    provider,
    model,
    capabilities,
    codecTransformer: toCodecOpenAI,
    stream: (request) => {
      const made = OpenAiRequest.make(model, capabilities, request)
      if (Result.isFailure(made)) {
        return Stream.fail(AiError.make({ module: origin.module, method: "stream", reason: made.failure }))
      }
      const params = made.success
      const streamed = request.options.stream !== false
      return PartStream.make({
        origin,
        gate,
        toFailure,
        silence: streamed ? connection.idleTimeout : connection.timeout,
        open: (signal) => Connection.open(connection, params, streamed, signal),
        fold: () =>
          OpenAiResponse.fold({
            hostedName: OpenAiTools.hostedName(request.tools),
            params: OpenAiTools.bringer(request.tools)
          })
      })
    }
  }
}
