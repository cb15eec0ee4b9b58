/**
 * One Gemini model as a driver: the pure parts (request, response) around the connection.
 */
import * as Effect from "effect/Effect"
import type { Driver } from "../../agent/Driver.ts"
import * as ProviderDriver from "../internal/ProviderDriver.ts"
import * as ResponseIds from "../internal/ResponseIds.ts"
import * as GoogleCapabilities from "./GoogleCapabilities.ts"
import type { Connection } from "./GoogleConnection.ts"
import * as GoogleFailure from "./GoogleFailure.ts"
import * as GoogleRequest from "./GoogleRequest.ts"
import * as GoogleResponse from "./GoogleResponse.ts"
import * as GoogleTools from "./GoogleTools.ts"

/** The name of the provider, as in `"google/gemini-2.5-flash"`. */
export const provider = "google"

/** A model's driver. Its responses are numbered, since Gemini gives calls no ids. */
export const make = (connection: Connection, model: string): Effect.Effect<Driver> =>
  Effect.map(ResponseIds.make, (nextId) => {
    const capabilities = GoogleCapabilities.of(model, connection.settings.capabilities)
    const url = `${connection.url}/${model.includes("/") ? model : `models/${model}`}`
    const { keyName, keyProblem } = connection
    return ProviderDriver.make({
      origin: { module: "Google", provider, model, url, keyName, keyProblem },
      limits: connection,
      capabilities,
      toParams: (request) => GoogleRequest.make(model, capabilities, request),
      open: connection.call,
      fold: ({ tools }) => GoogleResponse.fold({ id: nextId(), hostedName: GoogleTools.hostedName(tools) }),
      toFailure: GoogleFailure.from
    })
  })
