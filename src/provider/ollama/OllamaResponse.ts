/**
 * Decodes a response of Ollama's `POST /api/chat`: pure, from its chunks to response parts.
 *
 * A whole response is one chunk with `done: true`. Blocks of text and reasoning are opened and closed here, since the
 * wire has none; calls without an id get one. The reason is "stop" on the wire also when there were calls.
 */
import type * as Response from "effect/ai/Response"
import type { Failure } from "../internal/Failure.ts"
import * as ModelText from "../internal/ModelText.ts"
import type { Fold, Part } from "../internal/PartStream.ts"

/** A line of the response. Nothing of it is certain: servers and proxies differ. */
export interface ChatChunk {
  readonly model?: string
  /** An ISO date, with nanoseconds. */
  readonly created_at?: string | Date
  readonly message?: {
    readonly content?: string
    readonly thinking?: string
    readonly tool_calls?: ReadonlyArray<{
      readonly id?: string
      readonly function?: { readonly name?: string; readonly arguments?: unknown }
    }>
  }
  readonly done?: boolean
  readonly done_reason?: string
  /** Tokens. Absent when the whole prompt was cached. */
  readonly prompt_eval_count?: number
  readonly eval_count?: number
  /** Nanoseconds, as the other durations. */
  readonly total_duration?: number
  readonly load_duration?: number
  readonly prompt_eval_duration?: number
  readonly eval_duration?: number
}

/** What a response is decoded with. */
export interface Options {
  /** An id that no other response has: the ids of calls are made of it. */
  readonly id: string
  /** The names of the tools that were sent; calls of these are recognised in the text, too. */
  readonly tools: ReadonlySet<string>
}

/** The fold over one response's chunks. */
export const fold = (options: Options): Fold<ChatChunk> => {
  let begun = false
  let text = ModelText.initial
  let open: { readonly type: "text" | "reasoning"; readonly id: string } | undefined
  let blocks = 0
  const calls = new Set<string>()

  const close = (out: Array<Part>) => {
    if (open !== undefined) out.push({ type: `${open.type}-end`, id: open.id })
    open = undefined
  }

  const write = (type: "text" | "reasoning", delta: string, out: Array<Part>) => {
    if (open?.type !== type) {
      close(out)
      open = { type, id: String(blocks++) }
      out.push({ type: `${type}-start`, id: open.id })
    }
    out.push({ type: `${type}-delta`, id: open.id, delta })
  }

  const callTool = (given: unknown, name: string, params: unknown, out: Array<Part>) => {
    close(out)
    const isFree = typeof given === "string" && given !== "" && !calls.has(given)
    const id = isFree ? given : `call_${options.id}_${calls.size}`
    calls.add(id)
    out.push(
      { type: "tool-params-start", id, name },
      { type: "tool-params-delta", id, delta: typeof params === "string" ? params : JSON.stringify(params) },
      { type: "tool-params-end", id },
      { type: "tool-call", id, name, params }
    )
  }

  const give = (pieces: ReadonlyArray<ModelText.Piece>, out: Array<Part>) => {
    for (const piece of pieces) {
      if (piece.type === "call") callTool(undefined, piece.name, piece.params, out)
      else write(piece.type, piece.text, out)
    }
  }

  const flush = (out: Array<Part>) => {
    give(ModelText.end(text), out)
    text = ModelText.afterReasoning
  }

  return {
    push: (chunk, out): Failure | undefined => {
      if (!isRecord(chunk) || (!isRecord(chunk.message) && chunk.done !== true)) {
        return { _tag: "Undecodable", message: "the answer is not one of Ollama's", body: JSON.stringify(chunk) }
      }
      if (!begun) {
        begun = true
        out.push(metadata(chunk, options.id))
      }
      const { content, thinking, tool_calls } = chunk.message ?? {}
      if (typeof thinking === "string" && thinking !== "") {
        if (text === ModelText.initial) text = ModelText.afterReasoning
        write("reasoning", thinking, out)
      }
      if (typeof content === "string" && content !== "") {
        const [next, pieces] = ModelText.push(text, content, options.tools)
        text = next
        give(pieces, out)
      }
      if (Array.isArray(tool_calls) && tool_calls.length > 0) {
        flush(out)
        for (const call of tool_calls) {
          callTool(call?.id, String(call?.function?.name ?? ""), toParams(call?.function?.arguments), out)
        }
      }
      if (chunk.done === true) {
        flush(out)
        close(out)
        out.push(finish(chunk, calls.size > 0))
      }
      return undefined
    }
  }
}

const isRecord = (value: unknown): value is object => typeof value === "object" && value !== null

const metadata = (chunk: ChatChunk, id: string): Response.ResponseMetadataPartEncoded => {
  const at = new Date(chunk.created_at ?? NaN)
  return {
    type: "response-metadata",
    id,
    ...(typeof chunk.model === "string" ? { modelId: chunk.model } : undefined),
    ...(Number.isNaN(at.getTime()) ? undefined : { timestamp: at.toISOString() })
  }
}

/** Ollama sends an object; proxies of other vendors' servers send its JSON. */
const toParams = (params: unknown): unknown => {
  if (typeof params !== "string") return params ?? {}
  try {
    return JSON.parse(params)
  } catch {
    return params
  }
}

const finish = (chunk: ChatChunk, called: boolean): Response.FinishPartEncoded => {
  const said = chunk.done_reason ?? "stop"
  const reason = said === "stop" || said === "length" ? said : "other"
  const durations: Record<string, number> = {}
  for (const key of ["total_duration", "load_duration", "prompt_eval_duration", "eval_duration"] as const) {
    if (typeof chunk[key] === "number") durations[key] = chunk[key]
  }
  return {
    type: "finish",
    reason: called && reason === "stop" ? "tool-calls" : reason,
    usage: { inputTokens: count(chunk.prompt_eval_count), outputTokens: count(chunk.eval_count) },
    metadata: { ollama: durations }
  }
}

const count = (tokens: number | undefined) => Number.isInteger(tokens) ? { total: tokens } : {}
