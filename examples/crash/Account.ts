/**
 * What became of an execution whose process was killed, counted: from its journal, and from the ledger that the model and
 * the bank wrote. Pure functions.
 */
import type { Recorded, StepStarted } from "fluxion/core/JournalEvent"
import type * as Ledger from "../Ledger.ts"
import * as Files from "./Files.ts"

/** A step, and who answered it in the process that went on: the journal, or it was run there. */
export interface Step {
  readonly name: string
  readonly payload: unknown
  readonly by: "journal" | "ran now"
}

/** What was called. */
export interface Calls {
  readonly made: number
  /** Made by the process that was killed, which was to hear the answer when it died. */
  readonly cutOff: number
  /** Made again although the answer was in the journal. */
  readonly repeated: number
}

export interface Account {
  readonly steps: ReadonlyArray<Step>
  readonly models: Calls
  readonly refunds: Calls & {
    /** What the bank paid: once for each idempotency key. */
    readonly paid: number
  }
}

/** The keys of the steps that are completed, without those that only hold others, such as the agent itself. */
export const completed = (events: ReadonlyArray<Recorded>): ReadonlyArray<string> => {
  const keys = events.flatMap(({ event }) => event._tag === "StepCompleted" ? [event.key] : [])
  const all = new Set(events.flatMap(({ event }) => "key" in event ? [event.key] : []))
  return keys.filter((key) => ![...all].some((other) => other.startsWith(`${key}/`)))
}

/** The account of an execution: `before` is its journal as the process `killed` left it, `after` at the end. */
export const of = (
  { after, before, killed, ledger }: {
    readonly before: ReadonlyArray<Recorded>
    readonly after: ReadonlyArray<Recorded>
    readonly killed: number
    readonly ledger: ReadonlyArray<Ledger.Entry>
  }
): Account => {
  const started = new Map(after.flatMap(({ event }) => event._tag === "StepStarted" ? [[event.key, event]] : []))
  const recorded = completed(before)
  const steps = completed(after).map((key): Step => {
    const { name, payload } = started.get(key) as typeof StepStarted.Type
    return { name, payload, by: recorded.includes(key) ? "journal" : "ran now" }
  })
  const of = (what: Ledger.Entry["what"]) => {
    const calls = ledger.filter((entry) => entry.what === what)
    return {
      first: calls.filter(({ process }) => process === killed).map(({ key }) => key),
      second: calls.filter(({ process }) => process !== killed).map(({ key }) => key)
    }
  }
  const count = ({ first, second }: ReturnType<typeof of>, known: ReadonlyArray<string>): Calls => ({
    made: first.length + second.length,
    cutOff: first.filter((key) => !known.includes(key)).length,
    repeated: second.filter((key) => known.includes(key)).length
  })
  const models = of("model")
  const refunds = of("refund")
  // the model knows no keys of steps; it is asked one thing after the other, so its first calls are the recorded ones
  const answered = recorded.filter((key) => started.get(key)?.name === "model").length
  return {
    steps,
    models: count(models, models.first.slice(0, answered)),
    refunds: {
      ...count(refunds, recorded.map((key) => `${Files.execution}${key}`)),
      paid: new Set([...refunds.first, ...refunds.second]).size
    }
  }
}
