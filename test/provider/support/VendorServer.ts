/**
 * A local HTTP server that stands in for a vendor: it answers from a script, records every request, and can tell when
 * a client's socket was closed.
 */
import { Deferred, Effect, type Scope } from "effect"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"

/** One answer. */
export interface Reply {
  readonly status?: number
  readonly headers?: Record<string, string>
  /** Written one after another, each in a turn of the event loop of its own. */
  readonly body?: string | Uint8Array | ReadonlyArray<string | Uint8Array>
  /** What happens after the body. Default: "end". "cut" breaks the socket, "hang" sends nothing more. */
  readonly after?: "end" | "cut" | "hang"
  /** Not even headers are sent; with `after: "cut"` the socket is broken at once. */
  readonly silent?: boolean
}

/** One request, as it came. */
export interface Received {
  readonly method: string
  readonly path: string
  readonly headers: Http.IncomingHttpHeaders
  readonly text: string
  /** The body as JSON; `undefined` if it is none. */
  readonly json: any
  /** Done when the client closed the connection before the answer was over: milliseconds of `performance.now()`. */
  readonly closed: Deferred.Deferred<number>
  /** Done when the first byte of the answer was written, or when a silent reply began. */
  readonly begun: Deferred.Deferred<void>
}

export interface VendorServer {
  readonly url: string
  readonly requests: Array<Received>
  /** A request, as soon as it has come. */
  readonly request: (index: number) => Effect.Effect<Received>
  /** Connections that clients opened so far. */
  readonly connections: () => number
}

const tick = () => new Promise<void>((resolve) => setImmediate(resolve))

const write = async (reply: Reply, response: Http.ServerResponse, received: Received) => {
  if (reply.silent === true) {
    Deferred.doneUnsafe(received.begun, Effect.void)
    if (reply.after === "cut") response.socket?.destroy()
    return
  }
  response.writeHead(reply.status ?? 200, reply.headers)
  response.flushHeaders()
  const pieces = typeof reply.body === "string" || reply.body instanceof Uint8Array ? [reply.body] : reply.body ?? []
  for (const piece of pieces) {
    if (response.destroyed) return
    if (!response.write(piece)) await new Promise((resolve) => response.once("drain", resolve).once("close", resolve))
    Deferred.doneUnsafe(received.begun, Effect.void)
    await tick()
  }
  Deferred.doneUnsafe(received.begun, Effect.void)
  if (reply.after === "cut") response.socket?.destroy()
  else if (reply.after !== "hang") response.end()
}

/** A server that gives these replies in turn, the last one for ever, or what the function makes of a request. */
export const make = (
  replies: ReadonlyArray<Reply> | ((request: Received, index: number) => Reply)
): Effect.Effect<VendorServer, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<{ readonly server: Http.Server } & VendorServer>((resume) => {
      const requests: Array<Received> = []
      let connections = 0
      const server = Http.createServer((request, response) => {
        const chunks: Array<Buffer> = []
        request.on("data", (chunk: Buffer) => chunks.push(chunk))
        request.on("end", () => {
          const text = Buffer.concat(chunks).toString("utf8")
          let json: unknown
          try {
            json = JSON.parse(text)
          } catch {
            json = undefined
          }
          const received: Received = {
            method: request.method ?? "",
            path: request.url ?? "",
            headers: request.headers,
            text,
            json,
            closed: Deferred.makeUnsafe(),
            begun: Deferred.makeUnsafe()
          }
          const index = requests.push(received) - 1
          response.on("close", () => {
            if (!response.writableFinished) Deferred.doneUnsafe(received.closed, Effect.succeed(performance.now()))
          })
          const reply = typeof replies === "function"
            ? replies(received, index)
            : replies[Math.min(index, replies.length - 1)]!
          void write(reply, response, received)
        })
      })
      server.on("connection", () => connections++)
      server.listen(0, "127.0.0.1", () => {
        const { port } = server.address() as AddressInfo
        resume(Effect.succeed({
          server,
          url: `http://127.0.0.1:${port}`,
          requests,
          request: (index) =>
            Effect.promise(async () => {
              while (requests[index] === undefined) await tick()
              return requests[index]
            }),
          connections: () => connections
        }))
      })
    }),
    ({ server }) =>
      Effect.callback<void>((resume) => {
        server.closeAllConnections()
        server.close(() => resume(Effect.void))
      })
  )
