/**
 * What every store of `Conversations` has to do: for tests of a store of your own, in any test runner.
 *
 * Each case is an Effect that needs the store, and dies with an `AssertionError` where it does wrong. The cases can share a
 * store: each has conversations of its own.
 */
import * as Prompt from "effect/ai/Prompt"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as assert from "node:assert"
import { type ConversationError, Conversations } from "../agent/Conversations.ts"

/** One thing that a store does. */
export interface Case {
  /** A sentence about a store: "keeps messages in their order". */
  readonly title: string
  readonly check: Effect.Effect<void, ConversationError, Conversations>
}

type Store = Conversations["Service"]

const make = (
  title: string,
  check: (store: Store, name: string) => Generator<Effect.Effect<any, ConversationError, any>, void, any>
): Case => ({
  title,
  check: Effect.gen(function*() {
    const store = yield* Conversations
    yield* Effect.gen(() => check(store, `suite: ${title}`))
  })
})

const user = (text: string) => Prompt.userMessage({ content: [Prompt.textPart({ text })] })
const said = (text: string) => Prompt.assistantMessage({ content: [Prompt.textPart({ text })] })
const asked = (...ids: ReadonlyArray<string>) =>
  Prompt.assistantMessage({
    content: ids.map((id) => Prompt.toolCallPart({ id, name: "look", params: { id }, providerExecuted: false }))
  })
const answered = (...ids: ReadonlyArray<string>) =>
  Prompt.toolMessage({
    content: ids.map((id) =>
      Prompt.toolResultPart({ id, name: "look", isFailure: false, result: `saw ${id}`, providerExecuted: false })
    )
  })

const chat = [user("Look."), asked("a", "b"), answered("a", "b"), said("Seen."), user("Again."), said("Seen again.")]

const add = (messages: ReadonlyArray<Prompt.Message>, more: { readonly run?: string; readonly by?: string } = {}) => ({
  messages,
  by: more.by ?? "suite",
  run: more.run
})

/** What is there, in short: the role and the id of each. */
const roles = (store: Store, conversation: string) =>
  Effect.map(store.history(conversation), ({ messages }) => messages.map(({ message }) => message.role).join(" "))

const ids = (store: Store, conversation: string) =>
  Effect.map(store.history(conversation), ({ messages }) => messages.map(({ id }) => id))

const reason = (effect: Effect.Effect<unknown, ConversationError>): Effect.Effect<string> =>
  Effect.match(effect, { onFailure: (error) => error.reason._tag, onSuccess: () => "nothing" })

const awkward = [
  "emoji 🦄👩‍👩‍👧",
  "'; drop table fluxion_conversations; --",
  "%_*?[a-z]",
  `"quoted" \\ back`,
  "名前",
  "x".repeat(200)
]

/** The cases. */
export const cases: ReadonlyArray<Case> = [
  make("keeps messages in their order, with who said them, and is empty before", function*(store, name) {
    assert.deepStrictEqual(yield* store.history(name), { messages: [], summary: undefined })
    yield* store.append(name, add(chat.slice(0, 4), { by: "first" }))
    yield* store.append(name, add(chat.slice(4), { by: "second" }))
    const { messages } = yield* store.history(name)
    assert.deepStrictEqual(messages.map(({ message }: { readonly message: unknown }) => message), chat)
    assert.deepStrictEqual(messages.map(({ by }: { readonly by: string }) => by), [
      ...Array.from({ length: 4 }, () => "first"),
      "second",
      "second"
    ])
    const found: ReadonlyArray<number> = yield* ids(store, name)
    assert.deepStrictEqual(found, [...new Set(found)].sort((a, b) => a - b))
    assert.strictEqual(messages[1]?.unit, messages[2]?.unit)
  }),
  make("gives back every kind of part", function*(store, name) {
    const parts = [
      Prompt.userMessage({
        content: [
          Prompt.textPart({ text: "text with \u0000, \u2028 and 💾", options: { vendor: { cache: true } } }),
          Prompt.filePart({ mediaType: "image/png", data: new Uint8Array([0, 255, 7]), fileName: "a.png" }),
          Prompt.filePart({ mediaType: "image/png", data: new URL("https://example.com/a.png") })
        ]
      }),
      Prompt.assistantMessage({
        content: [
          Prompt.reasoningPart({ text: "Hm.", options: { vendor: { signature: "c2ln" } } }),
          Prompt.toolCallPart({ id: "s", name: "search", params: { q: [1, null] }, providerExecuted: true }),
          Prompt.toolResultPart({
            id: "s",
            name: "search",
            isFailure: true,
            result: { deep: [{}] },
            providerExecuted: true
          }),
          Prompt.textPart({ text: "y".repeat(100_000) })
        ]
      })
    ]
    yield* store.append(name, add(parts))
    const { messages } = yield* store.history(name)
    assert.deepStrictEqual(messages.map(({ message }: { readonly message: unknown }) => message), parts)
  }),
  make("gives the newest messages, or those up to one", function*(store, name) {
    yield* store.append(name, add(chat))
    const all: ReadonlyArray<number> = yield* ids(store, name)
    const page = (options: Parameters<Store["history"]>[1]) =>
      Effect.map(store.history(name, options), ({ messages }) => messages.map(({ id }) => id))
    assert.deepStrictEqual(yield* page({ limit: 2 }), all.slice(-2))
    assert.deepStrictEqual(yield* page({ limit: 2, upTo: all[3] }), all.slice(2, 4))
    assert.deepStrictEqual(yield* page({ upTo: all[0]! - 1 }), [])
    assert.deepStrictEqual(yield* page({ limit: 100 }), all)
  }),
  make("adds what a run says once", function*(store, name) {
    yield* store.append(name, add(chat, { run: "1" }))
    yield* store.append(name, add(chat, { run: "1" }))
    yield* store.append(name, add(chat, { run: "2" }))
    assert.strictEqual((yield* ids(store, name)).length, chat.length * 2)
  }),
  make("takes additions from many at once, each whole", function*(store, name) {
    yield* Effect.forEach(
      Array.from({ length: 20 }, (_, n) => n),
      (n) => store.append(name, add([user(`${n}`), said(`${n}`)])),
      { concurrency: "unbounded", discard: true }
    )
    const { messages } = yield* store.history(name)
    const texts = messages.map(({ message }: any) => message.content[0].text)
    assert.strictEqual(new Set(texts).size, 20)
    for (let index = 0; index < 40; index += 2) assert.strictEqual(texts[index], texts[index + 1])
  }),
  make("refuses what no provider would take, and adds none of it", function*(store, name) {
    const bad = [
      [Prompt.systemMessage({ content: "You are." })],
      [user("Look."), asked("a")],
      [user("Look."), asked("a", "b"), answered("a")],
      [user("Look."), asked("a"), answered("b")],
      [user("Look."), asked("a"), said("No."), answered("a")],
      [answered("a")],
      [user("Look."), Prompt.assistantMessage({ content: [] })]
    ]
    for (const messages of bad) {
      assert.strictEqual(yield* reason(store.append(name, add(messages))), "MessagesRefused")
    }
    assert.deepStrictEqual(yield* ids(store, name), [])
  }),
  make("forgets a message, and with a call its results", function*(store, name) {
    yield* store.append(name, add(chat))
    const all: ReadonlyArray<number> = yield* ids(store, name)
    assert.strictEqual(yield* store.forget(name, all[2]!), 2)
    assert.strictEqual(yield* roles(store, name), "user assistant user assistant")
    assert.strictEqual(yield* store.forget(name, all[1]!), 0)
    assert.strictEqual(yield* store.forget(name, all[5]!), 1)
    assert.strictEqual(yield* roles(store, name), "user assistant user")
    // the id of what is gone is nobody else's
    yield* store.append(name, add([user("New.")]))
    assert.ok((yield* ids(store, name)).at(-1)! > all[5]!)
  }),
  make("gives the newest summary, and forgets it with what it stands for", function*(store, name) {
    yield* store.append(name, add(chat))
    const all: ReadonlyArray<number> = yield* ids(store, name)
    yield* store.append(name, { ...add([]), summary: { text: "They \u0000 looked.", upTo: all[3]! } })
    yield* store.append(name, { ...add([user("More.")]), summary: { text: "Twice.", upTo: all[5]! } })
    const whole = yield* store.history(name)
    assert.deepStrictEqual(whole.summary, { text: "Twice.", upTo: all[5] })
    assert.strictEqual(whole.messages.length, 7)
    const rest = yield* store.history(name, { summarized: true })
    assert.strictEqual(rest.messages.length, 1)
    // as of before the second
    const before = yield* store.history(name, { upTo: all[4]!, summarized: true })
    assert.deepStrictEqual(before.summary, { text: "They \u0000 looked.", upTo: all[3] })
    assert.deepStrictEqual(before.messages.map(({ id }: { readonly id: number }) => id), [all[4]])
    yield* store.forget(name, all[4]!)
    assert.strictEqual((yield* store.history(name)).summary?.upTo, all[3])
    yield* store.forget(name, all[0]!)
    assert.strictEqual((yield* store.history(name)).summary, undefined)
  }),
  make("clears one conversation, and goes on after it", function*(store, name) {
    yield* store.append(name, add(chat))
    yield* store.append(`${name} 2`, add(chat))
    const all: ReadonlyArray<number> = yield* ids(store, name)
    yield* store.append(name, { ...add([]), summary: { text: "They looked.", upTo: all[3]! } })
    assert.strictEqual(yield* store.clear(name), chat.length)
    assert.deepStrictEqual(yield* store.history(name), { messages: [], summary: undefined })
    assert.strictEqual(yield* store.clear(name), 0)
    yield* store.append(name, add([user("New.")]))
    assert.ok((yield* ids(store, name))[0]! > all.at(-1)!)
    assert.strictEqual((yield* ids(store, `${name} 2`)).length, chat.length)
  }),
  make("copies a conversation, up to a message whose unit is whole", function*(store, name) {
    yield* store.append(name, add(chat))
    const all: ReadonlyArray<number> = yield* ids(store, name)
    yield* store.append(name, { ...add([]), summary: { text: "They looked.", upTo: all[3]! } })
    assert.strictEqual(yield* store.fork(name, `${name} all`), chat.length)
    assert.deepStrictEqual((yield* store.history(`${name} all`)).summary, { text: "They looked.", upTo: all[3] })
    // the results of the call are not in it, so neither is the call
    assert.strictEqual(yield* store.fork(name, `${name} part`, { upTo: all[1]! }), 1)
    assert.strictEqual((yield* store.history(`${name} part`)).summary, undefined)
    yield* store.append(`${name} part`, add([said("Other.")]))
    assert.strictEqual(yield* roles(store, `${name} part`), "user assistant")
    assert.strictEqual((yield* ids(store, name)).length, chat.length)
    assert.strictEqual(yield* reason(store.fork(name, `${name} part`)), "ConversationExists")
    assert.strictEqual(yield* store.fork(`${name} of nothing`, `${name} new`), 0)
  }),
  make("lists conversations with messages, in pages, and none that is deleted", function*(store, name) {
    const mine = (list: ReadonlyArray<{ readonly conversation: string }>) =>
      list.map(({ conversation }) => conversation).filter((conversation) => conversation.startsWith(name))
    for (const n of [1, 2, 3]) yield* store.append(`${name} ${n}`, add(chat))
    const whole = yield* store.list({ limit: 10_000 })
    assert.deepStrictEqual(mine(whole).sort(), [`${name} 1`, `${name} 2`, `${name} 3`])
    assert.strictEqual(whole.find((info: any) => info.conversation === `${name} 1`)?.messages, chat.length)
    const paged: Array<string> = []
    for (let page = yield* store.list({ limit: 2 }); page.length > 0;) {
      paged.push(...mine(page))
      page = yield* store.list({ limit: 2, after: page.at(-1) })
    }
    assert.deepStrictEqual(paged, mine(whole))
    assert.strictEqual(yield* store.delete(`${name} 2`), true)
    assert.strictEqual(yield* store.delete(`${name} 2`), false)
    assert.deepStrictEqual(mine(yield* store.list({ limit: 10_000 })).length, 2)
    assert.deepStrictEqual(yield* ids(store, `${name} 2`), [])
  }),
  make("takes any name of 1 to 200 characters for itself alone", function*(store, name) {
    for (const other of awkward) yield* store.append(other, add([user(`${name} ${other}`)]))
    for (const other of awkward) {
      const { messages } = yield* store.history(other)
      assert.deepStrictEqual(messages.map(({ message }: any) => message.content[0].text), [`${name} ${other}`])
    }
  }),
  make("is had by one at a time, in the order in which they came", function*(store, name) {
    const first = yield* Scope.make()
    yield* Scope.provide(store.hold(name, "wait"), first)
    assert.strictEqual(yield* reason(Effect.scoped(store.hold(name, "fail"))), "ConversationBusy")
    // another conversation is free
    yield* Effect.scoped(store.hold(`${name} 2`, "fail"))
    const order: Array<number> = []
    const waiting: Array<Fiber.Fiber<void, ConversationError>> = []
    for (const n of [1, 2, 3]) {
      const fiber = yield* Effect.forkChild(
        Effect.scoped(Effect.andThen(store.hold(name, "wait"), Effect.sync(() => void order.push(n)))),
        { startImmediately: true }
      )
      waiting.push(fiber)
    }
    // who gives up waiting is left out
    yield* Fiber.interrupt(waiting[1]!)
    assert.deepStrictEqual(order, [])
    yield* Scope.close(first, Exit.void)
    for (const fiber of [waiting[0]!, waiting[2]!]) yield* Fiber.join(fiber)
    assert.deepStrictEqual(order, [1, 3])
    yield* Effect.scoped(store.hold(name, "fail"))
  })
]
