/**
 * The first version of a workflow.
 */
import { Effect, Schema, Workflow } from "fluxion"

export const letter = Workflow.make("letter", {
  payload: {},
  success: Schema.String,
  run: () => Effect.as(Workflow.sleep("1 second"), "first")
})
