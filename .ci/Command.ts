/**
 * Runs the project's own commands for the scripts beside it.
 *
 * Commands are found in node_modules/.bin first, so that they are the project's, and Node is the dev dependency's also
 * where a script was started by the system's.
 */
import { spawnSync } from "node:child_process"
import { delimiter, join } from "node:path"

/** The root of the checkout. */
export const root = join(import.meta.dirname, "..")

/** How a command ended, with what it printed if that was captured: `output` is both streams. */
export interface Outcome {
  readonly ok: boolean
  readonly stdout: string
  readonly output: string
}

/** Runs a command to its end, with its output shown (the default) or captured. */
export const run = (
  command: string,
  args: ReadonlyArray<string>,
  options: { readonly cwd?: string; readonly capture?: boolean } = {}
): Outcome => {
  const result = spawnSync(command, args, {
    cwd: options.cwd ?? root,
    encoding: "utf8",
    maxBuffer: 256 * 1024 * 1024,
    stdio: options.capture === true ? ["ignore", "pipe", "pipe"] : ["ignore", "inherit", "inherit"],
    env: { ...process.env, PATH: `${join(root, "node_modules", ".bin")}${delimiter}${process.env["PATH"] ?? ""}` }
  })
  const stdout = result.stdout ?? ""
  return { ok: result.status === 0, stdout, output: `${stdout}${result.stderr ?? ""}${result.error?.message ?? ""}` }
}
