/**
 * What an execution's history says: a pure fold over the journal.
 *
 * `order` are the steps whose answers are still to be handed out, in the order in which they were recorded, and with them
 * the changes of states. A step beneath one that is done, or was discarded, or beneath an attempt that failed, is not
 * among them: nobody will ask. A change there is made in its turn, unasked.
 */
import type * as Schema from "effect/Schema"
import type { JournalEvent } from "../../core/JournalEvent.ts"
import * as StepKey from "./StepKey.ts"

/** What is recorded of one step. */
export type Record =
  | { readonly _tag: "Started" }
  | { readonly _tag: "Awaited"; readonly waits: unknown }
  | { readonly _tag: "Completed"; readonly exit: unknown }
  | { readonly _tag: "Discarded" }
  | { readonly _tag: "Changed"; readonly state: string; readonly change: unknown; readonly isDiscarded: boolean }

/** An attempt that failed, and what came then. */
export type Failed = Extract<JournalEvent, { readonly _tag: "AttemptFailed" }>

/** What a history says of an execution's steps. */
export interface Replay {
  readonly steps: ReadonlyMap<string, Record>
  /** The keys of the steps that will be answered, in the order of their completions, and of all changes of states. */
  readonly order: ReadonlyArray<string>
  /** The keys of the changes that nobody will ask for. */
  readonly unasked: ReadonlySet<string>
  /** The steps that were begun and not ended, around steps that will be answered: their bodies run again at once. */
  readonly around: ReadonlySet<string>
  /** The attempts that failed, by the step's key. */
  readonly attempts: ReadonlyMap<string, ReadonlyArray<Failed>>
  /** How often a process died or was stopped while a step ran that did not just wait, by the step's key. */
  readonly doubts: ReadonlyMap<string, number>
  /** What can be undone, in the order of completion. */
  readonly undoable: ReadonlyArray<Undoable>
}

/** A completed step that can be undone. */
export interface Undoable {
  readonly key: string
  readonly name: string
  readonly payload: unknown
  readonly exit: unknown
}

/** What a history says of the execution as a whole. */
export interface History extends Replay {
  readonly started: Extract<JournalEvent, { readonly _tag: "ExecutionStarted" }> | undefined
  readonly epoch: number
  /** How often in a row it was taken over from a process that had died, with nothing achieved in between. */
  readonly crashes: number
  /** The steps that begin anew when it is retried. */
  readonly retried: ReadonlyArray<string>
  /** What it waited for when it was left, for its entry. */
  readonly waits: ReadonlyArray<{ readonly key: string; readonly name: string; readonly waits: Schema.Json }>
  /** The outcome for which the execution is being undone. */
  readonly rollback: { readonly exit: unknown } | undefined
  readonly completed: { readonly exit: unknown } | undefined
}

const isEnded = (record: Record | undefined) => record?._tag === "Completed" || record?._tag === "Discarded"

const isFailure = (exit: unknown): boolean =>
  typeof exit === "object" && exit !== null && (exit as { readonly _tag?: unknown })._tag === "Failure"

/**
 * The completions that a retry takes back: the step whose failure ended the execution, and the failed steps within it
 * that made it fail. The last failed completions, as long as each is beneath the one after it.
 */
const failedChain = (completed: ReadonlyArray<string>, steps: ReadonlyMap<string, Record>): ReadonlyArray<string> => {
  const chain: Array<string> = []
  for (let index = completed.length - 1; index >= 0; index--) {
    const key = completed[index]!
    const record = steps.get(key)
    if (record?._tag === "Changed" || record?._tag === "Discarded") continue
    if (record?._tag !== "Completed" || !isFailure(record.exit)) break
    if (chain.length > 0 && !StepKey.isBeneath(key, { has: (above) => above === chain.at(-1) })) break
    chain.push(key)
  }
  return chain
}

/** The name of the question that a step in doubt asks. */
const inDoubt = "in_doubt"

/** The steps that had started, and did not just wait for somebody. */
const running = (steps: ReadonlyMap<string, Record>): ReadonlyArray<string> => {
  const waiting = new Set<string>()
  for (const [key, { _tag }] of steps) {
    if (_tag === "Awaited") { for (const above of StepKey.around(key)) waiting.add(StepKey.stepOf(above)) }
  }
  return [...steps].flatMap(([key, { _tag }]) => _tag === "Started" && !waiting.has(key) ? [key] : [])
}

/** Reads a history. */
export const fromEvents = (events: Iterable<JournalEvent>): History => {
  const steps = new Map<string, Record>()
  const begun = new Map<string, { readonly name: string; readonly payload: unknown }>()
  const attempts = new Map<string, Array<Failed>>()
  const failed = new Set<string>()
  /** What was thrown away, what was recorded of it before, and how many steps were completed then. */
  let discards: Array<{ readonly key: string; readonly before: Record | undefined; readonly index: number }> = []
  const doubts = new Map<string, number>()
  /** How many of a step's doubts somebody has decided. */
  const decided = new Map<string, number>()
  let completed: Array<string> = []
  let started: History["started"]
  let epoch = 0
  let crashes = 0
  let rollback: History["rollback"]
  let end: History["completed"]
  for (const event of events) {
    switch (event._tag) {
      case "ExecutionStarted":
        started = event
        continue
      case "Claimed":
        epoch = event.epoch
        crashes = event.crashed === true ? crashes + 1 : 0
        // it died, or was stopped and interrupted what ran: whether that had its effect, nobody knows
        for (const key of running(steps)) {
          // as long as the last doubt is not decided, it has not begun again
          const isDecided = (decided.get(key) ?? 0) === (doubts.get(key) ?? 0)
          if (isDecided) doubts.set(key, (doubts.get(key) ?? 0) + 1)
        }
        continue
      case "StepStarted":
        if (!steps.has(event.key)) steps.set(event.key, { _tag: "Started" })
        if (event.rollback === true) begun.set(event.key, event)
        continue
      case "StepAwaited":
        steps.set(event.key, { _tag: "Awaited", waits: event.waits })
        break
      case "AttemptFailed": {
        const before = attempts.get(event.key)
        if (before === undefined) attempts.set(event.key, [event])
        else before.push(event)
        failed.add(StepKey.ofAttempt(event.key, event.attempt))
        break
      }
      case "StepCompleted":
        steps.set(event.key, { _tag: "Completed", exit: event.exit })
        completed.push(event.key)
        if (StepKey.nameOf(event.key) === inDoubt) {
          const step = StepKey.parentOf(event.key)
          decided.set(step, (decided.get(step) ?? 0) + 1)
        }
        break
      case "StepDiscarded": {
        // a change stands, whatever became of the code that made it
        const record = steps.get(event.key)
        discards.push({ key: event.key, before: record, index: completed.length })
        steps.set(event.key, record?._tag === "Changed" ? { ...record, isDiscarded: true } : { _tag: "Discarded" })
        continue
      }
      case "StateChanged":
        steps.set(event.key, { _tag: "Changed", state: event.state, change: event.change, isDiscarded: false })
        completed.push(event.key)
        break
      case "RollbackStarted":
        rollback = { exit: event.exit }
        break
      case "ExecutionCompleted":
        end = { exit: event.exit }
        break
      case "ExecutionParked":
        break
      case "ExecutionRetried": {
        if (rollback !== undefined) break
        const chain = failedChain(completed, steps)
        for (const key of chain) {
          // whoever retries it has decided: it begins anew
          steps.delete(key)
          doubts.delete(key)
          decided.delete(key)
          attempts.delete(key)
          for (const other of failed) if (StepKey.stepOf(other) === key) failed.delete(other)
        }
        // what was changed since the first of them failed was done for nothing, and what it threw away goes on
        const first = Math.min(completed.length - 1, ...chain.map((key) => completed.indexOf(key)))
        for (const { before, index, key } of discards) {
          if (index <= first || steps.get(key)?._tag !== "Discarded") continue
          const isFailed = before?._tag === "Completed" && isFailure(before.exit)
          if (before === undefined || isFailed) steps.delete(key)
          else steps.set(key, before)
        }
        discards = []
        const isVoid = (key: string, index: number) => index > first && steps.get(key)?._tag === "Changed"
        for (const key of completed.filter(isVoid)) steps.delete(key)
        completed = completed.filter((key) => steps.has(key) && !chain.includes(key))
        end = undefined
        break
      }
    }
    crashes = 0
  }
  const over = {
    has: (key: string) => failed.has(key) || isEnded(steps.get(key)) || isEnded(steps.get(StepKey.stepOf(key)))
  }
  // a step may have been discarded after it was completed: its answer came too late
  const isUnasked = (key: string) => {
    const record = steps.get(key)!
    return (record._tag === "Changed" && record.isDiscarded) || StepKey.isBeneath(key, over)
  }
  const isChange = (key: string) => steps.get(key)!._tag === "Changed"
  const order = completed.filter((key) => isChange(key) || (steps.get(key)!._tag === "Completed" && !isUnasked(key)))
  const unasked = new Set(order.filter((key) => isChange(key) && isUnasked(key)))
  const around = new Set<string>()
  for (const key of order) {
    if (!unasked.has(key)) { for (const above of StepKey.around(key)) around.add(StepKey.stepOf(above)) }
  }
  const undoable = completed.flatMap((key): Array<Undoable> => {
    const step = begun.get(key)
    const record = steps.get(key)
    return step === undefined || record?._tag !== "Completed" ? [] : [{ key, ...step, exit: record.exit }]
  })
  return {
    steps,
    order,
    unasked,
    around,
    attempts,
    doubts,
    undoable,
    started,
    epoch,
    crashes,
    retried: failedChain(completed, steps),
    waits: [...steps].flatMap(([key, record]) =>
      record._tag === "Awaited" && !StepKey.isBeneath(key, over)
        ? [{ key, name: StepKey.nameOf(key), waits: record.waits as Schema.Json }]
        : []
    ),
    rollback,
    completed: end
  }
}
