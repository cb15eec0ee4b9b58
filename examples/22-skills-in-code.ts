/**
 * Skills made in code, and a skill that keeps the model to its own tools while it is used.
 *
 *   npm run example 22
 */
import { Agent, Effect, Schema, Skill, SkillCatalog, Task } from "fluxion"
import { TestModel } from "fluxion/testing"

const tool = (name: string) => Task.make(name, { payload: {}, success: Schema.String, run: () => `${name} is done` })

const cleaning = Skill.make("cleaning", {
  description: "Cleans the shop. Use it before opening.",
  instructions: "Sweep, then mop. Read plan.md for the order of the rooms.",
  files: { "plan.md": "The hall first, the kitchen last." },
  allowedTools: ["sweep", "mop"]
})
const opening = Skill.make("opening", { description: "Opens the shop.", instructions: "Unlock the door." })

const janitor = Agent.make("janitor", {
  instructions: "You look after the shop.",
  tools: [tool("sweep"), tool("mop"), tool("unlock")],
  skills: SkillCatalog.make([cleaning, opening], { restrictTools: true })
})

await Effect.runPromise(
  Effect.gen(function*() {
    console.log(yield* janitor("Clean up."))
    for (const { prompt, tools } of yield* TestModel.requests) {
      console.log(prompt.content.length, "messages;", tools.map(({ name }) => name).join(", "))
    }
    const { content } = (yield* TestModel.requests)[0]!.prompt
    console.log(String(content[0]?.content).split("\n").slice(-2).join("\n")) // what the model is told at first
  }).pipe(Effect.provide(TestModel.layer([
    TestModel.toolCall("use_skill", { name: "cleaning" }),
    TestModel.toolCall("sweep", {}),
    TestModel.toolCall("mop", {}),
    TestModel.text("All is clean.")
  ])))
)
