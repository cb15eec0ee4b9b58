/**
 * What the tests of the command line run: workflows that write what they do to the file `LEDGER`, and an agent.
 */
import { Agent, Effect, Pause, Schema, Task, Workflow } from "fluxion"
import { Fluxion } from "fluxion/node"
import { TestModel } from "fluxion/testing"
import { appendFileSync } from "node:fs"

const write = (line: string) => {
  const ledger = process.env["LEDGER"]
  if (ledger !== undefined) appendFileSync(ledger, `${line}\n`)
}

const look = Task.make("look", {
  payload: { place: Schema.String },
  success: Schema.Struct({ celsius: Schema.Number }),
  run: ({ place }) => {
    write(`look ${place}`)
    return { celsius: 21 }
  }
})

const wait = Task.make("wait", {
  payload: { millis: Schema.Finite },
  success: Schema.Void,
  run: ({ millis }) =>
    Effect.gen(function*() {
      write(`wait ${millis}`)
      yield* Effect.sleep(millis)
    }).pipe(Effect.onInterrupt(() => Effect.sync(() => write("wait was aborted"))))
})

class OutOfStock extends Schema.TaggedError<OutOfStock>()("OutOfStock", { item: Schema.String }) {
  override get message() {
    return `no ${this.item} is left`
  }
}

export const assistant = Agent.make("assistant", { instructions: "You know the weather.", tools: [look] })

export const review = Pause.make("review", {
  output: Schema.String,
  input: Schema.Struct({ approved: Schema.Boolean, by: Schema.Date })
})

export const article = Workflow.make("article", {
  payload: { topic: Schema.String, words: Schema.optionalKey(Schema.Int) },
  success: Schema.String,
  run: ({ topic }) =>
    Effect.gen(function*() {
      yield* look({ place: topic })
      const { approved, by } = yield* review(`All about ${topic}.`)
      return approved ? `${topic}, ${by.getUTCFullYear()}` : "rejected"
    })
})

/** Waits for an execution of its own that waits for somebody. */
export const issue = Workflow.make("issue", {
  payload: { topic: Schema.String },
  success: Schema.String,
  run: ({ topic }) => Effect.orDie(article({ topic }))
})

/** Two steps with a long one between them. */
export const steps = Workflow.make("steps", {
  payload: { millis: Schema.Finite },
  success: Schema.Struct({ first: Schema.Number, done: Schema.Boolean }),
  run: ({ millis }) =>
    Effect.gen(function*() {
      const { celsius } = yield* look({ place: "first" })
      yield* wait({ millis })
      yield* look({ place: "second" })
      return { first: celsius, done: true }
    })
})

/** Takes its time to be stopped. */
export const stubborn = Workflow.make("stubborn", {
  payload: {},
  success: Schema.Void,
  run: () =>
    Task.make("hold", {
      payload: {},
      success: Schema.Void,
      run: () => {
        process.stderr.write("holding\n")
        return Effect.onInterrupt(Effect.never, () => Effect.sleep("30 seconds"))
      }
    })({})
})

export const order = Workflow.make("order", {
  payload: { item: Schema.String },
  success: Schema.String,
  error: OutOfStock,
  run: ({ item }) => Effect.fail(new OutOfStock({ item }))
})

export const config = Fluxion.config({
  model: TestModel.layer([
    TestModel.toolCall("look", { place: "Rome" }),
    TestModel.text("It is warm in Rome."),
    ...(process.env["QUESTIONS"] === "2" ? [TestModel.text("As warm as before.")] : [])
  ])
})
