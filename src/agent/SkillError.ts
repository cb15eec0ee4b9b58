/**
 * What can be wrong with skills.
 */
import * as Schema from "effect/Schema"

/**
 * Something that is wrong with a skill, and where. An `error`: the skill is left out. A `warning`: it is there.
 */
export const SkillProblem = Schema.Struct({
  severity: Schema.Literals(["error", "warning"]),
  /** The file, the folder, or `code`. */
  path: Schema.String,
  /** From 1. */
  line: Schema.optionalKey(Schema.Finite),
  message: Schema.String
})

/** Something that is wrong with a skill, and where. */
export type SkillProblem = typeof SkillProblem.Type

/** A problem as a line of text, which editors can follow. */
export const render = ({ line, message, path, severity }: SkillProblem): string =>
  `${path}${line === undefined ? "" : `:${line}`}: ${severity}: ${message}`

/** A skill cannot be used. */
export class SkillInvalid extends Schema.TaggedError<SkillInvalid>()("SkillInvalid", {
  problems: Schema.Array(SkillProblem)
}) {
  readonly isRetryable = false
  override get message(): string {
    return this.problems.map(render).join("\n")
  }
}

/** There is no skill of that name. */
export class SkillNotFound extends Schema.TaggedError<SkillNotFound>()("SkillNotFound", {
  name: Schema.String,
  /** Those that are called nearly so. */
  nearest: Schema.Array(Schema.String)
}) {
  readonly isRetryable = false
  override get message(): string {
    const near = this.nearest.length === 0 ? "there are none" : `the nearest are: ${this.nearest.join(", ")}`
    return `there is no skill "${this.name}"; ${near}`
  }
}

/** A file of a skill cannot be read. */
export class SkillFileError extends Schema.TaggedError<SkillFileError>()("SkillFileError", {
  skill: Schema.String,
  path: Schema.String,
  detail: Schema.String
}) {
  readonly isRetryable = false
  override get message(): string {
    return `file "${this.path}" of skill ${this.skill}: ${this.detail}`
  }
}
