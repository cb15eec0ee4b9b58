/**
 * Why an agent's run failed: one error, with a tagged `reason`.
 *
 * Every reason says in its message what failed and what to do, and has `isRetryable`: whether the same run may succeed
 * if it is tried again. The error carries what the run had done so far, so that nothing is lost with it.
 */
import * as AiError from "effect/ai/AiError"
import * as Prompt from "effect/ai/Prompt"
import * as Duration from "effect/Duration"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { Usage } from "./Usage.ts"

/** A model of a fallback that could not answer either. `reason` is the tag of its `AiError`, or of its error. */
export const FailedBefore = Schema.Struct({ model: Schema.String, reason: Schema.String, message: Schema.String })

/** A model of a fallback that could not answer either. */
export type FailedBefore = typeof FailedBefore.Type

/**
 * The model call failed; `error` is what the provider said, as an `AiError` of `effect/ai`. `shown` is whether a reader
 * had seen a part of the answer; `before` are the models of a fallback that had failed in the same turn.
 */
export class ModelFailed extends Schema.TaggedError<ModelFailed>()("ModelFailed", {
  model: Schema.String,
  error: AiError.AiError,
  shown: Schema.optionalKey(Schema.Boolean),
  before: Schema.optionalKey(Schema.Array(FailedBefore))
}) {
  override readonly cause = this.error
  get isRetryable(): boolean {
    return this.error.isRetryable
  }
  /** What the provider said, and what to do. */
  get said(): string {
    return explain(this.error.reason)
  }
  override get message(): string {
    const before = (this.before ?? []).map(({ message, model }) => `; before it, ${model} could not answer: ${message}`)
    return `the call to model ${this.model} failed: ${this.said}${before.join("")}`
  }
}

/** A reason in words: what the vendor said, and what to do. */
const explain = (reason: AiError.AiErrorReason): string => {
  switch (reason._tag) {
    // its own message adds lines of general advice
    case "NetworkError":
      return reason.description ?? reason.reason
    // their own messages leave out what the vendor said
    case "RateLimitError": {
      const wait = reason.retryAfter === undefined ? "wait" : `wait ${Duration.format(reason.retryAfter)}`
      return `the rate limit is reached${saidBy(reason.metadata)}; ${wait}, then try again`
    }
    case "QuotaExhaustedError":
      return `the quota is used up${saidBy(reason.metadata)}; check the account's plan, billing and limits`
    default:
      return reason.message
  }
}

const saidBy = (metadata: AiError.ProviderMetadata): string => {
  for (const own of Object.values(metadata)) {
    if (Predicate.hasProperty(own, "message") && typeof own.message === "string" && own.message !== "") {
      return `: ${own.message.replace(/[.;]$/, "")}`
    }
  }
  return ""
}

/** The model's answers broke the output's Schema, also after every corrective turn. */
export class OutputInvalid extends Schema.TaggedError<OutputInvalid>()("OutputInvalid", {
  issues: Schema.Array(Schema.String),
  text: Schema.String
}) {
  readonly isRetryable = true
  override get message(): string {
    return `the answer does not fit the output's Schema: ${this.issues.join("; ")}`
  }
}

/** The model ended with neither text nor tool calls. */
export class EmptyAnswer extends Schema.TaggedError<EmptyAnswer>()("EmptyAnswer", {
  model: Schema.String,
  finish: Schema.String
}) {
  readonly isRetryable = true
  override get message(): string {
    const advice = this.finish === "length"
      ? "raise maxTokens"
      : this.finish === "tool-calls"
      ? "it still asked for tools when none were allowed any more, raise maxToolCalls"
      : this.finish === "pause"
      ? "its vendor's own tools took too long, ask for less at once"
      : "ask again, or more precisely"
    return `model ${this.model} ended with an empty answer (finish reason: ${this.finish}); ${advice}`
  }
}

/** The run would cost more than it was allowed. */
export class BudgetExceeded extends Schema.TaggedError<BudgetExceeded>()("BudgetExceeded", {
  limit: Schema.Finite,
  spent: Schema.Finite
}) {
  readonly isRetryable = false
  override get message(): string {
    return `the budget of ${this.limit} tokens is spent (${this.spent}); raise it, or start with a smaller question`
  }
}

/** Somebody decided that a tool may not run. */
export class ApprovalRejected extends Schema.TaggedError<ApprovalRejected>()("ApprovalRejected", {
  tool: Schema.String,
  comment: Schema.optionalKey(Schema.String)
}) {
  readonly isRetryable = false
  override get message(): string {
    return `the call of ${this.tool} was rejected${this.comment === undefined ? "" : `: ${this.comment}`}`
  }
}

/** A task or tool needs an approval, and nobody is there to ask: it did not run. */
export class NoApprover extends Schema.TaggedError<NoApprover>()("NoApprover", {
  tool: Schema.String
}) {
  readonly isRetryable = false
  override get message(): string {
    return `${this.tool} needs an approval and nobody is there to ask, so it did not run; `
      + `run it where somebody can decide, or make it without approval`
  }
}

/** The run needs what the model cannot do; no request was sent. */
export class Unsupported extends Schema.TaggedError<Unsupported>()("Unsupported", {
  model: Schema.String,
  feature: Schema.String,
  advice: Schema.String
}) {
  readonly isRetryable = false
  override get message(): string {
    return `model ${this.model} does not support ${this.feature}: ${this.advice}`
  }
}

/** What is wrong with a model's name, its provider, or the provider's settings. */
export const ModelProblem = Schema.Literals([
  "bad-name",
  "unknown-provider",
  "missing-package",
  "missing-key",
  "malformed-key",
  "wrong-key",
  "bad-settings"
])

/** A `"provider/model"` could not be made into a Model; `detail` says what to do. */
export class ModelUnresolved extends Schema.TaggedError<ModelUnresolved>()("ModelUnresolved", {
  model: Schema.String,
  problem: ModelProblem,
  detail: Schema.String
}) {
  readonly isRetryable = false
  override get message(): string {
    return `model "${this.model}" cannot be used: ${this.detail}`
  }
}

/** The run took longer than its `timeout`. */
export class TimedOut extends Schema.TaggedError<TimedOut>()("TimedOut", {
  after: Schema.Duration
}) {
  readonly isRetryable = true
  override get message(): string {
    return `the run took longer than its timeout of ${Duration.format(this.after)}`
  }
}

/** Another run is under way on the conversation. */
export class ConversationBusy extends Schema.TaggedError<ConversationBusy>()("ConversationBusy", {
  conversation: Schema.String
}) {
  readonly isRetryable = true
  override get message(): string {
    return `another run is under way on conversation "${this.conversation}"; wait for it, or let runs queue`
  }
}

/** The conversation could not be read or added to; `detail` says why, and what to do. */
export class ConversationFailed extends Schema.TaggedError<ConversationFailed>()("ConversationFailed", {
  conversation: Schema.String,
  detail: Schema.String,
  isRetryable: Schema.Boolean
}) {
  override get message(): string {
    return `conversation "${this.conversation}" could not be gone on with: ${this.detail}`
  }
}

/** The agent's long-term memory is kept by owner, and the run did not say whose it is; `memory` is its scope. */
export class OwnerMissing extends Schema.TaggedError<OwnerMissing>()("OwnerMissing", {
  memory: Schema.String
}) {
  readonly isRetryable = false
  override get message(): string {
    return `the memory "${this.memory}" is kept by owner, and none was said; give the run its owner: { owner: "…" }`
  }
}

/** Every reason for which a run fails. */
export const AgentErrorReason = Schema.Union([
  ModelFailed,
  OutputInvalid,
  EmptyAnswer,
  BudgetExceeded,
  ApprovalRejected,
  NoApprover,
  Unsupported,
  ModelUnresolved,
  TimedOut,
  ConversationBusy,
  ConversationFailed,
  OwnerMissing
])

/** Every reason for which a run fails. */
export type AgentErrorReason = typeof AgentErrorReason.Type

const causeOf = (error: AgentError): AgentErrorReason => {
  // Node prints an error that nobody caught with all that is enumerable
  Object.defineProperty(error, "messages", { enumerable: false })
  return error.reason
}

// what is large, private or said twice: what the SDK threw, the raw text of a model
const unlogged = new Set(["cause", "error", "isRetryable", "text"])

/** A reason as a log holds it. */
const brief = (reason: AgentErrorReason): { readonly [field: string]: unknown } => ({
  ...Object.fromEntries(Object.entries(reason).filter(([field]) => !unlogged.has(field))),
  ...(reason._tag === "ModelFailed" ? { error: briefOfModel(reason.error.reason) } : undefined)
})

/** What a vendor said (`metadata`: its message, status, code and request id), and how long to wait. */
const briefOfModel = (reason: AiError.AiErrorReason): { readonly [field: string]: unknown } => ({
  _tag: reason._tag,
  ...("metadata" in reason ? { metadata: reason.metadata } : undefined),
  ...("retryAfter" in reason && Duration.isDuration(reason.retryAfter)
    ? { retryAfter: Duration.format(reason.retryAfter) }
    : undefined)
})

/**
 * An agent's run failed. `reason` says why; `usage` is what it had cost, and `messages` what had been said, a history
 * that is legal for every provider (`Prompt.fromMessages(error.messages)` goes on from there).
 */
export class AgentError extends Schema.TaggedError<AgentError>()("AgentError", {
  agent: Schema.String,
  reason: AgentErrorReason,
  usage: Usage,
  messages: Schema.Array(Prompt.Message)
}) {
  override readonly cause = causeOf(this)
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `agent ${this.agent}: ${this.reason.message}`
  }
  /** What Node prints: the messages of a run are too many, and too private, for a log. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return `${this.stack ?? this.message}\n  reason: ${this.reason._tag}, messages so far: ${this.messages.length}`
  }
  /** What a log in JSON holds: of the messages their number, for the same reason. A journal has them by the Schema. */
  override toJSON(): { readonly [field: string]: unknown } {
    const { _tag, agent, isRetryable, message, reason, usage } = this
    return { _tag, agent, message, isRetryable, reason: brief(reason), usage, messages: this.messages.length }
  }
}
