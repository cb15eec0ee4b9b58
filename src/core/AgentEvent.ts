/**
 * What happens in a run, as one tagged union: what a person sees, wherever they see it, is a projection of these.
 *
 * Durable events say what happened and are kept; progress events (`isProgress`) show it happening and are streamed,
 * never stored. Hot ones are built as plain objects; the Schemas encode them at a boundary. `path` names the agent that
 * made the event, `"researcher"` or, inside another agent's run, `"editor/researcher"`.
 */
import * as Prompt from "effect/ai/Prompt"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import { AgentErrorReason } from "./AgentError.ts"
import * as Json from "./Json.ts"
import { Usage } from "./Usage.ts"

/** How a run ended well: the model answered, the limit on tool calls cut it short, or `stopWhen` did. */
export const Finish = Schema.Literals(["answered", "tool-limit", "stopped"])

/** How a run ended well. */
export type Finish = typeof Finish.Type

/** Something that was left out or cut, and what to do about it. */
export const Warning = Schema.Struct({ code: Schema.String, message: Schema.String })

/** Something that was left out or cut. */
export type Warning = typeof Warning.Type

const resultFields = {
  finish: Finish,
  usage: Usage,
  turns: Schema.Finite,
  toolCalls: Schema.Finite,
  messages: Schema.Array(Prompt.Message),
  warnings: Schema.Array(Warning),
  model: Schema.String
}

/** What comes back from a run. */
export interface RunResult<out Output = string> {
  /** The answer: text, or a value of the agent's output Schema. */
  readonly output: Output
  /** How the run ended. */
  readonly finish: Finish
  /** Tokens of all model calls of the run, of its failed attempts and of the agents that it called. */
  readonly usage: Usage
  /** How many model calls were answered. */
  readonly turns: number
  /** How many single tool calls the model made, also those that were refused. */
  readonly toolCalls: number
  /** The history after the run, without instructions: give it to the next run as `history`. */
  readonly messages: ReadonlyArray<Prompt.Message>
  readonly warnings: ReadonlyArray<Warning>
  /** The model that answered, as the vendor names it where it says so. */
  readonly model: string
}

/** Any value, as JSON where it is encoded: what has none is shown as text or a list, and comes back as that. */
export const Shown = Schema.Json.pipe(
  Schema.decodeTo(
    Schema.Unknown,
    SchemaTransformation.transform({
      decode: (json): unknown => json,
      encode: (value) => Json.show(value) as Schema.Json
    })
  )
)

const at = { path: Schema.String }
const inTurn = { ...at, turn: Schema.Finite }
const ofTool = { ...inTurn, id: Schema.String, name: Schema.String }

export const RunStarted = Schema.TaggedStruct("RunStarted", at)
/** An attempt of the run failed, and `retry` begins it anew: attempt 2 is the first further one. */
export const RunRetried = Schema.TaggedStruct("RunRetried", {
  ...at,
  attempt: Schema.Finite,
  reason: Schema.String,
  message: Schema.String
})
/** A turn begins; what `beforeTurn` changed for it is recorded with it. */
export const TurnStarted = Schema.TaggedStruct("TurnStarted", {
  ...inTurn,
  model: Schema.String,
  changes: Schema.optionalKey(Schema.Record(Schema.String, Shown))
})
export const TextDelta = Schema.TaggedStruct("TextDelta", { ...inTurn, delta: Schema.String })
export const ReasoningDelta = Schema.TaggedStruct("ReasoningDelta", { ...inTurn, delta: Schema.String })
export const ToolInputDelta = Schema.TaggedStruct("ToolInputDelta", { ...ofTool, delta: Schema.String })
/** The model asked for a tool; `arguments` is what it sent, also when that is no JSON (then it is the text). */
export const ToolCalled = Schema.TaggedStruct("ToolCalled", { ...ofTool, arguments: Shown })
export const ToolProgress = Schema.TaggedStruct("ToolProgress", { ...ofTool, value: Shown })
export const ToolReturned = Schema.TaggedStruct("ToolReturned", { ...ofTool, result: Shown })
/** A tool failed, was refused or could not be called: `message` is what the model is told, `cause` what happened. */
export const ToolFailed = Schema.TaggedStruct("ToolFailed", {
  ...ofTool,
  reason: Schema.Literals(["failed", "unknown-tool", "invalid-arguments", "limit"]),
  message: Schema.String,
  cause: Schema.String
})
/** The model has read the instructions of a skill, to follow them. */
export const SkillActivated = Schema.TaggedStruct("SkillActivated", { ...inTurn, skill: Schema.String })
export const OutputPartial = Schema.TaggedStruct("OutputPartial", { ...inTurn, value: Shown })
export const OutputRejected = Schema.TaggedStruct("OutputRejected", {
  ...inTurn,
  issues: Schema.Array(Schema.String),
  text: Schema.String
})
/** A model call failed and is made again after `delay` milliseconds. */
export const ModelRetried = Schema.TaggedStruct("ModelRetried", {
  ...inTurn,
  model: Schema.String,
  attempt: Schema.Finite,
  delay: Schema.Finite,
  reason: Schema.String,
  message: Schema.String
})
export const ModelFellBack = Schema.TaggedStruct("ModelFellBack", {
  ...inTurn,
  from: Schema.String,
  to: Schema.String,
  message: Schema.String
})
/**
 * The model's response of a turn is complete. `text` is the concatenation of the turn's `TextDelta`s; where the answer
 * is typed there are none, and `text` is what the model said beside its calls, or the answer's JSON.
 */
export const ResponseReceived = Schema.TaggedStruct("ResponseReceived", {
  ...inTurn,
  model: Schema.String,
  finish: Schema.String,
  text: Schema.String,
  usage: Usage
})
export const Paused = Schema.TaggedStruct("Paused", { ...at, name: Schema.String, output: Shown })
/** The Schema of what a run came to, with its answer's own. */
export const resultOf = <Output extends Schema.Top>(output: Output) => Schema.Struct({ output, ...resultFields })

/**
 * A watcher was too slow: `missed` events were left out. `text` and `reasoning` are the whole of the turn's so far, and
 * `value` the turn's latest `OutputPartial` among what was left out.
 */
export const Gap = Schema.TaggedStruct("Gap", {
  ...inTurn,
  missed: Schema.Finite,
  text: Schema.String,
  reasoning: Schema.String,
  value: Schema.optionalKey(Shown)
})
export const RunCompleted = Schema.TaggedStruct("RunCompleted", {
  ...at,
  result: resultOf(Shown)
})
/** The run ended without an answer: it failed (`reason`), was interrupted, or whoever ran it went away. */
export const RunFailed = Schema.TaggedStruct("RunFailed", {
  ...at,
  end: Schema.Literals(["failed", "timed-out", "interrupted", "client-gone", "defect"]),
  message: Schema.String,
  reason: Schema.optionalKey(AgentErrorReason),
  usage: Usage,
  messages: Schema.Array(Prompt.Message)
})

/** Every event of a run. */
export const AgentEvent = Schema.Union([
  RunStarted,
  RunRetried,
  TurnStarted,
  TextDelta,
  ReasoningDelta,
  ToolInputDelta,
  ToolCalled,
  ToolProgress,
  ToolReturned,
  ToolFailed,
  SkillActivated,
  OutputPartial,
  OutputRejected,
  ModelRetried,
  ModelFellBack,
  ResponseReceived,
  Paused,
  Gap,
  RunCompleted,
  RunFailed
])

/** Events of a run whose answer is an `Output`. */
export type AgentEvent<Output = unknown> =
  | Exclude<typeof AgentEvent.Type, { readonly _tag: "RunCompleted" }>
  | { readonly _tag: "RunCompleted"; readonly path: string; readonly result: RunResult<Output> }

/** Whether an event only shows something happening, and is never stored. */
export const isProgress = (event: AgentEvent): boolean => {
  switch (event._tag) {
    case "TextDelta":
    case "ReasoningDelta":
    case "ToolInputDelta":
    case "ToolProgress":
    case "OutputPartial":
    case "Gap":
      return true
    default:
      return false
  }
}

/** Whether an event ends the run of the agent at `path`. */
export const isTerminal = (event: AgentEvent): boolean => event._tag === "RunCompleted" || event._tag === "RunFailed"
