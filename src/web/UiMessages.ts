/**
 * A run as the AI SDK's UI message stream (https://ai-sdk.dev/docs/ai-sdk-ui/stream-protocol): one assistant message,
 * for `useChat` and whatever else reads it.
 *
 * ```
 *   run                     start ... finish                    with metadata: model, usage, finish, turns, tool calls
 *   turn                    start-step ... finish-step
 *   text, reasoning         text-*, reasoning-*                 of the outermost agent
 *   tools                   tool-input-*, tool-output-*         parts `tool-<name>`
 *   progress of a tool      data-tool-progress                  one part a call, the latest value
 *   typed answer            data-output                         one part, the latest value
 *   everything else         data-model-retried, data-gap, ...   transient: for `onData`, not in the message
 * ```
 * An agent inside another is a tool of it; its own events are transient too, as `data-text-delta` and so on.
 */
import * as Cause from "effect/Cause"
import type { AgentEvent, RunResult } from "../core/AgentEvent.ts"
import type { EncodeOptions, Encoder, Factory } from "./Encoder.ts"
import * as ClientEvent from "./internal/clientEvent.ts"
import { toJson } from "./internal/json.ts"
import { Said } from "./internal/Said.ts"
import * as Problem from "./Problem.ts"
import * as Sse from "./Sse.ts"

/** How a message is made. */
export interface Options extends EncodeOptions {
  /** The id of the message; without it, the client makes one. */
  readonly messageId?: string | undefined
}

/** Makes encoders of a run as a UI message stream. */
export const make = (options: Options = {}): Factory => () => new UiMessages(options)

/** A chunk of the stream: `UIMessageChunk` of the package `ai`. */
interface Chunk {
  readonly type: string
  readonly [field: string]: unknown
}

type Of<Tag extends AgentEvent["_tag"]> = Extract<AgentEvent, { readonly _tag: Tag }>

class UiMessages implements Encoder {
  readonly contentType = Sse.contentType
  readonly headers = { "x-vercel-ai-ui-message-stream": "v1" }
  readonly heartbeat = Sse.heartbeat
  readonly done = "data: [DONE]\n\n"
  readonly #messageId: string | undefined
  readonly #toOutput: (value: unknown) => unknown
  readonly #said = new Said()
  #chunks: Array<Chunk> = []
  #isStarted = false
  #isInStep = false
  /** The text or reasoning that is being written. */
  #block: { readonly kind: "text" | "reasoning"; readonly id: string } | undefined
  #blocks = 0
  /** The calls whose arguments are coming. */
  #inputs = new Set<string>()
  #finish = ""

  constructor(options: Options) {
    this.#messageId = options.messageId
    this.#toOutput = ClientEvent.outputEncoder(options)
  }

  encode(event: AgentEvent): string | undefined {
    if (ClientEvent.isOutermost(event)) this.#see(event)
    else this.#notify(event)
    return this.#take()
  }

  failed(problem: Problem.Problem, cause: Cause.Cause<unknown>): string {
    this.#fail(problem, Cause.hasInterruptsOnly(cause))
    return this.#take()!
  }

  #see(event: AgentEvent): void {
    switch (event._tag) {
      case "RunStarted":
        return this.#start()
      case "TurnStarted":
        this.#endStep()
        this.#said.see(event)
        return this.#step()
      case "TextDelta":
        this.#said.see(event)
        return this.#write("text", event.delta)
      case "ReasoningDelta":
        this.#said.see(event)
        return this.#write("reasoning", event.delta)
      case "ToolInputDelta":
        this.#input(event)
        return this.#add({ type: "tool-input-delta", toolCallId: event.id, inputTextDelta: event.delta })
      case "ToolCalled":
        return this.#add({
          type: "tool-input-available",
          toolCallId: event.id,
          toolName: event.name,
          input: event.arguments ?? null
        })
      case "ToolProgress": {
        const { id, name, turn, value } = event
        const data = { toolCallId: id, toolName: name, value }
        return this.#add({ type: "data-tool-progress", id: `${turn}-${id}`, data })
      }
      case "ToolReturned":
        return this.#add({ type: "tool-output-available", toolCallId: event.id, output: event.result ?? null })
      case "ToolFailed":
        return this.#add({ type: "tool-output-error", toolCallId: event.id, errorText: event.message })
      case "OutputPartial":
        return this.#output(event.value)
      case "ResponseReceived":
        this.#finish = event.finish
        return this.#endBlock()
      case "Gap": {
        const { reasoning, text } = this.#said.see(event)!
        if (reasoning !== "") this.#write("reasoning", reasoning)
        if (text !== "") this.#write("text", text)
        if ("value" in event) this.#output(event.value)
        return this.#notify(event)
      }
      case "RunCompleted":
        return this.#complete(event.result)
      case "RunFailed":
        return this.#fail(Problem.ofEvent(event), event.end === "interrupted" || event.end === "client-gone")
      case "RunRetried":
      case "OutputRejected":
      case "ModelRetried":
      case "ModelFellBack":
      case "SkillActivated":
      case "Paused":
        return this.#notify(event)
    }
  }

  #start(): void {
    if (this.#isStarted) return
    this.#isStarted = true
    this.#chunks.push({ type: "start", ...(this.#messageId === undefined ? {} : { messageId: this.#messageId }) })
  }

  #step(): void {
    if (this.#isInStep) return
    this.#start()
    this.#isInStep = true
    this.#chunks.push({ type: "start-step" })
  }

  #endStep(): void {
    this.#endBlock()
    if (this.#isInStep) this.#chunks.push({ type: "finish-step" })
    this.#isInStep = false
    this.#inputs = new Set()
  }

  /** Adds a part of the step under way. */
  #add(chunk: Chunk): void {
    this.#step()
    this.#chunks.push(chunk)
  }

  #write(kind: "text" | "reasoning", delta: string): void {
    if (this.#block?.kind !== kind) {
      this.#endBlock()
      this.#block = { kind, id: `${kind}-${++this.#blocks}` }
      this.#add({ type: `${kind}-start`, id: this.#block.id })
    }
    this.#chunks.push({ type: `${kind}-delta`, id: this.#block.id, delta })
  }

  #endBlock(): void {
    if (this.#block === undefined) return
    this.#chunks.push({ type: `${this.#block.kind}-end`, id: this.#block.id })
    this.#block = undefined
  }

  #input({ id, name }: Of<"ToolInputDelta">): void {
    if (this.#inputs.has(id)) return
    this.#inputs.add(id)
    this.#endBlock()
    this.#add({ type: "tool-input-start", toolCallId: id, toolName: name })
  }

  #output(value: unknown): void {
    this.#add({ type: "data-output", id: "output", data: value ?? null })
  }

  /** Tells of an event that is no part of the message. */
  #notify(event: AgentEvent): void {
    this.#start()
    const name = event._tag.replace(/(?!^)[A-Z]/g, "-$&").toLowerCase()
    this.#chunks.push({ type: `data-${name}`, data: ClientEvent.of(event), transient: true })
  }

  #complete({ finish, model, output, toolCalls, turns, usage }: RunResult<unknown>): void {
    this.#endBlock()
    if (!this.#said.isAnswer(output)) {
      if (typeof output === "string") this.#write("text", output)
      else this.#output(this.#toOutput(output))
    }
    this.#endStep()
    this.#chunks.push({
      type: "finish",
      finishReason: finish !== "answered" ? "other" : this.#finish === "length" ? "length" : "stop",
      messageMetadata: { model, usage, finish, turns, toolCalls }
    })
  }

  #fail(problem: Problem.Problem, isInterrupted: boolean): void {
    this.#endBlock()
    this.#start()
    this.#chunks.push(
      isInterrupted ? { type: "abort", reason: problem.detail } : { type: "error", errorText: problem.detail }
    )
  }

  #take(): string | undefined {
    if (this.#chunks.length === 0) return undefined
    const chunks = this.#chunks
    this.#chunks = []
    return chunks.map((chunk) => `data: ${toJson(chunk)}\n\n`).join("")
  }
}
