/**
 * What SDKs read from the environment by themselves, read through Effect's `Config`, so that a `ConfigProvider` has the
 * last word; and whether an address is one.
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import { ModelUnresolved } from "../../core/AgentError.ts"

/** An environment variable's text; `undefined` if it is not set or blank. `model` is what it is needed for. */
export const read = (model: string, variable: string): Effect.Effect<string | undefined, ModelUnresolved> =>
  Config.String(variable).pipe(
    Config.withDefault(""),
    Effect.map((value) => value.trim() === "" ? undefined : value.trim()),
    Effect.mapError((error) =>
      new ModelUnresolved({ model, problem: "bad-settings", detail: `${variable} cannot be read: ${error.message}` })
    )
  )

const badSettings = (model: string, detail: string) =>
  Effect.fail(new ModelUnresolved({ model, problem: "bad-settings", detail }))

/** Refuses what is no address of a server, or holds a secret; `example` is one that is fine. */
export const checkUrl = (model: string, url: string, example: string): Effect.Effect<void, ModelUnresolved> => {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) {
    return badSettings(model, `"${url}" is no address of a server; give one like ${example}`)
  }
  return parsed.username === "" && parsed.password === ""
    ? Effect.void
    : badSettings(model, "the address holds a user or a password; give them in `headers`")
}

/** The address of a path at a server, for messages: without what may be secret in it. */
export const publicUrl = (baseUrl: string, path: string): string => {
  if (!URL.canParse(baseUrl)) return baseUrl
  const { origin, pathname } = new URL(baseUrl)
  return `${origin}${pathname.replace(/\/$/, "")}${path}`
}
