/**
 * What cannot be asked of a vendor is thrown where it is found, as the reason of an `AiError`, and returned from there.
 */
import * as AiError from "effect/ai/AiError"
import * as Result from "effect/Result"

/** What is built; or the reason that was thrown instead. */
export const capture = <A>(build: () => A): Result.Result<A, AiError.AiErrorReason> => {
  try {
    return Result.succeed(build())
  } catch (cause) {
    if (AiError.isAiErrorReason(cause)) return Result.fail(cause)
    throw cause
  }
}
