/**
 * Who waits for something to happen to an execution, in this process.
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type { Engine } from "../Engine.ts"

/** What is waited for: another state, or another event, which every change of the state is, too. */
export type What = "state" | "event"

/** The listeners of all executions. */
export class Listeners {
  readonly #isOwn: (id: string) => boolean
  readonly #all: { readonly [_ in What]: Map<string, Set<() => void>> } = { state: new Map(), event: new Map() }
  #isClosed = false

  /** `isOwn` says of which executions nobody but this process can change the state: it tells of every change itself. */
  constructor(isOwn: (id: string) => boolean) {
    this.#isOwn = isOwn
  }

  /** Calls `listener` whenever there may be something; gives what ends that. */
  add(id: string, what: What, listener: () => void): () => void {
    const all = this.#all[what]
    let mine = all.get(id)
    if (mine === undefined) all.set(id, mine = new Set())
    mine.add(listener)
    return () => {
      mine.delete(listener)
      if (mine.size === 0 && all.get(id) === mine) all.delete(id)
    }
  }

  /** An execution has another event. */
  event(id: string): void {
    for (const listener of this.#all.event.get(id) ?? []) listener()
  }

  /** An execution may have another state. */
  state(id: string): void {
    for (const listener of this.#all.state.get(id) ?? []) listener()
    this.event(id)
  }

  /** Anything may have happened. */
  any(): void {
    for (const id of this.#all.state.keys()) this.state(id)
    for (const id of this.#all.event.keys()) this.event(id)
  }

  /** Whoever still watches is interrupted: nothing will be told any more. */
  close(): void {
    this.#isClosed = true
    this.any()
  }

  /** Looks now, and again whenever there may be something new, until `look` finds it. */
  readonly watch: Engine["Service"]["watch"] = (watched, what, look) =>
    Effect.suspend(() => {
      const changed = Latch.makeUnsafe(true)
      const ids = typeof watched === "string" ? new Set([watched]) : watched
      const removes = new Map<string, () => void>()
      /** Whether there were new ones. */
      const listen = (): boolean => {
        const before = removes.size
        for (const id of ids) {
          if (removes.has(id)) continue
          removes.set(id, this.add(id, what === "event" ? what : "state", () => changed.openUnsafe()))
        }
        return removes.size > before
      }
      listen()
      const loop: Effect.Effect<any, any, any> = Effect.suspend(() => {
        changed.closeUnsafe()
        if (this.#isClosed) return Effect.interrupt
        // it runs here, and will tell when it does no more: thousands of callers need not read that it is running
        if (what === "end" && typeof watched === "string" && this.#isOwn(watched)) {
          return Effect.andThen(changed.await, loop)
        }
        return Effect.flatMap(look, (found) => {
          if (found._tag === "Some") return Effect.succeed(found.value)
          // what they came to before they were listened to
          return listen() ? loop : Effect.andThen(changed.await, loop)
        })
      })
      return Effect.ensuring(
        loop,
        Effect.sync(() => {
          for (const remove of removes.values()) remove()
        })
      )
    })
}
