/**
 * The numbers that bound a run where an agent's options do not say otherwise.
 */

/** Single tool calls in one run. */
export const maxToolCalls = 10

/** Corrective turns for an answer that does not fit. */
export const corrections = 2

/** Tools that run at once within one turn. */
export const maxConcurrentTools = 8

/** Tokens of one answer. */
export const maxTokens = 4096

/** Characters of one tool result that the model is shown; the rest is cut, and the model is told. */
export const maxToolResult = 65_536

/** The longest time that a vendor's `retry-after` is honoured; a longer one fails at once. */
export const maxRetryAfter = "60 seconds"

/** Characters of one fact in a long-term memory, as JSON. */
export const maxMemoryValue = 65_536

/** Characters of an owner, a scope or a key in a long-term memory: together they fit an index. */
export const maxMemoryName = 200

/** Tokens of a summary of what was said before. */
export const maxSummary = 2048

/** How often in a row a vendor may pause a turn in which it runs its own tools; it is asked to go on each time. */
export const maxPauses = 10

/** Bytes of one file of a skill, its SKILL.md too: larger ones are not read. */
export const maxSkillFile = 1_048_576

/** Characters of one file of a skill that the model is shown at once; it may ask for more from there. */
export const maxSkillText = 32_768
