/**
 * `npm run bench [-- rows…] [--quick] [--json]`: the rows of the design's table "How fast", side by side with peers and
 * floors of the same run.
 *
 * Exit code 1 if a row missed its target, 2 if a row could not be measured.
 */
import * as Contest from "./measure/Contest.ts"
import * as Peers from "./measure/Peers.ts"
import { digits, type Result, type Row } from "./measure/Row.ts"

const files = [
  "run",
  "tool-turn",
  "delta",
  "http",
  "long-stream",
  "concurrent",
  "history",
  "interrupt",
  "tracer",
  "import",
  "installed",
  "types",
  "durable",
  "cluster",
  "memory",
  "conversation",
  "skills"
]

const usage = `npm run bench [-- rows…] [--quick] [--json]
rows: ${files.join(", ")}`

const print = (text: string) => process.stdout.write(`${text}\n`)

const toJson = ({ floor, met, ours, peer, ratio, row, target, unit }: Result) =>
  JSON.stringify({ row, ours, peer, floor, unit, ratio, target, met })

const cell = (value: number | null, unit: string) => value === null ? "" : `${digits(value)} ${unit}`

const toText = (result: Result) => {
  const { floor, met, notes = [], ours, peer, ratio, row, target, unit } = result
  const width = 14
  const columns = [
    cell(ours, unit).padStart(width),
    cell(peer, unit).padStart(width),
    cell(floor, unit).padStart(width),
    (ratio === null ? "" : digits(ratio)).padStart(8)
  ]
  return [
    `${met ? "met   " : "MISSED"}  ${row}`,
    `        ${columns.join("")}   ${target}`,
    ...notes.map((note) => `          · ${note}`)
  ].join("\n")
}

const main = async () => {
  const args = process.argv.slice(2)
  const rows = args.filter((arg) => !arg.startsWith("--"))
  const unknown = [
    ...rows.filter((row) => !files.includes(row)),
    ...args.filter((arg) => arg.startsWith("--") && !["--json", "--quick"].includes(arg))
  ]
  if (unknown.length > 0) {
    process.stderr.write(`unknown: ${unknown.join(", ")}\n${usage}\n`)
    return 2
  }
  if (Number(process.versions.node.split(".")[0]) < 24) {
    process.stderr.write(`the bench needs Node 24, this is ${process.version}: use npm run bench\n`)
    return 2
  }
  const json = args.includes("--json")
  const settings = args.includes("--quick") ? Contest.quick : Contest.full
  const chosen = await Promise.all(
    (rows.length === 0 ? files : rows).map((file): Promise<{ readonly row: Row }> => import(`./rows/${file}.ts`))
  )
  if (chosen.some(({ row }) => row.peers)) Peers.install()
  if (!json) print(`                ${"fluxion".padStart(6)}          peer         floor   ratio   target`)
  let code = 0
  for (const { row } of chosen) {
    try {
      for (const result of await row.measure(settings)) {
        print(json ? toJson(result) : toText(result))
        if (!result.met) code = Math.max(code, 1)
      }
    } catch (error) {
      process.stderr.write(`${row.title}: not measured\n${error instanceof Error ? error.stack : error}\n`)
      code = 2
    }
  }
  return code
}

process.exitCode = await main()
