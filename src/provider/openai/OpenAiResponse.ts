/**
 * From OpenAI's Responses events to response parts, as a fold without IO; a whole response goes through the same fold
 * as the events it would have been.
 *
 * Items are told apart by `output_index`: ids differ between events on Bedrock and OpenRouter. Servers that speak the
 * protocol leave events and fields out, so nothing is taken for granted, what a `done` event brings late is still
 * given, and what is unknown is ignored.
 */
import type * as Response from "effect/ai/Response"
import type OpenAI from "openai"
import type { Failure } from "../internal/Failure.ts"
import * as OpenAiError from "../internal/OpenAiError.ts"
import type { Fold, Part } from "../internal/PartStream.ts"
import * as TokenCount from "../internal/TokenCount.ts"
import * as ToolParams from "../internal/ToolParams.ts"
import * as Item from "./OpenAiItem.ts"

type Event = OpenAI.Responses.ResponseStreamEvent
type Whole = OpenAI.Responses.Response
type OutputItem = OpenAI.Responses.ResponseOutputItem
type Annotation = OpenAI.Responses.ResponseOutputText["annotations"][number]

/** What a fold needs to know of the request. */
export interface Options {
  /** The name under which a tool that OpenAI runs was declared, by the start of its name there; else it is not shown. */
  readonly hostedName?: ((providerName: string) => string | undefined) | undefined
  /** Brings a call's arguments from the shape that was asked for to the tool's own. */
  readonly params?: ToolParams.Bringer | undefined
}

const toUsage = (usage: Partial<OpenAI.Responses.ResponseUsage> | null | undefined): typeof Response.Usage.Encoded =>
  TokenCount.toUsage({
    input: usage?.input_tokens,
    cacheRead: usage?.input_tokens_details?.cached_tokens,
    cacheWrite: usage?.input_tokens_details?.cache_write_tokens,
    output: usage?.output_tokens,
    reasoning: usage?.output_tokens_details?.reasoning_tokens
  })

const timestamp = (seconds: unknown): { readonly timestamp: string } | undefined => {
  const date = new Date(typeof seconds === "number" ? seconds * 1000 : Number.NaN)
  return Number.isNaN(date.getTime()) ? undefined : { timestamp: date.toISOString() }
}

/** An error inside of the stream: its fields stand in the event, as documented, or in its `error`, as sent. */
const toError = (event: object): Failure => {
  const { code, message, parameter, type } = OpenAiError.read(event) ?? OpenAiError.unsaid
  return { _tag: "Refused", code, type, parameter, message }
}

const toFailure = (response: Partial<Whole>): Failure => ({
  _tag: "Refused",
  code: response.error?.code ?? (response.status === "cancelled" ? "cancelled" : "server_error"),
  message: response.error?.message
    ?? (response.status === "cancelled" ? "the response was cancelled at OpenAI" : "the response failed at OpenAI")
})

/** An output item under way. */
interface Open {
  readonly id: string
  readonly type: string
  /** The text or reasoning block that is open. */
  block: string | undefined
  /** Which blocks and annotations were given already. */
  readonly given: Set<string>
  phase: string | undefined
}

class ResponseFold implements Fold<Event> {
  readonly #options: Options
  readonly #items = new Map<number, Open>()
  readonly #calls = new Set<string>()
  #response: string | undefined
  #announced = false
  #called = false
  #refusal: string | undefined

  constructor(options: Options) {
    this.#options = options
  }

  push(event: Event, out: Array<Part>): Failure | undefined {
    switch (event.type) {
      case "response.output_text.delta":
        this.#text(event.output_index, event.content_index, event.item_id, event.delta, false, out)
        return undefined
      case "response.function_call_arguments.delta":
        this.#argumentsDelta(event.output_index, event.delta, out)
        return undefined
      case "response.reasoning_summary_text.delta":
        this.#reasoning(event.output_index, `s${event.summary_index}`, event.item_id, event.delta, out)
        return undefined
      case "response.reasoning_text.delta":
        this.#reasoning(event.output_index, `c${event.content_index}`, event.item_id, event.delta, out)
        return undefined
      case "response.refusal.delta":
        this.#text(event.output_index, event.content_index, event.item_id, event.delta, true, out)
        return undefined
      case "response.created":
      case "response.in_progress":
        this.#announce(event.response, out)
        return undefined
      case "response.output_item.added":
        this.#added(event.output_index, event.item, out)
        return undefined
      case "response.output_text.annotation.added":
        this.#annotation(event.output_index, event.content_index, event.annotation_index, event.annotation, out)
        return undefined
      case "response.output_item.done":
        this.#done(event.output_index, event.item, out)
        return undefined
      case "response.completed":
      case "response.incomplete":
        return this.#finish(event.response, out)
      case "response.failed":
        return toFailure(event.response)
      case "error":
        return toError(event)
      default:
        // What proxies send instead of an event.
        return event.type === undefined && "error" in event ? toError(event) : undefined
    }
  }

  #announce(response: Partial<Whole>, out: Array<Part>): void {
    if (this.#announced) return
    this.#announced = true
    this.#response = response.id
    out.push({
      type: "response-metadata",
      ...(response.id == null ? undefined : { id: response.id }),
      ...(response.model == null ? undefined : { modelId: response.model }),
      ...timestamp(response.created_at)
    })
  }

  #open(index: number, type: string, id: string | undefined): Open {
    const found = this.#items.get(index)
    if (found !== undefined) return found
    const item: Open = { id: id ?? `item_${index}`, type, block: undefined, given: new Set(), phase: undefined }
    this.#items.set(index, item)
    return item
  }

  #added(index: number, item: OutputItem, out: Array<Part>): void {
    if (this.#items.has(index)) return
    const open = this.#open(index, item.type, item.id ?? undefined)
    if (item.type === "message") open.phase = item.phase ?? undefined
    if (item.type === "function_call") {
      open.block = this.#callId(item.call_id, index)
      out.push({ type: "tool-params-start", id: open.block, name: item.name })
    }
  }

  /** Calls without an id get one, and one that is taken is changed: their results could not be told apart. */
  #callId(given: string | null | undefined, index: number): string {
    let id = given || `${this.#response ?? "call"}_${index}`
    while (this.#calls.has(id)) id = `${id}_${index}`
    this.#calls.add(id)
    return id
  }

  #start(item: Open, kind: "text" | "reasoning", part: string, refusal: boolean, out: Array<Part>): string {
    const block = `${item.id}:${part}`
    if (item.block === block) return block
    this.#end(item, kind, undefined, out)
    item.block = block
    item.given.add(part)
    out.push({
      type: `${kind}-start`,
      id: block,
      metadata: Item.toMetadata(
        kind === "text"
          ? {
            itemId: item.id,
            ...(item.phase === undefined ? undefined : { phase: item.phase }),
            ...(refusal ? { refusal: true } : undefined)
          }
          : { itemId: item.id, ...(part.startsWith("c") ? { raw: true } : undefined) }
      )
    })
    return block
  }

  #end(item: Open, kind: "text" | "reasoning", encryptedContent: string | undefined, out: Array<Part>): void {
    if (item.block === undefined) return
    out.push({
      type: `${kind}-end`,
      id: item.block,
      ...(encryptedContent === undefined
        ? undefined
        : { metadata: Item.toMetadata({ itemId: item.id, encryptedContent }) })
    })
    item.block = undefined
  }

  #text(index: number, part: number, id: string, delta: string, refusal: boolean, out: Array<Part>): void {
    const item = this.#open(index, "message", id)
    const block = this.#start(item, "text", String(part ?? 0), refusal, out)
    if (refusal) this.#refusal = (this.#refusal ?? "") + delta
    out.push({ type: "text-delta", id: block, delta })
  }

  #reasoning(index: number, part: string, id: string, delta: string, out: Array<Part>): void {
    const block = this.#start(this.#open(index, "reasoning", id), "reasoning", part, false, out)
    out.push({ type: "reasoning-delta", id: block, delta })
  }

  #argumentsDelta(index: number, delta: string, out: Array<Part>): void {
    const item = this.#items.get(index)
    if (item?.block === undefined) return
    item.given.add("arguments")
    out.push({ type: "tool-params-delta", id: item.block, delta })
  }

  #annotation(index: number, part: number, position: number, annotation: unknown, out: Array<Part>): void {
    const item = this.#open(index, "message", undefined)
    const id = `${item.id}:${part}:${position}`
    if (item.given.has(id)) return
    item.given.add(id)
    const source = toSource(id, annotation as Annotation)
    if (source !== undefined) out.push(source)
  }

  #done(index: number, item: OutputItem, out: Array<Part>): void {
    const open = this.#open(index, item.type, item.id ?? undefined)
    switch (item.type) {
      case "message": {
        open.phase ??= item.phase ?? undefined
        item.content?.forEach((content, part) => {
          const refusal = content.type === "refusal"
          const text = refusal ? content.refusal : content.text
          if (!open.given.has(String(part)) && text) this.#text(index, part, open.id, text, refusal, out)
          if (content.type === "output_text") {
            content.annotations?.forEach((annotation, position) =>
              this.#annotation(index, part, position, annotation, out)
            )
          }
        })
        this.#end(open, "text", undefined, out)
        return
      }
      case "reasoning": {
        item.summary?.forEach(({ text }, part) => {
          if (!open.given.has(`s${part}`)) this.#reasoning(index, `s${part}`, open.id, text, out)
        })
        item.content?.forEach(({ text }, part) => {
          if (!open.given.has(`c${part}`)) this.#reasoning(index, `c${part}`, open.id, text, out)
        })
        if (open.block === undefined) this.#start(open, "reasoning", "s0", false, out)
        this.#end(open, "reasoning", item.encrypted_content ?? undefined, out)
        return
      }
      case "function_call": {
        const id = open.block ?? this.#callId(item.call_id, index)
        if (open.block === undefined) out.push({ type: "tool-params-start", id, name: item.name })
        const text = item.arguments ?? ""
        if (!open.given.has("arguments") && text !== "") out.push({ type: "tool-params-delta", id, delta: text })
        const params = ToolParams.parse(text)
        this.#called = true
        open.block = undefined
        out.push({ type: "tool-params-end", id }, {
          type: "tool-call",
          id,
          name: item.name,
          params: this.#options.params === undefined ? params : this.#options.params(item.name, params),
          metadata: Item.toMetadata({ itemId: open.id })
        })
        return
      }
      case "image_generation_call": {
        if (item.result == null) return
        out.push({
          type: "file",
          mediaType: `image/${item.output_format === "svg" ? "svg+xml" : item.output_format ?? "png"}`,
          data: item.result,
          metadata: Item.toMetadata({ itemId: open.id })
        })
        return
      }
      default:
        this.#hosted(open, item, out)
    }
  }

  #hosted(open: Open, item: OutputItem, out: Array<Part>): void {
    const providerName = Item.hosted[item.type]
    const name = providerName === undefined ? undefined : this.#options.hostedName?.(providerName)
    if (name === undefined) return
    const { params, result } = Item.split({ ...item })
    out.push({
      type: "tool-call",
      id: open.id,
      name,
      params,
      providerExecuted: true,
      metadata: Item.toMetadata({ itemId: open.id, itemType: item.type })
    }, {
      type: "tool-result",
      id: open.id,
      name,
      result,
      isFailure: result["status"] === "failed",
      providerExecuted: true
    })
  }

  #finish(response: Partial<Whole>, out: Array<Part>): Failure | undefined {
    if (response.status === "failed" || response.status === "cancelled") return toFailure(response)
    this.#announce(response, out)
    // Some servers send the items at the end only.
    if (this.#items.size === 0) response.output?.forEach((item, index) => this.#done(index, item, out))
    for (const item of this.#items.values()) this.#endUnfinished(item, out)
    const incomplete = response.incomplete_details?.reason
    out.push({
      type: "finish",
      reason: this.#reason(incomplete),
      usage: toUsage(response.usage),
      metadata: {
        openai: {
          ...(response.service_tier == null ? undefined : { serviceTier: response.service_tier }),
          ...(incomplete === undefined ? undefined : { incompleteReason: incomplete }),
          ...(this.#refusal === undefined ? undefined : { refusal: this.#refusal })
        }
      }
    })
    return undefined
  }

  /** Ends what never got its `done`, as in a response that was cut short. */
  #endUnfinished(item: Open, out: Array<Part>): void {
    if (item.block === undefined) return
    if (item.type === "message") this.#end(item, "text", undefined, out)
    else if (item.type === "reasoning") this.#end(item, "reasoning", undefined, out)
    else out.push({ type: "tool-params-end", id: item.block })
  }

  #reason(incomplete: string | undefined): Response.FinishReason {
    if (incomplete === "max_output_tokens") return "length"
    if (incomplete === "content_filter" || this.#refusal !== undefined) return "content-filter"
    if (incomplete !== undefined) return "other"
    return this.#called ? "tool-calls" : "stop"
  }
}

const toSource = (id: string, annotation: Annotation): Part | undefined => {
  switch (annotation.type) {
    case "url_citation":
      return { type: "source", sourceType: "url", id, url: annotation.url, title: annotation.title ?? annotation.url }
    case "file_citation":
    case "container_file_citation":
      return {
        type: "source",
        sourceType: "document",
        id,
        mediaType: "text/plain",
        title: annotation.filename ?? annotation.file_id,
        ...(annotation.filename === undefined ? undefined : { fileName: annotation.filename }),
        metadata: { openai: { fileId: annotation.file_id } }
      }
    default:
      return undefined
  }
}

/** A fold for the events of one response, as many at a time as there are. */
export const fold = (options: Options = {}): Fold<Iterable<Event>> => {
  const fold = new ResponseFold(options)
  return {
    push: (events, out) => {
      for (const event of events) {
        const failure = fold.push(event, out)
        if (failure !== undefined) return failure
      }
      return undefined
    }
  }
}

/** The events that a whole response would have been, without its deltas. */
export const toEvents = (response: Whole): ReadonlyArray<Event> => {
  // an error instead of a response, as proxies send it
  if (response.output === undefined && response.error != null) {
    return [{ type: "error", error: response.error } as never]
  }
  const events: Array<Event> = [{ type: "response.created", sequence_number: 0, response }]
  response.output?.forEach((item, output_index) =>
    events.push({ type: "response.output_item.done", sequence_number: events.length, output_index, item })
  )
  const sequence_number = events.length
  events.push(
    response.status === "incomplete"
      ? { type: "response.incomplete", sequence_number, response }
      : response.status === "failed" || response.status === "cancelled"
      ? { type: "response.failed", sequence_number, response }
      : { type: "response.completed", sequence_number, response }
  )
  return events
}
