/**
 * Names of calls in a history, as vendors take them: a model may have called a tool by a name that no tool can have, and
 * what one vendor lets pass another one refuses.
 */

/** The name, with `_` in place of what is neither letter, digit, `_` nor `-`, and of at most `max` characters. */
export const make = (name: string, max: number): string =>
  name.length <= max && /^[a-zA-Z0-9_-]+$/.test(name)
    ? name
    : name.replace(/[^a-zA-Z0-9_-]/g, "_").slice(0, max) || "_"
