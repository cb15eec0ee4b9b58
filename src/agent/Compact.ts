/**
 * What of a history is sent shorter than it was said, and how: data in, data out.
 *
 * A view leaves the history as it is. It puts a summary in the place of the oldest messages before the run, and one in the
 * place of the oldest turns of the run itself; what the run was asked stays between them, and its latest turn at the end.
 * A history is cut where a user speaks, and between turns: no call is parted from its results, and the reasoning of a turn
 * that stays is as its vendor signed it.
 */
import type * as Prompt from "effect/ai/Prompt"
import * as Parts from "./internal/Parts.ts"
import * as Tokens from "./Tokens.ts"
import * as Turn from "./Turn.ts"

/** A history, and where in it what is. */
export interface Said {
  readonly messages: ReadonlyArray<Prompt.Message>
  /** How many of the first messages are the instructions. */
  readonly instructions: number
  /** The index of the message with which the run began. */
  readonly asked: number
}

/** A summary, and the message that it is sent as. */
export interface Summary {
  readonly text: string
  readonly message: Prompt.UserMessage
}

/** What stands for what. */
export interface View {
  /** The first message before the run that is sent as it is. */
  readonly from: number
  /** Stands for those before it. */
  readonly earlier: Summary | undefined
  /** The first message of the run's turns that is sent as it is. */
  readonly resumed: number
  /** Stands for the turns before it. */
  readonly since: Summary | undefined
  /** Whether old results of tools are cut. */
  readonly isShort: boolean
}

/** What is to be summed up. */
export interface Cut {
  readonly from: number
  readonly resumed: number
}

const begins = "What follows sums up what was said and done before, and stands in its place."

/** A summary as a message: a user says it, since a model's own words would need its reasoning with them. */
export const summary = (text: string): Summary => ({
  text,
  message: Parts.user([Parts.text(`<summary>\n${begins}\n\n${text}\n</summary>`)])
})

/** A view in which all is as it was said, after a summary of what is not there. */
export const begin = ({ asked, instructions }: Said, earlier: string | undefined): View => ({
  from: instructions,
  earlier: earlier === undefined ? undefined : summary(earlier),
  resumed: asked + 1,
  since: undefined,
  isShort: false
})

/** Characters of an old result that are sent. */
const maxResult = 400

const shortened = new WeakMap<Prompt.Message, Prompt.Message>()

const shorten = (message: Prompt.Message): Prompt.Message => {
  if (message.role !== "tool") return message
  let short = shortened.get(message)
  if (short === undefined) {
    short = Parts.tool(message.content.map((part) => {
      if (part.type !== "tool-result") return part
      const text = typeof part.result === "string" ? part.result : JSON.stringify(part.result) ?? ""
      if (text.length <= maxResult * 2) return part
      const { modelOutput: _, ...rest } = part
      return {
        ...rest,
        result: `${Turn.head(text, maxResult)}\n[An old result: the first ${maxResult} of ${text.length} characters]`
      }
    }))
    shortened.set(message, short)
  }
  return short
}

/** Where the latest turn begins. */
const lastTurn = ({ asked, messages }: Said): number => {
  let index = messages.length - 1
  while (index > asked + 1 && messages[index]!.role === "tool") index--
  return Math.max(index, asked + 1)
}

/** What is sent: a history of its own, and where in it what is. The summary of what was before stays with the instructions. */
export const apply = (said: Said, view: View): Said => {
  const { asked, instructions, messages } = said
  const isWhole = view.from === instructions && view.resumed === asked + 1
  if (isWhole && view.earlier === undefined && !view.isShort) return said
  const old = view.isShort ? lastTurn(said) : 0
  const take = (from: number, to: number) => {
    const some = messages.slice(from, to)
    return old > from ? some.map((message, index) => from + index < old ? shorten(message) : message) : some
  }
  const earlier = view.earlier === undefined ? [] : [view.earlier.message]
  const before = take(view.from, asked)
  return {
    instructions: instructions + earlier.length,
    asked: instructions + earlier.length + before.length,
    messages: [
      ...messages.slice(0, instructions),
      ...earlier,
      ...before,
      messages[asked]!,
      ...(view.since === undefined ? [] : [view.since.message]),
      ...take(view.resumed, messages.length)
    ]
  }
}

/** The tokens of messages. */
export const tokensOf = (messages: ReadonlyArray<Prompt.Message>, counter = Tokens.estimate): number =>
  messages.reduce((sum, message) => sum + counter.ofMessage(message), 0)

/** What to sum up so that no more than `keep` tokens are left; `undefined` where nothing may go. */
export const cut = (
  said: Said,
  view: View,
  { counter = Tokens.estimate, fixed, keep }: {
    readonly fixed: number
    readonly keep: number
    readonly counter?: Tokens.Counter | undefined
  }
) => {
  const { asked, messages } = said
  const cost = (index: number) => counter.ofMessage(view.isShort ? shorten(messages[index]!) : messages[index]!)
  let tokens = fixed + tokensOf(apply(said, view).messages, counter)
  let from = view.from
  while (tokens > keep && from < asked) {
    do tokens -= cost(from++)
    while (from < asked && messages[from]!.role !== "user")
  }
  const last = lastTurn(said)
  let resumed = view.resumed
  while (tokens > keep && resumed < last) {
    do tokens -= cost(resumed++)
    while (resumed < last && messages[resumed]!.role === "tool")
  }
  const found: Cut | undefined = from === view.from && resumed === view.resumed ? undefined : { from, resumed }
  return found
}

/** Messages as a text that a model can sum up, long results cut. */
export const render = (messages: ReadonlyArray<Prompt.Message>): string =>
  messages.map(shorten).map((message) =>
    typeof message.content === "string"
      ? `${message.role}: ${message.content}`
      : message.content.flatMap((part): ReadonlyArray<string> => {
        switch (part.type) {
          case "text":
            return [`${message.role}: ${part.text}`]
          case "file":
            return [`${message.role}: [a file, ${part.mediaType}]`]
          case "tool-call":
            return [`${message.role} calls ${part.name}: ${JSON.stringify(part.params)}`]
          case "tool-result":
            return [
              `${part.name} gives: ${typeof part.result === "string" ? part.result : JSON.stringify(part.result)}`
            ]
          default:
            return []
        }
      }).join("\n")
  ).join("\n\n")
