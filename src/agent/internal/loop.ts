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
import * as Schema from "effect/Schema"
import { type AgentErrorReason, EmptyAnswer, ModelFailed, Unsupported } from "../../core/AgentError.ts"
import type { Finish, RunResult } from "../../core/AgentEvent.ts"
import * as Limits from "../../core/Limits.ts"
import * as StepScope from "../../durable/StepScope.ts"
import * as Capabilities from "../Capabilities.ts"
import type { ModelOptions } from "../ModelOptions.ts"
import { TurnResponse } from "../ResponseFold.ts"
import * as Turn from "../Turn.ts"
import * as EffectCopies from "./EffectCopies.ts"
import * as ModelCall from "./modelCall.ts"
import {
  type AgentDefinition,
  applyChange,
  begin,
  modelOptions,
  recordChange,
  resolveModel,
  type RunInput,
  toToolkit,
  type TurnRequest
} from "./prepare.ts"
import { runCalls } from "./runCalls.ts"
import type { RunState } from "./RunState.ts"
import * as Telemetry from "./Telemetry.ts"

const textFormat = { type: "text" } as const

const ModelPayload = Schema.Struct({ turn: Schema.Finite })

/** Runs an agent until its model answers. */
export const run = Effect.fnUntraced(function*(
  agent: AgentDefinition,
  input: RunInput
): Effect.fn.Return<RunResult, AgentErrorReason, any> {
  const { options } = agent
  const { path, sink } = input
  const target = yield* resolveModel(options.model)
  const state = yield* begin(agent, input, target)
  input.state = state
  if (sink !== undefined) yield* sink.emit({ _tag: "RunStarted", path })
  for (const { code, message } of agent.warnings) yield* warn(agent, state, code, message)
  if (input.foreign) yield* warn(agent, state, "two-effects", EffectCopies.advice())

  const asked = modelOptions(agent, input.options)
  const maxToolCalls = input.options.maxToolCalls ?? options.maxToolCalls ?? Limits.maxToolCalls
  const wanted = input.options.toolChoice ?? options.toolChoice ?? "auto"
  const keepsSteps = options.stopWhen !== undefined || options.beforeTurn !== undefined

  for (let turn = 1;; turn++) {
    const isLast = agent.declared.length > 0 && state.toolCalls >= maxToolCalls
    let request: TurnRequest = {
      target,
      prompt: Prompt.fromMessages(state.content),
      tools: agent.declared,
      offered: agent.tools,
      toolChoice: toolChoiceOf(agent, state, wanted, isLast)
    }
    let changes: { readonly [key: string]: unknown } | undefined
    if (options.beforeTurn !== undefined) {
      const messages = state.content.slice()
      const change = yield* options.beforeTurn({ turn, model: target.id, messages, steps: state.steps })
      if (change !== undefined) {
        request = yield* applyChange(agent, request, change)
        changes = recordChange(change, request.target)
      }
    }
    const model = request.target.id
    if (sink !== undefined) {
      yield* sink.emit({ _tag: "TurnStarted", path, turn, model, ...(changes === undefined ? {} : { changes }) })
    }

    const response = yield* ask(agent, input, state, request, yield* fit(agent, state, request, asked), turn)
    const { calls, text } = read(response)
    state.respond(response, model)
    if (sink !== undefined) {
      const { finish, usage } = response
      yield* sink.emit({ _tag: "ResponseReceived", path, turn, model: state.model, finish, text, usage })
    }
    if (response.finish === "length") {
      yield* warn(agent, state, "answer-cut", `an answer was cut at maxTokens (${asked.maxTokens}); raise it`)
    }

    if (calls.length > 0) {
      // a call that comes although none is allowed is answered, and not run
      const { offered } = request
      const plan = Turn.plan(calls, offered, isLast ? 0 : maxToolCalls - state.toolCalls)
      const outcomes = yield* runCalls(agent, input, state, { turn, calls, offered, plan, maxToolCalls })
      if (keepsSteps) state.steps.push(Turn.toStep(turn, text, calls, outcomes))
      if (!isLast) {
        if (options.stopWhen?.(state.steps) === true) return complete(state, text, "stopped")
        continue
      }
    }
    if (text === "") return yield* nothingSaid(model, response.finish)
    if (response.finish === "content-filter") return yield* refused(model, text)
    return complete(state, text, isLast ? "tool-limit" : "answered")
  }
})

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

/** The options that the model takes; fails when it cannot do what the run needs. */
const fit = (
  agent: AgentDefinition,
  state: RunState,
  { prompt, target, toolChoice, tools }: TurnRequest,
  options: ModelOptions
): Effect.Effect<ModelOptions, Unsupported> => {
  if (target.driver === undefined) return Effect.succeed(options)
  const isSame = prompt.content === state.content && state.checkedBy === target
  const verdict = Capabilities.check(
    target.driver.capabilities,
    { messages: prompt.content, tools: tools.length, toolChoice, options },
    isSame ? state.checked : 0
  )
  if (verdict._tag === "Unmet") {
    return Effect.fail(new Unsupported({ model: target.id, feature: verdict.feature, advice: verdict.advice }))
  }
  state.checkedBy = target
  state.checked = state.content.length
  if (verdict.omitted.length === 0) return Effect.succeed(options)
  const message = `model ${target.id} does not take ${verdict.omitted.join(", ")}: left out`
  return Effect.as(warn(agent, state, "option-omitted", message), verdict.options)
}

/** Asks the model, as a step. */
const ask = (
  agent: AgentDefinition,
  { path, sink, traced }: RunInput,
  state: RunState,
  { prompt, target, toolChoice, tools }: TurnRequest,
  options: ModelOptions,
  turn: number
): Effect.Effect<TurnResponse, ModelFailed, any> => {
  const call = ModelCall.make({
    target,
    request: { prompt, tools, toolChoice, responseFormat: textFormat, options },
    toolkit: target.driver === undefined ? toToolkit(tools) : undefined,
    retry: agent.options.modelRetry,
    state,
    turn,
    secretive: agent.secretive,
    path,
    sink,
    startedAt: undefined
  })
  return StepScope.step<TurnResponse, ModelFailed, any>(
    () => ({
      name: "model",
      payload: { turn },
      payloadSchema: ModelPayload,
      success: TurnResponse,
      error: ModelFailed
    }),
    traced ? Telemetry.modelCall(call, { agent: agent.name, target, options }) : call
  )
}

/** The text of a response, and the calls that are ours to run. */
const read = (response: TurnResponse): { readonly text: string; readonly calls: ReadonlyArray<Turn.Call> } => {
  let text = ""
  const calls: Array<Turn.Call> = []
  for (const part of response.content) {
    if (part.type === "text") text += part.text
    else if (part.type === "tool-call" && !part.providerExecuted) calls.push(part)
  }
  return { text, calls }
}

const complete = (state: RunState, output: string, finish: Finish): RunResult => ({
  output,
  finish,
  usage: state.usage,
  turns: state.turns,
  toolCalls: state.toolCalls,
  messages: state.settled(),
  warnings: state.warnings,
  model: state.model
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

const warn = (agent: AgentDefinition, state: RunState, code: string, message: string): Effect.Effect<void> => {
  state.warn(code, message)
  const key = `${code} ${message}`
  if (agent.logged.has(key)) return Effect.void
  agent.logged.add(key)
  return Effect.logWarning(`agent ${agent.name}: ${message}`)
}
