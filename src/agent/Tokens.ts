/**
 * How many tokens something is: by a tokenizer that the program gives for a model, else estimated.
 *
 * Vendors count each in their own way, and tell only afterwards. The estimate: four ASCII characters are a token, and so
 * are one and a half others. By either a message is 4 more, a file 1,500. English text and JSON come out somewhat high, so
 * that what should fit does.
 */
import type * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/** Characters of English, or of JSON, in one token. */
export const asciiPerToken = 4
const othersPerToken = 1.5
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

/** The estimate. */
export const estimate: Counter = make((text) => {
  let ascii = 0
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) < 128) ascii++
  return Math.ceil(ascii / asciiPerToken + (text.length - ascii) / othersPerToken)
})

/** The tokens of a text, of a message, of tools, by the estimate. */
export const { ofMessage, ofText, ofTools } = estimate

/** Who counts for which models, by how their `provider/model` begins. */
const Counters = Context.Reference<ReadonlyArray<readonly [model: string, counter: Counter]>>("fluxion/agent/Tokens", {
  defaultValue: () => []
})

/** Who counts for a model. */
export const counterOf = (model: string): Effect.Effect<Counter> =>
  Effect.map(Counters, (counters) => counters.find(([begins]) => model.startsWith(begins))?.[1] ?? estimate)

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
