/**
 * Options of a Layer that may come from the configuration, one by one.
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import { ModelUnresolved } from "../../core/AgentError.ts"

/** `Options`, each as a value or as a `Config`. */
export type ConfigOptions<Options> = {
  readonly [Key in keyof Options]: Options[Key] | Config.Config<NonNullable<Options[Key]>>
}

/** Reads them. One that cannot be read is `ModelUnresolved` (`bad-settings`), with the option's name. */
export const read = Effect.fnUntraced(function*<Options extends { readonly model: string }>(
  provider: string,
  options: ConfigOptions<Options>
): Effect.fn.Return<Options, ModelUnresolved> {
  const read: Record<string, unknown> = {}
  for (const [name, value] of Object.entries<unknown>({ ...options })) {
    read[name] = Config.isConfig(value)
      ? yield* Effect.mapError(value, (error) =>
        new ModelUnresolved({
          model: `${provider}/${typeof options.model === "string" ? options.model : "?"}`,
          problem: "bad-settings",
          detail: `the option \`${name}\` cannot be read: ${error.message}`
        }))
      : value
  }
  return read as Options
})
