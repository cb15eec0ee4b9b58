/**
 * Writes a web `Response` to one of Node: `node:http`'s and `node:http2`'s, Express's and whatever else extends them.
 *
 * The client's pace is the body's: nothing is read while the socket is full. A client that goes away ends the body, also
 * before there is a `Response`. A body that breaks off breaks the connection off, and is no failure here: whoever
 * answers could say nothing more to the client.
 */

/** What is needed of a response of Node. */
export interface NodeResponse {
  statusCode: number
  readonly headersSent: boolean
  readonly writableEnded: boolean
  readonly destroyed?: boolean
  /** HTTP/2 has it here. */
  readonly stream?: { readonly destroyed: boolean }
  readonly setHeader: (name: string, value: string) => unknown
  readonly flushHeaders?: () => unknown
  readonly write: (chunk: Uint8Array) => boolean
  readonly end: () => unknown
  readonly destroy: () => unknown
  readonly on: (event: "close" | "drain" | "error" | "finish", listener: () => void) => unknown
  readonly off: (event: "close" | "drain" | "error" | "finish", listener: () => void) => unknown
}

/**
 * Answers with what `respond` gives; done when the response has ended, and what it came from is cleaned up. `respond`'s
 * signal is aborted when the client goes, or `signal` is.
 */
export const write = async (
  to: NodeResponse,
  respond: (signal: AbortSignal) => Promise<Response>,
  signal: AbortSignal | undefined
): Promise<void> => {
  if (isGone(to) || to.writableEnded) return
  const gone = new AbortController()
  const leave = () => gone.abort()
  to.on("close", leave)
  to.on("error", leave)
  signal?.addEventListener("abort", leave, { once: true })
  if (signal?.aborted === true) leave()
  try {
    const response = await respond(gone.signal)
    const isWhole = await copy(response, to, gone.signal)
    if (isWhole) await end(to)
    else to.destroy()
  } finally {
    to.off("close", leave)
    signal?.removeEventListener("abort", leave)
  }
}

const isGone = (to: NodeResponse): boolean => to.destroyed === true || to.stream?.destroyed === true

/** Writes head and body; says whether that was all of it. */
const copy = async (response: Response, to: NodeResponse, gone: AbortSignal): Promise<boolean> => {
  if (!to.headersSent && !gone.aborted) {
    to.statusCode = response.status
    response.headers.forEach((value, name) => to.setHeader(name, value))
    to.flushHeaders?.()
  }
  const reader = response.body?.getReader()
  if (reader === undefined) return !gone.aborted
  let left: Promise<void> | undefined
  let goOn = () => {}
  const drained = () => goOn()
  const leave = () => {
    left ??= reader.cancel().catch(() => {}) // it had broken off
    goOn()
  }
  to.on("drain", drained)
  gone.addEventListener("abort", leave, { once: true })
  if (gone.aborted) leave()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done || gone.aborted) break
      if (!to.write(value)) {
        await new Promise<void>((resolve) => {
          goOn = resolve
        })
      }
    }
    await left
    return left === undefined
  } catch {
    return false
  } finally {
    to.off("drain", drained)
    gone.removeEventListener("abort", leave)
  }
}

/** Ends a response; done when it is sent, or the client is gone. */
const end = (to: NodeResponse): Promise<void> =>
  new Promise((resolve) => {
    if (isGone(to)) return resolve()
    to.on("finish", resolve)
    to.on("close", resolve)
    to.end()
  })
