/**
 * The journal in memory: what `SqlJournal` does, on Maps.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type { JournalEvent, Recorded } from "../../core/JournalEvent.ts"
import {
  type Addressed,
  type Also,
  type Change,
  type Entry,
  Fenced,
  Journal,
  type Message,
  removable
} from "../Journal.ts"

interface Kept {
  readonly message: Message
  isTaken: boolean
}

const waiting = new Set<string>(["paused", "sleeping", "waiting"])

/** Data as a database would keep it: a copy, of nothing but JSON. */
const copy = <A>(value: A): A => JSON.parse(JSON.stringify(value)) as A

/** A journal of its own. */
export const make = (): Journal["Service"] => {
  const journals = new Map<string, Array<Recorded>>()
  const entries = new Map<string, Entry>()
  const inboxes = new Map<string, Map<string, Kept>>()

  const kept = new Map<string, { readonly exit: Schema.Json; readonly until: number }>()

  const inboxOf = (execution: string) => {
    let inbox = inboxes.get(execution)
    if (inbox === undefined) inboxes.set(execution, inbox = new Map())
    return inbox
  }
  const change = (execution: string, set: Change, at: number) => {
    const entry = entries.get(execution)
    if (entry !== undefined) entries.set(execution, { ...entry, ...set, updatedAt: at })
  }
  const take = (execution: string, names: ReadonlyArray<string>) => {
    for (const name of names) {
      const kept = inboxOf(execution).get(name)
      if (kept !== undefined) kept.isTaken = true
    }
  }
  const post = ({ execution, message }: Addressed, at: number): boolean => {
    const inbox = inboxOf(execution)
    if (inbox.has(message.name)) return false
    inbox.set(message.name, { message: copy(message), isTaken: false })
    const entry = entries.get(execution)
    if (entry !== undefined && entry.owner === null && waiting.has(entry.state)) {
      change(execution, { state: "queued" }, at)
    }
    return true
  }
  const append = (
    execution: string,
    sequence: number,
    events: ReadonlyArray<JournalEvent>,
    also: Also | undefined,
    at: number
  ) => {
    const journal = journals.get(execution) ?? []
    if (events.length > 0 && journal.length !== sequence) return Effect.fail(new Fenced({ execution }))
    journals.set(execution, journal)
    events.forEach((event, index) => journal.push({ sequence: sequence + index, at, event: copy(event) }))
    if (also?.create !== undefined) {
      entries.set(execution, { ...copy(also.create), id: execution, createdAt: at, updatedAt: at })
    }
    if (also?.set !== undefined) change(execution, copy(also.set), at)
    if (also?.take !== undefined) take(execution, also.take)
    for (const name of also?.refuse ?? []) inboxOf(execution).delete(name)
    if (also?.post !== undefined) post(also.post, at)
    if (also?.tell !== undefined) {
      const { message, prefix } = also.tell
      for (const name of inboxOf(execution).keys()) {
        if (name.startsWith(prefix)) post({ execution: name.slice(prefix.length), message }, at)
      }
    }
    if (also?.remember !== undefined) kept.set(also.remember.key, copy(also.remember))
    return Effect.void
  }
  const untaken = (execution: string): ReadonlyArray<Message> =>
    [...inboxes.get(execution)?.values() ?? []].filter(({ isTaken }) => !isTaken).map(({ message }) => message)
  const at = Clock.currentTimeMillis

  return Journal.of({
    append: (execution, sequence, events, also) =>
      Effect.flatMap(at, (at) => append(execution, sequence, events, also, at)),
    load: (execution, sequence = 0) => Effect.sync(() => (journals.get(execution) ?? []).slice(sequence)),
    last: (execution) => Effect.sync(() => journals.get(execution)?.at(-1)),
    post: (execution, message) => Effect.map(at, (at) => post({ execution, message }, at)),
    refuse: (execution, name) => Effect.sync(() => void inboxOf(execution).delete(name)),
    hasMessage: (execution, name) => Effect.sync(() => inboxes.get(execution)?.has(name) === true),
    inbox: (owner, execution) =>
      Effect.sync(() =>
        [...entries.values()].filter((entry) =>
          entry.owner === owner && (execution === undefined || execution === entry.id)
        ).flatMap(({ id }) => untaken(id).map((message) => ({ execution: id, message })))
      ),
    release: (execution, owner, { take: taken, ...set }) =>
      Effect.map(at, (at) => {
        if (entries.get(execution)?.owner !== owner) return false
        take(execution, taken)
        if (untaken(execution).length > 0) return false
        change(execution, { ...copy(set), owner: null }, at)
        return true
      }),
    disown: (owner) =>
      Effect.map(at, (at) => {
        for (const entry of entries.values()) {
          if (entry.owner === owner) change(entry.id, { state: "queued", owner: null }, at)
        }
      }),
    recall: (key) =>
      Effect.map(at, (at) => {
        const found = kept.get(key)
        return found === undefined || found.until <= at ? undefined : found.exit
      }),
    entry: (execution) => Effect.sync(() => entries.get(execution)),
    list: (query) =>
      Effect.sync(() =>
        [...entries.values()]
          .filter(({ createdAt, id, state, updatedAt, workflow }) =>
            (query.workflow === undefined || workflow === query.workflow)
            && (query.states === undefined || query.states.includes(state))
            && (query.from === undefined || createdAt >= query.from)
            && (query.unchangedSince === undefined || updatedAt < query.unchangedSince)
            && (query.before === undefined || createdAt < query.before)
            && (query.after === undefined || createdAt < query.after.createdAt
              || (createdAt === query.after.createdAt && id < query.after.id))
          )
          .sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1))
          .slice(0, query.limit)
      ),
    claimable: ({ after, definitions, limit, now, owners }) =>
      Effect.sync(() =>
        [...entries.values()]
          .sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1))
          .filter(({ createdAt, id, owner, state, version, wakeAt, workflow }) =>
            definitions.includes(`${workflow}@${version}`)
            && (after === undefined || createdAt > after.createdAt || (createdAt === after.createdAt && id > after.id))
            && (state === "queued" || (state === "running" && owners.includes(owner!))
              || (waiting.has(state) && wakeAt !== null && wakeAt <= now))
          )
          .slice(0, limit)
      ),
    nextWake: Effect.sync(() => {
      let next: number | undefined
      for (const { state, wakeAt } of entries.values()) {
        if (waiting.has(state) && wakeAt !== null && (next === undefined || wakeAt < next)) next = wakeAt
      }
      return next
    }),
    owners: Effect.sync(() => [
      ...new Set([...entries.values()].flatMap(({ owner, state }) => state === "running" ? [owner!] : []))
    ]),
    remove: (execution) =>
      Effect.sync(() => {
        const entry = entries.get(execution)
        if (entry === undefined || !removable.includes(entry.state)) return false
        entries.delete(execution)
        journals.delete(execution)
        inboxes.delete(execution)
        return true
      })
  })
}
