/**
 * The errors of the SDKs that Stainless generates, OpenAI's and Anthropic's: what they have in common.
 *
 * They are told by their fields, since a ready client may come from another copy of the package.
 */
import * as Failure from "./Failure.ts"

/** An `APIError` of such an SDK. */
export interface ApiError extends Error {
  readonly status: number | undefined
  readonly headers: Headers | undefined
  readonly requestID: string | null | undefined
  /** The body of the answer, parsed. */
  readonly error: unknown
  readonly type: unknown
}

/** Whether it is one. */
export const is = (cause: unknown): cause is ApiError =>
  cause instanceof Error && "requestID" in cause && "status" in cause

/** What happened on the way, if there was no answer. */
export const toBroken = (cause: ApiError): Failure.Failure | undefined => {
  if (cause.status !== undefined || cause.error !== undefined) return undefined
  const inner = cause.cause instanceof Error ? Failure.fromUnknown(cause.cause) : undefined
  return {
    _tag: "Broken",
    message: inner?._tag === "Broken" ? `${cause.message.replace(/\.$/, "")}: ${inner.message}` : cause.message,
    cause
  }
}

/** A field's text, if it has one. */
export const text = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined

/** The message, which begins with the status, without it; never empty. */
export const messageOf = (cause: ApiError): string => {
  const bare = cause.message.replace(/^\d{3} (status code \(no body\))?/, "")
  return bare === "" ? `HTTP ${cause.status}` : bare
}
