/**
 * From the chunks of Chat Completions to response parts, as a fold without IO; a whole response is one chunk of it.
 *
 * The wire has no blocks of text and reasoning: they are opened and closed here. The usage may come after the reason to
 * finish, so a response is over at `[DONE]`, or where the stream ends, if there was a reason. What is unknown is ignored.
 */
import type * as Response from "effect/ai/Response"
import type * as Schema from "effect/Schema"
import type { Failure } from "../internal/Failure.ts"
import * as ModelText from "../internal/ModelText.ts"
import type { Fold, Part } from "../internal/PartStream.ts"
import * as TokenCount from "../internal/TokenCount.ts"
import type * as ToolParams from "../internal/ToolParams.ts"
import { Calls } from "./CompatibleCalls.ts"
import type {
  Chunk,
  ChunkAnnotation,
  ChunkChoice,
  ChunkContent,
  ChunkDelta,
  ChunkDetail,
  ChunkUsage,
  Event
} from "./CompatibleChunk.ts"
import * as Details from "./CompatibleDetails.ts"
import * as CompatibleFailure from "./CompatibleFailure.ts"
import * as Keep from "./CompatibleKeep.ts"

/** What a fold needs to know of the request. */
export interface Options {
  /** The server: metadata stands under its name. */
  readonly source: CompatibleFailure.Source
  /** An id that no other response has: missing ids of calls are made of it. */
  readonly series: string
  /** The names of the tools whose calls are recognised in the text, too. */
  readonly tools: ReadonlySet<string>
  /** Brings a call's arguments from the shape that was asked for to the tool's own. */
  readonly params?: ToolParams.Bringer | undefined
}

const toUsage = (usage: ChunkUsage | undefined): typeof Response.Usage.Encoded =>
  TokenCount.toUsage({
    input: usage?.prompt_tokens,
    cacheRead: usage?.prompt_tokens_details?.cached_tokens ?? usage?.prompt_cache_hit_tokens,
    cacheWrite: usage?.prompt_tokens_details?.cache_write_tokens,
    output: usage?.completion_tokens,
    reasoning: usage?.completion_tokens_details?.reasoning_tokens
  })

/** What servers say when they finish, beside "stop". */
const reasons: { readonly [said: string]: Response.FinishReason } = {
  stop: "stop",
  eos: "stop",
  eos_token: "stop",
  stop_sequence: "stop",
  end_turn: "stop",
  length: "length",
  max_tokens: "length",
  model_length: "length",
  content_filter: "content-filter",
  tool_calls: "tool-calls",
  function_call: "tool-calls"
}

const timestamp = (seconds: unknown): { readonly timestamp: string } | undefined => {
  // servers that do not know the time say 0
  const date = new Date(typeof seconds === "number" && seconds > 0 ? seconds * 1000 : Number.NaN)
  return Number.isNaN(date.getTime()) ? undefined : { timestamp: date.toISOString() }
}

const list = <A>(items: ReadonlyArray<A> | null | undefined): ReadonlyArray<A> => Array.isArray(items) ? items : []

const text = (value: unknown): string => typeof value === "string" ? value : ""

/** The text of Mistral's `thinking`: a text, or a list of them. */
const thinkingOf = (thinking: unknown): string =>
  Array.isArray(thinking) ? thinking.map((item) => text(item?.text)).join("") : text(thinking)

type Kind = "text" | "refusal" | "reasoning"

class ResponseFold implements Fold<Iterable<Event>> {
  readonly #options: Options
  readonly #calls: Calls
  readonly #details: Array<ChunkDetail> = []
  readonly #sources = new Set<string>()
  #written = ModelText.initial
  #open: { readonly kind: Kind; readonly id: string } | undefined
  #blocks = 0
  #isAnnounced = false
  #isOver = false
  #usage: ChunkUsage | undefined
  #finish: ChunkChoice | undefined
  #refusal = ""
  #serviceTier: string | undefined

  constructor(options: Options) {
    this.#options = options
    this.#calls = new Calls(options.series, options.params)
  }

  push(events: Iterable<Event>, out: Array<Part>): Failure | undefined {
    for (const event of events) {
      if (this.#isOver) return undefined
      // servers that keep a connection alive send what is no chunk
      if (typeof event !== "object" || event === null) continue
      if ("isDone" in event) this.#end(out)
      else {
        const failure = this.#push(event, out)
        if (failure !== undefined) return failure
      }
    }
    return undefined
  }

  end(out: Array<Part>): void {
    if (!this.#isOver && this.#finish !== undefined) this.#end(out)
  }

  #push(chunk: Chunk, out: Array<Part>): Failure | undefined {
    const choice = list(chunk.choices).find(({ index }) => (index ?? 0) === 0)
    const error = chunk.error ?? choice?.error ?? (chunk.object === "error" ? chunk : undefined)
    if (error !== undefined && error !== null) return CompatibleFailure.from(error, this.#options.source)
    if (chunk.usage != null) this.#usage = chunk.usage
    else if (chunk.x_groq?.usage != null) this.#usage = chunk.x_groq.usage
    if (chunk.service_tier != null) this.#serviceTier = chunk.service_tier
    if (choice !== undefined) {
      this.#announce(chunk, out)
      if (choice.message != null) this.#add(choice.message, true, out)
      else if (choice.delta != null) this.#add(choice.delta, false, out)
      if (choice.finish_reason != null) this.#finish = choice
    }
    for (const url of list(chunk.citations)) this.#cite(text(url), undefined, out)
    return CompatibleFailure.ofFinish(this.#finish?.finish_reason)
  }

  #announce(chunk: Chunk, out: Array<Part>): void {
    if (this.#isAnnounced) return
    this.#isAnnounced = true
    out.push({
      type: "response-metadata",
      ...(text(chunk.id) === "" ? undefined : { id: text(chunk.id) }),
      ...(text(chunk.model) === "" ? undefined : { modelId: text(chunk.model) }),
      ...timestamp(chunk.created)
    })
  }

  #add(delta: ChunkDelta, isWhole: boolean, out: Array<Part>): void {
    this.#reason(delta, isWhole, out)
    if (typeof delta.content === "string") this.#read(delta.content, out)
    else for (const content of list(delta.content)) this.#content(content, out)
    const refusal = text(delta.refusal)
    if (refusal !== "") {
      this.#refusal += refusal
      this.#write("refusal", refusal, undefined, out)
    }
    for (const annotation of list(delta.annotations)) this.#annotation(annotation, out)
    list(delta.tool_calls).forEach((call, position) => {
      this.#close(out)
      this.#calls.push(call, isWhole ? position : undefined, out)
    })
  }

  #reason(delta: ChunkDelta, isWhole: boolean, out: Array<Part>): void {
    const details = list(delta.reasoning_details)
    for (const detail of details) {
      if (isWhole) this.#details.push(detail)
      else Details.push(this.#details, detail)
    }
    const field = text(delta.reasoning_content) !== "" ? "reasoning_content" : "reasoning"
    const reasoning = text(delta[field]) || details.map(Details.textOf).join("")
    if (reasoning === "") return
    // reasoning that comes apart: tags in the text are text
    if (this.#written === ModelText.initial) this.#written = ModelText.afterReasoning
    this.#write("reasoning", reasoning, details.length > 0 ? {} : { field }, out)
  }

  #content(content: ChunkContent, out: Array<Part>): void {
    if (content.type === "thinking") {
      const thinking = thinkingOf(content.thinking)
      if (thinking !== "") this.#write("reasoning", thinking, {}, out)
    } else if (content.type === "text") this.#read(text(content.text), out)
  }

  /** Takes what the model wrote, in which there may be reasoning and calls. */
  #read(written: string, out: Array<Part>): void {
    if (written === "") return
    const [next, pieces] = ModelText.push(this.#written, written, this.#options.tools)
    this.#written = next
    this.#give(pieces, out)
  }

  #give(pieces: ReadonlyArray<ModelText.Piece>, out: Array<Part>): void {
    for (const piece of pieces) {
      if (piece.type === "call") {
        this.#close(out)
        this.#calls.pushWhole(piece.name, piece.params, out)
      } else this.#write(piece.type, piece.text, {}, out)
    }
  }

  #write(kind: Kind, delta: string, keep: Keep.ReasoningKeep | undefined, out: Array<Part>): void {
    if (this.#open?.kind !== kind) {
      this.#close(out)
      this.#open = { kind, id: String(this.#blocks++) }
      const metadata = kind === "refusal"
        ? { metadata: this.#metadata({ refusal: true }) }
        : kind === "reasoning" && keep?.field !== undefined
        ? { metadata: this.#metadata(keep) }
        : undefined
      out.push({ type: kind === "reasoning" ? "reasoning-start" : "text-start", id: this.#open.id, ...metadata })
    }
    out.push({ type: kind === "reasoning" ? "reasoning-delta" : "text-delta", id: this.#open.id, delta })
  }

  #close(out: Array<Part>, metadata?: Response.ProviderMetadata): void {
    const open = this.#open
    if (open === undefined) return
    this.#open = undefined
    out.push({
      type: open.kind === "reasoning" ? "reasoning-end" : "text-end",
      id: open.id,
      ...(metadata === undefined ? undefined : { metadata })
    })
  }

  #annotation({ type, url_citation }: ChunkAnnotation, out: Array<Part>): void {
    if (type === "url_citation") this.#cite(text(url_citation?.url), url_citation?.title ?? undefined, out)
  }

  #cite(url: string, title: string | undefined, out: Array<Part>): void {
    if (this.#sources.has(url) || !URL.canParse(url)) return
    this.#sources.add(url)
    out.push({ type: "source", sourceType: "url", id: `source_${this.#sources.size}`, url, title: title ?? url })
  }

  #metadata(keep: Keep.TextKeep | Keep.ReasoningKeep | Keep.MessageKeep): Response.ProviderMetadata {
    return Keep.toMetadata(this.#options.source.name, keep)
  }

  #end(out: Array<Part>): void {
    this.#isOver = true
    this.#give(ModelText.end(this.#written), out)
    // they belong to the whole message, and stand on the last part that a history keeps of it
    const details = this.#details.length === 0 ? undefined : this.#metadata({ reasoningDetails: this.#details })
    const isOnBlock = this.#open?.kind !== "reasoning" && this.#open !== undefined || this.#calls.isEmpty
    this.#close(out, isOnBlock ? details : undefined)
    const hasCalls = this.#calls.end(isOnBlock ? undefined : details, out)
    out.push({
      type: "finish",
      reason: this.#reasonToFinish(hasCalls),
      usage: toUsage(this.#usage),
      metadata: { [this.#options.source.name]: this.#toFinishMetadata() }
    })
  }

  #toFinishMetadata(): Schema.JsonObject {
    const native = text(this.#finish?.native_finish_reason)
    return {
      finishReason: this.#finish?.finish_reason ?? null,
      ...(native === "" ? undefined : { nativeFinishReason: native }),
      ...(this.#serviceTier === undefined ? undefined : { serviceTier: this.#serviceTier }),
      ...(typeof this.#usage?.cost === "number" ? { cost: this.#usage.cost } : undefined),
      ...(this.#refusal === "" ? undefined : { refusal: this.#refusal })
    }
  }

  #reasonToFinish(hasCalls: boolean): Response.FinishReason {
    const said = this.#finish?.finish_reason
    const reason = said == null ? "unknown" : reasons[said] ?? "other"
    if (this.#refusal !== "" && reason === "stop") return "content-filter"
    return hasCalls && (reason === "stop" || reason === "unknown") ? "tool-calls" : reason
  }
}

/** A fold for the chunks of one response, as many at a time as there are. */
export const fold = (options: Options): Fold<Iterable<Event>> => new ResponseFold(options)
