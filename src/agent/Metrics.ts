/**
 * Metrics of runs and model calls, through Effect's `Metric`: `Effect.provide(Metrics.layer)`.
 *
 * | metric                             | kind      | attributes                                                   |
 * | ---------------------------------- | --------- | ------------------------------------------------------------ |
 * | `gen_ai.client.token.usage`        | histogram | the model's, `gen_ai.token.type`: `input`, `output`          |
 * | `gen_ai.client.operation.duration` | histogram | the model's, `error.type` where it failed; in seconds        |
 * | `fluxion.runs`                     | counter   | `gen_ai.agent.name`, `fluxion.end`: `answered`, `timed-out`… |
 *
 * Names, buckets and the model's attributes (`gen_ai.operation.name`, `gen_ai.provider.name`, `gen_ai.request.model`,
 * `gen_ai.response.model`) are those of the OpenTelemetry conventions for generative AI. A model call is counted with
 * its retries as one; an interrupted one is not counted. They are off unless asked for, since keeping them costs about
 * 1 µs a model call.
 */
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"

/** Whether metrics are kept. Default: no. */
export const Enabled: Context.Reference<boolean> = Context.Reference<boolean>("fluxion/agent/Metrics/Enabled", {
  defaultValue: () => false
})

/** Keeps the metrics of all runs that it is provided to. */
export const layer: Layer.Layer<never> = Layer.succeed(Enabled, true)
