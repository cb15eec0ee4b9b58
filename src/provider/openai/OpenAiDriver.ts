/**
 * One OpenAI model as a driver: the pure parts (request, response) around the connection.
 */
import { toCodecOpenAI } from "effect/ai/OpenAiStructuredOutput"
import type { Driver } from "../../agent/Driver.ts"
import * as ProviderDriver from "../internal/ProviderDriver.ts"
import * as OpenAiCapabilities from "./OpenAiCapabilities.ts"
import * as Connection from "./OpenAiConnection.ts"
import * as OpenAiRequest from "./OpenAiRequest.ts"
import * as OpenAiResponse from "./OpenAiResponse.ts"
import * as OpenAiTokenizer from "./OpenAiTokenizer.ts"
import * as OpenAiTools from "./OpenAiTools.ts"

/** The name of the provider, as in `"openai/gpt-5"`. */
export const provider = "openai"

/** A model's driver. */
export const make = (connection: Connection.Connection, model: string): Driver => {
  const capabilities = OpenAiCapabilities.of(model, connection.settings.capabilities)
  const { keyName, keyProblem, url } = connection
  const driver = ProviderDriver.make({
    origin: { module: "OpenAi", provider, model, url, keyName, keyProblem },
    limits: connection,
    capabilities,
    codecTransformer: toCodecOpenAI,
    toParams: (request) => OpenAiRequest.make(model, capabilities, request),
    open: (params, streamed, signal) => Connection.open(connection, params, streamed, signal),
    fold: ({ tools }) =>
      OpenAiResponse.fold({ hostedName: OpenAiTools.hostedName(tools), params: OpenAiTools.bringer(tools) }),
    toFailure: Connection.toFailure(connection)
  })
  return { ...driver, tokenizer: OpenAiTokenizer.of(model) }
}
