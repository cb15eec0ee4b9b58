/**
 * Runs an Effect as a program: a signal interrupts it, so that what it holds is released; a failure that its reader can
 * mend is one line, and standard output is the program's own.
 */
import { Cause, Effect, Exit, Fiber, Logger, References } from "effect"
import * as ChosenModel from "./ChosenModel.ts"

export const run = async <A, E>(effect: Effect.Effect<A, E>): Promise<void> => {
  const fiber = Effect.runFork(effect.pipe(
    Effect.provide(Logger.layer([Logger.withConsoleError(Logger.formatSimple)])),
    Effect.provideService(References.MinimumLogLevel, "Warn")
  ))
  const interrupt = () => void Effect.runFork(Fiber.interrupt(fiber))
  process.once("SIGINT", interrupt).once("SIGTERM", interrupt)
  // whoever reads the output may stop reading it: `npm start | head -1`
  let isRead = true
  process.stdout.on("error", () => {
    isRead = false
    interrupt()
  })
  const exit = await Effect.runPromise(Fiber.await(fiber))
  if (Exit.isSuccess(exit) || !isRead) return
  if (Cause.hasInterruptsOnly(exit.cause)) process.exitCode = 130
  else ChosenModel.report(Cause.squash(exit.cause))
}
