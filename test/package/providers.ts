// The subpaths of the providers, from strict TypeScript with the vendors' SDKs installed.
import type { Layer } from "effect"
import type { LanguageModel } from "effect/ai"
import { Anthropic } from "fluxion/anthropic"
import { Google } from "fluxion/google"
import { Ollama } from "fluxion/ollama"
import { OpenAi } from "fluxion/openai"
import { OpenAiCompatible } from "fluxion/openai-compatible"
import { Providers } from "fluxion/providers"

export const models: ReadonlyArray<Layer.Layer<LanguageModel.LanguageModel, unknown>> = [
  OpenAi.model("gpt-5"),
  Anthropic.model("claude-sonnet-4-5"),
  Google.model("gemini-2.5-flash"),
  Ollama.model("llama3.2"),
  OpenAiCompatible.model("groq/llama-3.3-70b-versatile")
]
export const all = Providers.layer
