/**
 * fluxion as its users get it: built, packed, and installed with `effect` into an empty folder. Made once a bench, in a
 * temporary folder, from a copy of the sources, so that nothing in the checkout is written.
 */
import { spawnSync } from "node:child_process"
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { npmEnvironment } from "./Peers.ts"

const root = join(import.meta.dirname, "..", "..")

/** The project's own compiler. */
export const tsc = join(root, "node_modules", "typescript", "bin", "tsc")

const run = (cwd: string, command: string, args: ReadonlyArray<string>) => {
  const { error, status, stderr, stdout } = spawnSync(command, args, { cwd, env: npmEnvironment(), encoding: "utf8" })
  if (status === 0) return
  throw new Error(`${command} ${args.join(" ")} failed: ${error?.message ?? ""}\n${stdout}${stderr}`)
}

let made: string | undefined

/** The folder of an application that has installed `fluxion` and `effect`, and nothing else. */
export const application = () => {
  if (made !== undefined) return made
  const folder = mkdtempSync(join(tmpdir(), "fluxion-bench-"))
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }))
  const source = join(folder, "source")
  mkdirSync(source)
  for (const name of ["package.json", "README.md", "LICENSE", "tsconfig.json", "tsconfig.build.json", "src"]) {
    if (existsSync(join(root, name))) cpSync(join(root, name), join(source, name), { recursive: true })
  }
  symlinkSync(join(root, "node_modules"), join(source, "node_modules"))
  run(source, process.execPath, [tsc, "--project", "tsconfig.build.json"])
  run(source, "npm", ["pack", "--ignore-scripts", "--pack-destination", folder])
  const { version } = JSON.parse(readFileSync(join(source, "package.json"), "utf8"))
  const effect = JSON.parse(readFileSync(join(root, "node_modules", "effect", "package.json"), "utf8"))
  const app = join(folder, "app")
  mkdirSync(app)
  writeFileSync(join(app, "package.json"), JSON.stringify({ private: true, type: "module" }))
  run(app, "npm", ["install", "--prefer-offline", `../fluxion-${version}.tgz`, `effect@${effect.version}`])
  return made = app
}

/** The packages that an application has installed, with where they are. */
export const installed = (app: string): ReadonlyArray<string> =>
  Object.keys(JSON.parse(readFileSync(join(app, "node_modules", ".package-lock.json"), "utf8")).packages)
    .map((path) => path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length))
