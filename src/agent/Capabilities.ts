/**
 * What a model can do, as data. Providers ship a table; users add to it or correct it.
 *
 * The rule that reads them: what a run needs and the model cannot do fails before the request (`Unsupported`); a mere
 * hint that it does not take is left out with one warning.
 */
import type * as LanguageModel from "effect/ai/LanguageModel"
import type * as Prompt from "effect/ai/Prompt"
import type { ModelOptions } from "./ModelOptions.ts"

/** What one model can do. */
export interface Capabilities {
  /** It can call tools. */
  readonly tools: boolean
  /** It may ask for several tools in one turn. */
  readonly parallelTools: boolean
  /** It can be made to call a tool, or a certain one. */
  readonly forcedToolChoice: boolean
  /** It can be held to an answer's JSON Schema. */
  readonly structuredOutput: boolean
  /** It can be held to an answer's JSON Schema while it may call tools. */
  readonly outputWithTools: boolean
  /** It sees images. */
  readonly vision: boolean
  /** It reads files other than images (PDF). */
  readonly files: boolean
  /** It takes a reasoning effort. */
  readonly reasoning: boolean
  /** It can reason before a call that it is made to do. */
  readonly reasoningWithForcedChoice: boolean
  /** The least `maxTokens` with which it reasons. */
  readonly reasoningFrom: number
  /** It ends an answer at given sequences. */
  readonly stopSequences: boolean
  /** It takes `temperature` and `topP`. */
  readonly sampling: boolean
  /** It takes a `seed`. */
  readonly seed: boolean
}

/** A model of which nothing is known: everything is tried. */
export const all: Capabilities = {
  tools: true,
  parallelTools: true,
  forcedToolChoice: true,
  structuredOutput: true,
  outputWithTools: true,
  vision: true,
  files: true,
  reasoning: true,
  reasoningWithForcedChoice: true,
  reasoningFrom: 0,
  stopSequences: true,
  sampling: true,
  seed: true
}

/** A row of a table: what is special about the models whose name matches. */
export interface Rule {
  /** A whole model name, or a pattern over it. */
  readonly model: string | RegExp
  /** What differs from the row before. */
  readonly is: Partial<Capabilities>
}

/** Looks a model up: every matching rule applies, in order, over `base`. */
export const resolve = (model: string, rules: ReadonlyArray<Rule>, base: Capabilities = all): Capabilities => {
  let out = base
  for (const rule of rules) {
    if (typeof rule.model === "string" ? rule.model === model : rule.model.test(model)) out = { ...out, ...rule.is }
  }
  return out
}

/** What a request asks of a model. */
export interface Demand {
  readonly messages: ReadonlyArray<Prompt.Message>
  readonly tools: number
  readonly toolChoice: LanguageModel.ToolChoice<string>
  readonly options: ModelOptions
}

/** What a check found: a need that cannot be met, or the options that remain and what was left out of them. */
export type Verdict =
  | { readonly _tag: "Unmet"; readonly feature: string; readonly advice: string }
  | { readonly _tag: "Met"; readonly options: ModelOptions; readonly omitted: ReadonlyArray<keyof ModelOptions> }

const unmet = (feature: string, advice: string): Verdict => ({ _tag: "Unmet", feature, advice })

const isForced = (choice: LanguageModel.ToolChoice<string>) =>
  choice === "required" || (typeof choice === "object" && ("tool" in choice || choice.mode === "required"))

/** Whether a model can be made to call a tool by a request with these options, without giving up any of them. */
export const canForce = (capabilities: Capabilities, { reasoning }: ModelOptions): boolean =>
  capabilities.forcedToolChoice
  && (reasoning === undefined || !capabilities.reasoning || capabilities.reasoningWithForcedChoice)

/** Whether a model reasons in answer to a request. */
const canReason = (capabilities: Capabilities, { options, toolChoice }: Demand): boolean =>
  capabilities.reasoning
  && (options.maxTokens === undefined || options.maxTokens >= capabilities.reasoningFrom)
  && (capabilities.reasoningWithForcedChoice || !isForced(toolChoice))

const hints = ["temperature", "topP", "seed", "reasoning"] as const

const isTaken = (hint: typeof hints[number], capabilities: Capabilities, demand: Demand): boolean =>
  hint === "seed"
    ? capabilities.seed
    : hint === "reasoning"
    ? canReason(capabilities, demand)
    : capabilities.sampling

const none: ReadonlyArray<keyof ModelOptions> = []

/** The hints of a request that a model does not take. */
const notTaken = (capabilities: Capabilities, demand: Demand): ReadonlyArray<keyof ModelOptions> => {
  let omitted: Array<keyof ModelOptions> | undefined
  for (const hint of hints) {
    if (demand.options[hint] === undefined || isTaken(hint, capabilities, demand)) continue
    if (omitted === undefined) omitted = [hint]
    else omitted.push(hint)
  }
  return omitted ?? none
}

/** Decides whether a model can take a request. `from` is the first message not yet checked by an earlier call. */
export const check = (capabilities: Capabilities, demand: Demand, from = 0): Verdict => {
  if (demand.tools > 0 && !capabilities.tools) return unmet("tools", "name a model that can call tools")
  if (isForced(demand.toolChoice) && !capabilities.forcedToolChoice) {
    return unmet("toolChoice", `use toolChoice "auto" or "none"`)
  }
  if (demand.options.stopSequences !== undefined && !capabilities.stopSequences) {
    return unmet("stopSequences", "leave stopSequences out")
  }
  const readsAll = capabilities.vision && capabilities.files
  for (let index = from; index < demand.messages.length && !readsAll; index++) {
    const message = demand.messages[index]!
    if (message.role !== "user") continue
    for (const part of message.content) {
      if (part.type !== "file") continue
      if (part.mediaType.startsWith("image/")) {
        if (!capabilities.vision) return unmet("images", "name a model that sees images")
      } else if (!capabilities.files) {
        return unmet(`files of type ${part.mediaType}`, "give the file's text, or name a model that reads such files")
      }
    }
  }
  const omitted = notTaken(capabilities, demand)
  if (omitted.length === 0) return { _tag: "Met", options: demand.options, omitted }
  const options = { ...demand.options }
  for (const key of omitted) delete options[key]
  return { _tag: "Met", options, omitted }
}
