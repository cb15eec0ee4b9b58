/**
 * Processes that run the desk (Worker.ts), and are killed for real; and what they leave behind.
 */
import { Effect, Layer, Schema, type Scope } from "effect"
import { Journal } from "fluxion"
import { Sqlite } from "fluxion/sqlite"
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { question } from "../Desk.ts"
import * as Files from "./Files.ts"

export class WorkerFailed extends Schema.TaggedError<WorkerFailed>()("WorkerFailed", {
  code: Schema.NullOr(Schema.Finite),
  output: Schema.String
}) {
  override get message(): string {
    return `a process that was to answer ended with code ${this.code}: ${this.output}`
  }
}

/** How a process ended: with an answer, or by a signal. */
export interface Ended {
  readonly answer: string | undefined
  readonly signal: string | null
}

/** A process under way; it is killed when its scope ends. */
export interface Running {
  readonly pid: number
  /** When it has its database, or has ended. */
  readonly begun: Effect.Effect<void>
  readonly ended: Effect.Effect<Ended, WorkerFailed>
  /** Kills it with SIGKILL: none of its code runs any more. */
  readonly kill: Effect.Effect<void>
}

/** A folder for one execution, removed when the scope ends. */
export const folder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "fluxion-demo-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

/** Starts a process that begins with the execution of a folder, or goes on with it. */
export const start = (
  folder: string,
  options: { readonly bankTakes: number }
): Effect.Effect<Running, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => {
        const child = spawn(process.execPath, [
          ...process.execArgv,
          join(import.meta.dirname, "Worker.ts"),
          folder,
          question,
          String(options.bankTakes)
        ], { stdio: ["ignore", "pipe", "pipe"] })
        const output = { out: "", err: "" }
        const begun = new Promise<void>((resolve) => {
          child.stdout.on("data", (data) => {
            output.out += data
            resolve()
          })
          child.once("close", () => resolve())
        })
        child.stderr.on("data", (data) => (output.err += data))
        const ended = new Promise<{ readonly code: number | null; readonly signal: string | null }>((resolve) => {
          child.once("error", (error) => {
            output.err += error.message
            resolve({ code: 1, signal: null })
          })
          child.once("close", (code, signal) => resolve({ code, signal }))
        })
        return { begun, child, ended, output }
      }),
      ({ child, ended }) =>
        Effect.promise(() => {
          child.kill("SIGKILL")
          return ended
        })
    ),
    ({ begun, child, ended, output }): Running => ({
      pid: child.pid ?? 0,
      begun: Effect.promise(() => begun),
      ended: Effect.flatMap(Effect.promise(() => ended), ({ code, signal }) => {
        if (signal === null && code !== 0) return Effect.fail(new WorkerFailed({ code, output: output.err }))
        return Effect.succeed({ signal, answer: output.out.split("\n")[1] || undefined })
      }),
      kill: Effect.sync(() => {
        child.kill("SIGKILL")
      })
    })
  )

/** What is in the journal of a folder's execution. */
export const journal = (folder: string) =>
  Journal.Journal.use((journal) => journal.load(Files.execution)).pipe(
    Effect.provide(Journal.layerSql.pipe(Layer.provide(Sqlite.layer({ filename: Files.of(folder).database }))))
  )
