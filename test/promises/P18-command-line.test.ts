/**
 * P18 through the command line: `fluxion run` on something that pauses, itself or in an execution that it has started,
 * returns with what waits, what is shown, and the command that answers it.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Cli from "../support/Cli.ts"

const folder = Cli.folders()

const answer = `{"approved":true,"by":"2026-01-02T00:00:00.000Z"}`

describe.concurrent("P18 · a command that waits for what pauses", { timeout: 90_000 }, () => {
  it("returns with code 3, the pause, its output, its input's Schema and the handle", async () => {
    const { run } = folder()
    const ended = await run(["run", Cli.program("desk"), "article", `{"topic":"bees"}`, "--json"])
    assert.strictEqual(ended.code, 3, ended.stderr)
    const last = Cli.json(ended).at(-1)
    assert.strictEqual(last.state, "paused")
    const [wait] = last.pending
    assert.deepStrictEqual([wait.execution, wait.name, wait.waits.output], [
      last.execution,
      "review",
      "All about bees."
    ])
    assert.deepStrictEqual(wait.waits.input.required, ["approved", "by"])
  })

  it("returns for a pause in an execution that it waits for, too, and both go on with the answer", async () => {
    const { run } = folder()
    const ended = await run(["run", Cli.program("desk"), "issue", `{"topic":"bees"}`])
    assert.strictEqual(ended.code, 3, ended.stderr)
    const [, child = ""] = /fluxion executions resume (\S+) /.exec(ended.stderr) ?? []
    assert.notStrictEqual(child, Cli.idOf(ended))
    assert.strictEqual((await run(["executions", "resume", child, answer])).code, 0)
    const later = await run(["resume-open", Cli.program("desk")])
    assert.strictEqual(later.code, 0, later.stderr)
    assert.include(later.stdout, `${Cli.idOf(ended)}  issue@1  completed  bees, 2026`)
  })
})
