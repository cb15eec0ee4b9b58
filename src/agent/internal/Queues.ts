/**
 * Who has a conversation in this process: one at a time, in the order in which they came.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { ConversationBusy } from "../../core/AgentError.ts"
import { ConversationError } from "../Conversations.ts"

interface Queue {
  readonly semaphore: Semaphore.Semaphore
  /** Who has it, and who waits for it. */
  count: number
}

/** Somebody else has the conversation. */
export const busy = (conversation: string): ConversationError =>
  new ConversationError({ conversation, reason: new ConversationBusy({ conversation }) })

/** Queues by conversation; one that nobody stands in is none. */
export class Queues {
  readonly #queues = new Map<string, Queue>()

  /** Has a conversation until the scope closes. */
  hold(conversation: string, whenBusy: "wait" | "fail"): Effect.Effect<void, ConversationError, Scope.Scope> {
    return Effect.suspend(() => {
      let queue = this.#queues.get(conversation)
      if (queue === undefined) this.#queues.set(conversation, queue = { semaphore: Semaphore.makeUnsafe(1), count: 0 })
      else if (whenBusy === "fail") return Effect.fail(busy(conversation))
      const mine = queue
      mine.count++
      const leave = Effect.sync(() => {
        if (--mine.count === 0) this.#queues.delete(conversation)
      })
      return Effect.acquireRelease(
        Effect.onInterrupt(mine.semaphore.take(1), () => leave),
        () => Effect.andThen(leave, mine.semaphore.release(1)),
        { interruptible: true }
      )
    }).pipe(Effect.asVoid)
  }
}
