/**
 * Puts OpenRouter's `reasoning_details` together from their pieces: what goes back has to be what a whole response
 * would have held, in its order.
 */
import type { ChunkDetail } from "./CompatibleChunk.ts"

const add = (text: unknown, piece: unknown): unknown =>
  typeof text === "string" && typeof piece === "string" ? text + piece : piece ?? text

/** Whether a detail goes on with the one before it: the same one, and not signed yet. */
const goesOn = (last: ChunkDetail | undefined, next: ChunkDetail): last is ChunkDetail =>
  last !== undefined
  && last.type === next.type
  && (last.type === "reasoning.text" || last.type === "reasoning.summary")
  && (last.index ?? undefined) === (next.index ?? undefined)
  && (last["signature"] == null || next.text == null)

/** A detail with the next piece of it. */
const join = (last: ChunkDetail, next: ChunkDetail): ChunkDetail => {
  const joined: Record<string, unknown> = { ...last }
  for (const [field, value] of Object.entries(next)) {
    joined[field] = field === "text" || field === "summary" ? add(last[field], value) : value ?? last[field] ?? null
  }
  return joined
}

/** Adds a piece to the details so far. */
export const push = (details: Array<ChunkDetail>, piece: ChunkDetail): void => {
  const last = details.at(-1)
  if (goesOn(last, piece)) details[details.length - 1] = join(last, piece)
  else details.push(piece)
}

/** The text in a detail that people may read. */
export const textOf = (detail: ChunkDetail): string =>
  (detail.type === "reasoning.text" ? detail.text : detail.type === "reasoning.summary" ? detail.summary : "") ?? ""
