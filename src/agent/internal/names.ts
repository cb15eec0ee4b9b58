/**
 * What may be a name in a store: of an owner, a scope, a fact, a conversation.
 */
import * as Limits from "../../core/Limits.ts"

/** Why a name cannot be one. */
export const problemOf = (name: string): string | undefined => {
  if (name === "") return "is empty"
  if (name.length > Limits.maxMemoryName) return `has ${name.length} characters`
  // PostgreSQL takes no NUL, and no half of a character
  if (/\p{Cc}/u.test(name)) return "has a control character"
  return /\p{Cs}/u.test(name) ? "has half of a character" : undefined
}
