/**
 * `npm run test:properties [-- --runs 2000] [--seed n] [folder or file...]`: the test files that hold properties, with
 * many cases of each, drawn from a fresh seed.
 *
 * The seed is printed, and stands in what a falsified property says to replay: with it the same cases are drawn again.
 */
import { randomInt } from "node:crypto"
import { globSync, readFileSync } from "node:fs"
import { parseArgs } from "node:util"
import { root, run } from "./Command.ts"

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: "string", default: "2000" }, seed: { type: "string", default: String(randomInt(2 ** 31)) } }
})

const files = globSync("test/**/*.test.ts", { cwd: root })
  .filter((file) => positionals.length === 0 || positionals.some((wanted) => file.startsWith(wanted)))
  .filter((file) => /\bit(\.effect)?\.prop\(/.test(readFileSync(`${root}/${file}`, "utf8")))
if (files.length === 0) {
  console.error(`No test file below ${positionals.join(", ")} holds a property.`)
  process.exit(1)
}

process.env["FLUXION_PROPERTIES_RUNS"] = values.runs
process.env["FLUXION_PROPERTIES_SEED"] = values.seed
const again = `npm run test:properties -- --runs ${values.runs} --seed=${values.seed}`
console.log(again)
const { ok } = run("vitest", ["run", "--test-timeout=1800000", ...files])
console.log(again)
process.exitCode = ok ? 0 : 1
