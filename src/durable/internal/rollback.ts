/**
 * Undoes a completed step, from the journal: its task is found by its name, also when it ran within a step that is not
 * run again.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import type { Step } from "../StepScope.ts"
import * as Codecs from "./codecs.ts"
import type { Undoable } from "./Replay.ts"

/** How a task undoes itself, whatever its payload was. */
export interface Rollback {
  readonly payload: Schema.Top
  readonly success: Schema.Top
  readonly error: Schema.Top
  readonly run: (payload: unknown, exit: Exit.Exit<unknown, unknown>) => Effect.Effect<void, never, any>
}

/** The tasks of this process that can be undone, by name. */
const known = new Map<string, Rollback>()

/** Makes a task's rollback known. */
export const register = (task: string, rollback: Rollback): void => {
  known.set(task, rollback)
}

/** The key under which the rollback of a step is recorded. */
export const keyOf = (step: string): string => `/rollback${step}`

const unknown = Codecs.ofExit({ success: Schema.Void, error: Schema.Never })

/** A rollback's outcome as the journal has it. */
export const encode = (exit: Exit.Exit<void>): Schema.Json => unknown.encode(exit)

/** Undoes a step: as the run that asked for it knows how, or as its task does. */
export const run = (step: Undoable, asked: Step<any, any> | undefined): Effect.Effect<void, never, any> =>
  Effect.withFiber((fiber) => {
    if (asked?.rollback !== undefined) {
      return asked.rollback(Codecs.ofExit(asked).decode(step.exit) as Exit.Exit<unknown, unknown>)
    }
    const task = known.get(step.name)
    if (task === undefined) {
      return Effect.die(
        new Error(
          `step ${step.key} cannot be undone: no task ${step.name} with a rollback is known in this process; `
            + "make it where its module is loaded, not within a run"
        )
      )
    }
    const services = fiber.context
    const exit = Codecs.ofExit(task).decode(step.exit, services) as Exit.Exit<unknown, unknown>
    return task.run(Codecs.of(task.payload).decode(step.payload, services), exit)
  }).pipe(
    Effect.catchDefect((defect) =>
      Effect.andThen(Effect.logError(`the rollback of step ${step.key} failed`, defect), Effect.die(defect))
    )
  )
