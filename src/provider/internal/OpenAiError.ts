/**
 * Errors as OpenAI reports them, and as servers that speak its APIs do, in a refusal's body or in the middle of a
 * stream: pure.
 *
 * Known forms, beside OpenAI's `{ error: { message, type, code, param } }`: the same without `error` around it
 * (Mistral, vLLM), in a list (Google), with a number for a `code`, which is the status (OpenRouter, vLLM), a text for
 * the whole `error` (LM Studio), and `{ detail }` (FastAPI).
 */
import type { Failure, Kind } from "./Failure.ts"
import * as Failures from "./Failure.ts"
import type { HeaderReader } from "./RetryAfter.ts"

type Json = { readonly [field: string]: unknown }

const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value)

const text = (value: unknown): string | undefined => typeof value === "string" && value !== "" ? value : undefined

/** What FastAPI says of a request: a text, or what is wrong with which field. */
const detailOf = (detail: unknown): string | undefined => {
  if (!Array.isArray(detail)) return text(detail)
  const said = detail.filter(isObject).map(({ loc, msg }) =>
    `${Array.isArray(loc) ? `${loc.join(".")}: ` : ""}${String(msg)}`
  )
  return said.length === 0 ? undefined : said.join("; ")
}

/** What a server behind the server said, as OpenRouter passes it on. */
const behind = (metadata: unknown): string => {
  if (!isObject(metadata)) return ""
  const { provider_name, raw } = metadata
  const said = typeof raw === "string" ? raw : raw === undefined || raw === null ? "" : JSON.stringify(raw)
  if (said === "") return ""
  return ` (${text(provider_name) === undefined ? "" : `${String(provider_name)}: `}${Failures.excerpt(said, 400)})`
}

/** An error, told apart. */
export interface Reported {
  readonly message: string
  readonly status: number | undefined
  readonly code: string | undefined
  readonly type: string | undefined
  readonly parameter: string | undefined
  /** All that stands beside the message. */
  readonly fields: Json
}

const nothingSaid = "the server reports an error without saying which"

/** An error that says nothing. */
export const unsaid: Reported = {
  message: nothingSaid,
  status: undefined,
  code: undefined,
  type: undefined,
  parameter: undefined,
  fields: {}
}

/** The error that a body, an event, or its `error` is; `undefined` if it says nothing. */
export const read = (body: unknown): Reported | undefined => {
  const found = Array.isArray(body) ? body[0] : body
  const inner = isObject(found) && found["error"] != null ? found["error"] : found
  const fields = isObject(inner) ? inner : {}
  const { code, param, status, status_code } = fields
  const said = text(inner) ?? text(fields["message"]) ?? detailOf(fields["detail"])
    ?? (isObject(fields["message"]) ? JSON.stringify(fields["message"]) : undefined)
  const number = [status_code, code, status].map(Number).find((value) => value >= 400 && value < 600)
  if (said === undefined && number === undefined && text(code) === undefined && text(fields["type"]) === undefined) {
    return undefined
  }
  return {
    message: (said ?? nothingSaid) + behind(fields["metadata"]),
    status: number,
    code: typeof code === "string" && !/^\d+$/.test(code) ? text(code) : undefined,
    type: text(fields["type"]),
    parameter: text(param),
    fields
  }
}

const modelMissing =
  /^(the )?model\b.*\b(not (exist|found|supported)|unknown)|\bmodel not exist|no such model|(invalid|unknown) model\b|not a valid model|no endpoints found/i

const addressWrong = /unexpected endpoint|(unknown|invalid) (request )?url/i

const modelNotLoaded = /no models? (is |are )?loaded|lms load|model (is )?(not loaded|unloaded)|failed to load model/i

/** What it is and what to do, where only the words or the surroundings tell. */
const judge = (
  { code, fields, message, status }: Reported,
  url: string
): { readonly kind?: Kind; readonly advice?: string } => {
  const atAddress = `check the address ${url}`
  const { metadata } = fields
  if (isObject(metadata) && Array.isArray(metadata["reasons"])) return { kind: "policy" }
  if (modelNotLoaded.test(message)) return { kind: "model", advice: "load the model on the server, or name one it has" }
  if (addressWrong.test(message)) return { kind: "request", advice: `${atAddress}; most servers' begin with /v1` }
  if ((status === 400 || status === 404 || status === undefined) && modelMissing.test(message)) return { kind: "model" }
  // Groq has no room on its cheaper tier
  if (status === 498) return { kind: "internal" }
  return code === undefined && (status === 404 || status === 405) ? { advice: atAddress } : {}
}

/** The headers of an answer, and those of the server behind the server, which OpenRouter puts into its body. */
const headersOf = ({ fields }: Reported, own: HeaderReader | undefined): HeaderReader | undefined => {
  const { metadata } = fields
  if (!isObject(metadata) || !isObject(metadata["headers"])) return own
  const passedOn = new Map(
    Object.entries(metadata["headers"]).map(([name, value]) => [name.toLowerCase(), String(value)])
  )
  return { get: (name) => own?.get(name) ?? passedOn.get(name) ?? null }
}

/**
 * The failure that an error is. `url` is where it came from.
 *
 * @param status of the answer, if the error is one
 */
export const toFailure = (
  reported: Reported,
  url: string,
  status?: number,
  headers?: HeaderReader
): Failure & { readonly _tag: "Refused" } => {
  const whole = status === undefined ? reported : { ...reported, status }
  const { code, message, parameter, type } = whole
  return {
    _tag: "Refused",
    status: whole.status,
    code,
    type,
    parameter,
    message,
    headers: headersOf(whole, headers),
    ...judge(whole, url)
  }
}
