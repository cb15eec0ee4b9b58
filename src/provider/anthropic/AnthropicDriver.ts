/**
 * One Anthropic model as a driver: the pure parts (request, response) around the connection.
 */
import { toCodecAnthropic } from "effect/ai/AnthropicStructuredOutput"
import type { Driver } from "../../agent/Driver.ts"
import * as ProviderDriver from "../internal/ProviderDriver.ts"
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
  const { keyName, keyProblem, url } = connection
  return ProviderDriver.make({
    origin: { module: "Anthropic", provider, model, url, keyName, keyProblem },
    limits: connection,
    capabilities,
    codecTransformer: toCodecAnthropic,
    toParams: (request) => AnthropicRequest.make(model, capabilities, request),
    open: (params, streamed, signal) => Connection.open(connection, params, streamed, signal),
    fold: ({ tools }) =>
      AnthropicResponse.fold({ rename: AnthropicTools.renamer(tools), params: AnthropicTools.bringer(tools) }),
    toFailure: Connection.toFailure(connection)
  })
}
