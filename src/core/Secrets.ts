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
import * as Redacted from "effect/Redacted"
import type * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"

const minLength = 6

/** What stands where a secret was. */
export const mask = "<redacted>"

// Keys that nobody registered: of OpenAI, Anthropic, Google, GitHub, AWS and Slack, JSON Web Tokens, bearer tokens.
const keyLike =
  /\b(sk-[A-Za-z0-9_-]{8,}|AIza[A-Za-z0-9_-]{10,}|gh[opsru]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|(AKIA|ASIA)[A-Z0-9]{16}\b|xox[abeoprs]-[A-Za-z0-9-]{10,}|eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*|Bearer\s+(<redacted>|[A-Za-z0-9._~+/=-]{8,}))/g

const secretName = /authorization|api-?key|token|cookie|secret|signature|credential/i

/** Longest first: one secret may be a part of another. */
let known: ReadonlyArray<string> = []

/** Makes a secret known, so that it is replaced wherever a run would show it. Returns it. */
export const register = <Secret extends Redacted.Redacted<string> | string>(secret: Secret): Secret => {
  const value = typeof secret === "string" ? secret : Redacted.value(secret)
  if (value.length >= minLength && !known.includes(value)) {
    const forms = [value, JSON.stringify(value).slice(1, -1)]
    if (!/\p{Surrogate}/u.test(value)) forms.push(encodeURIComponent(value)) // half a character has no URL form
    known = [...new Set([...known, ...forms])].sort((left, right) => right.length - left.length)
  }
  return secret
}

/** `Config.Redacted(name)`, made known: `const key = yield* Secrets.config("STRIPE_KEY")`. */
export const config = (name: string): Config.Config<Redacted.Redacted<string>> =>
  Config.map(Config.Redacted(name), register)

/** Registers the `Redacted` texts in a payload. */
export const registerFields = (payload: unknown): void => visitFields(payload, new Set())

const visitFields = (value: unknown, seen: Set<object>): void => {
  if (typeof value !== "object" || value === null) return
  if (Redacted.isRedacted(value)) {
    const inner = Redacted.value(value)
    if (typeof inner === "string") register(inner)
    return
  }
  if (ArrayBuffer.isView(value) || seen.has(value)) return
  seen.add(value)
  for (const item of Object.values(value)) visitFields(item, seen)
}

/** Whether values of the Schema may have `Redacted` parts. */
export const areIn = (schema: Schema.Top): boolean => {
  const seen = new Set<SchemaAST.AST>()
  const visit = (ast: SchemaAST.AST): boolean => {
    if (seen.has(ast)) return false
    seen.add(ast)
    switch (ast._tag) {
      case "Declaration":
        return (ast.annotations?.["representation"] as { readonly id?: unknown } | undefined)?.id === redactedId
          || ast.typeParameters.some(visit)
      case "Arrays":
        return ast.elements.some(visit) || ast.rest.some(visit)
      case "Objects":
        return ast.propertySignatures.some(({ type }) => visit(type)) ||
          ast.indexSignatures.some(({ type }) => visit(type))
      case "Union":
        return ast.types.some(visit)
      case "Suspend":
        return visit(ast.thunk())
      default:
        return false
    }
  }
  return visit(SchemaAST.toType(schema.ast))
}

const redactedId = "effect/schema/Redacted"

/** The text without any known secret. */
export const scrub = (text: string): string => {
  let out = text
  for (const secret of known) if (out.includes(secret)) out = out.replaceAll(secret, mask)
  return out
}

/** The text without any known secret, and without what has the shape of a well-known vendor's key. */
export const scrubKeys = (text: string): string => scrub(text).replace(keyLike, mask)

/** Whether what goes by this name, a header or a setting, is a secret. */
export const isSecretName = (name: string): boolean => secretName.test(name)

/** A value without any known secret in its texts and keys; the same value when there is none. */
export const scrubValue = <A>(value: A): A =>
  known.length > 0 && tells(value, new Set()) ? clean(value, new Map()) as A : value

/** Whether a value has a secret in it. */
const tells = (value: unknown, seen: Set<object>): boolean => {
  if (typeof value === "string") return known.some((secret) => value.includes(secret))
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value) || seen.has(value)) return false
  seen.add(value)
  if (Array.isArray(value)) return value.some((item) => tells(item, seen))
  if (value instanceof Map || value instanceof Set) return tells([...value], seen)
  for (const key of Object.getOwnPropertyNames(value)) {
    if (tells(key, seen) || tells((value as { readonly [key: string]: unknown })[key], seen)) return true
  }
  return false
}

/** A copy without secrets; what has no fields of its own (a Date, bytes) stays what it is. */
const clean = (value: unknown, copies: Map<object, unknown>): unknown => {
  if (typeof value === "string") return scrub(value)
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value
  const earlier = copies.get(value)
  if (earlier !== undefined) return earlier
  if (Array.isArray(value)) {
    const out: Array<unknown> = []
    copies.set(value, out)
    for (const item of value) out.push(clean(item, copies))
    return out
  }
  if (value instanceof Map) return new Map(clean([...value], copies) as Array<[unknown, unknown]>)
  if (value instanceof Set) return new Set(clean([...value], copies) as Array<unknown>)
  const keys = Object.getOwnPropertyNames(value)
  if (keys.length === 0) return value
  const out: object = Object.create(Object.getPrototypeOf(value))
  copies.set(value, out)
  for (const key of keys) {
    Object.defineProperty(out, scrub(key), {
      value: clean((value as { readonly [key: string]: unknown })[key], copies),
      enumerable: Object.prototype.propertyIsEnumerable.call(value, key),
      configurable: true,
      writable: true
    })
  }
  return out
}
