/**
 * A tool turn when 5,000 messages were said before, over the same when 10 were. It is what a run of nine such turns costs
 * more than a run of none, so that the start of the run is not in it; that is in the note.
 */
import * as Contest from "../measure/Contest.ts"
import { digits, type Row } from "../measure/Row.ts"

const SHORT = 10
const LONG = 5000
const TURNS = 9

const scenarios = [SHORT, LONG].flatMap((history) => [{ toolTurns: 0, history }, { toolTurns: TURNS, history }])

/** A turn, and a whole run without one. */
const ratios = ([short0, short9, long0, long9]: ReadonlyArray<number>) => [
  (long9! - long0!) / (short9! - short0!),
  long0! / short0!
]

export const row: Row = {
  title: "a turn at 5,000 messages of history, over the same at 10",
  peers: true,
  measure: async (settings) => {
    const { "ai-sdk": peer, "bare-effect": floor, fluxion: ours } = await Contest.measureAll(
      ["fluxion", "ai-sdk", "bare-effect"],
      scenarios,
      settings,
      ratios
    )
    return [{
      row: row.title,
      ours: ours[0]!,
      peer: peer[0]!,
      floor: floor[0]!,
      unit: "x",
      ratio: ours[0]!,
      target: "<= 1.2 x at 10 messages",
      met: ours[0]! <= 1.2,
      notes: [
        `a whole run without a tool turn: fluxion ${digits(ours[1]!)} x, AI SDK ${digits(peer[1]!)} x, ` +
        `bare Effect ${digits(floor[1]!)} x`
      ]
    }]
  }
}
