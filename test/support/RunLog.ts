/**
 * The log lines that say how runs ended.
 */
import { Effect, Layer, Logger, References } from "effect"

/** A line with the annotation `fluxion.end`. */
export interface Line {
  readonly level: string
  readonly message: string
  readonly path: unknown
  readonly end: unknown
}

/** Collects the lines, of every level. */
export const make = () => {
  const lines: Array<Line> = []
  const logger = Logger.make(({ fiber, logLevel, message }) => {
    const annotations = fiber.getRef(References.CurrentLogAnnotations)
    if (!("fluxion.end" in annotations)) return
    lines.push({
      level: logLevel,
      message: Array.isArray(message) ? message.join(" ") : String(message),
      path: annotations["fluxion.path"],
      end: annotations["fluxion.end"]
    })
  })
  const layer = Layer.mergeAll(
    Logger.layer([logger]),
    Layer.succeed(References.MinimumLogLevel, "All" as const)
  )
  return { lines, layer, watch: Effect.provide(layer) }
}
