/**
 * Workflows for async code: one object with the database and the workflows, `await` for the rest.
 */
import { assert, describe, it } from "@effect/vitest"
import { Agent, agent, Effect, Execution, LongTermMemory, MemoryStore, Pause, Schema, Workflow } from "fluxion"
import { Fluxion } from "fluxion/node"
import { TestModel } from "fluxion/testing"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"

const folder = mkdtempSync(join(tmpdir(), "fluxion-node-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const review = Pause.make("review", { output: Schema.String, input: Schema.Boolean })
const article = Workflow.make("article", {
  payload: { topic: Schema.String },
  success: Schema.String,
  run: ({ topic }) => Effect.map(review(topic), (isGood) => `${topic} is ${isGood ? "good" : "bad"}`)
})

describe("Fluxion with workflows", () => {
  it("goes on in another process on the same file", async () => {
    const database = join(folder, "fluxion.db")
    const first = Fluxion.make({ database, workflows: [article] })
    const id = await first.run(article.start({ topic: "rain" }))
    const { pending } = await first.run(Execution.settled(id))
    assert.deepStrictEqual(pending.map(({ name }) => name), ["review"])
    await first.dispose()

    await using second = Fluxion.make({ database, workflows: [article] })
    await second.run(review.resume(id, true))
    assert.strictEqual(await second.run(article.result(id)), "rain is good")
  })

  it("keeps facts in the database, unless its layer has a store of its own", async () => {
    const database = join(folder, "facts.db")
    const notes = LongTermMemory.make({ scope: "notes" })
    const first = Fluxion.make({ database })
    await first.run(notes.set("k", Schema.String, "kept"))
    await first.dispose()

    await using second = Fluxion.make({ database })
    assert.strictEqual(await second.run(notes.get("k", Schema.String)), "kept")
    await using other = Fluxion.make({ database, layer: MemoryStore.layerMemory })
    assert.isUndefined(await other.run(notes.get("k", Schema.String)))
  })

  it("runs in memory without a database, agents of its model among them", async () => {
    const poet = Agent.toWorkflow(agent("You write."))
    await using fluxion = Fluxion.make({
      model: TestModel.layer([TestModel.text("Rain.")]),
      workflows: [poet, article]
    })
    assert.strictEqual(await fluxion.run(poet.execute({ instruction: "Write." })), "Rain.")
  })
})
