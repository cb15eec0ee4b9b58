/**
 * Spans for runs, model calls and tool calls, by the OpenTelemetry conventions for generative AI, through Effect's
 * tracer and without stack capture. Nothing is made while nobody traces.
 */
import * as Effect from "effect/Effect"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"
import type * as Fiber from "effect/Fiber"
import type { RunResult } from "../../core/AgentEvent.ts"
import type { Usage } from "../../core/Usage.ts"
import type { ModelOptions } from "../ModelOptions.ts"
import type { TurnResponse } from "../ResponseFold.ts"
import type { Outcome } from "../Toolbox.ts"
import type { Call } from "../Turn.ts"
import type { Target } from "./modelCall.ts"

type Attributes = { readonly [name: string]: unknown }

/** Whether somebody traces: a tracer was given, or a span is open. */
export const isOn = (fiber: Fiber.Fiber<unknown, unknown>): boolean => {
  const services = fiber.context.mapUnsafe
  return (services.has(Tracer.Tracer.key) || services.has(Tracer.ParentSpan.key))
    && fiber.getRef(References.TracerEnabled)
}

const inSpan = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  name: () => string,
  attributes: () => Attributes,
  kind: Tracer.SpanKind,
  onSuccess?: (value: A) => Attributes
): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) => {
    if (!isOn(fiber)) return effect
    const annotated = onSuccess === undefined
      ? effect
      : Effect.tap(effect, (value) => Effect.annotateCurrentSpan(onSuccess(value)))
    return Effect.withSpan(annotated, name(), {
      attributes: attributes(),
      kind,
      captureStackTrace: false
    }) as Effect.Effect<A, E, R>
  })

/** The span of a whole run. */
export const run = <E, R>(
  effect: Effect.Effect<RunResult<any>, E, R>,
  agent: string
): Effect.Effect<RunResult<any>, E, R> =>
  inSpan(effect, () => "Agent.run", () => ({
    "gen_ai.operation.name": "invoke_agent",
    "gen_ai.agent.name": agent
  }), "internal", (result) => ({
    ...usageAttributes(result.usage),
    "fluxion.run.finish": result.finish,
    "fluxion.run.turns": result.turns,
    "fluxion.run.tool_calls": result.toolCalls
  }))

/** The span of one model call, its retries included. */
export const modelCall = <E, R>(
  effect: Effect.Effect<TurnResponse, E, R>,
  { agent, options, target }: { readonly agent: string; readonly options: ModelOptions; readonly target: Target }
): Effect.Effect<TurnResponse, E, R> =>
  inSpan(effect, () => `chat ${target.driver?.model ?? target.id}`, () => ({
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": target.driver?.provider,
    "gen_ai.agent.name": agent,
    "gen_ai.request.model": target.driver?.model ?? target.id,
    "gen_ai.request.max_tokens": options.maxTokens,
    "gen_ai.request.temperature": options.temperature,
    "gen_ai.request.top_p": options.topP,
    "gen_ai.request.seed": options.seed,
    "gen_ai.request.stop_sequences": options.stopSequences
  }), "client", (response) => ({
    ...usageAttributes(response.usage),
    "gen_ai.response.model": response.model,
    "gen_ai.response.finish_reasons": [response.finish]
  }))

/** The span of one tool call. */
export const toolCall = <E, R>(
  effect: Effect.Effect<Outcome, E, R>,
  call: Call
): Effect.Effect<Outcome, E, R> =>
  inSpan(effect, () => `execute_tool ${call.name}`, () => ({
    "gen_ai.operation.name": "execute_tool",
    "gen_ai.tool.name": call.name,
    "gen_ai.tool.call.id": call.id
  }), "internal", (outcome) => outcome._tag === "Failed" ? { "error.type": outcome.reason } : {})

const usageAttributes = (usage: Usage): Attributes => ({
  "gen_ai.usage.input_tokens": usage.inputTokens.total,
  "gen_ai.usage.output_tokens": usage.outputTokens.total
})
