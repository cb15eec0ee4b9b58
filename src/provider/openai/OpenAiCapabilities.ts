/**
 * What OpenAI's models can do, as a table over their names.
 *
 * Source: OpenAI's model pages. Unknown names count as a current model. The Responses API has neither stop sequences
 * nor a seed, whatever the model.
 */
import * as Capabilities from "../../agent/Capabilities.ts"

const base: Capabilities.Capabilities = { ...Capabilities.all, stopSequences: false, seed: false }

/** The table; fine-tuned models (`ft:gpt-4o…`) are as their base. */
export const rules: ReadonlyArray<Capabilities.Rule> = [
  // Reasoning models take an effort, and no sampling.
  { model: /^(ft:)?(o\d|gpt-[5-9]|codex|computer-use)/, is: { sampling: false } },
  { model: /^(ft:)?(gpt-3|gpt-4|chatgpt-)/, is: { reasoning: false } },
  { model: /^gpt-5(\.\d+)?-chat/, is: { reasoning: false, sampling: true } },
  {
    model: /^(ft:)?(gpt-3\.5|gpt-4(-\d{4}|-32k|-\d+-preview)?$)/,
    is: { vision: false, files: false, structuredOutput: false }
  },
  { model: /^o[13]-mini/, is: { vision: false, files: false } },
  {
    model: /^(o1-mini|o1-preview)/,
    is: { tools: false, forcedToolChoice: false, reasoning: false, structuredOutput: false }
  }
]

/** What one model can do; the user's rules come after ours. */
export const of = (model: string, own: ReadonlyArray<Capabilities.Rule> = []): Capabilities.Capabilities =>
  Capabilities.resolve(model, [...rules, ...own], base)
