/**
 * OpenAI's SDK, for all that is reached by it: one client, what its models share, and what it throws.
 *
 * It makes the requests; its responses are read as they came, which is cheaper and tells more about a malformed one. What
 * it would read from the environment is given, so that a `ConfigProvider` has the last word.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type OpenAI from "openai"
import { ModelUnresolved } from "../../core/AgentError.ts"
import * as ApiKey from "./ApiKey.ts"
import { type CommonSettings, type Limits, toLimits } from "./CommonSettings.ts"
import * as Environment from "./Environment.ts"
import * as Failure from "./Failure.ts"
import * as Sdk from "./Sdk.ts"
import * as SdkError from "./SdkError.ts"
import * as WireLog from "./WireLog.ts"

/** Where a client goes, and as whom. */
export interface Access {
  readonly apiKey: Redacted.Redacted<string>
  readonly baseUrl: string
  readonly organization: string | null
  readonly project: string | null
}

/** A client, and what its models share. */
export interface Connection<Settings extends CommonSettings> extends Limits {
  readonly client: OpenAI
  /** The address of its requests, for messages. */
  readonly url: string
  readonly settings: Settings
}

/** Loads the SDK. `model` is what it is needed for. */
export const load = (model: string): Effect.Effect<typeof import("openai"), ModelUnresolved> =>
  Sdk.load("openai", model, () => import("openai"))

/** Makes a client. `provider` names it in the wire log. */
export const makeClient = Effect.fnUntraced(function*(
  model: string,
  provider: string,
  access: Access,
  settings: CommonSettings
): Effect.fn.Return<OpenAI, ModelUnresolved> {
  const sdk = yield* load(model)
  const fetch = settings.fetch ?? globalThis.fetch
  const logged = yield* WireLog.enabled
  return yield* Effect.try({
    try: () =>
      new sdk.OpenAI({
        apiKey: Redacted.value(access.apiKey),
        adminAPIKey: null,
        webhookSecret: null,
        baseURL: access.baseUrl,
        organization: access.organization,
        project: access.project,
        maxRetries: 0,
        logLevel: "off",
        fetch: logged ? WireLog.wrap(provider, fetch) : fetch,
        defaultHeaders: new Headers(settings.headers)
      }),
    catch: (cause) =>
      new ModelUnresolved({
        model,
        problem: "bad-settings",
        detail: `the client of ${provider} cannot be made: ${Failure.excerpt(String(cause))}`
      })
  })
})

/** A ready client as it is, but for the wire log; its key is made known to `Secrets`, as any other. */
export const adopt = (provider: string, client: OpenAI): Effect.Effect<OpenAI> =>
  Effect.map(WireLog.enabled, (logged) => {
    ApiKey.adopt(client.apiKey)
    return logged ? client.withOptions({ fetch: WireLog.wrap(provider, client["fetch"]) }) : client
  })

/** A connection by a client. `path` is where its requests go, `isReady` that somebody else has made it. */
export const connect = <Settings extends CommonSettings>(
  client: OpenAI,
  path: string,
  settings: Settings,
  isReady: boolean
): Connection<Settings> => ({
  ...toLimits(settings, { timeout: isReady ? client.timeout : undefined }),
  client,
  url: Environment.publicUrl(client.baseURL, path),
  settings
})

/** The SDK's options of one request. */
export const requestOptions = (
  connection: Connection<CommonSettings>,
  signal: AbortSignal
): { readonly signal: AbortSignal; readonly timeout: number; readonly maxRetries: number } => ({
  signal,
  timeout: Sdk.toMillis(connection.timeout),
  maxRetries: 0
})

/** What the SDK threw. `read` makes a failure of what the server said: the error in its body, or the body's text. */
export const toFailure = (
  cause: unknown,
  read: (error: unknown, status: number | undefined, headers: Headers | undefined) => Failure.Failure
): Failure.Failure => {
  if (!SdkError.is(cause)) return Failure.fromUnknown(cause)
  return SdkError.toBroken(cause) ?? read(cause.error ?? SdkError.messageOf(cause), cause.status, cause.headers)
}
