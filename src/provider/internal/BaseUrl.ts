/**
 * Where a vendor is reached: the option, else the environment variable, else the vendor's own address.
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import { ModelUnresolved } from "../../core/AgentError.ts"

/** The address to use. One that is no `http(s)` URL is `ModelUnresolved` (`bad-settings`). */
export const read = Effect.fnUntraced(function*(options: {
  /** What it is needed for, `"provider/model"`. */
  readonly model: string
  readonly baseUrl: string | undefined
  /** The environment variable. An empty one counts as missing. */
  readonly variable: string
  /** The vendor's own address. */
  readonly fallback: string
}): Effect.fn.Return<string, ModelUnresolved> {
  const wrong = (detail: string) => new ModelUnresolved({ model: options.model, problem: "bad-settings", detail })
  const fromEnvironment = Config.String(options.variable).pipe(
    Config.withDefault(""),
    Effect.mapError((error) => wrong(`${options.variable} cannot be read: ${error.message}`))
  )
  const url = options.baseUrl ?? ((yield* fromEnvironment).trim() || options.fallback)
  if (URL.canParse(url) && /^https?:/i.test(url)) return url
  return yield* wrong(`"${url}" is no address of a server; give one like ${options.fallback}`)
})
