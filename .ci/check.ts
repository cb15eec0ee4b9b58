/**
 * `npm run check [types|lint|rings|format|dead ...]`: everything about the code that needs no test to run.
 *
 * Two tools cannot be dependencies of the project: `@effect/tsgo` lacks packages of other platforms on some registries,
 * so that `npm ci` refuses it, and `knip` needs an older TypeScript beside it. Each is fetched once into a folder of its
 * own (Tool.ts). Without the first (offline), types are still checked, by the plain compiler and with a warning; without
 * the second, the check fails. All checks run, also after one has failed.
 */
import { join } from "node:path"
import { run } from "./Command.ts"
import { violations } from "./Rings.ts"
import * as Tool from "./Tool.ts"

const types = (): boolean => {
  const folder = Tool.fetch("tsgo", { "@effect/tsgo": "0.45.0", "typescript": "7.0.2" })
  const located = folder === undefined
    ? undefined
    : run(join(folder, "node_modules", ".bin", "effect-tsgo"), ["get-exe-path"], { cwd: folder, capture: true })
  if (located?.ok) return run(located.stdout.trim(), ["--project", "tsconfig.json"]).ok
  console.warn("WARNING: @effect/tsgo is not available, so Effect's diagnostics are NOT checked; only plain types are.")
  return run("tsc", ["--project", "tsconfig.json"]).ok
}

const lint = (): boolean =>
  run("oxlint", ["--deny-warnings", "--report-unused-disable-directives", "src", "test", "examples", "bench", ".ci"]).ok

const rings = (): boolean => {
  const found = violations()
  for (const violation of found) console.error(violation)
  return found.length === 0
}

const format = (): boolean => run("dprint", ["check"]).ok

const dead = (): boolean => {
  const folder = Tool.fetch("knip", { "knip": "5.88.1", "typescript": "5.9.3", "@types/node": "24.19.2" })
  if (folder === undefined) return false
  return run(process.execPath, [join(folder, "node_modules", "knip", "bin", "knip.js"), "--no-progress"]).ok
}

const checks = { types, lint, rings, format, dead }

const isCheck = (name: string): name is keyof typeof checks => Object.hasOwn(checks, name)

const asked = process.argv.slice(2)
const unknown = asked.filter((name) => !isCheck(name))
if (unknown.length > 0) {
  console.error(`Unknown check: ${unknown.join(", ")}. There are: ${Object.keys(checks).join(", ")}.`)
  process.exit(2)
}
const chosen = asked.length > 0 ? asked.filter(isCheck) : Object.keys(checks).filter(isCheck)
const failed: Array<string> = []
for (const name of chosen) {
  const start = performance.now()
  const ok = checks[name]()
  console.log(`${ok ? "ok    " : "FAILED"} ${name} (${Math.round(performance.now() - start)} ms)`)
  if (!ok) failed.push(name)
}
if (failed.length > 0) process.exitCode = 1
