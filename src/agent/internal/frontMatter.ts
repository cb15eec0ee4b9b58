/**
 * The front matter of a SKILL.md, by the Agent Skills standard: found, checked, and every problem with its line. Pure; the
 * reading of YAML is given.
 */
import type { SkillProblem } from "../SkillError.ts"

/** What a skill says of itself. */
export interface FrontMatter {
  readonly name: string
  readonly description: string
  readonly license: string | undefined
  readonly compatibility: string | undefined
  /** The names of tools that it uses. */
  readonly allowedTools: ReadonlyArray<string>
  readonly metadata: Readonly<Record<string, string>>
}

/** YAML, read: its value, the lines of its top fields, and what is wrong with it. Lines count from 1. */
export interface Yaml {
  readonly value: unknown
  readonly lines: ReadonlyMap<string, number>
  readonly errors: ReadonlyArray<{ readonly line: number; readonly message: string }>
}

/** Where a file's front matter is, and what comes after it. */
export type Split =
  | { readonly _tag: "Found"; readonly yaml: string; readonly body: string }
  | { readonly _tag: "Missing"; readonly line: number; readonly message: string }

const fence = /^---[ \t]*$/

/** Finds the front matter: between a first line of three dashes and the next one. */
export const split = (text: string): Split => {
  const lines = text.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/)
  if (!fence.test(lines[0] ?? "")) {
    return {
      _tag: "Missing",
      line: 1,
      message: "it has to begin with front matter: a line ---, name, description, a line ---"
    }
  }
  // a value that goes over several lines is indented: only a whole line of its own ends it
  const end = lines.findIndex((line, index) => index > 0 && fence.test(line))
  if (end === -1) return { _tag: "Missing", line: 1, message: "its front matter has no end: a line --- is missing" }
  return { _tag: "Found", yaml: lines.slice(1, end).join("\n"), body: lines.slice(end + 1).join("\n").trim() }
}

const isName = /^[a-z0-9]+(-[a-z0-9]+)*$/

/** What is wrong with a skill's name. */
export const nameProblem = (name: string): string | undefined =>
  name.length > 64
    ? `a name has at most 64 characters, this one ${name.length}`
    : isName.test(name)
    ? undefined
    : `the name ${JSON.stringify(name)} has to be of a-z, 0-9 and single -, as in pdf-processing`

/** What is wrong with a skill's description. */
export const descriptionProblem = (description: string): string | undefined =>
  description.trim() === ""
    ? "the description is empty: it says what the skill does, and when to use it"
    : description.length > 1024
    ? `a description has at most 1,024 characters, this one ${description.length}`
    : undefined

const known = ["name", "description", "license", "compatibility", "allowed-tools", "metadata"]

/** Names of tools in one text, as the standard has them: `Bash(git:*) Read`. */
export const toolsOf = (text: string): ReadonlyArray<string> => {
  const names = text.replace(/\([^)]*\)/g, "").split(/[\s,]+/).filter((name) => name !== "")
  return [...new Set(names)]
}

/** A file's front matter, if it is good enough, and what is wrong with it. */
export interface Checked {
  readonly found: FrontMatter | undefined
  readonly problems: ReadonlyArray<SkillProblem>
}

/** Checks front matter that begins in the second line of a file at `path`, in a folder named `folder`. */
export const check = (yaml: Yaml, path: string, folder: string | undefined): Checked => {
  const problems: Array<SkillProblem> = []
  const say = (severity: SkillProblem["severity"], field: string | undefined, message: string, line?: number) => {
    const at = line ?? (field === undefined ? 1 : yaml.lines.get(field) ?? 1)
    problems.push({ severity, path, line: at + (field === undefined && line === undefined ? 0 : 1), message })
  }
  for (const { line, message } of yaml.errors) say("error", undefined, `this is no YAML: ${message}`, line)
  if (problems.length > 0) return { found: undefined, problems }
  if (typeof yaml.value !== "object" || yaml.value === null || Array.isArray(yaml.value)) {
    say("error", undefined, "the front matter has to be fields, as in name: pdf-processing")
    return { found: undefined, problems }
  }
  const fields = yaml.value as Readonly<Record<string, unknown>>

  const text = (field: string, problemOf: (text: string) => string | undefined): string => {
    const value = fields[field]
    if (value === undefined || value === null) {
      say("error", undefined, `${field} is missing`)
      return ""
    }
    if (typeof value !== "string") {
      say("error", field, `${field} has to be a text`)
      return ""
    }
    const problem = problemOf(value)
    if (problem !== undefined) say("error", field, problem)
    return value
  }
  const optional = (field: string, max: number): string | undefined => {
    const value = fields[field]
    if (value === undefined || value === null) return undefined
    if (typeof value === "string" && value.length <= max) return value
    say(
      "error",
      field,
      typeof value === "string" ? `${field} has at most ${max} characters` : `${field} has to be a text`
    )
    return undefined
  }

  const name = text("name", nameProblem)
  if (name !== "" && folder !== undefined && name !== folder && nameProblem(name) === undefined) {
    say("error", "name", `the name ${name} has to be that of its folder, ${folder}: rename one of them`)
  }
  const description = text("description", descriptionProblem)
  const license = optional("license", 1024)
  const compatibility = optional("compatibility", 500)

  let allowedTools: ReadonlyArray<string> = []
  const tools = fields["allowed-tools"]
  if (typeof tools === "string") allowedTools = toolsOf(tools)
  else if (Array.isArray(tools) && tools.every((tool) => typeof tool === "string")) {
    allowedTools = toolsOf(tools.join(" "))
    say("warning", "allowed-tools", `allowed-tools is a list; the standard has one text: ${allowedTools.join(" ")}`)
  } else if (tools !== undefined && tools !== null) say("error", "allowed-tools", "allowed-tools has to be a text")

  const metadata: Record<string, string> = {}
  const given = fields["metadata"]
  if (typeof given === "object" && given !== null && !Array.isArray(given)) {
    for (const [key, value] of Object.entries(given)) {
      if (typeof value === "object" && value !== null) say("error", "metadata", `metadata.${key} has to be a text`)
      else metadata[key] = String(value)
    }
  } else if (given !== undefined && given !== null) say("error", "metadata", "metadata has to be fields of texts")

  for (const field of Object.keys(fields)) {
    if (!known.includes(field)) say("warning", field, `the standard knows no field ${field}; put it under metadata`)
  }
  const isGood = problems.every(({ severity }) => severity === "warning")
  return {
    found: isGood ? { name, description, license, compatibility, allowedTools, metadata } : undefined,
    problems
  }
}
