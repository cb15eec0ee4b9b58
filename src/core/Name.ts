/**
 * Names of agents, tasks and tools: what every vendor takes as a tool's name.
 */

const pattern = /^[A-Za-z0-9_-]{1,64}$/

/** Whether a name is 1 to 64 letters, digits, `_` or `-`. */
export const isValid = (name: string): boolean => pattern.test(name)

/** Throws a `TypeError` that says what to do unless `name` is a valid one for a `kind`. */
export const assert = (kind: "agent" | "pause" | "task" | "tool" | "workflow", name: unknown): void => {
  if (typeof name === "string" && isValid(name)) return
  const shown = JSON.stringify(name)?.slice(0, 60) ?? String(name)
  const hint = kind === "agent" && typeof name === "string" && /\s/.test(name)
    ? ` That looks like instructions: write agent(instructions, options), or Agent.make("a_name", { instructions }).`
    : ""
  throw new TypeError(
    `${shown} cannot be the name of ${kind === "agent" ? "an" : "a"} ${kind}: `
      + `use 1 to 64 letters, digits, "_" or "-".${hint}`
  )
}
