/**
 * Where a program without a Logger of its own is told things: on standard error, one line each.
 *
 * Standard output is the program's. What fluxion says below `Warn` is for a Logger that somebody asked for: that a
 * reader left, for instance, he knows himself.
 */
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as References from "effect/References"

const ours = /^fluxion\./

const toStderr: Logger.Logger<unknown, void> = Logger.make(({ cause, fiber, logLevel, message }) => {
  const annotations = Object.entries(fiber.getRef(References.CurrentLogAnnotations))
  const isOurs = annotations.some(([key]) => ours.test(key))
  if (isOurs && LogLevel.isLessThan(logLevel, "Warn")) return
  const rest = annotations.filter(([key]) => !ours.test(key))
  const console = fiber.getRef(Console.Console)
  console.error(
    `[${logLevel.toUpperCase()}]`,
    ...(Array.isArray(message) ? message : [message]),
    ...(rest.length === 0 ? [] : [Object.fromEntries(rest)]),
    ...(cause.reasons.length === 0 ? [] : [Cause.pretty(cause)])
  )
})

/** The Loggers there are, with Effect's default one, which writes to standard output, replaced. */
export const layer: Layer.Layer<never> = Layer.effect(
  Logger.CurrentLoggers,
  Effect.map(
    Logger.CurrentLoggers,
    (loggers) => new Set([...loggers].map((logger) => logger === Logger.defaultLogger ? toStderr : logger))
  )
)
