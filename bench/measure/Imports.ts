/**
 * Run in a process of its own, with a module's address: imports it, and says what that cost (CPU time in microseconds)
 * and, when asked with `--list`, which modules were imported, by whom.
 */
import { registerHooks } from "node:module"

/** One import that was resolved. */
export interface Import {
  readonly specifier: string
  readonly url: string
  readonly parent: string
}

/** What the process prints. */
export interface Report {
  readonly cpu: number
  readonly imports: ReadonlyArray<Import>
}

const [, , address, list] = process.argv
const imports: Array<Import> = []
if (list === "--list") {
  registerHooks({
    resolve: (specifier, context, next) => {
      const resolved = next(specifier, context)
      imports.push({ specifier, url: resolved.url, parent: context.parentURL ?? "" })
      return resolved
    }
  })
}
const before = process.cpuUsage()
await import(address!)
const { system, user } = process.cpuUsage(before)
const report: Report = { cpu: user + system, imports }
process.stdout.write(JSON.stringify(report))
