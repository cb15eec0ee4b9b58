/**
 * What a client sees of an event, where it does not see the whole.
 *
 * Left out are the messages of the run, what `beforeTurn` changed of its instructions, and what errors say to those who
 * run the server. What the agent's model says, calls and is answered is what the client came for.
 */
import * as Schema from "effect/Schema"
import type { AgentEvent } from "../../core/AgentEvent.ts"
import type { EncodeOptions } from "../Encoder.ts"
import * as Problem from "../Problem.ts"

/** Whether an event is of the agent that was asked, and not of one that it called. */
export const isOutermost = (event: AgentEvent): boolean => !event.path.includes("/")

/** The event without what is not for clients; the same one, mostly. */
export const of = (event: AgentEvent): AgentEvent => {
  switch (event._tag) {
    case "TurnStarted": {
      if (event.changes === undefined) return event
      const { changes: _, ...rest } = event
      return rest
    }
    case "ToolFailed":
      return { ...event, cause: event.message }
    case "ModelRetried":
      return { ...event, message: Problem.ofRetry(event.reason) }
    case "ModelFellBack":
      return { ...event, message: Problem.ofRetry("") }
    case "RunRetried":
      return { ...event, message: "the run failed" }
    case "RunCompleted":
      return { ...event, result: { ...event.result, messages: [] } }
    case "RunFailed": {
      const { reason: _, ...rest } = event
      return { ...rest, message: Problem.ofEvent(event).detail, messages: [] }
    }
    default:
      return event
  }
}

/** Makes what turns an answer into a value for JSON: by its Schema if that is known. */
export const outputEncoder = ({ output }: EncodeOptions): (value: unknown) => unknown =>
  output === undefined
    ? (value) => value
    : Schema.encodeUnknownSync(Schema.toCodecJson(output as unknown as Schema.Codec<unknown, unknown>))
