/** A trial of durable executions, of memory or of conversations, in a process and a folder of its own. */
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** Runs a trial, and gives what it measured. */
export const run = <A>(
  name: string,
  settings: { readonly [key: string]: unknown } = {},
  of: "durable" | "memory" | "conversation" | "cluster" = "durable"
): A => {
  const file = join(import.meta.dirname, "..", of, "Trials.ts")
  const folder = mkdtempSync(join(tmpdir(), "fluxion-bench-"))
  try {
    const all = { filename: join(folder, "bench.db"), synchronous: "normal", ...settings }
    const { status, stderr, stdout } = spawnSync(process.execPath, [
      "--conditions=fluxion-source",
      "--disable-warning=ExperimentalWarning",
      "--expose-gc",
      file,
      name,
      JSON.stringify(all)
    ], { encoding: "utf8", env: { ...process.env, NODE_ENV: "production" } })
    if (status !== 0) throw new Error(`trial ${name} failed: ${stderr}`)
    return JSON.parse(stdout) as A
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
