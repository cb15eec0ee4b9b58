/**
 * A run's events as Server-Sent Events (https://html.spec.whatwg.org/multipage/server-sent-events.html).
 *
 * The name of an event is its tag, its data the event as JSON by `AgentEvent`'s Schema: a client that has fluxion decodes
 * them with it. Events of a watched run have their id as `id`; those of a run's own stream have none, since nobody can
 * come back to it. The last event is `RunCompleted` or `RunFailed`.
 */
import * as Prompt from "effect/ai/Prompt"
import * as Cause from "effect/Cause"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { AgentError, AgentErrorReason } from "../core/AgentError.ts"
import type { AgentEvent } from "../core/AgentEvent.ts"
import * as Usage from "../core/Usage.ts"
import type { EncodeOptions, Encoder, Factory } from "./Encoder.ts"
import * as ClientEvent from "./internal/clientEvent.ts"
import { toJson } from "./internal/json.ts"
import * as Problem from "./Problem.ts"

/** What is sent of the events. */
export interface Options extends EncodeOptions {
  /**
   * Sends the events whole, for clients who may know all that the server knows: with the messages of the run, the reason
   * of a failure, what `beforeTurn` changed. By default these are left out, and errors are put in a client's words.
   */
  readonly whole?: boolean | undefined
}

type RunFailed = Extract<AgentEvent, { readonly _tag: "RunFailed" }>

/** The content type of every event stream. */
export const contentType = "text/event-stream; charset=utf-8"

/** A comment, which keeps a connection open and which every client ignores. */
export const heartbeat = ": keep-alive\n\n"

/** Makes encoders of events as Server-Sent Events. */
export const make = (options: Options = {}): Factory => () => new Sse(options)

const encodeMessages = Schema.encodeSync(Schema.toCodecJson(Schema.Array(Prompt.Message)))
const encodeReason = Schema.encodeSync(Schema.toCodecJson(AgentErrorReason))

class Sse implements Encoder {
  readonly contentType = contentType
  readonly heartbeat = heartbeat
  readonly #whole: boolean
  readonly #toOutput: (value: unknown) => unknown
  #path = ""

  constructor(options: Options) {
    this.#whole = options.whole === true
    this.#toOutput = ClientEvent.outputEncoder(options)
  }

  encode(event: AgentEvent, id: number | undefined): string {
    if (this.#path === "") this.#path = event.path
    const at = id === undefined ? "" : `id: ${id}\n`
    return `${at}event: ${event._tag}\ndata: ${this.#data(event)}\n\n`
  }

  failed(problem: Problem.Problem, cause: Cause.Cause<unknown>): string {
    const error = Option.getOrUndefined(Cause.findErrorOption(cause))
    const ofAgent = error instanceof AgentError ? error : undefined
    const event: RunFailed = {
      _tag: "RunFailed",
      path: this.#path,
      end: ofAgent?.reason._tag === "TimedOut"
        ? "timed-out"
        : error !== undefined
        ? "failed"
        : Cause.hasInterruptsOnly(cause)
        ? "interrupted"
        : "defect",
      message: ofAgent?.reason.message ?? problem.detail,
      usage: ofAgent?.usage ?? Usage.empty,
      messages: ofAgent?.messages ?? [],
      ...(ofAgent === undefined ? {} : { reason: ofAgent.reason })
    }
    return `event: RunFailed\ndata: ${this.#failure(event, problem)}\n\n`
  }

  #data(event: AgentEvent): string {
    switch (event._tag) {
      // most events, and nothing but texts and numbers
      case "TextDelta":
      case "ReasoningDelta":
      case "ToolInputDelta":
        return JSON.stringify(event)
      case "RunCompleted": {
        const { messages, output, ...rest } = event.result
        return toJson({
          ...event,
          result: {
            ...rest,
            output: ClientEvent.isOutermost(event) ? this.#toOutput(output) : output,
            messages: this.#whole ? encodeMessages(messages) : []
          }
        })
      }
      case "RunFailed":
        return this.#failure(event, Problem.ofEvent(event))
      default:
        return toJson(this.#whole ? event : ClientEvent.of(event))
    }
  }

  /** What failed, and as a problem: the same that a response has which begins with it. */
  #failure(event: RunFailed, problem: Problem.Problem): string {
    if (!this.#whole) return toJson({ ...ClientEvent.of(event), message: problem.detail, problem })
    return toJson({
      ...event,
      ...(event.reason === undefined ? {} : { reason: encodeReason(event.reason) }),
      messages: encodeMessages(event.messages),
      problem
    })
  }
}
