/**
 * One run of an execution of Effect's own `Workflow` in this process.
 *
 * Its rules are those of `effect/workflow`: the code suspends where it waits, and is run again from its start when there
 * is something new; an activity is answered by its name and attempt, in whatever order it is asked for. Our tasks,
 * pauses and timers within it are steps under keys of their own, answered in the same way.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import type * as Activity from "effect/workflow/Activity"
import * as Workflow from "effect/workflow/Workflow"
import { WorkflowInstance } from "effect/workflow/WorkflowEngine"
import { type Attempts, type FailedAttempt, type Step, StepScope, type Wait } from "../StepScope.ts"
import type { Waits } from "../Waits.ts"
import * as Codecs from "./codecs.ts"
import type { ExecutionLog } from "./ExecutionLog.ts"
import { encodeExit } from "./ExecutionRun.ts"
import type * as Replay from "./Replay.ts"
import type { Awaited, Made, Run } from "./Run.ts"
import { States } from "./States.ts"
import * as StepKey from "./StepKey.ts"
import * as Timer from "./timer.ts"
import * as Waiting from "./waiting.ts"

type Instance = WorkflowInstance["Service"]

/** The run that code of a workflow is in. */
export class CurrentRun extends Context.Service<CurrentRun, EffectRun>()(
  "fluxion/durable/internal/EffectRun/CurrentRun"
) {}

/** Where in the execution a piece of code is. */
interface Level {
  readonly key: string
  readonly counts: StepKey.Counts
}

/** One pass through the code. */
interface Pass {
  readonly root: Instance
  readonly instances: Set<Instance>
  readonly waiting: Map<string, Awaited>
  fiber: Fiber.Fiber<unknown, unknown> | undefined
}

/** An activity's outcome: its values are encoded, its defects are not. */
const activityExit = Codecs.ofExit({ success: Schema.Unknown, error: Schema.Unknown })

/** A deferred's outcome, encoded all through. */
const deferredExit = Codecs.of(Schema.Exit(Schema.Unknown, Schema.Unknown, Schema.Unknown))

const isSuspended = (result: Workflow.Result<unknown, unknown>) => result._tag === "Suspended"

/** Under which name a deferred's outcome is told and recorded. */
export const deferredKey = (name: string): string => `deferred/${name}`

/** What begins the name of a message that has the code run again. */
export const resumeKey = "resume/"

const activityKey = (name: string, attempt: number): string => StepKey.ofAttempt(`/${name}`, attempt)

/** A deferred's outcome as the journal has it. */
export const encodeDeferred = (exit: Exit.Exit<unknown, unknown>): Schema.Json =>
  deferredExit.encode(Exit.map(exit, (value) => value ?? null))

/** A run under way. */
export class EffectRun implements Run {
  readonly #steps: Map<string, Replay.Record>
  readonly #attemptsOf: Map<string, ReadonlyArray<Replay.Failed>>
  readonly #states = new States()
  readonly #log: ExecutionLog
  readonly #made: Made
  readonly #workflow: Workflow.Any
  readonly #codecs = new Map<string, Codecs.Codec>()
  readonly #announced = new Set<string>()
  readonly #woken = Latch.makeUnsafe(false)
  readonly #settled = Latch.makeUnsafe(true)
  #state: "running" | "stopping" | "ended" = "running"
  #pass: Pass | undefined
  #committing = 0
  #isWoken = false
  #isInterrupted: false | "soft" | "hard" = false
  isParked = false
  readonly rollbacks = new Map<string, Step<any, any>>()
  // its code may ask for anything, in any order
  readonly expected = undefined
  readonly progress = { handedOut: 0, waiting: undefined }
  onAwaited: (awaited: Awaited) => void = () => {}
  onParked: () => void = () => {}
  onProblem: (problem: string) => void = () => {}
  onCancelled: () => void = () => {}

  constructor(
    workflow: Workflow.Any,
    replay: Replay.Replay,
    log: ExecutionLog,
    made: Made
  ) {
    this.#workflow = workflow
    this.#attemptsOf = new Map(replay.attempts)
    this.#steps = new Map(replay.steps)
    for (const key of replay.order) {
      const record = replay.steps.get(key)
      if (record?._tag === "Changed") this.#states.add(record.state, record.change)
    }
    this.#log = log
    this.#made = made
  }

  /** The execution's id. */
  get id(): string {
    return this.#made.id
  }

  get awaited(): ReadonlyArray<Awaited> {
    return this.#pass === undefined ? [] : [...this.#pass.waiting.values()]
  }

  get waits(): ReadonlyArray<Schema.Json> {
    return this.awaited.map(({ key, name, waits }) => ({ key, name, waits: waits as Schema.Json }))
  }

  // ---- what the engine tells it --------------------------------------------------------------------------------

  cancel(): void {
    this.#isInterrupted ||= "soft"
    this.#wake()
  }

  interrupt(): void {
    // the message may be seen twice
    if (this.#isInterrupted === "hard") return
    this.#isInterrupted = "hard"
    if (this.isParked) return this.#wake()
    this.#pass?.fiber?.interruptUnsafe()
  }

  stop(): void {
    this.#state = "stopping"
    this.#abandon()
  }

  end(): void {
    this.#state = "ended"
  }

  answer(key: string, exit: unknown): Effect.Effect<"answered" | "unknown" | "refused"> {
    return Effect.suspend(() => {
      if (this.#state !== "running") return Effect.succeed("unknown" as const)
      if (!key.startsWith("/") && !key.startsWith(deferredKey(""))) {
        this.#pass?.waiting.delete(key)
        this.#wake()
        return Effect.as(this.#log.take([key]), "answered" as const)
      }
      if (this.#steps.get(key)?._tag === "Completed") return Effect.as(this.#log.take([key]), "answered" as const)
      if (key.startsWith("/")) {
        const codec = this.#codecs.get(key)
        if (codec === undefined) return Effect.succeed("unknown" as const)
        try {
          codec.decode(exit)
        } catch {
          return Effect.succeed("refused" as const)
        }
      }
      return Effect.as(this.#complete(key, exit as Schema.Json), "answered" as const)
    })
  }

  /** Records an outcome that the code may wait for, and has it go on. */
  #complete(key: string, exit: Schema.Json): Effect.Effect<void> {
    return Effect.uninterruptible(Effect.suspend(() => {
      this.#committing++
      this.#settled.closeUnsafe()
      // it is not given up any more: it will be woken
      this.isParked = false
      this.#pass?.waiting.delete(key)
      // whoever completes the same at this moment is later
      this.#steps.set(key, { _tag: "Completed", exit })
      return Effect.map(
        this.#log.append({ _tag: "StepCompleted", key, exit }, { take: [key], set: { waits: this.waits } }),
        () => {
          this.#committing--
          this.#wake()
          if (this.#pass !== undefined && this.#state === "running") this.#preempt(this.#pass, key)
          // whoever waits for this runs at once
          if (this.#committing === 0) this.#settled.openUnsafe()
        }
      )
    }))
  }

  /** A pass that waits in one of its branches for what is there now is given up: the next one finds it. */
  #preempt({ fiber, root }: Pass, key: string): void {
    if (root.abandoned || !root.awaitedDeferreds.has(key.slice(deferredKey("").length))) return
    root.suspended = true
    fiber?.interruptUnsafe()
  }

  #wake(): void {
    this.#isWoken = true
    this.isParked = false
    this.#woken.openUnsafe()
  }

  #abandon(): void {
    for (const instance of this.#pass?.instances ?? []) instance.abandoned = true
  }

  // ---- passes through the code ---------------------------------------------------------------------------------

  main<A, E, R>(code: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.gen({ self: this }, function*() {
      // what has come already is told first
      yield* Effect.yieldNow
      for (;;) {
        yield* this.#settled.await
        this.#isWoken = false
        this.#woken.closeUnsafe()
        const root = WorkflowInstance.initial(this.#workflow, this.#made.id)
        const pass: Pass = { root, instances: new Set([root]), waiting: new Map(), fiber: undefined }
        this.#pass = pass
        const exit = yield* this.#through(pass, code)
        if (Exit.isSuccess(exit) && exit.value._tag === "Complete") {
          return yield* exit.value.exit as Exit.Exit<A, E>
        }
        // a pass that was given up for a deferred has no result
        if (Exit.isFailure(exit) && !(root.suspended && Cause.hasInterruptsOnly(exit.cause))) {
          return yield* exit as Exit.Exit<never>
        }
        this.#abandon()
        yield* Scope.close(root.scope, Exit.void)
        yield* this.#suspend(pass, Exit.isSuccess(exit) && root.failed ? root.cause ?? Cause.empty : undefined)
      }
    })
  }

  #through<A, E, R>(
    pass: Pass,
    code: Effect.Effect<A, E, R>
  ): Effect.Effect<Exit.Exit<Workflow.Result<A, E>>, never, R> {
    const { root } = pass
    const body = Workflow.intoResult(Effect.onExit(code, (exit) => this.#atEnd(root, exit))).pipe(
      Effect.provideContext(this.#context(root, { key: "", counts: new Map() }))
    ) as Effect.Effect<Workflow.Result<A, E>, never, R>
    return Effect.flatMap(Effect.forkChild(body), (fiber) => {
      pass.fiber = fiber
      return Effect.onInterrupt(Fiber.await(fiber), () => Fiber.interrupt(fiber))
    })
  }

  #context(instance: Instance, level: Level, attempts?: Attempts) {
    return Context.mergeAll(
      Context.make(WorkflowInstance, instance),
      Context.make(CurrentRun, this),
      Context.make(StepScope, this.#scope(level, attempts))
    )
  }

  /** Where a pass would suspend, one that is cancelled ends instead. */
  #atEnd(root: Instance, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> {
    if (this.#state !== "running" || root.abandoned) return Effect.void
    const isFailure = Exit.isFailure(exit)
    const isSelfMade = isFailure && Cause.hasInterruptsOnly(exit.cause) && !root.suspended
    const wouldSuspend = root.suspended
      || (isFailure && Context.get(this.#workflow.annotations, Workflow.SuspendOnFailure))
    if (!isSelfMade && this.#isInterrupted !== "hard" && !(this.#isInterrupted === "soft" && wouldSuspend)) {
      return Effect.void
    }
    root.interrupted = true
    root.suspended = false
    return Effect.withFiber((fiber) => Effect.interruptible(Fiber.interrupt(fiber)))
  }

  /** Says what the pass waits for, and waits until there is something new. */
  #suspend(pass: Pass, failure: Cause.Cause<unknown> | undefined): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      for (const { awaitedDeferreds } of pass.instances) {
        for (const name of awaitedDeferreds.keys()) {
          const key = deferredKey(name)
          if (this.#steps.get(key)?._tag === "Completed" || pass.waiting.has(key)) continue
          const since = this.#made.now()
          yield* this.#list(key, name, () => Effect.succeed({ _tag: "Answer", output: null, input: {}, since }))
        }
      }
      yield* this.#settled.await
      if (this.#isWoken) return
      if (failure !== undefined) {
        const error = Cause.squash(failure)
        this.onProblem(`it failed, and is suspended on failure: ${error instanceof Error ? error.message : error}`)
        return yield* Effect.never
      }
      this.isParked = true
      this.onParked()
      yield* this.#woken.await
    })
  }

  /** Says that this pass waits for something, and records it once. */
  #list(key: string, name: string, makeWaits: () => Effect.Effect<Waits>): Effect.Effect<void> {
    return Effect.uninterruptible(Effect.gen({ self: this }, function*() {
      const record = this.#steps.get(key)
      const waits = record?._tag === "Awaited" ? record.waits : yield* makeWaits()
      const awaited = { key, name, waits }
      this.#pass?.waiting.set(key, awaited)
      if (record?._tag !== "Awaited") {
        this.#steps.set(key, { _tag: "Awaited", waits })
        const event = { _tag: "StepAwaited" as const, key, name, waits: waits as Schema.Json }
        yield* this.#log.append(event, { set: { waits: this.waits } })
      }
      if (this.#announced.has(key)) return
      this.#announced.add(key)
      this.onAwaited(awaited)
    }))
  }

  // ---- what effect/workflow asks for ---------------------------------------------------------------------------

  /** An activity: answered from the journal, or run and recorded. */
  activity(
    activity: Activity.Any,
    attempt: number,
    instance: Instance
  ): Effect.Effect<Workflow.Result<unknown, unknown>> {
    return Effect.suspend(() => {
      const key = activityKey(activity.name, attempt)
      const record = this.#steps.get(key)
      if (record?._tag === "Completed") {
        return Effect.succeed(
          new Workflow.Complete({ exit: activityExit.decode(record.exit) as Exit.Exit<unknown, unknown> })
        )
      }
      // a pass that is cancelled only finds its compensations again
      if (this.#isInterrupted && !instance.interrupted) return Effect.succeed(new Workflow.Suspended({}))
      const event = { _tag: "StepStarted" as const, key, name: activity.name, payload: null }
      return this.#live(instance, event, activity.executeEncoded, (exit) => ({
        json: activityExit.encode(Exit.map(exit, (value) => value ?? null)),
        exit
      }))
    })
  }

  /** A deferred's outcome, if it is there. */
  deferred(name: string): Option.Option<Exit.Exit<unknown, unknown>> {
    const record = this.#steps.get(deferredKey(name))
    return record?._tag === "Completed"
      ? Option.some(deferredExit.decode(record.exit) as Exit.Exit<unknown, unknown>)
      : Option.none()
  }

  /** The code itself completes a deferred. */
  deferredDone(name: string, exit: Schema.Json): Effect.Effect<void> {
    return Effect.suspend(() => {
      const key = deferredKey(name)
      return this.#state !== "running" || this.#steps.get(key)?._tag === "Completed"
        ? Effect.void
        : this.#complete(key, exit)
    })
  }

  /** A deferred is completed when so much time has passed since it was first asked for. */
  clock(deferred: string, name: string, duration: Duration.Duration): Effect.Effect<void> {
    return Effect.suspend(() => {
      const key = deferredKey(deferred)
      if (this.#steps.get(key)?._tag === "Completed" || this.#state !== "running") return Effect.void
      return this.#list(key, name, () =>
        Effect.succeed({
          _tag: "Time",
          until: this.#made.now() + Duration.toMillis(duration),
          outcome: encodeDeferred(Exit.void)
        }))
    })
  }

  /** The code waits for another execution, which will tell it of its end. */
  child(execution: string, workflow: string): Effect.Effect<void> {
    return this.#list(
      Waiting.childKey(execution),
      workflow,
      () => Effect.succeed({ _tag: "Execution", execution, workflow })
    )
  }

  /** Runs a body on an instance of its own, so that what waits in it suspends it alone, and records what it came to. */
  #live(
    outer: Instance,
    event: { readonly _tag: "StepStarted"; readonly key: string; readonly name: string; readonly payload: Schema.Json },
    body: Effect.Effect<any, any, any>,
    encode: (exit: Exit.Exit<any, any>) => { readonly json: Schema.Json; readonly exit: Exit.Exit<any, any> },
    attempts?: (level: Level) => Attempts
  ): Effect.Effect<Workflow.Result<unknown, unknown>> {
    return Effect.suspend(() => {
      const { key } = event
      if (!this.#steps.has(key)) {
        this.#steps.set(key, { _tag: "Started" })
        this.#log.put(event)
      }
      const inner = WorkflowInstance.initial(this.#workflow, this.#made.id)
      inner.interrupted = outer.interrupted
      inner.abandoned = this.#state !== "running"
      this.#pass?.instances.add(inner)
      const level: Level = { key, counts: new Map() }
      return Workflow.intoResult(body).pipe(
        Effect.provideContext(this.#context(inner, level, attempts?.(level))),
        Effect.flatMap((result): Effect.Effect<Workflow.Result<any, any>> => {
          if (result._tag === "Suspended") return Effect.succeed(result)
          if (this.#state !== "running") return Effect.interrupt
          const { exit, json } = encode(result.exit)
          return Effect.uninterruptible(
            Effect.map(this.#log.append({ _tag: "StepCompleted", key, exit: json }), () => {
              this.#steps.set(key, { _tag: "Completed", exit: json })
              return new Workflow.Complete({ exit })
            })
          )
        })
      ) as Effect.Effect<Workflow.Result<unknown, unknown>>
    })
  }

  // ---- our own steps -------------------------------------------------------------------------------------------

  scope(): StepScope {
    return this.#scope({ key: "", counts: new Map() })
  }

  #scope(level: Level, attempts?: Attempts): StepScope {
    const next = (name: string, payload: string) => StepKey.next(level.counts, level.key, name, payload)
    return {
      idempotencyKey: StepKey.idempotencyKey(this.#made.id, level.key),
      attempts,
      step: (step, body) => this.#ask(level, step, (key, payload) => this.#step(key, payload, step, body)),
      wait: (wait) => this.#ask(level, wait, (key) => this.#wait(key, wait)),
      uuid: () => StepKey.uuid(this.#made.seed, next("uuid", "")),
      random: () => StepKey.random(this.#made.seed, next("random", "")),
      // its code runs again from its start, in any order: a state is what the whole journal makes of it
      state: (state) => Effect.sync(() => this.#states.get(state)),
      change: (state, change) =>
        Effect.suspend(() => {
          const key = next(state.name, "")
          if (this.#steps.has(key)) return Effect.void
          const json = Codecs.of(state.changeSchema).encode(change)
          this.#steps.set(key, { _tag: "Changed", state: state.name, change: json, isDiscarded: false })
          this.#states.add(state.name, json)
          return this.#log.append({ _tag: "StateChanged", key, state: state.name, change: json })
        }),
      isStopping: () =>
        this.#state === "stopping" || [...this.#pass?.instances ?? []].some(({ suspended }) => suspended)
    }
  }

  #ask<A, E>(
    level: Level,
    step: Step<A, E> | Wait<A, E>,
    live: (key: string, payload: Schema.Json) => Effect.Effect<Workflow.Result<any, any>, never, WorkflowInstance>
  ): Effect.Effect<A, E> {
    const asked = Effect.suspend(() => {
      if (this.#state === "ended") {
        return Effect.die(new Error(`step ${step.name} was called after its execution had ended`))
      }
      const payload = Codecs.of(step.payloadSchema).encode(step.payload)
      const key = StepKey.next(level.counts, level.key, step.name, JSON.stringify(payload))
      if ("rollback" in step && step.rollback !== undefined) this.rollbacks.set(key, step)
      const record = this.#steps.get(key)
      if (record?._tag === "Completed") return this.#decode(key, step, record.exit) ?? Effect.never
      return Effect.flatMap(WorkflowInstance, (instance) => {
        const result = this.#isInterrupted && !instance.interrupted
          ? Effect.succeed(new Workflow.Suspended({}))
          : live(key, payload)
        return Effect.flatMap(Workflow.wrapActivityResult(result, isSuspended), (result): Effect.Effect<any, any> => {
          if (result._tag === "Complete") return result.exit
          if (result.failed === true) instance.failed = true
          return Workflow.suspend(instance)
        })
      })
    })
    return asked as Effect.Effect<A, E>
  }

  #decode<A, E>(key: string, step: Step<A, E> | Wait<A, E>, exit: unknown): Exit.Exit<A, E> | undefined {
    try {
      return Codecs.ofExit(step).decode(exit) as Exit.Exit<A, E>
    } catch (cause) {
      const said = cause instanceof Error ? cause.message : String(cause)
      this.onProblem(`what is recorded of step ${key} does not decode any more: ${said}`)
      return undefined
    }
  }

  #step(
    key: string,
    payload: Schema.Json,
    step: Step<any, any>,
    body: Effect.Effect<any, any, any>
  ): Effect.Effect<Workflow.Result<any, any>, never, WorkflowInstance> {
    const rollback = step.rollback === undefined ? {} : { rollback: true }
    const event = { _tag: "StepStarted" as const, key, name: step.name, payload, ...rollback }
    return Effect.flatMap(WorkflowInstance, (instance) =>
      this.#live(
        instance,
        event,
        body,
        (exit) => encodeExit(key, step, exit),
        (level) => this.#attempts(level, step)
      ))
  }

  /** The pass suspends; the one after the answer finds it. */
  #wait(key: string, wait: Wait<any, any>): Effect.Effect<Workflow.Result<any, any>> {
    return Effect.suspend(() => {
      this.#codecs.set(key, Codecs.ofExit(wait))
      const listed = this.#list(key, wait.name, () => wait.waits(key) as Effect.Effect<any>)
      return Effect.as(listed, new Workflow.Suspended({}))
    })
  }

  /** The attempts at a step whose body is at `level`. */
  #attempts(level: Level, step: Step<any, any>): Attempts {
    const failed = (this.#attemptsOf.get(level.key) ?? []).map(({ attempt, exit, retry, time }): FailedAttempt => {
      const decoded = this.#decode(level.key, step, exit)
      const error = decoded !== undefined && Exit.isFailure(decoded) ? Cause.squash(decoded.cause) : undefined
      return { attempt, error, retry, time }
    })
    return {
      failed,
      fail: ({ attempt, error, retry, time }) => {
        const exit = Codecs.ofExit(step).encode(Exit.fail(error))
        const event = { _tag: "AttemptFailed" as const, key: level.key, attempt, exit, retry, time }
        this.#attemptsOf.set(level.key, [...this.#attemptsOf.get(level.key) ?? [], event])
        return this.#log.append(event)
      },
      make: (attempt, body, { delay, limit }) => {
        const scope = this.#scope({ key: StepKey.ofAttempt(level.key, attempt), counts: new Map() })
        const effect = Effect.provideService(body, StepScope, scope)
        const limited = limit === undefined
          ? Effect.asSome(effect)
          : Effect.raceFirst(Effect.asSome(effect), Effect.as(Effect.sleep(limit), Option.none()))
        const millis = delay === undefined ? 0 : Duration.toMillis(delay)
        return millis > 0 ? Effect.andThen(Timer.wait(scope, "retry", (now) => now + millis), limited) : limited
      }
    }
  }
}
