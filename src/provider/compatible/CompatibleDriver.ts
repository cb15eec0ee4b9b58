/**
 * One model of a server as a driver: the pure parts (request, response) around the connection.
 */
import { toCodecOpenAI } from "effect/ai/OpenAiStructuredOutput"
import * as Effect from "effect/Effect"
import type { Driver, ModelRequest } from "../../agent/Driver.ts"
import * as ProviderDriver from "../internal/ProviderDriver.ts"
import * as ResponseIds from "../internal/ResponseIds.ts"
import * as Connection from "./CompatibleConnection.ts"
import * as CompatibleRequest from "./CompatibleRequest.ts"
import * as CompatibleResponse from "./CompatibleResponse.ts"
import * as CompatibleTools from "./CompatibleTools.ts"

const none: ReadonlySet<string> = new Set()

/** A model's driver. Its responses are numbered, since not all servers give them ids. */
export const make = (connection: Connection.Connection, model: string): Effect.Effect<Driver> =>
  Effect.map(ResponseIds.make, (nextId) => {
    const { keyName, keyProblem, server, url } = connection
    const capabilities = connection.capabilitiesOf(model)
    const source = { name: server.name, url }
    const callable = ({ toolChoice, tools }: ModelRequest) =>
      server.dialect.toolCallsInText && toolChoice !== "none" ? new Set(tools.map(({ name }) => name)) : none
    return ProviderDriver.make({
      origin: { module: "OpenAiCompatible", provider: server.name, model, url, keyName, keyProblem },
      limits: connection,
      capabilities,
      codecTransformer: toCodecOpenAI,
      toParams: (request) => CompatibleRequest.make(model, capabilities, request, server),
      open: (params, streamed, signal) => Connection.open(connection, params, streamed, signal),
      fold: (request) =>
        CompatibleResponse.fold({
          source,
          series: nextId(),
          tools: callable(request),
          params: CompatibleTools.bringer(request.tools)
        }),
      toFailure: Connection.toFailure(connection)
    })
  })
