/**
 * What an execution's history says about its steps: a pure fold over the journal.
 *
 * `order` are the steps whose answers are still to be handed out, in the order in which they were recorded. A step
 * beneath one that is done, or was discarded, is not among them: nobody will ask for it.
 */
import type { JournalEvent } from "../../core/JournalEvent.ts"
import * as StepKey from "./StepKey.ts"

/** What is recorded of one step. */
export type Record =
  | { readonly _tag: "Started" }
  | { readonly _tag: "Awaited"; readonly waits: unknown }
  | { readonly _tag: "Completed"; readonly exit: unknown }
  | { readonly _tag: "Discarded" }

/** What a history says. */
export interface Replay {
  readonly steps: ReadonlyMap<string, Record>
  /** The keys of the steps that will be answered, in the order of their completions. */
  readonly order: ReadonlyArray<string>
  /** The steps that were begun and not ended, around steps that will be answered: their bodies run again at once. */
  readonly around: ReadonlySet<string>
}

const isEnded = (record: Record | undefined) => record?._tag === "Completed" || record?._tag === "Discarded"

/** Reads a history. */
export const fromEvents = (events: Iterable<JournalEvent>): Replay => {
  const steps = new Map<string, Record>()
  const completed: Array<string> = []
  for (const event of events) {
    switch (event._tag) {
      case "StepStarted":
        if (!steps.has(event.key)) steps.set(event.key, { _tag: "Started" })
        break
      case "StepAwaited":
        steps.set(event.key, { _tag: "Awaited", waits: event.waits })
        break
      case "StepCompleted":
        steps.set(event.key, { _tag: "Completed", exit: event.exit })
        completed.push(event.key)
        break
      case "StepDiscarded":
        steps.set(event.key, { _tag: "Discarded" })
        break
    }
  }
  const ended = { has: (key: string) => isEnded(steps.get(key)) }
  // a step may have been discarded after it was completed: its answer came too late
  const order = completed.filter((key) => steps.get(key)!._tag === "Completed" && !StepKey.isBeneath(key, ended))
  const around = new Set<string>()
  for (const key of order) {
    for (let end = key.lastIndexOf("/"); end > 0; end = key.lastIndexOf("/", end - 1)) around.add(key.slice(0, end))
  }
  return { steps, order, around }
}
