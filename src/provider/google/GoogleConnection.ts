/**
 * One SDK client and what its models share: the address, the places for concurrent calls, the times.
 */
import type { GoogleGenAI } from "@google/genai"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { ModelUnresolved } from "../../core/AgentError.ts"
import * as Secrets from "../../core/Secrets.ts"
import * as ApiKey from "../internal/ApiKey.ts"
import { type Limits, toLimits } from "../internal/CommonSettings.ts"
import * as Environment from "../internal/Environment.ts"
import * as Sdk from "../internal/Sdk.ts"
import * as WireLog from "../internal/WireLog.ts"
import * as GoogleClient from "./GoogleClient.ts"
import type { Settings } from "./GoogleSettings.ts"

/** The environment variables with the API key; the first that is set counts. */
const keyNames = ["GOOGLE_API_KEY", "GEMINI_API_KEY"] as const

const vendor = "Google"

const defaultUrl = "https://generativelanguage.googleapis.com"

/** A client, and what its models share. */
export interface Connection extends Limits {
  readonly call: GoogleClient.Call
  /** The server's address with the version, for messages. */
  readonly url: string
  readonly keyName: string | undefined
  readonly keyProblem: string | undefined
  readonly settings: Settings
}

const badSettings = (model: string, what: string, cause: unknown) =>
  new ModelUnresolved({
    model,
    problem: "bad-settings",
    detail: Secrets.scrub(`${what}: ${cause instanceof Error ? cause.message : String(cause)}`)
  })

const findVersion = (model: string): Effect.Effect<string, ModelUnresolved> =>
  Effect.map(
    Environment.read(model, "GOOGLE_GENAI_API_VERSION"),
    (version) => version === undefined || version === "beta" ? "v1beta" : version
  )

const makeClient = Effect.fnUntraced(function*(model: string, settings: Settings) {
  const sdk = yield* Sdk.load("@google/genai", model, () => import("@google/genai"))
  const baseUrl = settings.baseUrl ?? (yield* Environment.read(model, "GOOGLE_GEMINI_BASE_URL")) ?? defaultUrl
  const recipient = { vendor, url: baseUrl, home: defaultUrl }
  const apiKey = yield* ApiKey.read({ model, variable: keyNames, apiKey: settings.apiKey, recipient })
  yield* Environment.checkUrl(model, baseUrl, defaultUrl)
  const apiVersion = settings.apiVersion ?? (yield* findVersion(model))
  const headers = { ...settings.headers }
  yield* Effect.try({
    try: () => new Headers(headers),
    catch: (cause) => badSettings(model, "the option `headers` holds what is no header", cause)
  })
  // All that the SDK would read from the environment is given, so that a ConfigProvider has the last word.
  return yield* Effect.try({
    try: () =>
      new sdk.GoogleGenAI({
        apiKey: Redacted.value(apiKey),
        vertexai: false,
        apiVersion,
        httpOptions: { baseUrl, headers }
      }),
    catch: (cause) => badSettings(model, "the Google client cannot be made", cause)
  })
})

/** What of a client's inside is needed, and not to be had otherwise. */
interface Inside {
  readonly apiKey?: unknown
  readonly apiClient?: {
    readonly getRequestUrl?: () => string
    readonly getFetch?: () => WireLog.Fetch | undefined
  }
}

/** Connects by settings, or by a ready client. `model` is for messages. */
export const make = Effect.fnUntraced(function*(
  model: string,
  settings: Settings,
  ready?: GoogleGenAI
): Effect.fn.Return<Connection, ModelUnresolved> {
  const client = ready ?? (yield* makeClient(model, settings))
  const { apiClient, apiKey } = client as unknown as Inside
  ApiKey.adopt(apiKey)
  const fetch = (ready === undefined ? settings.fetch : apiClient?.getFetch?.()) ?? globalThis.fetch
  const logged = yield* WireLog.enabled
  return {
    ...toLimits(settings),
    call: GoogleClient.make(client, logged ? WireLog.wrap("google", fetch) : fetch),
    url: Environment.publicUrl(apiClient?.getRequestUrl?.() ?? defaultUrl, ""),
    keyName: ready === undefined && settings.apiKey === undefined ? keyNames.join(" or ") : undefined,
    keyProblem: ApiKey.foreign(vendor, apiKey),
    settings
  }
})
