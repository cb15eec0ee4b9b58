/**
 * P12 through the command line: Ctrl-C during `fluxion run` really aborts what runs, its clean-up runs once, and the
 * execution is left to be gone on with.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Cli from "../support/Cli.ts"

const folder = Cli.folders()

describe("P12 · a run that is stopped at the command line", { timeout: 90_000 }, () => {
  it("aborts its tool once, says that it was interrupted, and goes on later", async () => {
    const { run, start, written } = folder()
    const running = start(["run", Cli.program("desk"), "steps", `{"millis":1500}`])
    await running.said("wait {")
    running.child.kill("SIGINT")
    const ended = await running.ended
    assert.strictEqual(ended.code, 130)
    assert.include(ended.stderr, "interrupted; execution ")
    assert.deepStrictEqual(written(), ["look first", "wait 1500", "wait was aborted"])
    const later = await run(["resume-open", Cli.program("desk")])
    assert.strictEqual(later.code, 0, later.stderr)
    assert.deepStrictEqual(written().slice(3), ["wait 1500", "look second"])
  })
})
