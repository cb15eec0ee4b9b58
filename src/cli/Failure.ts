/**
 * How the command ends when it does not end well: a line for people, and an exit code for scripts.
 */
import * as Schema from "effect/Schema"

/** Exit codes. Whoever uses them in scripts relies on them: they are documented, and stay. */
export const exitCodes = {
  /** What was asked for was done. */
  done: 0,
  /** An execution failed or is parked, or something that nobody foresaw happened. */
  failed: 1,
  /** The command, a file or an input is not what it has to be; nothing was started. */
  usage: 2,
  /** An execution waits for an answer. */
  paused: 3,
  /** There is no such execution, or it is not in a state in which that can be done. */
  refused: 4,
  /** The database cannot be reached, or is none of fluxion's. */
  database: 5,
  /** The execution was cancelled. */
  cancelled: 6,
  /** Interrupted, by Ctrl-C. */
  interrupted: 130,
  /** Whoever read the output has gone. */
  pipe: 141,
  /** Told to end. */
  terminated: 143
} as const

/** Why a command ended as it did. */
export type Why = keyof typeof exitCodes

/** The command ends with a line on standard error and an exit code. */
export class Failure extends Schema.TaggedError<Failure>()("Failure", {
  why: Schema.Literals(Object.keys(exitCodes) as ReadonlyArray<Why>),
  /** Nothing, where all has been said already. */
  line: Schema.String
}) {
  override get message(): string {
    return this.line
  }
}

/** Ends the command. */
export const fail = (why: Why, line: string): Failure => new Failure({ why, line })
