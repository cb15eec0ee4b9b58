/**
 * One SDK client and what its models share: the places for concurrent calls, the times, the wire log.
 *
 * Everything that the SDK does is called from here, and everything that it throws is recognised here. It makes the
 * requests; its responses are read as they came, which is cheaper and tells more about a malformed one.
 */
import * as AiError from "effect/ai/AiError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type OpenAI from "openai"
import { ModelUnresolved } from "../../core/AgentError.ts"
import * as Secrets from "../../core/Secrets.ts"
import * as ApiKey from "../internal/ApiKey.ts"
import * as Environment from "../internal/Environment.ts"
import * as EventStream from "../internal/EventStream.ts"
import * as Failure from "../internal/Failure.ts"
import * as Gate from "../internal/Gate.ts"
import { fromEvents } from "../internal/PartStream.ts"
import * as Sdk from "../internal/Sdk.ts"
import * as WholeBody from "../internal/WholeBody.ts"
import * as WireLog from "../internal/WireLog.ts"
import { toEvents } from "./OpenAiResponse.ts"
import type { Settings } from "./OpenAiSettings.ts"

type Event = OpenAI.Responses.ResponseStreamEvent
type Params = OpenAI.Responses.ResponseCreateParams

/** The environment variable with the API key. */
export const keyName = "OPENAI_API_KEY"

const defaultUrl = "https://api.openai.com/v1"

/** A client, and what its models share. */
export interface Connection {
  readonly client: OpenAI
  readonly url: string
  readonly keyName: string | undefined
  readonly places: Gate.Places
  readonly timeout: Duration.Duration
  readonly idleTimeout: Duration.Duration
  readonly settings: Settings
}

const makeClient = Effect.fnUntraced(function*(model: string, settings: Settings) {
  const sdk = yield* Sdk.load("openai", model, () => import("openai"))
  const apiKey = yield* ApiKey.read({ model, variable: keyName, apiKey: settings.apiKey })
  const baseURL = settings.baseUrl ?? (yield* Environment.read(model, "OPENAI_BASE_URL")) ?? defaultUrl
  yield* Environment.checkUrl(model, baseURL, defaultUrl)
  const organization = settings.organization ?? (yield* Environment.read(model, "OPENAI_ORG_ID")) ?? null
  const project = settings.project ?? (yield* Environment.read(model, "OPENAI_PROJECT_ID")) ?? null
  const fetch = settings.fetch ?? globalThis.fetch
  const logged = yield* WireLog.enabled
  // All that the SDK would read from the environment is given, so that a ConfigProvider has the last word.
  return yield* Effect.try({
    try: () =>
      new sdk.OpenAI({
        apiKey: Redacted.value(apiKey),
        adminAPIKey: null,
        webhookSecret: null,
        baseURL,
        organization,
        project,
        maxRetries: 0,
        logLevel: "off",
        fetch: logged ? WireLog.wrap("openai", fetch) : fetch,
        defaultHeaders: settings.headers
      }),
    catch: (cause) =>
      new ModelUnresolved({
        model,
        problem: "bad-settings",
        detail: `the OpenAI client cannot be made: ${Failure.excerpt(String(cause))}`
      })
  })
})

/** A ready client as it is, but for the wire log; its key is made known to `Secrets`, as any other. */
const adopt = (client: OpenAI): Effect.Effect<OpenAI> =>
  Effect.map(WireLog.enabled, (logged) => {
    if (client.apiKey !== null) Secrets.register(client.apiKey)
    return logged ? client.withOptions({ fetch: WireLog.wrap("openai", client["fetch"]) }) : client
  })

/** Connects by settings, or by a ready client. `model` is for messages. */
export const make = Effect.fnUntraced(function*(
  model: string,
  settings: Settings,
  ready?: OpenAI
): Effect.fn.Return<Connection, ModelUnresolved> {
  const client = ready === undefined ? yield* makeClient(model, settings) : yield* adopt(ready)
  return {
    client,
    url: Environment.publicUrl(client.baseURL, "/responses"),
    keyName: ready === undefined && settings.apiKey === undefined ? keyName : undefined,
    places: Gate.places(settings.maxConcurrentRequests ?? 64),
    timeout: Duration.fromInputUnsafe(settings.timeout ?? (ready === undefined ? "10 minutes" : ready.timeout)),
    idleTimeout: Duration.fromInputUnsafe(settings.idleTimeout ?? "2 minutes"),
    settings
  }
})

const isWhole = (u: unknown): u is OpenAI.Responses.Response =>
  typeof u === "object" && u !== null && ("output" in u && Array.isArray(u.output) || "error" in u && u.error != null)

/** The events of a whole response. */
const readWhole = async (response: Response): Promise<AsyncIterable<Iterable<Event>>> => {
  const whole = await WholeBody.read(response, isWhole, "response of OpenAI's Responses API")
  if (whole.status === "queued" || whole.status === "in_progress") {
    throw new AiError.InvalidRequestError({
      parameter: "background",
      description: "OpenAI runs this response in the background, where nobody reads it; leave `background` out"
    })
  }
  return fromEvents([toEvents(whole)])
}

/** Sends a request; gives the events of its response. `signal` aborts it, also while they are read. */
export const open = async (
  connection: Connection,
  params: Params,
  streamed: boolean,
  signal: AbortSignal
): Promise<AsyncIterable<Iterable<Event>>> => {
  const { responses } = connection.client
  // The SDK's own limit has to be a whole number of milliseconds that a timer can hold.
  const timeout = Math.min(Math.max(1, Math.ceil(Duration.toMillis(connection.timeout))), 2 ** 31 - 1)
  const options = { signal, timeout, maxRetries: 0 }
  const response = await (streamed
    ? responses.create({ ...params, stream: true }, options).asResponse()
    : responses.create({ ...params, stream: false }, options).asResponse())
  return streamed && !WholeBody.isWholeType(response) ? EventStream.read(response) : readWhole(response)
}

/** An `APIError` of the SDK's; told by its fields, since a ready client may come from another copy of the package. */
interface ApiError extends Error {
  readonly status: number | undefined
  readonly headers: Headers | undefined
  readonly requestID: string | null | undefined
  readonly error: unknown
  readonly code: unknown
  readonly type: unknown
  readonly param: unknown
}

const isApiError = (cause: unknown): cause is ApiError =>
  cause instanceof Error && "requestID" in cause && "status" in cause

const text = (value: unknown): string | undefined => typeof value === "string" && value !== "" ? value : undefined

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
  const said = text((cause.error as { readonly message?: unknown } | undefined)?.message)
  const bare = cause.message.replace(/^\d{3} (status code \(no body\))?/, "")
  return {
    _tag: "Refused",
    status: cause.status,
    code: text(cause.code),
    type: text(cause.type),
    parameter: text(cause.param),
    message: said ?? (bare === "" ? `HTTP ${cause.status}` : bare),
    headers: cause.headers,
    advice: cause.status === 404 && cause.code === undefined && said === undefined
      ? `check the address ${connection.url}`
      : undefined
  }
}
