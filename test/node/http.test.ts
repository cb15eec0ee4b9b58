/**
 * Runs as the answers of real servers: Node's, Express's, HTTP/2's, and one that speaks web `Request` and `Response`.
 */
import { assert, describe, it } from "@effect/vitest"
import { serve as serveFetch } from "@hono/node-server"
import { Deferred, Effect, Layer, Queue, type Scope } from "effect"
import express from "express"
import { Agent } from "fluxion"
import { Fluxion } from "fluxion/node"
import { TestModel } from "fluxion/testing"
import { Text } from "fluxion/web"
import { once } from "node:events"
import * as Http from "node:http"
import * as Http2 from "node:http2"
import type { AddressInfo, Server } from "node:net"
import * as LiveVendor from "../support/LiveVendor.ts"
import { promptly } from "../support/Promptly.ts"
import * as RunLog from "../support/RunLog.ts"

// The promise is 50 ms; tests run beside others.
const soon = 2_000

const assistant = Agent.make("assistant", { instructions: "i" })
const wire = LiveVendor.wires[0]!

type Runtime = Fluxion.Fluxion<Fluxion.Base<string>>

/** How requests are answered. */
interface Answer {
  readonly pipe: (to: Fluxion.NodeResponse) => Promise<void>
  readonly response: (request: Request) => Promise<Response>
}

const answer = (fluxion: Runtime, options: Fluxion.ResponseOptions = {}): Answer => ({
  pipe: (to) => fluxion.pipe(assistant.stream("go"), to, options),
  response: ({ signal }) => fluxion.response(assistant.stream("go"), { ...options, signal })
})

/** A kind of server; `done` is given the Promise of every answer. */
interface Kind {
  readonly name: string
  readonly listen: (answer: Answer, done: (answered: Promise<unknown>) => void) => Server
  readonly isHttp2?: boolean
}

const http: Kind = {
  name: "node:http",
  listen: ({ pipe }, done) => Http.createServer((_, response) => done(pipe(response))).listen(0, "127.0.0.1")
}

const kinds: ReadonlyArray<Kind> = [
  http,
  {
    name: "Express",
    listen: ({ pipe }, done) => {
      const app = express()
      app.get("/", (_, response) => {
        response.set("x-before", "kept")
        done(pipe(response))
      })
      return app.listen(0, "127.0.0.1")
    }
  },
  {
    name: "node:http2",
    isHttp2: true,
    listen: ({ pipe }, done) => Http2.createServer((_, response) => done(pipe(response))).listen(0, "127.0.0.1")
  },
  {
    name: "a server of Request and Response",
    listen: ({ response }, done) =>
      serveFetch({
        port: 0,
        hostname: "127.0.0.1",
        fetch: (request) => {
          const answered = response(request)
          done(answered)
          return answered
        }
      }) as Server
  }
]

/** A server of a kind, and how its answers end: with an error, or not. */
const serve = ({ listen }: Kind, answer: Answer) =>
  Effect.gen(function*() {
    const ends = yield* Queue.unbounded<unknown>()
    const server = yield* Effect.acquireRelease(
      Effect.promise(async () => {
        const server = listen(answer, (answered) => {
          answered.then(() => Queue.offerUnsafe(ends, undefined), (error) => Queue.offerUnsafe(ends, error))
        })
        if (!server.listening) await once(server, "listening")
        return server
      }),
      (server) => Effect.sync(() => server.close())
    )
    const { port } = server.address() as AddressInfo
    return {
      url: `http://127.0.0.1:${port}/`,
      done: promptly(soon, "the answer was not over")(Queue.take(ends))
    }
  })

interface Head {
  readonly status: number
  readonly headers: { readonly [name: string]: unknown }
}

/** A client with a connection of its own. */
interface Client {
  readonly head: Effect.Effect<Head>
  /** The next piece of the body; `undefined` at its end. Fails when it breaks off. */
  readonly next: Effect.Effect<string | undefined, Error>
  readonly rest: Effect.Effect<string, Error>
  readonly leave: Effect.Effect<void>
}

const ask = (url: string, isHttp2 = false): Effect.Effect<Client, never, Scope.Scope> =>
  Effect.gen(function*() {
    const session = isHttp2 ? Http2.connect(url) : undefined
    const request = session?.request({ ":path": "/" }) ?? Http.get(url, { agent: false })
    request.on("error", () => {})
    const leave = Effect.sync(() => {
      request.destroy()
      session?.destroy()
    })
    yield* Effect.addFinalizer(() => leave)
    const head = once(request, "response").then(([response]): Head & { readonly body: AsyncIterator<string> } => {
      const body = session === undefined ? response as Http.IncomingMessage : request as Http2.ClientHttp2Stream
      body.setEncoding("utf8")
      return {
        status: session === undefined ? response.statusCode : response[":status"],
        headers: session === undefined ? response.headers : response,
        body: body[Symbol.asyncIterator]()
      }
    })
    head.catch(() => {})
    const next = Effect.tryPromise({
      try: () => head.then(({ body }) => body.next()).then(({ value }) => value as string | undefined),
      catch: (error) => error as Error
    })
    return {
      head: promptly(soon, "there was no response")(Effect.promise(() => head)),
      next,
      rest: Effect.gen(function*() {
        let text = ""
        for (let piece = yield* next; piece !== undefined; piece = yield* next) text += piece
        return text
      }),
      leave
    }
  })

const make = (model: Exclude<Fluxion.ModelInput, string>, layer: Layer.Layer<never> = Layer.empty) =>
  Effect.acquireRelease(
    Effect.sync((): Runtime => Fluxion.make({ model, layer })),
    ({ dispose }) => Effect.promise(dispose)
  )

const events = (text: string) => [...text.matchAll(/^event: (\w+)$/gm)].map(([, name]) => name)

/** A vendor that says the first piece of an answer, or nothing, and no more. */
const stuck = (piece: string | undefined) =>
  Effect.gen(function*() {
    const asked = yield* Deferred.make<LiveVendor.Exchange>()
    const vendor = yield* LiveVendor.make(wire.contentType, (exchange) =>
      Effect.andThen(
        piece === undefined ? Effect.void : exchange.send(wire.begin + wire.text(piece)),
        Deferred.succeed(asked, exchange)
      ))
    return { model: wire.layer(vendor.url), asked: Deferred.await(asked) }
  })

describe.each(kinds)("$name", (kind) => {
  it.live("answers with events as they come, and keeps the headers that were set before", () =>
    Effect.gen(function*() {
      const goesOn = yield* Deferred.make<void>()
      const fluxion = yield* make(TestModel.layer([TestModel.stream(["Paris ", Deferred.await(goesOn), "it is."])]))
      const server = yield* serve(kind, answer(fluxion))
      const client = yield* ask(server.url, kind.isHttp2)
      const { headers, status } = yield* client.head
      assert.strictEqual(status, 200)
      assert.match(String(headers["content-type"]), /^text\/event-stream/)
      if (kind.name === "Express") assert.strictEqual(headers["x-before"], "kept")
      let text = ""
      while (!text.includes("Paris")) text += yield* client.next
      yield* Deferred.succeed(goesOn, undefined)
      text += yield* client.rest
      assert.deepStrictEqual(events(text), [
        "RunStarted",
        "TurnStarted",
        "TextDelta",
        "TextDelta",
        "ResponseReceived",
        "RunCompleted"
      ])
      assert.isUndefined(yield* server.done)
    }))

  it.live("answers with a status when a run fails before it says anything", () =>
    Effect.gen(function*() {
      const fluxion = Fluxion.make({ model: "nobody/x", layer: RunLog.make().layer })
      const server = yield* serve(kind, answer(fluxion))
      const client = yield* ask(server.url, kind.isHttp2)
      const { headers, status } = yield* client.head
      assert.strictEqual(status, 500)
      assert.match(String(headers["content-type"]), /problem\+json/)
      assert.strictEqual(JSON.parse(yield* client.rest).reason, "ModelUnresolved")
      assert.isUndefined(yield* server.done)
    }))

  for (const piece of [undefined, "Well"]) {
    const when = piece === undefined ? "before the model answers" : "in the middle of the answer"
    it.live(`ends the run, and the request at the vendor, when its client goes away ${when}`, () =>
      Effect.gen(function*() {
        const log = RunLog.make()
        const { asked, model } = yield* stuck(piece)
        const fluxion = yield* make(model, log.layer)
        const server = yield* serve(kind, answer(fluxion))
        const client = yield* ask(server.url, kind.isHttp2)
        const { closed } = yield* asked
        if (piece !== undefined) {
          for (let text = ""; !text.includes(piece);) text += yield* client.next
        }
        yield* client.leave
        yield* promptly(soon, "the vendor's request was not aborted")(Deferred.await(closed))
        assert.isUndefined(yield* server.done)
        yield* promptly(soon, "nobody told how the run ended")(Effect.promise(async () => {
          while (log.lines.length === 0) await new Promise((resolve) => setImmediate(resolve))
        }))
        assert.deepStrictEqual(log.lines.map(({ end }) => end), ["client-gone"])
      }))
  }
})

describe("pipe", () => {
  it.live("writes an answer as text, as messages of the AI SDK, or as an encoder of fluxion/web does", () =>
    Effect.gen(function*() {
      const fluxion = yield* make(TestModel.layer(["a", "b", "c"].map((text) => TestModel.text(text))))
      const expected = [
        ["text", /^text\/plain/, "a"],
        ["ui", /^text\/event-stream/, `{"type":"text-delta","id":"text-1","delta":"b"}`],
        [Text.make(), /^text\/plain/, "c"]
      ] as const
      for (const [as, type, text] of expected) {
        const server = yield* serve(http, answer(fluxion, { as, headers: { "x-mine": "yes" } }))
        const client = yield* ask(server.url)
        const { headers } = yield* client.head
        assert.match(String(headers["content-type"]), type)
        assert.strictEqual(headers["x-mine"], "yes")
        assert.include(yield* client.rest, text)
      }
    }))

  it.live("goes as fast as its client reads: one who stands still stops the writes of the vendor's server", () =>
    Effect.gen(function*() {
      const pieces = Array.from({ length: 4_000 }, (_, index) => `${index} `.padEnd(16 * 1024, "."))
      const vendor = yield* LiveVendor.make(wire.contentType, (exchange) => LiveVendor.say(wire, exchange, pieces))
      const fluxion = yield* make(wire.layer(vendor.url))
      const server = yield* serve(http, answer(fluxion, { as: "text" }))
      const client = yield* ask(server.url)
      let text = (yield* client.next) ?? ""
      const standing = yield* LiveVendor.standstill(vendor)
      assert.isBelow(standing.taken, pieces.length, "the server was not held up")
      text += yield* client.rest
      assert.strictEqual(text, pieces.join(""))
      assert.isUndefined(yield* server.done)
    }))

  it.live("ends the run when its client goes away who stands still", () =>
    Effect.gen(function*() {
      const vendor = yield* LiveVendor.make(wire.contentType, ({ send }) =>
        Effect.andThen(send(wire.begin), Effect.forever(send(wire.text(".".repeat(16 * 1024))))))
      const fluxion = yield* make(wire.layer(vendor.url))
      const server = yield* serve(http, answer(fluxion, { as: "text" }))
      const client = yield* ask(server.url)
      yield* client.next
      yield* LiveVendor.standstill(vendor)
      yield* client.leave
      const { closed } = vendor.exchanges[0]!
      yield* promptly(soon, "the vendor's request was not aborted")(Deferred.await(closed))
      assert.isUndefined(yield* server.done)
    }))

  it.live("breaks the connection off when its signal is aborted, or when the encoding cannot say that the run failed", () =>
    Effect.gen(function*() {
      const { model } = yield* stuck("Well")
      const controller = new AbortController()
      const aborted = yield* serve(http, answer(yield* make(model), { signal: controller.signal }))
      const first = yield* ask(aborted.url)
      yield* first.head
      controller.abort()
      assert.instanceOf(yield* Effect.flip(first.rest), Error)
      assert.isUndefined(yield* aborted.done)

      const failing = TestModel.layer([TestModel.stream(["Well", Effect.die("a bug")])])
      const text = yield* serve(http, answer(yield* make(failing, RunLog.make().layer), { as: "text" }))
      const second = yield* ask(text.url)
      assert.instanceOf(yield* Effect.flip(second.rest), Error)
      assert.isUndefined(yield* text.done)
    }))

  it.live("says that the run was interrupted when the Fluxion is disposed, which waits for that", () =>
    Effect.gen(function*() {
      const log = RunLog.make()
      const { asked, model } = yield* stuck("Well")
      const fluxion = yield* make(model, log.layer)
      const server = yield* serve(http, answer(fluxion))
      const client = yield* ask(server.url)
      yield* client.head
      const { closed } = yield* asked
      yield* Effect.promise(fluxion.dispose)
      assert.deepStrictEqual(log.lines.map(({ end }) => end), ["interrupted"])
      assert.deepStrictEqual(events(yield* client.rest).at(-1), "RunFailed")
      yield* Deferred.await(closed)
      assert.isUndefined(yield* server.done)
    }))

  it.live("runs nothing when the client has gone already", () =>
    Effect.gen(function*() {
      const fluxion = Fluxion.make({ layer: TestModel.layer([]) })
      const late: Answer = {
        ...answer(fluxion),
        pipe: async (to) => {
          to.destroy()
          await fluxion.pipe(assistant.stream("go"), to)
        }
      }
      const server = yield* serve(http, late)
      yield* ask(server.url)
      assert.isUndefined(yield* server.done)
      assert.deepStrictEqual(yield* Effect.promise(() => fluxion.run(TestModel.requests)), [])
    }))

  it.live("begins after a while when the model is silent, so that no proxy gives up", () =>
    Effect.gen(function*() {
      const { model } = yield* stuck(undefined)
      const server = yield* serve(http, answer(yield* make(model), { as: "text", heartbeat: "50 millis" }))
      const client = yield* ask(server.url)
      assert.strictEqual((yield* client.head).status, 200)
    }))

  it.live("is rejected, with the response untouched, when nothing can run", () =>
    Effect.gen(function*() {
      const fluxion = Fluxion.make({ model: "a/b" })
      yield* Effect.promise(fluxion.dispose)
      const rescued: Answer = {
        ...answer(fluxion),
        pipe: async (to) => {
          await answer(fluxion).pipe(to).catch((error) => {
            to.statusCode = error instanceof Fluxion.Disposed ? 503 : 500
            to.end()
          })
        }
      }
      const server = yield* serve(http, rescued)
      const client = yield* ask(server.url)
      assert.strictEqual((yield* client.head).status, 503)
    }))
})
