/**
 * Catalogs of skills: those that are there, and those that are loaded by whoever needs them first.
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type { Catalog, Skill, Skills } from "../Skill.ts"
import { SkillNotFound, type SkillProblem } from "../SkillError.ts"
import * as SkillTools from "./skillTools.ts"

/** Marks what `skills` of an agent takes. */
export const TypeId = "~fluxion/agent/Skill"

/** How an agent uses skills. */
export interface Options {
  /** Keeps the model to the tools that active skills name, while one is active that names any. Default false. */
  readonly restrictTools?: boolean | undefined
}

/** What every value of skills has. */
export const variance = { [TypeId]: TypeId, "~R": (_: never) => _ } as const

/** How much two names differ: letters that are put in, left out or changed. */
const distance = (left: string, right: string): number => {
  let before = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let i = 1; i <= left.length; i++) {
    const row = [i]
    for (let j = 1; j <= right.length; j++) {
      const changed = before[j - 1]! + (left[i - 1] === right[j - 1] ? 0 : 1)
      row.push(Math.min(row[j - 1]! + 1, before[j]! + 1, changed))
    }
    before = row
  }
  return before[right.length]!
}

const maxNearest = 3

/** A catalog of skills that are there. */
export const catalogOf = (
  skills: Iterable<Skill>,
  problems: ReadonlyArray<SkillProblem>,
  restrictTools: boolean
): Catalog => {
  const byName = new Map<string, Skill>()
  for (const skill of skills) byName.set(skill.name, skill)
  const list = () => [...byName.values()].sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0)
  const catalog: Catalog = {
    ...variance,
    restrictTools,
    problems,
    load: Effect.suspend(() => Effect.succeed(catalog)),
    get tools() {
      return SkillTools.of(catalog)
    },
    get: (name) =>
      Effect.suspend(() => {
        const skill = byName.get(name)
        if (skill !== undefined) return Effect.succeed(skill)
        const asked = name.slice(0, 64).toLowerCase()
        const nearest = [...byName.keys()].map((known) => [distance(asked, known), known] as const)
          .sort(([a], [b]) => a - b).slice(0, maxNearest).map(([, known]) => known)
        return Effect.fail(new SkillNotFound({ name: name.slice(0, 64), nearest }))
      }),
    find: (text) => {
      const words = text.toLowerCase().split(/\s+/).filter((word) => word !== "")
      return list().filter(({ description, name }) => {
        const said = `${name} ${description}`.toLowerCase()
        return words.every((word) => said.includes(word))
      })
    },
    list,
    register: (skill) => {
      byName.set(skill.name, skill)
    }
  }
  return catalog
}

/** Skills that are loaded once, by whoever needs them first. */
export const lazy = <R>(load: Effect.Effect<Catalog, never, R>, restrictTools: boolean): Skills<R> => {
  let loaded: Catalog | undefined
  const skills: Skills<R> = {
    ...variance,
    restrictTools,
    load: Effect.suspend(() =>
      loaded === undefined ? Effect.tap(load, (catalog) => Effect.sync(() => loaded = catalog)) : Effect.succeed(loaded)
    ),
    get tools() {
      return SkillTools.of(skills)
    }
  }
  return skills
}

/**
 * Loads the skills in folders, at any depth; those of later folders take the place of earlier ones of their name, with a
 * warning. It never fails: what is wrong is in `problems`.
 */
export const fromDirectory = (
  roots: string | ReadonlyArray<string>,
  { restrictTools = false }: Options = {}
): Effect.Effect<Catalog, never, FileSystem.FileSystem> =>
  Effect.map(
    Effect.flatMap(
      Effect.promise(() => import("./skillFolders.ts")),
      (folders) => folders.load(typeof roots === "string" ? [roots] : roots)
    ),
    ({ problems, skills }) => catalogOf(skills, problems, restrictTools)
  )

/** The skills in folders, for an agent: they are loaded when they are first needed, and what is wrong is logged. */
export const directory = (
  roots: string | ReadonlyArray<string>,
  options: Options = {}
): Skills<FileSystem.FileSystem> =>
  lazy(
    Effect.tap(
      fromDirectory(roots, options),
      ({ problems }) =>
        Effect.forEach(problems, (problem) => Effect.logWarning(SkillTools.shown(problem)), { discard: true })
    ),
    options.restrictTools ?? false
  )
