/**
 * What a command says of an execution at its end, and the exit code that goes with it.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Execution from "../durable/Execution.ts"
import { fail, type Why } from "./Failure.ts"
import * as Output from "./Output.ts"
import type { AnyWorkflow } from "./ProgramFile.ts"
import * as Store from "./Store.ts"
import * as View from "./View.ts"

/** Where an execution stands, for people and for machines. */
export interface Report {
  readonly why: Why
  readonly state: string
  readonly result: unknown
  readonly error: string | undefined
  /** Lines that say what to do. */
  readonly advice: ReadonlyArray<string>
  readonly pending: ReadonlyArray<Execution.Pending>
}

const whyOf = (state: string): Why => {
  switch (state) {
    case "completed":
      return "done"
    case "cancelled":
      return "cancelled"
    case "failed":
    case "parked":
      return "failed"
    default:
      return "paused"
  }
}

/** What there is to say of an execution that has ended, or waits for somebody. */
export const report = (
  { exit, info, pending }: Execution.Settled,
  database: string,
  workflow: AnyWorkflow | undefined
) =>
  Effect.gen(function*() {
    const { id, problem, state } = info
    const words = Store.words(database)
    const read = Option.getOrUndefined(Option.map(exit, View.outcome))
    const base = { why: whyOf(state), state, pending, result: undefined, error: undefined }
    if (state === "completed") {
      const report: Report = { ...base, result: read?.isSuccess === true ? read.value : undefined, advice: [] }
      return report
    }
    const again = View.command("executions", "retry", id, ...words)
    if (state === "failed") {
      // its own error says it in words of its own
      const failed = workflow === undefined ? undefined : yield* Effect.exit(workflow.result(id))
      const said = failed !== undefined && Exit.isFailure(failed) ? Store.defect(failed.cause) : undefined
      const error = said ?? (read?.isSuccess === false ? read.message : "it failed")
      const report: Report = { ...base, error, advice: [`from the step that failed on: ${again}`] }
      return report
    }
    if (state === "parked") {
      const report: Report = { ...base, error: problem ?? "unknown", advice: [`when that is put right: ${again}`] }
      return report
    }
    const report: Report = { ...base, advice: View.pending(pending, words) }
    return report
  })

/** Prints what became of one execution, and ends the command as it did. */
export const conclude = (
  id: string,
  report: Report,
  { hasShown, isJson }: { readonly isJson: boolean; readonly hasShown: (text: string) => boolean }
) =>
  Effect.gen(function*() {
    const { advice, error, pending, result, state, why } = report
    if (isJson) {
      yield* Output.json({
        execution: id,
        state,
        ...(result === undefined ? {} : { result }),
        ...(error === undefined ? {} : { error }),
        ...(pending.length === 0 ? {} : { pending })
      })
    } else if (state === "completed") {
      if (result === undefined) return
      const text = typeof result === "string" ? result : JSON.stringify(result, undefined, 2)
      if (!hasShown(text)) yield* Output.out(text)
    }
    if (why === "done") return
    const verb = state === "failed" ? "failed" : state === "cancelled" ? "was cancelled" : `is ${state}`
    const what = `execution ${id} ${verb}${error === undefined ? "" : `: ${error}`}`
    return yield* fail(why, [what, ...advice].join("\n"))
  })
