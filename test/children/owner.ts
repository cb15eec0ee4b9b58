/**
 * A process on a database: says its name, writes a message when it is told to, and closes its Layers at `end`. `sqlite <file>` or `postgres <url>`.
 */
import { Effect, Layer, Redacted, Stream } from "effect"
import { Journal, Owners } from "fluxion"
import { Postgres } from "fluxion/postgres"
import { Sqlite } from "fluxion/sqlite"

const [kind, where] = process.argv.slice(2) as [string, string]
const database = kind === "sqlite"
  ? Sqlite.layer({ filename: where })
  : Postgres.layer({ url: Redacted.make(where) })

Effect.runFork(
  Effect.gen(function*() {
    const owners = yield* Owners.Owners
    const journal = yield* Journal.Journal
    const services = yield* Effect.context<never>()
    process.send!(yield* owners.self)
    yield* Effect.forkScoped(Stream.runDrain(owners.changes))
    yield* Effect.callback<void>((resume) => {
      process.on("message", (name: string) => {
        if (name === "end") {
          process.disconnect()
          resume(Effect.void)
        } else {
          Effect.runForkWith(services)(journal.post("a", { name, data: null }))
        }
      })
    })
  }).pipe(Effect.scoped, Effect.provide(Layer.provideMerge(Journal.layerSql, database)), Effect.orDie)
)
