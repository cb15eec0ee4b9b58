/**
 * P20 through the command line: an execution whose version no file has stays open, is named, and goes on where it is there.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Cli from "../support/Cli.ts"

const folder = Cli.folders()

describe("P20 · resume-open with another version of a workflow", { timeout: 90_000 }, () => {
  it("leaves the execution open and says so; with both versions it ends under its own", async () => {
    const { run, start } = folder()
    const running = start(["run", Cli.program("letter")])
    await running.said("sleep waits")
    running.child.kill("SIGKILL")
    await running.ended
    const newer = await run(["resume-open", Cli.program("letter2")])
    assert.strictEqual(newer.code, 0)
    assert.match(newer.stderr, /is open, and letter@1 is not in \S*letter2\.ts: it is left/)
    const both = await run(["resume-open", Cli.program("letter2"), Cli.program("letter")])
    assert.strictEqual(both.code, 0, both.stderr)
    assert.match(both.stdout, /letter@1 {2}completed {2}first/)
  })
})
