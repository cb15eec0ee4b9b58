/**
 * A file of a user: the agents and workflows that it exports, and its `config`.
 *
 * It is TypeScript that Node strips the types of, or JavaScript. What is wrong with it is one line that says where.
 */
import * as Effect from "effect/Effect"
import { existsSync, realpathSync, statSync } from "node:fs"
import { createRequire } from "node:module"
import { basename, dirname, join, resolve } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import * as Agent from "../agent/Agent.ts"
import * as Task from "../durable/Task.ts"
import type * as Workflow from "../durable/Workflow.ts"
import * as Fluxion from "../node/Fluxion.ts"
import { fail, type Failure } from "./Failure.ts"

/** A workflow of whoever's file it is. */
export type AnyWorkflow = Workflow.Workflow<string, any, any, any, any>

/** What can be run: a workflow, or an agent as one. */
export interface Unit {
  readonly name: string
  readonly file: string
  readonly workflow: AnyWorkflow
  readonly agent: Agent.Agent<string, unknown, any> | undefined
}

/** What some files hold. */
export interface Program {
  readonly files: ReadonlyArray<string>
  readonly units: ReadonlyArray<Unit>
  readonly config: Fluxion.AnyConfig | undefined
}

/** How long a file may take to be loaded, in milliseconds. */
const longest = 30_000

const configNames = ["fluxion.config.ts", "fluxion.config.mts", "fluxion.config.js", "fluxion.config.mjs"]

const isWorkflow = (value: unknown): value is AnyWorkflow =>
  typeof value === "function" && "definition" in value && "start" in value && "layer" in value

const isAgent = (value: unknown): value is Agent.Agent<string, unknown, any> =>
  typeof value === "function" && Task.TypeId in value && "watch" in value && "prompt" in value

/** Where an error was thrown: Node puts the place before the error's own text, if its code could not be read at all. */
const placeOf = (error: Error, path: string): string => {
  const url = pathToFileURL(path).href
  for (const line of error.stack?.split("\n") ?? []) {
    const place = /((?:file:\/\/|\/|[A-Za-z]:\\).*?):(\d+)(?::\d+)?\)?$/.exec(line.trim())
    if (place === null || place[1] === undefined || place[1].includes("node_modules")) continue
    const file = place[1].replace(/^.*?(?=file:\/\/)/, "")
    if (file.startsWith("file://")) return `${file === url ? path : fileURLToPath(file)}:${place[2]}`
    if (file === path) return `${path}:${place[2]}`
  }
  return path
}

const explain = (cause: unknown, path: string): string => {
  if (!(cause instanceof Error)) return `${path} throws when it is loaded: ${String(cause)}`
  const code = (cause as NodeJS.ErrnoException).code
  const said = cause.message.split("\n")[0] ?? ""
  if (code === "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX") {
    return `${placeOf(cause, path)}: ${said}. Node runs TypeScript by leaving its types out; write it without this `
      + "(erasableSyntaxOnly in tsconfig.json finds such places)"
  }
  if (code === "ERR_MODULE_NOT_FOUND" || code === "ERR_PACKAGE_PATH_NOT_EXPORTED") return `${path}: ${said}`
  if (cause instanceof SyntaxError || code === "ERR_INVALID_TYPESCRIPT_SYNTAX") {
    return `${placeOf(cause, path)}: this cannot be read: ${said}`
  }
  return `${placeOf(cause, path)} throws when it is loaded: ${said}`
}

/** Loads a module; one that waits for nothing, or for too long, is named. */
const load = (path: string): Effect.Effect<Record<string, unknown>, Failure> =>
  Effect.callback((resume) => {
    const done = (effect: Effect.Effect<Record<string, unknown>, Failure>) => {
      clearTimeout(timer)
      process.off("beforeExit", idle)
      resume(effect)
    }
    const waits = (how: string) =>
      done(Effect.fail(fail("usage", `${path} is not loaded to its end: its top-level await waits for ${how}`)))
    // nothing is left that could settle it
    const idle = () => waits("something that never comes")
    const timer = setTimeout(() => waits(`more than ${longest / 1000} s`), longest)
    timer.unref()
    process.once("beforeExit", idle)
    import(pathToFileURL(path).href).then(
      (module: Record<string, unknown>) => done(Effect.succeed(module)),
      (cause: unknown) => done(Effect.fail(fail("usage", explain(cause, path))))
    )
  })

const packageOf = (name: string, from: string): string | undefined => {
  try {
    return dirname(realpathSync(createRequire(from).resolve(`${name}/package.json`)))
  } catch {
    return undefined
  }
}

/** Another copy of Effect than this command's, if a file has one. */
export const otherEffect = (file: string): { readonly own: string; readonly other: string } | undefined => {
  const own = packageOf("effect", import.meta.filename)
  const other = packageOf("effect", file)
  return own === undefined || other === undefined || own === other ? undefined : { own, other }
}

const check = (path: string): Effect.Effect<string, Failure> =>
  Effect.suspend(() => {
    const stats = statSync(path, { throwIfNoEntry: false })
    if (stats === undefined) return Effect.fail(fail("usage", `there is no file ${path}`))
    if (stats.isDirectory()) return Effect.fail(fail("usage", `${path} is a folder; name a file in it`))
    const copies = otherEffect(path)
    if (copies === undefined) return Effect.succeed(path)
    return Effect.fail(fail(
      "usage",
      `two copies of Effect are installed: this command uses ${copies.own}, and ${path} would use ${copies.other}; `
        + "run the fluxion of that project (npx fluxion), and see `npm ls effect` there"
    ))
  })

const unitsOf = (file: string, module: Record<string, unknown>): ReadonlyArray<Unit> => {
  const exported = [...new Set(Object.values(module))]
  const workflows = exported.filter(isWorkflow)
  // a workflow of an agent's name is that agent's
  const agents = exported.filter(isAgent).filter(({ name }) => !workflows.some((workflow) => workflow.name === name))
  return [
    ...workflows.map((workflow): Unit => ({ name: workflow.name, file, workflow, agent: undefined })),
    ...agents.map((agent): Unit => ({
      name: agent.name,
      file,
      workflow: Agent.toWorkflow(agent, { conversations: true }),
      agent
    }))
  ]
}

const configOf = (module: Record<string, unknown>) =>
  Object.values(module).find(Fluxion.isConfig) as Fluxion.AnyConfig | undefined

/** The `fluxion.config` of a folder. */
export const configIn = (folder: string): Effect.Effect<Fluxion.AnyConfig | undefined, Failure> =>
  Effect.suspend(() => {
    const path = configNames.map((name) => join(folder, name)).find((path) => existsSync(path))
    if (path === undefined) return Effect.undefined
    return Effect.flatMap(Effect.flatMap(check(path), load), (module) => {
      const config = configOf(module)
      return config === undefined
        ? Effect.fail(fail("usage", `${path} exports no config: export const config = Fluxion.config({ layer })`))
        : Effect.succeed(config)
    })
  })

/** The same name twice; versions of one workflow are meant to be side by side. */
const clash = (units: ReadonlyArray<Unit>): string | undefined => {
  for (const [index, unit] of units.entries()) {
    const other = units.slice(0, index).find(({ name, workflow }) =>
      name === unit.name && workflow.version === unit.workflow.version
    )
    if (other === undefined) continue
    const where = other.file === unit.file ? `twice in ${unit.file}` : `in ${other.file} and in ${unit.file}`
    return `"${unit.name}", version ${unit.workflow.version}, is there ${where}: rename one of them`
  }
  return undefined
}

/** Loads files. */
export const open = (given: ReadonlyArray<string>): Effect.Effect<Program, Failure> =>
  Effect.gen(function*() {
    const files = [...new Set(given.map((file) => resolve(file)))]
    const modules = yield* Effect.forEach(
      files,
      (file) => Effect.map(Effect.flatMap(check(file), load), (module) => ({ file, module }))
    )
    const units = modules.flatMap(({ file, module }) => unitsOf(file, module))
    for (const file of files) {
      if (units.some((unit) => unit.file === file)) continue
      return yield* fail(
        "usage",
        `${file} exports no agent and no workflow: export const ${
          basename(file).replace(/\W.*$/, "") || "assistant"
        } = `
          + "Agent.make(…), or Workflow.make(…)"
      )
    }
    const twice = clash(units)
    if (twice !== undefined) return yield* fail("usage", twice)
    const config = modules.map(({ module }) => configOf(module)).find((config) => config !== undefined)
      ?? (yield* configIn(dirname(files[0]!)))
    return { files, units, config }
  })

/** One of a program's units, by its name, or the only one. */
export const find = (program: Program, asked: string | undefined): Effect.Effect<Unit, Failure> => {
  const called = ({ name, workflow }: Unit) => `${name}@${workflow.version}`
  const found = program.units.filter((unit) => asked === undefined || unit.name === asked || called(unit) === asked)
  const [unit] = found
  if (unit !== undefined && found.length === 1) return Effect.succeed(unit)
  const names = (units: ReadonlyArray<Unit>) => {
    const all = units.map(({ name }) => name)
    return units.map((unit) => all.indexOf(unit.name) === all.lastIndexOf(unit.name) ? unit.name : called(unit))
      .join(", ")
  }
  const files = program.files.join(", ")
  if (unit === undefined) {
    return Effect.fail(fail("usage", `there is no "${asked}" in ${files}; there are: ${names(program.units)}`))
  }
  return Effect.fail(fail("usage", `${files} has several; say which: ${names(found)}`))
}
