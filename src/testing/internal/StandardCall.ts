/**
 * Calls a Model that has no driver, by the functions that every `LanguageModel` has, and gives the parts of its answer
 * as a driver would.
 *
 * Tools are only declared to it: whoever asked runs them. A typed answer, which such a Model decodes by a codec that
 * nobody else knows, is brought back into the JSON of its Schema.
 */
import type * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Response from "effect/ai/Response"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { ModelRequest } from "../../agent/Driver.ts"
import * as Answer from "./RecordedAnswer.ts"

type Parts = Stream.Stream<Answer.Part, AiError.AiError>

const encodeParts = Schema.encodeUnknownEffect(Schema.Array(Response.AllParts()))

/** Decoded parts as they were encoded. What tools were given is encoded still, and what they gave has both forms. */
const toEncoded = <Encoded>(content: ReadonlyArray<Response.AllParts<any>>): Effect.Effect<ReadonlyArray<Encoded>> =>
  Effect.orDie(
    encodeParts(content.map((part) => part.type === "tool-result" ? { ...part, result: part.encodedResult } : part))
  ) as Effect.Effect<ReadonlyArray<any>>

const fromWhole = (content: ReadonlyArray<Response.AllParts<any>>): Effect.Effect<Parts> =>
  Effect.map(
    toEncoded<Response.PartEncoded>(content),
    (parts) => Stream.fromIterable(Answer.fromWhole(parts))
  )

/** The content with this text in the place of its own. */
const withText = (
  content: ReadonlyArray<Response.AllParts<any>>,
  text: string
): ReadonlyArray<Response.AllParts<any>> => {
  const first = content.findIndex((part) => part.type === "text")
  return content.filter((part, index) => part.type !== "text" || index === first)
    .map((part) => part.type === "text" ? { ...part, text } : part)
}

/** Asks the Model; streamed or as a whole. */
export const ask = (service: LanguageModel.LanguageModel, request: ModelRequest, isStreamed: boolean): Parts => {
  const { prompt, responseFormat, toolChoice, tools } = request
  const options: LanguageModel.GenerateTextOptions<any> = {
    prompt,
    ...(tools.length === 0 ? {} : {
      toolkit: {
        tools: Object.fromEntries(tools.map((tool) => [tool.name, tool])),
        handle: () => Effect.die(new Error("whoever asked runs the tools"))
      } as never,
      toolChoice
    }),
    disableToolCallResolution: true,
    toolCallValidation: "deferred"
  }
  if (responseFormat.type === "json") {
    const { objectName, schema } = responseFormat
    const { codec } = LanguageModel.defaultCodecTransformer(schema)
    const encode = Schema.encodeUnknownEffect(Schema.fromJsonString(codec as unknown as Schema.Codec<unknown>))
    const asked: Effect.Effect<LanguageModel.GenerateObjectResponse<{}, unknown>, AiError.AiError> = service
      .generateObject({ ...options, objectName, schema } as never) as never
    return Stream.unwrap(
      Effect.flatMap(
        asked,
        ({ content, value }) =>
          Effect.flatMap(Effect.orDie(encode(value)), (text) => fromWhole(withText(content, text)))
      )
    )
  }
  return isStreamed
    ? Stream.mapArrayEffect(
      service.streamText(options as never) as Stream.Stream<Response.AllParts<any>, AiError.AiError>,
      (parts) => toEncoded<Answer.Part>(parts) as Effect.Effect<any>
    )
    : Stream.unwrap(Effect.flatMap(
      service.generateText(options as never) as Effect.Effect<LanguageModel.GenerateTextResponse<{}>, AiError.AiError>,
      ({ content }) => fromWhole(content)
    ))
}
