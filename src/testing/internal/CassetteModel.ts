/**
 * A Model whose calls go through a cassette. The Model it stands for is made when a call has to be made.
 *
 * Where that Model has a driver, this one has, and what the loop asks of a driver besides its answers (capabilities,
 * how answers are decoded) is recorded with it. A Model without a driver stays one: its tools are declared to it and
 * never run by it, and the typed answers it decodes itself are recorded as their JSON.
 */
import * as AiError from "effect/ai/AiError"
import { toCodecAnthropic } from "effect/ai/AnthropicStructuredOutput"
import * as LanguageModel from "effect/ai/LanguageModel"
import { toCodecOpenAI } from "effect/ai/OpenAiStructuredOutput"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Capabilities from "../../agent/Capabilities.ts"
import * as Driver from "../../agent/Driver.ts"
import { CurrentModelOptions } from "../../agent/ModelOptions.ts"
import * as CanonicalRequest from "./CanonicalRequest.ts"
import type { RecordedModel } from "./CassetteFile.ts"
import type { Session } from "./CassetteSession.ts"
import * as Answer from "./RecordedAnswer.ts"
import * as StandardCall from "./StandardCall.ts"

/** A Model behind a cassette. */
export interface Recorded {
  readonly id: string
  readonly facts: RecordedModel
  /** The Model itself, or why it cannot be had, in words. */
  readonly real: Effect.Effect<LanguageModel.LanguageModel, string>
}

type Codec = NonNullable<RecordedModel["driver"]>["codec"]

/** How vendors transform an output's Schema: what `effect/ai` has for them, which needs no SDK. */
const transformers: { readonly [codec in Codec]: LanguageModel.CodecTransformer | undefined } = {
  json: undefined,
  openai: toCodecOpenAI,
  anthropic: toCodecAnthropic,
  own: undefined
}

const codecOf = ({ codecTransformer }: Driver.Driver): Codec =>
  (Object.keys(transformers) as Array<Codec>).find((codec) => transformers[codec] === codecTransformer) ?? "own"

/** What a replay has to know of a Model. */
export const factsOf = (
  service: LanguageModel.LanguageModel,
  names: { readonly provider: string | undefined; readonly model: string | undefined } | undefined
): RecordedModel => {
  const driver = Driver.of(service)
  if (driver === undefined) {
    return names?.provider === undefined || names.model === undefined
      ? {}
      : { provider: names.provider, model: names.model }
  }
  const { model, provider } = driver
  const special = Object.entries(driver.capabilities).filter(([name, can]) =>
    can !== Capabilities.all[name as keyof Capabilities.Capabilities]
  )
  return { provider, model, driver: { codec: codecOf(driver), capabilities: Object.fromEntries(special) } }
}

const failure = (method: string, description: string): AiError.AiError =>
  AiError.make({ module: "Cassette", method, reason: new AiError.InvalidRequestError({ description }) })

type Parts = Stream.Stream<Answer.Part, AiError.AiError>

/**
 * Follows a call to its end: `over`, when it ended, by itself or by a failure, or when nobody asks for more after its
 * `finish` part; `left`, when it was interrupted.
 */
const follow = (
  parts: Parts,
  over: (parts: ReadonlyArray<Answer.Part>, error?: AiError.AiError) => Effect.Effect<void, AiError.AiError>,
  left: Effect.Effect<void>
): Parts =>
  Stream.suspend(() => {
    const seen: Array<Answer.Part> = []
    let isOver = false
    const end = (error?: AiError.AiError) =>
      Effect.suspend(() => {
        isOver = true
        return over(seen, error)
      })
    return parts.pipe(
      Stream.mapArray((chunk) => {
        for (const part of chunk) seen.push(part)
        return chunk
      }),
      Stream.tapError((error: AiError.AiError) => end(error)),
      Stream.onEnd(end()),
      Stream.ensuring(Effect.suspend(() => {
        if (isOver) return Effect.void
        return seen.at(-1)?.type === "finish" ? Effect.ignore(end(), { log: true }) : left
      }))
    )
  })

const replay = (answer: Answer.RecordedAnswer, isStreamed: boolean, giveBack: () => void): Parts => {
  const parts: Parts = Stream.fromIterable(Answer.play(answer.parts, isStreamed), { chunkSize: 1 })
  const whole = answer.error === undefined ? parts : Stream.concat(parts, Stream.fail(answer.error))
  return follow(whole, () => Effect.void, Effect.sync(giveBack))
}

/** A call through the cassette. `live` is the call itself, once the Model is there. */
const call = (
  session: Session,
  id: string,
  request: Driver.ModelRequest,
  isStreamed: boolean,
  live: Effect.Effect<Parts, string>
): Parts =>
  Stream.suspend(() => {
    const play = session.ask(CanonicalRequest.make(id, request, session.digest))
    switch (play._tag) {
      case "Replayed":
        return replay(play.answer, isStreamed, play.giveBack)
      case "Missed":
        return Stream.fail(failure("replay", `${play.why()}\n${session.advice}`))
      case "Recorded": {
        const { slot, why } = play
        const keep = (parts: ReadonlyArray<Answer.Part>, error?: AiError.AiError) =>
          Effect.mapError(slot.keep(Answer.make(parts, error)), (cause) => failure("record", cause.message))
        return Stream.unwrap(live.pipe(
          Effect.mapError((cause) => failure("record", `${why()}\nIt cannot be recorded: ${cause}`)),
          Effect.onError(() => slot.drop),
          Effect.map((parts) => follow(parts, keep, slot.drop))
        ))
      }
    }
  })

/** The Model that stands for another. */
export const make = (session: Session, recorded: Recorded): Effect.Effect<LanguageModel.LanguageModel> => {
  const { driver } = recorded.facts
  return driver === undefined
    ? withoutDriver(session, recorded)
    : Driver.toLanguageModel(withDriver(session, recorded, driver))
}

/** The driver of the Model itself. */
const driverOf = ({ id, real }: Recorded): Effect.Effect<Driver.Driver, string> =>
  Effect.flatMap(real, (service) => {
    const driver = Driver.of(service)
    return driver === undefined
      ? Effect.fail(`${id} was recorded with a driver, and the Model that is given now has none: record it anew`)
      : Effect.succeed(driver)
  })

const withDriver = (
  session: Session,
  recorded: Recorded,
  { capabilities, codec }: NonNullable<RecordedModel["driver"]>
): Driver.Driver => ({
  provider: recorded.facts.provider ?? "",
  model: recorded.facts.model ?? "",
  capabilities: { ...Capabilities.all, ...capabilities },
  codecTransformer: transformers[codec],
  stream: (request) =>
    codec === "own" && request.responseFormat.type === "json"
      ? Stream.fail(failure(
        "record",
        `typed answers of ${recorded.id} cannot be recorded: its driver has a codecTransformer of its own, which a `
          + "replay would not have; ask for the answer by a tool, or test it with TestModel"
      ))
      : call(
        session,
        recorded.id,
        request,
        request.options.stream !== false,
        Effect.map(driverOf(recorded), (driver) => driver.stream(request))
      )
})

const withoutDriver = (session: Session, recorded: Recorded): Effect.Effect<LanguageModel.LanguageModel> => {
  const parts = (options: LanguageModel.ProviderOptions, isStreamed: boolean): Parts =>
    Stream.unwrap(Effect.contextWith((context: Context.Context<never>) => {
      const { prompt, responseFormat, toolChoice, tools } = options
      const request = { prompt, responseFormat, toolChoice, tools, options: Context.get(context, CurrentModelOptions) }
      return Effect.succeed(
        call(
          session,
          recorded.id,
          request,
          isStreamed,
          Effect.map(recorded.real, (service) => StandardCall.ask(service, request, isStreamed))
        )
      )
    }))
  return LanguageModel.make({
    generateText: (options) => Effect.map(Stream.runCollect(parts(options, false)), Driver.joinParts),
    streamText: (options) => parts(options, true)
  })
}
