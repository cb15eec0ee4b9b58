/**
 * Long-term memory that ends with the process. Values are kept as text, so that nobody changes them from outside.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { type Fact, has, isReserved, MemoryStore, type Place, wordsOf } from "../MemoryStore.ts"

interface Kept extends Omit<Fact, "value"> {
  readonly json: string
  readonly words: ReadonlyArray<string>
}

type Facts = Map<string, Kept>

const toFact = ({ json, words: _, ...fact }: Kept): Fact => ({ ...fact, value: JSON.parse(json) })

const isThere = (now: number) => ({ expiresAt }: Kept): boolean => expiresAt === null || expiresAt > now

const byKey = (a: Kept, b: Kept) => a.key < b.key ? -1 : a.key > b.key ? 1 : 0

/** A store in memory. */
export const make = (): MemoryStore["Service"] => {
  const owners = new Map<string, Map<string, Facts>>()
  const factsOf = ({ owner, scope }: Place): Facts | undefined => owners.get(owner)?.get(scope)
  const at = <A>(read: (now: number) => A) => Effect.map(Clock.currentTimeMillis, read)
  const list = (place: Place, now: number, reserved: boolean): ReadonlyArray<Kept> =>
    [...factsOf(place)?.values() ?? []].filter((fact) => isThere(now)(fact) && (reserved || !isReserved(fact.key)))

  return MemoryStore.of({
    memorize: ({ owner, scope }, { value, ...fact }) =>
      at((now) => {
        let scopes = owners.get(owner)
        if (scopes === undefined) owners.set(owner, scopes = new Map())
        let facts = scopes.get(scope)
        if (facts === undefined) scopes.set(scope, facts = new Map())
        const before = facts.get(fact.key)
        const createdAt = before !== undefined && isThere(now)(before) ? before.createdAt : now
        const words = wordsOf({ key: fact.key, value })
        facts.set(fact.key, { ...fact, json: JSON.stringify(value), words, createdAt, updatedAt: now })
      }),
    recall: (place, key) =>
      at((now) => {
        const fact = factsOf(place)?.get(key)
        return fact !== undefined && isThere(now)(fact) ? toFact(fact) : undefined
      }),
    forget: (place, key) =>
      at((now) => {
        const facts = factsOf(place)
        if (facts === undefined) return 0
        const gone = list(place, now, true).filter((fact) => key === undefined || fact.key === key).length
        if (key === undefined) facts.clear()
        else facts.delete(key)
        return gone
      }),
    keys: (place, { after, limit, reserved }) =>
      at((now) =>
        list(place, now, reserved).filter(({ key }) => after === undefined || key > after)
          .sort(byKey).slice(0, limit).map(({ key }) => key)
      ),
    scopes: (owner) =>
      at((now) =>
        [...owners.get(owner)?.keys() ?? []].filter((scope) => list({ owner, scope }, now, true).length > 0).sort()
      ),
    search: (place, { limit, reserved, terms }) =>
      at((now) =>
        list(place, now, reserved)
          .map((fact) => ({ fact, found: terms.filter((term) => has(fact.words, term)).length }))
          .filter(({ found }) => found > 0)
          .sort((a, b) => b.found - a.found || byKey(a.fact, b.fact))
          .slice(0, limit).map(({ fact }) => toFact(fact))
      )
  })
}
