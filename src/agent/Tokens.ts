/**
 * How many tokens something is: by a tokenizer that the program gives for a model, or the model's own, else estimated.
 *
 * Vendors count each in their own way, and tell only afterwards. The estimate goes by what characters there are, and
 * was fitted to what OpenAI's tokenizer (o200k) counts of English, code and JSON: it comes out 1 to 20 % high, so that
 * what should fit does. By either a message is 4 more, a file 1,500.
 */
import type * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Driver } from "./Driver.ts"

/** Characters of English in one token. */
export const charactersPerToken = 4
const perMessage = 4
const perFile = 1500

/** Counts tokens. */
export interface Counter {
  readonly ofText: (text: string) => number
  /** The tokens of a message; counted once. */
  readonly ofMessage: (message: Prompt.Message) => number
  /** The tokens of tools, as a model is told of them; counted once for a list. */
  readonly ofTools: (list: ReadonlyArray<Tool.Any>) => number
}

/** Counts by what a text is. */
export const make = (ofText: (text: string) => number): Counter => {
  const messages = new WeakMap<Prompt.Message, number>()
  const tools = new WeakMap<ReadonlyArray<Tool.Any>, number>()
  const ofJson = (value: unknown): number => ofText(JSON.stringify(value) ?? "")
  const ofPart = (part: Exclude<Prompt.Message["content"], string>[number]): number => {
    switch (part.type) {
      case "text":
      case "reasoning":
        return ofText(part.text)
      case "file":
        return perFile
      case "tool-call":
        return ofText(part.name) + ofJson(part.params)
      case "tool-result":
        return ofText(part.name) + ofJson(part.result)
      default:
        return ofJson(part)
    }
  }
  return {
    ofText,
    ofMessage: (message) => {
      let tokens = messages.get(message)
      if (tokens === undefined) {
        tokens = perMessage
        if (typeof message.content === "string") tokens += ofText(message.content)
        else for (const part of message.content) tokens += ofPart(part)
        messages.set(message, tokens)
      }
      return tokens
    },
    ofTools: (list) => {
      let tokens = tools.get(list)
      if (tokens === undefined) {
        tokens = list.reduce(
          (sum, tool) =>
            sum + ofText(tool.name + (Tool.getDescription(tool) ?? ""))
            + (Tool.isProviderDefined(tool) ? 0 : ofJson(Tool.getJsonSchema(tool))),
          0
        )
        tools.set(list, tokens)
      }
      return tokens
    }
  }
}

/** What an ASCII character is of a token: of a word, white space, a digit or a mark. */
const weights = Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code)
  return /[a-z]/i.test(character) ? 0.26 : /\s/.test(character) ? 0.12 : 0.58
})
const otherScript = 1 / 1.5

/** The estimate. */
export const estimate: Counter = make((text) => {
  let tokens = 0
  for (let index = 0; index < text.length; index++) tokens += weights[text.charCodeAt(index)] ?? otherScript
  return Math.ceil(tokens)
})

/** The tokens of a text, of a message, of tools, by the estimate. */
export const { ofMessage, ofText, ofTools } = estimate

/** Who counts for which models, by how their `provider/model` begins. */
const Counters = Context.Reference<ReadonlyArray<readonly [model: string, counter: Counter]>>("fluxion/agent/Tokens", {
  defaultValue: () => []
})

const byTokenizer = new WeakMap<(text: string) => number, Counter>()

/** What a tokenizer counts; messages are counted once by each. */
const ofTokenizer = (tokenizer: (text: string) => number): Counter => {
  let counter = byTokenizer.get(tokenizer)
  if (counter === undefined) byTokenizer.set(tokenizer, counter = make(tokenizer))
  return counter
}

/** Who counts for a model: whom the program gives, the model's own `tokenizer`, or the estimate. */
export const counterOf = (model: string, tokenizer: Driver["tokenizer"]): Effect.Effect<Counter> =>
  Effect.flatMap(Counters, (counters) => {
    const given = counters.find(([begins]) => model.startsWith(begins))?.[1]
    if (given !== undefined) return Effect.succeed(given)
    return tokenizer === undefined
      ? Effect.succeed(estimate)
      : Effect.map(tokenizer, (tokenizer) => tokenizer === undefined ? estimate : ofTokenizer(tokenizer))
  })

/**
 * Counts by tokenizers: of a text's tokens the number, by how the `provider/model` begins that it is for; the longest
 * that fits counts.
 *
 * ```ts
 * import { countTokens } from "gpt-tokenizer"
 * const tokenizers = Tokens.layer({ "openai/": countTokens })
 * ```
 */
export const layer = (tokenizers: { readonly [model: string]: (text: string) => number }): Layer.Layer<never> =>
  Layer.succeed(
    Counters,
    Object.entries(tokenizers).sort(([a], [b]) => b.length - a.length)
      .map(([model, ofText]) => [model, make((text) => ofText(text))] as const)
  )
