/**
 * What a model may do with skills, and what its agent's instructions say of them.
 *
 * The tools are Tasks, so that what was read is a step: a replay reads what the run read. A name or a path that is not
 * there is an answer that the model can act on.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Limits from "../../core/Limits.ts"
import * as Task from "../../durable/Task.ts"
import type { Skill, Skills } from "../Skill.ts"
import { render, type SkillProblem } from "../SkillError.ts"
import type { ToolInput } from "../Toolbox.ts"
import * as Turn from "../Turn.ts"

/** The tools' names. */
export const useSkill = "use_skill"
export const readSkillFile = "read_skill_file"

/** A problem, for a log. */
export const shown = (problem: SkillProblem): string => `skills: ${render(problem)}`

/** What the instructions of an agent with skills end with. */
export const hint = (skills: ReadonlyArray<Skill>): string =>
  skills.length === 0
    ? ""
    : `You have skills: instructions for kinds of work. Before you begin what one of them is for, call ${useSkill} with its `
      + `name, and do as it says; several may be used together. Files that it refers to are read by ${readSkillFile}.\n`
      + skills.map(({ description, name }) => `- ${name}: ${description.replace(/\s+/g, " ").trim()}`).join("\n")

const Unknown = Schema.Struct({ problem: Schema.String })

/** What the model is given of a skill that it uses. */
const Used = Schema.Struct({
  skill: Schema.String,
  instructions: Schema.String,
  files: Schema.Array(Schema.String),
  scripts: Schema.optionalKey(Schema.String),
  more: Schema.optionalKey(Schema.String)
})

const FileText = Schema.Struct({
  text: Schema.String,
  /** Where the text goes on. */
  next: Schema.optionalKey(Schema.Finite)
})

const from = (text: string, start: number): typeof FileText.Type => {
  const rest = Turn.head(text.slice(start), Limits.maxSkillText)
  const next = start + rest.length
  return next < text.length ? { text: rest, next } : { text: rest }
}

const told = ({ message }: { readonly message: string }) => Effect.succeed({ problem: message })

const nameOf = Schema.String.annotate({ description: "The skill's name, as in the list." })

const made = new WeakMap<object, ReadonlyArray<ToolInput>>()

/** The tools of skills: always the same. */
export const of = (skills: Skills<any>): ReadonlyArray<ToolInput> => {
  let tools = made.get(skills)
  if (tools === undefined) made.set(skills, tools = make(skills))
  return tools
}

const make = (skills: Skills<any>): ReadonlyArray<ToolInput> => [
  Task.make(useSkill, {
    description: "Reads the instructions of a skill, to follow them.",
    payload: { name: nameOf },
    success: Schema.Union([Used, Unknown]),
    risk: "read",
    run: ({ name }) =>
      Effect.gen(function*() {
        const skill = yield* Effect.flatMap(skills.load, (catalog) => catalog.get(name))
        const text = from(yield* skill.instructions, 0)
        const files = yield* skill.files
        return {
          skill: skill.name,
          instructions: text.text,
          files,
          ...(files.some((path) => path.startsWith("scripts/"))
            ? { scripts: "Scripts are run only by a tool of yours that runs such, if you have one." }
            : {}),
          ...(text.next === undefined
            ? {}
            : { more: `Its text goes on: ${readSkillFile} SKILL.md, from ${text.next}.` })
        }
      }).pipe(Effect.catchTags({ SkillNotFound: told, SkillFileError: told }))
  }),
  Task.make(readSkillFile, {
    description: "Reads a file of a skill.",
    payload: {
      name: nameOf,
      path: Schema.String.annotate({ description: "The file's path in the skill, as its instructions have it." }),
      from: Schema.optionalKey(
        Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)).annotate({ description: "The character to begin at." })
      )
    },
    success: Schema.Union([FileText, Unknown]),
    risk: "read",
    run: ({ from: start = 0, name, path }) =>
      Effect.gen(function*() {
        const skill = yield* Effect.flatMap(skills.load, (catalog) => catalog.get(name))
        const text = path === "SKILL.md" ? yield* skill.instructions : yield* skill.readFile(path)
        return from(text, start)
      }).pipe(Effect.catchTags({ SkillNotFound: told, SkillFileError: told }))
  })
]

/** The skill that a call has activated, by what the model was told. */
export const activated = (call: string, result: unknown): string | undefined => {
  if (call !== useSkill || typeof result !== "object" || result === null) return undefined
  const { skill } = result as { readonly skill?: unknown }
  return typeof skill === "string" ? skill : undefined
}

/** Tools that no skill keeps the model from. */
const always = new Set([useSkill, readSkillFile])

/** The tools that the active skills leave; `undefined` for all. */
export const allowed = (active: ReadonlyArray<Skill>, tools: Iterable<string>): ReadonlyArray<string> | undefined => {
  const named = new Set(active.flatMap(({ allowedTools }) => allowedTools))
  return named.size === 0 ? undefined : [...tools].filter((tool) => named.has(tool) || always.has(tool))
}

/** What an agent has not that its skills use: one line for each skill. */
export const missing = (
  agent: string,
  skills: ReadonlyArray<Skill>,
  tools: ReadonlyMap<string, unknown>
): ReadonlyArray<string> =>
  skills.flatMap(({ allowedTools, name }) => {
    const lacking = allowedTools.filter((tool) => !tools.has(tool))
    if (lacking.length === 0) return []
    return [`skill ${name} uses ${lacking.join(", ")}, which agent ${agent} does not have`]
  })
