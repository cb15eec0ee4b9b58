/**
 * Runs the calls of one turn as they were planned, and gives what the model is told of each, in the order asked.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { NoApprover } from "../../core/AgentError.ts"
import * as Limits from "../../core/Limits.ts"
import * as Secrets from "../../core/Secrets.ts"
import { CurrentListener, type Listener } from "../../durable/Progress.ts"
import type { BoundTool, Outcome } from "../Toolbox.ts"
import * as Turn from "../Turn.ts"
import type { AgentDefinition, RunInput } from "./prepare.ts"
import type { Sink } from "./RunScope.ts"
import type { RunState } from "./RunState.ts"
import * as Telemetry from "./Telemetry.ts"

/** The calls of one turn. */
export interface TurnCalls {
  readonly turn: number
  readonly calls: ReadonlyArray<Turn.Call>
  /** The tools that the turn offered. */
  readonly offered: ReadonlyMap<string, BoundTool>
  readonly plan: Turn.Plan
  readonly maxToolCalls: number
}

/** Runs a turn's calls. Fails only when a call needs an approval and nobody is there to ask. */
export const runCalls = (
  agent: AgentDefinition,
  input: RunInput,
  state: RunState,
  turn: TurnCalls
): Effect.Effect<ReadonlyArray<Outcome>, NoApprover, any> =>
  Effect.suspend(() => {
    const { calls, plan } = turn
    const outcomes: Array<Outcome | undefined> = calls.length === 1
      ? [undefined]
      : new Array<Outcome | undefined>(calls.length).fill(undefined)
    state.pending = { calls, outcomes }
    state.toolCalls += calls.length

    // one call that nobody watches: nothing to order, nothing to tell
    if (calls.length === 1 && input.sink === undefined && plan.decisions[0] === "run") {
      return Effect.map(perform(agent, input, state, turn, calls[0]!), (outcome) => {
        outcomes[0] = outcome
        state.answer(calls, outcomes)
        return outcomes as ReadonlyArray<Outcome>
      })
    }
    return runAll(agent, input, state, turn, outcomes)
  })

const runAll = (
  agent: AgentDefinition,
  input: RunInput,
  state: RunState,
  turn: TurnCalls,
  outcomes: Array<Outcome | undefined>
): Effect.Effect<ReadonlyArray<Outcome>, NoApprover, any> => {
  const { calls, plan } = turn
  const runOne = (index: number) =>
    Effect.flatMap(perform(agent, input, state, turn, calls[index]!), (outcome) => {
      outcomes[index] = outcome
      return input.sink === undefined
        ? Effect.void
        : input.sink.emit(toEvent(input.path, turn.turn, calls[index]!, outcome))
    })
  const runBatch = (batch: ReadonlyArray<number>) =>
    batch.length === 1 ? runOne(batch[0]!) : Effect.forEach(batch, runOne, {
      concurrency: agent.options.maxConcurrentTools ?? Limits.maxConcurrentTools,
      discard: true
    })

  let effect: Effect.Effect<void, NoApprover, any> = announce(input, turn, outcomes)
  for (const batch of plan.batches) {
    effect = effect === Effect.void ? runBatch(batch) : Effect.andThen(effect, runBatch(batch))
  }
  return Effect.map(effect, () => {
    state.answer(calls, outcomes)
    return outcomes as ReadonlyArray<Outcome>
  })
}

/** Says which calls were asked for, and answers those that do not run. */
const announce = (
  { path, sink }: RunInput,
  { calls, maxToolCalls, offered, plan, turn }: TurnCalls,
  outcomes: Array<Outcome | undefined>
): Effect.Effect<void> => {
  let waiting = Effect.void
  for (let index = 0; index < calls.length; index++) {
    const call = calls[index]!
    const decision = plan.decisions[index]!
    if (sink !== undefined) {
      waiting = sink.emit({
        _tag: "ToolCalled",
        path,
        turn,
        id: call.id,
        name: call.name,
        arguments: Secrets.scrubValue(call.params)
      })
    }
    if (decision === "run") continue
    const message = Turn.refusal(decision, call, offered, maxToolCalls)
    const outcome: Outcome = { _tag: "Failed", reason: decision, result: message, message, cause: message }
    outcomes[index] = outcome
    if (sink !== undefined) waiting = sink.emit(toEvent(path, turn, call, outcome))
  }
  return waiting
}

const toEvent = (path: string, turn: number, call: Turn.Call, outcome: Outcome) =>
  outcome._tag === "Returned"
    ? { _tag: "ToolReturned" as const, path, turn, id: call.id, name: call.name, result: outcome.result }
    : {
      _tag: "ToolFailed" as const,
      path,
      turn,
      id: call.id,
      name: call.name,
      reason: outcome.reason,
      message: outcome.message,
      cause: outcome.cause
    }

const perform = (
  agent: AgentDefinition,
  { path, sink, traced }: RunInput,
  state: RunState,
  { turn }: TurnCalls,
  call: Turn.Call
): Effect.Effect<Outcome, NoApprover, any> => {
  const tool = agent.tools.get(call.name)!
  const max = agent.options.maxToolResult ?? Limits.maxToolResult
  const listener = sink === undefined ? undefined : listenerOf(sink, path, turn, call)
  const run = tool.run(call.params, {
    id: call.id,
    messages: state.content,
    preliminary: listener === undefined ? noPreliminary : listener.emit
  })
  const effect = Effect.map(traced ? Telemetry.toolCall(run, call) : run, (outcome) => limit(outcome, max))
  return listener === undefined
    ? effect
    : Effect.updateContext(effect, (context) => Context.add(context, CurrentListener, listener))
}

const noPreliminary = () => Effect.void

const listenerOf = (sink: Sink, path: string, turn: number, call: Turn.Call): Listener => {
  const toProgress = (value: unknown) => ({
    _tag: "ToolProgress" as const,
    path,
    turn,
    id: call.id,
    name: call.name,
    value: Secrets.scrubValue(value)
  })
  return {
    emit: (value) => sink.emit(toProgress(value)),
    emitUnsafe: (value) => sink.push(toProgress(value))
  }
}

/** The outcome, as far as the model is shown it. */
const limit = (outcome: Outcome, max: number): Outcome => {
  if (
    outcome._tag === "Returned" && outcome.modelOutput === undefined && typeof outcome.result === "string" &&
    outcome.result.length <= max
  ) return outcome
  const { cut, result } = Turn.cut(outcome.result, max)
  if (outcome._tag === "Failed") {
    return { ...outcome, result, message: cutText(outcome.message, max), cause: cutText(outcome.cause, max) }
  }
  if (outcome.modelOutput === undefined) return cut ? { ...outcome, result } : outcome
  const modelOutput = outcome.modelOutput.map((part) =>
    part.type === "text" ? { ...part, text: cutText(part.text, max) } : part
  )
  return { ...outcome, result, modelOutput }
}

const cutText = (text: string, max: number) => Turn.cut(text, max).result as string
