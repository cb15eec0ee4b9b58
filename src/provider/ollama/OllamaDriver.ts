/**
 * One Ollama model as a driver: the pure parts (request, response) around the connection.
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
import * as OllamaCapabilities from "./OllamaCapabilities.ts"
import type { Connection } from "./OllamaConnection.ts"
import * as OllamaFailure from "./OllamaFailure.ts"
import * as OllamaRequest from "./OllamaRequest.ts"
import * as OllamaResponse from "./OllamaResponse.ts"

/** The name of the provider, as in `"ollama/llama3.2"`. */
export const provider = "ollama"

/** A model's driver. Its responses are numbered under an id of the driver's own, since Ollama gives them none. */
export const make = (connection: Connection, places: Gate.Places, model: string): Effect.Effect<Driver> =>
  Effect.gen(function*() {
    const ids = Option.getOrElse(
      yield* Effect.serviceOption(IdGenerator.IdGenerator),
      () => IdGenerator.defaultIdGenerator
    )
    const series = yield* ids.generateId()
    let responses = 0
    const { keepAlive, numCtx, toolCallsInText } = connection.settings
    const capabilities = OllamaCapabilities.of(model, connection.settings.capabilities)
    const settings = { model, vision: capabilities.vision, keepAlive, numCtx }
    const gate = Gate.make(places)
    const origin = {
      module: "Ollama",
      provider,
      model,
      url: `${connection.url}/api/chat`,
      keyName: "OLLAMA_API_KEY",
      keyProblem: connection.keyProblem
    }
    const toFailure = (cause: unknown) => OllamaFailure.from(cause, model, connection.url, connection.isKeyed)
    return {
      provider,
      model,
      capabilities,
      stream: (request) => {
        const made = OllamaRequest.make(request, settings)
        if (Result.isFailure(made)) {
          return Stream.fail(AiError.make({ module: origin.module, method: "stream", reason: made.failure }))
        }
        const body = made.success
        const tools = new Set(toolCallsInText === false ? [] : body.tools?.map((tool) => tool.function.name))
        return PartStream.make({
          origin,
          gate,
          toFailure,
          silence: body.stream ? connection.idleTimeout : connection.timeout,
          open: (signal) => connection.chat(body, signal),
          fold: () => OllamaResponse.fold({ id: `${series}_${responses++}`, tools })
        })
      }
    }
  })
