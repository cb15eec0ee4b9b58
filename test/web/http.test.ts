/**
 * Responses over real sockets: read by the AI SDK's client, by `fetch`, and by clients who stop reading or go away.
 */
import { assert, describe, it } from "@effect/vitest"
import { serve } from "@hono/node-server"
import { Context, Effect, Exit, Latch, type Scope, Stream } from "effect"
import { AiError, LanguageModel } from "effect/ai"
import { Agent, Task } from "fluxion"
import { TestModel } from "fluxion/testing"
import { EventResponse, Text, UiMessages } from "fluxion/web"
import { type AddressInfo, connect } from "node:net"
import * as Logs from "../support/Logs.ts"
import { promptly } from "../support/Promptly.ts"
import * as RunLog from "../support/RunLog.ts"
import * as Scripted from "../support/Scripted.ts"
import * as Clients from "./support/Clients.ts"

// The promise is 50 ms; tests run beside others.
const soon = 2_000

const assistant = Agent.make("assistant", { instructions: "i", modelRetry: { times: 0 } })

/** A server that answers every request so; its address. */
const serving = <R>(
  answer: (request: Request) => Effect.Effect<Response, never, R>
): Effect.Effect<string, never, R | Scope.Scope> =>
  Effect.gen(function*() {
    const run = Effect.runPromiseWith(yield* Effect.context<R>())
    const server = yield* Effect.acquireRelease(
      Effect.callback<ReturnType<typeof serve>>((resume) => {
        const server = serve(
          { fetch: (request) => run(answer(request)), port: 0, hostname: "127.0.0.1" },
          () => resume(Effect.succeed(server))
        )
      }),
      (server) =>
        Effect.callback<void>((resume) => {
          if ("closeAllConnections" in server) server.closeAllConnections()
          server.close(() => resume(Effect.void))
        })
    )
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  })

const hanging = Effect.gen(function*() {
  const isRunning = yield* Latch.make()
  const isOver = yield* Latch.make()
  let cleaned = 0
  const hang = Task.make("hang", {
    payload: {},
    run: () =>
      Effect.onExit(Effect.andThen(isRunning.open, Effect.never), (exit) => {
        if (Exit.isFailure(exit)) cleaned++
        return Effect.asVoid(isOver.open)
      })
  })
  return {
    agent: assistant.with({ tools: [hang] }),
    isRunning: isRunning.await,
    isOver: isOver.await,
    cleaned: () => cleaned
  }
})

const callsIt = TestModel.layer([[TestModel.text("wait "), TestModel.toolCall("hang", {})]])

describe("over HTTP", () => {
  it.live("the AI SDK's client shows a run with calls", () =>
    Effect.gen(function*() {
      const tool = Task.make("look", { payload: {}, run: () => ({ seen: "moon" }) })
      const agent = assistant.with({ tools: [tool] })
      const api = yield* serving(({ signal }) =>
        EventResponse.make(agent.stream("go"), { encoder: UiMessages.make(), signal })
      )
      const chat = yield* Effect.promise(() => Clients.chat({ api }))
      assert.deepStrictEqual(chat.errors, [])
      assert.deepStrictEqual(chat.message?.parts.map((part) => [part.type, "output" in part && part.output]), [
        ["step-start", false],
        ["text", false],
        ["tool-look", { seen: "moon" }],
        ["step-start", false],
        ["text", false]
      ])
    }).pipe(Effect.provide(TestModel.layer([
      [TestModel.text("I look. "), TestModel.toolCall("look", {})],
      TestModel.text("The moon.")
    ]))))

  it.live("the AI SDK's client is told of a run that cannot begin, by its status and the problem", () =>
    Effect.gen(function*() {
      const { watch } = Logs.make()
      const api = yield* serving(() =>
        watch(EventResponse.make(assistant.stream("go"), { encoder: UiMessages.make() }))
      )
      const error = yield* Effect.flip(Effect.tryPromise({
        try: () => Clients.chat({ api }),
        catch: (error) => error as { readonly statusCode: number; readonly responseBody: string }
      }))
      assert.strictEqual(error.statusCode, 503)
      assert.strictEqual(JSON.parse(error.responseBody).detail, "the model is busy")
    }).pipe(Effect.provide(TestModel.layer([TestModel.fail(new AiError.RateLimitError({}))]))))

  describe("a client that goes away ends the run at once, with one clean-up and a line that says so", () => {
    const clients: { readonly [title: string]: (url: string, isRunning: Promise<void>) => Promise<void> } = {
      "the AI SDK's, by its stop button": async (api, isRunning) => {
        const stop = new AbortController()
        const chat = Clients.chat({ api, signal: stop.signal })
        await isRunning
        stop.abort()
        await chat
      },
      "a reader that cancels": async (url, isRunning) => {
        const response = await fetch(url)
        const reader = response.body!.getReader()
        await reader.read()
        await isRunning
        await reader.cancel()
      },
      "a socket that breaks": async (url, isRunning) => {
        const { hostname, port } = new URL(url)
        const socket = connect(Number(port), hostname)
        socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await isRunning
        socket.destroy()
      }
    }
    for (const [title, go] of Object.entries(clients)) {
      for (const signalled of [true, false]) {
        it.live(`${title}${signalled ? "" : ", to a server that looks at no signal"}`, () =>
          Effect.gen(function*() {
            const { agent, cleaned, isOver, isRunning } = yield* hanging
            const log = RunLog.make()
            const url = yield* serving(({ signal }) =>
              log.watch(EventResponse.make(agent.stream("go"), {
                encoder: UiMessages.make(),
                ...(signalled ? { signal } : {})
              }))
            )
            yield* Effect.promise(() => go(url, Effect.runPromise(isRunning)))
            yield* promptly(soon, "the run did not end")(isOver)
            yield* promptly(soon, "the log did not say so")(
              Effect.gen(function*() {
                while (log.lines.length === 0) yield* Effect.sleep("1 millis")
              })
            )
            assert.deepStrictEqual(log.lines.map(({ end }) => end), ["client-gone"])
            assert.strictEqual(cleaned(), 1)
          }).pipe(Effect.provide(callsIt)))
      }
    }
  })

  it.live("a client who stops reading stops the model, and gets everything when he goes on", () => {
    const pieces = 800
    let pulled = 0
    const say = function*() {
      for (; pulled < pieces; pulled++) yield `${pulled} `.padEnd(16 * 1024, ".")
    }
    return Effect.gen(function*() {
      const url = yield* serving(() => EventResponse.make(assistant.stream("go"), { encoder: Text.make() }))
      const response = yield* Effect.promise(() => fetch(url))
      // buffers on the way fill up; then it stands
      let standing = -1
      for (let still = 0; still < 10;) {
        yield* Effect.sleep("20 millis")
        still = pulled === standing ? still + 1 : 0
        standing = pulled
      }
      assert.isBelow(standing, pieces, "the model was not held up")
      const text = yield* Effect.promise(() => response.text())
      assert.strictEqual(text.length, pieces * 16 * 1024)
      assert.strictEqual(pulled, pieces)
    }).pipe(Effect.provide(Scripted.layer(() => Scripted.parts(Scripted.say(say())))))
  })

  it.live("who comes back to a watched run goes on from there, and is told when there is no more", () =>
    Effect.gen(function*() {
      const goesOn = yield* Latch.make()
      const model = Context.pick(LanguageModel.LanguageModel)(
        yield* Effect.provide(
          Effect.context<LanguageModel.LanguageModel>(),
          Scripted.layer(() =>
            Stream.concat(
              Scripted.parts([{ type: "text-start", id: "t" }, { type: "text-delta", id: "t", delta: "one " }]),
              Stream.concat(
                Stream.fromEffectDrain(goesOn.await),
                Scripted.parts([{ type: "text-delta", id: "t", delta: "two" }, Scripted.finish])
              )
            )
          )
        )
      )
      const watch = yield* Effect.provideContext(assistant.watch("go"), model)
      const url = yield* serving(({ headers, signal }) =>
        EventResponse.watch(watch, { lastEventId: headers.get("last-event-id"), signal })
      )
      const first = yield* Effect.promise(async () => {
        const reader = (await fetch(url)).body!.getReader()
        const { value } = await reader.read()
        await reader.cancel()
        return Clients.parse([new TextDecoder().decode(value)])
      })
      assert.deepStrictEqual(first.map(({ event }) => event), ["RunStarted", "TurnStarted", "TextDelta"])
      const backTo = (id: string | undefined) =>
        Effect.promise(() => fetch(url, { headers: { "last-event-id": id ?? "" } }))
      const again = yield* backTo(first.at(-1)!.id)
      assert.strictEqual(again.status, 200)
      yield* goesOn.open
      const rest = Clients.parse([yield* Effect.promise(() => again.text())])
      assert.deepStrictEqual(rest.map(({ event }) => event), ["TextDelta", "ResponseReceived", "RunCompleted"])
      assert.strictEqual((yield* backTo(rest.at(-1)!.id)).status, 204)
    }))
})
