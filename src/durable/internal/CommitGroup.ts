/**
 * Puts what many executions append at one time into one commit.
 *
 * Alone, an execution commits in a microtask; when the last commit held several, the next waits for the end of the turn
 * of the event loop, so that the others come along. A commit that fails is made again, execution by execution: one that
 * was taken over must not take the others with it. What an execution appended behind a failed append fails, too: its
 * journal has no holes.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"

interface Entry<Item, E> {
  readonly item: Item
  readonly resume: (exit: Exit.Exit<void, E>) => void
}

/** The one who writes. */
export class CommitGroup<Item, E, R> {
  readonly #commit: (items: ReadonlyArray<Item>) => Effect.Effect<void, E, R>
  readonly #writerOf: (item: Item) => string
  readonly #run: <A, E2>(effect: Effect.Effect<A, E2, R>) => unknown
  #waiting: Array<Entry<Item, E>> = []
  #isCommitting = false
  #together = false

  constructor(
    commit: (items: ReadonlyArray<Item>) => Effect.Effect<void, E, R>,
    writerOf: (item: Item) => string,
    context: Context.Context<R>
  ) {
    this.#commit = commit
    this.#writerOf = writerOf
    this.#run = Effect.runForkWith(context)
  }

  /** Commits `item`, with whatever else waits. What is under way is not taken back. */
  add(item: Item): Effect.Effect<void, E> {
    return Effect.callback<void, E>((resume) => {
      this.#waiting.push({ item, resume })
      if (this.#isCommitting || this.#waiting.length > 1) return
      queueMicrotask(() => this.#run(this.#together ? Effect.andThen(Effect.yieldNow, this.#flush) : this.#flush))
    })
  }

  /** Fails what waits behind a failed append of the same writer. */
  #dropBehind(failed: ReadonlyMap<string, Exit.Exit<void, E>>): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const entry of waiting) {
      const exit = failed.get(this.#writerOf(entry.item))
      if (exit === undefined) this.#waiting.push(entry)
      else entry.resume(exit)
    }
  }

  readonly #flush: Effect.Effect<void, never, R> = Effect.suspend(() => {
    const entries = this.#waiting
    if (entries.length === 0) return Effect.void
    this.#waiting = []
    this.#isCommitting = true
    this.#together = entries.length > 1
    return Effect.flatMap(Effect.exit(this.#commit(entries.map(({ item }) => item))), (exit) => {
      const failed = new Map<string, Exit.Exit<void, E>>()
      const settle = (entry: Entry<Item, E>, exit: Exit.Exit<void, E>) => {
        if (Exit.isFailure(exit)) failed.set(this.#writerOf(entry.item), exit)
        entry.resume(exit)
      }
      const settled = Exit.isSuccess(exit) || entries.length === 1
        ? Effect.sync(() => {
          for (const entry of entries) settle(entry, exit)
        })
        : Effect.forEach(
          entries,
          (entry) => {
            const before = failed.get(this.#writerOf(entry.item))
            return before === undefined
              ? Effect.map(Effect.exit(this.#commit([entry.item])), (exit) => settle(entry, exit))
              : Effect.sync(() => settle(entry, before))
          },
          { discard: true }
        )
      return Effect.flatMap(settled, () => {
        this.#isCommitting = false
        if (failed.size > 0) this.#dropBehind(failed)
        return this.#flush
      })
    })
  }).pipe(Effect.catchCause((cause) => Effect.logError("the journal's writer failed", Cause.pretty(cause))))
}
