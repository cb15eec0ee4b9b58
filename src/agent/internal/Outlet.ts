/**
 * Carries a run's events to the one who runs it: nothing is lost, and a reader who stops pulling stops the run.
 *
 * `emit` hands over and goes on while fewer than `capacity` events wait; past that the run waits until all were taken.
 * `push` never waits, for plain code. One reader, any number of writers, all on one thread: plain arrays do. A waiting
 * reader is woken when the writer pauses, not at every event: switching fibers costs more than an event does.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Pull from "effect/Pull"
import type { AgentEvent } from "../../core/AgentEvent.ts"

const capacity = 32

type Batch = readonly [AgentEvent, ...Array<AgentEvent>]

/** A lossless, back-pressured hand-over of events. */
export class Outlet<E> {
  #waiting: Array<AgentEvent> = []
  #writers: Array<(resume: Effect.Effect<void>) => void> = []
  #reader: ((resume: Pull.Pull<Batch, E>) => void) | undefined
  #end: Exit.Exit<void, E> | undefined

  /** Hands an event over; never waits. */
  push(event: AgentEvent): void {
    if (this.#end !== undefined) return
    this.#waiting.push(event)
    if (this.#reader !== undefined && this.#waiting.length === 1) queueMicrotask(this.#wake)
  }

  readonly #wake = () => {
    const reader = this.#reader
    if (reader === undefined || this.#waiting.length === 0) return
    this.#reader = undefined
    reader(Effect.succeed(this.#take()))
  }

  /** Hands an event over, and waits while the reader is behind. */
  emit(event: AgentEvent): Effect.Effect<void> {
    this.push(event)
    return this.#waiting.length < capacity ? Effect.void : this.#drained
  }

  /** No more events: the reader gets what waits, then this. */
  end(exit: Exit.Exit<unknown, E>): void {
    if (this.#end !== undefined) return
    this.#end = Exit.asVoid(exit)
    const reader = this.#reader
    if (reader === undefined || this.#waiting.length > 0) return
    this.#reader = undefined
    reader(this.#finished())
  }

  /** The next events, at least one. */
  readonly pull: Pull.Pull<Batch, E> = Effect.suspend(() => {
    if (this.#waiting.length > 0) return Effect.succeed(this.#take())
    if (this.#end !== undefined) return this.#finished()
    return Effect.callback<Batch, E | Cause.Done>((resume) => {
      // asked again when it is run: a reader that had to yield on its way here would miss what came meanwhile
      if (this.#waiting.length > 0) return resume(Effect.succeed(this.#take()))
      if (this.#end !== undefined) return resume(this.#finished())
      this.#reader = resume
      return Effect.sync(() => {
        this.#reader = undefined
      })
    })
  })

  // asked again when it is run: the reader may have taken all since `emit` was called, and would wait for ever
  readonly #drained = Effect.callback<void>((resume) => {
    if (this.#waiting.length < capacity || this.#end !== undefined) return resume(Effect.void)
    this.#writers.push(resume)
    return Effect.sync(() => {
      this.#writers = this.#writers.filter((writer) => writer !== resume)
    })
  })

  #take(): Batch {
    const batch = this.#waiting
    this.#waiting = []
    const writers = this.#writers
    if (writers.length > 0) {
      this.#writers = []
      for (const writer of writers) writer(Effect.void)
    }
    return batch as unknown as Batch
  }

  #finished(): Pull.Pull<never, E> {
    const end = this.#end!
    return Exit.isSuccess(end) ? Cause.done() : Effect.failCause(end.cause)
  }
}
