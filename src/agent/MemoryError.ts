/**
 * Why a long-term memory could not be read or written: one error, with a tagged `reason`.
 */
import * as Schema from "effect/Schema"
import { OwnerMissing } from "../core/AgentError.ts"
import * as Limits from "../core/Limits.ts"
import { MemoryUnavailable } from "./MemoryStore.ts"

/** A key, owner or scope is not one: 1 to 200 characters, without control characters. */
export class NameRefused extends Schema.TaggedError<NameRefused>()("NameRefused", {
  what: Schema.Literals(["key", "owner"]),
  name: Schema.String,
  problem: Schema.String
}) {
  readonly isRetryable = false
  override get message(): string {
    return `the ${this.what} ${JSON.stringify(this.name)} ${this.problem}; `
      + `use 1 to ${Limits.maxMemoryName} characters, without control characters`
  }
}

/** A value is larger than the memory takes; `size` and `limit` are characters of its JSON. */
export class ValueTooLarge extends Schema.TaggedError<ValueTooLarge>()("ValueTooLarge", {
  key: Schema.String,
  size: Schema.Finite,
  limit: Schema.Finite
}) {
  readonly isRetryable = false
  override get message(): string {
    return `the value of "${this.key}" has ${this.size} characters as JSON, and ${this.limit} are the most: `
      + `store a summary, several facts, or where the whole can be found`
  }
}

/** A value does not fit the Schema that it is read or written by. */
export class ValueInvalid extends Schema.TaggedError<ValueInvalid>()("ValueInvalid", {
  key: Schema.String,
  detail: Schema.String
}) {
  readonly isRetryable = false
  override get message(): string {
    return `the value of "${this.key}" does not fit its Schema: ${this.detail}`
  }
}

/** Every reason for which a memory fails. */
export const MemoryErrorReason = Schema.Union([
  MemoryUnavailable,
  NameRefused,
  ValueTooLarge,
  ValueInvalid,
  OwnerMissing
])

/** Every reason for which a memory fails. */
export type MemoryErrorReason = typeof MemoryErrorReason.Type

/** A read or write of a long-term memory failed; nothing was written. */
export class MemoryError extends Schema.TaggedError<MemoryError>()("MemoryError", {
  scope: Schema.String,
  reason: MemoryErrorReason
}) {
  override readonly cause = this.reason
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `long-term memory "${this.scope}": ${this.reason.message}`
  }
}
