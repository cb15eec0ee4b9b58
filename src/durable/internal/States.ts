/**
 * The named values of an execution under way: each is folded from its changes when it is read, every change once.
 */
import type { Folded } from "../StepScope.ts"
import * as Codecs from "./codecs.ts"

/** The named values of one run. */
export class States {
  readonly #changes = new Map<string, Array<unknown>>()
  readonly #values = new Map<string, { readonly state: Folded<any, any>; value: unknown; count: number }>()

  /** A change was made, which is encoded. */
  add(name: string, change: unknown): void {
    const changes = this.#changes.get(name)
    if (changes === undefined) this.#changes.set(name, [change])
    else changes.push(change)
  }

  /** The value; throws when a change does not decode. */
  get<A>(state: Folded<A, any>): A {
    let folded = this.#values.get(state.name)
    // two definitions of one name have each their own fold
    if (folded?.state !== state) this.#values.set(state.name, folded = { state, value: state.initial, count: 0 })
    const changes = this.#changes.get(state.name) ?? []
    const codec = Codecs.of(state.changeSchema)
    for (; folded.count < changes.length; folded.count++) {
      folded.value = state.fold(folded.value as A, codec.decode(changes[folded.count]))
    }
    return folded.value as A
  }
}
