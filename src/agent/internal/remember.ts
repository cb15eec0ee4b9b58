/**
 * A run on a conversation: has it for itself, goes on from what was said there, and adds what it says.
 *
 * What a run says is added when it ends, all at once. Of one that failed it is added if its model had said anything; of
 * one that is stopped, to go on later, when it has gone on. In an execution reading and adding are steps: the journal
 * has up to where was read, and who adds once more, since the process died, adds nothing.
 */
import type * as Prompt from "effect/ai/Prompt"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { type AgentError, type AgentErrorReason, ConversationFailed } from "../../core/AgentError.ts"
import type { RunResult } from "../../core/AgentEvent.ts"
import * as StepScope from "../../durable/StepScope.ts"
import { ConversationError, Conversations, type Kept } from "../Conversations.ts"
import * as Tokens from "../Tokens.ts"
import type { WorkingMemory } from "../WorkingMemory.ts"
import { problemOf } from "./names.ts"
import type { AgentDefinition, RunInput } from "./prepare.ts"
import { toError } from "./report.ts"

/** A run that names its conversation. */
export interface Conversing extends RunInput {
  readonly options: RunInput["options"] & { readonly conversation: string }
}

/** Whether the run names a conversation. */
export const isOn = (input: RunInput): input is Conversing => input.options.conversation !== undefined

type Store = Conversations["Service"]

const Asked = Schema.Struct({ conversation: Schema.String })

const failed = (error: ConversationError): AgentErrorReason =>
  error.reason._tag === "ConversationBusy" ? error.reason : new ConversationFailed({
    conversation: error.conversation,
    detail: error.reason.message,
    isRetryable: error.isRetryable
  })

const checked = ({ options: { conversation } }: Conversing): Effect.Effect<string, ConversationFailed> => {
  const problem = problemOf(conversation)
  return problem === undefined ? Effect.succeed(conversation) : Effect.fail(
    new ConversationFailed({
      conversation: conversation.slice(0, 60),
      detail: `its name ${problem}; use 1 to 200 characters, without control characters`,
      isRetryable: false
    })
  )
}

/** Messages of one page, where it is not known how many are needed. */
const pageSize = 128

/** The newest part of a conversation: as much as the memory may let through, and no more. */
const read = (
  store: Store,
  conversation: string,
  memory: WorkingMemory | undefined,
  upTo: number | undefined
): Effect.Effect<ReadonlyArray<Kept>, ConversationError> => {
  const window = memory?.window
  const maxTokens = memory?.maxTokens
  const page = (upTo: number | undefined, limit: number | undefined) =>
    Effect.map(store.history(conversation, { upTo, limit }), ({ messages }) => messages)
  if (maxTokens === undefined) return page(upTo, window)
  return Effect.gen(function*() {
    let found: ReadonlyArray<Kept> = []
    let tokens = 0
    let last = upTo
    for (let limit = pageSize;; limit *= 2) {
      const size = Math.min(limit, (window ?? Infinity) - found.length)
      const more = yield* page(last, size)
      found = [...more, ...found]
      for (const { message } of more) tokens += Tokens.ofMessage(message)
      if (more.length < size || tokens > maxTokens || found.length >= (window ?? Infinity)) return found
      last = more[0]!.id - 1
    }
  })
}

const messagesOf = (found: ReadonlyArray<Kept>): ReadonlyArray<Prompt.Message> => found.map(({ message }) => message)

/** Reads what a run would go on from, without a run. */
export const look = (
  agent: AgentDefinition,
  input: Conversing
): Effect.Effect<void, AgentErrorReason, Conversations> =>
  Effect.gen(function*() {
    const conversation = yield* checked(input)
    const store = yield* Conversations
    const found = yield* Effect.mapError(read(store, conversation, agent.options.memory, undefined), failed)
    input.recalled = messagesOf(found)
  })

/** Runs `body` on the conversation. */
export const on = (
  agent: AgentDefinition,
  input: Conversing,
  body: Effect.Effect<RunResult<unknown>, AgentError, any>
): Effect.Effect<RunResult<unknown>, AgentError, any> => {
  const { memory } = agent.options
  const fail = (reason: AgentErrorReason) => toError(agent.name, input, reason)
  const step = <A>(name: string, success: Schema.Codec<A, any>, body: Effect.Effect<A, ConversationError>) =>
    StepScope.step(
      () => ({
        name,
        payload: { conversation: input.options.conversation },
        payloadSchema: Asked,
        success,
        error: ConversationError
      }),
      body
    )
  return Effect.scopedWith((scope) =>
    Effect.gen(function*() {
      const conversation = yield* checked(input)
      const store = yield* Conversations
      let found: ReadonlyArray<Kept> | undefined
      const upTo = yield* step(
        "read_conversation",
        Schema.Finite,
        Effect.gen(function*() {
          yield* Scope.provide(store.hold(conversation, input.options.whenBusy ?? "wait"), scope)
          found = yield* read(store, conversation, memory, undefined)
          return found.at(-1)?.id ?? 0
        })
      )
      // a replay knows up to where was read: what was said later by others is not the run's
      found ??= yield* read(store, conversation, memory, upTo)
      input.recalled = messagesOf(found)
      return store
    }).pipe(
      Effect.mapError((error) => fail(error._tag === "ConversationError" ? failed(error) : error)),
      Effect.flatMap((store) => adding(input, store, body, step, fail))
    )
  )
}

const adding = (
  input: Conversing,
  store: Store,
  body: Effect.Effect<RunResult<unknown>, AgentError, any>,
  step: <A>(
    name: string,
    success: Schema.Codec<A, any>,
    body: Effect.Effect<A, ConversationError>
  ) => Effect.Effect<A, ConversationError>,
  fail: (reason: AgentErrorReason) => AgentError
): Effect.Effect<RunResult<unknown>, AgentError, any> =>
  Effect.withFiber((fiber) => {
    const scope = fiber.getRef(StepScope.StepScope)
    const add = (messages: ReadonlyArray<Prompt.Message>) =>
      store.append(input.options.conversation, { messages, by: input.path, run: scope?.idempotencyKey })
    return Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(Effect.exit(restore(body)), (exit) => {
        if (scope?.isStopping() === true) return exit
        const messages = saidBy(input, exit)
        if (messages.length === 0) return exit
        if (Exit.isSuccess(exit)) {
          const added = restore(step("add_to_conversation", Schema.Void, add(messages)))
          return Effect.andThen(Effect.mapError(added, (error) => fail(failed(error))), exit)
        }
        // who interrupted it does not wait for a journal; and why it failed counts for more than that this did, too
        const added = Cause.hasInterrupts(exit.cause)
          ? add(messages)
          : restore(step("add_to_conversation", Schema.Void, add(messages)))
        return Effect.andThen(Effect.ignore(added), exit)
      })
    )
  })

/** What of a run is added: nothing, where its model said nothing. */
const saidBy = (
  input: RunInput,
  exit: Exit.Exit<RunResult<unknown>, AgentError>
): ReadonlyArray<Prompt.Message> => {
  if (Exit.isSuccess(exit)) return exit.value.messages
  const error = Cause.findErrorOption(exit.cause)
  const messages = error._tag === "Some" ? error.value.messages : input.state?.settled() ?? []
  return messages.some(({ role }) => role === "assistant") ? messages : []
}
