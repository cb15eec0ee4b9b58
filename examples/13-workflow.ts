/**
 * A workflow: its steps are journaled, so an execution survives the death of its process.
 *
 *   npm run example 13
 *
 * The first process dies after the first model call; the second one, on the same file, goes on behind it.
 */
import { Layer, Stream } from "effect"
import { Agent, AgentError, Effect, Engine, Schema, Task, Workflow } from "fluxion"
import { Sqlite } from "fluxion/sqlite"
import { TestModel } from "fluxion/testing"
import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const filename = join(mkdtempSync(join(tmpdir(), "fluxion-")), "fluxion.db")
let lives = 0

const publish = Task.make("publish", {
  payload: { text: Schema.String },
  success: Schema.String,
  // a key that is the same after every restart: for services that remove duplicates
  run: ({ text }, { idempotencyKey }) => `published "${text}" (${idempotencyKey.split(":")[0]})`
})
const researcher = Agent.make("researcher", { instructions: "Find out." })
const writer = Agent.make("writer", { instructions: "Write." })

const article = Workflow.make("article", {
  payload: { topic: Schema.String },
  success: Schema.String,
  error: AgentError.AgentError,
  run: ({ topic }) =>
    Effect.gen(function*() {
      const notes = yield* researcher(`Research ${topic}.`)
      if (lives === 1) return yield* Effect.never // here the first process is stopped
      const text = yield* writer("Write one line.", { context: notes })
      return yield* publish({ text })
    })
})

/** A process: all that it has in memory ends with it. */
const live = <A, E>(script: TestModel.Script, effect: Effect.Effect<A, E, Engine.Engine>) => {
  lives++
  const layer = article.layer.pipe(
    Layer.provideMerge(Engine.layerJournal),
    Layer.provide(Sqlite.layer({ filename })),
    Layer.provide(TestModel.layer(script))
  )
  return Effect.runPromise(Effect.provide(effect, layer))
}

await live(
  { researcher: [TestModel.text("Bees dance.")] },
  article.stream({ topic: "bees" }, { id: "bees" }).pipe(
    Stream.takeUntil(({ event }) => event._tag === "StepCompleted"), // the model call
    Stream.runDrain
  )
)
console.log("the first process has ended")
console.log(await live({ writer: [TestModel.text("Bees dance to say where.")] }, article.result("bees")))
