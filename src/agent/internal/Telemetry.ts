/**
 * Spans for runs, model calls and tool calls, by the OpenTelemetry conventions for generative AI, through Effect's
 * tracer.
 *
 * They are made while somebody traces (a tracer was given, or a span is open), without stack capture; nobody tracing,
 * they cost nothing. They hold nothing that was said, and no known secret.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"
import type { AgentError, ModelFailed } from "../../core/AgentError.ts"
import type { RunResult } from "../../core/AgentEvent.ts"
import * as Secrets from "../../core/Secrets.ts"
import type { Usage } from "../../core/Usage.ts"
import type { ModelOptions } from "../ModelOptions.ts"
import type { TurnResponse } from "../ResponseFold.ts"
import type { Outcome } from "../Toolbox.ts"
import type { Call } from "../Turn.ts"
import type { Target } from "./modelCall.ts"

type Attributes = { readonly [name: string]: unknown }

/** What a span says of its end, beside how long it took. */
interface Ending {
  readonly attributes: Attributes
  /** An error that the effect itself gave as a value. */
  readonly error?: string | undefined
}

/** Whether somebody traces: a tracer was given, or a span is open. */
export const isOn = (fiber: Fiber.Fiber<unknown, unknown>): boolean => {
  const services = fiber.context.mapUnsafe
  return (services.has(Tracer.Tracer.key) || services.has(Tracer.ParentSpan.key))
    && fiber.getRef(References.TracerEnabled)
}

const add = (span: Tracer.Span, attributes: Attributes): void => {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) span.attribute(name, Secrets.scrubValue(value))
  }
}

/** A span's error as exporters show it: as it is, or its text where a secret stands in it. */
const scrubbed = (cause: Cause.Cause<unknown>): Cause.Cause<unknown> => {
  const text = Cause.pretty(cause)
  const clean = Secrets.scrub(text)
  return clean === text ? cause : Cause.fail(clean)
}

const inSpan = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  name: string,
  kind: Tracer.SpanKind,
  attributes: Attributes,
  onSuccess: (value: A) => Ending,
  errorType: (error: E) => string
): Effect.Effect<A, E, R> =>
  Effect.useSpan(name, { kind }, (span) => {
    add(span, attributes)
    const end = (exit: Exit.Exit<A, E>, fiber: Fiber.Fiber<unknown, unknown>) => {
      let shown: Exit.Exit<unknown, unknown> = exit
      if (Exit.isSuccess(exit)) {
        const { attributes, error } = onSuccess(exit.value)
        add(span, attributes)
        if (error !== undefined) shown = Exit.fail(error)
      } else {
        const error = Cause.findErrorOption(exit.cause)
        const type = error._tag === "Some" ? errorType(error.value) : Cause.hasDies(exit.cause) ? "_OTHER" : undefined
        add(span, { "error.type": type })
        shown = Exit.failCause(scrubbed(exit.cause))
      }
      const isTimed = fiber.getRef(References.TracerTimingEnabled)
      span.end(isTimed ? fiber.getRef(Clock.Clock).currentTimeNanosUnsafe() : 0n, shown)
    }
    return Effect.provideService(
      Effect.onExit(effect, (exit) =>
        Effect.withFiber((fiber) => {
          end(exit, fiber)
          return Effect.void
        })),
      Tracer.ParentSpan,
      span
    ) as Effect.Effect<A, E, R>
  })

/** The span of a whole run. */
export const run = <R>(
  effect: Effect.Effect<RunResult<any>, AgentError, R>,
  agent: string
): Effect.Effect<RunResult<any>, AgentError, R> =>
  inSpan(
    effect,
    "Agent.run",
    "internal",
    { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": agent },
    (result) => ({
      attributes: {
        ...usageAttributes(result.usage),
        "gen_ai.response.model": result.model,
        "fluxion.run.finish": result.finish,
        "fluxion.run.turns": result.turns,
        "fluxion.run.tool_calls": result.toolCalls
      }
    }),
    (error) => error.reason._tag
  )

/** The span of one model call, its retries included. */
export const modelCall = <R>(
  effect: Effect.Effect<TurnResponse, ModelFailed, R>,
  { agent, options, target }: { readonly agent: string; readonly options: ModelOptions; readonly target: Target }
): Effect.Effect<TurnResponse, ModelFailed, R> =>
  inSpan(
    effect,
    `chat ${modelOf(target)}`,
    "client",
    {
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": target.driver?.provider,
      "gen_ai.agent.name": agent,
      "gen_ai.request.model": modelOf(target),
      "gen_ai.request.max_tokens": options.maxTokens,
      "gen_ai.request.temperature": options.temperature,
      "gen_ai.request.top_p": options.topP,
      "gen_ai.request.seed": options.seed,
      "gen_ai.request.stop_sequences": options.stopSequences
    },
    (response) => ({
      attributes: {
        ...usageAttributes(response.usage),
        "gen_ai.response.model": response.model,
        "gen_ai.response.finish_reasons": [response.finish]
      }
    }),
    ({ error }) => error.reason._tag
  )

/** The span of one tool call. */
export const toolCall = <E extends { readonly _tag: string }, R>(
  effect: Effect.Effect<Outcome, E, R>,
  call: Call
): Effect.Effect<Outcome, E, R> =>
  inSpan(
    effect,
    `execute_tool ${call.name}`,
    "internal",
    {
      "gen_ai.operation.name": "execute_tool",
      "gen_ai.tool.name": call.name,
      "gen_ai.tool.call.id": call.id,
      "gen_ai.tool.type": "function"
    },
    (outcome) =>
      outcome._tag === "Returned"
        ? { attributes: {} }
        : { attributes: { "error.type": outcome.reason }, error: outcome.message },
    (error) => error._tag
  )

/** A model as its vendor names it, where that is known. */
export const modelOf = (target: Target) => target.driver?.model ?? target.id

const usageAttributes = (usage: Usage): Attributes => ({
  "gen_ai.usage.input_tokens": usage.inputTokens.total,
  "gen_ai.usage.output_tokens": usage.outputTokens.total
})
