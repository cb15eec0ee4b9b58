/**
 * One tool turn: a model call that calls the tool, and the tool's call. It is what a run of four such turns costs more
 * than a run of none, by turn.
 */
import * as Contest from "../measure/Contest.ts"
import { against, type Row } from "../measure/Row.ts"

const scenarios = [{ toolTurns: 0 }, { toolTurns: 4 }]
const perTurn = ([without, four]: ReadonlyArray<number>) => (four! - without!) / 4

export const row: Row = {
  title: "one tool turn, CPU",
  peers: true,
  measure: async (settings) => {
    const main = await Contest.measure(["fluxion", "ai-sdk", "bare-effect"], scenarios, settings, perTurn)
    const others = settings.others
      ? await Contest.measure(
        ["effect-ai", "openai-agents", "langgraph", "mastra"],
        scenarios,
        Contest.quick,
        perTurn
      )
      : {}
    return [
      against(row.title, "µs", 0.15, { ...main, ...others }, {
        ours: "fluxion",
        peer: "ai-sdk",
        floor: "bare-effect"
      })
    ]
  }
}
