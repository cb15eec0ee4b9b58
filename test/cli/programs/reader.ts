/**
 * An agent with the skills of the folder `SKILLS`.
 */
import { Agent, Skill } from "fluxion"
import { Fluxion } from "fluxion/node"
import { TestModel } from "fluxion/testing"

export const reader = Agent.make("reader", {
  instructions: "You read.",
  skills: Skill.directory(process.env["SKILLS"] ?? "skills")
})

export const config = Fluxion.config({
  model: TestModel.layer([TestModel.toolCall("use_skill", { name: "good" }), TestModel.text("done")])
})
