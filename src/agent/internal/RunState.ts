/**
 * What a run knows of itself while it runs: its history, what it cost, what is under way.
 *
 * `content` is the prompt, system message first, then the history; it grows and is never copied for a turn. Whenever
 * the run ends, `settled` is a history that is legal for every provider: every call has a result, and what the model had
 * said is kept.
 */
import type * as Prompt from "effect/ai/Prompt"
import type { Warning } from "../../core/AgentEvent.ts"
import * as Secrets from "../../core/Secrets.ts"
import * as Usage from "../../core/Usage.ts"
import type { Fallback } from "../Models.ts"
import type { ResponseFold, TurnResponse } from "../ResponseFold.ts"
import type { Catalog, Skill } from "../Skill.ts"
import type { RunStep } from "../StopWhen.ts"
import type { Outcome } from "../Toolbox.ts"
import type { Call } from "../Turn.ts"
import type { Chain } from "./fallback.ts"
import * as Parts from "./Parts.ts"

/** What the model is told of a call that the end of the run cut short, or that it came before. */
const cutShort = "The run ended before this call finished. It may have had an effect."
const notStarted = "The run ended before this call was started; it had no effect."

/** The calls under way, and what came of those that are done. */
export interface Pending {
  readonly calls: ReadonlyArray<Call>
  readonly outcomes: Array<Outcome | undefined>
  /** How many were started: calls begin in the order asked. */
  started: number
}

/** The state of one run. */
export class RunState {
  readonly content: Array<Prompt.Message>
  readonly steps: Array<RunStep> = []
  readonly warnings: Array<Warning> = []
  usage: Usage.Usage = Usage.empty
  turns = 0
  toolCalls = 0
  /** Answers that did not fit. */
  corrections = 0
  model: string
  /** How many messages of the prompt a model was already found able to take, and which. */
  checked = 0
  checkedBy: unknown
  /** The fallbacks that were used, each with the model it has come to. */
  chains: Map<Fallback, Chain> | undefined
  /** Whether the vendor paused its last message, with tools of its own under way: the next response goes on with it. */
  isPaused = false
  /** The skills that the model may use, and those that it does. */
  skills: Catalog | undefined
  activeSkills: ReadonlyArray<Skill> = []
  /** The response under way. */
  fold: ResponseFold | undefined
  pending: Pending | undefined
  /** How many of the first messages are the agent's own instructions: 0 or 1. */
  readonly instructions: number
  /** Where what the run says of itself begins: what was said before is the caller's history, or a conversation's. */
  readonly own: number

  constructor(content: Array<Prompt.Message>, model: string, instructions: number, own = instructions) {
    this.content = content
    this.model = model
    this.instructions = instructions
    this.own = own
  }

  warn(code: string, message: string): void {
    if (this.warnings.some((warning) => warning.code === code && warning.message === message)) return
    this.warnings.push({ code, message })
  }

  /** Takes a whole response into the history. */
  respond(response: TurnResponse, requested: string): void {
    this.fold = undefined
    this.turns++
    this.usage = this.usage === Usage.empty ? response.usage : Usage.add(this.usage, response.usage)
    this.model = response.model ?? requested
    const content = kept(response.content)
    if (this.isPaused) {
      this.content.push(Parts.assistant([...this.#takePaused(this.content), ...content]))
      if (response.finish !== "pause") this.endPause()
      this.isPaused = false
    } else if (content.length > 0) this.content.push(Parts.assistant(content))
  }

  /** The last message will not be gone on with: what the vendor did not come to run is left out. */
  endPause(): void {
    this.isPaused = true
    addSettled(this.content, this.#takePaused(this.content))
    this.isPaused = false
  }

  /** Takes what a paused message holds off the messages: it is gone on with in one message. */
  #takePaused(messages: Array<Prompt.Message>): Content {
    const last = this.isPaused ? messages.at(-1) : undefined
    if (last?.role !== "assistant") return []
    messages.pop()
    return last.content
  }

  /** Takes the results of a turn's calls into the history, in the order asked. */
  answer(calls: ReadonlyArray<Call>, outcomes: ReadonlyArray<Outcome | undefined>): void {
    this.pending = undefined
    this.content.push(toolMessage(calls, outcomes, calls.length))
  }

  /** The history as it stands, legal for every provider, without the agent's instructions and what is kept elsewhere. */
  settled(): ReadonlyArray<Prompt.Message> {
    const messages = this.content.slice(this.own)
    if (this.fold !== undefined) {
      addSettled(messages, [...this.#takePaused(messages), ...this.fold.response().content])
      const { calls } = this.fold
      if (calls.length > 0) messages.push(toolMessage(calls, [], 0))
    } else if (this.isPaused) {
      addSettled(messages, this.#takePaused(messages))
    } else if (this.pending !== undefined) {
      const { calls, outcomes, started } = this.pending
      messages.push(toolMessage(calls, outcomes, started))
    } else {
      // the run ended between a response and the first of its calls
      const calls = ownCalls(messages.at(-1))
      if (calls.length > 0) messages.push(toolMessage(calls, [], 0))
    }
    return messages
  }
}

/** The calls of a message that are ours to answer. */
const ownCalls = (message: Prompt.Message | undefined): ReadonlyArray<Call> =>
  message?.role !== "assistant"
    ? []
    : message.content.filter((part) => part.type === "tool-call").filter((call) => !call.providerExecuted)

const tellsSecret = (part: Prompt.AssistantMessagePart): boolean =>
  part.type === "tool-call" && Secrets.scrubValue(part.params) !== part.params

type Content = ReadonlyArray<Prompt.AssistantMessagePart>

/** Adds what a model had said before it was cut short. */
const addSettled = (messages: Array<Prompt.Message>, said: Content): void => {
  const content = kept(withResults(said))
  if (content.length > 0) messages.push(Parts.assistant(content))
}

/**
 * What the history keeps of a response: no reasoning with nothing after it, which its vendor would refuse, and no known
 * secret in a call's arguments (the call itself is run with them).
 */
const kept = (content: Content): Content => {
  let end = content.length
  while (end > 0 && content[end - 1]!.type === "reasoning") end--
  const from = end === content.length ? content : content.slice(0, end)
  return from.some(tellsSecret)
    ? from.map((part) => part.type === "tool-call" ? { ...part, params: Secrets.scrubValue(part.params) } : part)
    : from
}

/** The content without the calls that the vendor did not come to run. */
const withResults = (content: Content): Content => {
  const done = new Set(content.flatMap((part) => part.type === "tool-result" ? [part.id] : []))
  return content.filter((part) => part.type !== "tool-call" || !part.providerExecuted || done.has(part.id))
}

const toolMessage = (
  calls: ReadonlyArray<Call>,
  outcomes: ReadonlyArray<Outcome | undefined>,
  started: number
): Prompt.ToolMessage =>
  Parts.tool(calls.map(({ id, name }, index) => {
    const outcome = outcomes[index]
    if (outcome === undefined) return Parts.toolResult(id, name, true, index < started ? cutShort : notStarted, false)
    const part = Parts.toolResult(id, name, outcome._tag === "Failed", outcome.result, false)
    return outcome._tag === "Returned" && outcome.modelOutput !== undefined
      ? { ...part, modelOutput: outcome.modelOutput }
      : part
  }))
