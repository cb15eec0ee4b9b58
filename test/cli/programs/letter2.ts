/**
 * The second version of a workflow, without the first.
 */
import { Effect, Schema, Workflow } from "fluxion"

export const letter = Workflow.make("letter", {
  payload: {},
  success: Schema.String,
  version: "2",
  run: () => Effect.succeed("second")
})
