/**
 * Anthropic's models, by its Messages API.
 *
 * Three ways in: `model(name)` reads the environment; `layer({ … })` takes settings, or a ready SDK client for Bedrock,
 * Vertex or a proxy; `provider(options?)` gives all models by name to `Models`. All are one driver. The
 * `@anthropic-ai/sdk` package is loaded when the first of them is built.
 */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Driver from "../../agent/Driver.ts"
import type { Provider } from "../../agent/Models.ts"
import type { ModelUnresolved } from "../../core/AgentError.ts"
import * as ConfigOptions from "../internal/ConfigOptions.ts"
import * as ModelLayer from "../internal/ModelLayer.ts"
import * as SharedConnection from "../internal/SharedConnection.ts"
import * as Connection from "./AnthropicConnection.ts"
import * as AnthropicDriver from "./AnthropicDriver.ts"
import type { Settings } from "./AnthropicSettings.ts"

export type { Settings } from "./AnthropicSettings.ts"
export { ToolOptions } from "./AnthropicTools.ts"

/** Settings, and the client if it is ready. */
export interface ProviderOptions extends Settings {
  /**
   * A client of the `@anthropic-ai/sdk` package, or of its companions for Bedrock, Vertex and Foundry, used as it is;
   * then the settings about key, address and `fetch` are not used. Its own retries are turned off for our calls.
   */
  readonly client?: Connection.Client | undefined
}

/** Options of one model. */
export interface Options extends ProviderOptions {
  /** The model's name at Anthropic, as in `"claude-sonnet-4-6"`. */
  readonly model: string
}

const id = (model: string) => `${AnthropicDriver.provider}/${model}`

const makeDriver = ({ client, model, ...settings }: Options) =>
  Effect.map(
    Connection.make(id(model), settings, client),
    (connection) => AnthropicDriver.make(connection, model)
  )

/**
 * The Layer of one model.
 *
 * Fails with `ModelUnresolved`: the package is missing, the key is missing or malformed, a setting is wrong.
 */
export const layer = (options: Options): Layer.Layer<ModelLayer.Services, ModelUnresolved> =>
  ModelLayer.make(Effect.suspend(() => makeDriver(options)))

/** `layer` with options that may be `Config`s; one that cannot be read is `ModelUnresolved` (`bad-settings`). */
export const layerConfig = (
  options: ConfigOptions.ConfigOptions<Options>
): Layer.Layer<ModelLayer.Services, ModelUnresolved> =>
  ModelLayer.make(Effect.flatMap(ConfigOptions.read<Options>(AnthropicDriver.provider, options), makeDriver))

/** The Layer of one model, with the key from `ANTHROPIC_API_KEY` and the address from `ANTHROPIC_BASE_URL`. */
export const model = (name: string): Layer.Layer<ModelLayer.Services, ModelUnresolved> => layer({ model: name })

/** All models of Anthropic, for `Models.layer`. They share one client, made with the first of them. */
export const provider = (options: ProviderOptions = {}): Provider => {
  const { client, ...settings } = options
  const connect = SharedConnection.make((name) => Connection.make(id(name), settings, client))
  return {
    name: AnthropicDriver.provider,
    model: (name) =>
      Effect.gen(function*() {
        return yield* Driver.toLanguageModel(AnthropicDriver.make(yield* connect(name), name))
      })
  }
}
