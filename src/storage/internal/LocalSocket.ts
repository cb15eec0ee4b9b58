/**
 * Where an owner's process is asked by others on its machine: a local socket, whose place follows from the owner's name.
 *
 * One who may not write to the socket's file cannot ask: it is its user's alone. A question is a line of JSON, the answer
 * the lines that come back until the socket is closed.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { rmSync } from "node:fs"
import { createConnection, createServer, type Server, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Owners from "../../durable/Owners.ts"

/** The longest path of a socket that every system takes. */
const longest = 100

/** A question is no longer. */
const maxQuestion = 10_000

/** Where an owner's process is asked: in `folder` where that goes, else in the folder for temporary files. */
export const pathOf = (owner: string, folder?: string): string => {
  if (process.platform === "win32") return `\\\\.\\pipe\\fluxion-${owner}`
  const path = folder === undefined ? undefined : join(folder, `${owner}.sock`)
  return path !== undefined && Buffer.byteLength(path) <= longest ? path : join(tmpdir(), `fluxion-${owner}.sock`)
}

/** Removes the socket of an owner that is dead. A name comes from the database: no other file may be touched for it. */
export const remove = (owner: string, folder?: string): void => {
  if (/^[0-9a-f-]{36}$/.test(owner)) rmSync(pathOf(owner, folder), { force: true })
}

/** What answers questions. */
export type Answer = (asked: Owners.Asked) => Stream.Stream<string>

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Owners.Asked))

/** Writes, and waits while the one who asked is behind. */
const write = (socket: Socket, lines: ReadonlyArray<string>) =>
  Effect.callback<void>((resume) => {
    if (socket.destroyed || socket.write(lines.join(""))) return resume(Effect.void)
    const done = () => resume(Effect.void)
    socket.once("drain", done).once("close", done)
    return Effect.sync(() => socket.off("drain", done).off("close", done))
  })

/** The first line that comes. */
const question = (socket: Socket) =>
  Effect.callback<string, Owners.OwnersUnavailable>((resume) => {
    const refuse = (why: string) => resume(Effect.fail(new Owners.OwnersUnavailable({ cause: new Error(why) })))
    let text = ""
    const onData = (data: string) => {
      text += data
      const end = text.indexOf("\n")
      if (end >= 0) resume(Effect.succeed(text.slice(0, end)))
      else if (text.length > maxQuestion) refuse("a question of more than 10,000 characters")
    }
    const onEnd = () => refuse("no question")
    socket.setEncoding("utf8").on("data", onData).once("close", onEnd)
    return Effect.sync(() => socket.off("data", onData).off("close", onEnd))
  })

const reply = (socket: Socket, answer: Answer) =>
  question(socket).pipe(
    Effect.flatMap(decode),
    Effect.flatMap((asked) => Stream.runForEachArray(answer(asked), (lines) => write(socket, lines))),
    Effect.catchCause((cause) => Effect.logDebug("another process's question was not answered", cause)),
    Effect.ensuring(Effect.sync(() => socket.end()))
  )

/** Answers whoever asks at `path`, as long as the scope. It keeps no process alive. */
export const serve = (path: string, answer: Answer): Effect.Effect<void, Owners.OwnersUnavailable, Scope.Scope> =>
  Effect.gen(function*() {
    const services = yield* Effect.context<never>()
    const open = new Set<{ readonly socket: Socket; readonly fiber: Fiber.Fiber<unknown> }>()
    const accept = (socket: Socket) => {
      socket.unref()
      // who goes away is seen by its "close"
      socket.on("error", () => {})
      const fiber = Effect.runForkWith(services)(reply(socket, answer))
      const one = { socket, fiber }
      open.add(one)
      socket.once("close", () => {
        open.delete(one)
        fiber.interruptUnsafe()
      })
    }
    const listening = Effect.callback<Server, Owners.OwnersUnavailable>((resume) => {
      const server = createServer(accept)
      server.unref()
      server.once("error", (cause) => resume(Effect.fail(new Owners.OwnersUnavailable({ cause }))))
      server.listen(path, () => {
        server.on("error", () => {})
        resume(Effect.succeed(server))
      })
    })
    yield* Effect.acquireRelease(listening, (server) =>
      Effect.sync(() => {
        for (const { fiber, socket } of open) {
          fiber.interruptUnsafe()
          socket.destroy()
        }
        server.close()
        rmSync(path, { force: true })
      }))
  })

/** Asks the process at `path`; dropping the answer closes the socket. */
export const ask = (
  path: string,
  owner: string,
  asked: Owners.Asked
): Stream.Stream<string, Owners.OwnerUnreachable> => {
  const unreachable = (cause: unknown) => new Owners.OwnerUnreachable({ owner, cause })
  const connected = Effect.callback<Socket, Owners.OwnerUnreachable>((resume) => {
    const socket = createConnection(path)
    const onError = (cause: Error) => resume(Effect.fail(unreachable(cause)))
    socket.setEncoding("utf8").once("error", onError)
    socket.once("connect", () => {
      socket.off("error", onError).on("error", () => {})
      socket.write(`${JSON.stringify(asked)}\n`)
      resume(Effect.succeed(socket))
    })
    return Effect.sync(() => socket.destroy())
  })
  return Stream.scoped(Stream.unwrap(Effect.map(
    Effect.acquireRelease(connected, (socket) => Effect.sync(() => socket.destroy()), { interruptible: true }),
    (socket) => Stream.splitLines(Stream.fromAsyncIterable(socket as AsyncIterable<string>, unreachable))
  )))
}
