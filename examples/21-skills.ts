/**
 * Skills from a folder: the model is told their names, and reads one when it needs it.
 *
 *   npm run example 21
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Layer, Stream } from "effect"
import { Agent, Effect, Schema, Skill, SkillCatalog, Task } from "fluxion"
import { TestModel } from "fluxion/testing"
import { join } from "node:path"

const folder = join(import.meta.dirname, "skills")

const refund = Task.make("refund", {
  description: "Pays money back.",
  payload: { order: Schema.String, euros: Schema.Finite },
  success: Schema.String,
  run: ({ euros, order }) => `paid ${euros} euros back for ${order}`
})

const clerk = Agent.make("clerk", {
  instructions: "You work in a shop.",
  tools: [refund],
  skills: Skill.directory(folder) // read when it is first needed; it takes a FileSystem
})

await Effect.runPromise(
  Effect.gen(function*() {
    yield* Stream.runForEach(clerk.stream("Refund order A-17, 80 euros."), (event) =>
      Effect.sync(() => {
        if (event._tag === "SkillActivated") console.log("skill:", event.skill)
        if (event._tag === "ToolReturned") console.log(event.name, JSON.stringify(event.result).slice(0, 72))
        if (event._tag === "RunCompleted") console.log(event.result.output)
      }))

    // the same folder for code: what is there, and what is wrong with it
    const catalog = yield* SkillCatalog.fromDirectory(folder)
    console.log(catalog.list().map(({ name }) => name), catalog.problems.map(SkillCatalog.render))
  }).pipe(Effect.provide(Layer.merge(
    NodeFileSystem.layer,
    TestModel.layer([
      TestModel.toolCall("use_skill", { name: "refunds" }),
      TestModel.toolCall("read_skill_file", { name: "refunds", path: "references/limits.md" }),
      TestModel.toolCall("refund", { order: "A-17", euros: 50 }),
      TestModel.text("50 euros are paid back in three working days; a person decides about the other 30.")
    ])
  )))
)
