/**
 * All providers at once: the Layer behind `model: "provider/name"`.
 *
 * A provider's code, and the SDK under it, is loaded when its first model is asked for. Settings come from the
 * environment, as each provider documents it, or from `layerWith`.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Provider } from "../agent/Models.ts"
import * as Models from "../agent/Models.ts"
import type * as AnthropicSettings from "./anthropic/AnthropicSettings.ts"
import type * as GoogleSettings from "./google/GoogleSettings.ts"
import type * as OllamaSettings from "./ollama/OllamaSettings.ts"
import type * as OpenAiSettings from "./openai/OpenAiSettings.ts"

/** Settings by provider; each is the environment's where it says nothing. */
export interface Options {
  readonly openai?: OpenAiSettings.Settings | undefined
  readonly anthropic?: AnthropicSettings.Settings | undefined
  readonly google?: GoogleSettings.Settings | undefined
  readonly ollama?: OllamaSettings.Settings | undefined
}

const lazy = (name: string, load: () => Promise<Provider>): Provider => {
  let provider: Provider | undefined
  return {
    name,
    model: (model) =>
      Effect.gen(function*() {
        provider ??= yield* Effect.promise(load)
        return yield* provider.model(model)
      })
  }
}

/** `Models` of every provider there is, with settings. */
export const layerWith = (options: Options): Layer.Layer<Models.Models> =>
  Layer.suspend(() =>
    Models.layer([
      lazy("openai", () => import("./openai/OpenAi.ts").then((OpenAi) => OpenAi.provider(options.openai))),
      lazy(
        "anthropic",
        () => import("./anthropic/Anthropic.ts").then((Anthropic) => Anthropic.provider(options.anthropic))
      ),
      lazy("google", () => import("./google/Google.ts").then((Google) => Google.provider(options.google))),
      lazy("ollama", () => import("./ollama/Ollama.ts").then((Ollama) => Ollama.provider(options.ollama)))
    ])
  )

/** `Models` of every provider there is, by the environment. */
export const layer: Layer.Layer<Models.Models> = layerWith({})
