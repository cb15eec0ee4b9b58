/**
 * Decodes a response of `generateContent`: a fold without IO, from its chunks to response parts; a whole response is
 * one chunk.
 *
 * Blocks of text and reasoning are opened and closed here, since the wire has none; calls without an id get one. A part
 * with a thought signature is never joined with another: the signature goes back on the very part it came on. Usage
 * adds up from chunk to chunk, so the last one counts. The reason is "STOP" on the wire also when there were calls.
 */
import type { Candidate, GenerateContentResponse, Part as GooglePart } from "@google/genai"
import type * as Response from "effect/ai/Response"
import type * as Schema from "effect/Schema"
import type { Failure } from "../internal/Failure.ts"
import type { Fold, Part } from "../internal/PartStream.ts"
import * as TokenCount from "../internal/TokenCount.ts"
import * as GoogleKeep from "./GoogleKeep.ts"

type Usage = GenerateContentResponse["usageMetadata"]

/** What a response is decoded with. */
export interface Options {
  /** An id that no other response has: the ids of calls are made of it. */
  readonly id: string
  /** The name under which a tool that Google runs was declared, by its name there; else it is not shown. */
  readonly hostedName?: ((providerName: string) => string | undefined) | undefined
}

/** Google's tools, by what Gemini calls them when it shows a call. */
const hosted: { readonly [toolType: string]: string } = {
  GOOGLE_SEARCH_WEB: "googleSearch",
  GOOGLE_SEARCH_IMAGE: "googleSearch",
  URL_CONTEXT: "urlContext",
  GOOGLE_MAPS: "googleMaps",
  FILE_SEARCH: "fileSearch"
}

const reasons: { readonly [reason: string]: Response.FinishReason } = {
  STOP: "stop",
  // aimock and some proxies
  FUNCTION_CALL: "stop",
  MAX_TOKENS: "length",
  CONTINUATION: "length",
  SAFETY: "content-filter",
  RECITATION: "content-filter",
  BLOCKLIST: "content-filter",
  PROHIBITED_CONTENT: "content-filter",
  SPII: "content-filter",
  MODEL_ARMOR: "content-filter",
  IMAGE_SAFETY: "content-filter",
  IMAGE_PROHIBITED_CONTENT: "content-filter",
  IMAGE_RECITATION: "content-filter",
  MALFORMED_FUNCTION_CALL: "error",
  MALFORMED_RESPONSE: "error",
  UNEXPECTED_TOOL_CALL: "error",
  TOO_MANY_TOOL_CALLS: "error"
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null

const sum = (left: number | undefined, right: number | undefined): number | undefined =>
  left === undefined ? right : right === undefined ? left : left + right

const toUsage = (usage: Usage): typeof Response.Usage.Encoded => {
  const input = sum(TokenCount.read(usage?.promptTokenCount), TokenCount.read(usage?.toolUsePromptTokenCount))
  const cached = TokenCount.read(usage?.cachedContentTokenCount)
  const text = TokenCount.read(usage?.candidatesTokenCount)
  const reasoning = TokenCount.read(usage?.thoughtsTokenCount)
  return {
    inputTokens: TokenCount.present({
      total: input,
      uncached: input === undefined || cached === undefined ? undefined : Math.max(0, input - cached),
      cacheRead: cached
    }),
    outputTokens: TokenCount.present({ total: sum(text, reasoning), text, reasoning })
  }
}

class ResponseFold implements Fold<GenerateContentResponse> {
  readonly #options: Options
  #announced = false
  #open: { readonly type: "text" | "reasoning"; readonly id: string } | undefined
  #blocks = 0
  readonly #calls = new Set<string>()
  #called = false
  /** The calls of hosted tools whose results are still to come, with the ids that they came with. */
  readonly #hosted: Array<{ readonly given: string | undefined; readonly id: string; readonly name: string }> = []
  readonly #sources = new Set<string>()
  #usage: Usage
  /** What the finish says of the whole response, as it came. */
  readonly #about: Record<string, Schema.Json> = {}

  constructor(options: Options) {
    this.#options = options
  }

  push(chunk: GenerateContentResponse, out: Array<Part>): Failure | undefined {
    if (!isObject(chunk)) {
      return { _tag: "Undecodable", message: "the answer is not one of Gemini's", body: JSON.stringify(chunk) }
    }
    this.#announce(chunk, out)
    this.#usage = chunk.usageMetadata ?? this.#usage
    const candidate = chunk.candidates?.find((candidate) => (candidate?.index ?? 0) === 0)
    for (const part of candidate?.content?.parts ?? []) this.#part(part, out)
    if (candidate !== undefined) this.#ground(candidate, out)
    const blocked = chunk.promptFeedback?.blockReason
    if (candidate?.finishReason != null) {
      this.#finish(candidate.finishReason, candidate.finishMessage, reasons[candidate.finishReason] ?? "other", out)
    } else if (blocked != null) {
      this.#finish(blocked, chunk.promptFeedback?.blockReasonMessage, "content-filter", out)
    }
    return undefined
  }

  #announce({ createTime, modelVersion, responseId }: GenerateContentResponse, out: Array<Part>): void {
    if (this.#announced) return
    this.#announced = true
    const at = new Date(createTime ?? NaN)
    out.push({
      type: "response-metadata",
      ...(typeof responseId === "string" ? { id: responseId } : undefined),
      ...(typeof modelVersion === "string" ? { modelId: modelVersion } : undefined),
      ...(Number.isNaN(at.getTime()) ? undefined : { timestamp: at.toISOString() })
    })
  }

  #part(part: GooglePart, out: Array<Part>): void {
    if (!isObject(part)) return
    const keep: GoogleKeep.Keep = GoogleKeep.signature(part)
    if (part.functionCall !== undefined) return this.#call(part.functionCall, keep, out)
    if (part.executableCode !== undefined) {
      return this.#hostedCall("executableCode", "codeExecution", part.executableCode, keep, out)
    }
    if (part.codeExecutionResult !== undefined) {
      const isFailure = part.codeExecutionResult.outcome !== "OUTCOME_OK"
      return this.#hostedResult("codeExecutionResult", part.codeExecutionResult, isFailure, keep, out)
    }
    if (part.toolCall !== undefined) {
      return this.#hostedCall("toolCall", hosted[String(part.toolCall.toolType)], part.toolCall, keep, out)
    }
    if (part.toolResponse !== undefined) {
      return this.#hostedResult("toolResponse", part.toolResponse, false, keep, out)
    }
    if (part.inlineData !== undefined) return this.#file(part, keep, out)
    if (typeof part.text === "string") this.#text(part.text, part.thought === true, keep, out)
  }

  #close(keep: GoogleKeep.Keep | undefined, out: Array<Part>): void {
    if (this.#open === undefined) return
    const { id, type } = this.#open
    out.push({
      type: `${type}-end`,
      id,
      ...(keep === undefined ? undefined : { metadata: GoogleKeep.toMetadata(keep) })
    })
    this.#open = undefined
  }

  #start(type: "text" | "reasoning", keep: GoogleKeep.Keep | undefined, out: Array<Part>): string {
    this.#close(undefined, out)
    const id = String(this.#blocks++)
    this.#open = { type, id }
    out.push({
      type: `${type}-start`,
      id,
      ...(keep === undefined ? undefined : { metadata: GoogleKeep.toMetadata(keep) })
    })
    return id
  }

  #text(text: string, isThought: boolean, keep: GoogleKeep.Keep, out: Array<Part>): void {
    const type = isThought ? "reasoning" : "text"
    const isSigned = keep.thoughtSignature !== undefined
    if (text === "" && !isSigned) return
    if (text === "" && type === "text" && this.#open?.type === "text") return this.#close({ ...keep, apart: true }, out)
    const id = !isSigned && this.#open?.type === type
      ? this.#open.id
      : this.#start(type, isThought ? {} : undefined, out)
    if (text !== "") out.push({ type: `${type}-delta`, id, delta: text })
    if (isSigned) this.#close(keep, out)
  }

  #file(part: GooglePart, keep: GoogleKeep.Keep, out: Array<Part>): void {
    // images that it only thought of
    if (part.thought === true || typeof part.inlineData?.data !== "string") return
    this.#close(undefined, out)
    out.push({
      type: "file",
      mediaType: part.inlineData.mimeType ?? "application/octet-stream",
      data: part.inlineData.data,
      metadata: GoogleKeep.toMetadata(keep)
    })
  }

  #id(given: unknown): string {
    const isFree = typeof given === "string" && given !== "" && !this.#calls.has(given)
    const id = isFree ? given : GoogleKeep.makeId(this.#options.id, this.#calls.size)
    this.#calls.add(id)
    return id
  }

  #call(call: NonNullable<GooglePart["functionCall"]>, keep: GoogleKeep.Keep, out: Array<Part>): void {
    this.#close(undefined, out)
    this.#called = true
    const id = this.#id(call.id)
    const name = String(call.name ?? "")
    const params = call.args ?? {}
    out.push(
      { type: "tool-params-start", id, name },
      { type: "tool-params-delta", id, delta: JSON.stringify(params) },
      { type: "tool-params-end", id },
      {
        type: "tool-call",
        id,
        name,
        params,
        ...(keep.thoughtSignature === undefined ? undefined : { metadata: GoogleKeep.toMetadata(keep) })
      }
    )
  }

  #hostedCall(
    part: GoogleKeep.HostedCall,
    providerName: string | undefined,
    { id: given, ...params }: { readonly id?: string },
    keep: GoogleKeep.Keep,
    out: Array<Part>
  ): void {
    const name = providerName === undefined ? undefined : this.#options.hostedName?.(providerName)
    if (name === undefined) return
    this.#close(undefined, out)
    const id = this.#id(given)
    this.#hosted.push({ given, id, name })
    out.push({
      type: "tool-call",
      id,
      name,
      params,
      providerExecuted: true,
      metadata: GoogleKeep.toMetadata({ ...keep, part })
    })
  }

  #hostedResult(
    part: GoogleKeep.HostedResult,
    { id: given, ...result }: { readonly id?: string },
    isFailure: boolean,
    keep: GoogleKeep.Keep,
    out: Array<Part>
  ): void {
    const [call] = this.#hosted.splice(Math.max(0, this.#hosted.findIndex((call) => call.given === given)), 1)
    if (call === undefined) return
    out.push({
      type: "tool-result",
      id: call.id,
      name: call.name,
      result,
      isFailure,
      providerExecuted: true,
      metadata: GoogleKeep.toMetadata({ ...keep, part })
    })
  }

  #ground({ citationMetadata, groundingMetadata, urlContextMetadata }: Candidate, out: Array<Part>): void {
    for (const { image, maps, retrievedContext, web } of groundingMetadata?.groundingChunks ?? []) {
      const found = web ?? maps ?? retrievedContext
      this.#source(found?.uri ?? image?.sourceUri, found?.title ?? image?.title, out)
    }
    for (const citation of citationMetadata?.citations ?? []) this.#source(citation.uri, citation.title, out)
    for (const { retrievedUrl } of urlContextMetadata?.urlMetadata ?? []) this.#source(retrievedUrl, undefined, out)
    // Google wants its search suggestions shown where its search was used.
    if (groundingMetadata !== undefined) this.#about["groundingMetadata"] = groundingMetadata as Schema.Json
  }

  #source(uri: string | undefined, title: string | undefined, out: Array<Part>): void {
    if (uri === undefined || !URL.canParse(uri) || this.#sources.has(uri)) return
    const id = `source_${this.#options.id}_${this.#sources.size}`
    this.#sources.add(uri)
    out.push({ type: "source", sourceType: "url", id, url: uri, title: title ?? uri })
  }

  #finish(raw: string, message: string | undefined, reason: Response.FinishReason, out: Array<Part>): void {
    this.#close(undefined, out)
    out.push({
      type: "finish",
      reason: reason === "stop" && this.#called ? "tool-calls" : reason,
      usage: toUsage(this.#usage),
      metadata: {
        google: {
          finishReason: raw,
          ...(message === undefined ? undefined : { finishMessage: message }),
          ...this.#about
        }
      }
    })
  }
}

/** A fold for the chunks of one response. */
export const fold = (options: Options): Fold<GenerateContentResponse> => new ResponseFold(options)
