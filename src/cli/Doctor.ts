/**
 * `fluxion doctor`: what there is to run on, and what is missing.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { existsSync, readFileSync, statSync } from "node:fs"
import { createRequire } from "node:module"
import { join, resolve } from "node:path"
import * as Execution from "../durable/Execution.ts"
import * as Fluxion from "../node/Fluxion.ts"
import { fail } from "./Failure.ts"
import * as Output from "./Output.ts"
import * as ProgramFile from "./ProgramFile.ts"
import * as Settings from "./Settings.ts"
import * as Store from "./Store.ts"
import { version } from "./Version.ts"

interface Check {
  readonly name: string
  /** `bad` is what has to be mended before anything runs; `none` is only not there. */
  readonly state: "ok" | "none" | "bad"
  readonly detail: string
}

/** The version of a package, as a file in this folder would find it. */
const versionOf = (name: string, from: string): string | undefined => {
  const require = createRequire(from)
  for (const folder of require.resolve.paths(name) ?? []) {
    const path = join(folder, name, "package.json")
    if (existsSync(path)) return String(JSON.parse(readFileSync(path, "utf8")).version)
  }
  return undefined
}

const here = () => join(process.cwd(), "package.json")

const packages = (): ReadonlyArray<Check> => {
  const effect = versionOf("effect", import.meta.filename)
  const copies = ProgramFile.otherEffect(here())
  const optional = ["openai", "@anthropic-ai/sdk", "@google/genai", "ollama", "@effect/sql-pg"]
  return [
    { name: "fluxion", state: "ok", detail: version },
    { name: "node", state: "ok", detail: process.version },
    copies === undefined
      ? { name: "effect", state: "ok", detail: effect ?? "there" }
      : {
        name: "effect",
        state: "bad",
        detail: `two copies: ${copies.own} and ${copies.other}; see \`npm ls effect\``
      },
    {
      name: "@effect/platform-node",
      state: "ok",
      detail: versionOf("@effect/platform-node", import.meta.filename) ?? "there"
    },
    ...optional.map((name): Check => {
      const version = versionOf(name, here()) ?? versionOf(name, import.meta.filename)
      return version === undefined
        ? { name, state: "none", detail: `not installed; npm install ${name}` }
        : { name, state: "ok", detail: version }
    })
  ]
}

const keys: ReadonlyArray<readonly [name: string, variables: ReadonlyArray<string>]> = [
  ["openai", ["OPENAI_API_KEY"]],
  ["anthropic", ["ANTHROPIC_API_KEY"]],
  ["google", ["GEMINI_API_KEY", "GOOGLE_API_KEY"]],
  ["ollama", ["OLLAMA_HOST", "OLLAMA_API_KEY"]]
]

const environment = (variables: NodeJS.ProcessEnv): ReadonlyArray<Check> => [
  ...keys.map(([name, all]): Check => {
    // that it is there is all that is said of a key
    const set = all.filter((variable) => (variables[variable] ?? "") !== "")
    return set.length > 0
      ? { name: `key of ${name}`, state: "ok", detail: `${set.join(", ")} is set` }
      : { name: `key of ${name}`, state: "none", detail: `${all[0]} is not set` }
  }),
  existsSync(resolve(".env"))
    ? { name: ".env", state: "ok", detail: resolve(".env") }
    : { name: ".env", state: "none", detail: "there is none in this folder" }
]

const database = Effect.gen(function*() {
  const config = yield* ProgramFile.configIn(process.cwd())
  const database = yield* Store.find(config)
  const name = "database"
  const isFile = !/^postgres(ql)?:\/\//.test(database)
  const checked = yield* Effect.exit(Store.check(database, true))
  if (Exit.isFailure(checked)) {
    const bad: Check = { name, state: "bad", detail: Store.defect(checked.cause) }
    return bad
  }
  if (isFile && statSync(database, { throwIfNoEntry: false }) === undefined) {
    const none: Check = { name, state: "none", detail: `${database} is not there yet; the first run makes it` }
    return none
  }
  // opening it brings its tables up to date
  const looked = yield* Effect.result(
    Store.run(database, Fluxion.layer({ database }), Execution.list({ limit: 1 }))
  )
  const check: Check = looked._tag === "Success"
    ? { name, state: "ok", detail: `${Store.shown(database)} answers, and its tables are those of this version` }
    : { name, state: "bad", detail: looked.failure.line }
  return check
})

const model = Effect.map(Settings.model, (model): Check =>
  model === undefined
    ? { name: "model", state: "none", detail: "no default: --model or FLUXION_MODEL names one" }
    : { name: "model", state: "ok", detail: model })

const marks = { ok: "✓", none: "-", bad: "✗" }
const styles = { ok: "green", none: "dim", bad: "red" } as const

export const run = () =>
  Effect.gen(function*() {
    const isJson = yield* Settings.Json
    const checks: ReadonlyArray<Check> = [
      ...packages(),
      // oxlint-disable-next-line -- the names alone are looked at
      ...environment(process.env),
      yield* model,
      yield* database
    ]
    if (isJson) yield* Output.json(checks)
    else {
      const lines = Output.table(checks.map(({ detail, name, state }) => [marks[state], name, detail]))
      for (const [index, line] of lines.entries()) yield* Output.out(Output.colour(styles[checks[index]!.state], line))
    }
    const bad = checks.filter(({ state }) => state === "bad").length
    if (bad > 0) return yield* fail("failed", `${bad} of these ${bad === 1 ? "has" : "have"} to be mended`)
  })
