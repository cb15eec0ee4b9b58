/**
 * What agents know beyond a run: facts by owner, scope and key, kept in the `MemoryStore` of the context.
 *
 * A memory is a value: agents that are given the same one share its facts, and so do two of one scope. The owner is said
 * by the run, never by the model. Code uses the same facts, typed by a Schema; keys that begin with `_` are for code
 * alone. Inside an execution every read and write is a step: a replay reads what the run read, and writes nothing again.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Types from "effect/Types"
import { OwnerMissing } from "../core/AgentError.ts"
import * as Limits from "../core/Limits.ts"
import * as Secrets from "../core/Secrets.ts"
import * as StepScope from "../durable/StepScope.ts"
import { messageOf } from "../durable/TaskError.ts"
import * as MemoryTools from "./internal/memoryTools.ts"
import { problemOf } from "./internal/names.ts"
import { CurrentRun } from "./internal/RunScope.ts"
import { MemoryError, type MemoryErrorReason, NameRefused, ValueInvalid, ValueTooLarge } from "./MemoryError.ts"
import { Fact, MemoryStore, type Place, termsOf } from "./MemoryStore.ts"
import type { ToolInput } from "./Toolbox.ts"

export { MemoryError, NameRefused, ValueInvalid, ValueTooLarge } from "./MemoryError.ts"

const TypeId = "~fluxion/agent/LongTermMemory"

/** What a memory is. */
export interface Options {
  /** What the facts are about; memories of one scope are one. 1 to 200 characters. */
  readonly scope: string
  /** `"required"`: a run or call that says no `owner` fails. Without it, those that say none share their facts. */
  readonly owner?: "required" | undefined
  /** Characters of a value, as JSON. Default 65,536. */
  readonly maxValue?: number | undefined
}

/** Whose facts. */
export interface At {
  /** Default: the owner of the run that the code is in. */
  readonly owner?: string | undefined
}

/** How a fact is kept. */
export interface Keep extends At {
  /** When it is forgotten. Default: never. */
  readonly expires?: Duration.Input | undefined
  /** Who wrote it. Default: the path of the agent that the code runs in, or `"code"`. */
  readonly by?: string | undefined
}

/** Which keys are listed. */
export interface List extends At {
  readonly after?: string | undefined
  /** Default 100. */
  readonly limit?: number | undefined
  /** Also keys that begin with `_`. */
  readonly reserved?: boolean | undefined
}

/** Facts that outlive a run; `R` is what it needs. */
export interface LongTermMemory<out R = MemoryStore> {
  readonly [TypeId]: typeof TypeId
  readonly "~R": Types.Covariant<R>
  readonly scope: string
  /** Whether a run has to say an owner. */
  readonly isOwned: boolean
  /** What the agent's model may call. */
  readonly tools: ReadonlyArray<ToolInput>
  /** A value; `undefined` where there is none. */
  readonly get: <A, RD, RE>(
    key: string,
    schema: Schema.Codec<A, unknown, RD, RE>,
    at?: At
  ) => Effect.Effect<A | undefined, MemoryError, R | RD>
  /** Puts a value in the place of the one before. */
  readonly set: <A, RD, RE>(
    key: string,
    schema: Schema.Codec<A, unknown, RD, RE>,
    value: A,
    keep?: Keep
  ) => Effect.Effect<void, MemoryError, R | RE>
  /** A fact with when it was written, and by whom. */
  readonly fact: (key: string, at?: At) => Effect.Effect<Fact | undefined, MemoryError, R>
  /** Forgets a fact; says whether there was one. */
  readonly forget: (key: string, at?: At) => Effect.Effect<boolean, MemoryError, R>
  /** Forgets all that an owner has in this scope; gives how many facts that were. */
  readonly clear: (at?: At) => Effect.Effect<number, MemoryError, R>
  readonly keys: (list?: List) => Effect.Effect<ReadonlyArray<string>, MemoryError, R>
  /** The facts that have most of the text's words. Default: 10 at the most. */
  readonly search: (
    text: string,
    options?: Omit<List, "after">
  ) => Effect.Effect<ReadonlyArray<Fact>, MemoryError, R>
}

const assertName = (what: "key" | "owner", name: string) => {
  const problem = problemOf(name)
  return problem === undefined
    ? Effect.void
    : Effect.fail(new NameRefused({ what, name: name.slice(0, 60), problem }))
}

/** What a step is told from another by: where it looks, and what for. */
const Asked = Schema.Struct({
  owner: Schema.String,
  scope: Schema.String,
  key: Schema.optional(Schema.String),
  value: Schema.optional(Schema.Json),
  expires: Schema.optional(Schema.Finite),
  text: Schema.optional(Schema.String),
  after: Schema.optional(Schema.String),
  limit: Schema.optional(Schema.Finite),
  reserved: Schema.optional(Schema.Boolean)
})
type Asked = Omit<typeof Asked.Type, "owner" | "scope">

const stored = Schema.UndefinedOr(Fact)

/**
 * Makes a long-term memory.
 *
 * ```ts
 * const notes = LongTermMemory.make({ scope: "notes", owner: "required" })
 * const assistant = Agent.make("assistant", { instructions: "You help.", longTermMemory: notes })
 * assistant("What is my name?", { owner: "ada" }) // needs a MemoryStore
 * ```
 *
 * Throws a `TypeError` for a scope that is not 1 to 200 characters.
 */
export const make = ({ maxValue = Limits.maxMemoryValue, owner, scope }: Options): LongTermMemory => {
  const problem = problemOf(scope)
  if (problem !== undefined) throw new TypeError(`the scope of a long-term memory ${problem}`)
  const isOwned = owner === "required"

  /** What is done in a place, as one step. */
  const step = <A>(
    name: string,
    at: At | undefined,
    asked: Asked,
    success: Schema.Codec<A, any>,
    perform: (store: MemoryStore["Service"], place: Place, by: string) => Effect.Effect<A, MemoryErrorReason>
  ): Effect.Effect<A, MemoryError, MemoryStore> =>
    Effect.withFiber((fiber) => {
      const run = fiber.getRef(CurrentRun)
      const place = { scope, owner: at?.owner ?? run?.owner ?? "" }
      const body = Effect.gen(function*() {
        if (place.owner !== "") yield* assertName("owner", place.owner)
        else if (isOwned) return yield* new OwnerMissing({ memory: scope })
        if (asked.key !== undefined) yield* assertName("key", asked.key)
        return yield* perform(yield* MemoryStore, place, run?.path ?? "code")
      })
      return StepScope.stepIn(
        fiber,
        () => ({ name, payload: { ...place, ...asked }, payloadSchema: Asked, success, error: MemoryError }),
        Effect.mapError(body, (reason) => new MemoryError({ scope, reason }))
      )
    })

  const recall = (key: string, at?: At) =>
    step("recall_fact", at, { key }, stored, (store, place) => store.recall(place, key))

  const memory: LongTermMemory = {
    [TypeId]: TypeId,
    "~R": (_: never) => _,
    scope,
    isOwned,
    get tools() {
      return MemoryTools.of(memory)
    },
    fact: recall,
    get: (key, schema, at) => {
      const decode = Schema.decodeUnknownEffect(Schema.toCodecJson(schema))
      return Effect.flatMap(recall(key, at), (fact) =>
        fact === undefined ? Effect.undefined : Effect.mapError(
          decode(fact.value),
          (error) => new MemoryError({ scope, reason: new ValueInvalid({ key, detail: messageOf(error) }) })
        ))
    },
    set: (key, schema, value, keep) =>
      Effect.flatMap(
        Effect.mapError(
          Schema.encodeUnknownEffect(Schema.toCodecJson(schema))(value),
          (error) => new MemoryError({ scope, reason: new ValueInvalid({ key, detail: messageOf(error) }) })
        ),
        (encoded) => {
          const json = Secrets.scrubValue(encoded) as Schema.Json
          const expires = keep?.expires === undefined ? undefined : Duration.toMillis(keep.expires)
          return step("store_fact", keep, { key, value: json, expires }, Schema.Void, (store, place, path) =>
            Effect.gen(function*() {
              const size = JSON.stringify(json).length
              if (size > maxValue) {
                return yield* new ValueTooLarge({ key, size, limit: maxValue })
              }
              const now = yield* Clock.currentTimeMillis
              const expiresAt = expires === undefined ? null : now + expires
              yield* store.memorize(place, { key, value: json, writtenBy: keep?.by ?? path, expiresAt })
            }))
        }
      ),
    forget: (key, at) =>
      step(
        "forget_fact",
        at,
        { key },
        Schema.Boolean,
        (store, place) => Effect.map(store.forget(place, key), (count) => count > 0)
      ),
    clear: (at) => step("forget_facts", at, {}, Schema.Finite, (store, place) => store.forget(place)),
    keys: ({ after, limit = 100, reserved = false, ...at } = {}) =>
      step(
        "list_facts",
        at,
        { after, limit, reserved },
        Schema.Array(Schema.String),
        (store, place) => store.keys(place, { after, limit, reserved })
      ),
    search: (text, { limit = 10, reserved = false, ...at } = {}) =>
      step(
        "search_facts",
        at,
        { text, limit, reserved },
        Schema.Array(Fact),
        (store, place) => store.search(place, { terms: termsOf(text), limit, reserved })
      )
  }
  return memory
}
