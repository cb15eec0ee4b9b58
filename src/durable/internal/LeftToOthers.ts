/**
 * Executions that may be taken up, and that another process is to take up first: they are left to it for a while.
 */
import type { Placement } from "../Placement.ts"

/** Remembers since when executions have been left to others. */
export class LeftToOthers {
  readonly #placement: Placement
  #before = new Map<string, number>()
  #since = new Map<string, number>()

  constructor(placement: Placement) {
    this.#placement = placement
  }

  /** Another look begins: what is not there any more is forgotten with the one after it. */
  look(): void {
    this.#before = this.#since
    this.#since = new Map()
  }

  /** Those that this process takes up now; `now` in milliseconds. */
  take<A extends { readonly id: string }>(entries: ReadonlyArray<A>, now: number): ReadonlyArray<A> {
    const { isHere, leaveFor } = this.#placement
    return entries.filter(({ id }) => {
      if (isHere(id)) return true
      const since = this.#since.get(id) ?? this.#before.get(id) ?? now
      this.#since.set(id, since)
      return now - since >= leaveFor
    })
  }
}
