/**
 * One run, any number of watchers.
 *
 * The run never waits: its events go into a `Backlog`, and every watcher has a cursor of its own. One who fell behind
 * gets the durable events that it missed, and in place of the progress a `Gap` with the whole text so far. Every event
 * has an id; who comes back with the last one goes on after it. The terminal event comes last, to everybody.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { AgentError } from "../core/AgentError.ts"
import type { AgentEvent, RunResult } from "../core/AgentEvent.ts"
import * as Backlog from "./Backlog.ts"
import type { Sink } from "./internal/RunScope.ts"

/** An event of a watched run, with its place in it. */
export type Watched<Output = unknown> = Backlog.Entry<AgentEvent<Output>>

/** A run that is watched. */
export interface Watch<out Output> {
  /** How the run ends. */
  readonly result: Effect.Effect<RunResult<Output>, AgentError>
  /**
   * The run's events: from its start, or after the event with id `after`. Failure is the event `RunFailed`. Each
   * subscriber has its own, as quick or slow as it is.
   */
  readonly events: (options?: { readonly after?: number | undefined }) => Stream.Stream<Watched<Output>>
}

/** How many events, progress among them, a watcher may be behind before it gets a gap. */
const ringSize = 256

/** Starts a run in the scope, with a sink for its events. */
export const make = <Output, R>(
  run: (sink: Sink) => Effect.Effect<RunResult<Output>, AgentError, R>
): Effect.Effect<Watch<Output>, never, R | Scope.Scope> =>
  Effect.gen(function*() {
    const backlog = new Backlog.Backlog(ringSize)
    const waiting = new Set<() => void>()
    let isWaking = false
    /** Counts what happened, for a watcher that had to yield between its look at the backlog and its wait. */
    let version = 0
    const wake = () => {
      isWaking = false
      const woken = [...waiting]
      waiting.clear()
      for (const resume of woken) resume()
    }
    // in a microtask: what the run says in one go wakes a thousand watchers once
    const changed = () => {
      version++
      if (isWaking || waiting.size === 0) return
      isWaking = true
      queueMicrotask(wake)
    }
    const push = (event: AgentEvent) => {
      backlog.push(event)
      changed()
    }
    const sink: Sink = {
      push,
      emit: (event) => {
        push(event)
        return Effect.void
      }
    }
    const result = yield* Deferred.make<RunResult<Output>, AgentError>()
    yield* Effect.forkScoped(
      Effect.onExit(run(sink), (exit) => {
        backlog.end()
        changed()
        return Deferred.done(result, exit)
      }),
      { startImmediately: true }
    )

    const changesSince = (seen: number) =>
      Effect.callback<void>((resume) => {
        if (version !== seen) return resume(Effect.void)
        const onWake = () => resume(Effect.void)
        waiting.add(onWake)
        return Effect.sync(() => {
          waiting.delete(onWake)
        })
      })

    const events: Watch<Output>["events"] = (options) =>
      Stream.fromPull(Effect.sync(() => {
        const cursor = backlog.cursor(options?.after)
        const pull: Pull.Pull<readonly [Watched<Output>, ...Array<Watched<Output>>], never> = Effect.suspend(() => {
          const entries = backlog.read(cursor)
          if (entries.length > 0) return Effect.succeed(entries as never)
          return backlog.ended ? Cause.done() : Effect.flatMap(changesSince(version), () => pull)
        })
        return pull
      }))

    return { result: Deferred.await(result), events }
  })
