/**
 * A workflow that waits for a decision, and one that is at work when its process is killed.
 */
import { Effect, Schema } from "effect"
import { Pause, Task, Workflow } from "fluxion"

/** The decision. */
export const go = Pause.make("go", { input: Schema.Finite })

const work = Task.make("work", {
  payload: { millis: Schema.Finite },
  success: Schema.Finite,
  run: ({ millis }) => Effect.as(Effect.sleep(millis), millis)
})

/** Ten steps, a decision that says how long the last one takes, and that. */
export const flow = Workflow.make("waiting", {
  payload: {},
  success: Schema.Finite,
  run: () =>
    Effect.gen(function*() {
      for (let index = 0; index < 10; index++) yield* work({ millis: 0 })
      return yield* work({ millis: yield* go(undefined) })
    })
})
