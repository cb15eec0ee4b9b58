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
import { type AgentErrorReason, EmptyAnswer, ModelFailed, OutputInvalid, Unsupported } from "../../core/AgentError.ts"
import type { Finish, RunResult } from "../../core/AgentEvent.ts"
import * as Limits from "../../core/Limits.ts"
import * as StepScope from "../../durable/StepScope.ts"
import * as Capabilities from "../Capabilities.ts"
import type { ModelOptions } from "../ModelOptions.ts"
import * as Output from "../Output.ts"
import { TurnResponse } from "../ResponseFold.ts"
import * as Turn from "../Turn.ts"
import * as Answer from "./answer.ts"
import * as EffectCopies from "./EffectCopies.ts"
import * as ModelCall from "./modelCall.ts"
import * as Parts from "./Parts.ts"
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

const toFormat = ({ name, wire }: Output.Output) => ({ type: "json", objectName: name, schema: wire } as const)

const ModelPayload = Schema.Struct({ turn: Schema.Finite })

/** Runs an agent until its model answers. */
export const run = Effect.fnUntraced(function*(
  agent: AgentDefinition,
  input: RunInput
): Effect.fn.Return<RunResult<unknown>, AgentErrorReason, any> {
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

  let isStopped = false
  for (let turn = 1;; turn++) {
    // a model may call tools that it was never offered, for ever
    const isLast = isStopped || (state.toolCalls >= maxToolCalls && agent.declared.length + state.toolCalls > 0)
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
    const answerBy = Answer.by(agent, request)
    if (answerBy === "tool") {
      request = Answer.offerTool(agent.output!, request, isLast || state.corrections > 0)
    }
    if (sink !== undefined) {
      yield* sink.emit({ _tag: "TurnStarted", path, turn, model, ...(changes === undefined ? {} : { changes }) })
    }

    const fitting = yield* fit(agent, state, request, asked)
    const response = yield* ask(agent, input, state, request, { answerBy, options: fitting, turn })
    const { calls, text } = read(response)
    state.respond(response, model)
    if (sink !== undefined) {
      const { finish, usage } = response
      yield* sink.emit({ _tag: "ResponseReceived", path, turn, model: state.model, finish, text, usage })
    }
    if (response.finish === "length") {
      yield* warn(agent, state, "answer-cut", `an answer was cut at maxTokens (${asked.maxTokens}); raise it`)
    }

    const answerCall = answerBy === "tool" ? calls.find((call) => call.name === Output.toolName) : undefined
    if (calls.length > 0 && answerCall === undefined) {
      // a call that comes although none is allowed is answered, and not run
      const { offered } = request
      const plan = Turn.plan(calls, offered, isLast ? 0 : maxToolCalls - state.toolCalls)
      const outcomes = yield* runCalls(agent, input, state, { turn, calls, offered, plan, maxToolCalls })
      if (keepsSteps) state.steps.push(Turn.toStep(turn, text, calls, outcomes))
      if (!isLast) {
        if (options.stopWhen?.(state.steps) !== true) continue
        if (agent.output === undefined) return complete(state, text, "stopped")
        // a typed answer is still owed
        isStopped = true
        continue
      }
    }
    if (answerCall === undefined) {
      if (text === "") return yield* nothingSaid(model, response.finish)
      if (response.finish === "content-filter") return yield* refused(model, text)
    }
    const finish = isStopped ? "stopped" : isLast ? "tool-limit" : "answered"
    if (agent.output === undefined) return complete(state, text, finish)

    const transformer = answerBy === "schema" ? request.target.driver?.codecTransformer : undefined
    const reading = yield* Answer.judge(agent, agent.output, answerCall?.params ?? text, transformer)
    if (answerCall !== undefined) state.answer(calls, Answer.outcomes(calls, answerCall, reading))
    if (reading._tag === "Valid") return complete(state, reading.value, finish)
    const { issues } = reading
    if (sink !== undefined) yield* sink.emit({ _tag: "OutputRejected", path, turn, issues, text: reading.text })
    if (++state.corrections > (options.corrections ?? Limits.corrections)) {
      return yield* new OutputInvalid({ issues, text: reading.text })
    }
    if (answerCall === undefined) state.content.push(Parts.user([Parts.text(Output.correction(issues))]))
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
  { answerBy, options, turn }: {
    readonly answerBy: Answer.AnswerBy
    readonly options: ModelOptions
    readonly turn: number
  }
): Effect.Effect<TurnResponse, ModelFailed, any> => {
  const { output } = agent
  const responseFormat = output !== undefined && answerBy === "schema" ? toFormat(output) : textFormat
  const call = ModelCall.make({
    target,
    request: { prompt, tools, toolChoice, responseFormat, options },
    toolkit: target.driver === undefined ? toToolkit(tools) : undefined,
    retry: agent.options.modelRetry,
    state,
    turn,
    secretive: agent.secretive,
    path,
    sink,
    output,
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

const complete = (state: RunState, output: unknown, finish: Finish): RunResult<unknown> => ({
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
