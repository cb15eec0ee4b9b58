/**
 * `npm run example NN [-- arguments]`: runs examples/NN-*.ts, with what follows passed on; without a number it lists them.
 */
import { spawnSync } from "node:child_process"
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { root } from "./Command.ts"

const examples = readdirSync(join(root, "examples")).filter((file) => /^\d\d-.+\.ts$/.test(file)).sort()

const [number = "", ...args] = process.argv.slice(2)
const wanted = number.padStart(2, "0")
const found = examples.filter((file) => file.startsWith(`${wanted}-`) || file === number || file === `${number}.ts`)
const example = found[0]

if (found.length !== 1 || example === undefined) {
  const list = examples.map((file) => `  ${file.replace(/\.ts$/, "")}`).join("\n")
  console.error(`${number === "" ? "Which example?" : `There is no example ${number}.`} There are:\n${list}`)
  process.exit(number === "" ? 0 : 1)
}

const flags = ["--disable-warning=ExperimentalWarning", "--conditions=fluxion-source"]
const result = spawnSync(process.execPath, [...flags, join("examples", example), ...args], {
  cwd: root,
  stdio: "inherit"
})
process.exitCode = result.status ?? 1
