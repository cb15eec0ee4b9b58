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

  #oneByOne(entries: ReadonlyArray<Entry<Item, E>>): Effect.Effect<ReadonlyArray<Exit.Exit<void, E>>, never, R> {
    const failed = new Map<string, Exit.Exit<void, E>>()
    return Effect.forEach(entries, ({ item }) => {
      const writer = this.#writerOf(item)
      const before = failed.get(writer)
      if (before !== undefined) return Effect.succeed(before)
      return Effect.map(Effect.exit(this.#commit([item])), (exit) => {
        if (Exit.isFailure(exit)) failed.set(writer, exit)
        return exit
      })
    })
  }

  /** Takes what waits behind a failed append of the same writer: it fails, too. */
  #takeBehind(
    entries: ReadonlyArray<Entry<Item, E>>,
    exits: ReadonlyArray<Exit.Exit<void, E>>
  ): ReadonlyArray<readonly [Entry<Item, E>, Exit.Exit<void, E>]> {
    const failed = new Map<string, Exit.Exit<void, E>>()
    exits.forEach((exit, index) => {
      if (Exit.isFailure(exit)) failed.set(this.#writerOf(entries[index]!.item), exit)
    })
    if (failed.size === 0) return []
    const behind: Array<readonly [Entry<Item, E>, Exit.Exit<void, E>]> = []
    this.#waiting = this.#waiting.filter((entry) => {
      const exit = failed.get(this.#writerOf(entry.item))
      if (exit !== undefined) behind.push([entry, exit])
      return exit === undefined
    })
    return behind
  }

  readonly #flush: Effect.Effect<void, never, R> = Effect.suspend(() => {
    const entries = this.#waiting
    if (entries.length === 0) return Effect.void
    this.#waiting = []
    this.#isCommitting = true
    this.#together = entries.length > 1
    return Effect.flatMap(Effect.exit(this.#commit(entries.map(({ item }) => item))), (exit) =>
      Effect.flatMap(
        Exit.isSuccess(exit) || entries.length === 1
          ? Effect.succeed(entries.map(() => exit))
          : this.#oneByOne(entries),
        (exits) => {
          // before anybody goes on: what they append then is not behind this
          const behind = this.#takeBehind(entries, exits)
          entries.forEach(({ resume }, index) => resume(exits[index]!))
          for (const [entry, exit] of behind) entry.resume(exit)
          this.#isCommitting = false
          return this.#flush
        }
      ))
  }).pipe(Effect.catchCause((cause) => Effect.logError("the journal's writer failed", Cause.pretty(cause))))
}
