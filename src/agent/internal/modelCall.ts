/**
 * Performs one model call: chooses the driver or the standard service, folds the parts, tries again by typed reason.
 *
 * A call is made again only while nothing of its answer was shown: what a reader has seen is what is recorded.
 */
import type * as AiError from "effect/ai/AiError"
import type * as LanguageModel from "effect/ai/LanguageModel"
import type * as Toolkit from "effect/ai/Toolkit"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { ModelFailed } from "../../core/AgentError.ts"
import type { AgentEvent } from "../../core/AgentEvent.ts"
import * as Limits from "../../core/Limits.ts"
import * as Secrets from "../../core/Secrets.ts"
import type { Feed } from "../../durable/internal/Feed.ts"
import type { Retry } from "../../durable/Task.ts"
import type { Driver, ModelRequest } from "../Driver.ts"
import { CurrentModelOptions } from "../ModelOptions.ts"
import * as Output from "../Output.ts"
import { ResponseFold, type Shown, type TurnResponse } from "../ResponseFold.ts"
import * as Measure from "./measure.ts"
import type { Sink } from "./RunScope.ts"
import type { RunState } from "./RunState.ts"

/** A Model that was found, and how to reach it. */
export interface Target {
  /** `"provider/model"` where it is known. */
  readonly id: string
  readonly service: LanguageModel.LanguageModel
  readonly driver: Driver | undefined
}

/** One model call of a run. */
export interface ModelCall {
  readonly target: Target
  readonly request: ModelRequest
  /** The agent's tools for a Model that is called the standard way; always the same object. */
  readonly toolkit: Toolkit.WithHandler<any> | undefined
  readonly retry: Retry<AiError.AiError> | undefined
  readonly state: RunState
  readonly turn: number
  /** The tools that take secrets, with what makes them known. */
  readonly secretive: ReadonlyMap<string, (args: unknown) => void>
  readonly path: string
  readonly sink: Sink | undefined
  /** Takes progress without holding the call up, where there is no sink. */
  readonly feed: Feed | undefined
  /** What the response's text or answer tool is read as while it comes; `undefined` for text. */
  readonly output: Output.Output | undefined
  /** When the first attempt began. */
  startedAt: number | undefined
}

const maxRetryAfter = Duration.fromInputUnsafe(Limits.maxRetryAfter)

/** Doubling from 0.5 s, jittered, at most five times. */
const defaultRetry: Schedule.Schedule<unknown, AiError.AiError> = Schedule.exponential("500 millis").pipe(
  Schedule.jittered,
  Schedule.upTo({ times: 5 })
)

const loopback = /^https?:\/\/(localhost|127\.\d+\.\d+\.\d+|\[::1\])[:/]/

/** Nobody listens on this machine: it has to be started, and waiting only hides that. */
const isNotRunning = ({ reason }: AiError.AiError): boolean => {
  if (reason._tag !== "NetworkError" || !loopback.test(reason.url)) return false
  let cause: unknown = reason.cause
  for (let depth = 0; depth < 4 && Predicate.isObject(cause); depth++) {
    if (Predicate.hasProperty(cause, "code") && cause.code === "ECONNREFUSED") return true
    cause = Predicate.hasProperty(cause, "cause") ? cause.cause : undefined
  }
  return false
}

const isWorthRetrying = (error: AiError.AiError): boolean => {
  if (isNotRunning(error)) return false
  const after = error.retryAfter
  if (after !== undefined && Duration.isGreaterThan(after, maxRetryAfter)) return false
  return error.reason._tag !== "InvalidOutputError" && error.isRetryable
}

const toSchedule = (retry: Retry<AiError.AiError> | undefined) => {
  if (retry === undefined) return { schedule: defaultRetry, allows: () => true }
  if (Schedule.isSchedule(retry)) return { schedule: retry, allows: () => true }
  return {
    schedule: Schedule.upTo(retry.schedule ?? Schedule.jittered(Schedule.exponential("500 millis")), {
      times: retry.times
    }),
    allows: retry.while ?? (() => true)
  }
}

/** The parts of a response, whoever gives them. */
const parts = (call: ModelCall): Stream.Stream<any, AiError.AiError> => {
  const { request, target, toolkit } = call
  if (target.driver !== undefined) return target.driver.stream(request)
  const options = {
    prompt: request.prompt,
    ...(toolkit === undefined ? {} : { toolkit, toolChoice: request.toolChoice }),
    disableToolCallResolution: true,
    toolCallValidation: "deferred"
  } as const
  const stream = (request.options.stream === false
    ? Stream.unwrap(Effect.map(
      target.service.generateText(options as never),
      (response: { readonly content: ReadonlyArray<unknown> }) => Stream.fromIterable(response.content)
    ))
    : target.service.streamText(options as never)) as Stream.Stream<any, AiError.AiError>
  return Stream.provideService(stream, CurrentModelOptions, request.options)
}

/** What is shown of a response as it comes. */
type Delta = Extract<
  AgentEvent,
  { readonly _tag: "TextDelta" | "ReasoningDelta" | "ToolInputDelta" | "OutputPartial" }
>

/** What a reader is shown of a response: its deltas, or what is known of a typed answer. */
const toEvents = (
  output: Output.Output | undefined,
  path: string,
  turn: number
): (shown: Shown) => Delta | undefined => {
  if (output === undefined) return (shown) => ({ ...shown, path, turn })
  const partial = Output.partials(output)
  return (shown) => {
    if (shown._tag === "ReasoningDelta" || (shown._tag === "ToolInputDelta" && shown.name !== Output.toolName)) {
      return { ...shown, path, turn }
    }
    const known = partial(shown.delta)
    return known === undefined ? undefined : { _tag: "OutputPartial", path, turn, value: known.value }
  }
}

const once = (call: ModelCall): Effect.Effect<TurnResponse, AiError.AiError> =>
  Effect.withFiber((fiber) => {
    const { feed, output, path, secretive, sink, state, target, turn } = call
    const clock = fiber.getRef(Clock.Clock)
    call.startedAt ??= clock.currentTimeMillisUnsafe()
    const fold = new ResponseFold()
    state.fold = fold
    const show = sink === undefined && feed === undefined ? undefined : toEvents(output, path, turn)
    feed?.started(path, turn, target.id)
    return Effect.map(
      Stream.runForEachArray(parts(call), (chunk) => {
        let waiting: Effect.Effect<void> = Effect.void
        for (const part of chunk) {
          if (part.type === "tool-call") secretive.get(part.name)?.(part.params)
          const shown = fold.push(part)
          if (shown === undefined || show === undefined) continue
          if (shown._tag === "ToolInputDelta" && secretive.has(shown.name)) continue
          const event = show(shown)
          if (event === undefined) continue
          if (sink === undefined) {
            feed!.push(event)
            continue
          }
          fold.isShown = true
          waiting = sink.emit(event)
        }
        return waiting
      }),
      () => {
        feed?.answered(path)
        const response = fold.response()
        Measure.answered(fiber, target, response, clock.currentTimeMillisUnsafe() - call.startedAt!)
        return response
      }
    )
  })

/** Makes a model call, again where that is worth it. */
export const make = (call: ModelCall): Effect.Effect<TurnResponse, ModelFailed> =>
  Effect.catch(once(call), (error) => again(call, error))

const again = Effect.fnUntraced(function*(call: ModelCall, first: AiError.AiError) {
  const { sink, state, target } = call
  const { allows, schedule } = toSchedule(call.retry)
  const step = yield* Schedule.toStep(schedule)
  let error = first
  for (let attempt = 2;; attempt++) {
    const now = yield* Clock.currentTimeMillis
    const mayRetry = state.fold?.isShown !== true && isWorthRetrying(error) && allows(error)
    const next = mayRetry
      ? yield* Pull.catchDone(step(now, error), () => Effect.succeed(undefined))
      : undefined
    if (next === undefined) {
      const shown = state.fold?.isShown === true ? { shown: true } : {}
      return yield* givenUp(
        call,
        new ModelFailed({ model: target.id, error: Secrets.scrubValue(error), ...shown }),
        now
      )
    }
    const delay = Duration.max(next[1], error.retryAfter ?? Duration.zero)
    if (sink !== undefined) {
      yield* sink.emit({
        _tag: "ModelRetried",
        path: call.path,
        turn: call.turn,
        model: target.id,
        attempt,
        delay: Duration.toMillis(delay),
        reason: error.reason._tag,
        message: Secrets.scrub(error.reason.message)
      })
    }
    state.fold = undefined
    yield* Effect.sleep(delay)
    const result = yield* Effect.result(once(call))
    if (result._tag === "Success") return result.success
    error = result.failure
  }
})

const givenUp = (call: ModelCall, failed: ModelFailed, now: number): Effect.Effect<never, ModelFailed> =>
  Effect.withFiber((fiber) => {
    Measure.failed(fiber, call.target, failed, now - call.startedAt!)
    return Effect.fail(failed)
  })
