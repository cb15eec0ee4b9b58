/**
 * What a run comes to: its error, its result where its fallback answers, and what its log and watchers are told.
 */
import type * as Prompt from "effect/ai/Prompt"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { AgentError, type AgentErrorReason } from "../../core/AgentError.ts"
import type { RunFailed, RunResult } from "../../core/AgentEvent.ts"
import * as ClientAbort from "../../core/ClientAbort.ts"
import * as Secrets from "../../core/Secrets.ts"
import * as Usage from "../../core/Usage.ts"
import { explain } from "../../durable/TaskError.ts"
import type { AgentPayload } from "../Options.ts"
import * as Output from "../Output.ts"
import * as Measure from "./measure.ts"
import * as Parts from "./Parts.ts"
import { type AgentDefinition, type RunInput, usageOf, userMessage } from "./prepare.ts"

/** What was asked, as the payload of a task. */
export const toPayload = (input: RunInput): AgentPayload => ({
  instruction: typeof input.instruction === "string"
    ? input.instruction
    : input.instruction.map((part) =>
      typeof part === "string" ? part : part.type === "text" ? part.text : `[${part.mediaType}]`
    )
      .join("\n"),
  ...(input.options.context === undefined ? {} : { context: input.options.context })
})

/** Remembers of an attempt that failed what the next ones are told, and what it cost: its error has all of that. */
export const remember = (input: RunInput, error: AgentError): void => {
  input.attempt++
  input.failed = error
  input.spent = error.usage
  if (input.state !== undefined) input.state.usage = Usage.empty
}

/** The history so far. */
const saidIn = ({ failed, state }: RunInput): ReadonlyArray<Prompt.Message> =>
  state?.settled() ?? failed?.messages ?? []

/** The same; what was asked, when the run did not come to its first turn. */
const messagesOf = (input: RunInput): ReadonlyArray<Prompt.Message> => {
  const said = saidIn(input)
  if (said.length > 0) return said
  const asked = userMessage(input.instruction, input.options.context)
  const before = input.recalled === undefined ? input.options.history?.content ?? [] : []
  return [...before, ...(asked === undefined ? [] : [asked])]
}

/** The result of a run that failed, and whose fallback gave the answer. */
export const answeredInstead = (
  { output: outputOf }: AgentDefinition,
  input: RunInput,
  output: unknown
): Effect.Effect<RunResult<unknown>, never, any> =>
  Effect.map(
    outputOf === undefined ? Effect.succeed(String(output)) : Output.write(outputOf, output),
    (text) => ({
      output,
      finish: "answered",
      usage: usageOf(input),
      turns: input.state?.turns ?? 0,
      toolCalls: input.state?.toolCalls ?? 0,
      messages: [...messagesOf(input), ...(text === "" ? [] : [Parts.assistant([Parts.text(text)])])],
      warnings: input.state?.warnings ?? [],
      model: input.state?.model ?? "unknown"
    })
  )

/** The error of a run that failed for a reason. */
export const toError = (agent: string, input: RunInput, reason: AgentErrorReason): AgentError =>
  new AgentError({
    agent,
    reason: Secrets.scrubValue(reason),
    usage: usageOf(input),
    messages: saidIn(input)
  })

/** Who ended a run before its end: somebody who interrupted it, or whoever ran it by going away. */
export const endedBy = (exit: Exit.Exit<unknown, unknown>): "interrupted" | "client-gone" =>
  Exit.isSuccess(exit) || !exit.cause.reasons.some(Cause.isInterruptReason) || ClientAbort.isIn(exit.cause)
    ? "client-gone"
    : "interrupted"

/** What the run cost that ended like this, also when a journal answered for it. */
export const spentBy = (input: RunInput, exit: Exit.Exit<RunResult<unknown>, AgentError>): Usage.Usage => {
  if (Exit.isSuccess(exit)) return exit.value.usage
  const error = Cause.findErrorOption(exit.cause)
  return error._tag === "Some" ? error.value.usage : usageOf(input)
}

/** What a run's log and watchers are told when it ends without an answer. */
export const report = (
  agent: AgentDefinition,
  input: RunInput,
  exit: Exit.Exit<RunResult<unknown>, AgentError>,
  interrupted: "interrupted" | "client-gone"
): Effect.Effect<typeof RunFailed.Type | undefined> => {
  if (Exit.isSuccess(exit)) {
    Measure.runEnded(agent, exit.value.finish)
    return Effect.undefined
  }
  const error = Cause.findErrorOption(exit.cause)
  const reason = error._tag === "Some" ? error.value.reason : undefined
  const end = reason !== undefined
    ? reason._tag === "TimedOut" ? "timed-out" as const : "failed" as const
    : Cause.hasInterruptsOnly(exit.cause)
    ? interrupted
    : "defect" as const
  Measure.runEnded(agent, end)
  const message = Secrets.scrub(
    end === "interrupted"
      ? "the run was interrupted"
      : end === "client-gone"
      ? "whoever ran it went away"
      : reason?.message ?? explain(exit.cause)
  )
  const failed: typeof RunFailed.Type = {
    _tag: "RunFailed",
    path: input.path,
    end,
    message,
    ...(reason === undefined ? {} : { reason }),
    usage: spentBy(input, exit),
    messages: saidIn(input)
  }
  // what failed is in the error channel too; that somebody ended the outermost run is said nowhere else
  const isSaid = end === "failed" || end === "defect" || (end !== "timed-out" && input.path.includes("/"))
  const log = isSaid ? Effect.logDebug : Effect.logInfo
  return Effect.as(
    Effect.annotateLogs(log(`agent ${agent.name}: ${message}`), { "fluxion.path": input.path, "fluxion.end": end }),
    failed
  )
}
