/**
 * Conversations that end with the process.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import {
  ConversationError,
  ConversationExists,
  Conversations,
  type Info,
  type Kept,
  type Summary,
  unitsOf
} from "../Conversations.ts"
import { Queues } from "./Queues.ts"

interface Conversation {
  messages: ReadonlyArray<Kept>
  summaries: ReadonlyArray<Summary>
  readonly runs: Set<string>
  last: number
  readonly createdAt: number
  updatedAt: number
}

const byChange = (a: Info, b: Info) =>
  b.updatedAt - a.updatedAt || (a.conversation < b.conversation ? 1 : a.conversation > b.conversation ? -1 : 0)

/** A store in memory. */
export const make = (): Conversations["Service"] => {
  const all = new Map<string, Conversation>()
  const queues = new Queues()

  const begun = (conversation: string, now: number): Conversation => {
    let found = all.get(conversation)
    if (found === undefined) {
      found = { messages: [], summaries: [], runs: new Set(), last: 0, createdAt: now, updatedAt: now }
      all.set(conversation, found)
    }
    return found
  }

  return Conversations.of({
    history: (conversation, { limit = Infinity, summarized = false, upTo = Infinity } = {}) =>
      Effect.sync(() => {
        const found = all.get(conversation)
        if (found === undefined) return { messages: [], summary: undefined }
        const summary = found.summaries.findLast((summary) => summary.upTo <= upTo)
        const from = summarized && summary !== undefined ? summary.upTo : 0
        // ids grow: what is left out is at the ends
        let end = found.messages.length
        while (end > 0 && found.messages[end - 1]!.id > upTo) end--
        let start = end
        while (start > 0 && end - start < limit && found.messages[start - 1]!.id > from) start--
        return { messages: found.messages.slice(start, end), summary }
      }),
    append: (conversation, { by, messages, run, summary }) =>
      Effect.flatMap(unitsOf(conversation, messages), (units) =>
        Effect.map(Clock.currentTimeMillis, (now) => {
          const found = begun(conversation, now)
          if (run !== undefined && found.runs.has(run)) return
          if (run !== undefined) found.runs.add(run)
          const first = found.last + 1
          const added = messages.map((message, index): Kept => ({
            id: first + index,
            unit: first + units[index]!,
            message,
            by,
            at: now
          }))
          found.messages = [...found.messages, ...added]
          found.last += added.length
          found.updatedAt = now
          if (summary !== undefined) {
            found.summaries = [...found.summaries, summary].sort((a, b) => a.upTo - b.upTo)
          }
        })),
    forget: (conversation, id) =>
      Effect.sync(() => {
        const found = all.get(conversation)
        const unit = found?.messages.find((message) => message.id === id)?.unit
        if (found === undefined || unit === undefined) return 0
        const left = found.messages.filter((message) => message.unit !== unit)
        const gone = found.messages.length - left.length
        found.messages = left
        found.summaries = found.summaries.filter(({ upTo }) => upTo < unit)
        return gone
      }),
    clear: (conversation) =>
      Effect.sync(() => {
        const found = all.get(conversation)
        if (found === undefined) return 0
        const gone = found.messages.length
        found.messages = []
        found.summaries = []
        return gone
      }),
    fork: (conversation, to, { upTo = Infinity } = {}) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        if ((all.get(to)?.messages.length ?? 0) > 0) {
          return Effect.fail(new ConversationError({ conversation, reason: new ConversationExists({ to }) }))
        }
        const found = all.get(conversation)
        const cut = new Set(found?.messages.flatMap(({ id, unit }) => id > upTo ? [unit] : []))
        const messages = found?.messages.filter(({ unit }) => !cut.has(unit)) ?? []
        const last = messages.at(-1)?.id ?? 0
        if (found === undefined || last === 0) return Effect.succeed(0)
        const copy = begun(to, now)
        copy.messages = messages
        copy.summaries = found.summaries.filter((summary) => summary.upTo <= last)
        copy.last = Math.max(copy.last, last)
        copy.updatedAt = now
        return Effect.succeed(messages.length)
      }),
    list: ({ after, limit }) =>
      Effect.sync(() =>
        [...all].flatMap(([conversation, { createdAt, messages, updatedAt }]): ReadonlyArray<Info> =>
          messages.length === 0 ? [] : [{ conversation, messages: messages.length, createdAt, updatedAt }]
        ).filter((info) => after === undefined || byChange({ ...info, ...after }, info) < 0)
          .sort(byChange).slice(0, limit)
      ),
    delete: (conversation) => Effect.sync(() => all.delete(conversation)),
    hold: (conversation, whenBusy) => queues.hold(conversation, whenBusy)
  })
}
