/**
 * One model of a server as a driver: the pure parts (request, response) around the connection.
 */
import * as AiError from "effect/ai/AiError"
import * as IdGenerator from "effect/ai/IdGenerator"
import { toCodecOpenAI } from "effect/ai/OpenAiStructuredOutput"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { Driver, ModelRequest } from "../../agent/Driver.ts"
import * as Gate from "../internal/Gate.ts"
import * as PartStream from "../internal/PartStream.ts"
import * as Connection from "./CompatibleConnection.ts"
import * as CompatibleRequest from "./CompatibleRequest.ts"
import * as CompatibleResponse from "./CompatibleResponse.ts"
import * as CompatibleTools from "./CompatibleTools.ts"

const none: ReadonlySet<string> = new Set()

/** A model's driver. Its responses are numbered under an id of the driver's own, since not all servers give them one. */
export const make = (connection: Connection.Connection, model: string): Effect.Effect<Driver> =>
  Effect.gen(function*() {
    const ids = Option.getOrElse(
      yield* Effect.serviceOption(IdGenerator.IdGenerator),
      () => IdGenerator.defaultIdGenerator
    )
    const series = yield* ids.generateId()
    let responses = 0
    const { keyName, keyProblem, server, url } = connection
    const capabilities = connection.capabilitiesOf(model)
    const gate = Gate.make(connection.places)
    const toFailure = Connection.toFailure(connection)
    const source = { name: server.name, url }
    const origin = { module: "OpenAiCompatible", provider: server.name, model, url, keyName, keyProblem }
    const callable = ({ toolChoice, tools }: ModelRequest) =>
      server.dialect.toolCallsInText && toolChoice !== "none" ? new Set(tools.map(({ name }) => name)) : none
    return {
      provider: server.name,
      model,
      capabilities,
      codecTransformer: toCodecOpenAI,
      stream: (request) => {
        const made = CompatibleRequest.make(model, capabilities, request, server)
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
            CompatibleResponse.fold({
              source,
              series: `${series}_${responses++}`,
              tools: callable(request),
              params: CompatibleTools.bringer(request.tools)
            })
        })
      }
    }
  })
