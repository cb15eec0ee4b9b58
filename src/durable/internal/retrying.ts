/**
 * Has an execution that has failed, or is parked, go on from the step that failed; and with it the children by which it
 * failed, when it asks for them again.
 */
import * as Effect from "effect/Effect"
import type { JournalEvent } from "../../core/JournalEvent.ts"
import type { Definition } from "../Engine.ts"
import * as Journal from "../Journal.ts"
import * as Replay from "./Replay.ts"
import * as Waiting from "./waiting.ts"

const again: JournalEvent = { _tag: "ExecutionRetried" }

/** Has an execution go on; `false` if its steps were rolled back. */
export const retry = Effect.fnUntraced(function*(journal: Journal.Journal["Service"], id: string) {
  const events = (yield* journal.load(id)).map(({ event }) => event)
  const { completed, retried, rollback } = Replay.fromEvents(events)
  // one that was parked while it was undone goes on with that
  if (rollback !== undefined && completed !== undefined) return false
  const { waits } = Replay.fromEvents([...events, again])
  yield* journal.append(id, events.length, [again], {
    set: { state: "queued", owner: null, problem: null, waits },
    // who is asked again may answer again; what came to its end is not cancelled any more
    refuse: completed === undefined ? retried : [...retried, Waiting.cancel, Waiting.cancelHard]
  })
  return true
})

/**
 * What a parent that is retried has to be told of a child which it starts again, and which has told it of its end
 * before: nothing, if the child goes on as well.
 */
export const startAgain = Effect.fnUntraced(
  function*(
    journal: Journal.Journal["Service"],
    { id, parent, state }: Journal.Entry,
    definition: Definition,
    retry: Effect.Effect<boolean, Journal.JournalError | Journal.JournalUnreadable>
  ): Effect.fn.Return<Journal.Addressed | undefined, Journal.JournalError | Journal.JournalUnreadable> {
    if (parent === null || !Journal.ended.includes(state)) return undefined
    if (yield* journal.hasMessage(parent.execution, parent.key)) return undefined
    if (state === "failed" && (yield* retry)) return undefined
    const end = Waiting.endOf(yield* journal.last(id))
    if (end._tag === "None") return undefined
    const data = Waiting.childExit(id, definition, Waiting.decodeEnd(definition, end.value))
    return { execution: parent.execution, message: { name: parent.key, data } }
  },
  // somebody else was quicker, or nobody can read it: its parent waits for it
  Effect.catchTags({ Fenced: () => Effect.undefined, JournalUnreadable: () => Effect.undefined })
)
