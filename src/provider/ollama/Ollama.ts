/**
 * Models on an Ollama server, through the `ollama` package.
 *
 * Three ways in: `model(name)` reads the environment (`OLLAMA_HOST`; `OLLAMA_API_KEY` for ollama.com), which has to say
 * nothing for a server on this machine; `layer({ … })` takes settings, or a ready SDK client; `provider(options?)` gives
 * all models by name to `Models`. All are one driver. The package is loaded when the first of them is built; building
 * one asks nothing of the server.
 */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type { Ollama } from "ollama"
import * as Driver from "../../agent/Driver.ts"
import type { Provider } from "../../agent/Models.ts"
import type { ModelUnresolved } from "../../core/AgentError.ts"
import * as ConfigOptions from "../internal/ConfigOptions.ts"
import * as ModelLayer from "../internal/ModelLayer.ts"
import * as SharedConnection from "../internal/SharedConnection.ts"
import * as OllamaConnection from "./OllamaConnection.ts"
import * as OllamaDriver from "./OllamaDriver.ts"
import type { Settings } from "./OllamaSettings.ts"

export type { Settings } from "./OllamaSettings.ts"

/** Settings, and the client if it is ready. */
export interface ProviderOptions extends Settings {
  /** A client of the `ollama` package; then the settings about address, key, headers and `fetch` are not used. */
  readonly client?: Ollama | undefined
}

/** Options of one model. */
export interface Options extends ProviderOptions {
  /** As `ollama list` shows it: `"llama3.2"`, `"qwen3:8b"`. */
  readonly model: string
}

const connect = ({ client, ...settings }: ProviderOptions, model: string) =>
  OllamaConnection.make(`${OllamaDriver.provider}/${model}`, settings, client)

const makeDriver = ({ model, ...options }: Options) =>
  Effect.flatMap(connect(options, model), (connection) => OllamaDriver.make(connection, model))

/**
 * The Layer of one model. What the options do not say, the environment does.
 *
 * Fails with `ModelUnresolved`: the package is missing, the address is none, ollama.com's key is missing or malformed.
 */
export const layer = (options: Options): Layer.Layer<ModelLayer.Services, ModelUnresolved> =>
  ModelLayer.make(Effect.suspend(() => makeDriver(options)))

/** `layer` with options that may be `Config`s; one that cannot be read is `ModelUnresolved` (`bad-settings`). */
export const layerConfig = (
  options: ConfigOptions.ConfigOptions<Options>
): Layer.Layer<ModelLayer.Services, ModelUnresolved> =>
  ModelLayer.make(Effect.flatMap(ConfigOptions.read<Options>(OllamaDriver.provider, options), makeDriver))

/** The Layer of one model, on the server that `OLLAMA_HOST` names, else on this machine. */
export const model = (name: string): Layer.Layer<ModelLayer.Services, ModelUnresolved> => layer({ model: name })

/** All models of a server, for `Models.layer`. They share one client and the places for calls. */
export const provider = (options: ProviderOptions = {}): Provider => {
  const connection = SharedConnection.make((name) => connect(options, name))
  return {
    name: OllamaDriver.provider,
    model: (name) =>
      Effect.gen(function*() {
        return yield* Driver.toLanguageModel(yield* OllamaDriver.make(yield* connection(name), name))
      })
  }
}
