/**
 * Skills in folders: found at any depth, read within bounds, and never a file outside of a skill's own folder.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import * as Limits from "../../core/Limits.ts"
import type { Skill } from "../Skill.ts"
import { SkillFileError, SkillInvalid, type SkillProblem } from "../SkillError.ts"
import * as FrontMatter from "./frontMatter.ts"

const fileName = "SKILL.md"

/** How deep skills are looked for, and how many files of one are listed. */
const maxDepth = 16
const maxFiles = 500

// both kinds of separators are understood everywhere, one is written
const plain = (path: string): string => path.replaceAll("\\", "/").replace(/(?<=.)\/+$/, "")
const nameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1)
const folderOf = (path: string): string => path.includes("/") ? path.slice(0, path.lastIndexOf("/")) || "/" : "."

const why = ({ reason }: PlatformError): string => {
  switch (reason._tag) {
    case "NotFound":
      return "it is not there"
    case "PermissionDenied":
      return "this process may not read it"
    default:
      return reason.message
  }
}

/** A text file of bounded size. */
const readText = (fs: FileSystem.FileSystem, path: string): Effect.Effect<string, string> =>
  Effect.gen(function*() {
    const { size, type } = yield* Effect.mapError(fs.stat(path), why)
    if (type !== "File") return yield* Effect.fail("it is no file")
    if (size > Limits.maxSkillFile) {
      const most = `it has ${size} bytes, and at most ${Limits.maxSkillFile} are read`
      return yield* Effect.fail(`${most}: keep what is needed each time, and put the rest into files of their own`)
    }
    const bytes = yield* Effect.mapError(fs.readFile(path), why)
    return yield* Effect.try({
      // a byte order mark is seen: one in front of a SKILL.md is told of
      try: () => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes),
      catch: () => "it is no text in UTF-8"
    }).pipe(Effect.filterOrFail((text) => !text.includes("\u0000"), () => "it is no text"))
  })

/** Why a path cannot be one in a skill's folder. */
const outside = (path: string): string | undefined =>
  /^([/\\]|[A-Za-z]:)/.test(path) || plain(path).split("/").includes("..")
    ? "only files in the skill's own folder are read, by a path from there"
    : undefined

/** The files beneath a folder, by their paths from it. */
const filesIn = Effect.fnUntraced(function*(fs: FileSystem.FileSystem, root: string) {
  const files: Array<string> = []
  const seen = new Set<string>()
  const walk = (folder: string, depth: number): Effect.Effect<void, PlatformError> =>
    Effect.gen(function*() {
      const real = yield* fs.realPath(folder === "" ? root : `${root}/${folder}`)
      if (seen.has(real) || depth > maxDepth) return
      seen.add(real)
      for (const name of (yield* fs.readDirectory(real)).sort()) {
        if (files.length >= maxFiles) return
        const path = folder === "" ? name : `${folder}/${name}`
        const stats = yield* Effect.option(fs.stat(`${root}/${path}`))
        if (stats._tag === "None") continue
        if (stats.value.type === "Directory") yield* walk(path, depth + 1)
        else if (path !== fileName) files.push(path)
      }
    })
  yield* walk("", 0)
  return files
})

interface Read {
  readonly skill: Skill | undefined
  readonly problems: ReadonlyArray<SkillProblem>
}

/** Reads the front matter of a SKILL.md; the rest is read when it is asked for. */
const readSkill = (path: string): Effect.Effect<Read, never, FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const { read } = yield* Effect.promise(() => import("./yaml.ts"))
    const refused = (message: string, line?: number): Read => ({
      skill: undefined,
      problems: [{ severity: "error", path, ...(line === undefined ? {} : { line }), message }]
    })
    const text = yield* Effect.result(readText(fs, path))
    if (text._tag === "Failure") return refused(text.failure)
    const parts = FrontMatter.split(text.success)
    if (parts._tag === "Missing") return refused(parts.message, parts.line)
    const folder = folderOf(path)
    const name = folder === "." ? undefined : nameOf(folder)
    const { found, problems } = FrontMatter.check(read(parts.yaml), path, name)
    const all = text.success.startsWith("\uFEFF")
      ? [
        { severity: "warning" as const, path, line: 1, message: "it begins with a byte order mark; save it without" },
        ...problems
      ]
      : problems
    return { skill: found && skillOf(fs, path, folder, found), problems: all }
  })

const skillOf = (fs: FileSystem.FileSystem, path: string, folder: string, front: FrontMatter.FrontMatter): Skill => {
  const failed = (path: string) => (detail: string) => new SkillFileError({ skill: front.name, path, detail })
  return {
    ...front,
    path,
    instructions: Effect.flatMap(Effect.mapError(readText(fs, path), failed(fileName)), (text) => {
      const parts = FrontMatter.split(text)
      return parts._tag === "Found" ? Effect.succeed(parts.body) : Effect.fail(failed(fileName)(parts.message))
    }),
    files: Effect.mapError(filesIn(fs, folder), (error) => failed(folder)(why(error))),
    readFile: (asked) =>
      Effect.gen(function*() {
        const problem = outside(asked)
        if (problem !== undefined) return yield* failed(asked)(problem)
        const fail = Effect.mapError((error: PlatformError) => failed(asked)(why(error)))
        const own = plain(yield* fail(fs.realPath(folder)))
        const real = plain(yield* fail(fs.realPath(`${folder}/${plain(asked)}`)))
        // a link may lead anywhere
        if (!real.startsWith(`${own}/`)) return yield* failed(asked)(outside("/")!)
        const text = yield* Effect.mapError(readText(fs, real), failed(asked))
        return text.replace(/^\uFEFF/, "")
      })
  }
}

/** The SKILL.md files beneath a folder; a skill's own folders are its own. */
const find = (root: string) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const found: Array<string> = []
    const problems: Array<SkillProblem> = []
    const seen = new Set<string>()
    const walk = (folder: string, depth: number): Effect.Effect<void> =>
      Effect.gen(function*() {
        // links may lead in a circle
        const real = yield* fs.realPath(folder)
        if (seen.has(real)) return
        seen.add(real)
        const names = (yield* fs.readDirectory(folder)).sort()
        if (names.includes(fileName)) {
          found.push(`${folder}/${fileName}`)
          return
        }
        if (depth === maxDepth) {
          const message = `folders beneath it are not looked into: it is ${maxDepth} deep`
          problems.push({ severity: "warning", path: folder, message })
          return
        }
        for (const name of names) {
          if (name.startsWith(".") || name === "node_modules") continue
          const path = `${folder}/${name}`
          const stats = yield* Effect.option(fs.stat(path))
          if (stats._tag === "Some" && stats.value.type === "Directory") yield* walk(path, depth + 1)
        }
      }).pipe(Effect.catch((error: PlatformError) =>
        Effect.sync(() => {
          problems.push({ severity: "error", path: folder, message: `its skills cannot be read: ${why(error)}` })
        })
      ))
    const stats = yield* Effect.result(fs.stat(root))
    if (stats._tag === "Failure") {
      problems.push({ severity: "error", path: root, message: `no skills are there: ${why(stats.failure)}` })
    } else if (stats.success.type !== "Directory") {
      problems.push({ severity: "error", path: root, message: "no skills are there: it is no folder" })
    } else yield* walk(root, 0)
    return { found, problems }
  })

/** The skills of folders, and what is wrong with them. */
export const load = (roots: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const skills = new Map<string, Skill>()
    const problems: Array<SkillProblem> = []
    for (const root of roots.map(plain)) {
      const { found, problems: missed } = yield* find(root)
      problems.push(...missed)
      const own = new Map<string, Skill>()
      for (const read of yield* Effect.forEach(found, readSkill, { concurrency: 16 })) {
        problems.push(...read.problems)
        const { skill } = read
        if (skill === undefined) continue
        const twin = own.get(skill.name)
        const path = skill.path ?? root
        if (twin !== undefined) {
          const message = `skill ${skill.name} is there already, in ${twin.path}: that one is used`
          problems.push({ severity: "error", path, message })
          continue
        }
        const before = skills.get(skill.name)
        if (before !== undefined) {
          const message = `skill ${skill.name} takes the place of the one in ${before.path}`
          problems.push({ severity: "warning", path, message })
        }
        own.set(skill.name, skill)
        skills.set(skill.name, skill)
      }
    }
    return { skills: [...skills.values()], problems }
  })

/** One skill, from its SKILL.md. */
export const fromFile = (path: string): Effect.Effect<Skill, SkillInvalid, FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const { problems, skill } = yield* readSkill(plain(path))
    if (skill === undefined) return yield* new SkillInvalid({ problems })
    for (const { message } of problems) yield* Effect.logWarning(`${path}: ${message}`)
    return skill
  })
