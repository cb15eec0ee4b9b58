/**
 * The port of long-term memory: facts, each by owner, scope and key.
 *
 * A store keeps JSON and knows no Schema; what may be a key, how large a value is and what the model sees is decided
 * above it, in `LongTermMemory`. A fact that has expired is not there any more. `MemoryStoreSuite` of
 * `fluxion/testing` says what every store has to do, so that one of your own can be checked.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { MigrationError } from "effect/sql/Migrator"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"

/** The store could not be read or written. */
export class MemoryUnavailable extends Schema.TaggedError<MemoryUnavailable>()("MemoryUnavailable", {
  operation: Schema.String,
  cause: Schema.Defect()
}) {
  readonly isRetryable = true
  override get message(): string {
    const said = this.cause instanceof Error ? this.cause.message : String(this.cause)
    return `the store is not available (${this.operation}): ${said}`
  }
}

/** A fact, as it is kept. Times are in milliseconds since 1970. */
export const Fact = Schema.Struct({
  key: Schema.String,
  value: Schema.Json,
  /** The path of the agent that wrote it last, or what code called itself. */
  writtenBy: Schema.String,
  createdAt: Schema.Finite,
  updatedAt: Schema.Finite,
  /** When it is forgotten; `null` for never. */
  expiresAt: Schema.NullOr(Schema.Finite)
})

/** A fact, as it is kept. Times are in milliseconds since 1970. */
export type Fact = typeof Fact.Type

/** Whose facts, and of what. Nothing of one place is ever seen in another. */
export interface Place {
  /** `""` for nobody's in particular. */
  readonly owner: string
  readonly scope: string
}

/** A word that is looked for. */
export interface Term {
  readonly word: string
  /** Words that begin with it are meant, too. */
  readonly prefix: boolean
}

/** Which keys. */
export interface Page {
  /** Those that come after this one. */
  readonly after?: string | undefined
  readonly limit: number
  /** Also those that begin with `_`. */
  readonly reserved: boolean
}

/** Which facts: those with most of the terms first. */
export interface Search {
  readonly terms: ReadonlyArray<Term>
  readonly limit: number
  /** Also those whose key begins with `_`. */
  readonly reserved: boolean
}

/** Keeps facts. */
export class MemoryStore extends Context.Service<MemoryStore, {
  /** Puts a fact in the place of the one of its key; of several at once the last one stays, whole. */
  readonly memorize: (
    place: Place,
    fact: Pick<Fact, "key" | "value" | "writtenBy" | "expiresAt">
  ) => Effect.Effect<void, MemoryUnavailable>
  readonly recall: (place: Place, key: string) => Effect.Effect<Fact | undefined, MemoryUnavailable>
  /** Forgets one fact, or without a key all of the place; gives how many there were. */
  readonly forget: (place: Place, key?: string) => Effect.Effect<number, MemoryUnavailable>
  /** The keys of a place, in an order that stays the same. */
  readonly keys: (place: Place, page: Page) => Effect.Effect<ReadonlyArray<string>, MemoryUnavailable>
  /** The scopes in which an owner has facts, in alphabetical order. */
  readonly scopes: (owner: string) => Effect.Effect<ReadonlyArray<string>, MemoryUnavailable>
  /** The facts that have at least one of the terms among the `wordsOf` their key and value. */
  readonly search: (place: Place, search: Search) => Effect.Effect<ReadonlyArray<Fact>, MemoryUnavailable>
}>()("fluxion/agent/MemoryStore") {}

const marks = /\p{M}+/gu
// scripts that put no spaces between words are cut into characters
const words = /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}]|(?:(?![\p{sc=Han}\p{sc=Hira}\p{sc=Kana}])[\p{L}\p{N}])+/gu

/** Longer words are cut: databases do not index them. */
const maxWord = 64

/** The different words of a text, in lower case, without accents. */
const split = (text: string): ReadonlyArray<string> => {
  const found = new Set<string>()
  for (const [word] of text.toLowerCase().normalize("NFKD").replace(marks, "").matchAll(words)) {
    found.add(word.slice(0, maxWord))
  }
  return [...found]
}

/** The strings and numbers in a value, and the names of its fields. */
const textOf = (value: Schema.Json): string =>
  typeof value === "object" && value !== null
    ? (Array.isArray(value)
      ? value.map(textOf)
      : Object.entries(value).map(([name, value]) => `${name} ${textOf(value)}`)).join(" ")
    : String(value)

/** The words by which a fact is found. */
export const wordsOf = ({ key, value }: Pick<Fact, "key" | "value">): ReadonlyArray<string> =>
  split(`${key} ${textOf(value)}`)

/** More words do not make a search better. */
const maxTerms = 32

/** What a text looks for: its words, long ones as beginnings, too. */
export const termsOf = (text: string): ReadonlyArray<Term> =>
  split(text).slice(0, maxTerms).map((word) => ({ word, prefix: word.length > 2 }))

/** Whether a fact of these words has the term. */
export const has = (words: ReadonlyArray<string>, { prefix, word }: Term): boolean =>
  words.some((own) => prefix ? own.startsWith(word) : own === word)

/** Whether a key is kept from the model: it begins with `_`. */
export const isReserved = (key: string): boolean => key.startsWith("_")

/** Facts that end with the process. */
export const layerMemory: Layer.Layer<MemoryStore> = Layer.effect(
  MemoryStore,
  Effect.map(Effect.promise(() => import("./internal/MapMemory.ts")), (memory) => memory.make())
)

/** Facts in the database of the context: SQLite or PostgreSQL. Its tables are made, and brought up to date, first. */
export const layerSql: Layer.Layer<MemoryStore, SqlError | MigrationError, SqlClient> = Layer.effect(
  MemoryStore,
  Effect.flatMap(Effect.promise(() => import("./internal/SqlMemory.ts")), (memory) => memory.make)
)
