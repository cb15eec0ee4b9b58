/**
 * What an agent is made of, and what one run of it may say otherwise.
 */
import type * as AiError from "effect/ai/AiError"
import type * as LanguageModel from "effect/ai/LanguageModel"
import type * as Prompt from "effect/ai/Prompt"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type { AgentError } from "../core/AgentError.ts"
import type { Options as TaskOptions, Retry } from "../durable/Task.ts"
import type { LongTermMemory } from "./LongTermMemory.ts"
import type { ModelOptions } from "./ModelOptions.ts"
import type { Fallback } from "./Models.ts"
import type { Skill, Skills } from "./Skill.ts"
import type { RunStep, StopWhen } from "./StopWhen.ts"
import type { ToolInput } from "./Toolbox.ts"
import type { WorkingMemory } from "./WorkingMemory.ts"

/**
 * What an agent is asked: a text, or texts, images and files (`Prompt.filePart({ mediaType, data })`, where `data` is
 * bytes, base64, or a `URL`).
 */
export type Instruction = string | ReadonlyArray<string | Prompt.UserMessagePart>

/** What a run may say otherwise than its agent. */
export interface RunOptions extends ModelOptions {
  /** Background, put in front of the instruction and marked as such. */
  readonly context?: string | undefined
  /** What was said before, kept by the caller: `Prompt.fromMessages(result.messages)` goes on from a run. */
  readonly history?: Prompt.Prompt | undefined
  /** Whose run it is: facts of a long-term memory are kept for them alone. Agents inside the run are told, too. */
  readonly owner?: string | undefined
  /** Single tool calls in this run. */
  readonly maxToolCalls?: number | undefined
  /** Whether, and which, tools the model has to call; a forced choice holds until it has called one. */
  readonly toolChoice?: LanguageModel.ToolChoice<string> | undefined
}

/** What a run says that goes on from a conversation: it needs `Conversations`. */
export interface ConversationOptions extends RunOptions {
  /**
   * The key under which messages are kept: the run goes on from what was said there, and adds what it says. 1 to 200
   * characters. Agents that are told the same one go on from each other.
   */
  readonly conversation: string | undefined
  /** What becomes of the run while another one is under way there: `"fail"` is `ConversationBusy`. Default: `"wait"`. */
  readonly whenBusy?: "wait" | "fail" | undefined
}

/** What `beforeTurn` is told. */
export interface TurnInfo {
  /** 1 for the first turn. */
  readonly turn: number
  readonly model: string
  /** The whole prompt, system message first. */
  readonly messages: ReadonlyArray<Prompt.Message>
  /** What the turns before did. */
  readonly steps: ReadonlyArray<RunStep>
}

/** What `beforeTurn` changes, for this turn only. */
export interface TurnChange {
  /** Another model: by name, a fallback, or a service. */
  readonly model?: string | Fallback | LanguageModel.LanguageModel | undefined
  /** The names of the agent's tools that the model is offered. */
  readonly tools?: ReadonlyArray<string> | undefined
  readonly instructions?: string | undefined
  readonly toolChoice?: LanguageModel.ToolChoice<string> | undefined
  /** Instead of the history, without its system message. */
  readonly history?: Prompt.Prompt | undefined
}

/** The options of an agent. */
export interface AgentOptions<
  Tools extends ToolInput,
  Model extends string | Fallback | undefined,
  Output extends Schema.Top,
  RI,
  RB,
  RC,
  FR,
  RR,
  Approval = boolean | undefined,
  RM = any,
  RK = any
> extends
  ModelOptions,
  Omit<
    TaskOptions<AgentPayload, Output["Type"], AgentError, Duration.Input | undefined, FR, RR>,
    "approval" | "inDoubt" | "cache"
  >
{
  /** Who the agent is and what it does; an Effect is run at the start of each run. */
  readonly instructions: string | Effect.Effect<string, never, RI>
  /**
   * `"provider/name"`, or several of them in a `Models.fallback`, found by `Models`. Without it the agent asks for a
   * `LanguageModel`.
   */
  readonly model?: Model
  /** What the model may call: Tasks, Agents, Toolkits, Toolboxes, vendors' tools. */
  readonly tools?: ReadonlyArray<Tools> | undefined
  /** How much of what was said before a turn is sent: `WorkingMemory.make({ window, maxTokens })`. Default: all. */
  readonly memory?: WorkingMemory | undefined
  /** Facts that outlive the run: `LongTermMemory.make({ scope })`. The model is given tools to use them. */
  readonly longTermMemory?: LongTermMemory<RM> | undefined
  /**
   * Instructions for kinds of work, which the model reads when it needs them: `Skill.directory("./skills")`, or skills
   * made in code. The model is given tools to read them.
   */
  readonly skills?: Skills<RK> | ReadonlyArray<Skill> | undefined
  /** What the answer has to be. Default: text. The answer is decoded by it, so dates are dates. */
  readonly output?: Output | undefined
  /** Rules that the Schema cannot say; fails with what the model is to correct. */
  readonly check?: ((output: Output["Type"]) => Effect.Effect<void, string, RC>) | undefined
  /** How often the model may correct an answer that does not fit `output` or `check`. Default 2. */
  readonly corrections?: number | undefined
  /** Single tool calls in a run; after them the model is asked once more, for an answer. Default 10. */
  readonly maxToolCalls?: number | undefined
  /** Tools that run at once within one turn. Default 8. */
  readonly maxConcurrentTools?: number | undefined
  /** Characters of one tool result that the model is shown. Default 65,536. */
  readonly maxToolResult?: number | undefined
  /** Ends the run early; asked after the tools of each turn. */
  readonly stopWhen?: StopWhen | undefined
  /** Changes model, tools, instructions, tool choice or history for one turn; recorded with it. */
  readonly beforeTurn?: ((turn: TurnInfo) => Effect.Effect<TurnChange | undefined | void, never, RB>) | undefined
  /** Whether, and which, tools the model has to call; a forced choice holds until it has called one. */
  readonly toolChoice?: LanguageModel.ToolChoice<string> | undefined
  /** Somebody has to agree before it runs: always, or for some payloads. */
  readonly approval?: Approval | ((payload: AgentPayload) => Approval) | undefined
  /** Default: doubling from 0.5 s, jittered, five times; `retry-after` is honoured up to 60 s. */
  readonly modelRetry?: Retry<AiError.AiError> | undefined
}

/** An agent as a task or a tool: what it is called with. */
export interface AgentPayload {
  readonly instruction: string
  readonly context?: string
}

/** Any agent's options. */
export type AnyAgentOptions = AgentOptions<
  ToolInput,
  string | Fallback | undefined,
  Schema.Top,
  any,
  any,
  any,
  any,
  any
>
