/**
 * Packages that scripts and tests need but that cannot be dependencies of the project.
 *
 * Each set is installed, with exact versions, into a folder of its own under .cache/tools, and used again while its
 * manifest stays the same. A folder is complete or absent: it is made beside its place and moved there when done.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { root, run } from "./Command.ts"

const tools = join(root, ".cache", "tools")

const isInstalled = (folder: string, manifest: string): boolean => {
  const path = join(folder, "package.json")
  return existsSync(path) && readFileSync(path, "utf8") === manifest
}

/** The folder in which the packages are installed, or undefined, with npm's reason printed, if they cannot be fetched. */
export const fetch = (name: string, dependencies: Record<string, string>): string | undefined => {
  const folder = join(tools, name)
  const manifest = JSON.stringify({ private: true, dependencies, allowScripts: { node: true } }, null, 2)
  if (isInstalled(folder, manifest)) return folder
  mkdirSync(tools, { recursive: true })
  const making = mkdtempSync(join(tools, `.${name}-`))
  try {
    writeFileSync(join(making, "package.json"), manifest)
    const flags = ["--prefer-offline", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
    const outcome = run("npm", ["install", ...flags], { cwd: making, capture: true })
    // npm may have formatted the manifest.
    writeFileSync(join(making, "package.json"), manifest)
    if (!outcome.ok) {
      console.error(`Could not install ${name} into .cache/tools:\n${outcome.output}`)
      return undefined
    }
    // Another process may have been faster.
    if (!isInstalled(folder, manifest)) {
      rmSync(folder, { recursive: true, force: true })
      renameSync(making, folder)
    }
    return folder
  } finally {
    rmSync(making, { recursive: true, force: true })
  }
}
