/** One run without tools: a question and a whole answer. */
import * as Contest from "../measure/Contest.ts"
import { against, type Row } from "../measure/Row.ts"

export const row: Row = {
  title: "one run without tools, CPU",
  peers: true,
  measure: async (settings) => {
    const main = await Contest.measure(["fluxion", "ai-sdk", "bare-effect"], [{}], settings)
    const others = settings.others
      ? await Contest.measure(["effect-ai", "openai-agents", "langgraph", "mastra"], [{}], Contest.quick)
      : {}
    return [
      against(row.title, "µs", 0.25, { ...main, ...others }, {
        ours: "fluxion",
        peer: "ai-sdk",
        floor: "bare-effect"
      })
    ]
  }
}
