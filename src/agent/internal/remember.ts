/**
 * A run on a conversation: has it for itself, goes on from what was said there, and adds what it says. Inside an execution
 * a run with a memory that names none is on the execution's own, which is a state of it.
 *
 * What a run says is added when it ends, all at once. Of one that failed it is added if its model had said anything; of
 * one that is stopped, to go on later, when it has gone on. In an execution reading and adding are steps: the journal
 * has up to where was read, and who adds once more, since the process died, adds nothing.
 */
import * as Prompt from "effect/ai/Prompt"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { type AgentError, type AgentErrorReason, ConversationBusy, ConversationFailed } from "../../core/AgentError.ts"
import type { RunResult } from "../../core/AgentEvent.ts"
import * as State from "../../durable/State.ts"
import * as StepScope from "../../durable/StepScope.ts"
import { ConversationError, Conversations, type Kept, type Summary } from "../Conversations.ts"
import * as Tokens from "../Tokens.ts"
import type { WorkingMemory } from "../WorkingMemory.ts"
import { problemOf } from "./names.ts"
import type { AgentDefinition, Recalled, RunInput } from "./prepare.ts"
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

/** What was read: the messages with their ids, and what stands for those before. */
type Found = { readonly messages: ReadonlyArray<Kept>; readonly summary: Summary | undefined }

/** More is read than may be sent, by the estimate: a tokenizer may find it less, and a summary be made of it. */
const beyond = { sent: 2, summed: 4 }

/** The newest part of a conversation: as much as the memory may let through or sum up, and no more. */
const read = (
  store: Store,
  conversation: string,
  memory: WorkingMemory | undefined,
  upTo: number | undefined
): Effect.Effect<Found, ConversationError> => {
  const { compact, maxTokens, window } = memory ?? {}
  const summarized = compact !== undefined
  const page = (upTo: number | undefined, limit: number | undefined) =>
    Effect.map(
      store.history(conversation, { upTo, limit, summarized }),
      (found) => summarized ? found : { messages: found.messages, summary: undefined }
    )
  if (maxTokens === undefined) return page(upTo, window)
  const most = maxTokens * (summarized ? beyond.summed : beyond.sent)
  return Effect.gen(function*() {
    let found: Found = { messages: [], summary: undefined }
    let tokens = 0
    let last = upTo
    for (let limit = pageSize;; limit *= 2) {
      const size = Math.min(limit, (window ?? Infinity) - found.messages.length)
      const { messages: more, summary } = yield* page(last, size)
      // earlier pages know earlier summaries alone
      found = { messages: [...more, ...found.messages], summary: last === upTo ? summary : found.summary }
      for (const { message } of more) tokens += Tokens.ofMessage(message)
      if (more.length < size || tokens > most || found.messages.length >= (window ?? Infinity)) return found
      last = more[0]!.id - 1
      if (last <= (found.summary?.upTo ?? 0)) return found
    }
  })
}

const toRecalled = ({ messages, summary }: Found): Recalled => ({
  messages: messages.map(({ message }) => message),
  summary: summary?.text
})

/** Reads what a run would go on from, without a run. */
export const look = (
  agent: AgentDefinition,
  input: Conversing
): Effect.Effect<void, AgentErrorReason, Conversations> =>
  Effect.gen(function*() {
    const conversation = yield* checked(input)
    const store = yield* Conversations
    const found = yield* Effect.mapError(read(store, conversation, agent.options.memory, undefined), failed)
    input.recalled = toRecalled(found)
  })

/** The conversations that runs around this one have. */
const Held = Context.Reference<ReadonlyArray<string>>("fluxion/agent/Held", { defaultValue: () => [] })

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
      const held = yield* Held
      // it would wait for the run that waits for it
      if (held.includes(conversation)) return yield* new ConversationBusy({ conversation })
      const store = yield* Conversations
      let found: Found | undefined
      const upTo = yield* step(
        "read_conversation",
        Schema.Finite,
        Effect.gen(function*() {
          yield* Scope.provide(store.hold(conversation, input.options.whenBusy ?? "wait"), scope)
          found = yield* read(store, conversation, memory, undefined)
          return found.messages.at(-1)?.id ?? found.summary?.upTo ?? 0
        })
      )
      // a replay knows up to where was read: what was said later by others is not the run's
      found ??= yield* read(store, conversation, memory, upTo)
      input.recalled = toRecalled(found)
      return { store, found, held: [...held, conversation] }
    }).pipe(
      Effect.mapError((error) => fail(error._tag === "ConversationError" ? failed(error) : error)),
      Effect.flatMap(({ found, held, store }) =>
        adding(input, store, found, Effect.provideService(body, Held, held), step, fail)
      )
    )
  )
}

const adding = (
  input: Conversing,
  store: Store,
  found: Found,
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
    const add = (messages: ReadonlyArray<Prompt.Message>) => {
      const { count = 0, text = "" } = input.summarized ?? {}
      const upTo = found.messages[count - 1]?.id
      const summary = upTo === undefined ? undefined : { text, upTo }
      return store.append(input.options.conversation, { messages, by: input.path, run: scope?.idempotencyKey, summary })
    }
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

const Change = Schema.Struct({
  messages: Schema.Array(Prompt.Message),
  summary: Schema.optionalKey(Schema.Struct({ text: Schema.String, count: Schema.Finite }))
})

const nothing: Recalled = { messages: [], summary: undefined }

type Memory = State.State<Recalled, typeof Change.Type>

const names = new WeakMap<WorkingMemory, string>()
const states = new Map<string, Memory>()

/** A memory is called after the first agent that it was given to, unless it says its name. */
export const called = (memory: WorkingMemory, agent: string): void => {
  if (!names.has(memory)) names.set(memory, memory.name ?? agent)
}

const stateOf = (memory: WorkingMemory): Memory => {
  const name = names.get(memory)!
  let state = states.get(name)
  if (state === undefined) {
    state = State.make<Recalled, typeof Change>(`memory ${name}`, {
      change: Change,
      initial: nothing,
      fold: (before, { messages, summary }) => ({
        messages: [...before.messages.slice(summary?.count ?? 0), ...messages],
        summary: summary?.text ?? before.summary
      })
    })
    states.set(name, state)
  }
  return state
}

/** Runs `body` on what runs with this memory said before in the execution. */
export const within = (
  memory: WorkingMemory,
  input: RunInput,
  body: Effect.Effect<RunResult<unknown>, AgentError, any>
): Effect.Effect<RunResult<unknown>, AgentError, any> => {
  const state = stateOf(memory)
  return Effect.flatMap(state.get, (recalled) => {
    input.recalled = recalled
    return Effect.flatMap(Effect.exit(body), (exit) => {
      const messages = saidBy(input, exit)
      const { summarized } = input
      return messages.length === 0 || (Exit.isFailure(exit) && Cause.hasInterrupts(exit.cause))
        ? exit
        : Effect.andThen(
          state.change({ messages, ...(summarized === undefined ? {} : { summary: summarized }) }),
          exit
        )
    })
  })
}
