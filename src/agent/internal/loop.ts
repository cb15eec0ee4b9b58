/**
 * The loop: ask the model, run the tools it asks for, until it answers.
 *
 * The only one: `run`, `result`, `stream` and `watch` differ in who takes the events. What happens next is decided in
 * `Turn`; here it is performed. Every model call and tool call is a step of the workflow under way, if there is one.
 */
import * as AiError from "effect/ai/AiError"
import type * as LanguageModel from "effect/ai/LanguageModel"
import * as Prompt from "effect/ai/Prompt"
import * as Effect from "effect/Effect"
import {
  type AgentError,
  type AgentErrorReason,
  EmptyAnswer,
  ModelFailed,
  OutputInvalid
} from "../../core/AgentError.ts"
import type { Finish, RunResult } from "../../core/AgentEvent.ts"
import * as Limits from "../../core/Limits.ts"
import * as EffectCopies from "../EffectCopies.ts"
import { isFallback } from "../Models.ts"
import * as Output from "../Output.ts"
import type { TurnResponse } from "../ResponseFold.ts"
import * as Tokens from "../Tokens.ts"
import type { Outcome } from "../Toolbox.ts"
import * as Trim from "../Trim.ts"
import * as Turn from "../Turn.ts"
import * as Answer from "./answer.ts"
import { askModel, checkModels } from "./askModel.ts"
import { Compacting } from "./compacting.ts"
import { Chain } from "./fallback.ts"
import * as Parts from "./Parts.ts"
import {
  type AgentDefinition,
  applyChange,
  begin,
  findModel,
  modelOptions,
  openChain,
  recordChange,
  type RunInput,
  type TurnRequest,
  usageOf
} from "./prepare.ts"
import { runCalls } from "./runCalls.ts"
import type { RunState } from "./RunState.ts"
import * as SkillTools from "./skillTools.ts"
import { warn } from "./warn.ts"

/** Runs an agent until its model answers. */
export const run = Effect.fnUntraced(function*(
  agent: AgentDefinition,
  input: RunInput
): Effect.fn.Return<RunResult<unknown>, AgentErrorReason, any> {
  const { options } = agent
  const { path, sink } = input
  const found = isFallback(options.model) ? yield* openChain(options.model) : yield* findModel(options.model)
  const chain = found instanceof Chain ? found : undefined
  const first = found instanceof Chain ? found.current : found
  const state = yield* begin(agent, input, first)
  input.state = state
  if (chain !== undefined) state.chains = new Map([[chain.fallback, chain]])
  if (sink !== undefined && !input.isStarted) yield* sink.emit({ _tag: "RunStarted", path })
  input.isStarted = true
  if (input.failed !== undefined) yield* tellAgain(agent, input, input.failed)
  for (const { code, message } of agent.warnings) yield* warn(agent, state, code, message)
  if (state.skills !== undefined) {
    for (const message of SkillTools.missing(agent.name, state.skills.list(), agent.tools)) {
      yield* warn(agent, state, "skill-tools-missing", message)
    }
  }
  if (input.foreign) yield* warn(agent, state, "two-effects", EffectCopies.advice("runs this agent"))

  const asked = modelOptions(agent, input.options)
  const maxToolCalls = input.options.maxToolCalls ?? options.maxToolCalls ?? Limits.maxToolCalls
  const wanted = input.options.toolChoice ?? options.toolChoice ?? "auto"
  const keepsSteps = options.stopWhen !== undefined || options.beforeTurn !== undefined

  const prompt = Prompt.fromMessages(state.content)
  const { memory } = options
  const asking = state.content.length - 1
  const counter = memory?.maxTokens === undefined
    ? Tokens.estimate
    : yield* Tokens.counterOf(first.id, first.driver?.tokenizer)
  const fixed = memory?.maxTokens === undefined ? 0 : counter.ofTools(agent.declared)
  const compacting = memory?.compact === undefined || memory.maxTokens === undefined
    ? undefined
    : new Compacting(agent, input, state, { ...memory, maxTokens: memory.maxTokens }, { asked: asking, fixed, counter })
  let isStopped = false
  /** How often in a row the vendor paused, and what it had said until then. */
  let pauses = 0
  let said = ""
  for (let turn = 1;; turn++) {
    // a model may call tools that it was never offered, for ever
    const isLast = isStopped || (state.toolCalls >= maxToolCalls && agent.declared.length + state.toolCalls > 0)
    const question = { turn, options: asked, onlyAnswer: isLast || state.corrections > 0 }
    const current = chain === undefined ? first : chain.current
    const shown = compacting === undefined
      ? { messages: state.content, instructions: state.instructions, asked: asking }
      : yield* compacting.ofTurn(turn, current)
    const kept = memory === undefined ? undefined : Trim.trim(shown.messages, {
      window: memory.window,
      maxTokens: memory.maxTokens,
      instructions: shown.instructions,
      asked: shown.asked,
      fixed,
      counter
    })
    if (kept?.fits === false) {
      const most = "what a turn has to be sent is more than the agent's memory allows: raise window or maxTokens"
      yield* warn(agent, state, "memory-exceeded", most)
    }
    let request: TurnRequest = {
      target: current,
      chain,
      prompt: kept === undefined || kept.messages === state.content ? prompt : Prompt.fromMessages(kept.messages),
      tools: agent.declared,
      offered: agent.tools,
      toolChoice: toolChoiceOf(agent, state, wanted, isLast)
    }
    // the catalog of a Layer says so itself
    if (agent.skills?.restrictTools === true || state.skills?.restrictTools === true) {
      request = restricted(agent, state, request)
    }
    if (chain !== undefined && turn === 1) yield* checkModels(agent, chain, request, question)
    let changes: { readonly [key: string]: unknown } | undefined
    if (options.beforeTurn !== undefined) {
      const messages = state.content.slice()
      const change = yield* options.beforeTurn({ turn, model: current.id, messages, steps: state.steps })
      if (change !== undefined) {
        request = yield* applyChange(agent, state, request, change)
        changes = recordChange(change, request.target)
      }
    }
    if (sink !== undefined) {
      const model = request.target.id
      yield* sink.emit({ _tag: "TurnStarted", path, turn, model, ...(changes === undefined ? {} : { changes }) })
    }

    const response = yield* askModel(agent, input, state, request, question)
    // a fallback is with the model that answered
    const target = request.chain === undefined ? request.target : request.chain.current
    const answerBy = Answer.by(agent, target, request.tools)
    const model = target.id
    const { calls, text } = read(response)
    state.respond(response, model)
    if (sink !== undefined) {
      const { finish, usage } = response
      yield* sink.emit({ _tag: "ResponseReceived", path, turn, model: state.model, finish, text, usage })
    }
    if (response.finish === "length") {
      yield* warn(agent, state, "answer-cut", `an answer was cut at maxTokens (${asked.maxTokens}); raise it`)
    }

    // what it calls for may be less than it meant to
    if (calls.length > 0 && isBroken(response.finish)) return yield* brokenOff(model, response.finish)

    const isPaused = response.finish === "pause" && calls.length === 0
    if (isPaused && pauses < Limits.maxPauses) {
      pauses++
      said += text
      state.isPaused = true
      continue
    }
    if (isPaused) {
      state.endPause()
      yield* warn(agent, state, "paused-too-often", `model ${model} paused ${pauses} times in a row: the rest is cut`)
    }
    // a typed answer is whole in its response; a text may have begun before the pause
    const answer = agent.output === undefined ? said + text : text
    pauses = 0
    said = ""

    const answerCall = answerBy === "tool" ? calls.find((call) => call.name === Output.toolName) : undefined
    if (calls.length > 0 && answerCall === undefined) {
      // a call that comes although none is allowed is answered, and not run
      const { offered } = request
      const plan = Turn.plan(calls, offered, isLast ? 0 : maxToolCalls - state.toolCalls)
      const outcomes = yield* runCalls(agent, input, state, { turn, calls, offered, plan, maxToolCalls })
      if (state.skills !== undefined) yield* activate(input, state, turn, calls, outcomes)
      if (keepsSteps) state.steps.push(Turn.toStep(turn, text, calls, outcomes))
      if (!isLast) {
        if (options.stopWhen?.(state.steps) !== true) continue
        if (agent.output === undefined) return complete(input, state, answer, "stopped")
        // a typed answer is still owed
        isStopped = true
        continue
      }
    }
    if (answerCall === undefined) {
      if (answer.trim() === "") return yield* nothingSaid(model, response.finish)
      if (response.finish === "content-filter") return yield* refused(model, answer)
      if (unclear.has(response.finish)) {
        const end = `model ${model} ended its answer with finish reason "${response.finish}"`
        yield* warn(agent, state, "answer-unfinished", `${end}: it may not be whole`)
      }
    }
    const finish = isStopped ? "stopped" : isLast || isPaused ? "tool-limit" : "answered"
    if (agent.output === undefined) return complete(input, state, answer, finish)

    const transformer = answerBy === "schema" ? target.driver?.codecTransformer : undefined
    const reading = yield* Answer.judge(agent, agent.output, answerCall?.params ?? answer, transformer)
    if (answerCall !== undefined) state.answer(calls, Answer.outcomes(calls, answerCall, reading))
    if (reading._tag === "Valid") return complete(input, state, reading.value, finish)
    const { issues } = reading
    if (sink !== undefined) yield* sink.emit({ _tag: "OutputRejected", path, turn, issues, text: reading.text })
    if (++state.corrections > (options.corrections ?? Limits.corrections)) {
      return yield* new OutputInvalid({ issues, text: reading.text })
    }
    if (answerCall === undefined) state.content.push(Parts.user([Parts.text(Answer.correction(answerBy, issues))]))
  }
})

/** A turn's request with the tools that the active skills leave. */
const restricted = (agent: AgentDefinition, state: RunState, request: TurnRequest): TurnRequest => {
  const names = SkillTools.allowed(state.activeSkills, agent.tools.keys())
  return names === undefined ? request : {
    ...request,
    tools: agent.declared.filter(({ name }) => names.includes(name)),
    offered: new Map([...agent.tools].filter(([name]) => names.includes(name)))
  }
}

/** Notes the skills that the model has begun to use, and tells of them. */
const activate = Effect.fnUntraced(function*(
  { path, sink }: RunInput,
  state: RunState,
  turn: number,
  calls: ReadonlyArray<Turn.Call>,
  outcomes: ReadonlyArray<Outcome>
) {
  for (const [index, { name }] of calls.entries()) {
    const outcome = outcomes[index]
    const skill = outcome?._tag === "Returned" ? SkillTools.activated(name, outcome.result) : undefined
    if (skill === undefined || state.activeSkills.some((active) => active.name === skill)) continue
    const found = yield* Effect.option(state.skills!.get(skill))
    if (found._tag === "Some") state.activeSkills = [...state.activeSkills, found.value]
    if (sink !== undefined) yield* sink.emit({ _tag: "SkillActivated", path, turn, skill })
  }
})

/** Says that the run begins anew: to whoever sees its events, else to the log. */
const tellAgain = (
  agent: AgentDefinition,
  { attempt, path, sink }: RunInput,
  { reason: { _tag: reason, message } }: AgentError
): Effect.Effect<void> =>
  sink === undefined
    ? Effect.logInfo(`agent ${agent.name}: attempt ${attempt} begins, the one before failed: ${message}`)
    : sink.emit({ _tag: "RunRetried", path, attempt, reason, message })

/** A forced choice holds until the model has called a tool; else it could never answer. */
const toolChoiceOf = (
  agent: AgentDefinition,
  state: RunState,
  wanted: LanguageModel.ToolChoice<string>,
  isLast: boolean
): LanguageModel.ToolChoice<string> => {
  if (isLast || agent.declared.length === 0) return "none"
  if (state.toolCalls === 0 || wanted === "auto" || wanted === "none") return wanted
  return typeof wanted === "object" && "oneOf" in wanted ? { oneOf: wanted.oneOf } : "auto"
}

const noCalls: ReadonlyArray<Turn.Call> = []

/** The text of a response, and the calls that are ours to run. */
const read = (response: TurnResponse): { readonly text: string; readonly calls: ReadonlyArray<Turn.Call> } => {
  let text = ""
  let calls: Array<Turn.Call> | undefined
  for (const part of response.content) {
    if (part.type === "text") text += part.text
    else if (part.type === "tool-call" && !part.providerExecuted) {
      if (calls === undefined) calls = [part]
      else calls.push(part)
    }
  }
  return { text, calls: calls ?? noCalls }
}

const complete = (input: RunInput, state: RunState, output: unknown, finish: Finish): RunResult<unknown> => ({
  output,
  finish,
  usage: usageOf(input),
  turns: state.turns,
  toolCalls: state.toolCalls,
  messages: state.settled(),
  warnings: state.warnings,
  model: state.model
})

/** How a response ends whose calls are not run. */
const isBroken = (finish: string) => finish === "content-filter" || finish === "error"

/** How a response ends that may go on, for all that its vendor says. */
const unclear: ReadonlySet<string> = new Set(["error", "other", "unknown"])

const brokenOff = (model: string, finish: string) =>
  finish === "content-filter" ? refused(model, "") : new ModelFailed({
    model,
    error: AiError.make({
      module: "Agent",
      method: "run",
      reason: new AiError.InternalProviderError({
        description: "its response broke off with an error, so the tools that it called were not run; ask again"
      })
    })
  })

const refused = (model: string, text: string) =>
  new ModelFailed({
    model,
    error: AiError.make({
      module: "Agent",
      method: "run",
      reason: new AiError.ContentPolicyError({
        description: text === "" ? "the vendor's content filter held the answer back; rephrase" : text
      })
    })
  })

const nothingSaid = (model: string, finish: string) =>
  finish === "content-filter" ? refused(model, "") : new EmptyAnswer({ model, finish })
