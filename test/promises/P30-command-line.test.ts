/**
 * P30 through the command line: `fluxion executions events --follow`, in another process than the run, prints every durable
 * event from where it is told to begin, the last one last.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Cli from "../support/Cli.ts"

const folder = Cli.folders()

const recorded = (ended: Cli.Ended): ReadonlyArray<{ readonly sequence: number; readonly event: { _tag: string } }> =>
  Cli.json(ended).filter((line) => "sequence" in line)

describe("P30 · events followed at the command line", { timeout: 90_000 }, () => {
  it("are all there, from the first or from where one left off, and end with the execution", async () => {
    const { run, start } = folder()
    const running = start(["run", Cli.program("desk"), "steps", `{"millis":1500}`, "--id", "watched"])
    await running.said("wait {")
    const follow = ["executions", "events", "watched", "--follow", "--json"]
    const [all, later] = await Promise.all([run(follow), run([...follow, "--from", "3"])])
    await running.ended
    const events = recorded(all)
    assert.deepStrictEqual(events.map(({ sequence }) => sequence), events.map((_, index) => index))
    assert.strictEqual(events.at(-1)?.event._tag, "ExecutionCompleted")
    assert.strictEqual(Cli.json(all).at(-1).sequence, events.at(-1)?.sequence, "the terminal event comes last")
    assert.deepStrictEqual(recorded(later), events.slice(3))
    assert.deepStrictEqual(recorded(await run(follow.filter((word) => word !== "--follow"))), events)
  })
})
