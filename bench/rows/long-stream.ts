/** The most memory that a process has over its start while one answer of 100,000 deltas is streamed to a reader. */
import * as Contest from "../measure/Contest.ts"
import type { Row } from "../measure/Row.ts"

const MEGABYTE = 1024 * 1024
const scenarios = [{ deltas: 100_000 }, { deltas: 200 }]

const most = async (contender: "fluxion" | "ai-sdk" | "bare-effect", { warm }: Contest.Settings) => {
  const child = await Contest.open(contender, scenarios)
  try {
    const end = performance.now() + warm
    while (performance.now() < end) await child.ask({ _tag: "Burst", scenario: 1 })
    const [bytes] = await child.ask({ _tag: "Memory", scenario: 0 })
    return bytes! / MEGABYTE
  } finally {
    child.close()
  }
}

export const row: Row = {
  title: "100,000 streamed deltas, most memory above the start",
  peers: true,
  measure: async (settings) => {
    const ours = await most("fluxion", settings)
    const peer = await most("ai-sdk", settings)
    return [{
      row: row.title,
      ours,
      peer,
      floor: await most("bare-effect", settings),
      unit: "MB",
      ratio: ours / peer,
      target: "<= 30 MB",
      met: ours <= 30
    }]
  }
}
