/**
 * Steps within a workflow of `effect/workflow` that another engine runs: each is an `Activity` named by its key, and what
 * waits is an Activity around its `DurableDeferred.await`, since a bare one lets a decision interrupt what runs beside it.
 *
 * That engine's rules hold: answers are found by name, in whatever order they are asked for, and a body that suspends is
 * run again. A scope belongs to one instance of the workflow: a run that somebody else woke may carry the waker's context.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { WorkflowEngine, WorkflowInstance } from "effect/workflow/WorkflowEngine"
import type { Attempts, Folded, Step, StepScope, Wait } from "../StepScope.ts"
import type { Waits } from "../Waits.ts"
import * as Codecs from "./codecs.ts"
import * as StepKey from "./StepKey.ts"
import * as Timer from "./timer.ts"

type Instance = WorkflowInstance["Service"]

/** Where in the execution a piece of code is. */
interface Level {
  readonly key: string
  readonly counts: StepKey.Counts
}

/** Gives a body the scope that its own steps are in. */
type Provide = (scope: StepScope) => <A, E, R>(body: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/** The id of the service that tells that code is in a workflow of `effect/workflow`. */
const instanceKey = "effect/workflow/WorkflowEngine/WorkflowInstance" satisfies typeof WorkflowInstance.key
const Instance = Context.Service<WorkflowInstance, Instance>(instanceKey)
const Engine = Context.Service<WorkflowEngine, WorkflowEngine["Service"]>(
  "effect/workflow/WorkflowEngine" satisfies typeof WorkflowEngine.key
)

/** Whoever is in such a workflow has loaded these. */
const modules = Effect.promise(async () => {
  const [Activity, DurableClock, DurableDeferred, Workflow] = await Promise.all([
    import("effect/workflow/Activity"),
    import("effect/workflow/DurableClock"),
    import("effect/workflow/DurableDeferred"),
    import("effect/workflow/Workflow")
  ])
  return { Activity, DurableClock, DurableDeferred, Workflow }
})

/** The scopes of the workflows' own code, and of Activities that are not ours. */
const roots = new WeakMap<Instance, ActivityScope>()

/** The scope of code that has `context`; `given` is what it carries of one. */
export const of = (
  context: Context.Context<never>,
  given: StepScope | undefined,
  provide: Provide
): StepScope | undefined => {
  const instance = context.mapUnsafe.get(instanceKey) as Instance | undefined
  // our own engine has given one
  if (instance === undefined || (given !== undefined && !(given instanceof ActivityScope))) return given
  if (given?.instance === instance) return given
  let root = roots.get(instance)
  if (root === undefined) {
    roots.set(instance, root = new ActivityScope(instance, { key: "", counts: new Map() }, provide))
  }
  return root
}

/** The name of the deferred that answers a wait: that of the wait, and which of its equals it is, beneath the step around it. */
export const deferredName = (parent: string, name: string, occurrence: number): string =>
  `${parent === "" ? "" : `${parent}/`}${name}${occurrence === 1 ? "" : `#${occurrence - 1}`}`

class ActivityScope implements StepScope {
  readonly instance: Instance
  readonly attempts: Attempts | undefined
  readonly #level: Level
  readonly #provide: Provide

  constructor(instance: Instance, level: Level, provide: Provide, step?: Step<any, any>) {
    this.instance = instance
    this.#level = level
    this.#provide = provide
    this.attempts = step === undefined ? undefined : this.#attempts(step)
  }

  get idempotencyKey(): string | undefined {
    return StepKey.idempotencyKey(this.instance.executionId, this.#level.key)
  }

  uuid(): string {
    return StepKey.uuid(this.instance.executionId, this.#next("uuid", ""))
  }

  random(): number {
    return StepKey.random(this.instance.executionId, this.#next("random", ""))
  }

  state<A>({ name }: Folded<A, any>): Effect.Effect<A> {
    return noState(name)
  }

  change({ name }: Folded<any, any>): Effect.Effect<void> {
    return noState(name)
  }

  isStopping(): boolean {
    return this.instance.suspended || this.instance.abandoned
  }

  step<A, E, R>(step: Step<A, E>, body: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.suspend(() => {
      const key = this.#next(step.name, encode(step))
      const activity = this.#activity(key, step, body, step)
      const { rollback } = step
      // what a step within a step did cannot be undone here: such an engine knows no compensation there
      return rollback === undefined || this.#level.key !== "" ? activity : Effect.flatMap(
        modules,
        ({ Workflow }) => Workflow.withCompensation(activity, (value: A) => rollback(Exit.succeed(value)))
      )
    }) as Effect.Effect<A, E, R>
  }

  wait<A, E>(wait: Wait<A, E>): Effect.Effect<A, E> {
    return Effect.suspend(() => {
      const parent = this.#level.key
      const key = this.#next(wait.name, encode(wait))
      const number = Number(/#(\d+)$/.exec(key)?.[1] ?? 0) + 1
      return this.#activity(key, wait, waitFor(key, deferredName(parent, wait.name, number), wait))
    }) as Effect.Effect<A, E>
  }

  #next(name: string, payload: string): string {
    return StepKey.next(this.#level.counts, this.#level.key, name, payload)
  }

  /** Runs `body` as an Activity, once; `step` is whose attempts are made in it. */
  #activity<A, E, R>(
    key: string,
    { error, services, success }: Pick<Step<A, E>, "error" | "services" | "success">,
    body: Effect.Effect<A, E, R>,
    step?: Step<any, any>,
    level = key
  ) {
    const execute = Effect.flatMap(
      Instance,
      (instance) =>
        this.#provide(new ActivityScope(instance, { key: level, counts: new Map() }, this.#provide, step))(body)
    )
    const activity = Effect.flatMap(modules, ({ Activity }) => Activity.make({ name: key, success, error, execute }))
    return services === undefined ? activity : Effect.provideContext(activity, services)
  }

  /** Each attempt is an Activity of its own: one that failed is not made again when the step's body is. */
  #attempts(step: Step<any, any>): Attempts {
    const { key } = this.#level
    return {
      failed: [],
      fail: () => Effect.void,
      make: (attempt, body, { delay, limit }) => {
        const limited = limit === undefined
          ? Effect.asSome(body)
          : Effect.raceFirst(Effect.asSome(body), Effect.as(Effect.sleep(limit), Option.none()))
        const success = Schema.Option(step.success) as unknown as Schema.Codec<any, unknown, unknown, unknown>
        const made = this.#activity(
          `${key}/attempt@${attempt}`,
          { ...step, success },
          limited,
          undefined,
          StepKey.ofAttempt(key, attempt)
        )
        const millis = delay === undefined ? 0 : Duration.toMillis(delay)
        const later = millis > 0
          ? Effect.andThen(Timer.wait(this, `retry-${attempt}`, (now) => now + millis), made)
          : made
        return later as Effect.Effect<any, any, any>
      }
    }
  }
}

/** What a completed Activity had changed would be lost when it is answered: better not to begin. */
const noState = (name: string) =>
  Effect.die(
    new Error(`the state ${name} is kept by fluxion's engines alone: run this workflow on Engine.layerJournal`)
  )

const encode = ({ payload, payloadSchema }: Pick<Step<any, any>, "payload" | "payloadSchema">): string =>
  JSON.stringify(Codecs.of(payloadSchema).encode(payload))

/** Waits until the deferred is done, or the time has come. */
const waitFor = Effect.fnUntraced(function*(key: string, name: string, wait: Wait<any, any>) {
  const { Activity, DurableClock, DurableDeferred } = yield* modules
  const engine = yield* Engine
  const { executionId, workflow } = yield* Instance
  const answer = DurableDeferred.make(name, { success: wait.success, error: wait.error })
  const first = (yield* wait.waits(key)) as unknown as Waits
  if (first._tag === "Execution" || first.until === undefined) return yield* DurableDeferred.await(answer)

  // when it ends is what it was when it began
  const recorded = yield* Activity.make({
    name: `${key}/until@1`,
    success: Schema.Struct({ until: Schema.Finite, outcome: Schema.Json }),
    execute: Effect.succeed({ until: first.until, outcome: first.outcome ?? null })
  })
  const now = yield* Clock.currentTimeMillis
  const clock = DurableClock.make({ name: key, duration: Math.max(0, recorded.until - now) })
  if (first._tag === "Answer" && Option.isSome(yield* engine.deferredResult(answer))) {
    return yield* DurableDeferred.await(answer)
  }
  if (Option.isSome(yield* engine.deferredResult(clock.deferred))) {
    return yield* Codecs.ofExit(wait).decode(recorded.outcome) as Exit.Exit<any, any>
  }
  yield* engine.scheduleClock(workflow, { executionId, clock })
  if (first._tag === "Answer") return yield* DurableDeferred.await(answer)
  yield* DurableDeferred.await(clock.deferred)
  return yield* Codecs.ofExit(wait).decode(recorded.outcome) as Exit.Exit<any, any>
})
