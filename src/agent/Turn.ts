/**
 * Decides what a turn does; performs nothing.
 *
 * A model's response asks for calls. Each is run, refused because the run's limit is reached, or refused because there
 * is no such tool. Those that run are grouped: reads run together between writes, a write runs alone and after all
 * before it. Results always come back in the order the model asked.
 */

import type { RunStep } from "./StopWhen.ts"

/** A call that the model asked for. */
export interface Call {
  readonly id: string
  readonly name: string
  readonly params: unknown
}

/** What is known of a tool before it runs. */
export interface ToolFacts {
  /** It runs alone: a declared risk other than `read`, or none declared and an approval needed. */
  readonly barrier: boolean
}

/** What becomes of a call. */
export type Decision = "run" | "limit" | "unknown-tool"

/** A turn's calls, decided; `batches` are indices of the calls to run, one batch after the other. */
export interface Plan {
  readonly decisions: ReadonlyArray<Decision>
  readonly batches: ReadonlyArray<ReadonlyArray<number>>
}

// a turn of one call is the common one
const onlyRun: Plan = { decisions: ["run"], batches: [[0]] }
const onlyLimited: Plan = { decisions: ["limit"], batches: [] }
const onlyUnknown: Plan = { decisions: ["unknown-tool"], batches: [] }

/** Plans a turn in which `remaining` more single calls may be made. */
export const plan = (
  calls: ReadonlyArray<Call>,
  tools: ReadonlyMap<string, ToolFacts>,
  remaining: number
): Plan => {
  if (calls.length === 1) return remaining < 1 ? onlyLimited : tools.has(calls[0]!.name) ? onlyRun : onlyUnknown
  const decisions: Array<Decision> = []
  const batches: Array<Array<number>> = []
  let open: Array<number> | undefined
  for (let index = 0; index < calls.length; index++) {
    if (index >= remaining) {
      decisions.push("limit")
      continue
    }
    const tool = tools.get(calls[index]!.name)
    if (tool === undefined) {
      decisions.push("unknown-tool")
      continue
    }
    decisions.push("run")
    if (tool.barrier) {
      batches.push([index])
      open = undefined
    } else if (open === undefined) {
      open = [index]
      batches.push(open)
    } else {
      open.push(index)
    }
  }
  return { decisions, batches }
}

/** What the model is told of a call that did not run. */
export const refusal = (
  decision: Exclude<Decision, "run">,
  call: Call,
  tools: ReadonlyMap<string, unknown>,
  maxToolCalls: number
): string =>
  decision === "limit"
    ? `Limit reached: this run may make ${maxToolCalls} tool calls, and they are made. The call was not run. `
      + `Answer with what you have.`
    : `There is no tool named "${call.name}". The tools are: ${[...tools.keys()].join(", ") || "none"}.`

/** What a turn did, for rules over the run. */
export const toStep = (
  turn: number,
  text: string,
  calls: ReadonlyArray<Call>,
  outcomes: ReadonlyArray<{ readonly _tag: "Returned" | "Failed"; readonly result: unknown }>
): RunStep => ({
  turn,
  text,
  toolCalls: calls.map((call, index) => ({
    name: call.name,
    arguments: call.params,
    result: outcomes[index]!.result,
    failed: outcomes[index]!._tag === "Failed"
  }))
})

/** A tool's result as the model is shown it, cut to `max` characters where it is longer. */
export const cut = (result: unknown, max: number): { readonly result: unknown; readonly cut: boolean } => {
  const text = typeof result === "string" ? result : stringLonger(result, max)
  if (text === undefined || text.length <= max) return { result, cut: false }
  const shown = head(text, max)
  return {
    result: `${shown}\n[Result cut: the first ${shown.length} of ${text.length} characters are shown. `
      + `Ask for less at once to see the rest.]`,
    cut: true
  }
}

/** The first `max` characters of a text, without the first half of one that the cut went through: no vendor takes it. */
export const head = (text: string, max: number): string => text.slice(0, max).replace(halfCharacter, "")

const halfCharacter = /[\uD800-\uDBFF]$/

const stringLonger = (result: unknown, max: number): string | undefined => {
  if (typeof result !== "object" || result === null) return undefined
  const text = JSON.stringify(result)
  return text.length > max ? text : undefined
}
