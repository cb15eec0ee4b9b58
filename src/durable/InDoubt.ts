/**
 * The question that a task with `inDoubt: "ask"` asks, when its process died while it ran.
 */
import * as Schema from "effect/Schema"
import * as Pause from "./Pause.ts"

/** Whether a step that may have had its effect is run again: `InDoubt.decide.resume(executionId, "rerun")`. */
export const decide = Pause.make("in_doubt", {
  output: Schema.Struct({ task: Schema.String, step: Schema.String, payload: Schema.Json }),
  input: Schema.Literals(["rerun", "fail"])
})
