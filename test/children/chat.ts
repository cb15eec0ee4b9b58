/**
 * A process that talks on one conversation: `chat.ts <file> <name>`. It says when it is ready, and starts when it is told to.
 */
import { Effect, Layer } from "effect"
import { Agent, Conversations } from "fluxion"
import { Sqlite } from "fluxion/sqlite"
import * as Scripted from "../support/Scripted.ts"

const [filename, name] = process.argv.slice(2) as [string, string]

const listener = Agent.make("listener", { instructions: "" })
const model = Scripted.layer(({ prompt }) => Scripted.parts(Scripted.say([`after ${prompt.content.length - 1}`])))
const store = Layer.provide(Conversations.layerSql, Sqlite.layer({ filename, busyTimeout: "30 seconds" }))

Effect.runFork(
  Effect.gen(function*() {
    process.send!("ready")
    yield* Effect.callback<void>((resume) => void process.once("message", () => resume(Effect.void)))
    yield* Effect.forEach(
      Array.from({ length: 8 }, (_, n) => n),
      (n) => listener(`${n} of ${name}`, { conversation: "one" }),
      { concurrency: 2 }
    )
    process.disconnect()
  }).pipe(Effect.provide(Layer.merge(store, model)), Effect.orDie)
)
