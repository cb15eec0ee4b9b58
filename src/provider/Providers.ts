/**
 * All providers at once: the Layer behind `model: "provider/name"`; those with an API of their own, and every server that
 * is registered at `OpenAiCompatible`, before or after the Layer is built.
 *
 * A provider's code, and the SDK under it, is loaded when its first model is asked for. Settings come from the
 * environment, as each provider documents it, or from `layerWith`.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Provider } from "../agent/Models.ts"
import * as Models from "../agent/Models.ts"
import type * as AnthropicSettings from "./anthropic/AnthropicSettings.ts"
import * as Servers from "./compatible/CompatibleServers.ts"
import type * as CompatibleSettings from "./compatible/CompatibleSettings.ts"
import type * as GoogleSettings from "./google/GoogleSettings.ts"
import type * as OllamaSettings from "./ollama/OllamaSettings.ts"
import type * as OpenAiSettings from "./openai/OpenAiSettings.ts"

/** Settings by provider; each is the environment's where it says nothing. */
export interface Options {
  readonly openai?: OpenAiSettings.Settings | undefined
  readonly anthropic?: AnthropicSettings.Settings | undefined
  readonly google?: GoogleSettings.Settings | undefined
  readonly ollama?: OllamaSettings.Settings | undefined
  /** By the name of the server. One that is not registered needs a `baseUrl`, and is known in this Layer only. */
  readonly compatible?: { readonly [name: string]: CompatibleSettings.Settings } | undefined
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

const toCompatible = (name: string, settings: CompatibleSettings.Settings | undefined): Provider =>
  lazy(
    name,
    () =>
      import("./compatible/OpenAiCompatible.ts").then((OpenAiCompatible) => OpenAiCompatible.provider(name, settings))
  )

/** The servers that speak Chat Completions: those of the settings, and those that are registered when it is asked. */
const compatible = (settings: NonNullable<Options["compatible"]>): () => ReadonlyArray<Provider> => {
  const made = new Map<
    string,
    { readonly registration: Servers.Registration | undefined; readonly provider: Provider }
  >()
  const of = (name: string): Provider => {
    const registration = Servers.find(name)
    const before = made.get(name)
    if (before !== undefined && before.registration === registration) return before.provider
    const provider = toCompatible(name, settings[name])
    made.set(name, { registration, provider })
    return provider
  }
  return () => [...new Set([...Servers.names(), ...Object.keys(settings)])].map(of)
}

/** `Models` of every provider there is, with settings. Throws a `TypeError` for a name of a server that is none. */
export const layerWith = (options: Options): Layer.Layer<Models.Models> => {
  const settings = options.compatible ?? {}
  for (const name of Object.keys(settings)) Servers.assertName(name)
  return Layer.suspend(() => {
    const servers = compatible(settings)
    const builtIn = [
      lazy("openai", () => import("./openai/OpenAi.ts").then((OpenAi) => OpenAi.provider(options.openai))),
      lazy(
        "anthropic",
        () => import("./anthropic/Anthropic.ts").then((Anthropic) => Anthropic.provider(options.anthropic))
      ),
      lazy("google", () => import("./google/Google.ts").then((Google) => Google.provider(options.google))),
      lazy("ollama", () => import("./ollama/Ollama.ts").then((Ollama) => Ollama.provider(options.ollama)))
    ]
    return Models.layer(() => [...builtIn, ...servers()])
  })
}

/** `Models` of every provider there is, by the environment. */
export const layer: Layer.Layer<Models.Models> = layerWith({})
