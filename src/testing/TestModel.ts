/**
 * A scripted Model for tests: it answers turn by turn, and nothing goes over a network.
 *
 * It stands for `LanguageModel`, and for every name in `Models`. A call that the script does not foresee fails, and so
 * does a test that leaves turns unused: what an agent does is then exactly what the script says.
 */
import * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Prompt from "effect/ai/Prompt"
import type * as Response from "effect/ai/Response"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import * as Capabilities from "../agent/Capabilities.ts"
import * as Driver from "../agent/Driver.ts"
import { Models } from "../agent/Models.ts"
import type { Usage } from "../core/Usage.ts"

/** What the model does in one turn, or a part of it. */
export type Step =
  | { readonly _tag: "Text"; readonly text: string; readonly options: TextOptions }
  | { readonly _tag: "ToolCall"; readonly id: string | undefined; readonly name: string; readonly params: unknown }
  | { readonly _tag: "Fail"; readonly reason: AiError.AiErrorReason }
  | { readonly _tag: "Stream"; readonly items: ReadonlyArray<StreamItem>; readonly options: TextOptions }
  | { readonly _tag: "Respond"; readonly respond: (request: Driver.ModelRequest) => Turn }

/** One turn: a step, or several steps of one response. */
export type Turn = Step | ReadonlyArray<Step>

/** Turns for whoever asks, in the order of the calls; or by the name of the agent that asks. */
export type Script = ReadonlyArray<Turn> | { readonly [agent: string]: ReadonlyArray<Turn> }

/** A piece of text, a part as vendors stream it, or something that happens in between (a pause, a latch). */
export type StreamItem = string | Response.StreamPartEncoded | Effect.Effect<unknown>

/** How a turn ends. */
export interface TextOptions {
  /** Default `stop`, or `tool-calls` when the turn calls tools. */
  readonly finish?: Response.FinishReason | undefined
  /** Default 10 tokens in, 5 out. */
  readonly usage?: Usage | undefined
}

/** The model answers with a text. */
export const text = (text: string, options: TextOptions = {}): Step => ({ _tag: "Text", text, options })

/** The model calls a tool; put several into one array for several calls in one turn. `params` is what goes over the wire. */
export const toolCall = (name: string, params: unknown, options?: { readonly id?: string | undefined }): Step => ({
  _tag: "ToolCall",
  id: options?.id,
  name,
  params
})

/** The model call fails. */
export const fail = (reason: AiError.AiErrorReason): Step => ({ _tag: "Fail", reason })

/** The model streams: texts become deltas, Effects are run in their place. */
export const stream = (items: ReadonlyArray<StreamItem>, options: TextOptions = {}): Step => ({
  _tag: "Stream",
  items,
  options
})

/** The model decides by the request. */
export const respond = (respond: (request: Driver.ModelRequest) => Turn): Step => ({ _tag: "Respond", respond })

/** What the scripted model was asked so far. */
export class TestModel extends Context.Service<TestModel, {
  readonly requests: Effect.Effect<ReadonlyArray<Driver.ModelRequest>>
}>()("fluxion/testing/TestModel") {}

/** What the scripted model was asked so far. */
export const requests: Effect.Effect<ReadonlyArray<Driver.ModelRequest>, never, TestModel> = Effect.flatMap(
  TestModel,
  (model) => model.requests
)

const defaultUsage: Usage = { inputTokens: { total: 10 }, outputTokens: { total: 5 } }

const unexpected = (agent: string, count: number) =>
  new AiError.InvalidRequestError({
    description:
      `TestModel: call ${count} of ${agent} is not in the script; add a turn, or see why the agent asks again`
  })

/** The steps of a turn, with what the model decided by the request. */
const stepsOf = (turn: Turn, request: Driver.ModelRequest): ReadonlyArray<Exclude<Step, { _tag: "Respond" }>> =>
  (Array.isArray(turn) ? turn as ReadonlyArray<Step> : [turn as Step]).flatMap((step) =>
    step._tag === "Respond" ? stepsOf(step.respond(request), request) : [step]
  )

type Part = Response.StreamPartEncoded

/** The parts of a turn as a driver yields them, one a pull. */
const play = (
  turn: Turn,
  request: Driver.ModelRequest,
  newId: () => string
): Stream.Stream<Part, AiError.AiError> => {
  const items: Array<Part | Effect.Effect<unknown, AiError.AiError>> = []
  let finish: Response.FinishReason | undefined
  let usage = defaultUsage
  let calls = false
  const block = (pieces: ReadonlyArray<StreamItem>) => {
    let open: string | undefined
    const end = () => {
      if (open !== undefined) items.push({ type: "text-end", id: open })
      open = undefined
    }
    for (const piece of pieces) {
      if (Effect.isEffect(piece)) items.push(piece)
      else if (typeof piece !== "string") {
        end()
        items.push(piece)
      } else {
        if (open === undefined) items.push({ type: "text-start", id: open = newId() })
        items.push({ type: "text-delta", id: open, delta: piece })
      }
    }
    end()
  }
  for (const step of stepsOf(turn, request)) {
    switch (step._tag) {
      case "Text":
      case "Stream": {
        block(step._tag === "Text" ? [step.text] : step.items)
        finish = step.options.finish ?? finish
        usage = step.options.usage ?? usage
        break
      }
      case "ToolCall": {
        calls = true
        items.push({ type: "tool-call", id: step.id ?? newId(), name: step.name, params: step.params })
        break
      }
      case "Fail":
        items.push(Effect.fail(AiError.make({ module: "TestModel", method: "stream", reason: step.reason })))
    }
  }
  items.push({ type: "finish", reason: finish ?? (calls ? "tool-calls" : "stop"), usage: usage as never })
  return Stream.fromPull(Effect.sync(() => {
    let index = 0
    const pull: Pull.Pull<readonly [Part], AiError.AiError> = Effect.suspend(() => {
      if (index === items.length) return Cause.done()
      const item = items[index++]!
      return Effect.isEffect(item) ? Effect.flatMap(item, () => pull) : Effect.succeed([item])
    })
    return pull
  }))
}

/**
 * The scripted model, as a Layer.
 *
 * ```ts
 * TestModel.layer([TestModel.toolCall("get_weather", { city: "Tokyo" }), TestModel.text("Sunny")])
 * TestModel.layer({ researcher: [TestModel.text("notes")], writer: [TestModel.text("report")] })
 * ```
 */
export const layer = (
  script: Script,
  options?: { readonly capabilities?: Partial<Capabilities.Capabilities> | undefined }
): Layer.Layer<LanguageModel.LanguageModel | Models | TestModel> =>
  Layer.effectContext(Effect.gen(function*() {
    const asked: Array<Driver.ModelRequest> = []
    const played = new Map<string, number>()
    let ids = 0
    const newId = () => `call_${++ids}`

    const scriptOf = (agent: string): readonly [key: string, turns: ReadonlyArray<Turn>] =>
      Array.isArray(script)
        ? ["any agent", script]
        : [agent, (script as { [agent: string]: ReadonlyArray<Turn> })[agent] ?? []]

    const driver = (model: string): Driver.Driver => ({
      provider: "test",
      model,
      capabilities: { ...Capabilities.all, ...options?.capabilities },
      stream: (request) =>
        Stream.suspend(() => {
          asked.push({ ...request, prompt: Prompt.fromMessages(request.prompt.content.slice()) })
          const agent = request.options.agent ?? "a direct call"
          const [key, turns] = scriptOf(agent)
          const count = played.get(key) ?? 0
          const turn = turns[count]
          if (turn === undefined) {
            return Stream.fail(
              AiError.make({ module: "TestModel", method: "stream", reason: unexpected(agent, count + 1) })
            )
          }
          played.set(key, count + 1)
          return play(turn, request, newId)
        })
    })

    yield* Effect.addFinalizer((exit) => {
      const left = Array.isArray(script)
        ? [["any agent", script.length] as const]
        : Object.entries(script).map(([agent, turns]) => [agent, turns.length as number] as const)
      const unused = left.flatMap(([agent, count]) => {
        const rest = count - (played.get(agent) ?? 0)
        return rest > 0 ? [`${rest} of ${count} turns of ${agent}`] : []
      })
      return Exit.isSuccess(exit) && unused.length > 0
        ? Effect.die(new Error(`TestModel: not used: ${unused.join(", ")}; the agent ended sooner than the script`))
        : Effect.void
    })

    const made = new Map<string, LanguageModel.LanguageModel>()
    const get = (model: string) =>
      Effect.suspend(() => {
        const found = made.get(model)
        return found !== undefined ? Effect.succeed(found) : Effect.tap(
          Driver.toLanguageModel(driver(model)),
          (service) => Effect.sync(() => made.set(model, service))
        )
      })

    return Context.make(LanguageModel.LanguageModel, yield* get("test")).pipe(
      Context.add(Models, { get }),
      Context.add(TestModel, { requests: Effect.sync(() => asked.slice()) })
    )
  }))
