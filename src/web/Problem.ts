/**
 * What a client is told of a run that failed: the members of a problem of RFC 9457, and the status of its response.
 *
 * The messages of errors are written for whoever runs the server: they name keys, settings and vendors' accounts. A
 * client gets a text of its own for these, and the message itself where it is about what the client asked. A typed error
 * that is not an agent's keeps its message; a defect never does.
 */
import type * as AiError from "effect/ai/AiError"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Predicate from "effect/Predicate"
import { AgentError, type AgentErrorReason } from "../core/AgentError.ts"
import type { RunFailed } from "../core/AgentEvent.ts"

/** What a client is told of a failed run. */
export interface Problem {
  /** The HTTP status of a response that begins with it. */
  readonly status: number
  /** The tag of what went wrong: an `AgentError`'s reason, another error's own, `Interrupted` or `Unexpected`. */
  readonly reason: string
  /** What went wrong, for whoever asked. */
  readonly detail: string
  /** Whether the same request may succeed later. */
  readonly retryable: boolean
  /** After how many seconds it may. */
  readonly retryAfter?: number
}

/** The media type of a problem. */
export const contentType = "application/problem+json"

/** A bug: nothing of it is shown. */
export const unexpected: Problem = {
  status: 500,
  reason: "Unexpected",
  detail: "something went wrong on the server",
  retryable: false
}

/** The run was ended by the server, which stops or has to. */
export const interrupted: Problem = {
  status: 503,
  reason: "Interrupted",
  detail: "the run was interrupted",
  retryable: true
}

/** The status of the response to a run that failed, by the reason of its error. */
export const statusOf = (error: AgentError): number => ofReason(error.reason).status

/** The problem of an error that a run failed with. */
export const of = (error: unknown): Problem => {
  if (error instanceof AgentError) return ofReason(error.reason)
  return {
    status: 500,
    reason: Predicate.hasProperty(error, "_tag") && typeof error._tag === "string" ? error._tag : "Failed",
    detail: Predicate.hasProperty(error, "message") && typeof error.message === "string" && error.message !== ""
      ? error.message
      : typeof error === "string" && error !== ""
      ? error
      : "the run failed",
    retryable: Predicate.hasProperty(error, "isRetryable") && error.isRetryable === true
  }
}

/** The problem of a run's end: of its typed error by `ofError`, of a bug, or of an interrupt. */
export const ofCause = <E>(cause: Cause.Cause<E>, ofError: (error: E) => Problem = of): Problem => {
  const error = Cause.findErrorOption(cause)
  if (error._tag === "Some") return ofError(error.value)
  return Cause.hasInterruptsOnly(cause) ? interrupted : unexpected
}

/** The problem of the run that a `RunFailed` tells watchers of. */
export const ofEvent = ({ end, reason }: typeof RunFailed.Type): Problem => {
  if (reason !== undefined) return ofReason(reason)
  return end === "interrupted" || end === "client-gone" ? interrupted : unexpected
}

/** The problem of an agent's failure. */
export const ofReason = (reason: AgentErrorReason): Problem => {
  const because = (status: number, detail: string): Problem => ({
    status,
    reason: reason._tag,
    detail,
    retryable: reason.isRetryable
  })
  switch (reason._tag) {
    case "ModelFailed": {
      const [status, detail] = ofModel(reason.error)
      const { retryAfter } = reason.error
      const problem = because(status, detail)
      return retryAfter === undefined
        ? problem
        : { ...problem, retryAfter: Math.ceil(Duration.toSeconds(retryAfter)) }
    }
    case "OutputInvalid":
      return because(502, reason.message)
    case "EmptyAnswer":
      return because(502, "the model gave an empty answer; ask again, or more precisely")
    case "BudgetExceeded":
      return because(429, reason.message)
    case "ApprovalRejected":
    case "NoApprover":
      return because(403, reason.message)
    case "Unsupported":
      return because(501, `the model does not support ${reason.feature}`)
    case "ModelUnresolved":
      return because(500, "the model is not set up")
    case "TimedOut":
      return because(504, reason.message)
    case "ConversationBusy":
      return because(409, reason.message)
    case "ConversationFailed":
      return reason.isRetryable
        ? because(503, "the conversation is not available; try again later")
        : because(400, reason.message)
    case "OwnerMissing":
      return because(500, "the run has no owner")
  }
}

/** The status and text of a model call that failed. */
const ofModel = ({ reason }: AiError.AiError): readonly [status: number, detail: string] => {
  switch (reason._tag) {
    case "InvalidUserInputError":
      return [400, reason.description]
    case "ContentPolicyError":
      return [422, "the model's content filter refused; rephrase"]
    case "RateLimitError":
      return [503, "the model is busy"]
    case "QuotaExhaustedError":
      return [503, "the model cannot be used at present"]
    case "AuthenticationError":
      return [500, "the model refused the server"]
    case "InvalidRequestError":
      return isTooLong(reason)
        ? [413, "the conversation is too long for the model; shorten it"]
        : [500, "the model refused the request"]
    default:
      return [502, "the model failed"]
  }
}

/** What a client is told of a model call that is made again, or by another model. */
export const ofRetry = (reason: string): string =>
  reason === "RateLimitError" ? "the model is busy" : "the model failed"

// providers mark it so
const isTooLong = ({ metadata }: AiError.InvalidRequestError): boolean =>
  Predicate.hasProperty(metadata["fluxion"], "contextLengthExceeded")

const titles: { readonly [status: number]: string } = {
  400: "Bad Request",
  403: "Forbidden",
  409: "Conflict",
  413: "Content Too Large",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout"
}

/** The problem as a body of `application/problem+json`. */
export const toJson = (problem: Problem): string => {
  const title = titles[problem.status]
  return JSON.stringify({ type: "about:blank", ...(title === undefined ? {} : { title }), ...problem })
}
