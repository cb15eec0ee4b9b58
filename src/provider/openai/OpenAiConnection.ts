/**
 * One SDK client and what its models share: where it goes and by which key, its requests, and what it throws.
 */
import * as AiError from "effect/ai/AiError"
import * as Effect from "effect/Effect"
import type OpenAI from "openai"
import type { ModelUnresolved } from "../../core/AgentError.ts"
import * as ApiKey from "../internal/ApiKey.ts"
import * as Environment from "../internal/Environment.ts"
import * as EventStream from "../internal/EventStream.ts"
import type * as Failure from "../internal/Failure.ts"
import * as OpenAiError from "../internal/OpenAiError.ts"
import * as OpenAiSdk from "../internal/OpenAiSdk.ts"
import { fromEvents } from "../internal/PartStream.ts"
import * as WholeBody from "../internal/WholeBody.ts"
import { toEvents } from "./OpenAiResponse.ts"
import type { Settings } from "./OpenAiSettings.ts"

type Event = OpenAI.Responses.ResponseStreamEvent
type Params = OpenAI.Responses.ResponseCreateParams

/** The environment variable with the API key. */
export const keyName = "OPENAI_API_KEY"

const vendor = "OpenAI"

const provider = "openai"

const defaultUrl = "https://api.openai.com/v1"

/** A client, and what its models share. */
export interface Connection extends OpenAiSdk.Connection<Settings> {
  readonly keyName: string | undefined
  readonly keyProblem: string | undefined
}

const makeClient = Effect.fnUntraced(function*(model: string, settings: Settings) {
  yield* OpenAiSdk.load(model)
  const baseUrl = settings.baseUrl ?? (yield* Environment.read(model, "OPENAI_BASE_URL")) ?? defaultUrl
  const recipient = { vendor, url: baseUrl, home: defaultUrl }
  const apiKey = yield* ApiKey.read({ model, variable: keyName, apiKey: settings.apiKey, recipient })
  yield* Environment.checkUrl(model, baseUrl, defaultUrl)
  const organization = settings.organization ?? (yield* Environment.read(model, "OPENAI_ORG_ID")) ?? null
  const project = settings.project ?? (yield* Environment.read(model, "OPENAI_PROJECT_ID")) ?? null
  return yield* OpenAiSdk.makeClient(model, provider, { apiKey, baseUrl, organization, project }, settings)
})

/** Connects by settings, or by a ready client. `model` is for messages. */
export const make = Effect.fnUntraced(function*(
  model: string,
  settings: Settings,
  ready?: OpenAI
): Effect.fn.Return<Connection, ModelUnresolved> {
  const client = ready === undefined ? yield* makeClient(model, settings) : yield* OpenAiSdk.adopt(provider, ready)
  return {
    ...OpenAiSdk.connect(client, "/responses", settings, ready !== undefined),
    keyName: ready === undefined && settings.apiKey === undefined ? keyName : undefined,
    keyProblem: ApiKey.foreign(vendor, client.apiKey)
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
  const options = OpenAiSdk.requestOptions(connection, signal)
  const response = await (streamed
    ? responses.create({ ...params, stream: true }, options).asResponse()
    : responses.create({ ...params, stream: false }, options).asResponse())
  return streamed && !WholeBody.isWholeType(response) ? EventStream.read(response) : readWhole(response)
}

/** What the SDK threw. */
export const toFailure = ({ url }: Connection) => (cause: unknown): Failure.Failure =>
  OpenAiSdk.toFailure(
    cause,
    (error, status, headers) =>
      OpenAiError.toFailure(OpenAiError.read(error) ?? OpenAiError.unsaid, url, status, headers)
  )
