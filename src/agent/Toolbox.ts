/**
 * Tools of every kind behind one face: Tasks, Agents, `effect/ai` Toolkits, bound or not, and vendors' own tools.
 *
 * What a tool is for the model is an `effect/ai` Tool; what it does is `run`, which takes the model's arguments and never
 * fails for what the tool does: typed failures, rejections, throws and defects become results that the model can act
 * on. Codecs are compiled where the tools are bound, once. `Toolbox.make(toolkit, handlers)` binds a Toolkit to its
 * handlers where the agent is made: in a context, two Toolkits with one tool name silently share one handler.
 */
import type * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import type * as Toolkit from "effect/ai/Toolkit"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type * as Types from "effect/Types"
import { NoApprover } from "../core/AgentError.ts"
import type { Warning } from "../core/AgentEvent.ts"
import * as Name from "../core/Name.ts"
import * as Secrets from "../core/Secrets.ts"
import { Inferred } from "../durable/internal/definition.ts"
import * as Risk from "../durable/Risk.ts"
import * as StepScope from "../durable/StepScope.ts"
import * as Task from "../durable/Task.ts"
import { explain, messageOf } from "../durable/TaskError.ts"
import * as Turn from "./Turn.ts"

const TypeId = "~fluxion/agent/Toolbox"

/** Tools bound to their handlers; `R` is what the handlers need. */
export interface Toolbox<out R = never> {
  readonly [TypeId]: typeof TypeId
  readonly "~R": Types.Covariant<R>
  readonly tools: ReadonlyArray<BoundTool>
}

/** Whatever can stand in an agent's `tools`. */
export type ToolInput =
  | Task.Any
  | Toolkit.Any
  | Toolkit.WithHandler<any>
  | Toolbox<any>
  | Tool.Any

/** The services that an entry of `tools` needs. */
export type Requirements<T> = T extends Task.Any ? Task.Services<T>
  : T extends Toolbox<infer R> ? R
  : T extends Toolkit.Toolkit<infer Tools> ? Tool.HandlersFor<Tools> | Tool.HandlerServices<Tools[keyof Tools]>
  : T extends Toolkit.WithHandler<infer Tools> ? Tool.HandlerServices<Tools[keyof Tools]>
  : T extends Tool.Any ? Tool.HandlersFor<{ readonly tool: T }> | Tool.HandlerServices<T>
  : never

/** What a call came to. */
export type Outcome =
  | {
    readonly _tag: "Returned"
    readonly result: unknown
    readonly modelOutput?: ReadonlyArray<Prompt.ToolModelOutputPart> | undefined
  }
  | {
    readonly _tag: "Failed"
    readonly reason: "failed" | "unknown-tool" | "invalid-arguments" | "limit"
    /** What the model is told: a text, or the failure encoded by its Schema. */
    readonly result: unknown
    readonly message: string
    readonly cause: string
  }

/** What a call is run with. */
export interface CallContext {
  readonly id: string
  /** The history before the call, for tools that decide by it whether they need an approval. */
  readonly messages: ReadonlyArray<Prompt.Message>
  /** Takes preliminary results. */
  readonly preliminary: (value: unknown) => Effect.Effect<void>
}

/** A tool that can be called. */
export interface BoundTool {
  readonly name: string
  /** What the model is told of it. */
  readonly tool: Tool.Any
  /** It runs alone, in order. */
  readonly barrier: boolean
  /** The vendor runs it; it is only declared. */
  readonly vendor: boolean
  /** A tool whose handler is found in the context, by its id. */
  readonly unbound: boolean
  /** Makes the secrets in a call's arguments known; only there for a tool that takes `Redacted` ones. */
  readonly learn: ((args: unknown) => void) | undefined
  readonly run: (args: unknown, call: CallContext) => Effect.Effect<Outcome, NoApprover, any>
}

/** A call that failed. */
export const failed = (reason: "failed" | "invalid-arguments", message: string, cause: string): Outcome => ({
  _tag: "Failed",
  reason,
  result: message,
  message,
  cause
})

const returned = (result: unknown, modelOutput?: ReadonlyArray<Prompt.ToolModelOutputPart>): Outcome => ({
  _tag: "Returned",
  result: Secrets.scrubValue(result),
  modelOutput: modelOutput === undefined ? undefined : Secrets.scrubValue(modelOutput)
})

const invalid = (name: string, issue: string): Outcome => {
  const message = Secrets.scrub(`The arguments of ${name} are invalid: ${issue}`)
  return failed("invalid-arguments", message, message)
}

/** A call that a defect or a failure ended. */
export const fromCause = (cause: Cause.Cause<unknown>): Outcome =>
  failed("failed", explain(cause), Secrets.scrub(Cause.pretty(cause)))

interface Spec {
  readonly tool: Tool.Any
  readonly risk: Risk.Risk | undefined
  readonly approval: Tool.Any["needsApproval"]
  readonly unbound?: boolean
  /** Runs the tool on decoded arguments. */
  readonly perform: (params: any, call: CallContext) => Effect.Effect<Outcome, never, any>
}

const decodeOptions = { errors: "all" } as const

const codec = (schema: Schema.Top) => Schema.toCodecJson(schema) as unknown as Schema.Codec<unknown, unknown>

const decoder = (tool: Tool.Any): (args: unknown) => Effect.Effect<unknown, { readonly message: string }> => {
  if (!Schema.isSchema(tool.parametersSchema)) return Effect.succeed
  const decode = Schema.decodeUnknownEffect(codec(tool.parametersSchema))
  const explain = (args: unknown) => decode(args, decodeOptions)
  // looking for all issues takes more memory than looking for the first: it is done where there are some
  return (args) => {
    const decoded = decode(args)
    if (!Exit.isExit(decoded)) return Effect.catch(decoded, () => explain(args))
    return Exit.isSuccess(decoded) ? decoded : explain(args)
  }
}

/** Runs a handler on decoded arguments, and encodes what it gives. */
const encoding = (
  tool: Tool.Any,
  execute: (params: any, call: CallContext) => Effect.Effect<unknown, unknown, any>
): Spec["perform"] => {
  const encodeSuccess = Schema.encodeUnknownEffect(codec(tool.successSchema))
  const encodeFailure = Schema.encodeUnknownEffect(codec(tool.failureSchema))

  const onFailure = (cause: Cause.Cause<unknown>): Effect.Effect<Outcome> => {
    const plain = fromCause(cause)
    const failure = Cause.findErrorOption(cause)
    if (tool.failureMode !== "return" || failure._tag === "None") return Effect.succeed(plain)
    return Effect.match(encodeFailure(failure.value), {
      onFailure: () => plain,
      onSuccess: (result) => ({ ...plain, result: Secrets.scrubValue(result) })
    })
  }

  const onSuccess = (value: unknown): Effect.Effect<Outcome> => {
    const encoded = encodeSuccess(value)
    if (tool.toModelOutput === undefined && Exit.isExit(encoded) && Exit.isSuccess(encoded)) {
      return Effect.succeed(returned(encoded.value ?? null))
    }
    return Effect.matchCause(Effect.map(encoded, (result) => returned(result ?? null, tool.toModelOutput?.(value))), {
      onFailure: fromCause,
      onSuccess: (outcome) => outcome
    })
  }

  return (params, call) =>
    Effect.matchCauseEffect(Effect.suspend(() => execute(params, call)), { onFailure, onSuccess })
}

const bind = (spec: Spec): BoundTool => {
  const { approval, perform, tool } = spec
  Name.assert("tool", tool.name)
  const decode = decoder(tool)

  const asked = (params: unknown, call: CallContext): Effect.Effect<boolean> => {
    if (typeof approval !== "function") return Effect.succeed(approval === true)
    const answer = approval(params, { toolCallId: call.id, messages: call.messages })
    return typeof answer === "boolean" ? Effect.succeed(answer) : answer
  }

  const mayAsk = approval !== undefined && approval !== false

  return {
    name: tool.name,
    tool,
    barrier: spec.risk === undefined ? mayAsk : spec.risk !== "read",
    vendor: false,
    unbound: spec.unbound === true,
    learn: Schema.isSchema(tool.parametersSchema) && Secrets.areIn(tool.parametersSchema)
      ? (args) => {
        const exit = Effect.runSyncExit(decode(args))
        if (Exit.isSuccess(exit)) Secrets.registerFields(exit.value)
      }
      : undefined,
    run: (args, call) => {
      if (typeof args === "string" && !acceptsText(tool)) {
        return Effect.succeed(invalid(tool.name, `they are not a JSON object: ${Turn.head(args, 200)}`))
      }
      const decoded = decode(args)
      // most Schemas decode at once
      if (!mayAsk && Exit.isExit(decoded) && Exit.isSuccess(decoded)) return perform(decoded.value, call)
      return Effect.matchEffect(decoded, {
        onFailure: (error) => Effect.succeed(invalid(tool.name, messageOf(error))),
        onSuccess: (params) =>
          !mayAsk ?
            perform(params, call) :
            Effect.flatMap(asked(params, call), (needed) =>
              needed ? Effect.fail(new NoApprover({ tool: tool.name })) : perform(params, call))
      })
    }
  }
}

const acceptsText = (tool: Tool.Any) => !Schema.isSchema(tool.parametersSchema) && !Tool.isDynamic(tool)

const isEmptyStruct = (schema: Schema.Top) =>
  "fields" in schema && typeof schema.fields === "object" && schema.fields !== null
  && Object.keys(schema.fields).length === 0

const fromTask = (task: Task.Any): BoundTool => {
  const { definition, invoke } = task[Task.TypeId]
  const { options } = definition
  const base = Tool.make(task.name, {
    description: options.description,
    parameters: isEmptyStruct(definition.payload) ? Tool.EmptyParams : definition.payload,
    success: definition.success ?? Inferred,
    failure: definition.error
  })
  const tool: Tool.Any = options.risk === undefined ? base : base.annotateMerge(Risk.toAnnotations(options.risk))
  return bind({
    tool,
    risk: options.risk,
    approval: options.approval as Tool.Any["needsApproval"],
    perform: encoding(tool, invoke)
  })
}

/** A tool that is no Task has no seam of its own, so its call is made a step here. */
const asStep = (tool: Tool.Any, params: unknown, body: Effect.Effect<unknown, unknown, any>) =>
  StepScope.step<unknown, unknown, any>(
    () => ({
      name: tool.name,
      payload: params,
      payloadSchema: Schema.isSchema(tool.parametersSchema) ? tool.parametersSchema : Schema.Unknown,
      success: tool.successSchema as unknown as Schema.Codec<unknown, unknown>,
      error: tool.failureSchema as unknown as Schema.Codec<unknown, unknown>
    }),
    body
  )

const callHandler = (handler: Tool.Handler<string>, params: unknown, call: CallContext) =>
  Effect.updateContext(
    handler.handler(params, { toolCallId: call.id, preliminary: call.preliminary }) as Effect.Effect<unknown, unknown>,
    (input: Context.Context<never>) => Context.merge(handler.context, input)
  )

const fromTool = (tool: Tool.Any, handler: Tool.Handler<string> | undefined): BoundTool =>
  bind({
    tool,
    risk: Risk.fromAnnotations(tool.annotations),
    approval: tool.needsApproval,
    unbound: handler === undefined,
    perform: encoding(tool, (params, call) =>
      asStep(
        tool,
        params,
        handler !== undefined ? callHandler(handler, params, call) : Effect.withFiber((fiber) => {
          const found = fiber.context.mapUnsafe.get(tool.id) as Tool.Handler<string> | undefined
          return found === undefined
            ? Effect.die(new Error(`no handler for tool ${tool.name}: provide its Toolkit's toLayer(…)`))
            : callHandler(found, params, call)
        })
      ))
  })

const vendorTool = (tool: Tool.Any): BoundTool => ({
  name: tool.name,
  tool,
  barrier: false,
  vendor: true,
  unbound: false,
  learn: undefined,
  run: () => Effect.succeed(failed("failed", `${tool.name} is run by the vendor`, "called by mistake"))
})

/** A Toolkit whose handlers are hidden decodes, runs and encodes by itself. */
const fromHandle = (tool: Tool.Any, kit: Toolkit.WithHandler<any>): BoundTool => {
  const encode = Schema.isSchema(tool.parametersSchema)
    ? Schema.encodeUnknownEffect(tool.parametersSchema as unknown as Schema.Codec<unknown, unknown>)
    : Effect.succeed
  const handle = (params: unknown, call: CallContext) =>
    encode(params).pipe(
      Effect.flatMap((encoded) => kit.handle(tool.name, encoded as never, call.id)),
      Effect.flatMap((results) =>
        Stream.runFoldEffect(results, (): Effect.Effect<unknown, unknown> =>
          Effect.undefined, (last, result) =>
          result.preliminary
            ? Effect.as(call.preliminary(result.result), last)
            : Effect.succeed(result.isFailure ? Effect.fail(result.result) : Effect.succeed(result.result)))
      ),
      Effect.flatten
    )
  return bind({
    tool,
    risk: Risk.fromAnnotations(tool.annotations),
    approval: tool.needsApproval,
    perform: encoding(tool, (params, call) => asStep(tool, params, handle(params, call)))
  })
}

const isToolbox = (u: object): u is Toolbox<any> => TypeId in u

const isTool = (u: object): u is Tool.Any => Tool.TypeId in u

/** The tools of one entry of an agent's `tools`. */
const fromInput = (input: ToolInput): ReadonlyArray<BoundTool> => {
  if (Task.isTask(input)) return [fromTask(input)]
  if (isToolbox(input)) return input.tools
  if (isTool(input)) return [fromSingle(input)]
  if ("handle" in input) {
    return Object.values(input.tools as Record<string, Tool.Any>).map((tool) => fromHandle(tool, input))
  }
  if ("tools" in input) return Object.values(input.tools).map(fromSingle)
  throw new TypeError("tools takes Tasks, Agents, Toolkits, Toolboxes and Tools, and got something else")
}

const fromSingle = (tool: Tool.Any): BoundTool =>
  Tool.isProviderDefined(tool) && !tool.requiresHandler ? vendorTool(tool) : fromTool(tool, undefined)

/**
 * The tools of a list, by name. Throws a `TypeError` for two of one name, or a name that vendors refuse.
 */
export const fromInputs = (inputs: ReadonlyArray<ToolInput>): ReadonlyMap<string, BoundTool> => {
  const byName = new Map<string, BoundTool>()
  for (const input of inputs) {
    for (const tool of fromInput(input)) {
      if (byName.has(tool.name)) {
        throw new TypeError(`two tools are named "${tool.name}": the model could not tell them apart, rename one`)
      }
      byName.set(tool.name, tool)
    }
  }
  return byName
}

/** An unbound tool, and the names of the agents that were made with it. */
interface Unbound {
  readonly tool: WeakRef<Tool.Any>
  readonly agents: Set<string>
}

const unboundTools = new Map<string, Unbound>()

/** So many are remembered: a server may make tools of new names for ever. */
const maxUnbound = 1000

/** Whether a tool is one that an agent had before, made again with its agent: for each request, say. */
const isRemade = ({ agents, tool }: Unbound, other: Tool.Any, agent: string): boolean => {
  const before = tool.deref()
  return before === undefined || (agents.has(agent) && Tool.getDescription(before) === Tool.getDescription(other))
}

/** Which unbound tools of an agent would share a handler with another tool of their name, in another Toolkit. */
export const clashes = (agent: string, tools: ReadonlyArray<BoundTool>): ReadonlyArray<Warning> => {
  const found: Array<Warning> = []
  for (const { name, tool, unbound } of tools) {
    if (!unbound) continue
    const known = unboundTools.get(tool.id)
    if (known !== undefined && known.tool.deref() === tool) {
      known.agents.add(agent)
      continue
    }
    if (known !== undefined && !isRemade(known, tool, agent)) {
      found.push({
        code: "shared-handler",
        message: `two Toolkits have a tool "${name}", and in one context they would share one handler: `
          + `bind them with Toolbox.make(toolkit, handlers)`
      })
    }
    unboundTools.delete(tool.id)
    unboundTools.set(tool.id, { tool: new WeakRef(tool), agents: new Set([agent]) })
    if (unboundTools.size > maxUnbound) unboundTools.delete(unboundTools.keys().next().value!)
  }
  return found
}

/** A Toolkit's handlers, which may need any services: they are in the agent's requirements. */
type HandlersOf<Tools extends Record<string, Tool.Any>> = {
  readonly [Name in keyof Toolkit.HandlersFrom<Tools>]: Toolkit.HandlersFrom<Tools>[Name] extends
    (params: infer Params, context: infer Handled) => Effect.Effect<infer A, infer E, any>
    ? (params: Params, context: Handled) => Effect.Effect<A, E, any>
    : never
}

/** A handler of a name that no tool has is misspelled. */
type NoOthers<Handlers, Tools> = { readonly [Name in Exclude<keyof Handlers, keyof Tools>]: never }

type HandlerResult<Handlers> = Handlers extends { readonly [name: string]: (...args: any) => infer Ret }
  ? Ret extends Effect.Effect<any, any, infer R> ? R : never
  : never

/**
 * Binds a Toolkit to its handlers, so that no other Toolkit with a tool of the same name can take their place.
 *
 * ```ts
 * const search = Toolbox.make(SearchToolkit, { search: ({ query }) => Search.use((index) => index.find(query)) })
 * ```
 */
export const make = <Tools extends Record<string, Tool.Any>, const Handlers extends HandlersOf<Tools>>(
  toolkit: Toolkit.Toolkit<Tools>,
  handlers: Handlers & NoOthers<Handlers, Tools>
): Toolbox<HandlerResult<Handlers>> => {
  const byName = handlers as unknown as { readonly [name: string]: Tool.Handler<string>["handler"] | undefined }
  return {
    [TypeId]: TypeId,
    "~R": (_: never) => _,
    tools: Object.values(toolkit.tools).map((tool): BoundTool => {
      const handler = byName[tool.name]
      if (handler === undefined) return fromSingle(tool)
      return fromTool(tool, { name: tool.name, handler, context: Context.empty() } as Tool.Handler<string>)
    })
  }
}
