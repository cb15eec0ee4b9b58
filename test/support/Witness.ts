/**
 * Sees all that a program shows: its log lines, its spans with what they carry, and whatever else it is given.
 */
import { Cause, Effect, Exit, Layer, Logger, References, Tracer } from "effect"
import { inspect } from "node:util"

/** Collects what is shown. `text` is all of it, as one text. */
export const make = () => {
  const seen: Array<string> = []
  const see = (what: string, value: unknown) => {
    seen.push(`${what}: ${typeof value === "string" ? value : inspect(value, { depth: 20, showHidden: true })}`)
    try {
      seen.push(`${what}: ${JSON.stringify(value)}`)
    } catch {
      // not JSON: seen as it is printed
    }
  }

  const logger = Logger.make(({ cause, fiber, logLevel, message }) => {
    see(`log ${logLevel}`, message)
    see(`log ${logLevel}`, Cause.pretty(cause))
    see(`log ${logLevel}`, { ...fiber.getRef(References.CurrentLogAnnotations) })
  })

  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      const end = span.end.bind(span)
      span.end = (time, exit) => {
        see(`span ${span.name}`, Object.fromEntries(span.attributes))
        see(`span ${span.name}`, span.events)
        if (Exit.isFailure(exit)) see(`span ${span.name}`, Cause.pretty(exit.cause))
        end(time, exit)
      }
      return span
    }
  })

  const layer = Layer.mergeAll(
    Logger.layer([logger]),
    Layer.succeed(Tracer.Tracer, tracer),
    Layer.succeed(References.MinimumLogLevel, "All")
  )
  return { see, text: () => seen.join("\n"), lines: () => seen, watch: Effect.provide(layer) }
}
