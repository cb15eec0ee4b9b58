/**
 * Has what was put into a log become durable when nothing else comes to take it along: a step that takes its time shows
 * in the journal while it runs. Quick steps, and they are most, cost no commit more.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { ExecutionLog } from "./ExecutionLog.ts"

const every = Duration.fromInputUnsafe("200 millis")

/** The logs in which something waits for a commit. */
export class LateStarts {
  readonly #fork: (effect: Effect.Effect<unknown>) => void
  /** What was buffered in a log, and whether a round has passed since. */
  readonly #waiting = new Map<ExecutionLog, { readonly buffer: unknown; isOld: boolean }>()
  #isOn = false

  constructor(fork: (effect: Effect.Effect<unknown>) => void) {
    this.#fork = fork
  }

  /** Something was put into an empty buffer. */
  add(log: ExecutionLog): void {
    this.#waiting.set(log, { buffer: log.buffer, isOld: false })
    if (this.#isOn) return
    this.#isOn = true
    this.#fork(this.#afterPause)
  }

  /** A run is over. */
  remove(log: ExecutionLog): void {
    this.#waiting.delete(log)
  }

  readonly #rounds: Effect.Effect<void> = Effect.suspend(() => {
    const late: Array<ExecutionLog> = []
    for (const [log, waits] of this.#waiting) {
      if (log.buffer !== waits.buffer || log.buffer.length === 0) this.#waiting.delete(log)
      else if (waits.isOld) late.push(log)
      waits.isOld = true
    }
    for (const log of late) this.#waiting.delete(log)
    const flushed = Effect.forEach(late, (log) => log.flush(), { concurrency: "unbounded", discard: true })
    if (this.#waiting.size > 0) return Effect.andThen(flushed, this.#afterPause)
    this.#isOn = false
    return flushed
  })

  readonly #afterPause: Effect.Effect<void> = Effect.andThen(Effect.sleep(every), Effect.suspend(() => this.#rounds))
}
