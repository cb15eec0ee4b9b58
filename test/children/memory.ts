/**
 * A process that writes facts: `memory.ts sqlite <file> <name>` or `postgres <url> <name>`. It says when it is ready, starts when it
 * is told to, and writes keys of its own and keys that others write, too.
 */
import { Effect, Layer, Redacted, Schema } from "effect"
import { LongTermMemory, MemoryStore } from "fluxion"
import { Postgres } from "fluxion/postgres"
import { Sqlite } from "fluxion/sqlite"

const [kind, where, name] = process.argv.slice(2) as [string, string, string]
const database = kind === "sqlite"
  ? Sqlite.layer({ filename: where, busyTimeout: "30 seconds" })
  : Postgres.layer({ url: Redacted.make(where) })

const memory = LongTermMemory.make({ scope: "many" })

Effect.runFork(
  Effect.gen(function*() {
    process.send!("ready")
    yield* Effect.callback<void>((resume) => void process.once("message", () => resume(Effect.void)))
    yield* Effect.forEach(
      Array.from({ length: 60 }, (_, n) => n),
      (n) =>
        Effect.andThen(
          memory.set(`${name} ${n}`, Schema.String, `of ${name}`),
          memory.set(`shared ${n % 3}`, Schema.Array(Schema.String), [name, `word${name}`, String(n)])
        ),
      { concurrency: 4 }
    )
    process.disconnect()
  }).pipe(Effect.provide(Layer.provide(MemoryStore.layerSql, database)), Effect.orDie)
)
