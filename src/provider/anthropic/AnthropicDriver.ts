/**
 * One Anthropic model as a driver: the pure parts (request, response) around the connection.
 */
import * as AiError from "effect/ai/AiError"
import { toCodecAnthropic } from "effect/ai/AnthropicStructuredOutput"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { Driver } from "../../agent/Driver.ts"
import * as Gate from "../internal/Gate.ts"
import * as PartStream from "../internal/PartStream.ts"
import * as AnthropicCapabilities from "./AnthropicCapabilities.ts"
import * as Connection from "./AnthropicConnection.ts"
import * as AnthropicRequest from "./AnthropicRequest.ts"
import * as AnthropicResponse from "./AnthropicResponse.ts"
import * as AnthropicTools from "./AnthropicTools.ts"

/** The name of the provider, as in `"anthropic/claude-sonnet-4-6"`. */
export const provider = "anthropic"

/** A model's driver. */
export const make = (connection: Connection.Connection, model: string): Driver => {
  const capabilities = AnthropicCapabilities.of(model, connection.settings.capabilities)
  const gate = Gate.make(connection.places)
  const toFailure = Connection.toFailure(connection)
  const { keyName, keyProblem, url } = connection
  const origin = { module: "Anthropic", provider, model, url, keyName, keyProblem }
  return {
    provider,
    model,
    capabilities,
    codecTransformer: toCodecAnthropic,
    stream: (request) => {
      const made = AnthropicRequest.make(model, capabilities, request)
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
          AnthropicResponse.fold({
            rename: AnthropicTools.renamer(request.tools),
            params: AnthropicTools.bringer(request.tools)
          })
      })
    }
  }
}
