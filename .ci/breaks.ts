/**
 * `npm run test:breaks [P01 ...]`: breaks every promise on purpose, and demands that its test sees it.
 *
 * test/promises/breaks/Pnn.patch (or Pnn-name.patch; a promise may have several) breaks promise Pnn. In a copy of the
 * project, each patch is applied, the promise's test file is run, and the patch is taken back. The copy is the checkout
 * as it is, with uncommitted work. A break counts only if the tests were green before it and at least one test fails
 * with it: a file that no longer loads proves nothing. A promise without a patch, a patch without a promise and a patch
 * that no longer applies are failures too. Run by hand, not in CI.
 */
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, join, relative } from "node:path"
import { root, run } from "./Command.ts"

interface Row {
  readonly promise: string
  readonly patch: string
  readonly ok: boolean
  readonly says: string
}

/** What of vitest's JSON report is read here. */
interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly testResults: ReadonlyArray<{
    readonly name: string
    readonly status: string
    readonly message: string
    readonly assertionResults: ReadonlyArray<{ readonly status: string; readonly title: string }>
  }>
}

const promises = join("test", "promises")
const breaks = join(promises, "breaks")
const left = new Set(["node_modules", ".git", "dist", ".cache", ".fluxion", ".tmp", ".peers"])

const filesOf = (folder: string, pattern: RegExp): ReadonlyArray<string> =>
  existsSync(join(root, folder)) ? readdirSync(join(root, folder)).filter((file) => pattern.test(file)).sort() : []

const idOf = (file: string): string => /^P\d+/.exec(file)?.[0] ?? file

/** Runs test files in the copy; undefined when vitest could not report at all. */
const test = (copy: string, files: ReadonlyArray<string>): Report | undefined => {
  const output = join(copy, ".report.json")
  rmSync(output, { force: true })
  const paths = files.map((file) => join(promises, file))
  run("vitest", ["run", ...paths, "--reporter=json", `--outputFile=${output}`], { cwd: copy, capture: true })
  return existsSync(output) ? JSON.parse(readFileSync(output, "utf8")) : undefined
}

const failedTitles = (report: Report): ReadonlyArray<string> =>
  report.testResults.flatMap((file) => file.assertionResults)
    .filter((test) => test.status === "failed").map((test) => test.title)

/** One patch: applied, tested, taken back. */
const tryPatch = (copy: string, patch: string, files: ReadonlyArray<string>): Omit<Row, "promise" | "patch"> => {
  const path = join(breaks, patch)
  const applied = run("git", ["apply", path], { cwd: copy, capture: true })
  if (!applied.ok) return { ok: false, says: `the patch no longer applies: ${applied.output.trim()}` }
  const report = test(copy, files)
  const undone = run("git", ["apply", "--reverse", path], { cwd: copy, capture: true })
  if (!undone.ok) throw new Error(`Could not take back ${path}: ${undone.output}`)
  if (report === undefined) return { ok: false, says: "vitest made no report" }
  const titles = failedTitles(report)
  if (titles.length > 0) return { ok: true, says: `red: ${titles.join("; ")}` }
  const unloaded = report.testResults.find((file) => file.status === "failed")
  return unloaded === undefined
    ? { ok: false, says: "STAYS GREEN" }
    : { ok: false, says: `red, but by no test: ${unloaded.message.split("\n")[0]}` }
}

const asked = process.argv.slice(2).map((id) => id.toUpperCase())
const isAsked = (file: string): boolean => asked.length === 0 || asked.includes(idOf(file))
const tests = filesOf(promises, /^P\d+-.+\.test\.ts$/).filter(isAsked)
const patches = filesOf(breaks, /\.patch$/).filter(isAsked)
const ids = Array.from(new Set([...asked, ...tests.map(idOf), ...patches.map(idOf)])).sort()

if (ids.length === 0) {
  console.error(`There is no promise in ${promises}.`)
  process.exit(1)
}

const copy = mkdtempSync(join(tmpdir(), "fluxion-breaks-"))
const rows: Array<Row> = []
try {
  cpSync(root, copy, { recursive: true, filter: (source) => !left.has(basename(relative(root, source))) })
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"), "dir")
  const before = tests.length === 0 ? undefined : test(copy, tests)
  for (const promise of ids) {
    const files = tests.filter((file) => idOf(file) === promise)
    const own = patches.filter((file) => idOf(file) === promise)
    const add = (patch: string, outcome: { readonly ok: boolean; readonly says: string }): void => {
      const row = { promise, patch, ...outcome }
      rows.push(row)
      console.log(`${row.ok ? "ok    " : "FAILED"}  ${promise}  ${patch.padEnd(24)}  ${row.says}`)
    }
    const results = before?.testResults.filter((result) => files.some((file) => basename(result.name) === file)) ?? []
    if (files.length === 0) add("-", { ok: false, says: "has no test file" })
    else if (own.length === 0) add("-", { ok: false, says: "has no patch" })
    else if (results.length !== files.length || results.some((result) => result.status !== "passed")) {
      add("-", { ok: false, says: "is red without any patch" })
    } else for (const patch of own) add(patch, tryPatch(copy, patch, files))
  }
} finally {
  rmSync(copy, { recursive: true, force: true })
}

const bad = rows.filter((row) => !row.ok).length
console.log(`${rows.length - bad} breaks seen, ${bad} failed`)
if (bad > 0) process.exitCode = 1
