/**
 * fluxion for programs that are written with async/await: one Layer with everything for Node, and a runtime over it.
 *
 * `layer` is for Effects. `make` is for the rest: it runs what agents and tasks give, to a Promise, an AsyncIterable or
 * a response. The Layer is built by the first run, a model is looked for by the first run that needs it; a Fluxion that
 * nothing runs on keeps no process open. Whatever a run fails with reaches its caller as that very error.
 */
import type * as LanguageModel from "effect/ai/LanguageModel"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Stream from "effect/Stream"
import type { Models } from "../agent/Models.ts"
import type { AgentEvent } from "../core/AgentEvent.ts"
import type { WorkflowConflict } from "../durable/ExecutionError.ts"
import * as Providers from "../provider/Providers.ts"
import type * as Encoder from "../web/Encoder.ts"
import * as EventResponse from "../web/EventResponse.ts"
import * as Sse from "../web/Sse.ts"
import * as Text from "../web/Text.ts"
import * as UiMessages from "../web/UiMessages.ts"
import * as Database from "./internal/Database.ts"
import type { DatabaseError } from "./internal/Database.ts"
import * as DefaultModel from "./internal/DefaultModel.ts"
import * as Log from "./internal/Log.ts"
import * as NodeResponses from "./internal/NodeResponse.ts"
import type { NodeResponse } from "./internal/NodeResponse.ts"
import * as Rejection from "./internal/Rejection.ts"
import { type Call, Runner } from "./internal/Runner.ts"

/** The model of agents that name none: `"provider/name"`, or a Layer. */
export type ModelInput = DefaultModel.ModelInput

/** What there is without `layer`: models by name, and the model of agents that name none if `model` is given. */
export type Base<Model> = Models | ([Model] extends [ModelInput] ? LanguageModel.LanguageModel : never)

/** The engine, and the stores of conversations and facts, if something is to be kept. */
export type Durable<Database, Workflows> = [Database] extends [string] ? Database.Kept
  : [Workflows] extends [ReadonlyArray<unknown>] ? Database.Kept
  : never

/** What opening the database and registering the workflows can fail with. */
export type DurableError<Database, Workflows> =
  | ([Database] extends [string] ? DatabaseError : never)
  | ([Workflows] extends [ReadonlyArray<unknown>] ? WorkflowConflict : never)

/** A workflow that needs no more than `R`. */
export interface WorkflowOn<out R> {
  readonly layer: Layer.Layer<never, WorkflowConflict, R>
}

/** What a program runs on. */
export interface Options<
  Model extends ModelInput | undefined = undefined,
  Out = never,
  E = never,
  Database extends string | undefined = undefined,
  Workflows = undefined
> {
  /** The model of agents that name none: `"provider/name"`, or a Layer. It is looked for when a run first needs it. */
  readonly model?: Model
  /** Settings by provider; each is the environment's where it says nothing. */
  readonly providers?: Providers.Options | undefined
  /** Where executions and facts are kept: a file's path, or a `postgres://` address. Without it they end with the process. */
  readonly database?: Database
  /** The workflows that run here. */
  readonly workflows?: Workflows & ReadonlyArray<WorkflowOn<Base<NoInfer<Model>> | NoInfer<Out> | Database.Kept>>
  /** The services that tools need, a Logger, a Tracer. It may use the models, and replace whatever is here. */
  readonly layer?: Layer.Layer<Out, E, Base<NoInfer<Model>>> | undefined
}

/**
 * Everything for Node: all providers' models by name, the model of agents that name none, the engine of the workflows,
 * the stores of conversations and facts, and what `layer` gives.
 */
export const layer = <
  const Model extends ModelInput | undefined = undefined,
  Out = never,
  E = never,
  const Database extends string | undefined = undefined,
  const Workflows = undefined
>(
  options: Options<Model, Out, E, Database, Workflows> = {}
): Layer.Layer<
  Base<Model> | Out | Durable<Database, Workflows>,
  E | DurableError<Database, Workflows>
> => {
  const models = Providers.layerWith(options.providers ?? {})
  const base = options.model === undefined
    ? models
    : Layer.provideMerge(DefaultModel.layer(options.model), models)
  const services = options.layer === undefined ? base : Layer.provideMerge(options.layer, base as never)
  if (options.database === undefined && options.workflows === undefined) return services as never
  const engine = Layer.merge(Database.layer(options.database), services)
  return (options.workflows ?? []).reduce<Layer.Layer<any, any, any>>(
    (all, workflow) => Layer.provideMerge(workflow.layer, all),
    engine
  ) as never
}

const ConfigTypeId = "~fluxion/node/Config"

/** What a file for the command line says that its agents and workflows run on. */
export interface Config<
  Model extends ModelInput | undefined = undefined,
  Out = never,
  E = never,
  Database extends string | undefined = undefined
> extends Omit<Options<Model, Out, E, Database>, "workflows"> {
  readonly [ConfigTypeId]: typeof ConfigTypeId
}

/** Any config. */
export type AnyConfig = Config<ModelInput | undefined, any, any, string | undefined>

/**
 * What a file for the command line exports beside its agents and workflows, if they need more than models, an engine and
 * stores: the services of their tools.
 *
 * ```ts
 * export const config = Fluxion.config({ layer: Bank.layer })
 * ```
 */
export const config = <
  const Model extends ModelInput | undefined = undefined,
  Out = never,
  E = never,
  const Database extends string | undefined = undefined
>(options: Omit<Options<Model, Out, E, Database>, "workflows">): Config<Model, Out, E, Database> => ({
  ...options,
  [ConfigTypeId]: ConfigTypeId
})

/** Whether something was made by `config`. */
export const isConfig = (u: unknown): u is AnyConfig => typeof u === "object" && u !== null && ConfigTypeId in u

/** What a run may be told. */
export interface RunOptions {
  /** Ends the run when it is aborted; the run is then rejected with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/** How a run is answered with: as `fluxion/web` does it. */
export interface ResponseOptions<in E = unknown> extends Omit<EventResponse.Options<E>, "encoder" | "scope"> {
  /**
   * How events are written: `"sse"`, the default, `"text"`, which is the answer alone, `"ui"`, for the AI SDK's
   * `useChat`, or an encoder of `fluxion/web`.
   */
  readonly as?: "sse" | "text" | "ui" | Encoder.Factory | undefined
}

/** Runs what agents and tasks give, for async code. `R` is what there is to run on. */
export interface Fluxion<in R> extends AsyncDisposable {
  /**
   * Runs an Effect: what calling an agent or a task gives.
   *
   * The Promise is rejected with the very error that the run failed with: an `AgentError`, a `TaskFailed`, a task's own.
   * A bug rejects it with what was thrown; a stop with the signal's reason, or an `AbortError`, after all clean-up.
   */
  readonly run: <Run extends Effect.Effect<any, any, R>>(
    effect: Run,
    options?: RunOptions
  ) => Promise<Effect.Success<Run>>
  /**
   * Reads a Stream, such as an agent's events. Every loop over it is a run of its own, which starts with the first
   * `next`, loses nothing, and goes only as fast as it is read. Leaving the loop ends the run, and waits until all is
   * cleaned up; failure throws the error.
   */
  readonly stream: <A, E>(stream: Stream.Stream<A, E, R>, options?: RunOptions) => AsyncIterable<A>
  /**
   * Answers a request with an agent's events. What fails before the model answers is a status, what fails later an event.
   * A client that goes away ends the run: its body is cancelled, or `signal`, the request's, is aborted.
   */
  readonly response: <E>(events: Stream.Stream<AgentEvent, E, R>, options?: ResponseOptions<E>) => Promise<Response>
  /**
   * Answers with a response of Node or Express, in the same way; its client's pace is the run's. The Promise is resolved
   * when the response has ended, however it did.
   */
  readonly pipe: <E>(
    events: Stream.Stream<AgentEvent, E, R>,
    to: NodeResponse,
    options?: ResponseOptions<E>
  ) => Promise<void>
  /** Ends what runs, waits for it, and closes the Layer. Nothing can run here any more. */
  readonly dispose: () => Promise<void>
}

export { Disposed } from "./internal/Runner.ts"
export type { NodeResponse }

const encoders = { sse: Sse.make(), text: Text.make(), ui: UiMessages.make() }

/**
 * Makes a runtime. It is idle until something runs on it, and built then, once. Its log goes to standard error, unless
 * `layer` gives a Logger.
 *
 * ```ts
 * const fluxion = Fluxion.make()
 * console.log(await fluxion.run(assistant("What is the capital of France?")))
 * ```
 */
export const make = <
  const Model extends ModelInput | undefined = undefined,
  Out = never,
  E = never,
  const Database extends string | undefined = undefined,
  const Workflows = undefined
>(
  options: Options<Model, Out, E, Database, Workflows> = {}
): Fluxion<Base<Model> | Out | Durable<Database, Workflows>> => {
  type R = Base<Model> | Out | Durable<Database, Workflows>
  const given = [options.layer, options.model].filter((value) => typeof value === "object")
  const runner = new Runner<R>(Layer.provideMerge(layer(options), Log.layer), given)

  const run: Fluxion<R>["run"] = async (effect, { signal } = {}) => {
    const call: Call = { method: "run", caller: Rejection.capture(run), signal }
    runner.check(effect, call)
    return await runner.promise(effect, call)
  }

  const stream: Fluxion<R>["stream"] = (events, { signal } = {}) => {
    const call: Call = { method: "stream", caller: Rejection.capture(stream), signal }
    runner.check(events, call)
    return runner.iterable(events, call)
  }

  const respond = <E>(
    events: Stream.Stream<AgentEvent, E, R>,
    { as = "sse", ...rest }: ResponseOptions<E>,
    call: Call
  ): Promise<Response> => {
    const encoder = typeof as === "string" ? encoders[as] : as
    // not by the call's signal: whoever aborts it has no use for a rejection
    return runner.promise(EventResponse.make(events, { ...rest, encoder, scope: runner.scope }), call)
  }

  const response: Fluxion<R>["response"] = async (events, options = {}) => {
    const call: Call = { method: "response", caller: Rejection.capture(response) }
    runner.check(events, call)
    return await respond(events, options, call)
  }

  const pipe: Fluxion<R>["pipe"] = async (events, to, options = {}) => {
    const call: Call = { method: "pipe", caller: Rejection.capture(pipe) }
    runner.check(events, call)
    await NodeResponses.write(to, (signal) => respond(events, { ...options, signal }, call), options.signal)
  }

  const dispose = () => runner.dispose(Rejection.capture(dispose))

  return { run, stream, response, pipe, dispose, [Symbol.asyncDispose]: dispose }
}
