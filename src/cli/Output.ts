/**
 * Standard output is for what was asked for, standard error for what happens meanwhile. Both are written at the pace of
 * whoever reads them.
 */
import * as Effect from "effect/Effect"
import { styleText } from "node:util"

/** Where something is written to. */
export type Target = "stdout" | "stderr"

/** Writes text, at the pace of whoever reads it. */
export const write = (target: Target, text: string): Effect.Effect<void> =>
  Effect.callback((resume) => {
    const stream = process[target]
    if (stream.destroyed || stream.write(text)) {
      resume(Effect.void)
      return
    }
    const go = () => {
      stream.off("drain", go).off("close", go)
      resume(Effect.void)
    }
    stream.once("drain", go).once("close", go)
    return Effect.sync(go)
  })

/** A line of what was asked for. */
export const out = (line: string): Effect.Effect<void> => write("stdout", `${line}\n`)

/** A line of what happens. */
export const note = (line: string): Effect.Effect<void> => write("stderr", `${line}\n`)

/** Text as it comes, without an end of line. */
export const piece = (text: string): Effect.Effect<void> => write("stderr", text)

/** JSON on a line of its own. */
export const json = (value: unknown): Effect.Effect<void> => out(JSON.stringify(value))

/** Whether somebody sits in front of it. */
export const isTerminal = (target: Target): boolean => process[target].isTTY === true

/** Text in a colour, where colours can be seen and are wanted. */
export const colour = (style: "dim" | "red" | "green" | "yellow" | "bold" | "cyan", text: string): string =>
  styleText(style, text, { stream: process.stderr })

/** How many characters a line has, now: a terminal may be resized. */
export const width = (): number => Math.max(20, process.stderr.columns ?? 120)

/** Control characters would move the cursor, or worse: they are shown as what they are. */
export const printable = (text: string): string =>
  // oxlint-disable-next-line no-control-regex
  text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, (char) =>
    `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`)

/** A table: its columns as wide as they have to be. */
export const table = (rows: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd())
}
