/**
 * What can go wrong with Google, and what to do about it: pure.
 *
 * A refusal's body is `{ error: { code, status, message, details } }`; what sets it apart stands in `details`, as
 * `ErrorInfo`, `QuotaFailure`, `RetryInfo` and `BadRequest`. The SDK gives it as the text of an error's message.
 *
 * Source: google.rpc error details, https://cloud.google.com/apis/design/errors
 */
import * as Failure from "../internal/Failure.ts"
import * as RetryAfter from "../internal/RetryAfter.ts"

type Json = { readonly [key: string]: unknown }

const isRecord = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value)

const text = (value: unknown): string | undefined => typeof value === "string" && value !== "" ? value : undefined

/** The error that an answer is, alone or in a list; `undefined` if it is none. */
export const reported = (answer: unknown): Json | undefined => {
  const error: unknown = Array.isArray(answer) ? answer[0]?.error : isRecord(answer) ? answer["error"] : undefined
  return isRecord(error) ? error : undefined
}

const parse = (body: string): Json | undefined => {
  try {
    return reported(JSON.parse(body))
  } catch {
    return undefined
  }
}

/** The details of one type: `ErrorInfo`. */
const details = (error: Json, type: string): Json =>
  (Array.isArray(error["details"]) ? error["details"] : [])
    .find((detail) => isRecord(detail) && String(detail["@type"]).endsWith(`.${type}`)) ?? {}

const isDaily = (error: Json): boolean => /per_?day/i.test(JSON.stringify(details(error, "QuotaFailure")))

const kindOf = (error: Json, reason: string | undefined, message: string): Failure.Kind | undefined => {
  if (reason === "API_KEY_INVALID" || /api key (not valid|expired)/i.test(message)) return "key"
  if (isDaily(error)) return "quota"
  if (/token count .*exceeds|exceeds the (maximum|limit).* tokens/i.test(message)) return "context"
  return error["status"] === "NOT_FOUND" && /\bmodels?\b/.test(message) ? "model" : undefined
}

/** The refusal that an error is. */
export const fromError = (
  error: Json,
  status: number | undefined,
  headers?: RetryAfter.HeaderReader
): Failure.Failure => {
  const message = text(error["message"]) ?? JSON.stringify(error)
  const reason = text(details(error, "ErrorInfo")["reason"])
  const violations = details(error, "BadRequest")["fieldViolations"]
  const wait = text(details(error, "RetryInfo")["retryDelay"])
  return {
    _tag: "Refused",
    status: status ?? (typeof error["code"] === "number" ? error["code"] : undefined),
    kind: kindOf(error, reason, message),
    code: reason,
    type: text(error["status"]),
    parameter: Array.isArray(violations) ? text(violations[0]?.field) : undefined,
    message,
    headers,
    retryAfter: wait === undefined ? undefined : RetryAfter.parseSpan(wait)
  }
}

/** The refusal that an answer with such a status is. `url` is where it came from. */
export const fromAnswer = (
  { headers, status, statusText }: Response,
  body: string,
  url: string
): Failure.Failure => {
  const error = parse(body)
  if (error !== undefined) return fromError(error, status, headers)
  return {
    _tag: "Refused",
    status,
    headers,
    body,
    message: body.trim() === "" ? statusText || `HTTP ${status}` : body,
    advice: status === 404 ? `check the address ${url}` : undefined
  }
}

/** What was thrown in a call. */
export const from = (cause: unknown): Failure.Failure => {
  if (!(cause instanceof Error)) return Failure.fromUnknown(cause)
  // The SDK's `ApiError`, by its name: a ready client may come from another copy of the package. In a stream its message
  // is "got status: X. {…}".
  if (cause.name === "ApiError" && "status" in cause && typeof cause.status === "number") {
    const error = parse(cause.message.replace(/^got status: \w*\. /, ""))
    return error === undefined
      ? { _tag: "Refused", status: cause.status, message: cause.message }
      : fromError(error, cause.status)
  }
  if (cause.message.startsWith("Incomplete JSON segment")) {
    return { _tag: "Broken", message: "the connection broke before the answer was complete" }
  }
  return Failure.fromUnknown(cause)
}
