/**
 * What Anthropic's models can do, as a table over their names, and what only Anthropic has to know of them.
 *
 * Source: Anthropic's pages on models, thinking, effort and structured outputs. Unknown names count as a current model.
 * Names may stand in the form of Bedrock (`anthropic.claude-…-v1:0`) or Vertex (`claude-…@20250514`). The API has no
 * seed, and its current version no sampling parameters, whatever the model.
 */
import * as Capabilities from "../../agent/Capabilities.ts"

const base: Capabilities.Capabilities = {
  ...Capabilities.all,
  reasoningWithForcedChoice: false,
  sampling: false,
  seed: false
}

const claude3 = /claude-3-(opus|sonnet|haiku)/
const claude35 = /claude-3-5-/
const claude37 = /claude-3-7-/
// Sonnet 4 and Opus 4 of May 2025, by date or by alias; not 4.1, 4.5 and later ones.
const claude40 = /claude-(sonnet|opus)-4(-0|[-@]2025\d{4})?(-v\d.*)?$/
const claude41 = /claude-opus-4-1/
const claude45 = /claude-(sonnet|opus|haiku)-4-5/

// Opus, Sonnet and Haiku 5.5, Fable and Mythos 5.1 and 5.2: they choose by themselves whether they call a tool.
const unforced = /claude-((opus|sonnet|haiku)-5-5|(fable|mythos)-5-[12])/

const unstructured = { structuredOutput: false, outputWithTools: false }

// The least budget of thinking, and a token for the answer.
const budgeted = { reasoningFrom: 1025 }

/** The table. */
export const rules: ReadonlyArray<Capabilities.Rule> = [
  { model: claude3, is: { reasoning: false, files: false, ...unstructured } },
  { model: claude35, is: { reasoning: false, ...unstructured } },
  { model: claude37, is: { ...budgeted, ...unstructured } },
  { model: claude40, is: { ...budgeted, ...unstructured } },
  { model: claude41, is: { ...budgeted, ...unstructured } },
  { model: claude45, is: budgeted },
  { model: unforced, is: { forcedToolChoice: false } }
]

/** What one model can do; the user's rules come after ours. */
export const of = (model: string, own: ReadonlyArray<Capabilities.Rule> = []): Capabilities.Capabilities =>
  Capabilities.resolve(model, [...rules, ...own], base)

const isAny = (model: string, patterns: ReadonlyArray<RegExp>) => patterns.some((pattern) => pattern.test(model))

/** How a model is told how much to think. */
export interface Thinking {
  /** `adaptive`: it decides by itself, guided by an effort. `budget`: it is given a number of tokens. */
  readonly by: "adaptive" | "budget"
  /** It takes an effort. */
  readonly effort: boolean
  /** It thinks unless it is told not to. */
  readonly byDefault: boolean
}

/** How a model that reasons is told so. */
export const thinking = (model: string): Thinking => ({
  by: isAny(model, [claude37, claude40, claude41, claude45]) ? "budget" : "adaptive",
  effort: !isAny(model, [claude37, claude40, claude41, /claude-(sonnet|haiku)-4-5/]),
  byDefault: /claude-(opus|sonnet)-5(?!-\d)/.test(model)
})
