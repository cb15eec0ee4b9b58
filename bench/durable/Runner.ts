/**
 * A process that runs the bench's workflow on a SQLite file: `node Runner.ts <file>`. It says when it is ready.
 */
import { Effect, Layer } from "effect"
import { Engine } from "fluxion"
import { Sqlite } from "fluxion/sqlite"
import * as Waiting from "./Waiting.ts"

const layer = Waiting.flow.layer.pipe(
  Layer.provideMerge(Engine.layerJournal),
  Layer.provide(Sqlite.layer({ filename: process.argv[2]! }))
)

Effect.runFork(
  Effect.orDie(Effect.provide(Effect.andThen(Effect.sync(() => process.send!("ready")), Effect.never), layer))
)
