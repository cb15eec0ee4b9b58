/**
 * The rings of src/: a folder may import only from folders with a smaller number, never from a neighbour in its own ring.
 *
 * The linter (.oxlintrc.json) holds the same rule where it is written, but sees only import and export declarations.
 * This sees every form, `import("./X.ts")` in a type or an expression too, and refuses a folder that has no ring yet.
 * A new folder needs its number here and its override there.
 */
import { readdirSync, readFileSync } from "node:fs"
import { dirname, join, normalize } from "node:path"
import { root } from "./Command.ts"

const rings: Record<string, number> = {
  core: 0,
  durable: 1,
  agent: 2,
  provider: 3,
  storage: 3,
  cluster: 3,
  mcp: 3,
  tools: 3,
  web: 3,
  testing: 3,
  node: 4,
  server: 5,
  cli: 5
}

// src/index.ts stands for core, durable and agent: what it re-exports must not pull in the rest.
const indexRing = 3

const specifiers = /\b(?:from|import)\s*\(?\s*["'](\.[^"']*)["']/g

/** The import specifiers that leave their ring, as `file:line: what is wrong`. */
export const violations = (): ReadonlyArray<string> => {
  const found: Array<string> = []
  for (const path of readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" }).sort()) {
    const file = path.replaceAll("\\", "/")
    if (!file.endsWith(".ts")) continue
    const folder = file.includes("/") ? file.slice(0, file.indexOf("/")) : undefined
    const ring = folder === undefined ? indexRing : rings[folder]
    if (ring === undefined) {
      found.push(`src/${file}: the folder has no ring yet: give it one in .ci/Rings.ts and .oxlintrc.json`)
      continue
    }
    const text = readFileSync(join(root, "src", file), "utf8")
    for (const match of text.matchAll(specifiers)) {
      const target = normalize(join(dirname(file), match[1] ?? "")).replaceAll("\\", "/")
      const other = target.slice(0, Math.max(target.indexOf("/"), 0))
      if (folder !== undefined && other === folder) continue
      const allowed = rings[other]
      if (allowed !== undefined && allowed < ring) continue
      const line = text.slice(0, match.index).split("\n").length
      found.push(`src/${file}:${line}: ${folder ?? "src"} (ring ${ring}) may not import ${match[1]}`)
    }
  }
  return found
}
