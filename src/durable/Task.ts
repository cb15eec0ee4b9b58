/**
 * A Task is a named, typed unit of work: payload, success and error Schemas, a body, and options.
 *
 * It is a function to an Effect. Outside a workflow calling it runs the body, with the options' retries, time limit,
 * fallback and rollback around it; inside one the same call is a step (`StepScope`). An attempt's typed failures are
 * those that `error` declares, since others would not survive a restart; `attempt` is the rule, `Task.ts` the shape.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Types from "effect/Types"
import { NoApprover } from "../core/AgentError.ts"
import * as Name from "../core/Name.ts"
import * as Secrets from "../core/Secrets.ts"
import * as Attempts from "./internal/attempts.ts"
import { type Body, type Definition, Inferred, type Options } from "./internal/definition.ts"
import * as Rollback from "./internal/rollback.ts"
import * as Risk from "./Risk.ts"
import * as StepScope from "./StepScope.ts"
import type { Current, TaskContext } from "./TaskContext.ts"
import * as TaskError from "./TaskError.ts"
import {
  type TaskFailed,
  type TaskInDoubt,
  TaskPayloadInvalid,
  type TaskResultInvalid,
  type TaskTimeout
} from "./TaskError.ts"

export type { Body, Cache, Options, Retry } from "./internal/definition.ts"
import type { InDoubt } from "./StepScope.ts"
export type { InDoubt } from "./StepScope.ts"
export { Current, type TaskContext } from "./TaskContext.ts"
export { TaskFailed, TaskInDoubt, TaskPayloadInvalid, TaskResultInvalid, TaskTimeout } from "./TaskError.ts"

/** Marks a Task, and holds what the loop and the engine need of it. */
export const TypeId = "~fluxion/durable/Task"

/** A payload: the fields of a struct, or any Schema. */
export type PayloadInput = Schema.Struct.Fields | Schema.Top

/** The Schema of a payload given as fields or as a Schema. */
export type PayloadSchema<P> = P extends Schema.Top ? P : P extends Schema.Struct.Fields ? Schema.Struct<P> : never

type BodySuccess<Ret> = Ret extends Effect.Effect<infer A, any, any> ? A : Ret extends PromiseLike<infer A> ? A : Ret
type BodyError<Ret> = Ret extends Effect.Effect<any, infer E, any> ? E
  : Ret extends PromiseLike<any> ? TaskFailed
  : never
type BodyServices<Ret> = Ret extends Effect.Effect<any, any, infer R> ? Exclude<R, Current> : never
/** Any value but an Effect, whose failures would go unseen. */
type Plain =
  | string
  | number
  | boolean
  | bigint
  | null
  | undefined
  | void
  | (object & { readonly [Effect.TypeId]?: never })

type Returns<S, Err extends Schema.Top> = S extends Schema.Top ? Body<S["Type"], Err["Type"]>
  : Effect.Effect<unknown, Err["Type"], any> | Promise<unknown> | Plain
type Failures<S, Err extends Schema.Top, Ret, Timeout> =
  | Err["Type"]
  | BodyError<Ret>
  | TimeoutError<Timeout>
  | (S extends Schema.Top ? never : TaskResultInvalid)
// What options are told must not name `run`'s result: one written before `run` would fix its type too early, as `any`.
type Seen<S, Err extends Schema.Top, Timeout> =
  | Err["Type"]
  | TaskFailed
  | TimeoutError<Timeout>
  | (S extends Schema.Top ? never : TaskResultInvalid)
type Given<S> = S extends Schema.Top ? S["Type"] : unknown
type Result<S, Ret> = S extends Schema.Top ? S["Type"] : BodySuccess<Ret>

/** What the services of a task's Schemas are: they encode and decode at a model's tool calls and in a journal. */
type SchemaServices<S> = S extends Schema.Top ? S["DecodingServices"] | S["EncodingServices"] : never

/** What an attempt fails with by the task's `timeout`. */
export type TimeoutError<Timeout> = Timeout extends undefined ? never : TaskTimeout

/** What is left of `Failures` by a fallback that returns a `FallbackRet`; without one it is `never`. */
export type Unanswered<Failures, FallbackRet> = [FallbackRet] extends [never] ? Failures : BodyError<FallbackRet>

/** What a task fails with, by its `approval`, before it makes an attempt. */
export type ApprovalError<Approval> = Approval extends undefined | false ? never : NoApprover

/** What a task fails with when nobody knows whether it had its effect. */
export type DoubtError<Doubt> = Doubt extends "fail" | "ask" ? TaskInDoubt : never

/** What a new fallback may fail with: what the task declares, as far as that is known. */
type Declared<Failures, E> = unknown extends Failures ? E : Failures

/** What a task is called with: a payload that need not say anything may be left out. */
export type Arguments<P extends Schema.Top> = {} extends P["~type.make.in"] ? [payload?: P["~type.make.in"]]
  : [payload: P["~type.make.in"]]

/** A Task of any kind. */
export interface Any {
  readonly [TypeId]: Internal
  readonly name: string
  readonly "~R": Types.Covariant<any>
}

/** The services that a task needs. */
export type Services<T> = T extends { readonly "~R": Types.Covariant<infer R> } ? R : never

/**
 * A named, typed unit of work, called like a function. Any Task is a tool that an agent may call.
 *
 * `Failures` is what its attempts fail with, before a fallback answers: only `with` asks for it.
 */
export interface Task<out Name extends string, P extends Schema.Top, out A, out E, out R, out Failures = unknown> {
  (...payload: Arguments<P>): Effect.Effect<A, E, R>
  readonly [TypeId]: Internal
  readonly "~R": Types.Covariant<R>
  readonly name: Name
  readonly description: string | undefined
  readonly payload: P
  readonly success: Schema.Codec<A, unknown, unknown, unknown>
  readonly risk: Risk.Risk | undefined
  /** A copy with other options; what is not named stays as it is. */
  readonly with: <
    const Timeout extends Duration.Input | undefined = undefined,
    Approval extends boolean | undefined = undefined,
    FR = never,
    RR = never,
    const Doubt extends InDoubt | undefined = undefined
  >(
    options:
      & Omit<
        Options<
          P["Type"],
          A,
          Failures | NoInfer<TimeoutError<Timeout>>,
          Timeout,
          FR & Body<A, Declared<Failures, E>>,
          RR
        >,
        "approval" | "inDoubt"
      >
      & {
        readonly approval?: Approval | ((payload: P["Type"]) => Approval)
        readonly inDoubt?: Doubt
      }
  ) => Task<
    Name,
    P,
    A,
    | ([FR] extends [never] ? E | TimeoutError<Timeout> : BodyError<FR> | Extract<E, NoApprover>)
    | ApprovalError<Approval>
    | DoubtError<Doubt>,
    R | BodyServices<FR> | BodyServices<RR>,
    Failures | TimeoutError<Timeout>
  >
}

/** A task's inside, for the loop and the engine. */
export interface Internal {
  readonly definition: Definition
  /** Runs the task on a decoded payload. */
  readonly invoke: (payload: any) => Effect.Effect<any, any, any>
}

/** Whether something is a Task (an Agent is one). */
export const isTask = (u: unknown): u is Any =>
  (typeof u === "function" || typeof u === "object") && u !== null && TypeId in u

/**
 * Makes a task.
 *
 * `run` returns an Effect, a Promise (a rejection is `TaskFailed`) or a value. `error` declares its typed failures; one
 * that is not declared does not compile. Without `success` the type is what `run` returns, and the result has to be
 * JSON (`TaskResultInvalid` names where it is not).
 *
 * ```ts
 * const getWeather = Task.make("get_weather", {
 *   description: "Current weather for a city.",
 *   payload: { city: Schema.String },
 *   success: Schema.String,
 *   run: ({ city }) => Effect.succeed(`Sunny, 22 °C in ${city}`)
 * })
 * ```
 */
export const make = <
  const Name extends string,
  Ret extends Returns<S, Err>,
  const P extends PayloadInput = {},
  S extends Schema.Top | undefined = undefined,
  Err extends Schema.Top = Schema.Never,
  const Timeout extends Duration.Input | undefined = undefined,
  Approval extends boolean | undefined = undefined,
  FR extends Body<Result<S, Ret>, Err["Type"]> = never,
  RR = never,
  const Doubt extends InDoubt | undefined = undefined
>(
  name: Name,
  options:
    & Omit<
      Options<
        NoInfer<PayloadSchema<P>["Type"]>,
        NoInfer<Given<S>>,
        NoInfer<Seen<S, Err, Timeout>>,
        Timeout,
        FR,
        RR
      >,
      "approval" | "inDoubt"
    >
    & {
      /** What it is called with: fields, or a Schema. Default: nothing. */
      readonly payload?: P
      readonly success?: S
      readonly error?: Err
      readonly run: (payload: NoInfer<PayloadSchema<P>["Type"]>, context: TaskContext) => Ret
      readonly approval?: Approval | ((payload: NoInfer<PayloadSchema<P>["Type"]>) => Approval)
      readonly inDoubt?: Doubt
    }
): Task<
  Name,
  PayloadSchema<P>,
  Result<S, Ret>,
  Unanswered<Failures<S, Err, Ret, Timeout>, FR> | ApprovalError<Approval> | DoubtError<Doubt>,
  | BodyServices<Ret>
  | BodyServices<FR>
  | BodyServices<RR>
  | SchemaServices<PayloadSchema<P>>
  | SchemaServices<S>
  | SchemaServices<Err>,
  Failures<S, Err, Ret, Timeout>
> => {
  Name.assert("task", name)
  const { error, payload = {}, run, success, ...rest } = options
  return fromDefinition({
    name,
    payload: Schema.isSchema(payload) ? payload : Schema.Struct(payload as Schema.Struct.Fields),
    success,
    error: error ?? Schema.Never,
    run,
    options: rest as Definition["options"]
  }) as any
}

const mockKey = (name: string) => `fluxion/durable/Task/mock/${name}`

/** The task of a definition, callable. */
export const fromDefinition = (definition: Definition): Task<string, Schema.Top, any, any, any> => {
  const { name, options } = definition
  const makePayload = definition.payload.makeOption
  const run = Attempts.make(definition)
  const success = definition.success ?? Inferred
  const info = (payload: unknown) => (): StepScope.Step<unknown, unknown> => ({
    name,
    payload,
    payloadSchema: definition.payload,
    success: success as StepScope.Step<unknown, unknown>["success"],
    error: TaskError.schemaOf(definition.error) as StepScope.Step<unknown, unknown>["error"],
    inDoubt: options.inDoubt,
    cache: options.cache && {
      key: options.cache.key?.(payload),
      ttl: Duration.fromInputUnsafe(options.cache.ttl)
    },
    rollback: options.rollback && ((exit) => Attempts.rollback(definition, payload, exit))
  })

  if (options.rollback !== undefined) {
    Rollback.register(name, {
      payload: definition.payload,
      success,
      error: TaskError.schemaOf(definition.error),
      run: (payload, exit) => Attempts.rollback(definition, payload, exit)
    })
  }

  const invoke = (payload: any): Effect.Effect<any, any, any> =>
    Effect.withFiber((fiber) => {
      const mock = fiber.context.mapUnsafe.get(mockKey(name)) as Mock | undefined
      if (mock !== undefined) return Attempts.lift(() => mock(payload), name)
      const needsApproval = typeof options.approval === "function" ? options.approval(payload) : options.approval
      if (needsApproval === true) return Effect.fail(new NoApprover({ tool: name }))
      Secrets.registerFields(payload)
      const scope = StepScope.current(fiber)
      return scope === undefined ? run(payload, fiber) : scope.step(info(payload)(), run(payload, fiber))
    })

  const nothing = "fields" in definition.payload ? {} : undefined
  const call = (input: unknown) => {
    const payload = makePayload((input === undefined ? nothing : input) as never)
    return Option.isSome(payload)
      ? invoke(payload.value)
      : Effect.die(TaskPayloadInvalid.of(name, definition.payload, input))
  }
  return Object.defineProperties(call, {
    [TypeId]: { value: { definition, invoke } satisfies Internal },
    name: { value: name, enumerable: true },
    description: { value: options.description, enumerable: true },
    payload: { value: definition.payload },
    success: { value: success },
    risk: { value: options.risk, enumerable: true },
    with: {
      value: (changes: Definition["options"]) => fromDefinition({ ...definition, options: { ...options, ...changes } })
    }
  }) as any
}

/** Runs a task over many payloads, `concurrency` at a time (default 8); results keep the payloads' order. */
export const map = <P extends Schema.Top, A, E, R>(
  task: Task<string, P, A, E, R>,
  payloads: Iterable<P["~type.make.in"]>,
  options?: { readonly concurrency?: number | undefined }
): Effect.Effect<Array<A>, E, R> => {
  const run = task as (payload: P["~type.make.in"]) => Effect.Effect<A, E, R>
  return Effect.forEach(payloads, (payload) => run(payload), { concurrency: options?.concurrency ?? 8 })
}

type Mock = (payload: unknown) => unknown

/**
 * Answers a task's calls in a test, by Layer: `Effect.provide(Task.mock(getWeather, () => Effect.succeed("Rain")))`.
 * The task's own body, retries and approval are left out.
 */
export const mock = <P extends Schema.Top, A, E, R>(
  task: Task<string, P, A, E, R>,
  answer: (payload: P["Type"]) => Body<A, E>
): Layer.Layer<never> => Layer.succeedContext(Context.makeUnsafe(new Map([[mockKey(task.name), answer]])))

/** What went wrong in a task, as text for a person or a model: the first failure or defect's message. */
export const explain = (cause: Cause.Cause<unknown>): string => TaskError.explain(cause)
