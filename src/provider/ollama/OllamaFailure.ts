/**
 * What can go wrong with Ollama, and what to do about it: pure.
 *
 * The server's messages are its own prose, without codes; the ones below are those of its `server/routes.go`.
 */
import * as Failure from "../internal/Failure.ts"

/** What was thrown in a call to `model` at `host`; `isKeyed` says whether a key was sent. */
export const from = (cause: unknown, model: string, host: string, isKeyed = false): Failure.Failure => {
  const failure = cause instanceof Failure.Thrown ? cause.failure : fromSdk(cause) ?? Failure.fromUnknown(cause)
  if (failure._tag === "Refused") {
    const advice = failure.advice ?? advise(failure.status, failure.message, model, host, isKeyed)
    return advice === undefined ? failure : { ...failure, advice }
  }
  return failure._tag === "Broken" && failure.cause !== undefined
    ? unreachable(failure.cause, host) ?? failure
    : failure
}

/** The error that an answer holds: `{"error": "…"}`, or as other servers nest it, `{"error": {"message": "…"}}`. */
export const reported = (answer: unknown): { readonly message: string; readonly status?: number } | undefined => {
  if (!isRecord(answer) || answer.error == null) return undefined
  const message = isRecord(answer.error) ? answer.error.message : answer.error
  return {
    message: typeof message === "string" ? message : JSON.stringify(answer.error),
    ...(typeof answer.status === "number" ? { status: answer.status } : undefined)
  }
}

/** Text that should have been JSON. */
export const notJson = (text: string): Failure.Failure => ({
  _tag: "Undecodable",
  message: Failure.isHtml(text) ? "a web page came instead of an answer" : "the answer is not valid JSON",
  body: text
})

const advise = (
  status: number | undefined,
  message: string,
  model: string,
  host: string,
  isKeyed: boolean
): string | undefined => {
  const says = (text: RegExp) => text.test(message)
  if (says(/does not support tools/)) return "name a model that can call tools, or use the agent without tools"
  if (says(/does not support thinking|think value/)) return "leave `reasoning` out, or name a model that thinks"
  if (says(/does not support (vision|images)|image input/)) return "name a model that sees images"
  if (says(/does not support chat/)) return "name a model that writes text"
  if (says(/requires more system memory/)) return "free memory, or name a smaller model"
  if (status === 404) {
    return says(/model/) ? `get it: \`ollama pull ${model}\`` : `check that there is an Ollama server at ${host}`
  }
  if (status === 401 && !isKeyed) return "sign in: `ollama signin`"
  return undefined
}

/** What the SDK throws by itself. Its `ResponseError` is not exported. */
const fromSdk = (cause: unknown): Failure.Failure | undefined => {
  if (!(cause instanceof Error)) return undefined
  if (cause.message.startsWith("Did not receive done")) {
    return { _tag: "Broken", message: "the answer ended before it was complete" }
  }
  return "status_code" in cause && typeof cause.status_code === "number"
    ? { _tag: "Refused", status: cause.status_code, message: reported(cause)?.message ?? cause.message }
    : undefined
}

const unreachable = (cause: unknown, host: string): Failure.Failure | undefined => {
  const code = isRecord(cause) && isRecord(cause.cause) ? cause.cause.code : undefined
  if (code === "ECONNREFUSED") {
    return { _tag: "Broken", message: `no Ollama answers at ${host}`, advice: "start it: `ollama serve`", cause }
  }
  return code === "ENOTFOUND" || code === "EAI_AGAIN"
    ? { _tag: "Broken", message: `there is no host of that name: ${host}`, advice: "check OLLAMA_HOST", cause }
    : undefined
}

const isRecord = (value: unknown): value is { readonly [key: string]: unknown } =>
  typeof value === "object" && value !== null
