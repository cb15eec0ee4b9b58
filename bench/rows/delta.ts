/** One streamed delta, from the model to the reader: what 500 of them cost more than one. */
import * as Contest from "../measure/Contest.ts"
import { against, type Row } from "../measure/Row.ts"

const scenarios = [{ deltas: 1 }, { deltas: 501 }]
const perDelta = ([one, many]: ReadonlyArray<number>) => (many! - one!) / 500

export const row: Row = {
  title: "one streamed delta, CPU",
  peers: true,
  measure: async (settings) => {
    const main = await Contest.measure(["fluxion", "ai-sdk", "bare-effect"], scenarios, settings, perDelta)
    const others = settings.others
      ? await Contest.measure(
        ["effect-ai", "openai-agents", "langgraph", "mastra"],
        scenarios,
        Contest.quick,
        perDelta
      )
      : {}
    return [
      against(row.title, "µs", 0.05, { ...main, ...others }, {
        ours: "fluxion",
        peer: "ai-sdk",
        floor: "bare-effect"
      })
    ]
  }
}
