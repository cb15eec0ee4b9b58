/**
 * What Google's models can do, as a table over their names, and how a model is told how much to think.
 *
 * Source: the model, thinking and function calling pages of the Gemini API. Unknown names, aliases (`gemini-flash-latest`)
 * among them, count as a current model.
 */
import * as Capabilities from "../../agent/Capabilities.ts"

/** Models that only answer in text, images or speech. */
const plain: Partial<Capabilities.Capabilities> = {
  tools: false,
  parallelTools: false,
  forcedToolChoice: false,
  structuredOutput: false,
  outputWithTools: false,
  reasoning: false
}

/** The table, for names without `models/` or `publishers/…/` in front. */
export const rules: ReadonlyArray<Capabilities.Rule> = [
  { model: /^gemini-[12]\b/, is: { outputWithTools: false } },
  { model: /^gemini-(1|2\.0)\b/, is: { reasoning: false } },
  { model: /^gemini-2\.\d+-.*(image|tts)/, is: plain },
  { model: /^gemma-?[123]\b/, is: plain }
]

const shortName = (model: string) => model.slice(model.lastIndexOf("/") + 1)

/** What one model can do; the user's rules, for the whole name, come after ours. */
export const of = (model: string, own: ReadonlyArray<Capabilities.Rule> = []): Capabilities.Capabilities =>
  Capabilities.resolve(model, own, Capabilities.resolve(shortName(model), rules))

/**
 * How a model thinks: not at all; by a budget in tokens (Gemini 2.5); by a level (Gemini 3 and later, which also want
 * the signatures of calls back, and take Google's own tools beside functions).
 */
export type Thinking = "none" | "budget" | "level"

/** How one model thinks. */
export const thinking = (model: string, capabilities: Capabilities.Capabilities): Thinking =>
  !capabilities.reasoning ? "none" : /^gemini-[12]\b/.test(shortName(model)) ? "budget" : "level"
