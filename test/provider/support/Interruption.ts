/**
 * Who stops, stops the vendor: interruption closes the socket at once, whoever does not pull stops the reading, and a
 * finished response leaves its connection for the next. One suite for providers that stream server-sent events.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, type Scope, Stream } from "effect"
import type { Driver } from "../../../src/agent/Driver.ts"
import * as Collect from "./Collect.ts"
import * as VendorServer from "./VendorServer.ts"

/** A provider, as far as the suite needs it. */
export interface Subject {
  /** A driver for the server at an address. */
  readonly driver: (url: string) => Effect.Effect<Driver, unknown, Scope.Scope>
  /** A response of a short text, and its beginning, with some of the text. */
  readonly answer: string
  readonly begun: string
  /** A response of one delta: what comes before it, the delta, and the rest. */
  readonly delta: (text: string) => readonly [before: string, delta: string, after: string]
}

const sse = { "content-type": "text/event-stream" }

// The promise is 50 ms, and the exact figure is in the bench; tests run beside others.
const soon = 500

/** The suite. */
export const suite = (subject: Subject): void => {
  describe("interruption", () => {
    for (
      const [title, stream, reply] of [
        ["before the headers, streamed", true, { silent: true }],
        ["before the headers, whole", false, { silent: true }],
        ["in the middle of a stream", true, { headers: sse, body: subject.begun, after: "hang" }],
        ["in the middle of a whole response", false, {
          headers: { "content-type": "application/json" },
          body: `{"id":`,
          after: "hang"
        }]
      ] as const
    ) {
      it.live(`closes the socket ${title}`, () =>
        Effect.gen(function*() {
          const server = yield* VendorServer.make([reply])
          const model = yield* Effect.orDie(subject.driver(server.url))
          const fiber = yield* Effect.forkChild(
            Collect.parts(model, Collect.request("Hi", { options: { stream } }))
          )
          const request = yield* server.request(0)
          yield* Deferred.await(request.begun)
          yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 20)))
          const start = performance.now()
          yield* Fiber.interrupt(fiber)
          const interrupted = performance.now() - start
          const closed = (yield* Deferred.await(request.closed)) - start
          assert.isBelow(interrupted, soon)
          assert.isBelow(closed, soon)
          assert.strictEqual(server.requests.length, 1)
        }))
    }

    it.live("taking a few parts and leaving closes the socket", () =>
      Effect.gen(function*() {
        const server = yield* VendorServer.make([{ headers: sse, body: subject.begun, after: "hang" }])
        const model = yield* Effect.orDie(subject.driver(server.url))
        const parts = yield* Stream.runCollect(Stream.take(model.stream(Collect.request("Hi")), 3))
        assert.strictEqual(parts.length, 3)
        yield* Deferred.await(server.requests[0]!.closed)
      }))
  })

  describe("backpressure", () => {
    it.live("nobody pulls: nothing is asked for", () =>
      Effect.gen(function*() {
        const server = yield* VendorServer.make([{ headers: sse, body: subject.begun }])
        const model = yield* Effect.orDie(subject.driver(server.url))
        const unread = model.stream(Collect.request("Hi"))
        yield* Effect.yieldNow
        assert.isTrue(Stream.isStream(unread))
        assert.strictEqual(server.requests.length, 0)
      }))

    it.live("who stops pulling stops the reading of the socket, and loses nothing", () =>
      Effect.gen(function*() {
        const text = "x".repeat(8 * 1024)
        const count = 4000
        const [before, piece, after] = subject.delta(text)
        let written = 0
        const body = [before, ...Array.from({ length: count }, () => piece), after]
        const counted = new Proxy(body, {
          get: (target, key, receiver) => {
            if (typeof key === "string" && /^\d+$/.test(key)) written = Number(key)
            return Reflect.get(target, key, receiver) as unknown
          }
        })
        const server = yield* VendorServer.make([{ headers: sse, body: counted }])
        const model = yield* Effect.orDie(subject.driver(server.url))
        const resume = yield* Deferred.make<void>()
        const stuck = yield* Deferred.make<void>()
        let seen = 0
        const fiber = yield* model.stream(Collect.request("Hi")).pipe(
          Stream.runForEach((part) => {
            if (part.type !== "text-delta" || ++seen !== 3) return Effect.void
            return Effect.andThen(Deferred.succeed(stuck, undefined), Deferred.await(resume))
          }),
          Effect.forkChild
        )
        yield* Deferred.await(stuck)
        // The server goes on until every buffer between it and us is full, and then stands still.
        let seenBefore = -1
        while (seenBefore !== written) {
          seenBefore = written
          yield* Effect.sleep("200 millis")
        }
        assert.isBelow(written, count)
        yield* Deferred.succeed(resume, undefined)
        yield* Fiber.join(fiber)
        assert.strictEqual(seen, count)
      }))
  })

  describe("connections", () => {
    // Node's fetch itself takes a second one for two calls in a row.
    it.live("calls in a row use the same connections", () =>
      Effect.gen(function*() {
        const server = yield* VendorServer.make([{ headers: sse, body: subject.answer }])
        const model = yield* Effect.orDie(subject.driver(server.url))
        for (let index = 0; index < 20; index++) yield* Collect.parts(model)
        assert.strictEqual(server.requests.length, 20)
        assert.isAtMost(server.connections(), 2)
      }))

    it.live("a server that never ends its finished response holds nobody up", () =>
      Effect.gen(function*() {
        const server = yield* VendorServer.make([{ headers: sse, body: subject.answer, after: "hang" }])
        const model = yield* Effect.orDie(subject.driver(server.url))
        assert.strictEqual(Collect.summarize(yield* Collect.parts(model)).finish, "stop")
        yield* Deferred.await(server.requests[0]!.closed)
      }))
  })
}
