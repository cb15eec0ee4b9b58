/**
 * A workflow for two processes on one database: each of its steps says which process ran it.
 */
import { Effect, Schema } from "effect"
import { Pause, Task, Workflow } from "fluxion"
import { appendFileSync } from "node:fs"

/** What is asked in the middle. */
export const question = Pause.make("question", { input: Schema.Finite })

/** The workflow; its steps write `<process> <what>` to the file `did`. */
export const make = (did: string) => {
  const work = Task.make("work", {
    payload: { item: Schema.Finite, millis: Schema.Finite },
    success: Schema.Finite,
    run: ({ item, millis }) =>
      Effect.as(
        Effect.sleep(millis).pipe(
          Effect.andThen(Effect.sync(() => appendFileSync(did, `${process.pid} ${item}\n`)))
        ),
        item
      )
  })
  const flow = Workflow.make("two", {
    payload: {},
    success: Schema.Finite,
    run: () =>
      Effect.gen(function*() {
        yield* work({ item: 1, millis: 0 })
        const answer = yield* question(undefined)
        yield* work({ item: 2, millis: answer })
        return answer
      })
  })
  return { flow, layer: flow.layer }
}
