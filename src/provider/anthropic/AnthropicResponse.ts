/**
 * From the events of Anthropic's Messages API to response parts, as a fold without IO; a whole message goes through the
 * same fold as the events it would have been.
 *
 * Blocks are told apart by `index`. What belongs to a block and has to go back to Anthropic is given as its metadata.
 * Servers that speak the protocol leave events and fields out, so nothing is taken for granted, and what is unknown is
 * ignored.
 */
import type AnthropicSdk from "@anthropic-ai/sdk"
import type * as Response from "effect/ai/Response"
import type * as Schema from "effect/Schema"
import type { Failure } from "../internal/Failure.ts"
import type { Fold, Part } from "../internal/PartStream.ts"
import * as TokenCount from "../internal/TokenCount.ts"
import * as ToolParams from "../internal/ToolParams.ts"
import * as Block from "./AnthropicBlock.ts"

type Message = AnthropicSdk.Message
type ContentBlock = AnthropicSdk.ContentBlock
type Citation = AnthropicSdk.TextCitation

/** A failure that the API reports instead of a message, or in the middle of one. */
export interface ErrorEvent {
  readonly type: "error"
  readonly error: { readonly type?: string; readonly message?: string }
}

/** What the fold takes. */
export type Event = AnthropicSdk.RawMessageStreamEvent | ErrorEvent

/** What a fold needs to know of the request. */
export interface Options {
  /** From Anthropic's name for a tool to the name under which it was declared. */
  readonly rename?: ((name: string) => string) | undefined
  /** Brings a call's arguments from the shape that was asked for to the tool's own. */
  readonly params?: ToolParams.Bringer | undefined
}

/** Usage as it comes: any count may be missing or `null`. */
type RawUsage = { readonly [K in keyof AnthropicSdk.Usage]?: AnthropicSdk.Usage[K] | null }

const toUsage = (usage: RawUsage): typeof Response.Usage.Encoded => {
  const uncached = TokenCount.read(usage.input_tokens)
  const cacheRead = TokenCount.read(usage.cache_read_input_tokens)
  const cacheWrite = TokenCount.read(usage.cache_creation_input_tokens)
  const output = TokenCount.read(usage.output_tokens)
  const reasoning = TokenCount.read(usage.output_tokens_details?.thinking_tokens)
  return {
    inputTokens: TokenCount.present({
      total: uncached === undefined ? undefined : uncached + (cacheRead ?? 0) + (cacheWrite ?? 0),
      uncached,
      cacheRead,
      cacheWrite
    }),
    outputTokens: TokenCount.present({
      total: output,
      text: output === undefined || reasoning === undefined ? undefined : Math.max(0, output - reasoning),
      reasoning
    })
  }
}

/** The failure that an error of the API's is. */
export const toFailure = ({ error }: ErrorEvent): Failure => ({
  _tag: "Refused",
  code: error.type,
  message: error.message ?? "Anthropic reports an error without a message"
})

/** What came as JSON is JSON. */
const toJson = (parsed: object): Schema.JsonObject => parsed as unknown as Schema.JsonObject

/** A block under way. */
interface Open {
  readonly block: ContentBlock
  readonly id: string
  /** The arguments of a call, as far as they came. */
  json: string
  signature: string
  readonly citations: Array<Block.Fields>
}

const isServerCall = (block: ContentBlock): block is AnthropicSdk.ServerToolUseBlock =>
  block.type !== "tool_use" && block.type.endsWith("_tool_use")

type ServerResult = AnthropicSdk.WebSearchToolResultBlock

const isServerResult = (block: ContentBlock): block is ServerResult => block.type.endsWith("_tool_result")

const failedResult = (content: unknown): boolean =>
  typeof content === "object" && content !== null && "type" in content && String(content.type).endsWith("_error")

class ResponseFold implements Fold<Event> {
  readonly #options: Options
  readonly #blocks = new Map<number, Open>()
  readonly #ids = new Set<string>()
  readonly #serverCalls = new Map<string, string>()
  #usage: RawUsage = {}
  #message: string | undefined
  #isAnnounced = false
  #hasCalled = false
  #delta: Partial<AnthropicSdk.RawMessageDeltaEvent.Delta> = {}

  constructor(options: Options) {
    this.#options = options
  }

  push(event: Event, out: Array<Part>): Failure | undefined {
    switch (event.type) {
      case "content_block_delta":
        this.#grow(event.index, event.delta, out)
        return undefined
      case "content_block_start":
        this.#start(event.index, event.content_block, out)
        return undefined
      case "content_block_stop":
        this.#stop(event.index, out)
        return undefined
      case "message_start":
        this.#announce(event.message, out)
        return undefined
      case "message_delta":
        this.#delta = { ...this.#delta, ...event.delta }
        this.#count(event.usage)
        return undefined
      case "message_stop":
        this.#finish(out)
        return undefined
      case "error":
        return toFailure(event)
      default:
        return undefined
    }
  }

  #announce(message: Partial<Message>, out: Array<Part>): void {
    if (this.#isAnnounced) return
    this.#isAnnounced = true
    this.#message = message.id
    this.#count(message.usage)
    out.push({
      type: "response-metadata",
      ...(message.id === undefined ? undefined : { id: message.id }),
      ...(message.model === undefined ? undefined : { modelId: message.model })
    })
  }

  /** What comes later, and is not `null`, stands. */
  #count(usage: object | null | undefined): void {
    const known = Object.entries(usage ?? {}).filter(([, value]) => value != null)
    this.#usage = { ...this.#usage, ...Object.fromEntries(known) }
  }

  #start(index: number, block: ContentBlock, out: Array<Part>): void {
    if (this.#blocks.has(index)) return
    const open: Open = { block, id: this.#idOf(index, block), json: "", signature: "", citations: [] }
    this.#blocks.set(index, open)
    switch (block.type) {
      case "text":
        out.push({ type: "text-start", id: open.id })
        if (block.text) out.push({ type: "text-delta", id: open.id, delta: block.text })
        block.citations?.forEach((citation) => this.#cite(open, citation, out))
        return
      case "thinking":
        open.signature = block.signature ?? ""
        out.push({ type: "reasoning-start", id: open.id })
        if (block.thinking) out.push({ type: "reasoning-delta", id: open.id, delta: block.thinking })
        return
      case "redacted_thinking":
        out.push({ type: "reasoning-start", id: open.id })
        return
      case "tool_use":
        out.push({ type: "tool-params-start", id: open.id, name: this.#rename(block.name) })
        return
    }
  }

  /** Calls without an id get one, and one that is taken is changed: their results could not be told apart. */
  #idOf(index: number, block: ContentBlock): string {
    if (isServerCall(block)) return block.id
    if (block.type !== "tool_use") return String(index)
    let id = block.id || `${this.#message ?? "call"}_${index}`
    while (this.#ids.has(id)) id = `${id}_${index}`
    this.#ids.add(id)
    return id
  }

  #rename(name: string): string {
    return this.#options.rename?.(name) ?? name
  }

  #grow(index: number, delta: AnthropicSdk.RawContentBlockDelta, out: Array<Part>): void {
    const open = this.#blocks.get(index)
    if (open === undefined) return
    switch (delta.type) {
      case "text_delta":
        if (open.block.type === "text") out.push({ type: "text-delta", id: open.id, delta: delta.text })
        return
      case "thinking_delta":
        if (open.block.type === "thinking" && delta.thinking !== "") {
          out.push({ type: "reasoning-delta", id: open.id, delta: delta.thinking })
        }
        return
      case "signature_delta":
        open.signature += delta.signature
        return
      case "citations_delta":
        this.#cite(open, delta.citation, out)
        return
      case "input_json_delta":
        open.json += delta.partial_json
        if (open.block.type === "tool_use" && delta.partial_json !== "") {
          out.push({ type: "tool-params-delta", id: open.id, delta: delta.partial_json })
        }
    }
  }

  #cite(open: Open, citation: Citation, out: Array<Part>): void {
    const source = toSource(`${open.id}:${open.citations.length}`, citation)
    // A request takes a citation without this field.
    const { file_id: _, ...kept } = { file_id: null, ...citation }
    open.citations.push(kept)
    if (source !== undefined) out.push(source)
  }

  #stop(index: number, out: Array<Part>): void {
    const open = this.#blocks.get(index)
    if (open === undefined) return
    this.#blocks.delete(index)
    const { block, citations, id, signature } = open
    switch (block.type) {
      case "text":
        out.push({
          type: "text-end",
          id,
          ...(citations.length === 0 ? undefined : { metadata: Block.toMetadata({ citations }) })
        })
        return
      case "thinking":
        out.push({
          type: "reasoning-end",
          id,
          ...(signature === "" ? undefined : { metadata: Block.toMetadata({ signature }) })
        })
        return
      case "redacted_thinking":
        out.push({ type: "reasoning-end", id, metadata: Block.toMetadata({ redactedData: block.data }) })
        return
      case "tool_use":
        return this.#call(open, block, out)
      default:
        if (isServerCall(block)) this.#serverCall(open, block, out)
        else if (isServerResult(block)) this.#serverResult(block, out)
    }
  }

  #params(open: Open, input: unknown): unknown {
    return open.json === "" ? input ?? {} : ToolParams.parse(open.json)
  }

  #call(open: Open, block: AnthropicSdk.ToolUseBlock, out: Array<Part>): void {
    this.#hasCalled = true
    const name = this.#rename(block.name)
    const params = this.#params(open, block.input)
    const keep = {
      ...(block.caller == null || block.caller.type === "direct" ? undefined : { caller: block.caller }),
      ...(name === block.name ? undefined : { name: block.name })
    }
    if (open.json === "" && Object.keys(block.input ?? {}).length > 0) {
      out.push({ type: "tool-params-delta", id: open.id, delta: JSON.stringify(block.input) })
    }
    out.push({ type: "tool-params-end", id: open.id }, {
      type: "tool-call",
      id: open.id,
      name,
      params: this.#options.params === undefined ? params : this.#options.params(name, params),
      ...(Object.keys(keep).length === 0 ? undefined : { metadata: Block.toMetadata(keep) })
    })
  }

  #serverCall(open: Open, block: AnthropicSdk.ServerToolUseBlock, out: Array<Part>): void {
    const { id, input, ...keep } = block
    const name = this.#rename(block.name)
    this.#serverCalls.set(id, name)
    out.push({
      type: "tool-call",
      id,
      name,
      params: this.#params(open, input),
      providerExecuted: true,
      metadata: Block.toMetadata(keep)
    })
  }

  #serverResult(block: ServerResult, out: Array<Part>): void {
    const { content, tool_use_id: id, ...keep } = block
    out.push({
      type: "tool-result",
      id,
      // The result of a call in an earlier message, which was paused, is told by its type.
      name: this.#serverCalls.get(id) ?? this.#rename(block.type.replace(/_tool_result$/, "")),
      result: content,
      isFailure: failedResult(content),
      providerExecuted: true,
      metadata: Block.toMetadata(keep)
    })
  }

  #finish(out: Array<Part>): void {
    for (const index of this.#blocks.keys()) this.#stop(index, out)
    const { container, stop_details, stop_reason, stop_sequence } = this.#delta
    out.push({
      type: "finish",
      reason: this.#reason(stop_reason),
      usage: toUsage(this.#usage),
      metadata: {
        anthropic: {
          stopReason: stop_reason ?? null,
          ...(stop_sequence == null ? undefined : { stopSequence: stop_sequence }),
          ...(stop_details == null ? undefined : { stopDetails: toJson(stop_details) }),
          ...(container == null ? undefined : { container: toJson(container) }),
          usage: toJson(this.#usage)
        }
      }
    })
  }

  #reason(stop: AnthropicSdk.StopReason | null | undefined): Response.FinishReason {
    switch (stop) {
      case "tool_use":
        return "tool-calls"
      case "end_turn":
      case "stop_sequence":
        return this.#hasCalled ? "tool-calls" : "stop"
      case "max_tokens":
      case "model_context_window_exceeded":
        return "length"
      case "pause_turn":
        return "pause"
      case "refusal":
        return "content-filter"
      case null:
      case undefined:
        return "unknown"
      default:
        return "other"
    }
  }
}

const toSource = (id: string, citation: Citation): Part | undefined => {
  const metadata = { anthropic: { citedText: citation.cited_text ?? "" } }
  switch (citation.type) {
    case "web_search_result_location":
      return URL.canParse(citation.url)
        ? { type: "source", sourceType: "url", id, url: citation.url, title: citation.title ?? citation.url, metadata }
        : undefined
    case "search_result_location":
      return URL.canParse(citation.source)
        ? {
          type: "source",
          sourceType: "url",
          id,
          url: citation.source,
          title: citation.title ?? citation.source,
          metadata
        }
        : {
          type: "source",
          sourceType: "document",
          id,
          mediaType: "text/plain",
          title: citation.title ?? citation.source,
          metadata
        }
    case "page_location":
    case "char_location":
    case "content_block_location":
      return {
        type: "source",
        sourceType: "document",
        id,
        mediaType: citation.type === "page_location" ? "application/pdf" : "text/plain",
        title: citation.document_title ?? `document ${citation.document_index + 1}`,
        metadata
      }
    default:
      return undefined
  }
}

/** A fold for the events of one response. */
export const fold = (options: Options = {}): Fold<Event> => new ResponseFold(options)

/** The events that a whole message, or an error instead of one, would have been, without its deltas. */
export const toEvents = (body: Message | ErrorEvent): ReadonlyArray<Event> => {
  if (body.type === "error") return [body]
  const { container, content, stop_details, stop_reason, stop_sequence } = body
  return [
    { type: "message_start", message: body },
    ...content.flatMap((content_block, index): ReadonlyArray<Event> => [
      { type: "content_block_start", index, content_block },
      { type: "content_block_stop", index }
    ]),
    {
      type: "message_delta",
      delta: { container, stop_details, stop_reason, stop_sequence },
      usage: body.usage
    },
    { type: "message_stop" }
  ]
}
