/**
 * The peers' packages: installed by the bench into `bench/.peers`, at pinned versions, on first use.
 *
 * They are no dependencies of fluxion, so they are imported through a file inside that folder, and typed here and there
 * by hand, only as far as they are called.
 */
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { pathToFileURL } from "node:url"

const folder = join(import.meta.dirname, "..", ".peers")

const packageJson = {
  private: true,
  type: "module",
  dependencies: {
    "@ai-sdk/openai": "4.0.118",
    "@dbos-inc/dbos-sdk": "5.3.0",
    "@langchain/core": "1.4.0",
    "@langchain/langgraph": "1.7.3",
    "@mastra/core": "1.71.0",
    "@openai/agents": "0.20.0",
    "ai": "7.0.173",
    "zod": "4.6.7"
  }
}

const write = (file: string, text: string) => writeFileSync(join(folder, file), text)

/** The environment of npm: the Node that runs the bench comes first, since npm picks versions by it. */
export const npmEnvironment = () => ({
  ...process.env,
  PATH: `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`,
  npm_config_audit: "false",
  npm_config_fund: "false",
  npm_config_update_notifier: "false"
})

/** Installs the peers, unless these very versions are there. */
export const install = () => {
  const wanted = JSON.stringify(packageJson, null, 2)
  const stamp = join(folder, "installed.json")
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return
  mkdirSync(folder, { recursive: true })
  write("package.json", wanted)
  write("load.js", "export const load = (name) => import(name)\n")
  process.stderr.write("installing the peers into bench/.peers (once)\n")
  const npm = spawnSync("npm", ["install", "--prefer-offline"], {
    cwd: folder,
    env: npmEnvironment(),
    encoding: "utf8"
  })
  if (npm.status !== 0) throw new Error(`the peers could not be installed:\n${npm.stdout}${npm.stderr}`)
  write("installed.json", wanted)
}

/** Imports a package of a peer. */
export const load = async <A>(name: string): Promise<A> => {
  const file: { readonly load: (name: string) => Promise<A> } = await import(
    pathToFileURL(join(folder, "load.js")).href
  )
  return file.load(name)
}

/** Where the peers are installed. */
export const path = folder
