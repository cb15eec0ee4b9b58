/**
 * One SDK client and what its models share: the places for concurrent calls, the times, the wire log.
 *
 * Everything that the SDK does is called from here, and everything that it throws is recognised here.
 */
import type AnthropicSdk from "@anthropic-ai/sdk"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { ModelUnresolved } from "../../core/AgentError.ts"
import * as ApiKey from "../internal/ApiKey.ts"
import { type Limits, toLimits } from "../internal/CommonSettings.ts"
import * as Environment from "../internal/Environment.ts"
import * as Failure from "../internal/Failure.ts"
import { fromEvents } from "../internal/PartStream.ts"
import * as Sdk from "../internal/Sdk.ts"
import * as SdkError from "../internal/SdkError.ts"
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

const vendor = "Anthropic"

const home = "https://api.anthropic.com"

/** A client, and what its models share. */
export interface Connection extends Limits {
  readonly client: Client
  readonly url: string
  readonly keyName: string | undefined
  readonly keyProblem: string | undefined
  readonly settings: Settings
}

const makeClient = Effect.fnUntraced(function*(model: string, settings: Settings) {
  const sdk = yield* Sdk.load("@anthropic-ai/sdk", model, () => import("@anthropic-ai/sdk"))
  const baseURL = settings.baseUrl ?? (yield* Environment.read(model, "ANTHROPIC_BASE_URL")) ?? home
  const recipient = { vendor, url: baseURL, home }
  const apiKey = yield* ApiKey.read({ model, variable: keyName, apiKey: settings.apiKey, recipient })
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

/** A ready client as it is, but for the wire log. Those of the companions have keys of their own kinds. */
const adopt = (client: Client): Effect.Effect<Client> =>
  Effect.map(WireLog.enabled, (logged) => {
    const sdk = client as AnthropicSdk
    ApiKey.adopt(sdk.apiKey, sdk.authToken)
    if (!logged) return client
    return sdk.withOptions({ fetch: WireLog.wrap("anthropic", sdk["fetch"] as WireLog.Fetch) })
  })

/** Connects by settings, or by a ready client. `model` is for messages. */
export const make = Effect.fnUntraced(function*(
  model: string,
  settings: Settings,
  ready?: Client
): Effect.fn.Return<Connection, ModelUnresolved> {
  const client = ready === undefined ? yield* makeClient(model, settings) : yield* adopt(ready)
  return {
    ...toLimits(settings, { timeout: ready?.timeout }),
    client,
    url: Environment.publicUrl(client.baseURL, "/v1/messages"),
    keyName: ready === undefined && settings.apiKey === undefined ? keyName : undefined,
    keyProblem: ApiKey.foreign(vendor, "apiKey" in client ? client.apiKey : undefined),
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

/** What Anthropic adds to the SDK's errors. */
interface ApiError extends SdkError.ApiError {
  readonly errorCode: unknown
  readonly apiMessage: unknown
}

/** What Anthropic says by its words only. */
const readMessage = (
  said: string | undefined,
  status: number | undefined,
  url: string
): { readonly kind?: Failure.Kind; readonly parameter?: string; readonly advice?: string } => {
  if (status === 404 && /^model\b/i.test(said ?? "")) return { kind: "model", parameter: "model" }
  if (status === 404 && /^(not found)?$/i.test(said ?? "")) return { advice: `check the address ${url}` }
  if (said === undefined) return {}
  return /credit balance is too low/i.test(said) ? { kind: "quota" } : {}
}

/** What the SDK threw. */
export const toFailure = (connection: Connection) => (cause: unknown): Failure.Failure => {
  if (!SdkError.is(cause)) return Failure.fromUnknown(cause)
  const broken = SdkError.toBroken(cause)
  if (broken !== undefined) return broken
  const { apiMessage, errorCode, headers, status } = cause as ApiError
  const said = SdkError.text(apiMessage)
  const type = SdkError.text(cause.type)
  return {
    _tag: "Refused",
    status,
    // Inside of a stream there is no status: then the type says what it is.
    code: SdkError.text(errorCode) ?? (status === undefined ? type : undefined),
    type,
    message: said ?? SdkError.messageOf(cause),
    headers,
    ...readMessage(said, status, connection.url)
  }
}
