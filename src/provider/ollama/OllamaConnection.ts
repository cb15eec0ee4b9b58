/**
 * One SDK client, where it goes, and how long its calls may take.
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type { Ollama } from "ollama"
import { ModelUnresolved } from "../../core/AgentError.ts"
import * as Secrets from "../../core/Secrets.ts"
import * as ApiKey from "../internal/ApiKey.ts"
import { type Limits, toLimits } from "../internal/CommonSettings.ts"
import * as Sdk from "../internal/Sdk.ts"
import * as WireLog from "../internal/WireLog.ts"
import * as OllamaClient from "./OllamaClient.ts"
import * as OllamaHost from "./OllamaHost.ts"
import type { Settings } from "./OllamaSettings.ts"

/** A client ready to be called. */
export interface Connection extends Limits {
  readonly chat: OllamaClient.Chat
  /** The server's address, for messages. */
  readonly url: string
  /** Whether a key is sent. */
  readonly isKeyed: boolean
  readonly keyProblem: string | undefined
  readonly settings: Settings
}

/** Connects by settings, or by a ready client. `model` is for messages. Nothing is asked of the server. */
export const make = Effect.fnUntraced(function*(
  model: string,
  settings: Settings,
  ready?: Ollama
): Effect.fn.Return<Connection, ModelUnresolved> {
  const { client, keyProblem, url } = ready === undefined
    ? yield* makeClient(model, settings)
    : { client: ready, keyProblem: undefined, url: hostOf(ready) }
  if (ready !== undefined) ApiKey.adopt(headersOf(ready).get("authorization"))
  const logged = yield* WireLog.enabled
  return {
    ...toLimits(settings, { idleTimeout: "5 minutes" }),
    chat: OllamaClient.make(client, logged ? (fetch) => WireLog.wrap("ollama", fetch) : undefined),
    url,
    isKeyed: ready === undefined && settings.apiKey !== undefined || isCloud(url),
    keyProblem,
    settings
  }
})

const cloud = "https://ollama.com"

const isCloud = (url: string): boolean => URL.canParse(url) && new URL(url).host === new URL(cloud).host

const makeClient = Effect.fnUntraced(function*(model: string, settings: Settings) {
  const { authorization, url } = yield* findHost(model, settings.host)
  if (authorization !== undefined) Secrets.register(authorization.replace("Basic ", ""))
  const headers = yield* Effect.try({
    try: () => new Headers({ ...(authorization === undefined ? undefined : { authorization }), ...settings.headers }),
    catch: (cause) => badSettings(model, `the option \`headers\` holds what is no header: ${(cause as Error).message}`)
  })
  const recipient = { vendor: "Ollama", url, home: cloud }
  let keyProblem: string | undefined
  if (settings.apiKey !== undefined || isCloud(url) && !headers.has("authorization")) {
    const key = yield* ApiKey.read({ model, variable: "OLLAMA_API_KEY", apiKey: settings.apiKey, recipient })
    keyProblem = ApiKey.foreign(recipient.vendor, Redacted.value(key))
    headers.set("authorization", `Bearer ${Redacted.value(key)}`)
  }
  const sdk = yield* Sdk.load("ollama", model, () => import("ollama"))
  const client = new sdk.Ollama({
    host: url,
    headers,
    ...(settings.fetch === undefined ? undefined : { fetch: settings.fetch })
  })
  return { client, keyProblem, url }
})

const badSettings = (model: string, detail: string) =>
  new ModelUnresolved({ model, problem: "bad-settings", detail: Secrets.scrub(detail) })

const findHost = Effect.fnUntraced(function*(model: string, given: string | undefined) {
  const address = given ?? (yield* Config.String("OLLAMA_HOST").pipe(
    Config.withDefault(""),
    Effect.mapError((error) => badSettings(model, `OLLAMA_HOST cannot be read: ${error.message}`))
  ))
  const host = OllamaHost.parse(address)
  return Result.isSuccess(host)
    ? host.success
    : yield* badSettings(
      model,
      `${given === undefined ? "OLLAMA_HOST" : "the option `host`"} is no address of a server: ${host.failure}`
    )
})

/** What of a client's inside is needed, and not to be had otherwise. */
interface Inside {
  readonly config?: { readonly host?: string; readonly headers?: ConstructorParameters<typeof Headers>[0] }
}

const headersOf = (client: Ollama): Headers => new Headers((client as unknown as Inside).config?.headers)

const hostOf = (client: Ollama): string => {
  const address = (client as unknown as Inside).config?.host ?? ""
  const host = OllamaHost.parse(address)
  return address === "" || Result.isFailure(host) ? address : host.success.url
}
