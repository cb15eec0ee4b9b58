/**
 * A process that runs an agent, durable, on a database: `poet.ts sqlite <file> | postgres <url>`. It says when it is ready,
 * and starts what it is told to by an id. Its model says `count` words, in `pace` milliseconds for every 50.
 */
import { Effect, Layer, Redacted, Stream } from "effect"
import { Agent, Engine } from "fluxion"
import { Postgres } from "fluxion/postgres"
import { Sqlite } from "fluxion/sqlite"
import * as Scripted from "../support/Scripted.ts"

const [kind, where, count, pace] = process.argv.slice(2) as [string, string, string, string]
const database = kind === "sqlite"
  ? Sqlite.layer({ filename: where })
  : Postgres.layer({ url: Redacted.make(where) })

const words = Array.from({ length: Number(count) }, (_, index) => `w${index} `)
let said = 0
const model = Scripted.layer(() =>
  Stream.tap(
    Scripted.parts(Scripted.say(words)),
    () => ++said % 50 === 0 ? Effect.sleep(Number(pace)) : Effect.void
  )
)
const durable = Agent.toWorkflow(Agent.make("poet", { instructions: "You write." }))
const layer = durable.layer.pipe(
  Layer.provideMerge(Engine.layerJournal),
  Layer.provide(database),
  Layer.provide(model),
  Layer.orDie
)

Effect.runFork(
  Effect.gen(function*() {
    const services = yield* Effect.context<Engine.Engine>()
    process.on("message", (id: string) => {
      Effect.runForkWith(services)(durable.start({ instruction: "Go." }, { id }))
    })
    process.send!("ready")
    return yield* Effect.never
  }).pipe(Effect.provide(layer))
)
