/**
 * A run as the answer to an HTTP request: a web `Response` whose body is the run's events, written while it is read.
 *
 * ```
 *   the run begins    fails before it says anything     a problem (application/problem+json) with a status
 *                     says something, or takes long     200, then events as they are pulled; heartbeats in between
 *   it goes on        fails                             an event in the encoding
 *                     the client goes away              it is interrupted, and its end is `client-gone`
 * ```
 * What a run says before its model answers, that it started and that the model is asked again, is held back until then,
 * so that a wrong key is a status and not an event. After `heartbeat` the response begins all the same.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Watch from "../agent/Watch.ts"
import type { AgentEvent } from "../core/AgentEvent.ts"
import * as ClientAbort from "../core/ClientAbort.ts"
import * as Secrets from "../core/Secrets.ts"
import type { Encoder, Factory } from "./Encoder.ts"
import { Body } from "./internal/Body.ts"
import * as Problem from "./Problem.ts"
import * as Sse from "./Sse.ts"

/** How a run is answered with. */
export interface Options<in E = unknown> {
  /** How events are written: `Sse.make()`, the default, `Text.make()`, `UiMessages.make()` or one's own. */
  readonly encoder?: Factory | undefined
  /** The request's: when it aborts, the client is gone. A server that cancels the body needs none. */
  readonly signal?: AbortSignal | undefined
  /**
   * How long a connection may be idle before a heartbeat is sent, where the encoding has one, and how long a response may
   * take to begin; 15 seconds. `false`: there are none, and it begins when there is something to say.
   */
  readonly heartbeat?: Duration.Input | false | undefined
  /** The status of a response that is no problem; 200. */
  readonly status?: number | undefined
  /** Headers to add, also to a problem: those of CORS, say. */
  readonly headers?: Headers | { readonly [name: string]: string } | undefined
  /** What the client is told of an error of the stream; `Problem.of`. */
  readonly problem?: ((error: E) => Problem.Problem) | undefined
  /** Where the run lives: it is interrupted when this closes. By default it ends with its response alone. */
  readonly scope?: Scope.Scope | undefined
}

/** How a watched run is answered with. */
export interface WatchOptions extends Omit<Options, "problem" | "scope"> {
  /** The request's `Last-Event-ID`: the events go on after it. */
  readonly lastEventId?: string | null | undefined
}

/**
 * Answers with a run's own stream. The reader's pace is the run's; when the client goes, the run is interrupted.
 *
 * ```ts
 * const response = yield* EventResponse.make(assistant.stream(question), { signal: request.signal })
 * ```
 *
 * Fails never: what fails is a problem, or an event. The failure is logged for whoever runs the server.
 */
export const make = <E, R>(
  events: Stream.Stream<AgentEvent, E, R>,
  options: Options<E> = {}
): Effect.Effect<Response, never, R> =>
  respond(Stream.map(events, (event) => ({ event, id: undefined })), options, false)

/**
 * Answers with a run that is watched: it goes on when this client goes. A client who comes back with the id of the last
 * event it saw gets those after it, and `204 No Content` when there are none and none will come: that ends the attempts of
 * an `EventSource`.
 *
 * ```ts
 * EventResponse.watch(watch, { lastEventId: request.headers.get("last-event-id") })
 * ```
 */
export const watch = (watch: Watch.Watch<unknown>, options: WatchOptions = {}): Effect.Effect<Response> =>
  respond(watch.events({ after: toId(options.lastEventId) }), options, true)

const toId = (text: string | null | undefined): number | undefined =>
  text != null && /^\d+$/.test(text) ? Number(text) : undefined

const defaultHeartbeat = Duration.seconds(15)

/** An event, and its id if one can come back with it. */
interface Entry {
  readonly event: AgentEvent
  readonly id: number | undefined
}

/** What is known when the response has to begin. */
type Opening =
  | { readonly _tag: "Begun" }
  | { readonly _tag: "Failed"; readonly problem: Problem.Problem }
  /** The client has seen all there is. */
  | { readonly _tag: "Over" }
  | { readonly _tag: "Left" }

/** The client went before there was a response; nobody sees it. nginx's code, and that of Effect's servers. */
const clientClosedRequest = 499

/** Whether an event says nothing of the model's answer. */
const isPrologue = ({ _tag }: AgentEvent): boolean =>
  _tag === "RunStarted" || _tag === "RunRetried" || _tag === "TurnStarted" || _tag === "ModelRetried" ||
  _tag === "ModelFellBack"

const respond = <E, R>(
  entries: Stream.Stream<Entry, E, R>,
  options: Options<E>,
  isWatch: boolean
): Effect.Effect<Response, never, R> =>
  Effect.uninterruptibleMask(Effect.fnUntraced(function*(restore) {
    const { scope, signal } = options
    if (signal?.aborted === true) return new Response(null, { status: clientClosedRequest })
    const run = new Run(options, yield* Clock.Clock, isWatch)
    const performing = run.perform(entries)
    const fiber = yield* scope === undefined
      ? Effect.forkDetach(performing, { startImmediately: true })
      : Effect.forkIn(performing, scope, { startImmediately: true })
    fiber.addObserver(() => run.settle())
    const leave = () => {
      run.isLeft = true
      fiber.interruptUnsafe(undefined, ClientAbort.annotation)
    }
    if (signal !== undefined) {
      signal.addEventListener("abort", leave, { once: true })
      if (signal.aborted) leave()
      fiber.addObserver(() => signal.removeEventListener("abort", leave))
    }
    const opening = yield* Effect.onError(restore(run.opening), (cause) =>
      Effect.suspend(() => {
        // who waits for the response was interrupted: the run is, for the same reason
        if (ClientAbort.isIn(cause)) leave()
        else fiber.interruptUnsafe()
        return Effect.asVoid(Fiber.await(fiber))
      }))
    return toResponse(opening, options, run, () => {
      leave()
      return new Promise((resolve) => fiber.addObserver(() => resolve()))
    })
  }))

const toResponse = (
  opening: Opening,
  options: Options<never>,
  { body, encoder }: Run<never>,
  leave: () => Promise<void>
): Response => {
  switch (opening._tag) {
    case "Begun": {
      const headers = toHeaders({
        "cache-control": "no-cache, no-transform",
        "x-accel-buffering": "no", // nginx would collect events
        ...encoder.headers
      }, options)
      headers.set("content-type", encoder.contentType)
      return new Response(body.open(leave), { status: options.status ?? 200, headers })
    }
    case "Failed": {
      const { retryAfter, status } = opening.problem
      const headers = toHeaders({
        "cache-control": "no-store",
        ...(retryAfter === undefined ? {} : { "retry-after": String(retryAfter) })
      }, options)
      headers.set("content-type", Problem.contentType)
      return new Response(Secrets.scrub(Problem.toJson(opening.problem)), { status, headers })
    }
    case "Over":
      return new Response(null, { status: 204, headers: toHeaders({}, options) })
    case "Left":
      return new Response(null, { status: clientClosedRequest })
  }
}

const toHeaders = (ours: { readonly [name: string]: string }, { headers }: Options<never>): Headers => {
  const all = new Headers(ours)
  for (const [name, value] of headers instanceof Headers ? headers : Object.entries(headers ?? {})) {
    all.set(name, value)
  }
  return all
}

/** The run behind one response: its events as text, and how it begins and ends. */
class Run<in E> {
  readonly body: Body
  readonly encoder: Encoder
  /** The client is gone. */
  isLeft = false
  readonly #isWatch: boolean
  readonly #toProblem: ((error: E) => Problem.Problem) | undefined
  readonly #interval: number | undefined
  readonly #opening = Deferred.makeUnsafe<Opening>()
  #isOpen: boolean
  /** What was said before it was open. */
  #held = ""
  #isEmpty = true
  #isOver = false

  constructor(options: Options<E>, clock: Clock.Clock, isWatch: boolean) {
    this.encoder = (options.encoder ?? Sse.make())()
    this.body = new Body(clock)
    this.#isWatch = isWatch
    this.#isOpen = isWatch
    this.#toProblem = options.problem
    this.#interval = options.heartbeat === false
      ? undefined
      : Duration.toMillis(options.heartbeat ?? defaultHeartbeat)
  }

  /** Runs to the end. */
  perform<R>(entries: Stream.Stream<Entry, E, R>): Effect.Effect<void, never, R> {
    const saying = Stream.runForEachArray(entries, (batch) => this.#say(batch))
    const beating = Effect.forkChild(this.#beat())
    return Effect.catchCause(
      Effect.onExit(Effect.andThen(beating, saying), (exit) => this.#end(exit)),
      () => Effect.void
    )
  }

  /** How the response begins; after a while it begins with whatever there is. */
  get opening(): Effect.Effect<Opening> {
    if (this.#isWatch) return Effect.succeed({ _tag: this.#isEmpty && this.#isOver ? "Over" : "Begun" })
    const opening = Deferred.await(this.#opening)
    if (this.#interval === undefined) return opening
    return Effect.timeoutOrElse(opening, {
      duration: this.#interval,
      orElse: () => {
        if (this.#held === "") this.#held = this.encoder.heartbeat ?? ""
        this.#open()
        return opening
      }
    })
  }

  /** It will not run any more; it may never have, in a scope that was closed. Nobody waits for it then. */
  settle(): void {
    if (!this.isLeft) this.body.end()
    Deferred.doneUnsafe(this.#opening, Effect.succeed({ _tag: "Failed", problem: Problem.interrupted }))
  }

  #say(batch: ReadonlyArray<Entry>): Effect.Effect<void> {
    let text = ""
    let isAnswer = this.#isOpen
    for (const { event, id } of batch) {
      const said = this.encoder.encode(event, id)
      if (said === undefined) continue
      text += said
      isAnswer ||= !isPrologue(event)
    }
    if (text === "") return Effect.void
    this.#isEmpty = false
    text = Secrets.scrub(text)
    if (!isAnswer) {
      this.#held += text
      return Effect.void
    }
    this.#open()
    return this.body.write(text)
  }

  #open(): void {
    if (this.#isOpen) return
    this.#isOpen = true
    this.body.push(this.#held)
    Deferred.doneUnsafe(this.#opening, Effect.succeed({ _tag: "Begun" }))
  }

  #beat(): Effect.Effect<void> {
    const { heartbeat } = this.encoder
    const interval = this.#interval
    if (heartbeat === undefined || interval === undefined) return Effect.void
    return Effect.forever(Effect.suspend(() => Effect.sleep(this.body.beat(heartbeat, interval))))
  }

  #end(exit: Exit.Exit<void, E>): Effect.Effect<void> {
    this.#isOver = true
    if (Exit.isSuccess(exit)) {
      this.#open()
      this.body.end(this.encoder.done)
      return Effect.void
    }
    const { cause } = exit
    if (this.isLeft) {
      // a server that heard of it too cancels the body in this very turn, and has nothing to fail on then
      queueMicrotask(() => this.body.fail(new DOMException("the client is gone", "AbortError")))
      Deferred.doneUnsafe(this.#opening, Effect.succeed({ _tag: "Left" }))
      return Effect.void
    }
    return Effect.catchCause(
      Effect.suspend(() => this.#fail(Problem.ofCause(cause, this.#toProblem), cause)),
      (bug) => this.#fail(Problem.unexpected, bug) // of what says how it failed
    )
  }

  #fail(problem: Problem.Problem, cause: Cause.Cause<unknown>): Effect.Effect<void> {
    const text = this.#isOpen ? this.encoder.failed(problem, cause) : ""
    if (text === undefined) this.body.fail(new Error(problem.detail))
    else this.body.end(Secrets.scrub(text) + (this.encoder.done ?? ""))
    Deferred.doneUnsafe(this.#opening, Effect.succeed({ _tag: "Failed", problem }))
    return log(problem, cause)
  }
}

/** Says what failed where those see it who run the server: the client is not told all of it, and nobody else is. */
const log = <E>({ status }: Problem.Problem, cause: Cause.Cause<E>): Effect.Effect<void> => {
  if (Cause.hasInterruptsOnly(cause)) return Effect.void
  const error = Cause.findErrorOption(cause)
  if (error._tag === "None") {
    return Effect.logError(Secrets.scrub(`a run was answered with a bug: ${Cause.pretty(cause)}`))
  }
  const said = Secrets.scrub(
    `a run failed: ${error.value instanceof Error ? error.value.message : String(error.value)}`
  )
  return status < 500 ? Effect.logDebug(said) : Effect.logWarning(said)
}
