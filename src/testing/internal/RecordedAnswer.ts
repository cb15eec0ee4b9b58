/**
 * What a model answered, as it is recorded: the parts of its response, and the failure in which it ended, if it did.
 *
 * The pieces of one text are recorded as one, so that it can be read, and so that a secret that came in two pieces is
 * seen. On replay it comes in pieces again.
 */
import * as AiError from "effect/ai/AiError"
import * as Response from "effect/ai/Response"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Secrets from "../../core/Secrets.ts"

/** A response part as drivers yield them. */
export type Part = Response.StreamPartEncoded

/** What a model answered. */
export const RecordedAnswer = Schema.Struct({
  parts: Schema.Array(Schema.toEncoded(Response.StreamPart())),
  error: Schema.optionalKey(AiError.AiError)
})

/** What a model answered. */
export interface RecordedAnswer {
  readonly parts: ReadonlyArray<Part>
  readonly error?: AiError.AiError
}

/** Without the secrets that are known by now. */
export const clean = (value: Schema.Json): Schema.Json => {
  if (typeof value === "string") return Secrets.scrubKeys(value)
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) return value.map(clean)
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [Secrets.scrubKeys(key), clean(item)]))
}

type Delta = Extract<Part, { readonly delta: string }>

const isDelta = (part: Part): part is Delta => "delta" in part

/** The parts with all pieces of a block in its first one; what else a later piece carries stays where it was. */
const join = (parts: ReadonlyArray<Part>): ReadonlyArray<Part> => {
  const out: Array<Part> = []
  const open = new Map<string, number>()
  for (const part of parts) {
    if (!isDelta(part)) {
      if ("id" in part && /-(start|end)$/.test(part.type)) {
        open.delete(`${part.type.replace(/-(start|end)$/, "-delta")} ${part.id}`)
      }
      out.push(part)
      continue
    }
    const key = `${part.type} ${part.id}`
    const at = open.get(key)
    if (at === undefined) {
      open.set(key, out.push(part) - 1)
      continue
    }
    const first = out[at] as Delta
    out[at] = { ...first, delta: first.delta + part.delta }
    if (part.metadata !== undefined && Object.keys(part.metadata).length > 0) out.push({ ...part, delta: "" })
  }
  return out
}

/** What is left of a cause: enough to tell what it was, and no path of this machine. */
const toCause = (cause: unknown, depth = 0): unknown => {
  if (typeof cause !== "object" || cause === null || depth > 3) return undefined
  const { cause: inner, code, message, name } = cause as { readonly [key: string]: unknown }
  return {
    ...(typeof name === "string" ? { name } : undefined),
    ...(typeof code === "string" ? { code } : undefined),
    // by the name of `message` it would come back as an Error, without its code
    ...(typeof message === "string" ? { text: message } : undefined),
    ...(inner === undefined ? undefined : { cause: toCause(inner, depth + 1) })
  }
}

const toHeaders = (headers: { readonly [name: string]: string | Redacted.Redacted<string> }) =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      typeof value !== "string" || Secrets.isSecretName(name) ? Secrets.mask : value
    ])
  )

const encodeError = Schema.encodeSync(Schema.toCodecJson(AiError.AiError))
const decodeError = Schema.decodeUnknownSync(Schema.toCodecJson(AiError.AiError))

/** The failure without what may not be written. */
const toWritable = (error: AiError.AiError): AiError.AiError => {
  let reason: AiError.AiErrorReason = error.reason
  if (reason._tag === "NetworkError" && reason.cause !== undefined) {
    reason = new AiError.NetworkError({ ...reason, cause: toCause(reason.cause) })
  }
  if ("http" in reason && reason.http?.response !== undefined) {
    const { response } = reason.http
    const http = { ...reason.http, response: { ...response, headers: toHeaders(response.headers) } }
    const Reason = reason.constructor as new(fields: object) => AiError.AiErrorReason
    reason = new Reason({ ...reason, http })
  }
  const json = encodeError(AiError.make({ module: error.module, method: error.method, reason }))
  return decodeError(clean(json as Schema.Json))
}

/** What came, ready to be written. */
export const make = (parts: ReadonlyArray<Part>, error?: AiError.AiError): RecordedAnswer => ({
  // JSON leaves out what is `undefined`, as a driver's own parts may be
  parts: clean(JSON.parse(JSON.stringify(join(parts)))) as unknown as ReadonlyArray<Part>,
  ...(error === undefined ? undefined : { error: toWritable(error) })
})

/**
 * Whether the failure may be over at the next attempt, or with another key: then it says little of the request, and is
 * worth recording only together with what came after it.
 */
export const isPassing = ({ isRetryable, reason }: AiError.AiError): boolean =>
  isRetryable || reason._tag === "NetworkError" || reason._tag === "AuthenticationError" ||
  reason._tag === "QuotaExhaustedError"

const pieces = 8

/** A text in up to eight pieces, none of which ends within a character. */
const cut = (text: string): ReadonlyArray<string> => {
  const characters = Array.from(text)
  const size = Math.ceil(characters.length / pieces)
  const out: Array<string> = []
  for (let at = 0; at < characters.length; at += size) out.push(characters.slice(at, at + size).join(""))
  return out
}

/** The parts as a vendor streams them, a text in several pieces; or, when the whole was asked for, as they are. */
export const play = (parts: ReadonlyArray<Part>, isStreamed: boolean): ReadonlyArray<Part> =>
  isStreamed
    ? parts.flatMap((part): ReadonlyArray<Part> =>
      isDelta(part) && part.delta !== ""
        ? cut(part.delta).map((delta, index) => {
          const { metadata: _, ...bare } = part
          return index === 0 ? { ...part, delta } : { ...bare, delta }
        })
        : [part]
    )
    : parts

/** Whole texts, as a Model gives them that answers at once, as the parts of a stream. */
export const fromWhole = (parts: ReadonlyArray<Response.PartEncoded>): ReadonlyArray<Part> =>
  parts.flatMap((part, index): ReadonlyArray<Part> => {
    if (part.type !== "text" && part.type !== "reasoning") return [part]
    const id = `${part.type}_${index + 1}`
    const { metadata } = part
    return [
      { type: `${part.type}-start`, id },
      { type: `${part.type}-delta`, id, delta: part.text, ...(metadata === undefined ? undefined : { metadata }) },
      { type: `${part.type}-end`, id }
    ]
  })
