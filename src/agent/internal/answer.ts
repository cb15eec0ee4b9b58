/**
 * Typed answers in the loop: how a turn asks for one, and what becomes of it.
 *
 * A model that can be held to a JSON Schema is; any other is offered a tool that takes the answer. Either way the answer
 * is judged here, by the Schema and by the agent's own rule.
 */
import type * as LanguageModel from "effect/ai/LanguageModel"
import type * as Tool from "effect/ai/Tool"
import * as Effect from "effect/Effect"
import * as Capabilities from "../Capabilities.ts"
import type { ModelOptions } from "../ModelOptions.ts"
import * as Output from "../Output.ts"
import type { Outcome } from "../Toolbox.ts"
import type * as Turn from "../Turn.ts"
import type { Target } from "./modelCall.ts"
import type { AgentDefinition, TurnRequest } from "./prepare.ts"

/** How a turn asks for the answer: as text, held to a Schema, or through a tool. */
export type AnswerBy = "text" | "schema" | "tool"

/** How a turn asks for the answer. */
export const by = (agent: AgentDefinition, target: Target, tools: ReadonlyArray<Tool.Any>): AnswerBy => {
  if (agent.output === undefined) return "text"
  const can = target.driver?.capabilities
  return can?.structuredOutput === true && (tools.length === 0 || can.outputWithTools) ? "schema" : "tool"
}

const withAnswer = new WeakMap<ReadonlyArray<Tool.Any>, ReadonlyArray<Tool.Any>>()

/** The list with the answer's tool in it: one list for one list, since what is made of a list is kept. */
const addAnswer = (tools: ReadonlyArray<Tool.Any>, tool: Tool.Any): ReadonlyArray<Tool.Any> => {
  const found = withAnswer.get(tools)
  if (found !== undefined && found.at(-1) === tool) return found
  const added = [...tools, tool]
  withAnswer.set(tools, added)
  return added
}

/**
 * A turn's request with the answer's tool offered; alone, when nothing else may be called any more.
 *
 * A call is forced where that costs nothing else. A model that could not reason then is free to call: if it answers in
 * text, which counts if it fits, the corrective turn tells it to.
 */
export const offerTool = (
  output: Output.Output,
  request: TurnRequest,
  { onlyAnswer, options }: { readonly onlyAnswer: boolean; readonly options: ModelOptions }
): TurnRequest => {
  const can = request.target.driver?.capabilities
  const canForce = can !== undefined && Capabilities.canForce(can, options)
  const choice = request.toolChoice
  if (onlyAnswer || choice === "none") {
    return {
      ...request,
      tools: canForce ? addAnswer(request.tools, output.tool) : [output.tool],
      toolChoice: canForce ? { tool: Output.toolName } : "auto"
    }
  }
  return {
    ...request,
    tools: addAnswer(request.tools, output.tool),
    toolChoice: choice === "auto" && canForce
      ? "required"
      : typeof choice === "object" && "oneOf" in choice
      ? { ...choice, oneOf: [...choice.oneOf, Output.toolName] }
      : choice
  }
}

/** Judges an answer, by the Schema and by the agent's own rule. */
export const judge = (
  agent: AgentDefinition,
  output: Output.Output,
  answer: unknown,
  transformer: LanguageModel.CodecTransformer | undefined
): Effect.Effect<Output.Reading, never, any> => {
  const { check } = agent.options
  const reading = Output.read(output, answer, transformer)
  if (check === undefined) return reading
  return Effect.flatMap(
    reading,
    (read) =>
      read._tag === "Invalid" ? Effect.succeed(read) : Effect.match(check(read.value), {
        onFailure: (issue): Output.Reading => ({ _tag: "Invalid", issues: [issue], text: Output.toText(answer) }),
        onSuccess: () => read
      })
  )
}

/** What the model is told, as the user, of an answer in text that does not fit. */
export const correction = (answerBy: AnswerBy, issues: ReadonlyArray<string>): string =>
  Output.correction(
    answerBy === "tool" ? [...issues, `the answer has to be given by a call of ${Output.toolName}`] : issues
  )

const failure = (result: string): Outcome => ({
  _tag: "Failed",
  reason: "failed",
  result,
  message: result,
  cause: result
})

/** What the calls of a turn that gave the answer are answered with: nothing but the answer counts. */
export const outcomes = (
  calls: ReadonlyArray<Turn.Call>,
  answerCall: Turn.Call,
  reading: Output.Reading
): ReadonlyArray<Outcome> =>
  calls.map((call) =>
    call !== answerCall
      ? failure("Not run: the final answer was given in the same turn.")
      : reading._tag === "Valid"
      ? { _tag: "Returned", result: "Taken." }
      : failure(Output.correction(reading.issues))
  )
