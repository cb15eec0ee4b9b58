/**
 * What a server of Chat Completions says went wrong, as a refusal or in the middle of a response: pure.
 */
import * as AiError from "effect/ai/AiError"
import * as Failure from "../internal/Failure.ts"
import * as OpenAiError from "../internal/OpenAiError.ts"
import type { HeaderReader } from "../internal/RetryAfter.ts"

/** Who says it. */
export interface Source {
  /** The server's name, the key of its metadata. */
  readonly name: string
  readonly url: string
}

/** Groq checks calls itself, and refuses the model's own answer when one is wrong. */
const wrongCall = ({ code, fields, message, status }: OpenAiError.Reported, { name }: Source): Failure.Failure => {
  const written = fields["failed_generation"]
  const wrote = typeof written === "string" && written !== "" ? `; it wrote: ${written}` : ""
  return {
    _tag: "Known",
    reason: new AiError.InvalidOutputError({
      description: Failure.excerpt(`the model made a call that ${name} does not take: ${message}${wrote}`, 1000),
      metadata: {
        [name]: {
          message: Failure.excerpt(message, 1000),
          ...(status === undefined ? undefined : { status }),
          ...(code === undefined ? undefined : { code })
        }
      }
    })
  }
}

/** The failure that an error is: a refusal's body, an event of a stream, or the `error` in it. */
export const from = (
  error: unknown,
  source: Source,
  status?: number,
  headers?: HeaderReader
): Failure.Failure => {
  const reported = OpenAiError.read(error) ?? OpenAiError.unsaid
  return reported.code === "tool_use_failed"
    ? wrongCall({ ...reported, status: status ?? reported.status }, source)
    : OpenAiError.toFailure(reported, source.url, status, headers)
}

/** Reasons to finish that mean that there is no answer. */
const failed: { readonly [reason: string]: string } = {
  error: "the server ended its answer with an error",
  insufficient_system_resource: "the server ran out of resources in the middle of its answer"
}

/** The failure that a reason to finish is, if it is one. */
export const ofFinish = (reason: string | null | undefined): Failure.Failure | undefined => {
  const message = failed[reason ?? ""]
  return message === undefined ? undefined : { _tag: "Refused", code: "server_error", message }
}
