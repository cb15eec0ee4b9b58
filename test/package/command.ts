/** What the command of the tarball runs. */
import { Effect, Schema, Workflow } from "fluxion"

export const greet = Workflow.make("greet", {
  payload: { name: Schema.String },
  success: Schema.String,
  run: ({ name }) => Effect.succeed(`Hello, ${name}.`)
})
