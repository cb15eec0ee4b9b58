/**
 * Why a cassette cannot be used; `detail` says what to do.
 */
import * as Schema from "effect/Schema"

/** What is wrong with a cassette. */
export const CassetteProblem = Schema.Literals([
  /** There is no such file, and nothing may be recorded. */
  "missing",
  /** It cannot be read, or written. */
  "unreachable",
  /** It was cut, or never was JSON. */
  "not-json",
  "not-a-cassette",
  /** A newer version of this package wrote it. */
  "newer",
  /** In CI nothing is recorded. */
  "ci",
  /** It holds another Model than it is given. */
  "other-model",
  /** It holds none, and there is none to record from. */
  "no-model"
])

/** A cassette cannot be used. Nothing was overwritten. */
export class CassetteError extends Schema.TaggedError<CassetteError>()("CassetteError", {
  file: Schema.String,
  problem: CassetteProblem,
  detail: Schema.String
}) {
  readonly isRetryable = false
  override get message(): string {
    return `the cassette ${this.file} cannot be used: ${this.detail}`
  }
}
