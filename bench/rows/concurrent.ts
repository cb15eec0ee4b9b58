/** 1,000 runs of 3 tool turns at once: no model call is answered before all runs have made theirs. */
import * as Contest from "../measure/Contest.ts"
import { against, digits, type Row } from "../measure/Row.ts"

const RUNS = 1000
const MEGABYTE = 1024 * 1024

export const row: Row = {
  title: "1,000 concurrent runs of 3 tool turns",
  peers: true,
  measure: async (settings) => {
    const { "ai-sdk": peer, "bare-effect": floor, fluxion: ours } = await Contest.burst(
      ["fluxion", "ai-sdk", "bare-effect"],
      { toolTurns: 3, concurrent: RUNS },
      settings
    )
    const memory = ours.memory / MEGABYTE
    return [
      against(`${row.title}, CPU`, "ms", 0.2, {
        "fluxion": ours.cpu / 1000,
        "ai-sdk": peer.cpu / 1000,
        "bare-effect": floor.cpu / 1000
      }, { ours: "fluxion", peer: "ai-sdk", floor: "bare-effect" }),
      {
        row: `${row.title}, most memory above the start`,
        ours: memory,
        peer: peer.memory / MEGABYTE,
        floor: floor.memory / MEGABYTE,
        unit: "MB",
        ratio: ours.memory / peer.memory,
        target: "<= 30 MB",
        met: memory <= 30,
        notes: [`a run in flight ${digits(ours.memory / RUNS / 1024)} KB; resident set, not the heap alone`]
      }
    ]
  }
}
