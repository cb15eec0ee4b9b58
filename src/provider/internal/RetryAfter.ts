/**
 * How long a vendor asks to wait, from the headers and the text of its refusal.
 *
 * Sources: RFC 9110 (`retry-after`: seconds or an HTTP date), OpenAI and Azure (`retry-after-ms`,
 * `x-ratelimit-reset-requests|tokens` as `1s`, `6m0s`, `20ms`), OpenRouter (`x-ratelimit-reset`, epoch milliseconds),
 * Anthropic (`anthropic-ratelimit-…-reset`, RFC 3339), Google (in its message: `Please retry in 34.4s`).
 */

/** The part of `Headers` that is read. */
export interface HeaderReader {
  readonly get: (name: string) => string | null
}

const units: { readonly [unit: string]: number } = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Milliseconds of `6m0s`, `1.2s`, `20ms`; `undefined` for anything else. */
export const parseSpan = (text: string): number | undefined => {
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) return undefined
  let total = 0
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) total += Number(amount) * units[unit!]!
  return total
}

const number = (text: string | null): number | undefined => {
  if (text === null || text.trim() === "") return undefined
  const value = Number(text)
  return Number.isFinite(value) && value >= 0 ? value : undefined
}

const fromDate = (text: string | null, now: number): number | undefined => {
  if (text === null || !/^([a-z]{3,9},? |\d{4}-\d\d-\d\dT)/i.test(text)) return undefined
  const at = Date.parse(text)
  return Number.isNaN(at) ? undefined : Math.max(0, at - now)
}

const fromEpoch = (value: number | undefined, now: number): number | undefined => {
  if (value === undefined) return undefined
  if (value > 1e11) return Math.max(0, value - now)
  return value > 1e9 ? Math.max(0, value * 1000 - now) : value * 1000
}

/** What there is so much of in a time, as its headers: what remains, and when it is all there again. */
const limits: ReadonlyArray<readonly [remaining: string, reset: string]> = [
  ...["requests", "tokens"].map((what) => [`x-ratelimit-remaining-${what}`, `x-ratelimit-reset-${what}`] as const),
  ...["requests", "tokens", "input-tokens", "output-tokens"].map((what) =>
    [`anthropic-ratelimit-${what}-remaining`, `anthropic-ratelimit-${what}-reset`] as const
  )
]

const exhausted = (headers: HeaderReader, now: number): number | undefined => {
  const waits = limits.flatMap(([remaining, name]) => {
    const reset = headers.get(name)
    if (reset === null || headers.get(remaining) !== "0") return []
    const seconds = number(reset)
    const wait = parseSpan(reset) ?? (seconds === undefined ? fromDate(reset, now) : seconds * 1000)
    return wait === undefined ? [] : [wait]
  })
  return waits.length === 0 ? undefined : Math.max(...waits)
}

const fromMessage = (message: string): number | undefined => {
  const found = /(?:try again|retry|retry again) in ((?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+)/i.exec(message)
  return found === null ? undefined : parseSpan(found[1]!.toLowerCase())
}

/** Milliseconds to wait, or `undefined` if the vendor does not say. `now` is in epoch milliseconds. */
export const read = (headers: HeaderReader | undefined, message: string, now: number): number | undefined => {
  if (headers === undefined) return fromMessage(message)
  const millis = number(headers.get("retry-after-ms"))
  if (millis !== undefined) return millis
  const seconds = number(headers.get("retry-after"))
  if (seconds !== undefined) return seconds * 1000
  return fromDate(headers.get("retry-after"), now)
    ?? exhausted(headers, now)
    ?? fromEpoch(number(headers.get("x-ratelimit-reset")), now)
    ?? fromMessage(message)
}
