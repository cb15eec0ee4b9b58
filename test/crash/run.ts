/**
 * `npm run test:crash -- [--runs 1000] [--seed 1]`: programs made from seeds, each killed again and again until its end.
 *
 * Prints how often which event was the last before a death; one that never was fails the run. Ends with one line of
 * figures.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { availableParallelism, tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import * as Harness from "./Harness.ts"
import * as Program from "./Program.ts"

const { values } = parseArgs({
  options: { runs: { type: "string", default: "100" }, seed: { type: "string", default: "1" } }
})
const runs = Number(values.runs)
const first = Number(values.seed)
const folder = mkdtempSync(join(tmpdir(), "fluxion-crash-"))
const kills = new Map<string, number>()
const failures: Array<string> = []
let next = 0

const one = async (seed: number) => {
  const file = join(folder, `${seed}.db`)
  const program = seed % 10 === 0 ? Program.everything : Program.generate(seed)
  const fails = seed % 4 === 0
  try {
    const { output } = await Harness.whole(file, program, fails)
    const result = await Harness.killed(file, program, fails, seed)
    for (const [kind, count] of result.kills) kills.set(kind, (kills.get(kind) ?? 0) + count)
    if (result.output !== output) throw new Error(`another end: ${result.output} instead of ${output}`)
  } catch (cause) {
    failures.push(`seed ${seed}: ${cause instanceof Error ? cause.message : cause}`)
    process.stdout.write(`${failures.at(-1)}\n`)
  }
}

const worker = async () => {
  while (next < runs) await one(first + next++)
}

const started = performance.now()
await Promise.all(Array.from({ length: availableParallelism() }, worker))
rmSync(folder, { recursive: true, force: true })
for (const kind of Harness.kinds) {
  process.stdout.write(`${kind.padEnd(20)} ${kills.get(kind) ?? 0} kills\n`)
  if (!kills.has(kind)) failures.push(`never killed at ${kind}`)
}
const all = [...kills.values()].reduce((sum, count) => sum + count, 0)
const seconds = Math.round((performance.now() - started) / 1000)
process.stdout.write(
  `${runs} programs from seed ${first}, ${all} deaths, ${failures.length} failures, ${seconds} s\n`
)
process.exitCode = failures.length === 0 ? 0 : 1
