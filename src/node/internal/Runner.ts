/**
 * Runs Effects and Streams for async code, on services that are built once, by the first of them.
 *
 * Every run is a fiber of one `ManagedRuntime`, or lives in `scope`: closing both ends all, and waits for it. A run ends
 * early when its signal is aborted, which counts as whoever ran it going away, or when the Runner is disposed.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as EffectCopies from "../../agent/EffectCopies.ts"
import * as ClientAbort from "../../core/ClientAbort.ts"
import * as Task from "../../durable/Task.ts"
import { Reader } from "./Reader.ts"
import * as Rejection from "./Rejection.ts"

/** Something was to run on a Fluxion that was disposed. */
export class Disposed extends Schema.TaggedError<Disposed>()("Disposed", {}) {
  override get message(): string {
    return "this Fluxion was disposed, and nothing can run on it any more: make another one with Fluxion.make()"
  }
}

/** How something was asked for. */
export interface Call {
  readonly method: "run" | "stream" | "response" | "pipe"
  readonly caller: Rejection.Caller
  readonly signal?: AbortSignal | undefined
}

/** What is wrong with what a method was given, if it is not what the method takes. */
const misuse = (method: Call["method"], value: unknown): string | undefined => {
  if (method === "run" ? Effect.isEffect(value) : Stream.isStream(value)) return undefined
  if (Task.isTask(value)) {
    const { name } = value
    return `${name} itself; call it: fluxion.${method}(${name}${method === "run" ? "" : ".stream"}(…))`
  }
  if (Stream.isStream(value)) return "a Stream; read it with fluxion.stream"
  if (Effect.isEffect(value)) return "an Effect; run it with fluxion.run"
  const wanted = method === "run" ? "an Effect, as calling an agent or a task gives" : "a Stream, as agent.stream gives"
  return `something else than ${wanted}`
}

/** Interrupts a fiber because whoever ran it went away. */
const leave = (fiber: Fiber.Fiber<unknown, unknown>): void => fiber.interruptUnsafe(undefined, ClientAbort.annotation)

/** Runs Effects and Streams on the services of a Layer. */
export class Runner<in R> {
  /** Where runs live that go on after the call that started them. */
  readonly scope: Scope.Closeable = Scope.makeUnsafe("parallel")
  readonly #runtime: ManagedRuntime.ManagedRuntime<R, unknown>
  /** What may come from another copy of Effect; emptied when that was told. */
  #suspects: ReadonlyArray<object> | undefined
  #isDisposed = false
  #disposing: Promise<void> | undefined

  constructor(layer: Layer.Layer<R, unknown>, given: ReadonlyArray<object>) {
    this.#runtime = ManagedRuntime.make(layer)
    this.#suspects = given
  }

  /** Refuses what is no Effect or Stream; tells once of another copy of Effect. */
  check(value: object, { caller, method }: Call): void {
    const wrong = misuse(method, value)
    if (wrong !== undefined) throw Rejection.readable(new TypeError(`fluxion.${method} was given ${wrong}`), caller)
    if (this.#suspects?.concat(value).some(EffectCopies.isMadeElsewhere) !== true) return
    this.#suspects = undefined
    if (!this.#isDisposed) this.#runtime.runFork(Effect.logWarning(EffectCopies.advice("made what is run here")))
  }

  /** The value of an Effect. */
  promise<A, E>(effect: Effect.Effect<A, E, R>, call: Call): Promise<A> {
    return new Promise((resolve, reject) => {
      this.#fork(effect, call).addObserver((exit) => {
        if (Exit.isSuccess(exit)) resolve(exit.value)
        else reject(this.#toRejection(exit.cause, call))
      })
    })
  }

  /** The elements of a Stream. */
  iterable<A, E>(stream: Stream.Stream<A, E, R>, call: Call): AsyncIterable<A> {
    return {
      [Symbol.asyncIterator]: () =>
        new Reader({
          stream,
          fork: (effect) => this.#fork(effect, call),
          leave,
          toRejection: (cause) => this.#toRejection(cause, call)
        })
    }
  }

  /** Ends all that runs, waits for it, and closes the Layer. */
  dispose(caller: Rejection.Caller): Promise<void> {
    this.#isDisposed = true
    return this.#disposing ??= Effect.runPromise(
      Effect.ensuring(Scope.close(this.scope, Exit.interrupt()), this.#runtime.disposeEffect)
    ).catch((error) => {
      throw Rejection.readable(error, caller, true)
    })
  }

  /** Starts an Effect that its signal can end; throws what its caller is to be told instead. */
  #fork<A, E>(effect: Effect.Effect<A, E, R>, { caller, signal }: Call): Fiber.Fiber<A, unknown> {
    if (this.#isDisposed) throw Rejection.readable(new Disposed(), caller)
    signal?.throwIfAborted()
    const fiber = this.#runtime.runFork(effect)
    if (signal !== undefined) {
      const abort = () => leave(fiber)
      signal.addEventListener("abort", abort, { once: true })
      fiber.addObserver(() => signal.removeEventListener("abort", abort))
      if (signal.aborted) abort()
    }
    return fiber
  }

  #toRejection(cause: Cause.Cause<unknown>, { caller, signal }: Call): unknown {
    return Rejection.of(cause, caller, () => {
      if (signal?.aborted === true) return signal.reason
      const message = this.#isDisposed ? "the run was ended: its Fluxion was disposed" : "the run was interrupted"
      return Rejection.readable(new DOMException(message, "AbortError"), caller)
    })
  }
}
