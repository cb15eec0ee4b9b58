/**
 * What of OpenAI's output items is kept beside the parts of a response, so that the next request gives it back.
 *
 * It stands under the key `openai`, in a response part's `metadata` and, copied by whoever keeps the history, in a
 * prompt part's `options`. Requests are stateless (`store: false`): whatever the model has to see again is in it.
 */
import type * as Schema from "effect/Schema"

/** Of a text: its item; the `phase` that later models want back; whether it is a refusal. */
export interface TextKeep {
  readonly itemId: string
  readonly phase?: string
  readonly refusal?: true
}

/** Of a reasoning: its item; on the item's last part its encrypted content; whether the text is the raw content. */
export interface ReasoningKeep {
  readonly itemId: string
  readonly encryptedContent?: string
  readonly raw?: true
}

/** Of a call: its item, and the item's type when OpenAI ran the tool itself. */
export interface CallKeep {
  readonly itemId: string
  readonly itemType?: string
}

/** As metadata of a part. */
export const toMetadata = (keep: TextKeep | ReasoningKeep | CallKeep): { readonly openai: Schema.JsonObject } => ({
  openai: keep as unknown as Schema.JsonObject
})

/** A field of what was kept with a part, if it is a text. */
export const readText = (
  options: { readonly [provider: string]: unknown },
  field: keyof TextKeep | keyof ReasoningKeep | keyof CallKeep
): string | undefined => {
  const keep = options["openai"]
  if (typeof keep !== "object" || keep === null) return undefined
  const value = (keep as { readonly [field: string]: unknown })[field]
  return typeof value === "string" ? value : undefined
}

/** Whether a mark was kept with a part. */
export const isMarked = (options: { readonly [provider: string]: unknown }, mark: "refusal" | "raw"): boolean => {
  const keep = options["openai"]
  return typeof keep === "object" && keep !== null && (keep as { readonly [field: string]: unknown })[mark] === true
}

/** The tools that OpenAI runs itself, by the type of their items; the tool's name at OpenAI starts with the value. */
export const hosted: { readonly [itemType: string]: string } = {
  web_search_call: "web_search",
  file_search_call: "file_search",
  code_interpreter_call: "code_interpreter",
  mcp_call: "mcp"
}

// What the model asked of a hosted tool; the rest of an item is what came of it.
const asked = new Set(["action", "queries", "code", "container_id", "server_label", "name", "arguments"])

/** Cuts a hosted tool's item into parameters and result; `join` is the inverse. */
export const split = (
  item: { readonly [field: string]: unknown }
): { readonly params: Record<string, unknown>; readonly result: Record<string, unknown> } => {
  const params: Record<string, unknown> = {}
  const result: Record<string, unknown> = {}
  for (const [field, value] of Object.entries(item)) {
    if (field === "id" || field === "type" || value === undefined) continue
    if (asked.has(field)) params[field] = value
    else result[field] = value
  }
  return { params, result }
}

/** The item of a hosted tool, from its call and its result. */
export const join = (itemType: string, id: string, params: unknown, result: unknown): Record<string, unknown> => ({
  type: itemType,
  id,
  ...(typeof params === "object" ? params : undefined),
  ...(typeof result === "object" ? result : undefined)
})
