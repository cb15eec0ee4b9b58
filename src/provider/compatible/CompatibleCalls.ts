/**
 * Puts the calls of a response together from their pieces.
 *
 * Pieces belong to a call by `index`, which may begin at 1. Servers leave the index or the id out, send the id late, or
 * with every piece; they send the name in pieces, or again and again; some number all calls 0, or give two calls one id.
 * A call is shown once its name is known and its arguments begin, and is given when the response ends.
 */
import type * as Response from "effect/ai/Response"
import type { Part } from "../internal/PartStream.ts"
import * as ToolParams from "../internal/ToolParams.ts"
import type { ChunkCall } from "./CompatibleChunk.ts"

/** A call under way. */
interface Open {
  readonly index: number
  /** As the server said; empty while it has not. */
  said: string
  /** As it is shown; empty while it is not. */
  id: string
  name: string
  json: string
}

/** A name with what came of it: the next piece, the whole so far, or the same again. */
const addName = (name: string, piece: string): string => piece.startsWith(name) ? piece : name + piece

/** The calls of one response. */
export class Calls {
  readonly #series: string
  readonly #params: ToolParams.Bringer | undefined
  readonly #list: Array<Open> = []
  readonly #ids = new Set<string>()

  /** Ids that are missing are made of `series`, which no other response has. */
  constructor(series: string, params: ToolParams.Bringer | undefined) {
    this.#series = series
    this.#params = params
  }

  /** Whether none has come. */
  get isEmpty(): boolean {
    return this.#list.length === 0
  }

  /** Takes a piece. `position` is its place in a whole message, where it is a call of its own. */
  push(piece: ChunkCall, position: number | undefined, out: Array<Part>): void {
    const id = piece.id ?? ""
    const name = piece.function?.name ?? ""
    const args = piece.function?.arguments
    const call = this.#find(position ?? piece.index ?? undefined, id, name)
    if (call.said === "") call.said = id
    if (name !== "") call.name = addName(call.name, name)
    const delta = typeof args === "string" ? args : args === undefined || args === null ? "" : JSON.stringify(args)
    call.json += delta
    if (call.name === "" || call.json === "") return
    if (call.id !== "") {
      if (delta !== "") out.push({ type: "tool-params-delta", id: call.id, delta })
      return
    }
    this.#show(call, out)
  }

  /** Takes a call that stood in the text. */
  pushWhole(name: string, params: unknown, out: Array<Part>): void {
    this.push({ function: { name, arguments: params } }, this.#nextIndex(), out)
  }

  /** Gives all calls; the first of them with the metadata. Says whether there were any. */
  end(metadata: Response.ProviderMetadata | undefined, out: Array<Part>): boolean {
    let given = false
    for (const call of this.#list) {
      // what never got a name nor arguments is none
      if (call.name === "" && call.json === "") continue
      if (call.id === "") this.#show(call, out)
      const { id, json, name } = call
      const params = ToolParams.parse(json)
      out.push({ type: "tool-params-end", id }, {
        type: "tool-call",
        id,
        name,
        params: this.#params === undefined ? params : this.#params(name, params),
        ...(given || metadata === undefined ? undefined : { metadata })
      })
      given = true
    }
    return given
  }

  #show(call: Open, out: Array<Part>): void {
    let id = call.said === "" ? `call_${this.#series}_${call.index}` : call.said
    while (this.#ids.has(id)) id = `${id}_${call.index}`
    this.#ids.add(id)
    call.id = id
    out.push({ type: "tool-params-start", id, name: call.name })
    if (call.json !== "") out.push({ type: "tool-params-delta", id, delta: call.json })
  }

  #nextIndex(): number {
    return this.#list.reduce((next, { index }) => Math.max(next, index + 1), 0)
  }

  #find(index: number | undefined, id: string, name: string): Open {
    const found = index === undefined
      ? id === "" && name === "" ? this.#list.at(-1) : this.#list.findLast(({ said }) => id !== "" && said === id)
      : this.#list.findLast((call) => call.index === index)
    const isAnother = found !== undefined && id !== "" && found.said !== "" && found.said !== id && name !== ""
    if (found !== undefined && !isAnother) return found
    const call: Open = {
      index: index === undefined || isAnother ? this.#nextIndex() : index,
      said: "",
      id: "",
      name: "",
      json: ""
    }
    this.#list.push(call)
    return call
  }
}
