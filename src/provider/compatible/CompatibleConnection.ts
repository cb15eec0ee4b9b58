/**
 * One SDK client and what its models share: which server it is, where, and by which key; its requests, and what they
 * come to.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type OpenAI from "openai"
import * as Capabilities from "../../agent/Capabilities.ts"
import { ModelUnresolved } from "../../core/AgentError.ts"
import * as ApiKey from "../internal/ApiKey.ts"
import * as Environment from "../internal/Environment.ts"
import * as EventStream from "../internal/EventStream.ts"
import type * as Failure from "../internal/Failure.ts"
import * as OpenAiSdk from "../internal/OpenAiSdk.ts"
import { fromEvents } from "../internal/PartStream.ts"
import * as WholeBody from "../internal/WholeBody.ts"
import { type Chunk, done, type Event } from "./CompatibleChunk.ts"
import * as Dialect from "./CompatibleDialect.ts"
import * as CompatibleFailure from "./CompatibleFailure.ts"
import type { Params } from "./CompatibleRequest.ts"
import * as Servers from "./CompatibleServers.ts"
import type { Settings } from "./CompatibleSettings.ts"

/** A client, and what its models share. */
export interface Connection extends OpenAiSdk.Connection<Settings> {
  readonly server: Dialect.Server
  readonly keyName: string | undefined
  readonly keyProblem: string | undefined
  /** What a model can do. */
  readonly capabilitiesOf: (model: string) => Capabilities.Capabilities
}

const badSettings = (model: string, detail: string) => new ModelUnresolved({ model, problem: "bad-settings", detail })

const example = "http://localhost:8000/v1"

const findUrl = Effect.fnUntraced(function*(
  model: string,
  name: string,
  { baseUrl }: Settings,
  registration: Servers.Registration | undefined
): Effect.fn.Return<string, ModelUnresolved> {
  const variable = registration?.baseUrlEnv
  const url = baseUrl
    ?? (variable === undefined ? undefined : yield* Environment.read(model, variable))
    ?? registration?.baseUrl
  if (url === undefined) {
    return yield* badSettings(model, `no address is known for "${name}"; give \`baseUrl\`, as in ${example}`)
  }
  yield* Environment.checkUrl(model, url, example)
  return url
})

const privateHost =
  /^(localhost|.*\.localhost|.*\.local|[^.:]+|127\.[\d.]+|0\.0\.0\.0|10\.[\d.]+|192\.168\.[\d.]+|172\.(1[6-9]|2\d|3[01])\.[\d.]+|\[(::1|::|f[cd].*|fe80.*)\])$/i

/** Whether an address is on this machine or in this network, where servers mostly ask for no key. */
const isPrivate = (url: string): boolean => privateHost.test(new URL(url).hostname)

const keyHeader = /^(authorization|api-key|x-api-key)$/i

// The SDK wants one.
const noKey = Redacted.make("none")

const findKey = Effect.fnUntraced(function*(
  model: string,
  url: string,
  settings: Settings,
  registration: Servers.Registration | undefined
): Effect.fn.Return<Redacted.Redacted<string>, ModelUnresolved> {
  const { apiKey } = settings
  const variable = registration?.apiKeyEnv
  const isSet = apiKey !== undefined
    || variable !== undefined && (yield* Environment.read(model, variable)) !== undefined
  if (!isSet && (isPrivate(url) || Object.keys(settings.headers ?? {}).some((name) => keyHeader.test(name)))) {
    return noKey
  }
  if (!isSet && variable === undefined) {
    return yield* new ModelUnresolved({
      model,
      problem: "missing-key",
      detail: `there is no API key for ${new URL(url).origin}; give \`apiKey\` (any text, if it asks for none)`
    })
  }
  return yield* ApiKey.read({
    model,
    variable: variable ?? "",
    apiKey,
    recipient: registration?.keyIssuer === undefined
      ? undefined
      : { vendor: registration.keyIssuer, url, home: registration.baseUrl }
  })
})

const makeClient = Effect.fnUntraced(function*(
  model: string,
  name: string,
  settings: Settings,
  registration: Servers.Registration | undefined
): Effect.fn.Return<OpenAI, ModelUnresolved> {
  yield* OpenAiSdk.load(model)
  const baseUrl = yield* findUrl(model, name, settings, registration)
  const apiKey = yield* findKey(model, baseUrl, settings, registration)
  const access = { apiKey, baseUrl, organization: null, project: null }
  const client = yield* OpenAiSdk.makeClient(model, name, access, settings)
  // the SDK adds those of OPENAI_CUSTOM_HEADERS, which are nobody's business but OpenAI's
  client["_options"].defaultHeaders = new Headers(settings.headers)
  return client
})

/**
 * Connects to the server of a name, by settings over what is registered for it, or by a ready client. `model` is for
 * messages.
 */
export const make = Effect.fnUntraced(function*(
  model: string,
  name: string,
  given: Settings,
  ready?: OpenAI
): Effect.fn.Return<Connection, ModelUnresolved> {
  const problem = Servers.problemOf(name)
  if (problem !== undefined) return yield* badSettings(model, problem)
  const registration = Servers.find(name)
  const settings = { ...given, headers: { ...registration?.headers, ...given.headers } }
  const client = ready === undefined
    ? yield* makeClient(model, name, settings, registration)
    : yield* OpenAiSdk.adopt(name, ready)
  const rules = [...registration?.capabilities ?? [], ...given.capabilities ?? []]
  const { keyIssuer } = registration ?? {}
  return {
    ...OpenAiSdk.connect(client, "/chat/completions", settings, ready !== undefined),
    server: { name, dialect: { ...Dialect.generic, ...registration?.dialect, ...given.dialect } },
    keyName: ready === undefined && given.apiKey === undefined ? registration?.apiKeyEnv : undefined,
    keyProblem: keyIssuer === undefined ? undefined : ApiKey.foreign(keyIssuer, client.apiKey),
    capabilitiesOf: (model) => Capabilities.resolve(model, rules, Servers.base)
  }
})

const isWhole = (u: unknown): u is Chunk =>
  typeof u === "object" && u !== null
  && ("choices" in u && Array.isArray(u.choices)
    || "error" in u && u.error != null
    || "object" in u && u.object === "error")

const readWhole = async (response: Response): Promise<AsyncIterable<Iterable<Event>>> =>
  fromEvents([[await WholeBody.read(response, isWhole, "chat completion"), done]])

/** Sends a request; gives the chunks of its response. `signal` aborts it, also while they are read. */
export const open = async (
  connection: Connection,
  params: Params,
  streamed: boolean,
  signal: AbortSignal
): Promise<AsyncIterable<Iterable<Event>>> => {
  const { completions } = connection.client.chat
  const options = OpenAiSdk.requestOptions(connection, signal)
  const response = await (streamed
    ? completions.create({ ...params, stream: true }, options).asResponse()
    : completions.create({ ...params, stream: false }, options).asResponse())
  return streamed && !WholeBody.isWholeType(response) ? EventStream.read<Event>(response, done) : readWhole(response)
}

/** What the SDK threw. */
export const toFailure = ({ server, url }: Connection) => (cause: unknown): Failure.Failure =>
  OpenAiSdk.toFailure(
    cause,
    (error, status, headers) => CompatibleFailure.from(error, { name: server.name, url }, status, headers)
  )
