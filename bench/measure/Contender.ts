/** What is measured: one library, run as its documentation says, in a process of its own. */
import type { Scenario } from "./Script.ts"

/** Asks one question, and gives the answer's text when the run is over. */
export type Run = () => Promise<string>

/** A run that waits for its vendor. */
export interface Hanging {
  /** Stops it; done when everything that the run held has been let go. */
  readonly stop: () => Promise<void>
}

/** A library; every file in `peers/` exports one as `contender`. */
export interface Contender {
  /** Builds all that is kept between runs (agent, tools, model, history); what it gives is what is measured. */
  readonly prepare: (scenario: Scenario) => Promise<Run>
  /** Starts a run against a vendor that goes silent after one delta; done when the delta is there. */
  readonly hang?: (url: string) => Promise<Hanging>
}

/** The contenders, by the name of their file in `peers/`. */
export const names = {
  "fluxion": "fluxion",
  "bare-effect": "bare Effect",
  "openai-sdk": "bare OpenAI SDK",
  "effect-ai": "effect/ai",
  "ai-sdk": "AI SDK 7",
  "openai-agents": "OpenAI Agents",
  "langgraph": "LangGraph.js",
  "mastra": "Mastra"
} as const

export type Name = keyof typeof names
