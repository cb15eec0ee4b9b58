/**
 * `fluxion executions`: what it asks and does, beside the process that runs them or without one.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Cli from "../support/Cli.ts"

const folder = Cli.folders()

const answer = `{"approved":true,"by":"2026-01-02T00:00:00.000Z"}`

const paused = async () => {
  const own = folder()
  const id = Cli.idOf(await own.run(["run", Cli.program("desk"), "article", `{"topic":"bees"}`]))
  return { ...own, id }
}

describe.concurrent("fluxion executions", { timeout: 90_000 }, () => {
  it("lists them, by workflow and state, a page at a time", async () => {
    const { id, run } = await paused()
    await run(["run", Cli.program("desk"), "steps", `{"millis":1}`])
    const all = await run(["executions", "list"])
    assert.strictEqual(all.code, 0, all.stderr)
    assert.match(all.stdout, /^EXECUTION +WORKFLOW +STATE +STARTED \(UTC\) +WAITS FOR\n/)
    assert.match(all.stdout, new RegExp(`${id} +article@1 +paused +.* +answer to review`))
    const one = await run(["executions", "list", "--workflow", "article", "--state", "paused", "--json"])
    assert.deepStrictEqual(Cli.json(one)[0].executions.map((info: { id: string }) => info.id), [id])
    const page = await run(["executions", "list", "--limit", "1"])
    assert.match(page.stderr, /more: fluxion executions list --cursor \S+/)
    const [, cursor = ""] = /--cursor (\S+)/.exec(page.stderr) ?? []
    const next = await run(["executions", "list", "--limit", "1", "--cursor", cursor, "--json"])
    assert.deepStrictEqual(Cli.json(next)[0].executions.map((info: { id: string }) => info.id), [id])
    const wrong = await run(["executions", "list", "--limit", "0"])
    assert.strictEqual(wrong.code, 2)
  })

  it("shows what one waits for, and its result", async () => {
    const { id, run } = await paused()
    const shown = await run(["executions", "show", id])
    assert.match(shown.stdout, /state +paused/)
    assert.include(shown.stdout, "shown:  All about bees.")
    assert.include(shown.stdout, `"approved":{"type":"boolean"}`)
    await run(["executions", "resume", id, answer])
    await run(["resume-open", Cli.program("desk")])
    assert.match((await run(["executions", "show", id])).stdout, /result +bees, 2026/)
    const none = await run(["executions", "show", "nobody"])
    assert.strictEqual(none.code, 4)
    assert.strictEqual(none.stderr, "there is no execution nobody in this journal\n")
  })

  it("refuses an answer that does not fit, by its fields, and the pause still waits", async () => {
    const { id, run } = await paused()
    const wrong = await run(["executions", "resume", id, `{"approved":"yes"}`])
    assert.strictEqual(wrong.code, 2)
    assert.include(wrong.stderr, `at ["approved"]`)
    assert.include(wrong.stderr, `at ["by"]`)
    assert.strictEqual((await run(["executions", "resume", id, "yes"])).code, 2)
    const other = await run(["executions", "resume", id, answer, "--pause", "nobody"])
    assert.strictEqual(other.code, 4)
    assert.include(other.stderr, "does not wait at nobody; it waits for review")
    assert.strictEqual((await run(["executions", "resume", id, answer])).code, 0)
  })

  it("gives a pause to the first of two who answer at once", async () => {
    const { id, run } = await paused()
    const both = await Promise.all([
      run(["executions", "resume", id, answer]),
      run(["executions", "resume", id, `{"approved":false,"by":"2026-01-02T00:00:00.000Z"}`])
    ])
    assert.deepStrictEqual(both.map(({ code }) => code).sort(), [0, 4])
    const lost = both.find(({ code }) => code === 4)
    assert.match(lost?.stderr ?? "", /is answered already; the first answer stands/)
  })

  it("cancels, and deletes what has ended alone", async () => {
    const { id, run } = await paused()
    const early = await run(["executions", "delete", id])
    assert.strictEqual(early.code, 4)
    assert.include(early.stderr, "cancel it first")
    assert.strictEqual((await run(["executions", "cancel", id])).code, 0)
    const ended = await run(["resume-open", Cli.program("desk")])
    assert.strictEqual(ended.code, 6)
    assert.include(ended.stdout, "cancelled")
    assert.strictEqual((await run(["executions", "cancel", id])).code, 4)
    assert.strictEqual((await run(["executions", "delete", id])).stdout, `${id} deleted\n`)
    assert.strictEqual((await run(["executions", "show", id])).code, 4)
  })

  it("retries one that failed, and only such a one", async () => {
    const { id, run } = await paused()
    assert.strictEqual((await run(["executions", "retry", id])).code, 4)
    const failed = Cli.idOf(await run(["run", Cli.program("desk"), "order", `{"item":"lamp"}`]))
    assert.strictEqual((await run(["executions", "retry", failed])).code, 0)
    const again = await run(["resume-open", Cli.program("desk")])
    assert.include(again.stdout, `${failed}  order@1  failed: no lamp is left`)
    assert.strictEqual(again.code, 1)
  })

  it("cancels one that runs in another process", async () => {
    const { run, start, written } = folder()
    const running = start(["run", Cli.program("desk"), "steps", `{"millis":60000}`, "--id", "long"])
    await running.said("wait {")
    assert.strictEqual((await run(["executions", "cancel", "long", "--hard"])).code, 0)
    const ended = await running.ended
    assert.strictEqual(ended.code, 6)
    assert.include(ended.stderr, "execution long was cancelled")
    assert.deepStrictEqual(written(), ["look first", "wait 60000", "wait was aborted"])
  })
})
