/**
 * What reached the world outside of a program, a line each in a file: written by whoever was called, at once. No journal
 * writes it and no process takes it along when it dies, so it shows what was really done, and how often.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs"
import { dirname } from "node:path"

/** Somebody was called: a model, by what it was asked; the bank, by the idempotency key. */
export interface Entry {
  /** The id of the process that called. */
  readonly process: number
  readonly what: "model" | "refund"
  readonly key: string
}

export const append = (file: string, what: Entry["what"], key: string): void => {
  mkdirSync(dirname(file), { recursive: true })
  appendFileSync(file, `${JSON.stringify({ process: process.pid, what, key } satisfies Entry)}\n`)
}

/** All entries, in order. A line that somebody is writing is left out. */
export const read = (file: string): ReadonlyArray<Entry> =>
  existsSync(file)
    ? readFileSync(file, "utf8").split("\n").slice(0, -1).map((line) => JSON.parse(line) as Entry)
    : []
