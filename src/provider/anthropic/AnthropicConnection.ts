/**
 * One SDK client and what its models share: the places for concurrent calls, the times, the wire log.
 *
 * Everything that the SDK does is called from here, and everything that it throws is recognised here.
 */
import type AnthropicSdk from "@anthropic-ai/sdk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { ModelUnresolved } from "../../core/AgentError.ts"
import * as ApiKey from "../internal/ApiKey.ts"
import * as Environment from "../internal/Environment.ts"
import * as Failure from "../internal/Failure.ts"
import * as Gate from "../internal/Gate.ts"
import { fromEvents } from "../internal/PartStream.ts"
import * as Sdk from "../internal/Sdk.ts"
import * as WholeBody from "../internal/WholeBody.ts"
import * as WireLog from "../internal/WireLog.ts"
import type { ErrorEvent, Event } from "./AnthropicResponse.ts"
import { toEvents } from "./AnthropicResponse.ts"
import type { Settings } from "./AnthropicSettings.ts"

type Params = AnthropicSdk.MessageCreateParams

/** A client of the SDK, or of its companions for Bedrock, Vertex and Foundry. */
export type Client = Pick<AnthropicSdk, "baseURL" | "timeout"> & {
  readonly messages: Pick<AnthropicSdk["messages"], "create">
}

/** The environment variable with the API key. */
export const keyName = "ANTHROPIC_API_KEY"

const home = "https://api.anthropic.com"

/** A client, and what its models share. */
export interface Connection {
  readonly client: Client
  readonly url: string
  readonly keyName: string | undefined
  readonly places: Gate.Places
  readonly timeout: Duration.Duration
  readonly idleTimeout: Duration.Duration
  readonly settings: Settings
}

const makeClient = Effect.fnUntraced(function*(model: string, settings: Settings) {
  const sdk = yield* Sdk.load("@anthropic-ai/sdk", model, () => import("@anthropic-ai/sdk"))
  const apiKey = yield* ApiKey.read({ model, variable: keyName, apiKey: settings.apiKey })
  const baseURL = settings.baseUrl ?? (yield* Environment.read(model, "ANTHROPIC_BASE_URL")) ?? home
  yield* Environment.checkUrl(model, baseURL, home)
  const fetch = settings.fetch ?? globalThis.fetch
  const logged = yield* WireLog.enabled
  // The key is always given: without one the SDK looks for profiles on the disk.
  return yield* Effect.try({
    try: () =>
      new sdk.Anthropic({
        apiKey: Redacted.value(apiKey),
        webhookKey: null,
        baseURL,
        maxRetries: 0,
        logLevel: "off",
        openTelemetry: false,
        fetch: logged ? WireLog.wrap("anthropic", fetch) : fetch,
        defaultHeaders: settings.headers
      }),
    catch: (cause) =>
      new ModelUnresolved({
        model,
        problem: "bad-settings",
        detail: `the Anthropic client cannot be made: ${
          Failure.excerpt(cause instanceof Error ? cause.message : String(cause))
        }`
      })
  })
})

const withWireLog = (client: Client): Effect.Effect<Client> =>
  Effect.map(WireLog.enabled, (logged) => {
    if (!logged) return client
    const sdk = client as AnthropicSdk
    return sdk.withOptions({ fetch: WireLog.wrap("anthropic", sdk["fetch"] as WireLog.Fetch) })
  })

/** Connects by settings, or by a ready client. `model` is for messages. */
export const make = Effect.fnUntraced(function*(
  model: string,
  settings: Settings,
  ready?: Client
): Effect.fn.Return<Connection, ModelUnresolved> {
  const client = ready === undefined ? yield* makeClient(model, settings) : yield* withWireLog(ready)
  return {
    client,
    url: Environment.publicUrl(client.baseURL, "/v1/messages"),
    keyName: ready === undefined && settings.apiKey === undefined ? keyName : undefined,
    places: Gate.places(settings.maxConcurrentRequests ?? 64),
    timeout: Duration.fromInputUnsafe(settings.timeout ?? (ready === undefined ? "10 minutes" : ready.timeout)),
    idleTimeout: Duration.fromInputUnsafe(settings.idleTimeout ?? "2 minutes"),
    settings
  }
})

const isWhole = (u: unknown): u is AnthropicSdk.Message | ErrorEvent =>
  typeof u === "object" && u !== null
  && ("content" in u && Array.isArray(u.content)
    || "type" in u && u.type === "error" && "error" in u && typeof u.error === "object" && u.error !== null)

const readWhole = async (response: Response): Promise<AsyncIterable<Event>> =>
  fromEvents(toEvents(await WholeBody.read(response, isWhole, "message of Anthropic's Messages API")))

/** Sends a request; gives the events of its response. `signal` aborts it, also while they are read. */
export const open = async (
  connection: Connection,
  params: Params,
  streamed: boolean,
  signal: AbortSignal
): Promise<AsyncIterable<Event>> => {
  const { messages } = connection.client
  const options = { signal, timeout: Sdk.toMillis(connection.timeout), maxRetries: 0 }
  if (!streamed) return readWhole(await messages.create({ ...params, stream: false }, options).asResponse())
  const { data, response } = await messages.create({ ...params, stream: true }, options).withResponse()
  return WholeBody.isWholeType(response) ? readWhole(response) : data
}

/** An `APIError` of the SDK's; told by its fields, since a ready client may come from another copy of the package. */
interface ApiError extends Error {
  readonly status: number | undefined
  readonly headers: Headers | undefined
  readonly requestID: string | null | undefined
  readonly error: unknown
  readonly type: unknown
  readonly errorCode: unknown
  readonly apiMessage: unknown
}

const isApiError = (cause: unknown): cause is ApiError =>
  cause instanceof Error && "requestID" in cause && "status" in cause

const text = (value: unknown): string | undefined => typeof value === "string" && value !== "" ? value : undefined

/** What Anthropic says by its words only. */
const readMessage = (
  message: string,
  status: number | undefined,
  url: string
): { readonly kind?: Failure.Kind; readonly parameter?: string; readonly advice?: string } => {
  if (/credit balance is too low/i.test(message)) return { kind: "quota" }
  if (status === 404) {
    return /^model\b/i.test(message)
      ? { kind: "model", parameter: "model" }
      : { advice: `check the address ${url}` }
  }
  return /signature/i.test(message) && /thinking/i.test(message)
    ? { advice: "leave reasoning out of the history that was changed, or came from another account" }
    : {}
}

/** What the SDK threw. */
export const toFailure = (connection: Connection) => (cause: unknown): Failure.Failure => {
  if (!isApiError(cause)) return Failure.fromUnknown(cause)
  if (cause.status === undefined && cause.error === undefined) {
    const inner = cause.cause instanceof Error ? Failure.fromUnknown(cause.cause) : undefined
    return {
      _tag: "Broken",
      message: inner?._tag === "Broken" ? `${cause.message.replace(/\.$/, "")}: ${inner.message}` : cause.message,
      cause
    }
  }
  const bare = cause.message.replace(/^\d{3} (status code \(no body\))?/, "")
  const message = text(cause.apiMessage) ?? (bare === "" ? `HTTP ${cause.status}` : bare)
  const type = text(cause.type)
  return {
    _tag: "Refused",
    status: cause.status,
    // Inside of a stream there is no status: then the type says what it is.
    code: text(cause.errorCode) ?? (cause.status === undefined ? type : undefined),
    type,
    message,
    headers: cause.headers,
    ...readMessage(message, cause.status, connection.url)
  }
}
