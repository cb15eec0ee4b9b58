/**
 * Log lines, of every level.
 */
import { Effect, Layer, Logger, References } from "effect"

/** A line as it was logged. */
export interface Line {
  readonly level: string
  readonly message: string
}

/** Collects the lines. */
export const make = () => {
  const lines: Array<Line> = []
  const logger = Logger.make(({ logLevel, message }) => {
    lines.push({ level: logLevel, message: Array.isArray(message) ? message.join(" ") : String(message) })
  })
  return {
    lines,
    watch: Effect.provide(Layer.mergeAll(
      Logger.layer([logger]),
      Layer.succeed(References.MinimumLogLevel, "All" as const)
    ))
  }
}
