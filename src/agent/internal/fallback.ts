/**
 * Decides where a run with a fallback goes on when a model fails; performs nothing.
 *
 * A call asks each model at most once. It begins with the one that answered last, and moves on by the typed reason of
 * the failure alone, so that a replay, which is given the same failures, takes the same way.
 */
import type * as AiError from "effect/ai/AiError"
import type { CircuitBreaker } from "effect/persistence/CircuitBreaker"
import * as Predicate from "effect/Predicate"
import type { ModelFailed } from "../../core/AgentError.ts"
import type { Fallback } from "../Models.ts"
import type { Target } from "./modelCall.ts"

/** The models of a fallback in one run, and which of them the run is with. */
export class Chain {
  readonly fallback: Fallback
  /** The models in their order; then the one for prompts that are too long, if it is none of them. */
  readonly targets: ReadonlyArray<Target>
  readonly breaker: CircuitBreaker | undefined
  /** The model that answered last. */
  at = 0

  constructor(fallback: Fallback, targets: ReadonlyArray<Target>, breaker: CircuitBreaker | undefined) {
    this.fallback = fallback
    this.targets = targets
    this.breaker = breaker
  }

  get current(): Target {
    return this.targets[this.at]!
  }

  /** Where prompts that are too long go, if that was said. */
  get larger(): number | undefined {
    const index = this.targets.findIndex((target) => target.id === this.fallback.contextLength)
    return index === -1 ? undefined : index
  }

  /** The models of the list that may be asked after `from`: in their order, round from there, each once a call. */
  after(from: number, tried: ReadonlySet<number>): ReadonlyArray<number> {
    const count = this.fallback.models.length
    if (from >= count) return []
    const order = Array.from({ length: count - 1 }, (_, offset) => (from + 1 + offset) % count)
    return order.filter((index) => !tried.has(index))
  }
}

/** Where a failed call goes on: with the next model, with the one for long prompts, or nowhere. */
export type Move = "next" | "larger" | "none"

/** Whether a failure says that the model itself cannot answer now, and another one may. */
export const isOutage = (reason: AiError.AiErrorReason): boolean => {
  switch (reason._tag) {
    case "RateLimitError":
    // another vendor has another account
    case "QuotaExhaustedError":
    case "InternalProviderError":
      return true
    case "NetworkError":
      return reason.reason === "TransportError"
    default:
      return false
  }
}

const isTooLong = (reason: AiError.AiErrorReason): boolean =>
  reason._tag === "InvalidRequestError" && Predicate.hasProperty(reason.metadata["fluxion"], "contextLengthExceeded")

/** Decides by the reason of a failure; once a part of the answer was shown, no other model may answer. */
export const decide = ({ error, shown }: Pick<ModelFailed, "error" | "shown">): Move => {
  if (shown === true) return "none"
  return isOutage(error.reason) ? "next" : isTooLong(error.reason) ? "larger" : "none"
}
