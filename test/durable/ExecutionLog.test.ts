/**
 * The log of a run, on a journal that fails now and then.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Journal } from "fluxion"
import type { JournalEvent } from "../../src/core/JournalEvent.ts"
import { ExecutionLog } from "../../src/durable/internal/ExecutionLog.ts"

const discarded = (key: string): JournalEvent => ({ _tag: "StepDiscarded", key })

describe("the log of a run", () => {
  it.effect("leaves no hole when an append is tried again, and loses nothing that was put", () =>
    Effect.gen(function*() {
      const journal = yield* Journal.Journal
      let faults = 2
      const log = new ExecutionLog(
        {
          ...journal,
          append: (execution, ...rest) =>
            faults-- > 0
              ? Effect.fail(new Journal.JournalUnavailable({ execution, operation: "append", cause: "full" }))
              : journal.append(execution, ...rest)
        },
        "a",
        0
      )
      log.put(discarded("/a"))
      yield* Effect.retry(log.tryAppend([discarded("/b")]), { times: 2 })
      yield* log.append(discarded("/c"))
      const events = yield* journal.load("a")
      assert.deepStrictEqual(events.map(({ sequence }) => sequence), [0, 1, 2])
      assert.deepStrictEqual(events.map(({ event }) => "key" in event ? event.key : ""), ["/a", "/b", "/c"])
    }).pipe(Effect.provide(Journal.layerMemory)))
})
