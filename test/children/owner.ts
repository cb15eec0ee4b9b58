/**
 * A process on a database: says its name, and writes a message when it is told to. `sqlite <file>` or `postgres <url>`.
 */
import { Effect, Layer, Redacted } from "effect"
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
    process.on("message", (name: string) => {
      Effect.runForkWith(services)(journal.post("a", { name, data: null }))
    })
    return yield* Effect.never
  }).pipe(Effect.provide(Layer.provideMerge(Journal.layerSql, database)), Effect.orDie)
)
