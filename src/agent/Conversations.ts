/**
 * The port of conversations: messages kept under a key, so that the next run goes on from them.
 *
 * A conversation only grows at its end, a run at a time; messages are erased, never changed, and their ids are not used
 * again. A call and its results are one unit: they are added and erased together, so that what is there is always legal
 * for a provider. A summary stands for the messages up to one of them, which are kept. `ConversationsSuite` of
 * `fluxion/testing` says what every store has to do.
 */
import * as Prompt from "effect/ai/Prompt"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { MigrationError } from "effect/sql/Migrator"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { ConversationBusy } from "../core/AgentError.ts"

/** The store could not be read or written. */
export class ConversationsUnavailable
  extends Schema.TaggedError<ConversationsUnavailable>()("ConversationsUnavailable", {
    operation: Schema.String,
    cause: Schema.Defect()
  })
{
  readonly isRetryable = true
  override get message(): string {
    const said = this.cause instanceof Error ? this.cause.message : String(this.cause)
    return `the store is not available (${this.operation}): ${said}`
  }
}

/** Messages cannot be kept: no provider would take them back. */
export class MessagesRefused extends Schema.TaggedError<MessagesRefused>()("MessagesRefused", {
  problem: Schema.String
}) {
  readonly isRetryable = false
  override get message(): string {
    return `the messages cannot be added: ${this.problem}`
  }
}

/** A conversation was to be copied to one that has messages. */
export class ConversationExists extends Schema.TaggedError<ConversationExists>()("ConversationExists", {
  to: Schema.String
}) {
  readonly isRetryable = false
  override get message(): string {
    return `conversation "${this.to}" has messages already; choose another name, or delete it first`
  }
}

/** Every reason for which a conversation could not be read or written. */
export const ConversationErrorReason = Schema.Union([
  ConversationsUnavailable,
  MessagesRefused,
  ConversationExists,
  ConversationBusy
])

/** A conversation could not be read or written; nothing was changed. */
export class ConversationError extends Schema.TaggedError<ConversationError>()("ConversationError", {
  conversation: Schema.String,
  reason: ConversationErrorReason
}) {
  override readonly cause = this.reason
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `conversation "${this.conversation}": ${this.reason.message}`
  }
}

/** A message, as it is kept. */
export interface Kept {
  /** Grows along the conversation; never used again. */
  readonly id: number
  /** The id of the first message of its unit: a call and its results have one. */
  readonly unit: number
  readonly message: Prompt.Message
  /** The path of the agent that added it, or what code called itself. */
  readonly by: string
  /** When it was added, in milliseconds since 1970. */
  readonly at: number
}

/** What stands for all messages up to one of them. */
export interface Summary {
  readonly text: string
  /** The id of the last message that it stands for. */
  readonly upTo: number
}

/** Which messages. */
export interface Page {
  /** None after this one; a summary of later ones is not given either. */
  readonly upTo?: number | undefined
  /** The newest so many. Default: all. */
  readonly limit?: number | undefined
  /** Without those that the summary stands for. */
  readonly summarized?: boolean | undefined
}

/** What was said, oldest first. */
export interface History {
  readonly messages: ReadonlyArray<Kept>
  readonly summary: Summary | undefined
}

/** What is added, all at once. */
export interface Addition {
  readonly messages: ReadonlyArray<Prompt.Message>
  /** Who says it. */
  readonly by: string
  /** Adding the same once more does nothing: what a run that is replayed added is there once. */
  readonly run?: string | undefined
  /** Stands for what was there before. */
  readonly summary?: Summary | undefined
}

/** What a list says of a conversation. */
export interface Info {
  readonly conversation: string
  readonly messages: number
  /** In milliseconds since 1970. */
  readonly createdAt: number
  readonly updatedAt: number
}

/** Which conversations. */
export interface List {
  /** Those that come after this one. */
  readonly after?: Pick<Info, "conversation" | "updatedAt"> | undefined
  readonly limit: number
}

/** Keeps conversations. */
export class Conversations extends Context.Service<Conversations, {
  /** What was said; nothing, in a conversation that nobody began. */
  readonly history: (conversation: string, page?: Page) => Effect.Effect<History, ConversationError>
  /** Adds messages at the end, all or none. */
  readonly append: (conversation: string, addition: Addition) => Effect.Effect<void, ConversationError>
  /** Erases a message with the rest of its unit, and summaries that stand for it; gives how many messages. */
  readonly forget: (conversation: string, id: number) => Effect.Effect<number, ConversationError>
  /** Erases all messages and summaries; gives how many messages. */
  readonly clear: (conversation: string) => Effect.Effect<number, ConversationError>
  /** Copies messages, up to one of them or all, to a conversation that has none; gives how many. */
  readonly fork: (
    conversation: string,
    to: string,
    options?: { readonly upTo?: number | undefined }
  ) => Effect.Effect<number, ConversationError>
  /** The conversations with messages, the last changed first. */
  readonly list: (list: List) => Effect.Effect<ReadonlyArray<Info>, ConversationError>
  /** Erases all that is known of a conversation; says whether there was anything. */
  readonly delete: (conversation: string) => Effect.Effect<boolean, ConversationError>
  /**
   * Has a conversation for oneself until the scope closes: waits for whoever has it, in the order in which they came, or
   * fails with `ConversationBusy`. A process that dies has none any more, within 10 seconds.
   */
  readonly hold: (
    conversation: string,
    whenBusy: "wait" | "fail"
  ) => Effect.Effect<void, ConversationError, Scope.Scope>
}>()("fluxion/agent/Conversations") {}

/** For stores: the failure of an operation. */
export const unavailable = (conversation: string, operation: string) => (cause: unknown): ConversationError =>
  new ConversationError({ conversation, reason: new ConversationsUnavailable({ operation, cause }) })

const ownCalls = (message: Prompt.Message | undefined): ReadonlyArray<string> =>
  message?.role === "assistant"
    ? message.content.flatMap((part) => part.type === "tool-call" && !part.providerExecuted ? [part.id] : [])
    : []

const problemIn = (messages: ReadonlyArray<Prompt.Message>): string | undefined => {
  for (const [index, message] of messages.entries()) {
    if (message.role === "system") return "instructions are the agent's, not a message of role system"
    if (message.content.length === 0) return `message ${index + 1} (${message.role}) is empty`
    const next = messages[index + 1]
    const results = next?.role === "tool"
      ? next.content.flatMap((part) => part.type === "tool-result" ? [part.id] : [])
      : []
    const calls = ownCalls(message)
    if (calls.length !== results.length || calls.some((id) => !results.includes(id))) {
      return `what message ${index + 1} (${message.role}) calls, and that alone, has to be answered by the next one`
    }
  }
  return messages[0]?.role === "tool" ? "results without their calls" : undefined
}

/** For stores: the units of messages that are added from an id on; fails where no provider would take them. */
export const unitsOf = (
  conversation: string,
  messages: ReadonlyArray<Prompt.Message>
): Effect.Effect<ReadonlyArray<number>, ConversationError> => {
  const problem = problemIn(messages)
  if (problem !== undefined) {
    return Effect.fail(new ConversationError({ conversation, reason: new MessagesRefused({ problem }) }))
  }
  // counted from 0: results follow their calls at once
  return Effect.succeed(messages.map(({ role }, index) => role === "tool" ? index - 1 : index))
}

const MessageJson = Schema.fromJsonString(Schema.toCodecJson(Prompt.Message))

/** For stores: a message as JSON text, and back. */
export const toJson: (message: Prompt.Message) => string = Schema.encodeSync(MessageJson)
export const fromJson: (json: string) => Prompt.Message = Schema.decodeSync(MessageJson)

/** Conversations that end with the process. */
export const layerMemory: Layer.Layer<Conversations> = Layer.effect(
  Conversations,
  Effect.map(Effect.promise(() => import("./internal/MapConversations.ts")), (map) => map.make())
)

/** Conversations in the database of the context: SQLite or PostgreSQL. Its tables are made, and brought up to date, first. */
export const layerSql: Layer.Layer<Conversations, SqlError | MigrationError, SqlClient> = Layer.effect(
  Conversations,
  Effect.flatMap(Effect.promise(() => import("./internal/SqlConversations.ts")), (sql) => sql.make)
)
