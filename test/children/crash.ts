/**
 * A process that runs a program on a database, and kills itself at an append: `crash.ts <file> <program> <fails> <how>`.
 *
 * How: `before:2` is before the second append that is not a claim, `after:2` when it is made and nobody was told,
 * `claim:1` after the first claim, `at:StepAwaited` when the first such event is made; `never`. What it does to the world it writes to `<file>.did`, what it appended last
 * to its standard output.
 */
import { Effect, Layer } from "effect"
import { Engine, Journal } from "fluxion"
import { Sqlite } from "fluxion/sqlite"
import { appendFileSync, writeSync } from "node:fs"
import type { JournalEvent } from "../../src/core/JournalEvent.ts"
import * as Program from "../crash/Program.ts"

const [file, program, fails, how] = process.argv.slice(2) as [string, string, string, string]
const programs = Program.make((key, what) => appendFileSync(`${file}.did`, `${key}\t${what}\n`))
const [when, count] = how.split(":") as [string, string]
let seen = 0

const die = (events: ReadonlyArray<JournalEvent>) => {
  writeSync(1, `killed ${when} ${events.map(({ _tag }) => _tag).join(" ")}`)
  process.kill(process.pid, "SIGKILL")
  return Effect.never
}

const mortal = Layer.effect(
  Journal.Journal,
  Effect.map(Journal.Journal, (journal): Journal.Journal["Service"] => ({
    ...journal,
    append: (execution, sequence, events, also) =>
      Effect.suspend(() => {
        const isClaim = events[0]?._tag === "Claimed"
        if (events[0]?._tag === "ExecutionStarted" || isClaim !== (when === "claim")) {
          return journal.append(execution, sequence, events, also)
        }
        const isLast = when === "at" ? events.at(-1)?._tag === count : ++seen === Number(count)
        if (isLast && when === "before") return die(events)
        const appended = journal.append(execution, sequence, events, also)
        return isLast ? Effect.flatMap(appended, () => die(events)) : appended
      })
  }))
).pipe(Layer.provide(Journal.layerSql))

const layer = programs.layer.pipe(
  Layer.provideMerge(Engine.layer({ maxCrashes: 1_000 })),
  Layer.provide(mortal),
  Layer.provide(Sqlite.layer({ filename: file }))
)

const end = (result: string) =>
  Effect.sync(() => {
    writeSync(1, result)
    // at once: the model's script is longer than any run
    process.exit(0)
  })

Effect.runFork(
  Effect.flatMap(programs.run(JSON.parse(program), fails === "true"), end).pipe(
    Effect.provide(layer as Layer.Layer<Engine.Engine>),
    Effect.tapCause((cause) =>
      Effect.sync(() => {
        writeSync(2, String(cause))
        process.exit(1)
      })
    )
  )
)
