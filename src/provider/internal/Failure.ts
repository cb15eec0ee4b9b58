/**
 * What went wrong in a model call, and the `AiError` it becomes: one place for all vendors.
 *
 * A provider turns whatever its SDK throws into a `Failure`, which is data; `toAiError` classifies it, by the vendor's
 * code first (errors inside a stream have no status), then by status. Messages say what to do, and hold no secret.
 */
import * as AiError from "effect/ai/AiError"
import * as Duration from "effect/Duration"
import * as Secrets from "../../core/Secrets.ts"
import * as RetryAfter from "./RetryAfter.ts"

/** A model call's failure, before it is classified. */
export type Failure =
  /** The vendor said no, by a status or inside a stream. */
  | {
    readonly _tag: "Refused"
    readonly status?: number | undefined
    readonly code?: string | undefined
    readonly type?: string | undefined
    readonly parameter?: string | undefined
    readonly message: string
    /** What it is, if the provider knows better than the rules here. */
    readonly kind?: Kind | undefined
    /** What to do, if the provider knows better than the rules here. */
    readonly advice?: string | undefined
    /** How long to wait, in milliseconds, if the vendor says it in the body. */
    readonly retryAfter?: number | undefined
    readonly headers?: RetryAfter.HeaderReader | undefined
    /** The answer's body, when it is not what the vendor documents. */
    readonly body?: string | undefined
  }
  /** There was no connection, or it broke, or nothing came over it. Worth another try. */
  | {
    readonly _tag: "Broken"
    readonly message: string
    /** What to do, if the provider knows better than the rules here. */
    readonly advice?: string | undefined
    readonly cause?: unknown
  }
  /** What came is no response of that vendor's. */
  | { readonly _tag: "Undecodable"; readonly message: string; readonly body?: string | undefined }
  /** It is known already. */
  | { readonly _tag: "Known"; readonly reason: AiError.AiErrorReason }

/**
 * A failure that is known where it is thrown, on its way through an SDK; `fromUnknown` recognises it. It is the original
 * cause of an error, where no SDK has thrown one.
 */
// @effect-diagnostics-next-line extendsNativeError:off (it is rejected with, not failed with)
export class Thrown extends Error {
  override readonly name = "VendorError"
  readonly failure: Failure
  constructor(failure: Failure) {
    super("message" in failure ? failure.message : failure._tag)
    this.failure = failure
  }
}

/** Who made the call, and where to. */
export interface Origin {
  /** The provider's module, for `AiError.module`: `OpenAi`. */
  readonly module: string
  /** The provider's name, the key of its metadata: `openai`. */
  readonly provider: string
  readonly model: string
  readonly url: string
  /** Where its key comes from, for advice: `OPENAI_API_KEY`. */
  readonly keyName?: string | undefined
  /** What is odd about its key; see `ApiKey.foreign`. */
  readonly keyProblem?: string | undefined
}

/** The first characters of a body, in one line, without secrets. */
export const excerpt = (body: string, length = 200): string => {
  const line = Secrets.scrub(body).replace(/\s+/g, " ").trim()
  return line.length <= length ? line : `${line.slice(0, length)}…`
}

/** Whether a body is a web page, as proxies and wrong addresses send. */
export const isHtml = (body: string): boolean => /^\s*<(!doctype html|html|head|body)\b/i.test(body)

/** What a refusal is about. */
export type Kind =
  | "quota"
  | "rate"
  | "key"
  | "permission"
  | "policy"
  | "context"
  | "signature"
  | "internal"
  | "model"
  | "request"
  | "undecodable"

const kinds: { readonly [code: string]: Kind } = {
  insufficient_quota: "quota",
  billing_hard_limit_reached: "quota",
  billing_not_active: "quota",
  billing_error: "quota",
  contract_spend_limit_reached: "quota",
  enforced_spend_limit_reached: "quota",
  linked_organization_spend_limit_reached: "quota",
  linked_organization_billing_unavailable: "quota",
  rate_limit_exceeded: "rate",
  rate_limit_error: "rate",
  too_many_requests: "rate",
  invalid_api_key: "key",
  authentication_error: "key",
  permission_error: "permission",
  unsupported_country_region_territory: "permission",
  content_filter: "policy",
  content_policy_violation: "policy",
  image_content_policy_violation: "policy",
  misalignment_policy_violation: "policy",
  bio_policy: "policy",
  context_length_exceeded: "context",
  string_above_max_length: "context",
  invalid_encrypted_content: "signature",
  model_not_found: "model",
  server_error: "internal",
  internal_error: "internal",
  overloaded_error: "internal",
  vector_store_timeout: "internal",
  invalid_prompt: "request",
  invalid_image: "request",
  invalid_image_url: "request",
  failed_to_download_image: "request"
}

const contextOverflow =
  /context (length|limit|window|size)|maximum context|(prompt|input|request) is too long|exceeds? .*num_ctx/i

/**
 * What the account's own limits never let through: waiting does not help, whatever the code and the headers say. OpenAI
 * and Groq, of a request with more tokens than a whole minute has; Google, of a model that the account's plan lacks;
 * Anthropic, of a long context without credit for it, and of a month's limit on what may be spent.
 */
const beyondLimits = new RegExp(
  [
    "request too large for .* tokens per min",
    "quota exceeded for metric: .*\\blimit: 0(?![\\d.])",
    "have a free quota tier",
    "(extra usage is|usage credits are) required",
    "reached your specified api usage limits"
  ].join("|"),
  "i"
)

/** What a vendor says of reasoning that it does not take back. */
const foreignReasoning = /(thought|thinking)\b.*signature|signature.*(thought|thinking)/i

const kindOf = (failure: Failure & { readonly _tag: "Refused" }): Kind => {
  if (failure.kind !== undefined) return failure.kind
  if (beyondLimits.test(failure.message)) return "quota"
  const byCode = kinds[failure.code ?? ""] ?? kinds[failure.type ?? ""]
  if (byCode !== undefined) return byCode
  const status = failure.status
  if (status === 402) return "quota"
  if (status === 429) return "rate"
  if (status === 401) return "key"
  if (status === 403) return "permission"
  // servers of one's own report it with 500, and inside of a stream
  if (status === 413 || contextOverflow.test(failure.message)) return "context"
  if (status === undefined) {
    return [failure.code, failure.type].some((word) => /^(invalid|image|unsupported|missing)_/.test(word ?? ""))
      ? "request"
      : "internal"
  }
  if (status === 408 || status >= 500) return "internal"
  if (foreignReasoning.test(failure.message)) return "signature"
  return status >= 400 ? "request" : "undecodable"
}

const advice = (kind: Kind, origin: Origin): string => {
  switch (kind) {
    case "key": {
      const where = origin.keyName === undefined ? "" : ` (${origin.keyName})`
      return `check the API key${where}${origin.keyProblem === undefined ? "" : `: it ${origin.keyProblem}`}`
    }
    case "permission":
      return `use an API key that may use model ${origin.model}`
    case "policy":
      return "change what is asked"
    case "context":
      return "shorten the history, the instructions or the tools' results, or name a model with a larger context"
    case "signature":
      return "the history has reasoning of another model or account, or was changed: begin a new one, or leave its parts "
        + "of type \"reasoning\" out"
    case "model":
      return `${origin.provider} has no model "${origin.model}" for this API key; check the name`
    case "internal":
      return "it may pass: try again"
    case "undecodable":
      return `check that ${origin.url} is the vendor's API`
    default:
      return ""
  }
}

// Headers that help and cannot hold a secret.
const shown = [
  "content-type",
  "x-request-id",
  "request-id",
  "retry-after",
  "retry-after-ms",
  "x-ratelimit-remaining-requests",
  "x-ratelimit-remaining-tokens",
  "x-ratelimit-reset-requests",
  "x-ratelimit-reset-tokens"
]

const httpContext = (failure: Failure & { readonly _tag: "Refused" }): typeof AiError.HttpContext.Type | undefined => {
  if (failure.status === undefined) return undefined
  const headers: Record<string, string> = {}
  for (const name of shown) {
    const value = failure.headers?.get(name)
    if (value != null) headers[name] = value
  }
  return {
    response: { status: failure.status, headers },
    ...(failure.body === undefined ? undefined : { body: excerpt(failure.body, 500) })
  }
}

const metadataOf = (
  failure: Failure & { readonly _tag: "Refused" },
  kind: Kind,
  origin: Origin
): AiError.ProviderMetadata => {
  const requestId = failure.headers?.get("x-request-id") ?? failure.headers?.get("request-id")
  const own = {
    message: excerpt(failure.message, 1000),
    ...(failure.status === undefined ? undefined : { status: failure.status }),
    ...(failure.code === undefined ? undefined : { code: failure.code }),
    ...(failure.type === undefined ? undefined : { type: failure.type }),
    ...(failure.parameter === undefined ? undefined : { parameter: failure.parameter }),
    ...(requestId == null ? undefined : { requestId })
  }
  return {
    [origin.provider]: own,
    ...(kind === "context" ? { fluxion: { contextLengthExceeded: true } } : undefined)
  }
}

/** How long the vendor asks to wait. */
const waitOf = (failure: Failure & { readonly _tag: "Refused" }, now: number): Duration.Duration | undefined => {
  const wait = failure.retryAfter ?? RetryAfter.read(failure.headers, failure.message, now)
  return wait === undefined ? undefined : Duration.millis(Math.ceil(wait))
}

const refused = (
  failure: Failure & { readonly _tag: "Refused" },
  origin: Origin,
  now: number
): AiError.AiErrorReason => {
  const kind = kindOf(failure)
  const http = httpContext(failure)
  const common = { metadata: metadataOf(failure, kind, origin), ...(http === undefined ? undefined : { http }) }
  const said = isHtml(failure.message)
    ? `a web page came instead of an answer (HTTP ${failure.status}): ${excerpt(failure.message)}`
    : excerpt(failure.message, 1000)
  const description = [said.replace(/[.;]$/, ""), failure.advice ?? advice(kind, origin)].filter((text) => text !== "")
    .join("; ")
  switch (kind) {
    case "quota":
      return new AiError.QuotaExhaustedError(common)
    case "rate": {
      const retryAfter = waitOf(failure, now)
      return new AiError.RateLimitError({ ...common, ...(retryAfter === undefined ? undefined : { retryAfter }) })
    }
    case "key":
      return new AiError.AuthenticationError({ ...common, kind: "InvalidKey", description })
    case "permission":
      return new AiError.AuthenticationError({ ...common, kind: "InsufficientPermissions", description })
    case "policy":
      return new AiError.ContentPolicyError({ ...common, description })
    case "internal":
      return new AiError.InternalProviderError({ ...common, description })
    case "undecodable":
      return new AiError.InvalidResponseError({ ...common, description })
    default:
      return new AiError.InvalidRequestError({
        ...common,
        description,
        ...(failure.parameter === undefined ? undefined : { parameter: failure.parameter })
      })
  }
}

const toReason = (failure: Failure, origin: Origin, now: number, thrown: unknown): AiError.AiErrorReason => {
  switch (failure._tag) {
    case "Known":
      return failure.reason
    case "Refused":
      return refused(failure, origin, now)
    case "Broken": {
      const cause = failure.cause ?? thrown
      return new AiError.NetworkError({
        reason: "TransportError",
        method: "POST",
        url: origin.url,
        description: Secrets.scrub(`${failure.message}; ${failure.advice ?? wayOut(cause, origin.url)}`),
        ...(cause === undefined ? undefined : { cause: Secrets.scrubValue(cause) })
      })
    }
    case "Undecodable":
      return new AiError.InvalidResponseError({
        description: `${failure.message}${
          failure.body === undefined || failure.body === "" ? "" : `: ${excerpt(failure.body)}`
        }; ${advice("undecodable", origin)}`
      })
  }
}

/** The code of a system's error, of the cause or of what caused it: `ECONNREFUSED`. */
const codeOf = (cause: unknown, depth = 0): string | undefined => {
  if (!(cause instanceof Error) || depth > 4) return undefined
  return "code" in cause && typeof cause.code === "string" ? cause.code : codeOf(cause.cause, depth + 1)
}

/** What to do about a connection that broke. */
const wayOut = (cause: unknown, url: string): string => {
  const code = codeOf(cause) ?? ""
  if (code === "ECONNREFUSED") return `no server answers at ${url}: start it, or check the address`
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return `check the address ${url}, and the network`
  if (/CERT|SELF_SIGNED|UNABLE_TO_/.test(code)) return `check the certificate of ${url}, or of a proxy on the way`
  if (/TIMEOUT|TIMEDOUT|UNREACH/.test(code)) return `check the network, and the address ${url}`
  return "it may pass: try again"
}

/** Keeps with a reason what its Schema has no field for: it does not cross a journal. */
const attach = (reason: AiError.AiErrorReason, field: string, value: unknown): void => {
  Object.defineProperty(reason, field, { value, configurable: true, writable: true, enumerable: false })
}

/**
 * The typed error of a failure. `now`, in epoch milliseconds, is for waits that are given as a date.
 *
 * @param cause what the SDK threw, if it was the one who did
 */
export const toAiError = (failure: Failure, origin: Origin, now: number, cause?: unknown): AiError.AiError => {
  const reason = toReason(failure, origin, now, cause)
  if (failure._tag === "Refused" || failure._tag === "Undecodable") {
    attach(reason, "cause", Secrets.scrubValue(cause ?? new Thrown(failure)))
  }
  if (failure._tag === "Refused" && reason._tag === "InternalProviderError") {
    const wait = waitOf(failure, now)
    if (wait !== undefined) attach(reason, "retryAfter", wait)
  }
  return AiError.make({ module: origin.module, method: "stream", reason })
}

/** An error's message with that of its cause (`fetch failed: connect ECONNREFUSED 127.0.0.1:1`). */
const describe = (cause: Error): string => {
  const inner = cause.cause
  if (!(inner instanceof Error)) return cause.message
  const code = "code" in inner && typeof inner.code === "string" ? inner.code : ""
  const why = inner.message === "" || inner.message.includes(code)
    ? inner.message || code
    : `${inner.message} (${code})`
  return cause.message.includes(why) ? cause.message : `${cause.message}: ${why}`
}

/**
 * What remains when a provider has recognised all that its SDK throws: broken JSON is `Undecodable`; everything else
 * comes from `fetch` (`TypeError: fetch failed`, `TypeError: terminated`) and is a broken connection.
 */
export const fromUnknown = (cause: unknown): Failure => {
  if (cause instanceof Thrown) return cause.failure
  if (AiError.isAiErrorReason(cause)) return { _tag: "Known", reason: cause }
  if (cause instanceof SyntaxError) {
    return { _tag: "Undecodable", message: `the answer is not valid JSON (${cause.message})` }
  }
  if (cause instanceof Error) {
    return {
      _tag: "Broken",
      message: cause instanceof TypeError && cause.message === "terminated"
        ? `the connection broke before the answer was complete${
          cause.cause instanceof Error ? ` (${cause.cause.message})` : ""
        }`
        : describe(cause),
      cause
    }
  }
  return { _tag: "Broken", message: String(cause), cause }
}
