/**
 * A process that runs one message of a chat as an execution, and kills itself when a step of some name is done but not
 * yet recorded: `remember.ts <file> <name of the step>`. Without a name it goes on with what is open, and says what came of it.
 */
import { Effect, Layer } from "effect"
import { Agent, Conversations, Engine, Journal } from "fluxion"
import { Sqlite } from "fluxion/sqlite"
import { appendFileSync, writeSync } from "node:fs"
import * as Scripted from "../support/Scripted.ts"

const [filename, step] = process.argv.slice(2) as [string, string | undefined]

const model = Scripted.layer(({ prompt }) => {
  appendFileSync(`${filename}.asked`, `${prompt.content.length}\n`)
  return Scripted.parts(Scripted.say(["Hello."]))
})

const chat = Agent.toWorkflow(Agent.make("chat", { instructions: "" }), { conversations: true })

const mortal = Layer.effect(
  Journal.Journal,
  Effect.map(Journal.Journal, (journal): Journal.Journal["Service"] => {
    const keys = new Set<string>()
    return {
      ...journal,
      append: (execution, sequence, events, also) => {
        for (const event of events) {
          if (event._tag === "StepStarted" && event.name === step) keys.add(event.key)
          if (event._tag === "StepCompleted" && keys.has(event.key)) process.kill(process.pid, "SIGKILL")
        }
        return journal.append(execution, sequence, events, also)
      }
    }
  })
).pipe(Layer.provide(Journal.layerSql))

const layer = chat.layer.pipe(
  Layer.provideMerge(Layer.merge(Engine.layer({ maxCrashes: 10 }), Conversations.layerSql)),
  Layer.provide(mortal),
  Layer.provide(Sqlite.layer({ filename })),
  Layer.provide(model)
)

Effect.runFork(
  Effect.gen(function*() {
    const { journal } = yield* Engine.Engine
    if ((yield* journal.list({ limit: 1 })).length === 0) {
      yield* chat.start({ instruction: "Hello?", conversation: "chat-42" }, { id: "a" })
    }
    writeSync(1, yield* chat.result("a"))
  }).pipe(Effect.provide(layer), Effect.orDie)
)
