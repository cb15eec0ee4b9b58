/**
 * P13 through the command line: `fluxion run` is killed with SIGKILL, `fluxion resume-open` goes on, and nothing that was
 * recorded is done again.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Cli from "../support/Cli.ts"

const folder = Cli.folders()

describe("P13 · a run that is killed at the command line", { timeout: 90_000 }, () => {
  it("is gone on with by resume-open, to the answer of one that nobody killed", async () => {
    const { run, start, written } = folder()
    const running = start(["run", Cli.program("desk"), "steps", `{"millis":1500}`, "--id", "killed"])
    await running.said("wait {")
    running.child.kill("SIGKILL")
    assert.strictEqual((await running.ended).signal, "SIGKILL")
    const later = await run(["resume-open", Cli.program("desk"), "--json"])
    assert.strictEqual(later.code, 0, later.stderr)
    const [ended] = Cli.json(later)
    assert.strictEqual(ended.execution, "killed")
    const whole = Cli.json(await run(["run", Cli.program("desk"), "steps", `{"millis":1}`, "--json"])).at(-1)
    assert.deepStrictEqual(ended.result, whole.result)
    assert.deepStrictEqual(written().slice(0, 4), ["look first", "wait 1500", "wait 1500", "look second"])
  })
})
