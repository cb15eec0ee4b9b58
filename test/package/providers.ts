// The subpaths of the providers, from strict TypeScript with the vendors' SDKs installed.
import type { Layer } from "effect"
import type { LanguageModel } from "effect/ai"
import { Ollama } from "fluxion/ollama"
import { OpenAi } from "fluxion/openai"
import { Providers } from "fluxion/providers"

export const models: ReadonlyArray<Layer.Layer<LanguageModel.LanguageModel, unknown>> = [
  OpenAi.model("gpt-5"),
  Ollama.model("llama3.2")
]
export const all = Providers.layer
