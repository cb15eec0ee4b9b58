/**
 * Folders of skills in real files.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll } from "vitest"

/** What reads them. */
export const layer = NodeFileSystem.layer

/** Makes folders; they are gone after the tests of the file that calls this. */
export const folders = () => {
  const root = mkdtempSync(join(tmpdir(), "fluxion-skills-"))
  afterAll(() => rmSync(root, { recursive: true, force: true }))
  let count = 0
  /** A new folder with these files, by path. */
  return (files: Readonly<Record<string, string>> = {}): string => {
    const folder = join(root, String(count++))
    mkdirSync(folder)
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), text)
    }
    return folder
  }
}

/** A SKILL.md. */
export const skill = (name: string, description = `Does ${name}.`, body = `How to do ${name}.`): string =>
  `---\nname: ${name}\ndescription: ${description}\n---\n\n${body}\n`
