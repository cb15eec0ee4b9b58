/**
 * The body of a response that is written while it is read: the run waits for its reader.
 *
 * Whoever writes goes on when the reader has taken what was written, and at once while a reader waits; so a reader is at
 * most one write behind, and one who stops stops the writer. The body never holds its `ReadableStream`, except while a
 * read is under way: one that nobody keeps is collected, and counts as left.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

type Controller = ReadableStreamDefaultController<Uint8Array>

interface Read {
  readonly controller: Controller
  readonly resolve: () => void
}

const encoder = new TextEncoder()

/** Streams that were dropped without being read to the end, or cancelled. */
const dropped = new FinalizationRegistry<() => void>((left) => left())

/** The text of one response. */
export class Body {
  #text = ""
  /** A read that waits for text. */
  #read: Read | undefined
  /** The writer, which waits for a read. */
  #resume: (() => void) | undefined
  #end: { readonly error?: unknown } | undefined
  readonly #clock: Clock.Clock
  #readAt: number

  constructor(clock: Clock.Clock) {
    this.#clock = clock
    this.#readAt = clock.currentTimeMillisUnsafe()
  }

  /** The body as it is given away. `left` is called when its reader has gone; done when all that followed is over. */
  open(left: () => Promise<void>): ReadableStream<Uint8Array> {
    const stream = new ReadableStream<Uint8Array>({
      pull: (controller) => this.#pull(controller),
      cancel: () => {
        this.#read = undefined // it was answered by the stream itself
        this.end()
        return left()
      }
    }, { highWaterMark: 0 })
    dropped.register(stream, () => void left(), this)
    return stream
  }

  /** Adds text. */
  push(text: string): void {
    if (this.#end !== undefined) return
    this.#text += text
    this.#give()
  }

  /** Adds text, and waits until it is taken. */
  write(text: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.push(text)
      return this.#text === "" ? Effect.void : this.#taken
    })
  }

  readonly #taken = Effect.callback<void>((resume) => {
    this.#resume = () => resume(Effect.void)
    return Effect.sync(() => {
      this.#resume = undefined
    })
  })

  /** Adds `text` if a reader has waited for so many milliseconds; says for how many more he may. */
  beat(text: string, interval: number): number {
    const idle = this.#clock.currentTimeMillisUnsafe() - this.#readAt
    if (idle < interval) return interval - idle
    if (this.#read !== undefined) this.push(text)
    return interval
  }

  /** No more text. */
  end(text = ""): void {
    this.push(text)
    this.#finish({})
  }

  /** No more text, and what there was is not all. */
  fail(error: unknown): void {
    this.#text = ""
    this.#finish({ error })
  }

  #finish(end: { readonly error?: unknown }): void {
    if (this.#end !== undefined) return
    this.#end = end
    dropped.unregister(this)
    this.#give()
  }

  #pull(controller: Controller): Promise<void> {
    return new Promise((resolve) => {
      this.#read = { controller, resolve }
      this.#give()
    })
  }

  /** Answers the read that waits, if there is anything to answer. */
  #give(): void {
    const read = this.#read
    if (read === undefined || (this.#text === "" && this.#end === undefined)) return
    this.#read = undefined
    this.#readAt = this.#clock.currentTimeMillisUnsafe()
    const { controller, resolve } = read
    if (this.#text !== "") controller.enqueue(encoder.encode(this.#text))
    this.#text = ""
    if (this.#end !== undefined) {
      if ("error" in this.#end) controller.error(this.#end.error)
      else controller.close()
    }
    resolve()
    const resume = this.#resume
    this.#resume = undefined
    resume?.()
  }
}
