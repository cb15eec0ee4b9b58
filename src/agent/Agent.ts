/**
 * An Agent is a Task whose body is the loop: ask the model, run the tools it asks for, until it answers.
 *
 * It is called like a function: `assistant("What is the weather in Tokyo?")` is an Effect of the answer. `result` tells
 * more of the same run, `stream` is the run as its events, `watch` runs it for any number of watchers. What it still
 * needs is in its requirement channel: a `LanguageModel` (or `Models`, when it names its model) and its tools' services.
 */
import type * as LanguageModel from "effect/ai/LanguageModel"
import * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Types from "effect/Types"
import { AgentError, NoApprover, TimedOut } from "../core/AgentError.ts"
import { type AgentEvent, resultOf, type RunResult } from "../core/AgentEvent.ts"
import * as Name from "../core/Name.ts"
import * as Usage from "../core/Usage.ts"
import * as Attempts from "../durable/internal/attempts.ts"
import type { Definition } from "../durable/internal/definition.ts"
import { CurrentFeed, type Feed } from "../durable/internal/Feed.ts"
import * as StepScope from "../durable/StepScope.ts"
import * as Task from "../durable/Task.ts"
import { explain } from "../durable/TaskError.ts"
import * as Workflow from "../durable/Workflow.ts"
import * as Compact from "./Compact.ts"
import type { Conversations } from "./Conversations.ts"
import * as EffectCopies from "./EffectCopies.ts"
import * as Display from "./internal/display.ts"
import * as Loop from "./internal/loop.ts"
import { Outlet } from "./internal/Outlet.ts"
import { type AgentDefinition, begin, findModel, modelOptions, openChain, type RunInput } from "./internal/prepare.ts"
import * as Remember from "./internal/remember.ts"
import { answeredInstead, endedBy, remember, report, spentBy, toError, toPayload } from "./internal/report.ts"
import { claimPath, CurrentRun, releasePath, type Sink } from "./internal/RunScope.ts"
import type { RunState } from "./internal/RunState.ts"
import * as Telemetry from "./internal/Telemetry.ts"
import type { ModelOptions } from "./ModelOptions.ts"
import { type Fallback, isFallback, type Models, parse } from "./Models.ts"
import type {
  AgentOptions,
  AgentPayload,
  AnyAgentOptions,
  ConversationOptions,
  Instruction,
  RunOptions
} from "./Options.ts"
import * as Output from "./Output.ts"
import * as SkillCatalog from "./SkillCatalog.ts"
import * as Toolbox from "./Toolbox.ts"
import * as Transcript from "./Transcript.ts"
import * as Watch from "./Watch.ts"

export type { AgentOptions, ConversationOptions, Instruction, RunOptions, TurnChange, TurnInfo } from "./Options.ts"

/** What an agent's model is sent at the start of a run. */
export interface AgentPrompt {
  readonly model: string
  /** The messages, instructions first. */
  readonly prompt: Prompt.Prompt
  /** The tools as the model is told of them; `parameters` is JSON Schema. */
  readonly tools: ReadonlyArray<{
    readonly name: string
    readonly description: string | undefined
    readonly parameters: unknown
  }>
  readonly options: ModelOptions
}

/** What an agent needs, by what makes it need it, and what it fails with before it begins: `with` goes on from these. */
export interface Parts<out Model, out Tools, out Rest, out Approval> {
  readonly model: Model
  readonly tools: Tools
  readonly rest: Rest
  readonly approval: Approval
}

/** Starts a run: one on no conversation gives `Ret`, one that goes on from a conversation `Kept`. */
export interface Run<out Ret, out Kept> {
  (instruction: Instruction, options: ConversationOptions): Kept
  (instruction: Instruction, options?: RunOptions): Ret
}

/**
 * An agent: named, callable, and a Task, so that it can be a tool of another agent.
 *
 * `E` is what a run fails with: nothing, where a fallback answers whatever happens.
 */
export interface Agent<
  out Name extends string,
  out Output,
  out R,
  out E = AgentError,
  out Of extends Parts<any, any, any, any> = Parts<R, R, R, E>
> {
  /** Runs the agent; the same as `run`. */
  (instruction: Instruction, options: ConversationOptions): Effect.Effect<Output, E | AgentError, R | Conversations>
  (instruction: Instruction, options?: RunOptions): Effect.Effect<Output, E, R>
  readonly [Task.TypeId]: Task.Internal
  readonly "~R": Types.Covariant<R>
  readonly name: Name
  readonly description: string | undefined
  /** Runs the agent and gives its answer. */
  readonly run: Run<Effect.Effect<Output, E, R>, Effect.Effect<Output, E | AgentError, R | Conversations>>
  /** Runs the agent and gives its answer with how it came about. */
  readonly result: Run<
    Effect.Effect<RunResult<Output>, E, R>,
    Effect.Effect<RunResult<Output>, E | AgentError, R | Conversations>
  >
  /**
   * The run itself, as its events: nothing is lost, and who stops pulling stops the reading of the vendor's socket.
   * Dropping it interrupts the run. The last event is `RunCompleted`; failure is in the error channel.
   */
  readonly stream: Run<
    Stream.Stream<AgentEvent<Output>, E, R>,
    Stream.Stream<AgentEvent<Output>, E | AgentError, R | Conversations>
  >
  /** Runs the agent in the scope, for any number of watchers who come and go; it never waits for one. */
  readonly watch: Run<
    Effect.Effect<Watch.Watch<Output>, never, R | Scope.Scope>,
    Effect.Effect<Watch.Watch<Output>, never, R | Scope.Scope | Conversations>
  >
  /** What the model would be sent; no request is made. */
  readonly prompt: Run<
    Effect.Effect<AgentPrompt, AgentError, R>,
    Effect.Effect<AgentPrompt, AgentError, R | Conversations>
  >
  /** A copy with other options; what is not named stays as it is. */
  readonly with: <const Options extends Changes<Output>>(
    options: Options & NoOthers<Options, Output>
  ) => Agent<
    Name,
    Output,
    | ChangedModel<Of["model"], Options>
    | ChangedTools<Of["tools"], Options>
    | ChangedRest<Of["rest"], Options>,
    | (Options extends { readonly fallback: (...args: any) => infer Ret } ? FallbackError<Ret> : E)
    | ChangedApproval<Of["approval"], Options>,
    Parts<
      ChangedModel<Of["model"], Options>,
      ChangedTools<Of["tools"], Options>,
      ChangedRest<Of["rest"], Options>,
      ChangedApproval<Of["approval"], Options>
    >
  >
}

/** The options that `with` may change. */
export type Changes<Output> = Partial<
  Omit<
    AgentOptions<
      Toolbox.ToolInput,
      string | Fallback | undefined,
      Schema.Codec<Output>,
      any,
      any,
      any,
      Task.Body<Output, AgentError>,
      any
    >,
    "output"
  >
>

type NoOthers<Options, Output> = { readonly [Name in Exclude<keyof Options, keyof Changes<Output>>]: never }

/** What an agent's model needs after a change, and so on: what is named anew is needed no more. */
export type ChangedModel<Old, Options> = Options extends { readonly model?: infer Model }
  ? ModelNeeds<Model> | Kept<Options, "model", Old>
  : Old
export type ChangedTools<Old, Options> = Options extends { readonly tools?: infer Tools }
  ? ToolNeeds<Tools> | Kept<Options, "tools", Old>
  : Old
export type ChangedApproval<Old, Options> = Options extends { readonly approval?: infer Approval }
  ? ApprovalError<Approval> | Kept<Options, "approval", Old>
  : Old
export type ChangedRest<Old, Options> =
  | Old
  | { readonly [Name in keyof Options & Effectful]: ServicesOf<Options[Name]> }[keyof Options & Effectful]

type Effectful = "instructions" | "beforeTurn" | "check" | "fallback" | "rollback" | "longTermMemory" | "skills"
// an option that is not there stays as it is
type Kept<Options, Name extends string, Old> = Options extends { readonly [Key in Name]: unknown } ? never : Old
type ToolNeeds<Tools> = Tools extends ReadonlyArray<infer Item> ? Toolbox.Requirements<Item> : never
type Services<Ret> = Ret extends Effect.Effect<any, any, infer R> ? R : never
type ServicesOf<Option> = Option extends (...args: any) => infer Ret ? Services<Ret>
  : Option extends { readonly "~R": Types.Covariant<infer R> } ? R
  : Services<Option>

/** What an agent's `model` needs. */
export type ModelNeeds<Model> = Model extends string | Fallback ? Models : LanguageModel.LanguageModel

/** What an agent fails with by its `approval`. */
export type ApprovalError<Approval> = Approval extends undefined | false ? never : AgentError

/** What a run fails with whose fallback returns a `Ret`; without a fallback that is `never`. */
export type FallbackError<Ret> = [Ret] extends [never] ? AgentError
  : Ret extends Effect.Effect<any, infer E, any> ? ([E] extends [never] ? never : AgentError)
  : Ret extends PromiseLike<any> ? AgentError
  : never

/** What an agent needs besides its model and its tools. */
export type RestNeeds<Output extends Schema.Top, RI, RB, RC, FR, RR, RM> =
  | Output["DecodingServices"]
  | Output["EncodingServices"]
  | RI
  | RB
  | RC
  | RM
  | Services<FR>
  | Services<RR>

/**
 * Makes an agent.
 *
 * ```ts
 * const assistant = Agent.make("assistant", {
 *   instructions: "You are a helpful assistant with access to real-time data.",
 *   tools: [getWeather]
 * })
 * ```
 *
 * Throws a `TypeError` for a name that is not 1 to 64 letters, digits, `_` or `-`, and for two tools of one name.
 */
export const make = <
  const Name extends string,
  Tools extends Toolbox.ToolInput = never,
  const Model extends string | Fallback | undefined = undefined,
  Output extends Schema.Top = Schema.String,
  RI = never,
  RB = never,
  RC = never,
  FR extends Task.Body<Output["Type"], AgentError> = never,
  RR = never,
  Approval extends boolean | undefined = undefined,
  RM = never,
  RK = never
>(
  name: Name,
  options: AgentOptions<Tools, Model, Output, RI, RB, RC, FR, RR, Approval, RM, RK>
): Agent<
  Name,
  NoInfer<Output>["Type"],
  ModelNeeds<Model> | Toolbox.Requirements<Tools> | RestNeeds<NoInfer<Output>, RI, RB, RC, FR, RR, RM | RK>,
  FallbackError<FR> | ApprovalError<Approval>,
  Parts<
    ModelNeeds<Model>,
    Toolbox.Requirements<Tools>,
    RestNeeds<NoInfer<Output>, RI, RB, RC, FR, RR, RM | RK>,
    ApprovalError<Approval>
  >
> => {
  Name.assert("agent", name)
  return fromOptions(name, options as never) as never
}

/**
 * Makes an agent from its instructions; it is named after its (first) model: `agent_openai_gpt-5`, or `agent`.
 *
 * ```ts
 * const assistant = agent("You are a helpful assistant.", { model: "ollama/llama3.2" })
 * ```
 */
export const agent = <
  Tools extends Toolbox.ToolInput = never,
  const Model extends string | Fallback | undefined = undefined,
  Output extends Schema.Top = Schema.String,
  RI = never,
  RB = never,
  RC = never,
  FR extends Task.Body<Output["Type"], AgentError> = never,
  RR = never,
  Approval extends boolean | undefined = undefined,
  RM = never,
  RK = never
>(
  instructions: AgentOptions<Tools, Model, Output, RI, RB, RC, FR, RR, Approval, RM, RK>["instructions"],
  options?: Omit<AgentOptions<Tools, Model, Output, RI, RB, RC, FR, RR, Approval, RM, RK>, "instructions">
): Agent<
  string,
  NoInfer<Output>["Type"],
  ModelNeeds<Model> | Toolbox.Requirements<Tools> | RestNeeds<NoInfer<Output>, RI, RB, RC, FR, RR, RM | RK>,
  FallbackError<FR> | ApprovalError<Approval>,
  Parts<
    ModelNeeds<Model>,
    Toolbox.Requirements<Tools>,
    RestNeeds<NoInfer<Output>, RI, RB, RC, FR, RR, RM | RK>,
    ApprovalError<Approval>
  >
> => fromOptions(nameAfter(options?.model), { ...options, instructions } as never) as never

const nameAfter = (model: string | Fallback | undefined): string => {
  const id = isFallback(model) ? model.models[0] : model
  const parsed = id === undefined ? undefined : parse(id)
  if (parsed === undefined) return "agent"
  return `agent_${parsed.provider}_${parsed.model}`.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, 64)
}

const Payload = Schema.Struct({
  instruction: Schema.String.annotate({ description: "What to do, with everything needed to do it." }),
  context: Schema.optionalKey(Schema.String.annotate({ description: "Background that helps to do it." }))
})

/** Of a workflow whoever starts it says whose it is; of a tool the run around it. */
const OwnedPayload = Schema.Struct({ ...Payload.fields, owner: Schema.optionalKey(Schema.String) })

/** And of a chat, in which conversation the message is. */
const ConversingPayload = Schema.Struct({ ...OwnedPayload.fields, conversation: Schema.optionalKey(Schema.String) })

const fromOptions = (name: string, options: AnyAgentOptions): Agent<string, unknown, any> => {
  if (options.memory !== undefined) Remember.called(options.memory, name)
  const skills = SkillCatalog.of(options.skills)
  const tools = Toolbox.fromInputs([
    ...options.tools ?? [],
    ...options.longTermMemory?.tools ?? [],
    ...skills?.tools ?? []
  ])
  const output = options.output === undefined || options.output === Schema.String
    ? undefined
    : Output.make(options.output)
  if (output !== undefined && tools.has(Output.toolName)) {
    throw new TypeError(`a tool of an agent with an output cannot be named "${Output.toolName}": rename it`)
  }
  const definition: AgentDefinition = {
    name,
    options,
    tools,
    declared: [...tools.values()].map((tool) => tool.tool),
    output,
    skills,
    secretive: new Map([...tools].flatMap(([name, { learn }]) => learn === undefined ? [] : [[name, learn]])),
    warnings: Toolbox.clashes(name, [...tools.values()]),
    logged: new Set()
  }
  const inRun = (input: RunInput, body: () => unknown) =>
    Effect.updateContext(Attempts.lift(body, name), (context: Context.Context<any>) => enter(context, input))
  const task: Definition = {
    name,
    payload: Payload,
    success: Schema.Unknown,
    error: AgentError,
    run: (input: RunInput) => Effect.mapError(Loop.run(definition, input), (reason) => toError(name, input, reason)),
    options: {
      description: options.description,
      retry: options.retry,
      timeout: options.timeout,
      ...(options.fallback === undefined ? undefined : {
        fallback: (input: RunInput, error: AgentError) =>
          Effect.flatMap(
            Effect.catchIf(
              inRun(input, () => options.fallback!(toPayload(input), error)),
              (failed) => !(failed instanceof AgentError),
              (failed) => {
                const message = `agent ${name}: the fallback failed: ${explain(Cause.fail(failed))}`
                return Effect.andThen(Effect.logWarning(message), Effect.fail(error))
              }
            ),
            (output) => answeredInstead(definition, input, output)
          )
      }),
      rollback: options.rollback &&
        ((input: RunInput, exit: Exit.Exit<RunResult<any>, AgentError>) =>
          inRun(input, () => options.rollback!(toPayload(input), Exit.map(exit, (result) => result.output)))),
      risk: options.risk,
      approval: options.approval as Definition["options"]["approval"]
    },
    services: enter,
    onTimeout: (input: RunInput, after: Duration.Duration) => toError(name, input, new TimedOut({ after })),
    onFailed: remember,
    isRetryable: (error: AgentError) => error.isRetryable
  }
  const attempts = Attempts.make(task)

  const start = (instruction: Instruction, run: RunOptions | undefined, scope: RunScopeOf): RunInput => ({
    instruction,
    options: run ?? {},
    recalled: undefined,
    summarized: undefined,
    path: scope.path,
    sink: scope.sink,
    feed: scope.feed,
    traced: false,
    journaled: false,
    foreign: false,
    spent: Usage.empty,
    owner: run?.owner,
    attempt: 1,
    failed: undefined,
    isStarted: false,
    state: undefined
  })

  const execute = (input: RunInput): Effect.Effect<RunResult<unknown>, AgentError, any> =>
    Effect.withFiber((fiber) => executeIn(input, fiber))

  const executeIn = (
    input: RunInput,
    fiber: Fiber.Fiber<unknown, unknown>
  ): Effect.Effect<RunResult<unknown>, AgentError, any> => {
    const { approval } = options
    input.owner ??= fiber.getRef(CurrentRun)?.owner
    return approval === undefined || approval === false ?
      perform(input, fiber) :
      Effect.suspend(() =>
        approval === true || approval(toPayload(input))
          ? Effect.fail(toError(name, input, new NoApprover({ tool: name })))
          : perform(input, fiber)
      )
  }

  const perform = (
    input: RunInput,
    fiber: Fiber.Fiber<unknown, unknown>
  ): Effect.Effect<RunResult<unknown>, AgentError, any> => {
    input.traced = Telemetry.isOn(fiber)
    input.journaled = StepScope.current(fiber) !== undefined
    input.foreign = EffectCopies.isForeign(fiber)
    const tried = attempts(input, fiber)
    const body = Remember.isOn(input)
      ? Remember.on(definition, input, tried)
      : input.journaled && options.memory !== undefined
      ? Remember.within(options.memory, input, tried)
      : tried
    const seen = input.traced ? Telemetry.run(body, name) : body
    const whole = input.journaled ? asStep(fiber, input, reported(fiber, input, seen)) : seen
    const around = fiber.getRef(CurrentRun)
    return around === undefined ? whole : Effect.onExit(whole, (exit) =>
      Effect.sync(() => {
        around.spent = Usage.add(around.spent, spentBy(input, exit))
      }))
  }

  let stored: Schema.Top | undefined
  const resultSchema = (): Schema.Top => stored ??= resultOf(options.output ?? Schema.String)

  /** A journaled run reports its end when it runs, not when it is answered from the journal or stopped to go on later. */
  const reported = (
    fiber: Fiber.Fiber<unknown, unknown>,
    input: RunInput,
    body: Effect.Effect<RunResult<unknown>, AgentError, any>
  ) =>
    input.sink !== undefined ?
      body :
      Effect.onExit(body, (exit) =>
        StepScope.current(fiber)?.isStopping() === true
          ? Effect.void
          : report(definition, input, exit, endedBy(exit)))

  const asStep = (
    fiber: Fiber.Fiber<unknown, unknown>,
    input: RunInput,
    body: Effect.Effect<RunResult<unknown>, AgentError, any>
  ) =>
    StepScope.stepIn<RunResult<unknown>, AgentError, any>(
      fiber,
      () => ({
        name,
        payload: toPayload(input),
        payloadSchema: Payload,
        success: resultSchema() as unknown as Schema.Codec<RunResult<unknown>, unknown>,
        error: AgentError,
        rollback: options.rollback && ((exit) => Attempts.rollback(task, input, exit))
      }),
      body
    )

  /** Tells of a run's end; nothing waits here, since who interrupts it then would make it end twice. */
  const pushEnd = (input: RunInput, sink: Sink, exit: Exit.Exit<RunResult<unknown>, AgentError>) => {
    const { path } = input
    if (Exit.isSuccess(exit)) sink.push({ _tag: "RunCompleted", path, result: exit.value })
    return Effect.map(report(definition, input, exit, endedBy(exit)), (failed) => {
      if (failed !== undefined) sink.push(failed)
    })
  }

  /** A run whose events go to the run around it, if there is one. */
  const result = (instruction: Instruction, run?: RunOptions): Effect.Effect<RunResult<unknown>, AgentError, any> =>
    Effect.withFiber((fiber) => {
      const around = fiber.getRef(CurrentRun)
      const sink = around?.sink
      if (sink === undefined) {
        const wanted = around === undefined ? name : `${around.path}/${name}`
        const feed = fiber.getRef(CurrentFeed)
        const path = feed === undefined ? wanted : claimPath(feed, wanted)
        const input = start(instruction, run, { path, sink, feed })
        const ran = executeIn(input, fiber)
        if (feed !== undefined) return Effect.ensuring(ran, Effect.sync(() => releasePath(feed, path)))
        return input.journaled ? ran : Effect.onExit(ran, (exit) => report(definition, input, exit, endedBy(exit)))
      }
      const path = claimPath(sink, `${around!.path}/${name}`)
      const input = start(instruction, run, { path, sink })
      return Effect.onExit(executeIn(input, fiber), (exit) => {
        releasePath(sink, path)
        return pushEnd(input, sink, exit)
      })
    })

  const run = (instruction: Instruction, options?: RunOptions) =>
    Effect.map(result(instruction, options), (result) => result.output)

  const stream = (instruction: Instruction, options?: RunOptions): Stream.Stream<AgentEvent, AgentError, any> =>
    Stream.fromChannel(Channel.fromTransform((_, scope) =>
      Effect.gen(function*() {
        const outlet = new Outlet<AgentError>()
        const input = start(instruction, options, { path: name, sink: outlet })
        let ended: Exit.Exit<RunResult<any>, AgentError> | undefined
        const fiber = yield* Effect.forkIn(
          Effect.onExit(execute(input), (exit) => {
            ended = exit
            if (Exit.isSuccess(exit)) outlet.push({ _tag: "RunCompleted", path: name, result: exit.value })
            outlet.end(exit)
            return Effect.void
          }),
          scope
        )
        yield* Scope.addFinalizerExit(scope, (exit) => {
          const by = endedBy(exit)
          return Effect.flatMap(Fiber.interrupt(fiber), () => report(definition, input, ended ?? Exit.interrupt(), by))
        })
        return outlet.pull
      })
    )) as never

  const watch = (instruction: Instruction, options?: RunOptions) =>
    Watch.make<unknown, any>((sink) => {
      const input = start(instruction, options, { path: name, sink })
      return Effect.onExit(execute(input), (exit) => pushEnd(input, sink, exit))
    })

  const prompt = (instruction: Instruction, run?: RunOptions): Effect.Effect<AgentPrompt, AgentError, any> =>
    Effect.suspend(() => {
      const input = start(instruction, run, { path: name, sink: undefined })
      return Effect.mapError(
        Effect.gen(function*() {
          const target = isFallback(options.model)
            ? (yield* openChain(options.model)).current
            : yield* findModel(options.model)
          if (Remember.isOn(input)) yield* Remember.look(definition, input)
          const state = yield* begin(definition, input, target)
          return {
            model: target.id,
            prompt: Prompt.fromMessages(beginning(state, input)),
            tools: definition.declared.map((tool) => ({
              name: tool.name,
              description: Tool.getDescription(tool),
              parameters: Tool.getJsonSchema(tool)
            })),
            options: modelOptions(definition, input.options)
          }
        }),
        (reason) => toError(name, input, reason)
      )
    })

  return Object.defineProperties(run, {
    [Task.TypeId]: {
      value: {
        definition: { ...task, success: options.output ?? Schema.String },
        invoke: ({ context, instruction }: AgentPayload) => run(instruction, { context })
      } satisfies Task.Internal
    },
    name: { value: name, enumerable: true },
    description: { value: options.description, enumerable: true },
    run: { value: run },
    result: { value: result },
    stream: { value: stream },
    watch: { value: watch },
    prompt: { value: prompt },
    with: { value: (changes: Partial<AnyAgentOptions>) => fromOptions(name, { ...options, ...changes }) }
  }) as never
}

/** The messages with which a run begins, after a summary of what was before. */
const beginning = ({ content, instructions }: RunState, { recalled }: RunInput): ReadonlyArray<Prompt.Message> => {
  const said = { messages: content, instructions, asked: content.length - 1 }
  return Compact.apply(said, Compact.begin(said, recalled?.summary)).messages
}

/** The context of what runs in a run. */
const enter = (context: Context.Context<any>, input: RunInput): Context.Context<any> =>
  Context.add(context, CurrentRun, input)

type RunScopeOf = { readonly path: string; readonly sink: Sink | undefined; readonly feed?: Feed | undefined }

const isOutermost = (event: AgentEvent): boolean => !event.path.includes("/")

/** The text that the outermost agent's model writes, as it comes: of every turn, those that call tools included. */
export const text = <Output, E, R>(events: Stream.Stream<AgentEvent<Output>, E, R>): Stream.Stream<string, E, R> =>
  events.pipe(
    Stream.filter((event) => event._tag === "TextDelta" && isOutermost(event)),
    Stream.map((event) => (event as { readonly delta: string }).delta)
  )

/**
 * Runs an agent's stream and shows it: tools called, with arguments and results, the text as it comes, and what it cost
 * (`Transcript`). It writes to Effect's `Stdio` where there is one, else to the process's output; in colours on a
 * terminal, unless `NO_COLOR` is set. Gives the `RunResult`.
 *
 * ```ts
 * const result = yield* Agent.print(assistant.stream("What is the weather in Tokyo?"))
 * ```
 */
export const print = <Output, E, R>(
  events: Stream.Stream<AgentEvent<Output>, E, R>
): Effect.Effect<RunResult<Output>, E, R> =>
  Effect.gen(function*() {
    const display = yield* Display.open
    let transcript = Transcript.initial
    let result: RunResult<Output> | undefined
    const show = (pieces: ReadonlyArray<Transcript.Piece>) =>
      pieces.length === 0 ? Effect.void : display.write(Transcript.toText(pieces, display))
    yield* Stream.runForEachArray(events, (batch) => {
      const pieces: Array<Transcript.Piece> = []
      for (const event of batch) {
        const [after, added] = Transcript.next(transcript, event)
        transcript = after
        for (const piece of added) pieces.push(piece)
        if (event._tag === "RunCompleted" && isOutermost(event)) result = event.result
      }
      return show(pieces)
    }).pipe(
      Effect.ensuring(Effect.suspend(() => Effect.andThen(show(Transcript.end(transcript)), display.flush)))
    )
    return result ?? (yield* Effect.die(new Error("the events ended without the run's RunCompleted")))
  })

/**
 * An agent as a workflow of its name: a run of it survives the death of its process. With `conversations` its payload has
 * the `conversation` that it goes on from: one execution a message.
 *
 * ```ts
 * const durable = Agent.toWorkflow(assistant)
 * ```
 */
export const toWorkflow: {
  <Name extends string, Output, R>(
    agent: Agent<Name, Output, R>,
    options: { readonly version?: string | undefined; readonly conversations: true }
  ): Workflow.Workflow<Name, typeof ConversingPayload, Output, AgentError, R | Conversations>
  <Name extends string, Output, R>(
    agent: Agent<Name, Output, R>,
    options?: { readonly version?: string | undefined; readonly conversations?: false | undefined }
  ): Workflow.Workflow<Name, typeof OwnedPayload, Output, AgentError, R>
} = (
  agent: Agent<string, unknown, any>,
  options: { readonly version?: string | undefined; readonly conversations?: boolean | undefined } = {}
): Workflow.Workflow<any, any, any, any, any> =>
  Workflow.make(agent.name, {
    payload: options.conversations === true ? ConversingPayload : OwnedPayload,
    success: agent[Task.TypeId].definition.success as Schema.Codec<unknown, unknown>,
    error: AgentError,
    version: options.version,
    run: ({ instruction, ...options }: typeof ConversingPayload.Type) => agent(instruction, options)
  })
