/**
 * A skill is a folder of instructions for one kind of work, by the Agent Skills standard: a `SKILL.md` with a name and a
 * description in front, and files beside it. An agent is told the names and descriptions of its skills, and reads the rest
 * of one when it needs it.
 *
 * Skills are read with Effect's `FileSystem`, or made in code.
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Types from "effect/Types"
import type { TypeId } from "./internal/catalog.ts"
import * as FrontMatter from "./internal/frontMatter.ts"
import { SkillFileError, type SkillInvalid, type SkillNotFound, type SkillProblem } from "./SkillError.ts"
import type { ToolInput } from "./Toolbox.ts"

export { SkillFileError, SkillInvalid, SkillNotFound, SkillProblem } from "./SkillError.ts"

/** A skill. */
export interface Skill {
  readonly name: string
  /** What it does, and when to use it: the model decides by this. */
  readonly description: string
  readonly license: string | undefined
  /** What it needs around it, for people. */
  readonly compatibility: string | undefined
  /** The tools that it uses. */
  readonly allowedTools: ReadonlyArray<string>
  readonly metadata: Readonly<Record<string, string>>
  /** The file that it was read from; `undefined` for one made in code. */
  readonly path: string | undefined
  /** Its whole text, read when it is asked for. */
  readonly instructions: Effect.Effect<string, SkillFileError>
  /** Its other files, by their paths in its folder. */
  readonly files: Effect.Effect<ReadonlyArray<string>, SkillFileError>
  /** One of them; only what is in its folder. */
  readonly readFile: (path: string) => Effect.Effect<string, SkillFileError>
}

/** Skills for an agent; `R` is what it takes to load them. */
export interface Skills<out R = never> {
  readonly [TypeId]: typeof TypeId
  readonly "~R": Types.Covariant<R>
  /** Loads them, when they are first needed. */
  readonly load: Effect.Effect<Catalog, never, R>
  /** Whether active skills that name their tools keep the model to these. */
  readonly restrictTools: boolean
  /** What the agent's model may call. */
  readonly tools: ReadonlyArray<ToolInput>
}

/** Skills, loaded. */
export interface Catalog extends Skills {
  /** The skill of a name. */
  readonly get: (name: string) => Effect.Effect<Skill, SkillNotFound>
  /** Those whose name and description have all of a text's words. */
  readonly find: (text: string) => ReadonlyArray<Skill>
  /** All, by name. */
  readonly list: () => ReadonlyArray<Skill>
  /** Adds a skill, in the place of one of its name: agents with this catalog know it from their next run on. */
  readonly register: (skill: Skill) => void
  /** What was wrong when they were loaded. */
  readonly problems: ReadonlyArray<SkillProblem>
}

/** What a skill made in code is. */
export interface Options {
  /** What it does, and when to use it. 1 to 1,024 characters. */
  readonly description: string
  /** What the model is to do. */
  readonly instructions: string
  /** Texts that the instructions refer to, by path. */
  readonly files?: Readonly<Record<string, string>> | undefined
  readonly allowedTools?: ReadonlyArray<string> | undefined
  readonly license?: string | undefined
  readonly compatibility?: string | undefined
  readonly metadata?: Readonly<Record<string, string>> | undefined
}

/**
 * Makes a skill in code.
 *
 * ```ts
 * const refunds = Skill.make("refunds", {
 *   description: "Pays money back. Use it when a customer wants a refund.",
 *   instructions: "1. Look the order up. 2. Refund no more than was paid."
 * })
 * ```
 *
 * Throws a `TypeError` for a name or a description that the standard does not allow.
 */
export const make = (name: string, options: Options): Skill => {
  const problem = FrontMatter.nameProblem(name) ?? FrontMatter.descriptionProblem(options.description)
  if (problem !== undefined) throw new TypeError(`skill ${JSON.stringify(name.slice(0, 80))}: ${problem}`)
  const files = new Map(Object.entries(options.files ?? {}))
  return {
    name,
    description: options.description,
    license: options.license,
    compatibility: options.compatibility,
    allowedTools: options.allowedTools ?? [],
    metadata: options.metadata ?? {},
    path: undefined,
    instructions: Effect.succeed(options.instructions),
    files: Effect.succeed([...files.keys()]),
    readFile: (path) => {
      const text = files.get(path)
      return text === undefined
        ? Effect.fail(new SkillFileError({ skill: name, path, detail: "there is no such file" }))
        : Effect.succeed(text)
    }
  }
}

/** Reads a skill from its `SKILL.md`. What is only odd in it is logged. */
export const fromFile = (path: string): Effect.Effect<Skill, SkillInvalid, FileSystem.FileSystem> =>
  Effect.flatMap(Effect.promise(() => import("./internal/skillFolders.ts")), (folders) => folders.fromFile(path))

export {
  /**
   * The skills in folders, for an agent: they are loaded when they are first needed, and what is wrong is logged.
   *
   * ```ts
   * Agent.make("assistant", { instructions: "You help.", skills: Skill.directory("./skills") }) // needs a FileSystem
   * ```
   */
  directory
} from "./internal/catalog.ts"
