/**
 * What every `MemoryStore` has to do: for tests of a store of your own, in any test runner.
 *
 * Each case is an Effect that needs the store, and dies with an `AssertionError` where it does wrong. The cases can share a
 * store: each has owners of its own.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import * as assert from "node:assert"
import { type Fact, MemoryStore, type MemoryUnavailable, type Place, termsOf } from "../agent/MemoryStore.ts"

/** One thing that a store does. */
export interface Case {
  /** A sentence about a store: "keeps a fact until it is forgotten". */
  readonly title: string
  readonly check: Effect.Effect<void, MemoryUnavailable, MemoryStore>
}

type Store = MemoryStore["Service"]

const fact = (key: string, value: Schema.Json, more: { by?: string; expiresAt?: number } = {}) => ({
  key,
  value,
  writtenBy: more.by ?? "suite",
  expiresAt: more.expiresAt ?? null
})

const found = (store: Store, place: Place, text: string, limit = 10) =>
  Effect.map(
    store.search(place, { terms: termsOf(text), limit, reserved: false }),
    (facts) => facts.map(({ key }) => key)
  )

const there = (store: Store, place: Place, key: string): Effect.Effect<Fact, MemoryUnavailable> =>
  Effect.map(store.recall(place, key), (fact) => fact ?? assert.fail(`there is no fact ${JSON.stringify(key)}`))

const all = { limit: 1000, reserved: false }

const make = (
  title: string,
  check: (store: Store, owner: string) => Generator<Effect.Effect<any, MemoryUnavailable, any>, void, any>
): Case => ({
  title,
  check: Effect.gen(function*() {
    const store = yield* MemoryStore
    yield* Effect.gen(() => check(store, `suite: ${title}`))
  })
})

const awkward = [
  "emoji 🦄👩‍👩‍👧",
  "'; drop table fluxion_memory; --",
  "%_*?[a-z]",
  `"quoted" \\ back`,
  "line\nbreak",
  "名前",
  "e\u0301",
  "é",
  " leading and trailing ",
  "x".repeat(200)
]

const values: ReadonlyArray<Schema.Json> = [
  "",
  "text with \u0000, \u2028 and \ud800",
  0,
  -1.5e300,
  true,
  null,
  [],
  {},
  { nested: [{ deep: ["💾", null] }], "": 1, __proto: "p" },
  "y".repeat(65_536)
]

/** The cases. */
export const cases: ReadonlyArray<Case> = [
  make("keeps a fact, with who wrote it and when, until it is forgotten", function*(store, owner) {
    const place = { owner, scope: "s" }
    assert.strictEqual(yield* store.recall(place, "a"), undefined)
    const before = yield* Clock.currentTimeMillis
    yield* store.memorize(place, fact("a", { n: 1 }, { by: "planner" }))
    const first: Fact = yield* there(store, place, "a")
    const { createdAt, updatedAt, ...rest } = first
    assert.deepStrictEqual(rest, { key: "a", value: { n: 1 }, writtenBy: "planner", expiresAt: null })
    assert.ok(createdAt >= before && updatedAt === createdAt, "its times are those of the Clock")
    assert.strictEqual(yield* store.forget(place, "a"), 1)
    assert.strictEqual(yield* store.forget(place, "a"), 0)
    assert.strictEqual(yield* store.recall(place, "a"), undefined)
  }),
  make(
    "puts a new value in the place of the old one, and keeps when the fact was first written",
    function*(store, owner) {
      const place = { owner, scope: "s" }
      yield* store.memorize(place, fact("a", "blue whale", { by: "one" }))
      const first: Fact = yield* there(store, place, "a")
      yield* store.memorize(place, fact("a", "red panda", { by: "two" }))
      const second: Fact = yield* there(store, place, "a")
      assert.deepStrictEqual([second.value, second.writtenBy, second.createdAt], ["red panda", "two", first.createdAt])
      assert.deepStrictEqual(yield* store.keys(place, all), ["a"])
      assert.deepStrictEqual([yield* found(store, place, "whale"), yield* found(store, place, "panda")], [[], ["a"]])
    }
  ),
  make("keeps keys and values as they are, however awkward", function*(store, owner) {
    const place = { owner, scope: "s" }
    for (const key of awkward) yield* store.memorize(place, fact(key, `value of ${key}`))
    for (const key of awkward) assert.strictEqual((yield* store.recall(place, key))?.value, `value of ${key}`)
    assert.deepStrictEqual([...(yield* store.keys(place, all))].sort(), [...awkward].sort())
    for (const [index, value] of values.entries()) {
      yield* store.memorize(place, fact(`value ${index}`, value))
      assert.deepStrictEqual((yield* store.recall(place, `value ${index}`))?.value, value)
    }
    for (const odd of awkward) {
      const other = { owner: `${owner} ${odd}`, scope: odd }
      yield* store.memorize(other, fact("k", odd))
      assert.strictEqual((yield* store.recall(other, "k"))?.value, odd)
      assert.deepStrictEqual(yield* store.scopes(other.owner), [odd])
    }
  }),
  make("keeps owners and scopes apart", function*(store, owner) {
    const places = ["", " b"].flatMap((more) => ["s", "s b", "S"].map((scope) => ({ owner: owner + more, scope })))
    for (const place of places) yield* store.memorize(place, fact("k", `common ${JSON.stringify(place)}`))
    for (const place of places) {
      const value = `common ${JSON.stringify(place)}`
      assert.strictEqual((yield* store.recall(place, "k"))?.value, value)
      assert.deepStrictEqual(yield* store.keys(place, all), ["k"])
      const hits: ReadonlyArray<Fact> = yield* store.search(place, { ...all, terms: termsOf("common") })
      assert.deepStrictEqual(hits.map((hit) => hit.value), [value])
      assert.deepStrictEqual(yield* store.scopes(place.owner), ["S", "s", "s b"])
    }
    assert.strictEqual(yield* store.forget(places[0]!), 1)
    for (const place of places.slice(1)) assert.deepStrictEqual(yield* store.keys(place, all), ["k"])
    assert.deepStrictEqual(yield* store.scopes(owner), ["S", "s b"])
    assert.deepStrictEqual(yield* store.scopes("nobody"), [])
  }),
  make("forgets all of a place at once, and says how many facts there were", function*(store, owner) {
    const place = { owner, scope: "s" }
    for (const key of ["a", "b", "_c"]) yield* store.memorize(place, fact(key, "word"))
    assert.strictEqual(yield* store.forget(place), 3)
    assert.strictEqual(yield* store.forget(place), 0)
    assert.deepStrictEqual(yield* store.keys(place, { ...all, reserved: true }), [])
    assert.deepStrictEqual(yield* found(store, place, "word"), [])
  }),
  make("gives the keys in pages, each once", function*(store, owner) {
    const place = { owner, scope: "s" }
    const keys = [...awkward, ...Array.from({ length: 25 }, (_, n) => `key ${n}`)]
    for (const key of keys) yield* store.memorize(place, fact(key, 1))
    const seen: Array<string> = []
    for (let after: string | undefined;;) {
      const page: ReadonlyArray<string> = yield* store.keys(place, { after, limit: 7, reserved: false })
      assert.ok(page.length <= 7, "a page has no more than its limit")
      if (page.length === 0) break
      seen.push(...page)
      after = page.at(-1)
    }
    assert.strictEqual(seen.length, keys.length)
    assert.deepStrictEqual([...seen].sort(), [...keys].sort())
  }),
  make("finds facts by words of their keys and values, the best first", function*(store, owner) {
    const place = { owner, scope: "s" }
    yield* store.memorize(place, fact("favourite-colour", "Ultramarine, like the sea at Zürich"))
    yield* store.memorize(place, fact("pets", [{ name: "Rex", kind: "Labrador retriever" }, { name: "Tom" }]))
    yield* store.memorize(place, fact("user_name", "山田太郎"))
    yield* store.memorize(place, fact("sea", "the sea is cold"))
    assert.deepStrictEqual(yield* found(store, place, "colour?"), ["favourite-colour"])
    assert.deepStrictEqual(yield* found(store, place, "What does ZURICH look like"), ["favourite-colour"])
    assert.deepStrictEqual(yield* found(store, place, "labra"), ["pets"])
    assert.deepStrictEqual(yield* found(store, place, "abrador"), [])
    assert.deepStrictEqual(yield* found(store, place, "山田"), ["user_name"])
    assert.deepStrictEqual(yield* found(store, place, "ultramarine sea"), ["favourite-colour", "sea"])
    assert.strictEqual((yield* found(store, place, "ultramarine sea", 1)).length, 1)
    assert.deepStrictEqual(yield* found(store, place, `"'*)( :& !|- #`), [])
    assert.deepStrictEqual(yield* found(store, place, `pets" OR near(`), ["pets"])
    yield* store.forget(place, "pets")
    assert.deepStrictEqual(yield* found(store, place, "labrador"), [])
  }),
  make("shows keys that begin with _ only where they are asked for", function*(store, owner) {
    const place = { owner, scope: "s" }
    yield* store.memorize(place, fact("_plan", "secret word"))
    yield* store.memorize(place, fact("plan", "open word"))
    assert.deepStrictEqual(yield* store.keys(place, all), ["plan"])
    assert.deepStrictEqual([...(yield* store.keys(place, { ...all, reserved: true }))].sort(), ["_plan", "plan"])
    assert.deepStrictEqual(yield* found(store, place, "word"), ["plan"])
    const hits: ReadonlyArray<Fact> = yield* store.search(place, { ...all, terms: termsOf("word"), reserved: true })
    assert.strictEqual(hits.length, 2)
    assert.strictEqual((yield* store.recall(place, "_plan"))?.value, "secret word")
  }),
  make("has a fact no more when it has expired", function*(store, owner) {
    const place = { owner, scope: "s" }
    const now: number = yield* Clock.currentTimeMillis
    yield* store.memorize(place, fact("old", "stale word", { expiresAt: now }))
    yield* store.memorize(place, fact("new", "fresh word", { expiresAt: now + 3_600_000 }))
    assert.strictEqual(yield* store.recall(place, "old"), undefined)
    assert.strictEqual((yield* store.recall(place, "new"))?.expiresAt, now + 3_600_000)
    assert.deepStrictEqual(yield* store.keys(place, all), ["new"])
    assert.deepStrictEqual(yield* found(store, place, "word"), ["new"])
    yield* store.memorize({ owner, scope: "gone" }, fact("old", 1, { expiresAt: now }))
    assert.deepStrictEqual(yield* store.scopes(owner), ["s"])
    assert.strictEqual(yield* store.forget(place), 1)
    // written again, it stays
    yield* store.memorize(place, fact("old", "word again"))
    assert.strictEqual((yield* store.recall(place, "old"))?.expiresAt, null)
    assert.deepStrictEqual(yield* found(store, place, "word"), ["old"])
  }),
  make("loses nothing to writes at one time", function*(store, owner) {
    const place = { owner, scope: "s" }
    const numbers = Array.from({ length: 40 }, (_, n) => n)
    yield* Effect.forEach(
      numbers,
      (n) =>
        Effect.andThen(
          store.memorize(place, fact(`own ${n}`, n)),
          store.memorize(place, fact("shared", { by: n, word: `w${n}`, again: n }))
        ),
      { concurrency: "unbounded" }
    )
    assert.strictEqual((yield* store.keys(place, all)).length, numbers.length + 1)
    const { value } = yield* there(store, place, "shared")
    const shared = value as { readonly by: number; readonly word: string }
    assert.deepStrictEqual(shared, { by: shared.by, word: `w${shared.by}`, again: shared.by })
    assert.deepStrictEqual(yield* found(store, place, shared.word), ["shared"])
  })
]
