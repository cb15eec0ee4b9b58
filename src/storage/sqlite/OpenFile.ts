/**
 * The file that a database was opened as. Deleted or replaced, it takes writes still, and loses them all in the end: who
 * writes has to hear of that instead.
 */
import { type Stats, statSync } from "node:fs"

/** How long it is trusted that the file is there, in milliseconds. */
const trust = 20

/** Watches over the file of an open database. */
export class OpenFile {
  readonly #path: string
  readonly #opened: Stats | undefined
  #lookedAt = 0

  constructor(path: string) {
    this.#path = path
    // one in memory has none
    this.#opened = path === ":memory:" ? undefined : statSync(path, { throwIfNoEntry: false })
  }

  /** Throws when the file is not the one that was opened. */
  check(): void {
    const now = performance.now()
    if (this.#opened === undefined || now - this.#lookedAt < trust) return
    const found = statSync(this.#path, { throwIfNoEntry: false })
    if (found?.ino !== this.#opened.ino || found.dev !== this.#opened.dev) {
      throw new Error(
        `the database ${this.#path} was ${
          found === undefined ? "deleted" : "replaced"
        } while this process had it open: `
          + "what is written to it is lost. Put the file back, or start anew, and restart the process"
      )
    }
    this.#lookedAt = now
  }
}
