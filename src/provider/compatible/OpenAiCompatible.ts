/**
 * Models of any server that speaks OpenAI's Chat Completions: vLLM, LM Studio, OpenRouter, Groq, DeepSeek, Mistral, …
 *
 * Ways in: `layer({ baseUrl, model })` for one model of any server; `register(name, { baseUrl, … })` gives a server a
 * name, after which `"name/model"` is a model for `Providers.layer` and `model("name/model")` its Layer; `provider(name)`
 * gives all its models to `Models`. All are one driver. The `openai` package is loaded when the first is built.
 */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type OpenAI from "openai"
import * as Driver from "../../agent/Driver.ts"
import type { Provider } from "../../agent/Models.ts"
import * as Models from "../../agent/Models.ts"
import { ModelUnresolved } from "../../core/AgentError.ts"
import * as ConfigOptions from "../internal/ConfigOptions.ts"
import * as ModelLayer from "../internal/ModelLayer.ts"
import * as SharedConnection from "../internal/SharedConnection.ts"
import * as Connection from "./CompatibleConnection.ts"
import { defaultName } from "./CompatibleDialect.ts"
import * as CompatibleDriver from "./CompatibleDriver.ts"
import * as Servers from "./CompatibleServers.ts"
import type { Settings } from "./CompatibleSettings.ts"

export type { Dialect } from "./CompatibleDialect.ts"
export type { Registration } from "./CompatibleServers.ts"
export type { Settings } from "./CompatibleSettings.ts"

/**
 * Gives a server a name for the whole process, in place of one that had it: from then on `"name/model"` is a model of
 * it, also for a `Providers.layer` that is built already.
 *
 * Throws a `TypeError` for a name that is none, or another provider's (`openai`, `anthropic`, `google`, `ollama`).
 */
export const register: (name: string, registration: Servers.Registration) => void = Servers.register

/** Settings, and the client if it is ready. */
export interface ProviderOptions extends Settings {
  /**
   * A client of the `openai` package, `AzureOpenAI` and the like included, used as it is; then the settings about key,
   * address and `fetch` are not used. Its own retries are turned off for our calls.
   */
  readonly client?: OpenAI | undefined
}

/** Options of one model. */
export interface Options extends ProviderOptions {
  /** The model's name at the server. */
  readonly model: string
  /**
   * The server's name: what is registered for it holds where the options say nothing, and provider options and metadata
   * stand under it. Default: `"openai-compatible"`.
   */
  readonly name?: string | undefined
}

const makeDriver = ({ client, model, name = defaultName, ...settings }: Options) =>
  Effect.flatMap(
    Connection.make(`${name}/${model}`, name, settings, client),
    (connection) => CompatibleDriver.make(connection, model)
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
  ModelLayer.make(
    Effect.flatMap(
      ConfigOptions.read<Options>(typeof options.name === "string" ? options.name : defaultName, options),
      makeDriver
    )
  )

const unresolved = (model: string, problem: ModelUnresolved["problem"], detail: string) =>
  Effect.fail(new ModelUnresolved({ model, problem, detail }))

/** The Layer of a model of a registered server, as in `"groq/llama-3.3-70b"`, by the environment. */
export const model = (id: string): Layer.Layer<ModelLayer.Services, ModelUnresolved> =>
  ModelLayer.make(Effect.suspend(() => {
    const parsed = Models.parse(id)
    if (parsed === undefined) {
      return unresolved(id, "bad-name", `a model is named "server/model", as in "groq/llama-3.3-70b"`)
    }
    if (Servers.find(parsed.provider) === undefined) {
      const known = Servers.names().join(", ")
      return unresolved(id, "unknown-provider", `no server "${parsed.provider}" is registered; there are: ${known}`)
    }
    return makeDriver({ name: parsed.provider, model: parsed.model })
  }))

/**
 * All models of a server, for `Models.layer`. They share one client, made with the first of them. What is registered
 * for the name holds where the options say nothing.
 */
export const provider = (name: string, options: ProviderOptions = {}): Provider => {
  const { client, ...settings } = options
  const connect = SharedConnection.make((model) => Connection.make(`${name}/${model}`, name, settings, client))
  return {
    name,
    model: (model) =>
      Effect.gen(function*() {
        return yield* Driver.toLanguageModel(yield* CompatibleDriver.make(yield* connect(model), model))
      })
  }
}
