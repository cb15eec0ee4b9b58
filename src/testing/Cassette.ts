/**
 * Records what a real Model answers, once, and answers from the recording from then on: tests with real answers, without
 * a network, a key or an SDK.
 *
 * A call is known by its request in canonical form (`internal/CanonicalRequest.ts`), and each recording answers one
 * call. The Model itself is given as a Layer, which is built when something has to be recorded and never before. In CI
 * nothing is ever recorded. Secrets are removed before anything is written.
 */
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Model from "effect/ai/Model"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as LazyModel from "../agent/LazyModel.ts"
import { Models, parse } from "../agent/Models.ts"
import { ModelUnresolved } from "../core/AgentError.ts"
import type { CassetteError } from "./CassetteError.ts"
import type { RecordedModel } from "./internal/CassetteFile.ts"
import * as CassetteModel from "./internal/CassetteModel.ts"
import * as CassetteSession from "./internal/CassetteSession.ts"

export { CassetteError } from "./CassetteError.ts"

/**
 * Whether calls are recorded.
 *
 * - `auto`: what is recorded is replayed, what is missing is recorded
 * - `record`: the file is recorded anew; the Layers of one process that record into it share it
 * - `replay`: what is missing fails
 */
export type Mode = CassetteSession.Mode

/** The Models behind a cassette; at least one of `model` and `models`. */
export interface Options {
  /** Default `auto`. In CI, which is where `CI` is set and neither `false` nor `0`, it is `replay`; `record` fails there. */
  readonly mode?: Mode | undefined
  /** The Model that answers whoever asks for `LanguageModel`. */
  readonly model?: Layer.Layer<LanguageModel.LanguageModel, unknown, unknown> | undefined
  /** The Models that answer by name. */
  readonly models?: Layer.Layer<Models, unknown, unknown> | undefined
}

type Given<O extends Options> = Exclude<O["model"] | O["models"], undefined>

type Gives<O extends Options> =
  | Extract<
    Layer.Success<Exclude<O["model"], undefined>>,
    LanguageModel.LanguageModel | Model.ProviderName | Model.ModelName
  >
  | Extract<Layer.Success<Exclude<O["models"], undefined>>, Models>

/** What a Layer gives; it is built once, and again if that failed. */
const later = <A>(layer: Layer.Layer<A, unknown, unknown>) =>
  Effect.map(Effect.context<Scope.Scope>(), (context): Effect.Effect<Context.Context<A>, unknown> => {
    const turn = Semaphore.makeUnsafe(1)
    let built: Context.Context<A> | undefined
    const build = Effect.provideContext(
      Layer.build(layer) as Effect.Effect<Context.Context<A>, unknown, Scope.Scope>,
      context
    )
    return turn.withPermit(
      Effect.suspend(() =>
        built !== undefined ? Effect.succeed(built) : Effect.tap(build, (made) =>
          Effect.sync(() => {
            built = made
          }))
      )
    )
  })

const messageOf = (cause: unknown): string => cause instanceof Error ? cause.message : String(cause)

/** The Model that is found behind one that is found later. */
const found = (service: LanguageModel.LanguageModel): Effect.Effect<LanguageModel.LanguageModel, ModelUnresolved> =>
  LazyModel.of(service)?.find ?? Effect.succeed(service)

const idOf = ({ model, provider }: RecordedModel): string =>
  provider === undefined || model === undefined ? "custom" : `${provider}/${model}`

/** The Model of a Layer: it is called what the cassette calls it, or what it calls itself. */
const recordModel = Effect.fnUntraced(function*(
  session: CassetteSession.Session,
  layer: Layer.Layer<LanguageModel.LanguageModel, unknown, unknown>
) {
  const build = yield* later(layer)
  const make = Effect.gen(function*() {
    const context = yield* build
    const real = yield* Effect.mapError(
      found(Context.get(context, LanguageModel.LanguageModel)),
      ({ message }) => session.error({ problem: "no-model", detail: `there is nothing to record from: ${message}` })
    )
    const facts = CassetteModel.factsOf(real, {
      provider: Context.getOrUndefined(context as Context.Context<any>, Model.ProviderName),
      model: Context.getOrUndefined(context as Context.Context<any>, Model.ModelName)
    })
    const id = idOf(facts)
    const known = session.held.model
    if (known !== undefined && known !== id) return yield* session.error(CassetteSession.otherModel(known, id))
    session.note(id, facts, true)
    return { real, facts, id }
  })
  const id = session.held.model
  if (id === undefined && !session.records) {
    return yield* session.error({
      problem: "no-model",
      detail: "it was recorded with `models` alone, and holds nothing of a `model`; record one into it, or name another"
    })
  }
  // who records anew has what it takes to make the Model, and is told at once if it is another one
  const { facts } = id === undefined || session.mode === "record"
    ? yield* make
    : { facts: session.held.models[id] ?? {} }
  const model = yield* CassetteModel.make(session, {
    id: id ?? idOf(facts),
    facts,
    real: Effect.mapBoth(make, { onFailure: messageOf, onSuccess: ({ real }) => real })
  })
  const { model: name, provider } = facts
  return Context.make(LanguageModel.LanguageModel, model).pipe(
    (context) => provider === undefined ? context : Context.add(context, Model.ProviderName, provider),
    (context) => name === undefined ? context : Context.add(context, Model.ModelName, name)
  )
})

/** The Models of a Layer, each by the name that it is asked for. */
const recordModels = Effect.fnUntraced(function*(
  session: CassetteSession.Session,
  layer: Layer.Layer<Models, unknown, unknown>
) {
  const build = yield* later(layer)
  const unresolved = (model: string, detail: string) => new ModelUnresolved({ model, problem: "bad-settings", detail })
  const find = Effect.fnUntraced(function*(id: string) {
    const context = yield* Effect.mapError(build, (cause) => unresolved(id, messageOf(cause)))
    const real = yield* Effect.flatMap(Context.get(context, Models).get(id), found)
    const facts = CassetteModel.factsOf(real, parse(id))
    session.note(id, facts, false)
    return { real, facts }
  })
  const made = new Map<string, LanguageModel.LanguageModel>()
  const make = Effect.fnUntraced(function*(id: string) {
    const known = session.held.models[id]
    if (known === undefined && !session.records) {
      const ids = Object.keys(session.held.models).join(", ") || "none"
      return yield* unresolved(id, `${session.file} holds no recording of it; recorded are: ${ids}. ${session.advice}`)
    }
    const { facts } = known === undefined ? yield* find(id) : { facts: known }
    const model = yield* CassetteModel.make(session, {
      id,
      facts,
      real: Effect.mapBoth(find(id), { onFailure: messageOf, onSuccess: ({ real }) => real })
    })
    made.set(id, made.get(id) ?? model)
    return made.get(id)!
  })
  return Context.make(Models, {
    get: (id) => Effect.suspend(() => made.has(id) ? Effect.succeed(made.get(id)!) : make(id))
  })
})

/**
 * The Models behind a cassette, as a Layer: it gives what the given Layers give.
 *
 * ```ts
 * Cassette.layer("test/cassettes/weather.json", { model: OpenAi.model("gpt-5") })
 * Cassette.layer("test/cassettes/weather.json", { models: Providers.layer })
 * ```
 *
 * Fails with a `CassetteError` when the file cannot be used, and as the given Layers do when they have to be built. A
 * call that is not recorded and may not be made fails with an `AiError` that shows what was asked, and how it differs
 * from the recording nearest to it. `file` is a path from the working directory, or a `file:` URL.
 */
export const layer = <const O extends Options>(
  file: string | URL,
  options: O
): Layer.Layer<Gives<O>, CassetteError | Layer.Error<Given<O>>, Layer.Services<Given<O>>> =>
  Layer.effectContext(Effect.gen(function*() {
    const session = yield* CassetteSession.open(file, options.mode ?? "auto")
    yield* Effect.addFinalizer(() => session.close)
    const { model, models } = options
    return Context.merge(
      model === undefined ? Context.empty() : yield* recordModel(session, model),
      models === undefined ? Context.empty() : yield* recordModels(session, models)
    )
  })) as unknown as Layer.Layer<any, any, any>
