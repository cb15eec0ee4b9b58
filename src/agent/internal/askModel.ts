/**
 * Asks a turn's model, as a step; with a fallback the next one when it fails, each as a step of its own.
 *
 * A failed step is journaled as any other, so a replay takes the same way through the models. The circuit is asked
 * inside of the step, since its state is not the same later.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type FailedBefore, ModelFailed, Unsupported } from "../../core/AgentError.ts"
import * as StepScope from "../../durable/StepScope.ts"
import * as Capabilities from "../Capabilities.ts"
import { MayWait } from "../Driver.ts"
import type { ModelOptions } from "../ModelOptions.ts"
import type * as Output from "../Output.ts"
import { TurnResponse } from "../ResponseFold.ts"
import * as Answer from "./answer.ts"
import * as Circuit from "./circuit.ts"
import { type Chain, decide } from "./fallback.ts"
import * as ModelCall from "./modelCall.ts"
import { type AgentDefinition, type RunInput, toToolkit, type TurnRequest } from "./prepare.ts"
import type { RunState } from "./RunState.ts"
import * as Telemetry from "./Telemetry.ts"
import { warn } from "./warn.ts"

const textFormat = { type: "text" } as const

const toFormat = ({ name, wire }: Output.Output) => ({ type: "json", objectName: name, schema: wire } as const)

const ModelPayload = Schema.Struct({ turn: Schema.Finite })

/** What a turn asks, whichever model it is that answers. */
export interface Question {
  readonly turn: number
  /** The options that are wished for. */
  readonly options: ModelOptions
  /** Nothing but the answer may be given any more. */
  readonly onlyAnswer: boolean
}

/** Asks the model of a turn, or those of its fallback, which is then with the one that answered. */
export const askModel = (
  agent: AgentDefinition,
  input: RunInput,
  state: RunState,
  request: TurnRequest,
  question: Question
): Effect.Effect<TurnResponse, ModelFailed | Unsupported, any> => {
  const { chain } = request
  return chain === undefined
    ? askOne(agent, input, state, request, question, agent.options.modelRetry, undefined)
    : askInTurn(agent, input, state, request, chain, question)
}

/** Fails when a model of a fallback cannot do what the agent needs in every run. */
export const checkModels = (
  agent: AgentDefinition,
  { targets }: Chain,
  request: TurnRequest,
  question: Question
): Effect.Effect<void, Unsupported> => {
  for (const target of targets) {
    const verdict = check(agent, { ...request, target }, question, [])
    if (verdict._tag === "Unmet") return Effect.fail(unsupported(target, verdict))
  }
  return Effect.void
}

const askInTurn = Effect.fnUntraced(function*(
  agent: AgentDefinition,
  input: RunInput,
  state: RunState,
  request: TurnRequest,
  chain: Chain,
  question: Question
): Effect.fn.Return<TurnResponse, ModelFailed | Unsupported, any> {
  const { fallback, targets } = chain
  const verdictOn = (index: number) =>
    check(agent, { ...request, target: targets[index]! }, question, request.prompt.content)
  const canTake = (index: number) => verdictOn(index)._tag === "Met"
  const unfit = (index: number): ReadonlyArray<FailedBefore> => {
    const verdict = verdictOn(index)
    if (verdict._tag === "Met") return []
    const { _tag, message, model } = unsupported(targets[index]!, verdict)
    return [{ model, reason: _tag, message }]
  }
  const tried = new Set<number>()
  const before: Array<FailedBefore> = []
  for (let at = chain.at;;) {
    tried.add(at)
    const target = targets[at]!
    const next = chain.after(at, tried).find(canTake)
    const retry = next === undefined ? agent.options.modelRetry : fallback.retry ?? { times: 0 }
    const place = { chain, isLast: next === undefined }
    const result = yield* Effect.result(askOne(agent, input, state, { ...request, target }, question, retry, place))
    if (result._tag === "Success") {
      chain.at = at
      return result.success
    }
    const failed = result.failure
    if (failed._tag === "Unsupported") return yield* failed
    const move = decide(failed)
    const { larger } = chain
    const to = move === "next"
      ? next
      : move === "larger" && larger !== undefined && !tried.has(larger) && canTake(larger)
      ? larger
      : undefined
    if (to === undefined) {
      const passedOver = move === "next" ? chain.after(at, tried).flatMap(unfit) : []
      return yield* withBefore(failed, [...before, ...passedOver])
    }
    before.push({ model: target.id, reason: failed.error.reason._tag, message: failed.said })
    // what had come of it was shown to nobody
    state.fold = undefined
    yield* tell(agent, input, question.turn, target.id, targets[to]!.id, failed.said)
    at = to
  }
})

const withBefore = (failed: ModelFailed, before: ReadonlyArray<FailedBefore>): ModelFailed => {
  if (before.length === 0) return failed
  const { error, model, shown } = failed
  return new ModelFailed({ model, error, before, ...(shown === undefined ? {} : { shown }) })
}

/** Says that the run went on with another model: to whoever sees its events, else to the log. */
const tell = (
  agent: AgentDefinition,
  { path, sink }: RunInput,
  turn: number,
  from: string,
  to: string,
  message: string
): Effect.Effect<void> =>
  sink === undefined
    ? Effect.logInfo(`agent ${agent.name}: ${from} could not answer, ${to} is asked instead: ${message}`)
    : sink.emit({ _tag: "ModelFellBack", path, turn, from, to, message })

/** Where a model stands in its fallback. */
interface Place {
  readonly chain: Chain
  /** Nobody else can be asked. */
  readonly isLast: boolean
}

const askOne = (
  agent: AgentDefinition,
  input: RunInput,
  state: RunState,
  asked: TurnRequest,
  question: Question,
  retry: ModelCall.ModelCall["retry"],
  place: Place | undefined
): Effect.Effect<TurnResponse, ModelFailed | Unsupported, any> => {
  const answerBy = Answer.by(agent, asked.target, asked.tools)
  const request = answerBy === "tool" ? Answer.offerTool(agent.output!, asked, question) : asked
  const fitting = fit(agent, state, request, question.options)
  const asking = { answerBy, retry, turn: question.turn, place }
  return Effect.isEffect(fitting)
    ? Effect.flatMap(fitting, (options) => call(agent, input, state, request, options, asking))
    : call(agent, input, state, request, fitting, asking)
}

type Unmet = Extract<Capabilities.Verdict, { readonly _tag: "Unmet" }>

const unsupported = ({ id }: ModelCall.Target, { advice, feature }: Unmet) =>
  new Unsupported({ model: id, feature, advice })

/** Whether a model can take a turn, with these of its messages. */
const check = (
  agent: AgentDefinition,
  asked: TurnRequest,
  question: Question,
  messages: TurnRequest["prompt"]["content"]
): Capabilities.Verdict => {
  const { options } = question
  const isByTool = Answer.by(agent, asked.target, asked.tools) === "tool"
  const { target, toolChoice, tools } = isByTool ? Answer.offerTool(agent.output!, asked, question) : asked
  return target.driver === undefined
    ? { _tag: "Met", options, omitted: [] }
    : Capabilities.check(target.driver.capabilities, { messages, tools: tools.length, toolChoice, options })
}

/** The options that the model takes; an Effect where there is something to say. */
const fit = (
  agent: AgentDefinition,
  state: RunState,
  { prompt, target, toolChoice, tools }: TurnRequest,
  options: ModelOptions
): ModelOptions | Effect.Effect<ModelOptions, Unsupported> => {
  if (target.driver === undefined) return options
  const isSame = prompt.content === state.content && state.checkedBy === target
  const verdict = Capabilities.check(
    target.driver.capabilities,
    { messages: prompt.content, tools: tools.length, toolChoice, options },
    isSame ? state.checked : 0
  )
  if (verdict._tag === "Unmet") return Effect.fail(unsupported(target, verdict))
  state.checkedBy = target
  state.checked = state.content.length
  if (verdict.omitted.length === 0) return options
  const message = `model ${target.id} does not take ${verdict.omitted.join(", ")}: left out`
  return Effect.as(warn(agent, state, "option-omitted", message), verdict.options)
}

/** Makes the call, as a step. */
const call = (
  agent: AgentDefinition,
  { feed, journaled, path, sink, traced }: RunInput,
  state: RunState,
  { prompt, target, toolChoice, tools }: TurnRequest,
  options: ModelOptions,
  { answerBy, place, retry, turn }: {
    readonly answerBy: Answer.AnswerBy
    readonly retry: ModelCall.ModelCall["retry"]
    readonly turn: number
    readonly place: Place | undefined
  }
): Effect.Effect<TurnResponse, ModelFailed, any> => {
  const { output } = agent
  const responseFormat = output !== undefined && answerBy === "schema" ? toFormat(output) : textFormat
  const made = ModelCall.make({
    target,
    request: { prompt, tools, toolChoice, responseFormat, options },
    toolkit: target.driver === undefined ? toToolkit(tools) : undefined,
    retry,
    state,
    turn,
    secretive: agent.secretive,
    path,
    sink,
    feed,
    output,
    startedAt: undefined
  })
  const seen = traced ? Telemetry.modelCall(made, { agent: agent.name, target, options }) : made
  const body = place === undefined ? seen : inChain(seen, target.id, place)
  return journaled ? asStep(turn, body) : body
}

const asStep = (turn: number, body: Effect.Effect<TurnResponse, ModelFailed, any>) =>
  StepScope.step<TurnResponse, ModelFailed, any>(
    () => ({
      name: "model",
      payload: { turn },
      payloadSchema: ModelPayload,
      success: TurnResponse,
      error: ModelFailed
    }),
    body
  )

const inChain = <R>(
  call: Effect.Effect<TurnResponse, ModelFailed, R>,
  model: string,
  { chain, isLast }: Place
): Effect.Effect<TurnResponse, ModelFailed, R> => {
  const { breaker } = chain
  const patient = isLast ? call : Effect.provideService(call, MayWait, false)
  return breaker === undefined ? patient : Circuit.guard(breaker, model, patient, isLast)
}
