/**
 * P13: executions whose process is killed, for real, again and again, at any of its appends: they come to the same end, and
 * nothing that was recorded is done again.
 *
 * `npm run test:crash -- --runs 1000` is the long one.
 */
import { assert, describe, it } from "@effect/vitest"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"
import * as Harness from "../crash/Harness.ts"
import * as Program from "../crash/Program.ts"

const folder = mkdtempSync(join(tmpdir(), "fluxion-crash-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe("P13: after a death at any append no completed call runs twice, and the end is that of an uninterrupted run", () => {
  it("an execution comes to the same end, wherever it is killed, with everything in it", async () => {
    const file = join(folder, "everything.db")
    const { output, models } = await Harness.whole(file, Program.everything, false)
    assert.match(output, /^completed: /)
    assert.strictEqual(models, 3)
    const deaths = ["after:2", "before:2", "at:StepAwaited", "claim:1", "at:AttemptFailed"]
    const result = await Harness.killed(file, Program.everything, false, 1, deaths)
    assert.strictEqual(result.output, output)
    for (const kind of ["StepCompleted", "StepAwaited", "Claimed", "AttemptFailed"]) {
      assert.isAtLeast(result.kills.get(kind) ?? 0, 1, `it was never killed at ${kind}`)
    }
  }, 120_000)

  it("an execution is undone once, wherever it is killed", async () => {
    const file = join(folder, "fails.db")
    const program: Program.Program = {
      _tag: "All",
      parts: [
        { _tag: "Step", item: 1, millis: 0 },
        { _tag: "Nested", body: { _tag: "Step", item: 2, millis: 1 } }
      ]
    }
    const { did, output } = await Harness.whole(file, program, true)
    assert.match(output, /^failed: /)
    assert.deepStrictEqual(did.filter((line) => line.startsWith("undo")), ["undo 2\tundo", "undo 1\tundo"])
    // between the two rollbacks a death after which the first one is recorded, and must not be run again
    const deaths = ["after:2", "at:RollbackStarted", "after:1"]
    const result = await Harness.killed(file, program, true, 3, deaths)
    assert.strictEqual(result.output, output)
    assert.deepStrictEqual(result.did.filter((line) => line.startsWith("undo")), ["undo 2\tundo", "undo 1\tundo"])
  }, 60_000)

  it.each([2, 3])("an execution comes to the same end, program %i", async (seed) => {
    const file = join(folder, `${seed}.db`)
    const program = Program.generate(seed)
    const { output } = await Harness.whole(file, program, false)
    assert.match(output, /^completed: /)
    assert.strictEqual((await Harness.killed(file, program, false, seed)).output, output)
  }, 120_000)
})
