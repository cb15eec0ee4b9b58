/**
 * The end of `npm test`: after vitest's own summary, the promises kept, by title, and the totals as the last line.
 *
 * A promise is a file `test/promises/Pnn-slug.test.ts` whose top-level `describe` carries its sentence. It is kept when
 * every test of it ran and passed, kept in part while it has todos or skipped tests, and broken otherwise, which
 * includes a file that could not be loaded. What cannot be blamed on one test (a file that does not load, an unhandled
 * error) counts as one failure each: the last line never claims more than the exit code does.
 */
import type { Reporter, TestModule, TestSuite } from "vitest/node"

interface Kept {
  readonly id: string
  readonly title: string
  readonly state: "kept" | "in part" | "BROKEN"
  readonly remarks: ReadonlyArray<string>
}

const promiseFile = /test\/promises\/(P\d+)-([^/]+)\.test\.ts$/

const titleOf = (module: TestModule, id: string, slug: string): string => {
  const suites: Array<TestSuite> = Array.from(module.children.suites())
  const suite = suites.find((suite) => suite.name.startsWith(id))
  return suite === undefined ? slug.replaceAll("-", " ") : suite.name.slice(id.length).trim()
}

const promiseOf = (module: TestModule): Kept | undefined => {
  const match = promiseFile.exec(module.moduleId)
  if (match === null) return undefined
  const [, id, slug] = match as unknown as [string, string, string]
  const failed: Array<string> = []
  const left: Array<string> = []
  let passed = 0
  for (const test of module.children.allTests()) {
    const state = test.result().state
    if (state === "passed") passed++
    else if (state === "skipped") left.push(`${test.options.mode === "todo" ? "to do" : "skipped"}: ${test.name}`)
    else failed.push(`${state}: ${test.name}`)
  }
  if (!module.ok() && failed.length === 0) failed.push("the file failed outside its tests")
  const title = titleOf(module, id, slug)
  if (failed.length > 0) return { id, title, state: "BROKEN", remarks: failed }
  if (passed === 0) return { id, title, state: "BROKEN", remarks: ["no test ran", ...left] }
  return { id, title, state: left.length > 0 ? "in part" : "kept", remarks: left }
}

const count = (promises: ReadonlyArray<Kept>, state: Kept["state"]): number =>
  promises.filter((promise) => promise.state === state).length

/** Prints the promises kept and the totals when a run has ended. */
export default class PromisesReporter implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>, unhandledErrors: ReadonlyArray<unknown>): void {
    const promises = modules.map(promiseOf).filter((promise) => promise !== undefined)
      .sort((a, b) => a.id.localeCompare(b.id))
    const lines: Array<string> = []
    if (promises.length > 0) {
      lines.push("Promises")
      for (const { id, remarks, state, title } of promises) {
        lines.push(`  ${id}  ${state.padEnd(7)}  ${title}`, ...remarks.map((remark) => `                  ${remark}`))
      }
      lines.push(
        `  ${count(promises, "kept")} kept, ${count(promises, "in part")} in part, ${count(promises, "BROKEN")} broken`,
        ""
      )
    }
    let passed = 0
    let failed = unhandledErrors.length
    let skipped = 0
    for (const module of modules) {
      const before = failed
      for (const test of module.children.allTests()) {
        const state = test.result().state
        if (state === "passed") passed++
        else if (state !== "skipped") failed++
        else if (test.options.mode !== "todo") skipped++
      }
      if (!module.ok() && failed === before) failed++
    }
    lines.push(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`)
    process.stdout.write(`${lines.join("\n")}\n`)
  }
}
