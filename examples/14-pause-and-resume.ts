/**
 * A pause: an execution waits for somebody, for as long as it takes, and holds no process meanwhile.
 *
 *   npm run example 14
 */
import { Layer } from "effect"
import { Effect, Engine, Execution, Pause, Schema, Task, Workflow } from "fluxion"

const Decision = Schema.Struct({ approved: Schema.Boolean, comment: Schema.String })

// what whoever decides is shown, and what they have to say
const review = Pause.make("review", { output: Schema.Struct({ draft: Schema.String }), input: Decision })

const draft = Task.make("draft", {
  payload: { topic: Schema.String },
  success: Schema.String,
  run: ({ topic }) => `All about ${topic}.`
})

const article = Workflow.make("article", {
  payload: { topic: Schema.String },
  success: Schema.String,
  run: ({ topic }) =>
    Effect.gen(function*() {
      const text = yield* draft({ topic })
      const { approved, comment } = yield* review({ draft: text }) // days may pass here
      return approved ? `${text} (${comment})` : "rejected"
    })
})

await Effect.runPromise(
  Effect.gen(function*() {
    const id = yield* article.start({ topic: "bees" })

    const { info, pending } = yield* Execution.settled(id) // when it has ended, or waits for somebody
    console.log(
      info.state,
      pending.map(({ name, waits }) => [name, waits._tag === "Answer" ? waits.output : undefined])
    )

    // any process on the same database may answer; the first answer wins
    yield* review.resume(id, { approved: true, comment: "well said" })
    console.log(yield* article.result(id))

    const late = yield* Effect.flip(review.resume(id, { approved: false, comment: "no" }))
    console.log(late._tag)
  }).pipe(Effect.provide(Layer.provideMerge(article.layer, Engine.layerMemory)))
)
