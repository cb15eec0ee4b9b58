/**
 * One Ollama model as a driver: the pure parts (request, response) around the connection.
 */
import * as Effect from "effect/Effect"
import type { Driver } from "../../agent/Driver.ts"
import * as ProviderDriver from "../internal/ProviderDriver.ts"
import * as ResponseIds from "../internal/ResponseIds.ts"
import * as OllamaCapabilities from "./OllamaCapabilities.ts"
import type { Connection } from "./OllamaConnection.ts"
import * as OllamaFailure from "./OllamaFailure.ts"
import * as OllamaRequest from "./OllamaRequest.ts"
import * as OllamaResponse from "./OllamaResponse.ts"

/** The name of the provider, as in `"ollama/llama3.2"`. */
export const provider = "ollama"

/** A model's driver. Its responses are numbered, since Ollama gives them no ids. */
export const make = (connection: Connection, model: string): Effect.Effect<Driver> =>
  Effect.map(ResponseIds.make, (nextId) => {
    const { keepAlive, numCtx, toolCallsInText } = connection.settings
    const capabilities = OllamaCapabilities.of(model, connection.settings.capabilities)
    const settings = { model, vision: capabilities.vision, keepAlive, numCtx }
    const url = `${connection.url}/api/chat`
    return ProviderDriver.make({
      origin: { module: "Ollama", provider, model, url, keyName: "OLLAMA_API_KEY", keyProblem: connection.keyProblem },
      limits: connection,
      capabilities,
      toParams: (request) => OllamaRequest.make(request, settings),
      open: (body, _, signal) => connection.chat(body, signal),
      fold: (_, body) => {
        const tools = new Set(toolCallsInText === false ? [] : body.tools?.map((tool) => tool.function.name))
        return OllamaResponse.fold({ id: nextId(), tools })
      },
      toFailure: (cause) => OllamaFailure.from(cause, model, connection.url, connection.isKeyed)
    })
  })
