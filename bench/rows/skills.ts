/** A catalog of 1,000 skills, read from a folder: over opening and reading the same files, and nothing else. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { ManagedRuntime } from "effect"
import { SkillCatalog } from "fluxion"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { readdir, readFile, stat } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { digits, type Row } from "../measure/Row.ts"

const COUNT = 1_000

const make = (folder: string) => {
  for (let i = 0; i < COUNT; i++) {
    const name = `skill-number-${i}`
    mkdirSync(join(folder, name))
    const front =
      `name: ${name}\ndescription: Extracts text and tables from files of kind ${i}.\nallowed-tools: read write`
    writeFileSync(
      join(folder, name, "SKILL.md"),
      `---\n${front}\n---\n\n# ${name}\n\n${"Do this, then that. ".repeat(200)}\n`
    )
  }
}

/** The same files, found and read in the same way: looked at, then read whole. */
const floor = async (folder: string) => {
  let characters = 0
  const names = await readdir(folder)
  for (let i = 0; i < names.length; i += 16) {
    const texts = await Promise.all(
      names.slice(i, i + 16).map(async (name) => {
        await readdir(join(folder, name))
        const path = join(folder, name, "SKILL.md")
        await stat(path)
        return readFile(path, "utf8")
      })
    )
    for (const text of texts) characters += text.length
  }
  return characters
}

const median = (values: ReadonlyArray<number>) => values.slice().sort((a, b) => a - b)[Math.floor(values.length / 2)]!

const timed = async (run: () => Promise<unknown>) => {
  const start = performance.now()
  await run()
  return performance.now() - start
}

export const row: Row = {
  title: `a catalog of ${COUNT} skills loaded`,
  peers: false,
  measure: async ({ rounds }) => {
    const folder = mkdtempSync(join(tmpdir(), "fluxion-bench-skills-"))
    const runtime = ManagedRuntime.make(NodeFileSystem.layer)
    try {
      make(folder)
      const load = () => runtime.runPromise(SkillCatalog.fromDirectory(folder))
      const first = await timed(load)
      const { problems } = await load()
      if (problems.length > 0) throw new Error(SkillCatalog.render(problems[0]!))
      const ours: Array<number> = []
      const reads: Array<number> = []
      for (let round = 0; round < rounds * 3; round++) {
        ours.push(await timed(load))
        reads.push(await timed(() => floor(folder)))
      }
      const ratio = median(ours) / median(reads)
      return [{
        row: row.title,
        ours: median(ours),
        peer: null,
        floor: median(reads),
        unit: "ms",
        ratio,
        target: "none in the design",
        met: true,
        notes: [`${digits(first)} ms the first time in a process, YAML's code among it`]
      }]
    } finally {
      await runtime.dispose()
      rmSync(folder, { recursive: true, force: true })
    }
  }
}
