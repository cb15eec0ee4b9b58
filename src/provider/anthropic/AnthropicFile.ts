/**
 * From a prompt's file to a block: images that Anthropic sees, and documents (PDF, text) that it reads.
 */
import type AnthropicSdk from "@anthropic-ai/sdk"
import * as AiError from "effect/ai/AiError"
import type * as Prompt from "effect/ai/Prompt"
import * as Base64 from "effect/encoding/Base64"
import * as Result from "effect/Result"
import * as FileData from "../internal/FileData.ts"
import * as Block from "./AnthropicBlock.ts"

type FileBlock = AnthropicSdk.ImageBlockParam | AnthropicSdk.DocumentBlockParam

const images: { readonly [mediaType: string]: AnthropicSdk.Base64ImageSource["media_type"] } = {
  "image/jpeg": "image/jpeg",
  "image/jpg": "image/jpeg",
  "image/png": "image/png",
  "image/gif": "image/gif",
  "image/webp": "image/webp"
}

const isText = (mediaType: string): boolean => /^(text\/|application\/json\b)/.test(mediaType)

const decodeText = (base64: string): string | undefined =>
  Result.getOrUndefined(Base64.decodeString(base64.replace(/\s+/g, "")))

const image = (source: AnthropicSdk.ImageBlockParam["source"]): FileBlock => ({ type: "image", source })

const document = (source: AnthropicSdk.DocumentBlockParam["source"], title: string | undefined): FileBlock => ({
  type: "document",
  source,
  ...(title === undefined ? undefined : { title })
})

const read = (part: Prompt.FilePart): FileBlock | undefined => {
  const data = FileData.read(part)
  if (data._tag === "Url") {
    if (part.mediaType.startsWith("image/")) return image({ type: "url", url: data.url })
    return part.mediaType === "application/pdf" ? document({ type: "url", url: data.url }, part.fileName) : undefined
  }
  const media_type = images[data.mediaType]
  if (media_type !== undefined) return image({ type: "base64", media_type, data: data.base64 })
  if (data.mediaType === "application/pdf") {
    return document({ type: "base64", media_type: data.mediaType, data: data.base64 }, part.fileName)
  }
  const text = isText(data.mediaType) ? decodeText(data.base64) : undefined
  return text === undefined || text.trim() === ""
    ? undefined
    : document({ type: "text", media_type: "text/plain", data: text }, part.fileName)
}

const describe = (part: Prompt.FilePart): string =>
  `${part.fileName === undefined ? "a file" : `the file "${part.fileName}"`} of type ${part.mediaType}`

/** A user's file. Its options are fields of the block (`citations`, `context`). Throws `InvalidUserInputError`. */
export const toBlock = (part: Prompt.FilePart): FileBlock => {
  const block = read(part)
  if (block !== undefined) return { ...block, ...Block.toFields(Block.own(part.options)) }
  throw new AiError.InvalidUserInputError({
    description: `Anthropic cannot read ${describe(part)}; `
      + "give a JPEG, PNG, GIF or WebP image, a PDF, or a text that is not empty (URLs: images and PDF only)"
  })
}

/** A tool's file; one that Anthropic cannot read is described, since the run should go on. */
export const toBlockOrNote = (part: Prompt.FilePart): FileBlock | AnthropicSdk.TextBlockParam =>
  read(part) ?? { type: "text", text: `(${describe(part)}, which cannot be shown)` }
