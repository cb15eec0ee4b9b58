/**
 * A Model that needs no network and no key: it picks tools by rules (DemoPlan.ts), so that every example runs offline.
 *
 * It is a Driver like those of real providers, so the loop above it is the one that real models get. The same question
 * with the same tools and results always gives the same answer, in small pieces. Its first words say what it is.
 */
import { type Duration, Effect, Layer, Schema, Stream } from "effect"
import { LanguageModel, type Prompt, type Response, Tool } from "effect/ai"
import { Capabilities, Driver } from "fluxion"
import * as DemoAnswer from "./DemoAnswer.ts"
import { type Call, force, type JsonSchema, type Offer, plan } from "./DemoPlan.ts"

/** What it says of itself: before its first answer in words; whoever shows a typed one says it. */
export const notice =
  "I am the demo model: rules, no AI. For a real one: npm start -- --model ollama/llama3.2 (or openai/gpt-5), or set FLUXION_MODEL."

/** What the model says next, and the calls it makes. */
interface Answer {
  readonly text: string
  readonly calls: ReadonlyArray<Call>
}

/** Decides a turn: the calls that are due, or else the answer from their results. */
const decide = (request: Driver.ModelRequest): Answer => {
  const messages = request.prompt.content
  const start = messages.findLastIndex((message) => message.role === "user")
  const question = textOf(messages[start])
  const offers = request.tools.filter((tool) => !Tool.isProviderDefined(tool)).map(toOffer)
  const parts = messages.slice(start).flatMap(partsOf)
  const results = parts.filter((part) => part.type === "tool-result")
  const isTyped = request.responseFormat.type === "json"
  const hello = isTyped || messages.some((message) => message.role === "assistant") ? [] : [notice]

  const calls = request.toolChoice === "none" ? [] : due(question, offers, results.length, request.toolChoice)
  if (calls.length > 0) return { text: hello.join(""), calls }
  const said = [...hello, ...(results.length > 0 ? tell(parts) : [advise(offers)])]
  if (request.responseFormat.type === "text") return { text: said.join("\n"), calls: [] }
  const { definitions, schema } = Schema.toJsonSchemaDocument(request.responseFormat.schema)
  const words = said.join("; ").replaceAll(":\n- ", ": ").replaceAll("\n- ", ", ")
  const answer = DemoAnswer.answer({ ...schema, $defs: definitions } as JsonSchema, words, results)
  return { text: JSON.stringify(answer, null, 2), calls: [] }
}

const advise = (offers: ReadonlyArray<Offer>): string =>
  offers.length === 0
    ? "I have no tools here, and without one I know nothing."
    : `None of my tools fits that. They are:\n${
      offers.map(({ description, name }) => `- ${name}: ${description}`).join("\n")
    }`

/** The next calls of the plan: neighbours to one tool go together. */
const due = (
  question: string,
  offers: ReadonlyArray<Offer>,
  done: number,
  choice: Driver.ModelRequest["toolChoice"]
): ReadonlyArray<Call> => {
  const planned = plan(question, offers)
  if (planned.length === 0 && done === 0 && choice !== "auto" && choice !== "none") {
    const wanted = choice === "required" ? offers[0] : offers.find(({ name }) => isAllowed(name, choice))
    return wanted === undefined ? [] : [force(question, wanted)]
  }
  const rest = planned.slice(done)
  const other = rest.findIndex((call) => call.name !== rest[0]!.name)
  return other === -1 ? rest : rest.slice(0, other)
}

const isAllowed = (name: string, choice: LanguageModel.ToolChoice<string>): boolean =>
  typeof choice === "object" && ("tool" in choice ? choice.tool === name : choice.oneOf.includes(name))

const partsOf = ({ content }: Prompt.Message): ReadonlyArray<Prompt.Part> => typeof content === "string" ? [] : content

/** What the tools said, a line each. */
const tell = (parts: ReadonlyArray<Prompt.Part>): ReadonlyArray<string> => {
  const calls = new Map(parts.filter((part) => part.type === "tool-call").map((call) => [call.id, call]))
  const results = parts.filter((part) => part.type === "tool-result")
  return results.map(({ id, isFailure, name, result }) => {
    if (isFailure) return `${name} failed: ${inWords(result)}`
    if (typeof result === "object") return `${spoken(name)}: ${inWords(result)}`.replace(": \n", ":\n")
    return results.length === 1
      ? String(result)
      : `${spoken(name)} (${inWords(calls.get(id)?.params)}): ${inWords(result)}`
  })
}

const spoken = (name: string): string => {
  const words = toWords(name)
  return words.slice(0, 1).toUpperCase() + words.slice(1)
}

const toWords = (name: string): string =>
  name.replace(/(\p{Ll})(\p{Lu})/gu, "$1 $2").replace(/[_-]+/g, " ").toLowerCase()

const inWords = (value: unknown): string => {
  if (Array.isArray(value)) return value.length === 0 ? "nothing" : value.map((item) => `\n- ${inWords(item)}`).join("")
  if (typeof value !== "object" || value === null) return String(value)
  return Object.entries(value).map(([key, item]) => `${toWords(key)} ${inWords(item)}`).join(", ")
}

const toOffer = (tool: Tool.Any): Offer => ({
  name: tool.name,
  description: Tool.getDescription(tool) ?? "",
  parameters: Tool.getJsonSchema(tool) as JsonSchema
})

const textOf = (message: Prompt.Message | undefined): string =>
  message?.role !== "user" ? "" : message.content.map((part) => part.type === "text" ? part.text : "")
    .filter((text) => !text.startsWith("<background>")).join("\n")

/** About four characters make a token. */
const tokens = (value: unknown): number => Math.ceil(JSON.stringify(value).length / 4)

const toParts = (request: Driver.ModelRequest): ReadonlyArray<Response.StreamPartEncoded> => {
  const { calls, text } = decide(request)
  const earlier = request.prompt.content.length
  const words = text.match(/\s*\S+/g) ?? []
  return [
    ...(words.length === 0 ? [] : [{ type: "text-start", id: "text" } as const]),
    ...words.map((delta) => ({ type: "text-delta", id: "text", delta }) as const),
    ...(words.length === 0 ? [] : [{ type: "text-end", id: "text" } as const]),
    ...calls.map(({ name, params }, index) =>
      ({ type: "tool-call", id: `call_${earlier}_${index}`, name, params }) as const
    ),
    {
      type: "finish",
      reason: calls.length > 0 ? "tool-calls" : "stop",
      usage: {
        inputTokens: {
          total: tokens(request.prompt.content),
          uncached: undefined,
          cacheRead: undefined,
          cacheWrite: undefined
        },
        outputTokens: { total: tokens([text, calls]), text: undefined, reasoning: undefined }
      }
    }
  ]
}

/** The demo model as a Driver; it waits for `delay` before each piece of text. */
export const make = (options: { readonly delay?: Duration.Input } = {}): Driver.Driver => ({
  provider: "demo",
  model: "rules",
  capabilities: { ...Capabilities.all, vision: false, files: false },
  stream: (request) =>
    Stream.suspend(() => Stream.fromIterable(toParts(request))).pipe(
      Stream.rechunk(1),
      Stream.tap((part) => part.type === "text-delta" ? Effect.sleep(options.delay ?? "10 millis") : Effect.void)
    )
})

/** The demo model, for whatever asks for a `LanguageModel`. */
export const layer: Layer.Layer<LanguageModel.LanguageModel> = Layer.effect(
  LanguageModel.LanguageModel,
  Driver.toLanguageModel(make())
)
