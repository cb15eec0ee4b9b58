/**
 * A Stream as an AsyncIterator: one fiber, which pulls the next elements only when its reader has taken the last.
 *
 * Nothing is lost. A reader who leaves (`return`, which `break` calls) interrupts the fiber and waits until it has
 * cleaned up; elements that an interrupted stream had handed over are dropped, so that its end is seen at once.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"

/** How a reader's fiber is started, stopped, and its failure told. */
export interface Source<A, E, R> {
  readonly stream: Stream.Stream<A, E, R>
  /** Starts the fiber; throws what the reader is to be told instead. */
  readonly fork: (effect: Effect.Effect<void, E, R>) => Fiber.Fiber<void, unknown>
  /** Ends the fiber because its reader left. */
  readonly leave: (fiber: Fiber.Fiber<void, unknown>) => void
  /** What the reader's Promise is rejected with. */
  readonly toRejection: (cause: Cause.Cause<unknown>) => unknown
}

interface Asked<A> {
  readonly resolve: (result: IteratorResult<A, undefined>) => void
  readonly reject: (error: unknown) => void
}

/** Reads a stream; it starts with the first `next`. */
export class Reader<A, E, R> implements AsyncIterator<A, undefined> {
  readonly #source: Source<A, E, R>
  #fiber: Fiber.Fiber<void, unknown> | undefined
  #items: ReadonlyArray<A> = []
  #index = 0
  #goOn: (() => void) | undefined
  /** How the stream ended; a failure is told once. */
  #end: Exit.Exit<void, unknown> | undefined
  #asked: Array<Asked<A>> = []
  #hasLeft = false
  constructor(source: Source<A, E, R>) {
    this.#source = source
  }

  next(): Promise<IteratorResult<A, undefined>> {
    if (this.#asked.length === 0 && this.#index < this.#items.length) {
      return Promise.resolve({ done: false, value: this.#items[this.#index++]! })
    }
    return new Promise((resolve, reject) => {
      this.#asked.push({ resolve, reject })
      if (this.#end !== undefined || this.#fiber !== undefined) this.#serve()
      else this.#start()
    })
  }

  return(): Promise<IteratorResult<A, undefined>> {
    const fiber = this.#fiber
    if (fiber === undefined || this.#end !== undefined) {
      this.#finish(Exit.void)
      return Promise.resolve({ done: true, value: undefined })
    }
    return new Promise((resolve, reject) => {
      // in front: who leaves is told of a clean-up that failed
      this.#asked.unshift({ resolve, reject })
      this.#hasLeft = true
      this.#source.leave(fiber)
    })
  }

  #start(): void {
    const pulling = Stream.runForEachArray(this.#source.stream, (items) =>
      Effect.callback<void>((resume) => {
        this.#items = items
        this.#index = 0
        this.#goOn = () => resume(Effect.void)
        this.#serve()
      }))
    try {
      this.#fiber = this.#source.fork(pulling)
    } catch (error) {
      this.#asked.shift()!.reject(error)
      this.#finish(Exit.void)
      return
    }
    this.#fiber.addObserver((exit) => this.#finish(exit))
  }

  #finish(exit: Exit.Exit<void, unknown>): void {
    this.#end = this.#hasLeft && Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause) ? Exit.void : exit
    this.#items = []
    this.#index = 0
    this.#serve()
  }

  /** Gives what there is to who asked, and goes on with the stream when somebody is left. */
  #serve(): void {
    while (this.#asked.length > 0) {
      if (this.#index < this.#items.length) {
        this.#asked.shift()!.resolve({ done: false, value: this.#items[this.#index++]! })
      } else if (this.#end === undefined) {
        const goOn = this.#goOn
        this.#goOn = undefined
        return goOn?.()
      } else if (Exit.isFailure(this.#end)) {
        const { cause } = this.#end
        this.#end = Exit.void
        this.#asked.shift()!.reject(this.#source.toRejection(cause))
      } else {
        this.#asked.shift()!.resolve({ done: true, value: undefined })
      }
    }
  }
}
