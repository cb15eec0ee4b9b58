/**
 * A run of an execution as the engine sees it: it is told what others decided, says what it waits for, and is stopped.
 *
 * `ExecutionRun` runs our workflows: answers are handed out in the journal's order. `EffectRun` runs those of
 * `effect/workflow`: their code is run again from its start whenever there is something new.
 */
import type * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type { Step, StepScope } from "../StepScope.ts"

/** Something that the execution waits for, to be answered by `Run.answer`. */
export interface Awaited {
  readonly key: string
  readonly name: string
  readonly waits: unknown
}

/** What a run is made of besides its history. */
export interface Made {
  /** The execution's id. */
  readonly id: string
  /** What its ids and random numbers are made of. */
  readonly seed: string
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** What another execution's step of that name and key came to, if that is still good. */
  readonly recall: (key: string) => Effect.Effect<unknown>
}

/** A run under way. */
export interface Run {
  /** How to undo the steps that this run has asked for, by their keys. */
  readonly rollbacks: ReadonlyMap<string, Step<any, any>>
  /** What the execution waits for now. */
  readonly awaited: ReadonlyArray<Awaited>
  /** The same, for its entry. */
  readonly waits: ReadonlyArray<Schema.Json>
  /** Whether all that is under way waits for somebody, and nothing is recorded that was not asked for. */
  readonly isParked: boolean
  /** The step that is recorded next, and that the code has not asked for. */
  readonly expected: string | undefined
  /** How many recorded answers were given, and a step that waits for the next. */
  readonly progress: { readonly handedOut: number; readonly waiting: string | undefined }
  /** Called when the execution has reached something that it waits for; what that says is durable. */
  onAwaited: (awaited: Awaited) => void
  /** Called when all that is under way waits for somebody. */
  onParked: () => void
  /** Called when the run can only be stopped, and left alone until somebody retries it. */
  onProblem: (problem: string) => void
  /** Called when the code asks for something new after `cancel`, and is to be interrupted. */
  onCancelled: () => void
  /** What is run of the execution's code. */
  readonly main: <A, E, R>(code: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /**
   * Answers a wait with an encoded outcome: `unknown` if nobody waits for it (yet, or any more), `refused` if it is not
   * what is waited for.
   */
  readonly answer: (key: string, exit: unknown) => Effect.Effect<"answered" | "unknown" | "refused">
  /** From now on nothing new begins; what runs goes on to its end. */
  readonly cancel: () => void
  /** Interrupts the code, where that is the run's own business. */
  readonly interrupt?: () => void
  /** From now on nothing is recorded: the fibers are about to be interrupted, and the execution goes on elsewhere. */
  readonly stop: () => void
  /** The code has come to its end: whoever still calls a step is told so. */
  readonly end: () => void
  /** The scope of the execution's own code. */
  readonly scope: () => StepScope
}
