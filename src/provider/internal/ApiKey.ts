/**
 * Reads an API key, from the options or from the environment, and refuses one that no HTTP header can carry, and one of
 * another vendor before it is sent to where it does not belong.
 *
 * Every key that passes here is made known to `Secrets`. No message shows any part of a key.
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { ModelUnresolved } from "../../core/AgentError.ts"
import * as Secrets from "../../core/Secrets.ts"

/** What is wrong with a key's text, or `undefined`. Positions count from 1. */
const problem = (key: string): string | undefined => {
  for (let index = 0; index < key.length; index++) {
    const code = key.charCodeAt(index)
    if (code > 0x20 && code < 0x7f) continue
    const what = code === 0x0a || code === 0x0d
      ? "a line break"
      : code === 0x20 || code === 0x09
      ? "a blank"
      : code < 0x20 || code === 0x7f
      ? "a control character"
      : "a character that is not ASCII"
    return `has ${what} at position ${index + 1} of ${key.length}; copy it again without it`
  }
  return undefined
}

/** Who issues keys of which form. */
const issuers: ReadonlyArray<readonly [form: RegExp, issuer: string]> = [
  [/^sk-ant-/, "Anthropic"],
  [/^AIza/, "Google"],
  [/^sk-or-/, "OpenRouter"],
  [/^gsk_/, "Groq"],
  [/^xai-/, "xAI"],
  [/^pplx-/, "Perplexity"],
  [/^hf_/, "Hugging Face"],
  [/^sk-/, "OpenAI"]
]

/** That a key looks like one of another vendor than `vendor`, if it does. */
export const foreign = (vendor: string, key: unknown): string | undefined => {
  if (typeof key !== "string") return undefined
  const issuer = issuers.find(([form]) => form.test(key))?.[1]
  return issuer === undefined || issuer === vendor
    ? undefined
    : `looks like one of ${issuer}'s, where one of ${vendor}'s is needed`
}

/** Makes the keys known that a ready client holds, alone or as they stand in a header. */
export const adopt = (...keys: ReadonlyArray<unknown>): void => {
  for (const key of keys) if (typeof key === "string") Secrets.register(key.replace(/^(Bearer|Basic) /i, ""))
}

/** Who takes a key, and where it is sent. At any other address than the vendor's own, other keys may be right. */
export interface Recipient {
  readonly vendor: string
  readonly url: string
  /** The vendor's own address. */
  readonly home: string
}

const isAtHome = ({ home, url }: Recipient): boolean => URL.canParse(url) && new URL(url).host === new URL(home).host

const fromEnvironment = (model: string, variable: string): Effect.Effect<Redacted.Redacted<string>, ModelUnresolved> =>
  Config.Redacted(variable).pipe(
    Config.withDefault(Redacted.make("")),
    Effect.mapError((error) =>
      new ModelUnresolved({
        model,
        problem: "missing-key",
        detail: `the environment variable ${variable} cannot be read: ${error.message}`
      })
    )
  )

/** The key given in the options, else the environment variable's. An empty one counts as missing. */
export const read = (options: {
  /** What it is needed for, `"provider/model"`. */
  readonly model: string
  /** The environment variable; of several, the first that is set. */
  readonly variable: string | readonly [string, ...ReadonlyArray<string>]
  readonly apiKey?: Redacted.Redacted<string> | undefined
  readonly recipient?: Recipient | undefined
}): Effect.Effect<Redacted.Redacted<string>, ModelUnresolved> =>
  Effect.gen(function*() {
    const given = options.apiKey
    const variables = typeof options.variable === "string" ? [options.variable] as const : options.variable
    let variable: string = variables[0]
    let key = given ?? Redacted.make("")
    if (given === undefined) {
      for (variable of variables) {
        key = yield* fromEnvironment(options.model, variable)
        if (Redacted.value(key) !== "") break
      }
    }
    const text = Redacted.value(key)
    if (text === "") {
      return yield* new ModelUnresolved({
        model: options.model,
        problem: "missing-key",
        detail: given === undefined
          ? `there is no API key; set the environment variable ${variables.join(" or ")}, or give \`apiKey\``
          : "the option `apiKey` is empty"
      })
    }
    const where = given === undefined ? variable : "`apiKey`"
    const wrong = problem(text)
    if (wrong !== undefined) {
      return yield* new ModelUnresolved({
        model: options.model,
        problem: "malformed-key",
        detail: `the API key in ${where} ${wrong}`
      })
    }
    const { recipient } = options
    const stray = recipient !== undefined && isAtHome(recipient) ? foreign(recipient.vendor, text) : undefined
    if (stray !== undefined) {
      return yield* new ModelUnresolved({
        model: options.model,
        problem: "wrong-key",
        detail: `the API key in ${where} ${stray}; it was not sent`
      })
    }
    return Secrets.register(key)
  })
