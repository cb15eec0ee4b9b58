/**
 * Runs the calls of one turn as they were planned, and gives what the model is told of each, in the order asked.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { NoApprover } from "../../core/AgentError.ts"
import * as Limits from "../../core/Limits.ts"
import * as Secrets from "../../core/Secrets.ts"
import type { Feed } from "../../durable/internal/Feed.ts"
import { CurrentListener, type Listener } from "../../durable/Progress.ts"
import type { BoundTool, CallContext, Outcome } from "../Toolbox.ts"
import * as Toolbox from "../Toolbox.ts"
import * as Turn from "../Turn.ts"
import type { AgentDefinition, RunInput } from "./prepare.ts"
import type { Sink } from "./RunScope.ts"
import type { Pending, RunState } from "./RunState.ts"
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
    const pending = state.pending = { calls, outcomes, started: 0 }
    state.toolCalls += calls.length

    // one call that nobody watches: nothing to order, nothing to tell
    if (calls.length === 1 && input.sink === undefined && plan.decisions[0] === "run") {
      pending.started = 1
      return Effect.flatMap(perform(agent, input, state, turn, calls[0]!), (outcome) => {
        if (outcome._tag === "NoApprover") return refuse(outcomes, 0, outcome)
        outcomes[0] = outcome
        state.answer(calls, outcomes)
        return Effect.succeed(outcomes as ReadonlyArray<Outcome>)
      })
    }
    return runAll(agent, input, state, turn, pending)
  })

/** Nobody is there to ask: the run fails, and its history says of the call that it did not run. */
const refuse = (outcomes: Pending["outcomes"], index: number, refusal: NoApprover) => {
  outcomes[index] = Toolbox.failed("failed", refusal.message, refusal.message)
  return Effect.fail(refusal)
}

const runAll = (
  agent: AgentDefinition,
  input: RunInput,
  state: RunState,
  turn: TurnCalls,
  pending: Pending
): Effect.Effect<ReadonlyArray<Outcome>, NoApprover, any> => {
  const { calls, plan } = turn
  const { outcomes } = pending
  let refused: { readonly index: number; readonly by: NoApprover } | undefined
  // calls begin in the order asked; none does after one that was refused, and those under way end by themselves
  const runOne = (index: number) => {
    if (refused !== undefined) return Effect.void
    pending.started = index + 1
    return Effect.flatMap(perform(agent, input, state, turn, calls[index]!), (outcome) => {
      if (outcome._tag === "NoApprover") {
        refused ??= { index, by: outcome }
        return Effect.void
      }
      outcomes[index] = outcome
      return input.sink === undefined
        ? Effect.void
        : input.sink.emit(toEvent(input.path, turn.turn, calls[index]!, outcome))
    })
  }
  const runBatch = (batch: ReadonlyArray<number>) =>
    batch.length === 1 ? Effect.suspend(() => runOne(batch[0]!)) : Effect.forEach(batch, runOne, {
      concurrency: agent.options.maxConcurrentTools ?? Limits.maxConcurrentTools,
      discard: true
    })

  let effect: Effect.Effect<void, never, any> = announce(input, turn, outcomes)
  for (const batch of plan.batches) {
    effect = effect === Effect.void ? runBatch(batch) : Effect.andThen(effect, runBatch(batch))
  }
  return Effect.flatMap(effect, () => {
    if (refused !== undefined) return refuse(outcomes, refused.index, refused.by)
    state.answer(calls, outcomes)
    return Effect.succeed(outcomes as ReadonlyArray<Outcome>)
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

/**
 * Makes a call. What goes wrong around a tool is told to the model as what goes wrong in one is: a rule for approvals
 * that throws, a result that cannot be read, a Schema whose service is not there.
 */
const perform = (
  agent: AgentDefinition,
  { feed, path, sink, traced }: RunInput,
  state: RunState,
  { turn }: TurnCalls,
  call: Turn.Call
): Effect.Effect<Outcome | NoApprover, never, any> => {
  const tool = agent.tools.get(call.name)!
  const max = agent.options.maxToolResult ?? Limits.maxToolResult
  const listener = sink !== undefined || feed !== undefined ? listenerOf(sink, feed, path, turn, call) : undefined
  const run = start(tool, call.params, {
    id: call.id,
    messages: state.content,
    preliminary: listener === undefined ? noPreliminary : listener.emit
  })
  const effect = Effect.matchCause(traced ? Telemetry.toolCall(run, call) : run, {
    onFailure: (cause): Outcome | NoApprover => {
      const error = Cause.findErrorOption(cause)
      return error._tag === "Some" ? error.value : shown(Toolbox.fromCause(cause), max)
    },
    onSuccess: (outcome) => shown(outcome, max)
  })
  return listener === undefined
    ? effect
    : Effect.updateContext(effect, (context) => Context.add(context, CurrentListener, listener))
}

const start = (tool: BoundTool, args: unknown, call: CallContext): Effect.Effect<Outcome, NoApprover, any> => {
  try {
    return tool.run(args, call)
  } catch (defect) {
    return Effect.die(defect)
  }
}

const noPreliminary = () => Effect.void

const listenerOf = (
  sink: Sink | undefined,
  feed: Feed | undefined,
  path: string,
  turn: number,
  call: Turn.Call
): Listener => {
  const toProgress = (value: unknown) => ({
    _tag: "ToolProgress" as const,
    path,
    turn,
    id: call.id,
    name: call.name,
    value: Secrets.scrubValue(value)
  })
  if (sink === undefined) {
    const emitUnsafe = (value: unknown) => feed?.push(toProgress(value))
    return { emit: (value) => Effect.sync(() => emitUnsafe(value)), emitUnsafe }
  }
  return {
    emit: (value) => sink.emit(toProgress(value)),
    emitUnsafe: (value) => sink.push(toProgress(value))
  }
}

/** The outcome as the model is shown it; a result that has no JSON is a failure. */
const shown = (outcome: Outcome, max: number): Outcome => {
  try {
    return limit(outcome, max)
  } catch (defect) {
    return limit(Toolbox.fromCause(Cause.die(defect)), max)
  }
}

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
