/**
 * From a prompt's file to a content part: an image, a sound, or a file that the server reads.
 */
import * as AiError from "effect/ai/AiError"
import type * as Prompt from "effect/ai/Prompt"
import type OpenAI from "openai"
import * as FileData from "../internal/FileData.ts"
import type { Dialect } from "./CompatibleDialect.ts"

type ContentPart = OpenAI.Chat.ChatCompletionContentPart

const sounds: { readonly [mediaType: string]: "wav" | "mp3" } = {
  "audio/wav": "wav",
  "audio/x-wav": "wav",
  "audio/wave": "wav",
  "audio/mpeg": "mp3",
  "audio/mp3": "mp3"
}

const refuse = (part: Prompt.FilePart, advice: string): never => {
  const what = part.fileName === undefined ? part.mediaType : `${part.fileName} (${part.mediaType})`
  throw new AiError.InvalidUserInputError({ description: `${what} cannot be sent: ${advice}` })
}

const sound = (part: Prompt.FilePart, data: FileData.FileData): ContentPart => {
  const format = sounds[data._tag === "Url" ? part.mediaType : data.mediaType]
  if (format === undefined) return refuse(part, "Chat Completions takes sound as WAV or MP3 only")
  return data._tag === "Url"
    ? refuse(part, "Chat Completions takes no address of a sound; give its bytes")
    : { type: "input_audio", input_audio: { data: data.base64, format } }
}

/** A file as a content part. Throws an `InvalidUserInputError`. */
export const toContent = (part: Prompt.FilePart, dialect: Dialect): ContentPart => {
  const data = FileData.read(part)
  if (part.mediaType.startsWith("image/")) return { type: "image_url", image_url: { url: FileData.toUrl(data) } }
  if (part.mediaType.startsWith("audio/")) return sound(part, data)
  if (data._tag === "Url" && !dialect.fileUrls) return refuse(part, "the server takes no address of it; give its bytes")
  const url = FileData.toUrl(data)
  return dialect.files === "document_url"
    ? { type: "document_url", document_url: url } as unknown as ContentPart
    : {
      type: "file",
      file: {
        filename: part.fileName ?? (part.mediaType === "application/pdf" ? "file.pdf" : "file"),
        file_data: url
      }
    }
}
