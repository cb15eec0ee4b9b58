/**
 * Runs a program in processes that are killed, one after the other, until it has come to its end; and says what was
 * wrong with that.
 */
import { spawn } from "node:child_process"
import { existsSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import type { JournalEvent } from "../../src/core/JournalEvent.ts"
import { type Program, random } from "./Program.ts"

const child = join(import.meta.dirname, "..", "children", "crash.ts")

/** The events at which an append can end. */
export const kinds = [
  "Claimed",
  "StepAwaited",
  "AttemptFailed",
  "StepCompleted",
  "RollbackStarted",
  "ExecutionCompleted"
] as const

interface Boot {
  readonly output: string
  readonly signal: string | null
}

const boot = (file: string, program: Program, fails: boolean, how: string): Promise<Boot> =>
  new Promise((resolve, reject) => {
    const process_ = spawn(process.execPath, [
      "--conditions=fluxion-source",
      "--disable-warning=ExperimentalWarning",
      child,
      file,
      JSON.stringify(program),
      String(fails),
      how
    ], { stdio: ["ignore", "pipe", "pipe"] })
    let output = ""
    let errors = ""
    process_.stdout.on("data", (data) => (output += data))
    process_.stderr.on("data", (data) => (errors += data))
    process_.on(
      "exit",
      (code, signal) =>
        code === 0 || signal === "SIGKILL" ? resolve({ output, signal }) : reject(new Error(`${output}\n${errors}`))
    )
  })

const clean = (file: string) => {
  for (const suffix of ["", "-wal", "-shm", "-owners", ".did"]) {
    rmSync(`${file}${suffix}`, { force: true, recursive: true })
  }
}

/** What was done to the world, in order: idempotency key and what. */
const did = (file: string): ReadonlyArray<string> =>
  existsSync(`${file}.did`) ? readFileSync(`${file}.did`, "utf8").split("\n").filter((line) => line !== "") : []

/** An event of an execution. */
interface Event {
  readonly execution: string
  readonly event: JournalEvent
}

const events = (file: string): ReadonlyArray<Event> => {
  if (!existsSync(file)) return []
  const database = new DatabaseSync(file)
  try {
    return database.prepare("select execution, event from fluxion_journal order by execution, sequence").all().map(
      ({ event, execution }) => ({ execution: String(execution), event: JSON.parse(String(event)) })
    )
  } finally {
    database.close()
  }
}

/** The completed steps, by the idempotency key of whoever did something in them. */
const completed = (all: ReadonlyArray<Event>): ReadonlyArray<string> =>
  all.flatMap(({ event, execution }) => event._tag === "StepCompleted" ? [`${execution}${event.key}`] : [])

/** Runs a program that nobody kills. */
export const whole = async (file: string, program: Program, fails: boolean) => {
  clean(file)
  const { output } = await boot(file, program, fails, "never")
  const result = { output, appended: events(file).length, did: did(file), models: models(events(file)) }
  clean(file)
  return result
}

const models = (all: ReadonlyArray<Event>) => completed(all).filter((key) => /\/model:[^/]*$/.test(key)).length

/** What happened in a run that was killed again and again. */
export interface Killed {
  readonly output: string
  /** How often it was killed at which event. */
  readonly kills: ReadonlyMap<string, number>
  /** What was done to the world, in order. */
  readonly did: ReadonlyArray<string>
}

/**
 * Runs a program in processes that are killed, first where `deaths` says, then where `seed` does, until it ends. Fails
 * when anything was done twice.
 */
export const killed = async (
  file: string,
  program: Program,
  fails: boolean,
  seed: number,
  deaths: ReadonlyArray<string> = []
): Promise<Killed> => {
  clean(file)
  const pick = random(seed)
  const kills = new Map<string, number>()
  for (let boots = 0;; boots++) {
    if (boots > 500) throw new Error("it does not come to its end")
    const before = events(file)
    const done = new Set(completed(before))
    const lines = did(file).length
    const how = deaths[boots] ?? (boots % 5 === 2 ? "claim:1" : `${pick(2) === 0 ? "after" : "before"}:${2 + pick(5)}`)
    const { output, signal } = await boot(file, program, fails, how)
    for (const line of did(file).slice(lines)) {
      const [key] = line.split("\t") as [string]
      if (done.has(key)) throw new Error(`${line} was done again after it was recorded`)
    }
    const after = events(file)
    if (models(after) < models(before)) throw new Error("a model call was lost")
    if (signal === null) {
      const keys = completed(after)
      const twice = keys.find((key, index) => keys.indexOf(key) !== index)
      if (twice !== undefined) throw new Error(`${twice} was completed twice`)
      const all = did(file)
      clean(file)
      return { output, kills, did: all }
    }
    const kind = output.split(" ").at(-1)!
    kills.set(kind, (kills.get(kind) ?? 0) + 1)
  }
}
