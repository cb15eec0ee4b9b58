/**
 * Keeps secrets out of what is shown or stored: events, log lines, spans, progress, tool results.
 *
 * A secret is known once it was registered: providers register their keys, tasks the `Redacted` fields of their
 * payloads, and `Secrets.config` what it reads. From then on every text that leaves a run has it replaced by
 * `<redacted>`, also where it stands JSON- or URL-encoded. The registry belongs to the process, as its secrets do; it
 * only grows, by what was registered, and holds nothing shorter than 6 characters, since replacing those would damage
 * ordinary text.
 */
import * as Config from "effect/Config"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"

const minLength = 6
const mask = "<redacted>"
const known = new Set<string>()

/** Makes a secret known, so that it is replaced wherever a run would show it. Returns it. */
export const register = <Secret extends Redacted.Redacted<string> | string>(secret: Secret): Secret => {
  const value = typeof secret === "string" ? secret : Redacted.value(secret)
  if (value.length >= minLength) {
    known.add(value)
    known.add(JSON.stringify(value).slice(1, -1))
    known.add(encodeURIComponent(value))
  }
  return secret
}

/** `Config.Redacted(name)`, made known: `const key = yield* Secrets.config("STRIPE_KEY")`. */
export const config = (name: string): Config.Config<Redacted.Redacted<string>> =>
  Config.map(Config.Redacted(name), register)

/** Registers the `Redacted` texts among a payload's own fields. */
export const registerFields = (payload: unknown): void => {
  if (!Predicate.isObject(payload)) return
  for (const value of Object.values(payload)) {
    if (Redacted.isRedacted(value)) {
      const inner = Redacted.value(value)
      if (typeof inner === "string") register(inner)
    }
  }
}

/** The text without any known secret. */
export const scrub = (text: string): string => {
  let out = text
  for (const secret of known) if (out.includes(secret)) out = out.replaceAll(secret, mask)
  return out
}

/** A JSON-like value without any known secret in its texts and keys; the same value when there is none. */
export const scrubValue = <A>(value: A): A => known.size === 0 ? value : walk(value, new Set()) as A

const walk = (value: unknown, seen: Set<unknown>): unknown => {
  if (typeof value === "string") return scrub(value)
  if (typeof value !== "object" || value === null || seen.has(value)) return value
  seen.add(value)
  if (Array.isArray(value)) {
    const items = value.map((item) => walk(item, seen))
    return items.some((item, index) => item !== value[index]) ? items : value
  }
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return value
  let changed = false
  const out: Record<string, unknown> = {}
  for (const [key, item] of Object.entries(value)) {
    const cleanKey = scrub(key)
    const clean = walk(item, seen)
    if (clean !== item || cleanKey !== key) changed = true
    out[cleanKey] = clean
  }
  return changed ? out : value
}
