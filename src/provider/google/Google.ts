/**
 * Google's models, by the Gemini API.
 *
 * Three ways in: `model(name)` reads the environment; `layer({ … })` takes settings, or a ready SDK client for Vertex AI
 * or a proxy; `provider(options?)` gives all models by name to `Models`. All are one driver. The `@google/genai` package
 * is loaded when the first of them is built.
 */
import type { GoogleGenAI } from "@google/genai"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Driver from "../../agent/Driver.ts"
import type { Provider } from "../../agent/Models.ts"
import type { ModelUnresolved } from "../../core/AgentError.ts"
import * as ConfigOptions from "../internal/ConfigOptions.ts"
import * as ModelLayer from "../internal/ModelLayer.ts"
import * as SharedConnection from "../internal/SharedConnection.ts"
import * as Connection from "./GoogleConnection.ts"
import * as GoogleDriver from "./GoogleDriver.ts"
import type { Settings } from "./GoogleSettings.ts"

export type { Settings } from "./GoogleSettings.ts"

/** Settings, and the client if it is ready. */
export interface ProviderOptions extends Settings {
  /**
   * A client of the `@google/genai` package, one for Vertex AI included, used as it is; then the settings about key,
   * address, headers and `fetch` are not used. Its own retries are turned off for our calls.
   */
  readonly client?: GoogleGenAI | undefined
}

/** Options of one model. */
export interface Options extends ProviderOptions {
  /** The model's name at Google, as in `"gemini-2.5-flash"`. */
  readonly model: string
}

const id = (model: string) => `${GoogleDriver.provider}/${model}`

const makeDriver = ({ client, model, ...settings }: Options) =>
  Effect.flatMap(
    Connection.make(id(model), settings, client),
    (connection) => GoogleDriver.make(connection, model)
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
  ModelLayer.make(Effect.flatMap(ConfigOptions.read<Options>(GoogleDriver.provider, options), makeDriver))

/**
 * The Layer of one model, with the key from `GOOGLE_API_KEY`, else `GEMINI_API_KEY`, and the address from
 * `GOOGLE_GEMINI_BASE_URL`.
 */
export const model = (name: string): Layer.Layer<ModelLayer.Services, ModelUnresolved> => layer({ model: name })

/** All models of Google, for `Models.layer`. They share one client, made with the first of them. */
export const provider = (options: ProviderOptions = {}): Provider => {
  const { client, ...settings } = options
  const connect = SharedConnection.make((name) => Connection.make(id(name), settings, client))
  return {
    name: GoogleDriver.provider,
    model: (name) =>
      Effect.gen(function*() {
        return yield* Driver.toLanguageModel(yield* GoogleDriver.make(yield* connect(name), name))
      })
  }
}
