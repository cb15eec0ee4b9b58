/**
 * Runs a task's body: attempts with their time limit, then the fallback, then the rollback.
 *
 * A task without options is its body and nothing more. Every attempt has a context of its own; all share one
 * idempotency key.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Json from "../../core/Json.ts"
import * as Progress from "../Progress.ts"
import * as StepScope from "../StepScope.ts"
import { Current, type TaskContext } from "../TaskContext.ts"
import { explain, TaskFailed, TaskResultInvalid, TaskTimeout } from "../TaskError.ts"
import type { Definition } from "./definition.ts"
import * as DurableAttempts from "./durableAttempts.ts"

const isPromiseLike = (u: unknown): u is PromiseLike<unknown> =>
  typeof u === "object" && u !== null && "then" in u && typeof u.then === "function"

/** What a body returned, as an Effect. A throw before anything was returned is a defect. */
export const lift = (body: () => unknown, task: string): Effect.Effect<unknown, any, any> =>
  Effect.suspend(() => fromReturned(body(), task))

const fromReturned = (out: unknown, task: string, attempt?: Attempt): Effect.Effect<unknown, any, any> => {
  if (Effect.isEffect(out)) return out
  if (!isPromiseLike(out)) return Effect.succeed(out)
  return Effect.callback<unknown, TaskFailed>((resume) => {
    out.then(
      (value) => resume(Effect.succeed(value)),
      (cause) => resume(Effect.fail(new TaskFailed({ task, cause })))
    )
    return attempt === undefined ? undefined : Effect.sync(() => attempt.abort())
  })
}

class Attempt implements TaskContext {
  readonly attempt: number
  #progress: ((value: unknown) => void) | undefined
  #controller: AbortController | undefined
  #isAborted = false
  readonly #call: Call
  readonly #fiber: Fiber.Fiber<unknown, unknown>
  constructor(call: Call, attempt: number, fiber: Fiber.Fiber<unknown, unknown>) {
    this.#call = call
    this.attempt = attempt
    this.#fiber = fiber
  }
  /** Found when it is first asked for, as the signal is. */
  get progress(): (value: unknown) => void {
    return (this.#progress ??= Progress.listenerOf(this.#fiber)?.emitUnsafe ?? ignore)
  }
  /** Made when it is first asked for: most bodies are Effects, and never do. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#isAborted) this.#controller.abort()
    }
    return this.#controller.signal
  }
  get idempotencyKey(): string {
    // outside a workflow the key lives as long as the call, and nothing is replayed by it
    // @effect-diagnostics-next-line cryptoRandomUUID:off
    return (this.#call.idempotencyKey ??= StepScope.current(this.#fiber)?.idempotencyKey ?? crypto.randomUUID())
  }
  abort(): void {
    this.#isAborted = true
    this.#controller?.abort()
  }
}

interface Call {
  idempotencyKey: string | undefined
}

const ignore = () => {}

/** 1 s, doubling to 60 s, jittered. */
const defaultSchedule = Schedule.min([Schedule.exponential("1 second"), Schedule.spaced("60 seconds")]).pipe(
  Schedule.jittered
)

const retryOptions = (
  retry: NonNullable<Definition["options"]["retry"]>,
  isRetryable: Definition["isRetryable"] = () => true
): DurableAttempts.Retry =>
  Schedule.isSchedule(retry)
    ? { schedule: retry, while: isRetryable }
    : { times: retry.times, schedule: retry.schedule ?? defaultSchedule, while: retry.while ?? isRetryable }

/** Runs `rollback`; its own failure is logged, the task's outcome stands. */
export const rollback = (
  definition: Definition,
  payload: unknown,
  exit: Exit.Exit<any, any>
): Effect.Effect<void, never, any> =>
  lift(() => definition.options.rollback!(payload, exit), definition.name).pipe(
    Effect.catchCause((cause) => Effect.logError(`the rollback of task ${definition.name} failed: ${explain(cause)}`)),
    Effect.asVoid
  )

/** The task's body with its options around it, on a decoded payload, in the fiber that runs it. */
export const make = (
  definition: Definition
): (payload: unknown, fiber: Fiber.Fiber<unknown, unknown>) => Effect.Effect<any, any, any> => {
  const { name, options, run } = definition
  const { fallback, retry } = options
  const timeout = options.timeout === undefined ? undefined : Duration.fromInputUnsafe(options.timeout)

  const checkJson = (value: unknown) => {
    const found = Json.check(value)
    return found === undefined ? Effect.succeed(value) : Effect.fail(TaskResultInvalid.of(name, found))
  }

  const attempt = (
    payload: unknown,
    call: Call,
    number: number,
    fiber: Fiber.Fiber<unknown, unknown>
  ): Effect.Effect<any, any, any> => {
    const context = new Attempt(call, number, fiber)
    let body = fromReturned(run(payload, context), name, context)
    // what is already there can neither be interrupted nor ask who it is
    if (!Exit.isExit(body)) {
      body = Effect.updateContext(
        Effect.onInterrupt(body, () => Effect.sync(() => context.abort())),
        (services: Context.Context<any>) =>
          Context.add(definition.services?.(services, payload) ?? services, Current, context)
      )
    }
    return definition.success === undefined ? Effect.flatMap(body, checkJson) : body
  }

  const timedOut = (payload: unknown, after: Duration.Duration) =>
    definition.onTimeout?.(payload, after) ?? new TaskTimeout({ task: name, after })

  const unlimited = (payload: unknown, call: Call, number: number) =>
    Effect.withFiber((fiber) => attempt(payload, call, number, fiber))

  const limited = (payload: unknown, call: Call, number: number) => {
    const body = unlimited(payload, call, number)
    return timeout === undefined ? body : Effect.timeoutOrElse(body, {
      duration: timeout,
      orElse: () => Effect.fail(timedOut(payload, timeout))
    })
  }

  const withRetries = (payload: unknown, fiber: Fiber.Fiber<unknown, unknown>): Effect.Effect<any, any, any> => {
    const call: Call = { idempotencyKey: undefined }
    const attempts = retry === undefined && timeout === undefined && fallback === undefined
      ? undefined
      : StepScope.current(fiber)?.attempts
    if (attempts !== undefined) {
      return DurableAttempts.run(attempts, {
        retry: retry && retryOptions(retry, definition.isRetryable),
        timeout,
        hasFallback: fallback !== undefined,
        attempt: (number) => unlimited(payload, call, number),
        timedOut: (after) => timedOut(payload, after),
        failed: (error) => definition.onFailed?.(payload, error)
      })
    }
    if (retry === undefined) return timeout === undefined ? attempt(payload, call, 1, fiber) : limited(payload, call, 1)
    let number = 0
    const one = Effect.suspend(() => limited(payload, call, ++number))
    const told = definition.onFailed === undefined
      ? one
      : Effect.tapError(one, (error) => Effect.sync(() => definition.onFailed!(payload, error)))
    return Effect.retry(told, retryOptions(retry, definition.isRetryable))
  }

  return (payload, fiber) => {
    const isStep = StepScope.current(fiber) !== undefined
    // a step's body runs only when the journal has no answer, and a rollback has to see a body that throws
    let effect = isStep || options.rollback !== undefined
      ? Effect.withFiber((fiber) => withRetries(payload, fiber))
      : withRetries(payload, fiber)
    if (fallback !== undefined) {
      effect = Effect.catch(effect, (error) => lift(() => fallback(payload, error), name))
    }
    // in a workflow the journal knows when to undo
    if (options.rollback === undefined || isStep) return effect
    return Effect.onExit(
      effect,
      (exit) => Exit.isFailure(exit) ? rollback(definition, payload, exit) : Effect.void
    )
  }
}
