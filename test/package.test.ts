/**
 * The package as users get it: packed from a copy of the checkout, installed into empty folders, and used from plain
 * JavaScript and strict TypeScript, on Node 24 and on the oldest Node that is supported.
 *
 * Programs are in test/package/. Nothing here resolves to src/: what these tests see is the tarball.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { root } from "../.ci/Command.ts"
import * as Tool from "../.ci/Tool.ts"
import manifest from "../package.json" with { type: "json" }

const bin = join(root, "node_modules", ".bin")

interface Outcome {
  readonly code: number
  readonly output: string
}

/** Runs a command without blocking its neighbours; its output is what a failing assertion shows. */
const run = (command: string, args: ReadonlyArray<string>, cwd: string): Promise<Outcome> =>
  new Promise((resolve) => {
    const env: Record<string, string | undefined> = {
      ...process.env,
      PATH: `${bin}${delimiter}${process.env["PATH"] ?? ""}`
    }
    // What npm tells its scripts is about this project, not about the folders made here.
    for (const name of Object.keys(env)) if (/^npm_(config_local_prefix|package_)/.test(name)) delete env[name]
    execFile(command, args, { cwd, env, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      const code = typeof error?.code === "number" ? error.code : error === null ? 0 : 1
      resolve({ code, output: `${stdout}${stderr}`.trim() })
    })
  })

const must = async (command: string, args: ReadonlyArray<string>, cwd: string): Promise<string> => {
  const { code, output } = await run(command, args, cwd)
  assert.strictEqual(code, 0, `${command} ${args.join(" ")} failed:\n${output}`)
  return output
}

const install = (folder: string, packages: ReadonlyArray<string>): Promise<string> =>
  must("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error", ...packages], folder)

// Declarations of `effect` and of the SDKs name types of the DOM, so that it takes the DOM to check them as well.
const strictest = (file: string, types: ReadonlyArray<string>) => ({
  compilerOptions: {
    target: "es2023",
    lib: ["es2023", "esnext.disposable", "dom", "dom.asynciterable"],
    types,
    module: "nodenext",
    noEmit: true,
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false
  },
  files: [file]
})

let temporary: string
let tarball: string
let installed: string
let withSdks: string

beforeAll(async () => {
  temporary = mkdtempSync(join(tmpdir(), "fluxion-package-"))
  const copy = join(temporary, "copy")
  mkdirSync(copy)
  for (const name of ["package.json", "tsconfig.json", "tsconfig.build.json", "README.md", "LICENSE", "src"]) {
    if (existsSync(join(root, name))) cpSync(join(root, name), join(copy, name), { recursive: true })
  }
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"), "dir")
  await must("npm", ["pack", "--pack-destination", temporary, "--loglevel=error"], copy)
  tarball = join(temporary, `${manifest.name}-${manifest.version}.tgz`)

  const folder = (name: string): string => {
    const path = join(temporary, name)
    cpSync(join(root, "test", "package"), path, { recursive: true })
    writeFileSync(join(path, "package.json"), JSON.stringify({ private: true, type: "module" }))
    return path
  }
  installed = folder("installed")
  withSdks = folder("with-sdks")
  const {
    "@anthropic-ai/sdk": anthropic,
    "@effect/platform-node": platformNode,
    "@effect/sql-pg": sqlPg,
    "@google/genai": google,
    ollama,
    openai
  } = manifest.peerDependencies
  await install(installed, [tarball, `effect@${manifest.peerDependencies.effect}`])
  await install(withSdks, [
    tarball,
    `effect@${manifest.peerDependencies.effect}`,
    `@anthropic-ai/sdk@${anthropic}`,
    `@google/genai@${google}`,
    `openai@${openai}`,
    `ollama@${ollama}`,
    `@effect/sql-pg@${sqlPg}`,
    `@effect/platform-node@${platformNode}`,
    `@types/node@${manifest.devDependencies["@types/node"]}`
  ])
}, 120_000)

afterAll(() => {
  if (temporary !== undefined) rmSync(temporary, { recursive: true, force: true })
}, 60_000)

/** Node by major version: the development dependency, and the oldest that `engines` allows, fetched once. */
const nodes: ReadonlyArray<readonly [string, () => string]> = [
  ["24", () => join(root, "node_modules", "node", "bin", "node")],
  ["22.19", () => {
    const folder = Tool.fetch("node-22.19", { node: "22.19.0" })
    assert.isDefined(folder, "node@22.19.0 could not be fetched")
    return join(folder, "node_modules", "node", "bin", "node")
  }]
]

const subpaths = Object.keys(manifest.exports)
  .map((path) => path.replace(/^\./, manifest.name).replace("/core/*", "/core/AgentError"))
  .map((path) => path.replace("/durable/*", "/durable/Task").replace("/agent/*", "/agent/Agent"))
  .filter((path) => !path.endsWith("*"))

/** Every module that can be imported from the tarball. */
const modules = (): ReadonlyArray<string> =>
  Object.keys(manifest.exports).flatMap((path) => {
    if (/internal|\.json$/.test(path)) return []
    if (!path.endsWith("/*")) return [path.replace(/^\./, manifest.name)]
    const folder = path.slice("./".length, -"/*".length)
    return readdirSync(join(installed, "node_modules", manifest.name, "dist", folder))
      .filter((file) => file.endsWith(".d.ts"))
      .map((file) => `${manifest.name}/${folder}/${file.slice(0, -".d.ts".length)}`)
  })

/** A program that imports them, and uses what it imports. */
const importsOf = (paths: ReadonlyArray<string>): string =>
  [
    ...paths.map((path, index) => `import type * as M${index} from "${path}"`),
    `export type All = [${paths.map((_, index) => `typeof M${index}`).join(", ")}]`
  ].join("\n")

describe("the packed tarball", { timeout: 60_000 }, () => {
  it("says which Node its command needs, in one line", async () => {
    const folder = Tool.fetch("node-20.19", { node: "20.19.0" })
    assert.isDefined(folder, "node@20.19.0 could not be fetched")
    const old = join(folder, "node_modules", "node", "bin", "node")
    const { code, output } = await run(old, [join("node_modules", ".bin", manifest.name), "--help"], withSdks)
    assert.strictEqual(output, "fluxion needs Node 22.19 or newer; this is v20.19.0")
    assert.strictEqual(code, 2)
  })

  it("brings at most 4 packages, with effect", () => {
    const packages = readdirSync(join(installed, "node_modules"), { recursive: true, encoding: "utf8" })
      .filter((path) => /(^|node_modules\/)(@[^/]+\/)?[^/@.][^/]*\/package\.json$/.test(path))
    assert.isAtMost(packages.length, 4, packages.join(", "))
  })

  it("is clean to publint", async () => {
    await must("publint", ["--strict", tarball], temporary)
  })

  it("has types that resolve for every importer of ES modules", async () => {
    await must("attw", [tarball, "--profile", "esm-only", "--no-emoji"], temporary)
  })

  it("type-checks from strict TypeScript, its declarations included", async () => {
    writeFileSync(join(installed, "tsconfig.json"), JSON.stringify(strictest("strict.ts", [])))
    await must("tsc", ["--project", "tsconfig.json"], installed)
  })

  it("type-checks from strict TypeScript that imports nothing of effect", async () => {
    writeFileSync(join(installed, "tsconfig.async.json"), JSON.stringify(strictest("async.ts", [])))
    await must("tsc", ["--project", "tsconfig.async.json"], installed)
  })

  it("type-checks a workflow on SQLite from strict TypeScript", async () => {
    writeFileSync(join(installed, "tsconfig.durable.json"), JSON.stringify(strictest("durable.ts", [])))
    await must("tsc", ["--project", "tsconfig.durable.json"], installed)
  })

  it("has declarations that check under every subpath, without the packages that some of them load", async () => {
    const isVendors = (path: string) => /\/(openai|openai-compatible|anthropic|google|ollama|postgres)$/.test(path)
    writeFileSync(join(installed, "all.ts"), importsOf(modules().filter((path) => !isVendors(path))))
    writeFileSync(join(installed, "tsconfig.all.json"), JSON.stringify(strictest("all.ts", [])))
    await must("tsc", ["--project", "tsconfig.all.json"], installed)
  })

  it("has declarations that check under every subpath, with those packages", async () => {
    writeFileSync(join(withSdks, "all.ts"), importsOf(modules()))
    writeFileSync(join(withSdks, "tsconfig.all.json"), JSON.stringify(strictest("all.ts", ["node"])))
    await must("tsc", ["--project", "tsconfig.all.json"], withSdks)
  })

  it("lets a module export what it infers, with declarations", async () => {
    const { compilerOptions } = strictest("declared-uses.ts", [])
    const emit = { declaration: true, noEmit: false, skipLibCheck: true, rootDir: ".", outDir: "declared" }
    writeFileSync(
      join(installed, "tsconfig.declared.json"),
      JSON.stringify({ compilerOptions: { ...compilerOptions, ...emit }, files: ["declared-uses.ts"] })
    )
    await must("tsc", ["--project", "tsconfig.declared.json"], installed)
  })

  it("type-checks together with the vendors' SDKs", async () => {
    writeFileSync(join(withSdks, "tsconfig.json"), JSON.stringify(strictest("providers.ts", ["node"])))
    await must("tsc", ["--project", "tsconfig.json"], withSdks)
  })

  for (const [version, node] of nodes) {
    describe(`on Node ${version}`, () => {
      it("runs an agent from plain JavaScript", async () => {
        const output = await must(node(), ["plain.js"], installed)
        assert.deepStrictEqual(JSON.parse(output), { output: "Sunny.", finish: "answered", calls: 1 })
      })

      it("runs an agent in a workflow on SQLite, in two processes' worth of it, from TypeScript", async () => {
        const file = join(installed, `durable-${version}.db`)
        const output = await must(node(), ["--disable-warning=ExperimentalWarning", "durable.ts", file], installed)
        assert.deepStrictEqual(JSON.parse(output), { state: "paused", refunded: true, year: 2026 })
      })

      it("runs an execution by the command, from a file of TypeScript", async () => {
        const command = join("node_modules", manifest.name, "dist", "cli", "bin.js")
        const args = [command, "run", "command.ts", "greet", `{"name":"Ada"}`, "--database", `command-${version}.db`]
        const output = await must(node(), args, withSdks)
        assert.strictEqual(output.split("\n").at(0), "Hello, Ada.")
        assert.notInclude(output, "Warning")
      })

      it("names the package that the command needs and that is not installed", async () => {
        const { code, output } = await run(node(), [join("node_modules", ".bin", manifest.name), "--help"], installed)
        assert.strictEqual(output, "the fluxion command needs one more package: npm install @effect/platform-node")
        assert.strictEqual(code, 2)
      })

      it("runs a program of async/await that never names Effect", async () => {
        const [output, ...logged] = (await must(node(), ["async.js"], installed)).split("\n")
        assert.match(logged.join("\n"), /^\[WARN\] a run failed: [^\n]*there is no provider "nobody"[^\n]*$/)
        assert.deepStrictEqual(JSON.parse(output!), {
          events: [
            "RunStarted",
            "TurnStarted",
            "ResponseReceived",
            "ToolCalled",
            "ToolReturned",
            "TextDelta",
            "RunCompleted"
          ],
          failed: "missing-package",
          status: 500
        })
      })

      it("imports every subpath without any SDK installed", async () => {
        for (const path of subpaths) {
          const options = path.endsWith(".json") ? `, { with: { type: "json" } }` : ""
          await must(node(), ["--input-type=module", "--eval", `await import("${path}"${options})`], installed)
        }
      })

      it("names the package that a provider needs and that is not installed", async () => {
        const output = await must(node(), ["missing.js"], installed)
        const errors = output.split("\n").map((line) => JSON.parse(line))
        assert.deepStrictEqual(errors.map((error) => [error.reason, error.problem]), [
          ["ModelUnresolved", "missing-package"],
          ["ModelUnresolved", "missing-package"],
          ["ModelUnresolved", "missing-package"],
          ["ModelUnresolved", "missing-package"]
        ])
        assert.include(errors[0].message, "npm install openai")
        assert.include(errors[1].message, "npm install @anthropic-ai/sdk")
        assert.include(errors[2].message, "npm install @google/genai")
        assert.include(errors[3].message, "npm install ollama")
      })
    })
  }
})
