/**
 * One model call as a Stream of response parts: from an async iterable of events, through a fold, under a gate.
 *
 * Nothing is read from the vendor before somebody pulls, so whoever stops pulling stops the reading of the socket.
 * Ending early, by interruption or by a failure, aborts the request and waits for nothing. A response that ends
 * without its `finish` part has failed, and so has one over which nothing came for too long while somebody waited.
 */
import type * as AiError from "effect/ai/AiError"
import type * as Response from "effect/ai/Response"
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Failure from "./Failure.ts"
import type * as Gate from "./Gate.ts"

/** A response part as drivers yield them. */
export type Part = Response.StreamPartEncoded

/** Turns the events of one response into parts. It is made anew for every call, and does no IO. */
export interface Fold<Event> {
  /**
   * Adds the parts of an event to `out`; returns a failure that the vendor reports inside of its response, which comes
   * after these parts.
   */
  readonly push: (event: Event, out: Array<Part>) => Failure.Failure | undefined
  /** Adds what is left when no more events come, for vendors whose responses end without saying so. */
  readonly end?: (out: Array<Part>) => void
}

/** One model call. */
export interface Call<Event> {
  readonly origin: Failure.Origin
  readonly gate: Gate.Gate
  /** Sends the request. `signal` aborts it, also while its events are read. */
  readonly open: (signal: AbortSignal) => Promise<AsyncIterable<Event>>
  readonly fold: () => Fold<Event>
  /** What the SDK threw. */
  readonly toFailure: (cause: unknown) => Failure.Failure
  /** The longest silence, from sending the request to its first event, and between events. */
  readonly silence: Duration.Duration
}

type Parts = Arr.NonEmptyReadonlyArray<Part>
type Resume = (exit: Exit.Exit<Parts, AiError.AiError | Cause.Done>) => void

// How long the end of a finished response may take to come. It is waited for, since a call that starts before it would
// have to open another connection.
const restMillis = 100

const readRest = (iterator: AsyncIterator<unknown>, controller: AbortController): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(() => {
      controller.abort()
      resolve()
    }, restMillis)
    const end = () => {
      clearTimeout(timer)
      resolve()
    }
    const next = (): Promise<void> => iterator.next().then((result) => result.done === true ? end() : next(), end)
    void next()
  })

class Reader<Event> {
  readonly call: Call<Event>
  readonly clock: Clock.Clock
  readonly fold: Fold<Event>
  readonly controller = new AbortController()
  iterator: AsyncIterator<Event> | undefined
  /** Who waits for parts, and since when nothing came. */
  waiting: Resume | undefined
  quietSince = 0
  state: "open" | "finished" | "closed" = "open"
  /** What comes after the `finish` part. */
  rest: Promise<void> | undefined
  /** Why it ends after the parts that were given last. */
  failure: Failure.Failure | undefined

  constructor(call: Call<Event>, clock: Clock.Clock) {
    this.call = call
    this.clock = clock
    this.fold = call.fold()
  }

  readonly pull: Effect.Effect<Parts, AiError.AiError | Cause.Done> = Effect.callback((resume) => {
    if (this.state === "finished") {
      void Promise.resolve(this.rest).then(() => resume(Cause.done()))
      return
    }
    this.waiting = resume
    if (this.state === "closed") return this.fail({ _tag: "Broken", message: "the call was interrupted" })
    if (this.failure !== undefined) return this.fail(this.failure)
    this.quietSince = this.clock.currentTimeMillisUnsafe()
    if (this.iterator === undefined) this.start()
    else this.advance(this.iterator)
    return this.close
  })

  /** Aborts what is still open. */
  readonly close: Effect.Effect<void> = Effect.sync(() => {
    this.waiting = undefined
    if (this.state !== "open") return
    this.state = "closed"
    this.controller.abort()
    // An iterator that waits in `next` settles by the abort; one that is idle has to be told.
    this.iterator?.return?.().then(undefined, () => undefined)
  })

  /** Fails the one who waits, if nothing came for too long; says how long to wait before looking again. */
  checkSilence(limit: number): number {
    const rest = this.quietSince + limit - this.clock.currentTimeMillisUnsafe()
    if (rest > 0) return rest
    const span = Duration.format(this.call.silence)
    this.fail({
      _tag: "Broken",
      message: `nothing came from the vendor for ${span}`,
      advice: "try again, or raise `idleTimeout` (`timeout`, where the answer is not streamed)"
    })
    return limit
  }

  private start(): void {
    let opened: Promise<AsyncIterable<Event>>
    try {
      opened = this.call.open(this.controller.signal)
    } catch (cause) {
      return this.fail(this.call.toFailure(cause), cause)
    }
    opened.then((events) => {
      this.iterator = events[Symbol.asyncIterator]()
      if (this.state === "open") this.advance(this.iterator)
    }).catch(this.onThrown)
  }

  private advance(iterator: AsyncIterator<Event>): void {
    iterator.next().then(this.onEvent, this.onThrown)
  }

  private readonly onEvent = (result: IteratorResult<Event>): void => {
    if (this.waiting === undefined || this.iterator === undefined) return
    const out: Array<Part> = []
    if (result.done === true) this.fold.end?.(out)
    else this.failure = this.push(result.value, out)
    if (this.failure !== undefined && out.length === 0) return this.fail(this.failure)
    if (out.length === 0) {
      if (result.done === true) {
        return this.fail({ _tag: "Broken", message: "the answer ended before it was complete" })
      }
      this.quietSince = this.clock.currentTimeMillisUnsafe()
      return this.advance(this.iterator)
    }
    if (out[out.length - 1]!.type === "finish") {
      this.state = "finished"
      this.rest = readRest(this.iterator, this.controller)
    }
    this.settle(Exit.succeed(out as unknown as Parts))
  }

  private push(event: Event, out: Array<Part>): Failure.Failure | undefined {
    try {
      return this.fold.push(event, out)
    } catch (cause) {
      return cause instanceof Failure.Thrown
        ? cause.failure
        : { _tag: "Undecodable", message: `the answer is not in the vendor's form (${String(cause)})` }
    }
  }

  private readonly onThrown = (cause: unknown): void => {
    if (this.waiting !== undefined) this.fail(this.call.toFailure(cause), cause)
  }

  private fail(failure: Failure.Failure, cause?: unknown): void {
    const resume = this.waiting
    if (resume === undefined) return
    const now = this.clock.currentTimeMillisUnsafe()
    const error = Failure.toAiError(failure, this.call.origin, now, cause)
    this.call.gate.report(error, now)
    Effect.runSync(this.close)
    resume(Exit.fail(error))
  }

  private settle(exit: Exit.Exit<Parts, never>): void {
    const resume = this.waiting
    this.waiting = undefined
    resume?.(exit)
  }
}

const watch = <Event>(reader: Reader<Event>, limit: number): Effect.Effect<never> =>
  Effect.suspend(() => reader.clock.sleep(Duration.millis(reader.checkSilence(limit)))).pipe(Effect.forever)

/** Events that are all there, as a call's `open` gives them. */
export const fromEvents = <Event>(events: ReadonlyArray<Event>): AsyncIterable<Event> => ({
  async *[Symbol.asyncIterator]() {
    yield* events
  }
})

/** The parts of one model call. Ends after the `finish` part. */
export const make = <Event>(call: Call<Event>): Stream.Stream<Part, AiError.AiError> =>
  Stream.fromChannel(Channel.fromTransform((_, scope) =>
    Effect.clockWith((clock) => {
      const limit = Duration.toMillis(call.silence)
      const reader = new Reader(call, clock)
      const started = Effect.flatMap(
        Scope.addFinalizer(scope, reader.close),
        () => Number.isFinite(limit) ? Effect.forkIn(watch(reader, limit), scope) : Effect.void
      )
      return call.gate.enter(scope, clock).pipe(Effect.andThen(started), Effect.as(reader.pull))
    })
  ))
