/**
 * The `fluxion` command as a real process, in a folder of its own.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"
import { root } from "../../.ci/Command.ts"

/** The path of a program in test/cli/programs. */
export const program = (name: string): string => join(root, "test", "cli", "programs", `${name}.ts`)

export interface Ended {
  readonly code: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
}

export interface Options {
  /** What it reads from standard input. */
  readonly input?: string | undefined
  readonly env?: Readonly<Record<string, string>> | undefined
}

/** A command under way. */
export interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  /** When it has written that, on either output. */
  readonly said: (text: string) => Promise<void>
}

/** Makes folders in which commands run; they, and what still runs in them, are gone after the tests of the file that calls this. */
export const folders = () => {
  const parent = mkdtempSync(join(tmpdir(), "fluxion-cli-"))
  const children = new Set<ChildProcess>()
  afterAll(() => {
    for (const child of children) child.kill("SIGKILL")
    rmSync(parent, { recursive: true, force: true })
  })
  let count = 0
  return () => {
    const path = join(parent, String(count++))
    mkdirSync(path)
    // as of every project; whatever is above the folder says nothing
    writeFileSync(join(path, "package.json"), `{"private":true,"type":"module"}`)
    return makeFolder(path, children)
  }
}

const makeFolder = (path: string, children: Set<ChildProcess>) => {
  const ledger = join(path, "ledger")

  const start = (args: ReadonlyArray<string>, { env = {}, input }: Options = {}): Running => {
    const child = spawn(process.execPath, [
      "--conditions=fluxion-source",
      join(root, "src", "cli", "bin.ts"),
      ...args
    ], { cwd: path, env: { PATH: process.env["PATH"], HOME: path, LEDGER: ledger, ...env }, stdio: "pipe" })
    children.add(child)
    let stdout = ""
    let stderr = ""
    const waiting = new Set<() => void>()
    const heard = () => waiting.forEach((look) => look())
    child.stdout.on("data", (data) => {
      stdout += data
      heard()
    })
    child.stderr.on("data", (data) => {
      stderr += data
      heard()
    })
    child.stdin.on("error", () => {})
    child.stdin.end(input ?? "")
    const ended = new Promise<Ended>((resolve) =>
      child.once("close", (code, signal) => {
        children.delete(child)
        resolve({ code, signal, stdout, stderr })
        heard()
      })
    )
    const said = (text: string) =>
      new Promise<void>((resolve, reject) => {
        const look = () => {
          if (`${stdout}\n${stderr}`.includes(text)) resolve()
          else if (child.exitCode !== null || child.signalCode !== null) {
            reject(new Error(`it ended without saying "${text}":\n${stdout}\n${stderr}`))
          } else return
          waiting.delete(look)
        }
        waiting.add(look)
        look()
      })
    return { child, ended, said }
  }

  /** Runs a command to its end. */
  const run = (args: ReadonlyArray<string>, options?: Options): Promise<Ended> => start(args, options).ended

  /** What the workflows have written, line by line. */
  const written = () => existsSync(ledger) ? readFileSync(ledger, "utf8").trim().split("\n") : []

  return { path, run, start, written }
}

/** The lines of an output of `--json`. */
export const json = ({ stdout }: Ended): ReadonlyArray<any> =>
  stdout.trim().split("\n").filter((line) => line !== "").map((line) => JSON.parse(line))

/** The id that a run says first. */
export const idOf = ({ stderr }: Ended): string => /^execution (\S+)/.exec(stderr)?.[1] ?? ""
