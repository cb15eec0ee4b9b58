import { assert, describe, it } from "@effect/vitest"
import { Cause, ConfigProvider, Deferred, Effect, Exit, Fiber, Schedule, Schema, type Scope, Stream } from "effect"
import type { AiError, LanguageModel } from "effect/ai"
import { TestClock } from "effect/testing"
import { Agent, AgentError, type AgentEvent, Task } from "fluxion"
import { inspect } from "node:util"
import { type Faults, of as faultsOf } from "../provider/support/Faults.ts"
import { begun, reply, type Vendor, vendors } from "../provider/support/Vendors.ts"
import * as VendorServer from "../provider/support/VendorServer.ts"
import { only } from "../support/Events.ts"
import { assertLegal, texts, told } from "../support/Messages.ts"
import { promptly } from "../support/Promptly.ts"

type Server = VendorServer.VendorServer
type Reply = VendorServer.Reply

const assistant = Agent.make("assistant", { instructions: "i" })
const once = assistant.with({ modelRetry: { times: 0 } })

/** The one error of an exit. */
const theError = (exit: Exit.Exit<unknown, AgentError.AgentError>): AgentError.AgentError => {
  assert(Exit.isFailure(exit))
  assert.strictEqual(exit.cause.reasons.length, 1, Cause.pretty(exit.cause))
  const error = Cause.squash(exit.cause)
  assert.instanceOf(error, AgentError.AgentError)
  return error
}

const reasonOf = ({ reason }: AgentError.AgentError): AiError.AiErrorReason => {
  assert(reason._tag === "ModelFailed", reason._tag)
  return reason.error.reason
}

/** The causes of an error, from it down to what the SDK or the network said. */
const causesOf = (error: Error): ReadonlyArray<any> => {
  const causes: Array<unknown> = [error]
  for (let at: unknown = error.cause; at instanceof Error; at = at.cause) causes.push(at)
  return causes
}

const originalOf = (error: AgentError.AgentError): any => {
  const [agentError, modelFailed, aiError, reason, original] = causesOf(error)
  assert.deepStrictEqual(
    [agentError._tag, modelFailed._tag, aiError._tag, reason?._tag],
    ["AgentError", "ModelFailed", "AiError", reasonOf(error)._tag]
  )
  return original
}

/** The status that an SDK's error, or ours in its place, was made of. */
const statusOf = (original: any): unknown => original?.status ?? original?.failure?.status

const json = Schema.toCodecJson(AgentError.AgentError)

/** What there is of an error in a journal. */
const stored = (error: AgentError.AgentError): AgentError.AgentError =>
  Schema.decodeUnknownSync(json)(JSON.parse(JSON.stringify(Schema.encodeUnknownSync(json)(error))))

const serve = (
  vendor: Vendor,
  replies: Parameters<typeof VendorServer.make>[0],
  options?: Parameters<Vendor["layer"]>[1]
) =>
  Effect.map(VendorServer.make(replies), (server) => ({
    server,
    to: Effect.provide(vendor.layer(server.url, options)) as <A, E>(
      effect: Effect.Effect<A, E, LanguageModel.LanguageModel | Scope.Scope>
    ) => Effect.Effect<A, E | AgentError.ModelUnresolved, Scope.Scope>
  }))

/** What a kind of failure is for those who meet it. */
interface Kind {
  readonly tag: AiError.AiErrorReason["_tag"]
  readonly retryable: boolean
  /** What the message says to do. */
  readonly says: RegExp
}

const kinds = {
  auth: { tag: "AuthenticationError", retryable: false, says: /check the API key/ },
  forbidden: { tag: "AuthenticationError", retryable: false, says: /use an API key that may use model/ },
  context: {
    tag: "InvalidRequestError",
    retryable: false,
    says: /shorten the history.*or name a model with a larger context/
  },
  rate: { tag: "RateLimitError", retryable: true, says: /the rate limit is reached: .*; wait( 7s)?, then try again/ },
  wait: { tag: "RateLimitError", retryable: true, says: /the rate limit is reached: .*; wait 7s, then try again/ },
  quota: { tag: "QuotaExhaustedError", retryable: false, says: /the quota is used up: .*; check the account's plan/ },
  overload: { tag: "InternalProviderError", retryable: true, says: /overloaded|busy/i }
} as const satisfies { readonly [name: string]: Kind }

/** Refusals of a vendor, each with what it is. */
const refusals = (vendor: Vendor, faults: Faults): ReadonlyArray<readonly [title: string, Reply, Kind]> => [
  ["a wrong key", faults.auth(vendor.key), kinds.auth],
  ["a key that may not", faults.forbidden, kinds.forbidden],
  ...faults.context.map((reply) => [`a context that is full (${reply.status})`, reply, kinds.context] as const),
  ["a rate limit", faults.rate, kinds.rate],
  ...faults.waits.map(({ form, reply }) => [`a rate limit with a wait: ${form}`, reply, kinds.wait] as const),
  ...faults.quota.map((reply, index) =>
    [`a quota that is used up, ${index + 1} of ${faults.quota.length} (${reply.status})`, reply, kinds.quota] as const
  ),
  ...[408, 500, 503, 529].map((status) => [`overload (${status})`, faults.overload(status), kinds.overload] as const)
]

const isTransport = (error: AgentError.AgentError) => {
  assert.deepInclude(reasonOf(error), { _tag: "NetworkError", reason: "TransportError" })
  assert.isTrue(error.isRetryable)
}

/** Whether an error, or what caused it, has such a code. */
const hasCode = (error: AgentError.AgentError, codes: RegExp) =>
  assert.isTrue(
    causesOf(error).some(({ code }) => codes.test(String(code))),
    `${codes} among ${inspect(causesOf(error))}`
  )

for (const vendor of vendors) {
  const faults = faultsOf[vendor.name]
  const headers = { "content-type": vendor.streamType }

  describe(`P11 one typed error that says what to do, with its cause: ${vendor.name}`, () => {
    for (const stream of [true, false]) {
      const how = stream ? "streamed" : "whole"

      /** The error of a run that is answered so, and the requests it took. */
      const failing = (given: Reply, options?: Parameters<Vendor["layer"]>[1]) =>
        Effect.gen(function*() {
          const { server, to } = yield* serve(vendor, [given], options)
          const exit = yield* to(Effect.exit(once("go", { stream })))
          return { error: theError(exit), server }
        })

      for (const [title, given, kind] of refusals(vendor, faults)) {
        it.effect(`${title} (${how})`, () =>
          Effect.gen(function*() {
            const { error, server } = yield* failing(given)
            assert.strictEqual(server.requests.length, 1)
            const reason = reasonOf(error)
            assert.strictEqual(reason._tag, kind.tag)
            assert.strictEqual(error.isRetryable, kind.retryable)
            assert.match(error.message, kind.says)
            if (kind === kinds.context) {
              assert.deepInclude(reason, {
                metadata: { ...metadata(reason), fluxion: { contextLengthExceeded: true } }
              })
            }
            // in this process, what the SDK threw; from a journal, what it was made of
            assert.strictEqual(statusOf(originalOf(error)), given.status)
            for (const kept of [error, stored(error)]) {
              assert.strictEqual((reasonOf(kept) as AiError.RateLimitError).http?.response?.status, given.status)
              assert.strictEqual(kept.message, error.message)
            }
            assert.deepStrictEqual(texts(error.messages), ["go"])
            assert.notInclude(inspect(causesOf(error), { depth: 9, showHidden: true }), vendor.key)
          }))
      }

      const inside = (event: string): Reply => ({
        headers,
        body: [...vendor.answer({ text: "Hello" }).streamed.slice(0, vendor.opening), event]
      })
      const insides: ReadonlyArray<readonly [title: string, Reply, Kind]> = stream
        ? [
          ["an overload inside of a stream", inside(faults.overloadEvent), kinds.overload],
          ["a rate limit inside of a stream", inside(faults.rateEvent), kinds.rate]
        ]
        : [[
          "an overload inside of a status 200",
          { headers: { "content-type": "application/json" }, body: faults.overloadInside },
          kinds.overload
        ]]

      for (const [title, given, kind] of insides) {
        it.effect(`${title} (${how})`, () =>
          Effect.gen(function*() {
            const { error, server } = yield* failing(given)
            assert.strictEqual(server.requests.length, 1)
            assert.strictEqual(reasonOf(error)._tag, kind.tag)
            assert.strictEqual(error.isRetryable, kind.retryable)
            assert.match(error.message, kind.says)
            assert.match(originalOf(error).message, /overloaded|limit|quota|too many/i, "what the vendor said")
          }))
      }

      it.effect(`nobody listens (${how})`, () =>
        Effect.gen(function*() {
          const { url } = yield* Effect.scoped(VendorServer.make([]))
          const exit = yield* Effect.exit(once("go", { stream })).pipe(Effect.provide(vendor.layer(url)))
          const error = theError(exit as Exit.Exit<never, AgentError.AgentError>)
          isTransport(error)
          assert.include(error.message, url)
          assert.match(error.message, /start it/)
          hasCode(error, /^ECONNREFUSED$/)
        }))

      it.effect(`the connection is reset (${how})`, () =>
        Effect.gen(function*() {
          const { error } = yield* failing({ silent: true, after: "cut" })
          isTransport(error)
          assert.match(error.message, /it may pass: try again/)
          hasCode(error, /^(ECONNRESET|UND_ERR_SOCKET|EPIPE)$/)
        }))

      it.effect(`the answer is cut in the middle, and what came of it is kept (${how})`, () =>
        Effect.gen(function*() {
          const whole = vendor.answer({ text: "Hello there" }).whole
          const { error } = yield* failing(
            stream
              ? begun(vendor, "Hello there", 1)
              : { headers: { "content-type": "application/json" }, body: whole.slice(0, 50), after: "cut" }
          )
          isTransport(error)
          assert.match(error.message, /it may pass: try again/)
          hasCode(error, /^(ECONNRESET|UND_ERR_SOCKET|EPIPE)$/)
          assert.deepStrictEqual(texts(error.messages), stream ? ["go", "Hell"] : ["go"])
          assertLegal(error.messages)
        }))

      const silences: ReadonlyArray<readonly [title: string, Reply]> = [
        ["nothing comes at all", { silent: true }],
        ...(stream ? [["nothing more comes", { ...begun(vendor, "Hello there", 1), after: "hang" }] as const] : [])
      ]

      for (const [title, given] of silences) {
        it.effect(`${title} (${how})`, () =>
          Effect.gen(function*() {
            const limits = { idleTimeout: "45 seconds", timeout: "90 seconds" } as const
            const { server, to } = yield* serve(vendor, [given], limits)
            const seen = yield* Deferred.make<void>()
            const run = Stream.runForEach(once.stream("go", { stream }), ({ _tag }) =>
              _tag === "TextDelta" ? Deferred.succeed(seen, undefined) : Effect.void)
            const fiber = yield* Effect.forkChild(to(Effect.exit(run)))
            const request = yield* server.request(0)
            if (given.silent !== true) {
              yield* Deferred.await(seen)
            }
            yield* TestClock.adjust(stream ? "44 seconds" : "89 seconds")
            assert.isUndefined(fiber.pollUnsafe())
            yield* TestClock.adjust("45 seconds")
            const error = theError(yield* Fiber.join(fiber))
            isTransport(error)
            assert.match(
              error.message,
              new RegExp(`nothing came .* for ${stream ? "45s" : "1m 30s"}; .* raise \`idleTimeout\``)
            )
            assert.deepStrictEqual(texts(error.messages), given.silent === true ? ["go"] : ["go", "Hell"])
            yield* Deferred.await(request.closed).pipe(promptly(2000, "the request has to be aborted"))
          }))
      }
    }

    it.effect("a stream that ends too early, and says nothing of it", () =>
      Effect.gen(function*() {
        const { server, to } = yield* serve(vendor, [{ ...begun(vendor, "Hello there", 1), after: "end" }])
        const error = theError(yield* to(Effect.exit(once("go"))))
        assert.strictEqual(server.requests.length, 1)
        isTransport(error)
        assert.match(error.message, /the answer ended before it was complete; it may pass: try again/)
        assert.deepStrictEqual(texts(error.messages), ["go", "Hell"])
      }))

    if (vendor.name !== "ollama") {
      it.effect("a wrong key that came from the environment is named by its variable", () =>
        Effect.gen(function*() {
          const { server, to } = yield* serve(vendor, [faults.auth(vendor.key)], { keyless: true })
          const environment = ConfigProvider.layer(ConfigProvider.fromUnknown({ [vendor.keyName]: vendor.key }))
          const error = theError(yield* to(Effect.exit(once("go"))).pipe(Effect.provide(environment)))
          assert.strictEqual(server.requests.length, 1)
          assert.match(error.message, new RegExp(`check the API key \\(.*${vendor.keyName}`))
        }))
    }
  })

  describe(`P11 retried per model call, without running finished tools again: ${vendor.name}`, () => {
    type Event = AgentEvent.AgentEvent<string>

    const done = (stream: boolean) => reply(vendor, vendor.answer({ text: "done" }), stream)

    /**
     * A run that calls a tool, and then meets these replies in turn. Its clock does not move by itself; `check` is done
     * when the run waits for the first time, or has ended.
     */
    const meeting = (
      replies: ReadonlyArray<Reply>,
      stream: boolean,
      check: (run: {
        readonly server: Server
        readonly events: ReadonlyArray<Event>
        readonly exit: Effect.Effect<Exit.Exit<void, AgentError.AgentError>>
      }) => Effect.Effect<void, never, Scope.Scope>,
      modelRetry?: Schedule.Schedule<unknown, AiError.AiError>
    ) =>
      Effect.gen(function*() {
        let ran = 0
        const count = Task.make("count", { payload: {}, success: Schema.Finite, run: () => Effect.sync(() => ++ran) })
        const call = vendor.answer({ calls: [{ id: "call_1", name: "count", json: "{}" }] })
        const isOnce = () => assert.strictEqual(ran, 1, "the tool is run once")
        let met = 0
        const { server, to } = yield* serve(vendor, ({ json }) =>
          vendor.given(json).results.length === 0 ? reply(vendor, call, stream) : replies[met++]!)
        const events: Array<Event> = []
        const waits = yield* Deferred.make<void>()
        const agent = assistant.with({ tools: [count], ...(modelRetry === undefined ? {} : { modelRetry }) })
        const run = Stream.runForEach(agent.stream("go", { stream }), (event) =>
          Effect.andThen(
            Effect.sync(() =>
              events.push(event)
            ),
            event._tag === "ModelRetried" ? Deferred.succeed(waits, undefined) : Effect.void
          ))
        const fiber = yield* Effect.forkChild(to(Effect.exit(run)))
        yield* Effect.raceFirst(Deferred.await(waits), Fiber.await(fiber)).pipe(promptly(3000, "the run has to wait"))
        isOnce()
        yield* check({
          server,
          events,
          exit: Effect.orDie(Fiber.join(fiber)).pipe(promptly(3000, "the run has to end"))
        })
        isOnce()
        const [, second, third] = server.requests
        if (third !== undefined) assert.deepStrictEqual(third.json, second!.json, "the same is asked again")
      })

    const answered = (events: ReadonlyArray<Event>) => {
      const last = events.at(-1)!
      assert.strictEqual(last._tag === "RunCompleted" ? last.result.output : last._tag, "done")
      if (last._tag !== "RunCompleted") return
      assertLegal(last.result.messages)
      assert.strictEqual(last.result.turns, 2)
      assert.strictEqual(last.result.toolCalls, 1)
    }

    const retries = (events: ReadonlyArray<Event>) => only(events, "ModelRetried")

    for (
      const { form, reply: limited } of [...faults.waits, {
        form: "an overload with retry-after",
        reply: faults.overload(503, { "retry-after": "7" })
      }]
    ) {
      for (const stream of [true, false]) {
        it.effect(`no sooner and no later than the vendor says: ${form} (${stream ? "streamed" : "whole"})`, () =>
          meeting([limited, done(stream)], stream, ({ events, exit, server }) =>
            Effect.gen(function*() {
              assert.deepInclude(retries(events)[0], { attempt: 2, turn: 2, delay: 7000 })
              yield* TestClock.adjust(6999)
              assert.strictEqual(server.requests.length, 2)
              yield* TestClock.adjust(1)
              assert.deepStrictEqual(yield* exit, Exit.void)
              answered(events)
            })))
      }
    }

    for (
      const [title, given, reason] of [
        ["an overload", faults.overload(529), "InternalProviderError"],
        ["a rate limit without a wait", faults.rate, "RateLimitError"],
        ["a reset connection", { silent: true, after: "cut" }, "NetworkError"],
        ["a stream that is cut before its first delta", begun(vendor, "Hello", 0), "NetworkError"]
      ] as const
    ) {
      it.effect(`${title}: after a short wait`, () =>
        meeting([given, done(true)], true, ({ events, exit, server }) =>
          Effect.gen(function*() {
            const [retried] = retries(events)
            assert.deepInclude(retried, { attempt: 2, turn: 2, reason })
            assert.isAbove(retried!.delay, 0)
            assert.isAtMost(retried!.delay, 1000)
            yield* TestClock.adjust("1 second")
            assert.deepStrictEqual(yield* exit, Exit.void)
            assert.strictEqual(server.requests.length, 3)
            answered(events)
          })))
    }

    for (
      const [title, given, tag] of [
        ["a wrong key", faults.auth(vendor.key), "AuthenticationError"],
        ["a key that may not", faults.forbidden, "AuthenticationError"],
        ["a context that is full", faults.context[0]!, "InvalidRequestError"],
        ["a quota that is used up", faults.quota[0]!, "QuotaExhaustedError"],
        ["a wait of a day", { ...faults.rate, headers: { "retry-after": "86400" } }, "RateLimitError"],
        ["a stream that is cut after a delta was shown", begun(vendor, "Hello", 1), "NetworkError"]
      ] as const
    ) {
      it.effect(`never: ${title}`, () =>
        meeting([given, done(true)], true, ({ events, exit, server }) =>
          Effect.gen(function*() {
            const error = theError(yield* exit)
            assert.strictEqual(reasonOf(error)._tag, tag)
            assert.strictEqual(server.requests.length, 2)
            assert.strictEqual(retries(events).length, 0)
            assertLegal(error.messages)
            assert.deepStrictEqual(told(error.messages), [["count", 1]], "what the tool had done is kept")
            assert.isAbove(error.usage.inputTokens.total ?? 0, 0, "and so is what it cost")
          })))
    }

    it.effect("as often as the Schedule says, each time with an event, and then with the last error", () =>
      meeting(
        [faults.overload(503), faults.rate, faults.overload(500), done(true)],
        true,
        ({ events, exit, server }) =>
          Effect.gen(function*() {
            yield* TestClock.adjust("1 second")
            yield* server.request(2)
            yield* TestClock.adjust("1 second")
            const error = theError(yield* exit)
            assert.strictEqual(reasonOf(error)._tag, "InternalProviderError")
            assert.strictEqual(statusOf(originalOf(error)), 500)
            assert.deepStrictEqual(
              retries(events).map(({ attempt, delay, reason }) => [attempt, delay, reason]),
              [[2, 1000, "InternalProviderError"], [3, 1000, "RateLimitError"]]
            )
            assert.strictEqual(server.requests.length, 4)
          }),
        Schedule.spaced("1 second").pipe(Schedule.upTo({ times: 2 }))
      ))
  })
}

const metadata = (reason: AiError.AiErrorReason): AiError.ProviderMetadata =>
  "metadata" in reason ? reason.metadata : {}
