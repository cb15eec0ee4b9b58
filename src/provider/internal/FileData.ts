/**
 * The data of a prompt's file, as vendors take it: an address, or base64.
 */
import * as AiError from "effect/ai/AiError"
import type * as Prompt from "effect/ai/Prompt"
import * as Base64 from "effect/encoding/Base64"

/** Where the data of a file is. */
export type FileData =
  | { readonly _tag: "Url"; readonly url: string }
  | { readonly _tag: "Base64"; readonly mediaType: string; readonly base64: string }

const unescape = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new AiError.InvalidUserInputError({
      description: "a file's `data:` URL is malformed: give its bytes, or base64"
    })
  }
}

/**
 * Reads a file part. A text is a `data:` URL, an `http(s):` URL, or base64; `image/*` becomes `image/jpeg`. Throws an
 * `InvalidUserInputError`.
 */
export const read = (part: Prompt.FilePart): FileData => {
  const mediaType = part.mediaType === "image/*" ? "image/jpeg" : part.mediaType
  const data = part.data
  if (data instanceof Uint8Array) return { _tag: "Base64", mediaType, base64: Base64.encode(data) }
  const text = typeof data === "string" ? data : data.href
  const inline = /^data:([^;,]*)(?:;[^;,]*)*?(;base64)?,/i.exec(text)
  if (inline !== null) {
    const body = text.slice(inline[0].length)
    return {
      _tag: "Base64",
      mediaType: inline[1] === "" ? mediaType : inline[1]!,
      base64: inline[2] === undefined ? Base64.encode(unescape(body)) : body
    }
  }
  return typeof data !== "string" || /^https?:/i.test(text)
    ? { _tag: "Url", url: text }
    : { _tag: "Base64", mediaType, base64: text }
}

/** The file as one URL. */
export const toUrl = (data: FileData): string =>
  data._tag === "Url" ? data.url : `data:${data.mediaType};base64,${data.base64}`
