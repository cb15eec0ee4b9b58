/**
 * A process that runs the workflows of `test/crash/Two.ts` on a database: `engine.ts sqlite <file> | postgres <url>`. It
 * says when it is ready, and starts what it is told to by an id.
 */
import { Effect, Layer, Redacted } from "effect"
import { Engine } from "fluxion"
import { Postgres } from "fluxion/postgres"
import { Sqlite } from "fluxion/sqlite"
import * as Two from "../crash/Two.ts"

const [kind, where, did] = process.argv.slice(2) as [string, string, string]
const database = kind === "sqlite"
  ? Sqlite.layer({ filename: where })
  : Postgres.layer({ url: Redacted.make(where) })

const layer = Two.make(did).layer.pipe(Layer.provideMerge(Engine.layerJournal), Layer.provide(database), Layer.orDie)

Effect.runFork(
  Effect.gen(function*() {
    const services = yield* Effect.context<Engine.Engine>()
    process.on("message", (id: string) => {
      Effect.runForkWith(services)(Two.make(did).flow.start({}, { id }))
    })
    process.send!("ready")
    return yield* Effect.never
  }).pipe(Effect.provide(layer))
)
