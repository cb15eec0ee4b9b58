/**
 * The scripted model for whoever stands on Effect: the encoded parts of `effect/ai`. A whole answer comes in one pull,
 * as it comes to the peers in one object; a streamed one comes a part a pull, as it comes to them a part a read.
 */
import type * as Response from "effect/ai/Response"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Script from "./Script.ts"

const finish = (reason: Response.FinishReason): Response.FinishPartEncoded => ({
  type: "finish",
  reason,
  usage: {
    inputTokens: {
      total: Script.USAGE.input,
      uncached: Script.USAGE.input,
      cacheRead: undefined,
      cacheWrite: undefined
    },
    outputTokens: { total: Script.USAGE.output, text: Script.USAGE.output, reasoning: undefined }
  },
  response: undefined
})

/** What the model says in a turn. */
export const parts = (scenario: Script.Scenario) => {
  const deltas = Script.deltas(scenario)
  const answer: ReadonlyArray<Response.StreamPartEncoded> = [
    { type: "text-start", id: "text_0" },
    ...deltas.map((delta): Response.StreamPartEncoded => ({ type: "text-delta", id: "text_0", delta })),
    { type: "text-end", id: "text_0" },
    finish("stop")
  ]
  return (turn: number): ReadonlyArray<Response.StreamPartEncoded> =>
    Script.callsTool(scenario, turn)
      ? [
        { type: "tool-call", id: Script.callId(turn), name: Script.TOOL, params: JSON.parse(Script.ARGUMENTS) },
        finish("tool-calls")
      ]
      : answer
}

interface Message {
  readonly role: string
  readonly content: string | ReadonlyArray<object>
}

/** The turn that a history asks for. */
export const turnOf = (messages: ReadonlyArray<Message>) => {
  const last = messages[messages.length - 1]!
  if (last.role !== "tool" || typeof last.content === "string") return 0
  const part = last.content[0]!
  return Script.turnAfter("id" in part && typeof part.id === "string" ? part.id : undefined)
}

/** The model's answer to a history. */
export const make = (scenario: Script.Scenario) => {
  const say = parts(scenario)
  const stream = scenario.deltas === undefined
    ? (messages: ReadonlyArray<Message>) => Stream.fromArray(say(turnOf(messages)))
    : (messages: ReadonlyArray<Message>) => Stream.fromIterable(say(turnOf(messages)), { chunkSize: 1 })
  if (scenario.concurrent === undefined) return stream
  const gate = Script.makeGate(scenario.concurrent)
  return (messages: ReadonlyArray<Message>) => Stream.unwrap(Effect.as(Effect.promise(gate), stream(messages)))
}
