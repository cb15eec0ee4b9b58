/**
 * Gets a run ready: its Model, its options, its prompt, and what `beforeTurn` changes of them.
 */
import * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Prompt from "effect/ai/Prompt"
import type * as Tool from "effect/ai/Tool"
import type * as Toolkit from "effect/ai/Toolkit"
import * as Effect from "effect/Effect"
import { type AgentError, ModelFailed, ModelUnresolved, OwnerMissing } from "../../core/AgentError.ts"
import type { Warning } from "../../core/AgentEvent.ts"
import * as Limits from "../../core/Limits.ts"
import * as Usage from "../../core/Usage.ts"
import type { Feed } from "../../durable/internal/Feed.ts"
import * as Driver from "../Driver.ts"
import * as LazyModel from "../LazyModel.ts"
import type { ModelOptions } from "../ModelOptions.ts"
import { type Fallback, isFallback, Models } from "../Models.ts"
import type { AnyAgentOptions, ConversationOptions, Instruction, RunOptions, TurnChange } from "../Options.ts"
import type { Output } from "../Output.ts"
import type { Catalog, Skills } from "../Skill.ts"
import type { BoundTool } from "../Toolbox.ts"
import * as Circuit from "./circuit.ts"
import { Chain } from "./fallback.ts"
import * as MemoryTools from "./memoryTools.ts"
import type { Target } from "./modelCall.ts"
import * as Parts from "./Parts.ts"
import type { RunScope } from "./RunScope.ts"
import { RunState } from "./RunState.ts"
import * as SkillTools from "./skillTools.ts"

/** An agent, made. */
export interface AgentDefinition {
  readonly name: string
  readonly options: AnyAgentOptions
  readonly tools: ReadonlyMap<string, BoundTool>
  /** The tools as the model is told of them; always the same array. */
  readonly declared: ReadonlyArray<Tool.Any>
  /** The tools that take secrets, with what makes them known. */
  readonly secretive: ReadonlyMap<string, (args: unknown) => void>
  /** What the answer has to be; `undefined` for text. */
  readonly output: Output | undefined
  readonly skills: Skills<any> | undefined
  /** What is wrong with how it was made. */
  readonly warnings: ReadonlyArray<Warning>
  /** Warnings that were logged already: each is logged once. */
  readonly logged: Set<string>
}

/** What was said before a run, and a summary of what was before that. */
export interface Recalled {
  readonly messages: ReadonlyArray<Prompt.Message>
  readonly summary: string | undefined
}

/** One run: what was asked, and who takes its events. The loop leaves the state of the latest attempt here. */
export interface RunInput extends RunScope {
  readonly instruction: Instruction
  readonly options: RunOptions & Partial<ConversationOptions>
  /** What was said before in its conversation; `undefined` for a run on none. */
  recalled: Recalled | undefined
  /** What stands for the first so many of these from now on. */
  summarized: { readonly text: string; readonly count: number } | undefined
  /** Who takes its progress where it has no reader of its own: those of the execution that it is in. */
  readonly feed: Feed | undefined
  /** Whether somebody traces. */
  traced: boolean
  /** Whether a workflow journals it. */
  journaled: boolean
  /** Whether another copy of Effect runs it. */
  foreign: boolean
  /** Which attempt is under way, from 1, and why the one before failed. */
  attempt: number
  failed: AgentError | undefined
  /** Whether its first event was told. */
  isStarted: boolean
  state: RunState | undefined
}

/** All that the run used so far. */
export const usageOf = ({ spent, state }: RunInput): Usage.Usage =>
  state === undefined ? spent : spent === Usage.empty ? state.usage : Usage.add(spent, state.usage)

const modelOptionKeys = [
  "temperature",
  "topP",
  "seed",
  "stopSequences",
  "reasoning",
  "stream",
  "providerOptions"
] as const satisfies ReadonlyArray<keyof ModelOptions>

/** The options of every model call of a run: the run's over the agent's. */
export const modelOptions = (agent: AgentDefinition, run: RunOptions): ModelOptions => {
  const out: { -readonly [key in keyof ModelOptions]: ModelOptions[key] } = {
    agent: agent.name,
    maxTokens: run.maxTokens ?? agent.options.maxTokens ?? Limits.maxTokens
  }
  for (const key of modelOptionKeys) {
    const value = run[key] ?? agent.options[key]
    if (value !== undefined) out[key] = value as never
  }
  return out
}

/** The message that an instruction is, background in front and marked as such; `undefined` if it says nothing. */
export const userMessage = (instruction: Instruction, context: string | undefined): Prompt.UserMessage | undefined => {
  if (typeof instruction === "string" && (context === undefined || context === "")) {
    return instruction.trim() === "" ? undefined : Parts.user([Parts.text(instruction)])
  }
  const content: Array<Prompt.UserMessagePart> = []
  for (const item of typeof instruction === "string" ? [instruction] : instruction) {
    if (typeof item !== "string") content.push(item)
    else if (item.trim() !== "") content.push(Parts.text(item))
  }
  if (content.length === 0) return undefined
  if (context !== undefined && context !== "") {
    content.unshift(Parts.text(`<background>\n${context}\n</background>`))
  }
  return Parts.user(content)
}

const toTarget = (service: LanguageModel.LanguageModel, id: string | undefined): Target => {
  const driver = Driver.of(service)
  return { id: id ?? (driver === undefined ? "custom" : `${driver.provider}/${driver.model}`), service, driver }
}

const targetOf = (
  service: LanguageModel.LanguageModel,
  id: string | undefined
): Effect.Effect<Target, ModelUnresolved> => {
  const lazy = LazyModel.of(service)
  return lazy === undefined
    ? Effect.succeed(toTarget(service, id))
    : Effect.map(lazy.find, (found) => toTarget(found, id ?? lazy.id))
}

/** Finds one Model: by its name, or the one in the context. */
export const findModel = (
  model: string | LanguageModel.LanguageModel | undefined
): Effect.Effect<Target, ModelUnresolved, any> => {
  if (model === undefined) return Effect.flatMap(LanguageModel.LanguageModel, (service) => targetOf(service, undefined))
  if (typeof model !== "string") return targetOf(model, undefined)
  return Effect.flatMap(
    Effect.serviceOption(Models),
    (models) =>
      models._tag === "Some" ?
        Effect.flatMap(models.value.get(model), (service) => targetOf(service, model)) :
        Effect.fail(
          new ModelUnresolved({
            model,
            problem: "bad-settings",
            detail: "no Models are given: provide Providers.layer, or a Models layer of your own"
          })
        )
  )
}

/** All models of a fallback, so that what is wrong with the second is known before it is needed. */
export const openChain = Effect.fnUntraced(
  function*(fallback: Fallback): Effect.fn.Return<Chain, ModelUnresolved, any> {
    const { circuit, contextLength, models } = fallback
    const ids = contextLength === undefined || models.includes(contextLength) ? models : [...models, contextLength]
    const targets = yield* Effect.forEach(ids, findModel)
    return new Chain(fallback, targets, circuit === undefined ? undefined : yield* Circuit.find(circuit))
  }
)

const systems = new WeakMap<AgentDefinition, Prompt.SystemMessage>()

/** The instructions as a message: one for all runs while they are the same, so that a provider encodes it once. */
const systemOf = (agent: AgentDefinition, instructions: string): Prompt.SystemMessage => {
  const found = systems.get(agent)
  if (found?.content === instructions) return found
  const made = Parts.system(instructions)
  systems.set(agent, made)
  return made
}

const saysNothing = (agent: string, model: string) =>
  new ModelFailed({
    model,
    error: AiError.make({
      module: "Agent",
      method: "run",
      reason: new AiError.InvalidUserInputError({
        description: `the instruction is empty: say what agent ${agent} is to do`
      })
    })
  })

/** The state a run begins with: its prompt is instructions, history, the user's message. */
export const begin = (
  agent: AgentDefinition,
  input: Pick<RunInput, "instruction" | "options" | "owner" | "recalled">,
  target: Target
): Effect.Effect<RunState, ModelFailed | OwnerMissing, any> => {
  const memory = agent.options.longTermMemory
  if (memory?.isOwned === true && (input.owner ?? "") === "") {
    return Effect.fail(new OwnerMissing({ memory: memory.scope }))
  }
  const start = (own: string, catalog: Catalog | undefined): Effect.Effect<RunState, ModelFailed> => {
    const hints = [
      memory === undefined ? "" : MemoryTools.hint,
      catalog === undefined ? "" : SkillTools.hint(catalog.list())
    ]
    const instructions = [own, ...hints].filter((text) => text !== "").join("\n\n")
    const message = userMessage(input.instruction, input.options.context)
    if (message === undefined) return Effect.fail(saysNothing(agent.name, target.id))
    const history = input.options.history?.content
    const { recalled } = input
    const content: Array<Prompt.Message> = recalled === undefined
      ? history === undefined ? [] : history.slice()
      : [...history ?? [], ...recalled.messages]
    if (instructions !== "") content.unshift(systemOf(agent, instructions))
    const begun = recalled === undefined ? undefined : content.length
    content.push(message)
    const state = new RunState(content, target.id, instructions === "" ? 0 : 1, begun)
    state.skills = catalog
    return Effect.succeed(state)
  }
  const { instructions } = agent.options
  const withOwn = (catalog: Catalog | undefined) =>
    typeof instructions === "string"
      ? start(instructions, catalog)
      : Effect.flatMap(instructions, (own) => start(own, catalog))
  return agent.skills === undefined ? withOwn(undefined) : Effect.flatMap(agent.skills.load, withOwn)
}

/** A Model, and the fallback that it stands in, if it stands in one. */
interface Found {
  readonly target: Target
  readonly chain: Chain | undefined
}

/** What a turn asks the model. */
export interface TurnRequest extends Found {
  readonly prompt: Prompt.Prompt
  readonly tools: ReadonlyArray<Tool.Any>
  /** The same by name, bound: a call of any other is a call of an unknown tool. */
  readonly offered: ReadonlyMap<string, BoundTool>
  readonly toolChoice: LanguageModel.ToolChoice<string>
}

/** The model of a turn that `beforeTurn` changed; a fallback that it names again stays with the model that answered. */
const changedModel = (
  state: RunState,
  request: TurnRequest,
  { model }: TurnChange
): Effect.Effect<Found, ModelUnresolved, any> => {
  if (model === undefined) return Effect.succeed(request)
  if (!isFallback(model)) return Effect.map(findModel(model), (target) => ({ target, chain: undefined }))
  const known = state.chains?.get(model)
  return Effect.map(known === undefined ? openChain(model) : Effect.succeed(known), (chain) => {
    ;(state.chains ??= new Map()).set(model, chain)
    return { target: chain.current, chain }
  })
}

/** A turn's request with what `beforeTurn` changed. */
export const applyChange = (
  agent: AgentDefinition,
  state: RunState,
  request: TurnRequest,
  change: TurnChange
): Effect.Effect<TurnRequest, ModelUnresolved, any> =>
  Effect.map(changedModel(state, request, change), ({ chain, target }) => {
    const names = change.tools
    const tools = names === undefined ? request.tools : agent.declared.filter((tool) => names.includes(tool.name))
    return {
      target,
      chain,
      tools,
      offered: names === undefined
        ? request.offered
        : new Map([...agent.tools].filter(([name]) => names.includes(name))),
      toolChoice: tools.length === 0 || request.toolChoice === "none"
        ? "none"
        : change.toolChoice ?? request.toolChoice,
      prompt: change.instructions === undefined && change.history === undefined
        ? request.prompt
        : changedPrompt(request.prompt, change, state.instructions)
    }
  })

/** `instructions` is how many of the prompt's first messages are the agent's own: 0 or 1. */
const changedPrompt = (prompt: Prompt.Prompt, change: TurnChange, instructions: number): Prompt.Prompt => {
  const system = change.instructions === undefined
    ? prompt.content.slice(0, instructions)
    : [Parts.system(change.instructions)]
  return Prompt.fromMessages([...system, ...(change.history?.content ?? prompt.content.slice(instructions))])
}

/** What a `TurnStarted` event records of a change. */
export const recordChange = (change: TurnChange, target: Target): { readonly [key: string]: unknown } => ({
  ...(change.model === undefined ? {} : { model: target.id }),
  ...(change.tools === undefined ? {} : { tools: change.tools }),
  ...(change.instructions === undefined ? {} : { instructions: change.instructions }),
  ...(change.toolChoice === undefined ? {} : { toolChoice: change.toolChoice }),
  ...(change.history === undefined ? {} : { history: change.history.content.length })
})

const toolkits = new WeakMap<ReadonlyArray<Tool.Any>, Toolkit.WithHandler<any>>()

/** The tools as a Toolkit, for a Model that is called the standard way: one object a list, since its decoder is kept. */
export const toToolkit = (tools: ReadonlyArray<Tool.Any>): Toolkit.WithHandler<any> | undefined => {
  if (tools.length === 0) return undefined
  let toolkit = toolkits.get(tools)
  if (toolkit === undefined) {
    toolkit = {
      tools: Object.fromEntries(tools.map((tool) => [tool.name, tool])),
      handle: () => Effect.die(new Error("the loop runs the tools"))
    }
    toolkits.set(tools, toolkit)
  }
  return toolkit
}
