/**
 * A named value of an execution: what a conversation has come to, what was spent. It is a fold over changes that are
 * journaled, each under the step that made it.
 *
 * A change is recorded like the answer of a step, once, and everybody who reads after it sees it, in whichever step. A
 * replay makes the same changes at the same points, also those within completed steps, whose bodies it does not run.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Schema from "effect/Schema"
import { Engine, type EngineError } from "./Engine.ts"
import { ExecutionNotFound } from "./ExecutionError.ts"
import * as Codecs from "./internal/codecs.ts"
import type { JournalUnreadable } from "./Journal.ts"
import { type Folded, StepScope } from "./StepScope.ts"

/** A named value of an execution. */
export interface State<out A, in C> extends Folded<any, any> {
  /** The value, as of where the code is. */
  readonly get: Effect.Effect<A>
  /** Changes the value; the change is durable then. */
  readonly change: (change: C) => Effect.Effect<void>
  /** The value of an execution, from outside, as of now. */
  readonly of: (execution: string) => Effect.Effect<A, ExecutionNotFound | JournalUnreadable | EngineError, Engine>
}

/** How a value comes to be. */
export interface Options<A, Change extends Schema.Codec<any, any>> {
  /** What a change is. */
  readonly change: Change
  /** The value before the first change. */
  readonly initial: A
  /** The value after a change: a pure function. */
  readonly fold: (value: A, change: Change["Type"]) => A
}

/** The values of code that runs outside of workflows. */
const Local = Context.Reference<Map<string, unknown> | undefined>("fluxion/durable/State", {
  defaultValue: () => undefined
})

/**
 * Makes a named value. Within an execution there is one of each name: give every use its own.
 *
 * ```ts
 * const spent = State.make("spent", { change: Schema.Finite, initial: 0, fold: (sum, price) => sum + price })
 * ```
 */
export const make = <A, Change extends Schema.Codec<any, any>>(
  name: string,
  { change: changeSchema, fold, initial }: Options<A, Change>
): State<A, Change["Type"]> => {
  const folded: Folded<A, Change["Type"]> = { name, changeSchema, initial, fold }
  const here = (fiber: Fiber.Fiber<unknown, unknown>) => fiber.getRef(Local)?.get(name) as { value: A } | undefined
  return {
    ...folded,
    get: Effect.withFiber((fiber) =>
      fiber.getRef(StepScope)?.state(folded) ?? Effect.succeed(here(fiber)?.value ?? initial)
    ),
    change: (change) =>
      Effect.withFiber((fiber) => {
        const scope = fiber.getRef(StepScope)
        if (scope !== undefined) return scope.change(folded, change)
        const local = fiber.getRef(Local)
        if (local === undefined) {
          return Effect.die(
            new Error(`the state ${name} was changed outside of a workflow: give the code State.local there`)
          )
        }
        local.set(name, { value: fold(here(fiber)?.value ?? initial, change) })
        return Effect.void
      }),
    of: (execution) =>
      Effect.gen(function*() {
        const { journal } = yield* Engine
        const events = yield* journal.load(execution)
        if (events.length === 0) return yield* new ExecutionNotFound({ execution })
        const codec = Codecs.of(changeSchema)
        return events.reduce(
          (value, { event }) =>
            event._tag === "StateChanged" && event.state === name ? fold(value, codec.decode(event.change)) : value,
          initial
        )
      })
  }
}

/** Gives code outside of workflows values of its own, which end with it. Inside one it changes nothing. */
export const local = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => Effect.provideService(effect, Local, new Map()))
