/**
 * The skills that an agent may use, by name.
 *
 * A catalog is loaded when it is first needed, and no bad skill keeps the good ones from being there: what was wrong is in
 * `problems`, with path and line.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Catalogs from "./internal/catalog.ts"
import * as SkillTools from "./internal/skillTools.ts"
import type { Catalog, Skill, Skills } from "./Skill.ts"
import type { SkillProblem } from "./SkillError.ts"

export type { Options } from "./internal/catalog.ts"
export type { Catalog } from "./Skill.ts"
export { render } from "./SkillError.ts"

/** The catalog of the context: `SkillCatalog.service` has an agent use it. */
export class SkillCatalog extends Context.Service<SkillCatalog, Catalog>()("fluxion/agent/SkillCatalog") {}

/** What a catalog is made of: skills, folders of them, other catalogs. */
export type Source = Skill | Skills<any>

/** What it takes to load a source. */
export type Needs<S> = S extends Skills<infer R> ? R : never

const isSkills = (source: Source): source is Skills<any> => Catalogs.TypeId in source

/**
 * Makes a catalog of skills, folders and other catalogs; later ones take the place of earlier ones of their name, with a
 * warning. Of skills alone it is there at once.
 */
export const make: {
  (skills: ReadonlyArray<Skill>, options?: Catalogs.Options): Catalog
  <const S extends ReadonlyArray<Source>>(sources: S, options?: Catalogs.Options): Skills<Needs<S[number]>>
} = (sources: ReadonlyArray<Source>, { restrictTools = false }: Catalogs.Options = {}): any => {
  const merge = (parts: ReadonlyArray<Source>): Catalog => {
    const byName = new Map<string, Skill>()
    const problems: Array<SkillProblem> = []
    for (const part of parts) {
      if (isSkills(part)) problems.push(...(part as Catalog).problems)
      for (const skill of isSkills(part) ? (part as Catalog).list() : [part]) {
        const before = byName.get(skill.name)
        if (before !== undefined) {
          const path = skill.path ?? "code"
          const message = `skill ${skill.name} takes the place of the one in ${before.path ?? "code"}`
          problems.push({ severity: "warning", path, message })
        }
        byName.set(skill.name, skill)
      }
    }
    return Catalogs.catalogOf(byName.values(), problems, restrictTools)
  }
  if (!sources.some(isSkills)) return merge(sources)
  const loaded = Effect.forEach(
    sources,
    (source): Effect.Effect<Source, never, any> => isSkills(source) ? source.load : Effect.succeed(source)
  )
  return Catalogs.lazy(Effect.map(loaded, merge), restrictTools)
}

export {
  /**
   * Loads the skills in folders, at any depth; those of later folders take the place of earlier ones of their name, with a
   * warning. It never fails: what is wrong is in `problems`.
   */
  fromDirectory
} from "./internal/catalog.ts"

/** What `skills` of an agent says, as skills to load. */
export const of = (skills: Skills<any> | ReadonlyArray<Skill> | undefined): Skills<any> | undefined =>
  skills === undefined || Catalogs.TypeId in skills ? skills : make(skills)

/** The skills of the context's catalog, for an agent. */
export const service: Skills<SkillCatalog> = {
  ...Catalogs.variance,
  restrictTools: false,
  load: SkillCatalog,
  get tools() {
    return SkillTools.of(service)
  }
}

/** A catalog as a Layer. */
export const layer = <R>(skills: Skills<R>): Layer.Layer<SkillCatalog, never, R> =>
  Layer.effect(SkillCatalog, skills.load)
