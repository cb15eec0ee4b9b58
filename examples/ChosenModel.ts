/**
 * The Model that these programs run on: the one that `--model provider/name` or FLUXION_MODEL names, else the demo model.
 */
import { Layer } from "effect"
import { LanguageModel } from "effect/ai"
import { type AgentError, Models } from "fluxion"
import { Providers } from "fluxion/providers"
import { parseArgs } from "node:util"
import * as DemoModel from "./DemoModel.ts"

/** `"provider/name"`, if one is named. */
export const name = (args = process.argv.slice(2)): string | undefined => {
  const { values } = parseArgs({ args, options: { model: { type: "string" } }, strict: false })
  return typeof values.model === "string" ? values.model : process.env["FLUXION_MODEL"] || undefined
}

/** A real model by its name; the demo model for `undefined`. */
export const of = (
  name: string | undefined
): Layer.Layer<LanguageModel.LanguageModel, AgentError.ModelUnresolved> =>
  name === undefined
    ? DemoModel.layer
    : Layer.effect(LanguageModel.LanguageModel, Models.Models.use((models) => models.get(name)))
      .pipe(Layer.provide(Providers.layer))

export const layer: Layer.Layer<LanguageModel.LanguageModel, AgentError.ModelUnresolved> = Layer.suspend(() =>
  of(name())
)

/** The model that is named, else the one given: an example's script, where rules would not do. */
export const or = (
  model: Layer.Layer<LanguageModel.LanguageModel>
): Layer.Layer<LanguageModel.LanguageModel, AgentError.ModelUnresolved> =>
  Layer.suspend(() => name() === undefined ? model : layer)

/** Ends a program with one line when it fails in a way that its reader can mend. */
export const report = (error: unknown): void => {
  process.exitCode = 1
  const isForReader = error instanceof Error && "_tag" in error
  console.error(isForReader ? `error: ${error.message.replace(/\s*\n\s*/g, " ")}` : error)
}

process.on("uncaughtException", report)
