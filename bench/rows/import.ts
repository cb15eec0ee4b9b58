/**
 * Import of the core entry, as installed: CPU time of the import in a fresh process, over that of exactly the Effect
 * modules which fluxion's own files import. No vendor's SDK may be loaded by it, nor by any entry before it is used.
 */
import { spawnSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import * as Contest from "../measure/Contest.ts"
import type { Report } from "../measure/Imports.ts"
import * as Package from "../measure/Package.ts"
import * as Peers from "../measure/Peers.ts"
import type { Row } from "../measure/Row.ts"

const sdks = ["openai", "@anthropic-ai/sdk", "@google/genai", "ollama"]

const importing = (file: string, ...args: ReadonlyArray<string>): Report => {
  const { status, stderr, stdout } = spawnSync(
    process.execPath,
    [join(import.meta.dirname, "..", "measure", "Imports.ts"), pathToFileURL(file).href, ...args],
    { encoding: "utf8", env: { ...process.env, NODE_ENV: "production" } }
  )
  if (status !== 0) throw new Error(`import of ${file} failed: ${stderr}`)
  return JSON.parse(stdout)
}

/** A module in `folder` that imports what it is told. */
const module = (folder: string, name: string, specifiers: Iterable<string>) => {
  const file = join(folder, `${name}.mjs`)
  writeFileSync(file, Array.from(specifiers, (specifier) => `import ${JSON.stringify(specifier)}\n`).join(""))
  return file
}

/** The vendors' SDKs that an import has loaded, or tried to. */
const loadedSdks = ({ imports }: Report) =>
  sdks.filter((sdk) => imports.some(({ specifier }) => specifier === sdk || specifier.startsWith(`${sdk}/`)))

export const row: Row = {
  title: "import of the core entry, CPU",
  peers: true,
  measure: async ({ rounds }) => {
    const app = Package.application()
    const ours = module(app, "ours", ["fluxion"])
    const list = importing(ours, "--list")
    const needed = new Set(
      list.imports
        .filter(({ parent, specifier }) => parent.includes("/node_modules/fluxion/") && /^effect(\/|$)/.test(specifier))
        .map(({ specifier }) => specifier)
    )
    const floor = module(app, "floor", needed)
    const peer = module(Peers.path, "import", ["ai"])
    const times = { ours: [] as Array<number>, floor: [] as Array<number>, peer: [] as Array<number> }
    for (let round = 0; round < rounds; round++) {
      times.ours.push(importing(ours).cpu / 1000)
      times.floor.push(importing(floor).cpu / 1000)
      times.peer.push(importing(peer).cpu / 1000)
    }
    const { exports } = JSON.parse(readFileSync(join(app, "node_modules", "fluxion", "package.json"), "utf8"))
    const entries = Object.keys(exports).filter((path) => !path.endsWith(".json") && !path.includes("*"))
    const early = entries.flatMap((path) => {
      const name = path.replace(".", "fluxion")
      try {
        return loadedSdks(importing(module(app, "entry", [name]), "--list")).map((sdk) => `${name} loads ${sdk}`)
      } catch (error) {
        return [`${name} cannot be imported without a vendor's SDK: ${String(error).slice(0, 300)}`]
      }
    })
    const [cpu, least] = [Contest.median(times.ours), Contest.median(times.floor)]
    return [{
      row: row.title,
      ours: cpu,
      peer: Contest.median(times.peer),
      floor: least,
      unit: "ms",
      ratio: cpu / least,
      target: `<= 1.2 x the ${needed.size} Effect modules it imports, no SDK loaded`,
      met: cpu / least <= 1.2 && early.length === 0,
      notes: early.length === 0 ? [`no vendor's SDK is loaded by any of ${entries.length} entries`] : early
    }]
  }
}
