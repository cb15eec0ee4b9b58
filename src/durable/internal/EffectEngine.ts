/**
 * Effect's own `Workflow`, `Activity`, `DurableDeferred`, `DurableClock` and `DurableQueue` on our engine.
 *
 * Their executions are ordinary ones: with an entry, a journal and an inbox, owned and taken over like all others. What
 * comes from outside a run is a message in the inbox.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Workflow from "effect/workflow/Workflow"
import * as WorkflowEngine from "effect/workflow/WorkflowEngine"
import { CurrentExecution } from "../CurrentExecution.ts"
import type { Definition, Engine } from "../Engine.ts"
import { ended, type Entry } from "../Journal.ts"
import { CurrentRun, deferredKey, EffectRun, encodeDeferred, resumeKey } from "./EffectRun.ts"
import * as StepKey from "./StepKey.ts"
import * as Waiting from "./waiting.ts"

/** Effect's workflows have no version. */
const version = "1"

const definitions = new WeakMap<Workflow.Any, Definition>()

/** How to encode and decode what a workflow takes and gives. */
const definitionOf = (workflow: Workflow.Any): Definition => {
  let definition = definitions.get(workflow)
  if (definition === undefined) {
    definition = {
      name: workflow._tag,
      version,
      payload: workflow.payloadSchema,
      success: workflow.successSchema,
      error: workflow.errorSchema,
      run: () => Effect.die(new Error(`workflow ${workflow._tag} is not registered here`))
    }
    definitions.set(workflow, definition)
  }
  return definition
}

const again = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("5 seconds")])

/** The contract has no errors: what may pass is tried again, the rest are defects. */
const surely = <A, E extends { readonly isRetryable: boolean }>(effect: Effect.Effect<A, E>): Effect.Effect<A> =>
  Effect.orDie(Effect.retry(effect, { schedule: again, while: ({ isRetryable }) => isRetryable }))

const currentRun = Effect.withFiber<EffectRun | undefined>((fiber) =>
  Effect.succeed(Context.getOrUndefined(fiber.context as Context.Context<CurrentRun>, CurrentRun))
)

const runOfCode = Effect.flatMap(currentRun, (run) =>
  run === undefined
    ? Effect.die(new Error("activities and deferreds are awaited inside a workflow that this engine runs"))
    : Effect.succeed(run))

/** The `WorkflowEngine` on our engine. */
export const make = (engine: Engine["Service"]): WorkflowEngine.WorkflowEngine["Service"] => {
  const { journal } = engine

  /** What an execution has come to; nothing, while it runs or is about to. */
  const resultOf = Effect.fnUntraced(function*(workflow: Workflow.Any, { id, problem, state }: Entry) {
    if (ended.includes(state)) {
      const last = (yield* surely(journal.last(id)))?.event
      if (last?._tag !== "ExecutionCompleted") return Option.none()
      return Option.some(new Workflow.Complete({ exit: Waiting.decodeEnd(definitionOf(workflow), last.exit) }))
    }
    if (state === "parked") {
      return Option.some(new Workflow.Suspended({ failed: true, cause: Cause.die(new Error(problem ?? "parked")) }))
    }
    return state === "running" || state === "queued" ? Option.none() : Option.some(new Workflow.Suspended({}))
  })
  const resultNow = (workflow: Workflow.Any, id: string) =>
    Effect.flatMap(
      surely(journal.entry(id)),
      (entry): Effect.Effect<Option.Option<Workflow.Result<unknown, unknown>>> =>
        entry === undefined ? Effect.succeedNone : resultOf(workflow, entry)
    )

  /** Has a suspended execution run again, also one that a failure suspended. */
  const wake = Effect.fnUntraced(function*(id: string, tell: Effect.Effect<unknown>) {
    yield* tell
    const entry = yield* surely(journal.entry(id))
    if (entry?.state !== "parked") return
    // somebody else may be quicker
    yield* Effect.ignore(engine.retry(id))
  })
  const tell = (id: string, name: string, data: Parameters<typeof encodeDeferred>[0] = Exit.void) =>
    surely(engine.tell(id, { name, data: encodeDeferred(data) }))
  const cancel = (id: string, isHard: boolean) =>
    Effect.flatMap(
      surely(journal.entry(id)),
      (entry) =>
        entry === undefined || ended.includes(entry.state)
          ? Effect.void
          : wake(id, surely(engine.tell(id, Waiting.cancelMessage(isHard))))
    )

  const start = (workflow: Workflow.Any, id: string, payload: object, parent: string | undefined) =>
    Effect.flatMap(
      surely(journal.entry(id)),
      (entry) =>
        entry?.workflow === workflow._tag ? Effect.void : surely(Effect.asVoid(
          engine.start(definitionOf(workflow), payload, {
            id,
            parent: parent === undefined ? undefined : { execution: parent, key: Waiting.childKey(id) }
          })
        ))
    )

  const self: WorkflowEngine.WorkflowEngine["Service"] = WorkflowEngine.makeUnsafe({
    register: (workflow, execute) =>
      Effect.orDie(engine.register({
        ...definitionOf(workflow),
        run: (payload) =>
          Effect.flatMap(CurrentExecution, ({ executionId }) => execute(payload, executionId)).pipe(
            Effect.provideService(WorkflowEngine.WorkflowEngine, self)
          ),
        makeRun: (history, log, made) => new EffectRun(workflow, history, log, made)
      })),
    execute: (workflow, { detached, discard, executionId, parent, payload }) =>
      Effect.gen(function*() {
        yield* start(workflow, executionId, payload, detached === true ? undefined : parent?.executionId)
        if (discard) return undefined as any
        const run = yield* currentRun
        if (run === undefined) return yield* engine.watch(executionId, "state", resultNow(workflow, executionId))
        const result = yield* engine.watch(
          executionId,
          "state",
          Effect.flatMap(surely(journal.entry(executionId)), (entry) =>
            // it may take a while until somebody has it
            entry?.state === "queued"
              ? Effect.succeedSome(new Workflow.Suspended({}))
              : resultNow(workflow, executionId))
        )
        if (result._tag === "Complete") return result
        const entry = yield* surely(journal.entry(executionId))
        if (detached !== true && entry?.parent?.execution !== run.id) {
          // somebody else has started it: it has to be asked, and may have ended meanwhile
          yield* surely(engine.tell(executionId, { name: `${Waiting.askedBy}${run.id}`, data: null }))
          const now = yield* resultNow(workflow, executionId)
          if (now._tag === "Some" && now.value._tag === "Complete") return now.value
        }
        yield* run.child(executionId, workflow._tag)
        return new Workflow.Suspended({})
      }),
    awaitComplete: (workflow, executionId) =>
      Effect.asVoid(engine.watch(
        executionId,
        "state",
        Effect.map(resultNow(workflow, executionId), Option.filter(({ _tag }) => _tag === "Complete"))
      )),
    poll: resultNow,
    interrupt: (_workflow, executionId) => cancel(executionId, false),
    interruptUnsafe: (_workflow, executionId) => cancel(executionId, true),
    resume: (_workflow, executionId) =>
      Effect.zipWith(Random.next, Random.next, (a, b) => StepKey.uuid(String(a), String(b))).pipe(
        Effect.flatMap((id) => wake(executionId, tell(executionId, `${resumeKey}${id}`)))
      ),
    activityExecute: (activity, attempt) =>
      Effect.flatMap(
        WorkflowEngine.WorkflowInstance,
        (instance) => Effect.flatMap(runOfCode, (run) => run.activity(activity, attempt, instance))
      ),
    deferredResult: ({ name }) => Effect.map(runOfCode, (run) => run.deferred(name)),
    deferredDone: ({ deferredName, executionId, exit }) =>
      Effect.gen(function*() {
        const run = yield* currentRun
        if (run?.id === executionId) return yield* run.deferredDone(deferredName, encodeDeferred(exit))
        yield* tell(executionId, deferredKey(deferredName), exit)
      }),
    scheduleClock: (_workflow, { clock }) =>
      Effect.flatMap(runOfCode, (run) => run.clock(clock.deferred.name, clock.name, clock.duration))
  })
  return self
}
