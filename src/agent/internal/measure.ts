/**
 * Keeps the metrics of runs and model calls, where `Metrics.Enabled` says so.
 */
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import type { ModelFailed } from "../../core/AgentError.ts"
import { Enabled } from "../Metrics.ts"
import type { TurnResponse } from "../ResponseFold.ts"
import type { Target } from "./modelCall.ts"
import type { AgentDefinition } from "./prepare.ts"
import * as Telemetry from "./Telemetry.ts"

/** The numbers of one model's calls that end alike. */
interface Series {
  readonly duration: Metric.Histogram<number>
  readonly input: Metric.Histogram<number>
  readonly output: Metric.Histogram<number>
}

// buckets as the conventions advise them
const seconds = Array.from({ length: 14 }, (_, index) => 0.01 * 2 ** index)
const tokens = Array.from({ length: 14 }, (_, index) => 4 ** index)

const makeSeries = (attributes: { readonly [name: string]: string }): Series => {
  const usage = (type: string) =>
    Metric.histogram("gen_ai.client.token.usage", {
      description: "Number of input and output tokens used.",
      attributes: { ...attributes, "gen_ai.token.type": type, unit: "{token}" },
      boundaries: tokens
    })
  return {
    duration: Metric.histogram("gen_ai.client.operation.duration", {
      description: "Duration of a model call, its retries included.",
      attributes: { ...attributes, unit: "s" },
      boundaries: seconds
    }),
    input: usage("input"),
    output: usage("output")
  }
}

const madeSeries = new WeakMap<object, Map<string, Series>>()

const seriesOf = (target: Target, attribute: "gen_ai.response.model" | "error.type", value: string | undefined) => {
  const owner = target.driver ?? target.service
  let all = madeSeries.get(owner)
  if (all === undefined) madeSeries.set(owner, all = new Map())
  const key = attribute === "error.type" ? `!${value}` : value ?? ""
  let series = all.get(key)
  if (series === undefined) {
    series = makeSeries({
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": target.driver?.provider ?? "custom",
      "gen_ai.request.model": Telemetry.modelOf(target),
      ...(value === undefined ? {} : { [attribute]: value })
    })
    all.set(key, series)
  }
  return series
}

/** Counts a model call that was answered. `took` is in milliseconds. */
export const answered = (
  fiber: Fiber.Fiber<unknown, unknown>,
  target: Target,
  { model, usage }: TurnResponse,
  took: number
): void => {
  if (!fiber.getRef(Enabled)) return
  const { context } = fiber
  const { duration, input, output } = seriesOf(target, "gen_ai.response.model", model)
  duration.updateUnsafe(took / 1000, context)
  if (usage.inputTokens.total !== undefined) input.updateUnsafe(usage.inputTokens.total, context)
  if (usage.outputTokens.total !== undefined) output.updateUnsafe(usage.outputTokens.total, context)
}

/** Counts a model call that failed for good. `took` is in milliseconds. */
export const failed = (
  fiber: Fiber.Fiber<unknown, unknown>,
  target: Target,
  { error }: ModelFailed,
  took: number
): void => {
  if (!fiber.getRef(Enabled)) return
  seriesOf(target, "error.type", error.reason._tag).duration.updateUnsafe(took / 1000, fiber.context)
}

const madeRuns = new WeakMap<AgentDefinition, Map<string, Metric.Counter<number>>>()

/** Counts a run, by how it ended: its `finish`, or the `end` of its `RunFailed`. Called in the fiber that ran it. */
export const runEnded = (agent: AgentDefinition, end: string): void => {
  const fiber = Fiber.getCurrent()
  if (fiber === undefined || !fiber.getRef(Enabled)) return
  let byEnd = madeRuns.get(agent)
  if (byEnd === undefined) madeRuns.set(agent, byEnd = new Map())
  let counter = byEnd.get(end)
  if (counter === undefined) {
    counter = Metric.counter("fluxion.runs", {
      description: "Runs of agents, by how they ended.",
      attributes: { "gen_ai.agent.name": agent.name, "fluxion.end": end, unit: "{run}" }
    })
    byEnd.set(end, counter)
  }
  counter.updateUnsafe(1, fiber.context)
}
