/**
 * A model call's request in one form, whoever made it: the key under which its answer is recorded.
 *
 * It holds what the model is told and what shapes its answer, before a vendor's own form of it: no order of keys, no
 * absent fields, no generated ids of calls, not who asks nor whether the answer is streamed. Secrets are removed, and
 * what nobody can read (bytes, signatures) stands as its length and SHA-256.
 */
import * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import * as Base64 from "effect/encoding/Base64"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { ModelRequest } from "../../agent/Driver.ts"
import * as Secrets from "../../core/Secrets.ts"

/** A request, as it is recorded. */
export const CanonicalRequest = Schema.Struct({
  model: Schema.String,
  messages: Schema.Array(Schema.Json),
  tools: Schema.optionalKey(Schema.Array(Schema.Json)),
  toolChoice: Schema.optionalKey(Schema.Json),
  output: Schema.optionalKey(Schema.Json),
  options: Schema.optionalKey(Schema.Json)
})

/** A request, as it is recorded. */
export type CanonicalRequest = typeof CanonicalRequest.Type

/** SHA-256, in hexadecimal digits. */
export type Digest = (data: string | Uint8Array) => string

type Json = Schema.Json
type Fields = { [key: string]: Json }

const compare = (left: string, right: string): number => left < right ? -1 : left > right ? 1 : 0

/** The JSON with the keys of every object in order. */
const sort = (value: Json): Json => {
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) return value.map(sort)
  return Object.fromEntries(
    Object.entries(value).sort(([left], [right]) => compare(left, right)).map(([key, item]) => [key, sort(item)])
  )
}

/** Two requests are the same if their keys are. */
export const toKey = (request: CanonicalRequest): string => JSON.stringify(sort(request as Json))

// long, and of the letters of base64 alone: a signature, encrypted reasoning, an image in a tool's result
const opaque = /^[A-Za-z0-9+/_=-]{200,}$/

const isBytes = (value: unknown): value is ArrayBufferView => ArrayBuffer.isView(value)

const toBytes = (view: ArrayBufferView): Uint8Array => new Uint8Array(view.buffer, view.byteOffset, view.byteLength)

class Canon {
  readonly digest: Digest
  readonly #ids = new Map<string, string>()

  constructor(digest: Digest) {
    this.digest = digest
  }

  /** Calls are numbered as they appear: their ids only say which result belongs to which call. */
  id(id: string): string {
    const known = this.#ids.get(id)
    if (known !== undefined) return known
    const next = `#${this.#ids.size + 1}`
    this.#ids.set(id, next)
    return next
  }

  text(text: string): string {
    const clean = Secrets.scrubKeys(text)
    return opaque.test(clean) ? `sha256 ${this.digest(clean)}, ${clean.length} characters` : clean
  }

  bytes(bytes: Uint8Array): string {
    return `sha256 ${this.digest(bytes)}, ${bytes.length} bytes`
  }

  /** Any value as JSON; `undefined` for what JSON leaves out. */
  json(value: unknown, above: ReadonlyArray<object> = []): Json | undefined {
    if (value === null || typeof value === "boolean") return value
    if (typeof value === "string") return this.text(value)
    if (typeof value === "number") return Number.isFinite(value) ? value + 0 : String(value)
    if (typeof value === "bigint") return String(value)
    if (typeof value !== "object") return undefined
    if (Redacted.isRedacted(value)) return Secrets.mask
    if (isBytes(value)) return this.bytes(toBytes(value))
    if (above.includes(value)) return "(a cycle)"
    const inside = [...above, value]
    if (Array.isArray(value)) return value.map((item) => this.json(item, inside) ?? null)
    if ("toJSON" in value && typeof value.toJSON === "function") return this.json(value.toJSON(), inside)
    const out: Array<[string, Json]> = []
    for (const [key, item] of Object.entries(value)) {
      const json = this.json(item, inside)
      if (json !== undefined) out.push([Secrets.scrubKeys(key), json])
    }
    return Object.fromEntries(out.sort(([left], [right]) => compare(left, right)))
  }

  /** Settings for a vendor: what goes by a secret's name is one. */
  settings(value: unknown): Json | undefined {
    const hide = (json: Json): Json => {
      if (typeof json !== "object" || json === null) return json
      if (Array.isArray(json)) return json.map(hide)
      return Object.fromEntries(
        Object.entries(json).map(([key, item]) => [
          key,
          typeof item === "string" && Secrets.isSecretName(key) ? Secrets.mask : hide(item)
        ])
      )
    }
    const json = this.json(value)
    return json === undefined ? undefined : hide(json)
  }

  file(part: Prompt.FilePart): string {
    if (isBytes(part.data)) return this.bytes(toBytes(part.data))
    const text = part.data instanceof URL ? part.data.href : part.data
    const inline = /^data:[^,]*;base64,/i.exec(text)
    if (inline === null && /^[a-z][a-z\d+.-]*:/i.test(text)) return this.text(text)
    const bytes = Base64.decode(text.slice(inline?.[0].length ?? 0))
    return Result.isSuccess(bytes) ? this.bytes(bytes.success) : this.text(text)
  }
}

/** The fields that say something, in this order. */
const fields = (all: { readonly [key: string]: Json | undefined }): Fields => {
  const out: Fields = {}
  for (const [key, value] of Object.entries(all)) {
    if (value !== undefined && !(typeof value === "object" && value !== null && Object.keys(value).length === 0)) {
      out[key] = value
    }
  }
  return out
}

const toPart = (canon: Canon, part: Prompt.Part): Json => {
  const { type } = part
  const metadata = canon.json(part.options)
  switch (part.type) {
    case "text":
    case "reasoning":
      return { type, text: canon.text(part.text), ...fields({ metadata }) }
    case "file":
      return fields({ type, mediaType: part.mediaType, name: part.fileName, data: canon.file(part), metadata })
    case "tool-call": {
      const hosted = part.providerExecuted || undefined
      const { id, name, params } = part
      return { ...fields({ type, id: canon.id(id), name, hosted, metadata }), params: canon.json(params) ?? null }
    }
    case "tool-result": {
      const failed = part.isFailure || undefined
      const hosted = part.providerExecuted || undefined
      const told = part.modelOutput?.map((item) => toPart(canon, item))
      return {
        ...fields({ type, id: canon.id(part.id), name: part.name, failed, hosted, told, metadata }),
        result: canon.json(part.result) ?? null
      }
    }
    case "tool-approval-request":
      return fields({ type, approval: canon.id(part.approvalId), id: canon.id(part.toolCallId), metadata })
    case "tool-approval-response": {
      const { approved, reason } = part
      return fields({ type, approval: canon.id(part.approvalId), approved, reason: canon.json(reason), metadata })
    }
  }
}

const toMessage = (canon: Canon, message: Prompt.Message): Json => {
  const { content, role } = message
  const metadata = canon.json(message.options)
  if (typeof content === "string") return { role, content: canon.text(content), ...fields({ metadata }) }
  const [first, second] = content
  const isPlain = first?.type === "text" && second === undefined && Object.keys(first.options).length === 0
  return {
    role,
    content: isPlain ? canon.text(first.text) : content.map((part) => toPart(canon, part)),
    ...fields({ metadata })
  }
}

/** A Schema's JSON Schema, or why it has none: the driver will say so as well. */
const toSchema = (canon: Canon, make: () => unknown): Json | undefined => {
  try {
    return canon.json(make())
  } catch (cause) {
    return `(none: ${cause instanceof Error ? cause.message : String(cause)})`
  }
}

const toTool = (canon: Canon, tool: Tool.Any): Json =>
  Tool.isProviderDefined(tool)
    ? fields({ name: tool.name, vendor: tool.id, settings: canon.settings(tool.args) })
    : fields({
      name: tool.name,
      description: canon.json(Tool.getDescription(tool)),
      strict: Tool.getStrictMode(tool),
      parameters: toSchema(canon, () => Tool.getJsonSchema(tool))
    })

/** The canonical form of what `model` is asked. */
export const make = (model: string, request: ModelRequest, digest: Digest): CanonicalRequest => {
  const canon = new Canon(digest)
  const { prompt, responseFormat, toolChoice, tools } = request
  const { agent: _agent, providerOptions, stream: _stream, ...options } = request.options
  return {
    model,
    messages: prompt.content.map((message) => toMessage(canon, message)),
    ...(tools.length === 0
      ? {}
      : { tools: tools.map((tool) => toTool(canon, tool)), toolChoice: canon.json(toolChoice) ?? null }),
    ...fields({
      output: responseFormat.type === "text" ? undefined : fields({
        name: responseFormat.objectName,
        schema: toSchema(canon, () => Tool.getJsonSchemaFromSchema(responseFormat.schema))
      }),
      options: fields({ ...canon.json(options) as Fields, providerOptions: canon.settings(providerOptions) })
    })
  }
}
