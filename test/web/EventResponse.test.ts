import { assert, describe, expectTypeOf, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Latch, Redacted, Schema, Scope, Stream } from "effect"
import { AiError, type LanguageModel } from "effect/ai"
import { TestClock } from "effect/testing"
import { Agent, type AgentEvent, Secrets, Task } from "fluxion"
import { TestModel } from "fluxion/testing"
import { type Encoder, EventResponse, Problem, Sse, Text, UiMessages } from "fluxion/web"
import * as V8 from "node:v8"
import * as Vm from "node:vm"
import * as ClientAbort from "../../src/core/ClientAbort.ts"
import * as Logs from "../support/Logs.ts"
import { promptly } from "../support/Promptly.ts"
import * as RunLog from "../support/RunLog.ts"
import * as Scripted from "../support/Scripted.ts"
import * as Clients from "./support/Clients.ts"

type Event = AgentEvent.AgentEvent

const assistant = Agent.make("assistant", { instructions: "i", modelRetry: { times: 0 } })

const overloaded = new AiError.InternalProviderError({ description: "private" })
const refused = new AiError.AuthenticationError({ kind: "InvalidKey", description: "private" })

/** Lets what is due happen, also what takes some turns of the event loop. */
const settle = Effect.promise(async () => {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
})

const json = (response: Response): Effect.Effect<any> => Effect.promise(() => response.json())
const text = (response: Response): Effect.Effect<string> => Effect.promise(() => response.text())
const tagsOf = (text: string): ReadonlyArray<string> => Clients.parse([text]).map(({ event }) => event)

/** Reads a body piece by piece. */
const reader = (response: Response) => {
  const reader = response.body!.getReader()
  const decoder = new TextDecoder()
  return {
    next: Effect.promise(async () => {
      const { done, value } = await reader.read()
      return done ? undefined : decoder.decode(value)
    }),
    cancel: Effect.promise(() => reader.cancel())
  }
}

/** A tool that runs until it is interrupted, and counts its clean-ups, which take a while. */
const hanging = Effect.gen(function*() {
  const isRunning = yield* Latch.make()
  const cleaned: Array<string> = []
  const hang = Task.make("hang", {
    payload: {},
    run: () =>
      Effect.acquireUseRelease(
        Effect.void,
        () => Effect.andThen(isRunning.open, Effect.never),
        (_, exit) =>
          Effect.andThen(settle, Effect.sync(() => void cleaned.push(Exit.isFailure(exit) ? "interrupted" : "done")))
      )
  })
  return { agent: assistant.with({ tools: [hang] }), isRunning: isRunning.await, cleaned }
})

const callsIt = TestModel.layer([[TestModel.text("wait "), TestModel.toolCall("hang", {})]])

describe("a run that fails before its model said anything", () => {
  it.effect("is a problem, with a status, a wait, and the headers that were added", () =>
    Effect.gen(function*() {
      const headers = { "access-control-allow-origin": "*" }
      const cases = [
        [TestModel.fail(refused), 500, null],
        [TestModel.fail(new AiError.RateLimitError({ retryAfter: Duration.minutes(2) })), 503, "120"]
      ] as const
      for (const [turn, status, wait] of cases) {
        for (const encoder of [Sse.make(), Text.make(), UiMessages.make()]) {
          const response = yield* EventResponse.make(assistant.stream("go"), { encoder, headers }).pipe(
            Effect.provide(TestModel.layer([turn]))
          )
          assert.strictEqual(response.status, status)
          assert.strictEqual(response.headers.get("content-type"), "application/problem+json")
          assert.strictEqual(response.headers.get("cache-control"), "no-store")
          assert.strictEqual(response.headers.get("access-control-allow-origin"), "*")
          assert.strictEqual(response.headers.get("retry-after"), wait)
          const body = yield* text(response)
          assert.deepInclude(JSON.parse(body), { status, reason: "ModelFailed", retryable: wait !== null })
          assert.notInclude(body, "private")
        }
      }
    }))

  it.effect("is one also after the model was asked again", () =>
    Effect.gen(function*() {
      const agent = assistant.with({ modelRetry: { times: 1 } })
      const fiber = yield* Effect.forkChild(EventResponse.make(agent.stream("go")))
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(fiber)).status, 500)
    }).pipe(Effect.provide(TestModel.layer([TestModel.fail(overloaded), TestModel.fail(refused)]))))

  it.effect("is one for what is wrong with the question", () =>
    Effect.gen(function*() {
      const response = yield* EventResponse.make(assistant.stream("  "))
      assert.strictEqual(response.status, 400)
      assert.match((yield* json(response)).detail, /the instruction is empty/)
    }).pipe(Effect.provide(TestModel.layer([]))))

  it.effect("says nothing to the client of a bug, and all to the log", () =>
    Effect.gen(function*() {
      const logs = Logs.make()
      const key = Secrets.register(Redacted.make("sk-of-a-bug"))
      const broken = assistant.with({ instructions: Effect.die(new Error(`boom ${Redacted.value(key)}`)) })
      const response = yield* logs.watch(EventResponse.make(broken.stream("go")))
      assert.strictEqual(response.status, 500)
      assert.deepInclude(yield* json(response), { reason: "Unexpected", detail: Problem.unexpected.detail })
      const line = logs.lines.find(({ level }) => level === "Error")
      assert.match(line!.message, /boom <redacted>[^]*EventResponse\.test\.ts/)
    }).pipe(Effect.provide(TestModel.layer([]))))

  it.effect("is told to the log where the server has to do something about it, without what was said", () =>
    Effect.gen(function*() {
      const logs = Logs.make()
      yield* logs.watch(EventResponse.make(assistant.stream("a secret question")))
      yield* logs.watch(EventResponse.make(assistant.stream("  ")))
      const lines = logs.lines.filter(({ level }) => level === "Warn" || level === "Error")
      assert.strictEqual(lines.length, 1)
      assert.match(lines[0]!.message, /agent assistant: the call to model .* failed/)
      assert.notInclude(JSON.stringify(logs.lines), "a secret question")
    }).pipe(Effect.provide(TestModel.layer([TestModel.fail(refused)]))))

  it.effect("is a bug where what says how it failed has one", () =>
    Effect.gen(function*() {
      const logs = Logs.make()
      const problem = () => {
        throw new Error("boom")
      }
      const response = yield* logs.watch(EventResponse.make(Stream.fail("no"), { problem }))
      assert.strictEqual(response.status, 500)
      assert.strictEqual((yield* json(response)).reason, "Unexpected")
      assert.isTrue(logs.lines.some(({ level, message }) => level === "Error" && message.includes("boom")))
    }))

  it.effect("is what the server makes of it: a typed error of its own, another status", () =>
    Effect.gen(function*() {
      class SoldOut extends Schema.TaggedError<SoldOut>()("SoldOut", {}) {
        override get message() {
          return "all lamps are sold"
        }
      }
      const stream = Stream.concat(Stream.empty as Stream.Stream<Event>, Stream.fail(new SoldOut()))
      const usual = yield* EventResponse.make(stream)
      assert.deepInclude(yield* json(usual), { status: 500, reason: "SoldOut", detail: "all lamps are sold" })
      const own = yield* EventResponse.make(stream, { problem: (error) => ({ ...Problem.of(error), status: 410 }) })
      assert.strictEqual(own.status, 410)
    }))
})

describe("a response", () => {
  it.effect("begins when the model says something, with all that was before; its last event is the end of the run", () =>
    Effect.gen(function*() {
      const says = yield* Latch.make()
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(EventResponse.make(assistant.stream("go")))
        yield* settle
        assert.isUndefined(fiber.pollUnsafe())
        yield* says.open
        const response = yield* Fiber.join(fiber)
        assert.strictEqual(response.status, 200)
        assert.deepStrictEqual(tagsOf(yield* text(response)), [
          "RunStarted",
          "TurnStarted",
          "TextDelta",
          "ResponseReceived",
          "RunCompleted"
        ])
      }).pipe(Effect.provide(TestModel.layer([TestModel.stream([says.await, "done"])])))
    }))

  it.effect("has the headers of its encoding, and none that let a proxy keep or change it", () =>
    Effect.gen(function*() {
      const encodings: ReadonlyArray<readonly [Encoder.Factory, string]> = [
        [Sse.make(), "text/event-stream; charset=utf-8"],
        [Text.make(), "text/plain; charset=utf-8"],
        [UiMessages.make(), "text/event-stream; charset=utf-8"]
      ]
      for (const [encoder, type] of encodings) {
        const { headers, status } = yield* EventResponse.make(Stream.empty, { encoder, status: 201 })
        assert.strictEqual(status, 201)
        assert.strictEqual(headers.get("content-type"), type)
        assert.strictEqual(headers.get("cache-control"), "no-cache, no-transform")
        assert.strictEqual(headers.get("x-accel-buffering"), "no")
      }
      const { headers } = yield* EventResponse.make(Stream.empty, {
        encoder: UiMessages.make(),
        headers: new Headers({ "cache-control": "no-store", vary: "origin", "content-type": "text/html" })
      })
      assert.strictEqual(headers.get("x-vercel-ai-ui-message-stream"), "v1")
      assert.strictEqual(headers.get("cache-control"), "no-store")
      assert.strictEqual(headers.get("vary"), "origin")
      assert.strictEqual(headers.get("content-type"), "text/event-stream; charset=utf-8")
    }))

  it.effect("begins after a while also when nothing was said; then a failure is an event", () =>
    Effect.gen(function*() {
      const says = yield* Latch.make()
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(EventResponse.make(assistant.stream("go")))
        yield* settle
        yield* TestClock.adjust("14 seconds")
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust("1 second")
        const response = yield* Fiber.join(fiber)
        assert.strictEqual(response.status, 200)
        const body = reader(response)
        assert.deepStrictEqual(tagsOf((yield* body.next)!), ["RunStarted", "TurnStarted"])
        yield* says.open
        const last = Clients.data((yield* body.next)!)
        assert.deepInclude(last[0], { _tag: "RunFailed", end: "failed", message: "the model refused the server" })
        assert.isUndefined(yield* body.next)
      }).pipe(Effect.provide(TestModel.layer([[TestModel.stream([says.await]), TestModel.fail(refused)]])))
    }))

  it.effect("begins after a while also where the encoding has nothing to fill the time with", () =>
    Effect.gen(function*() {
      const options = { encoder: Text.make(), heartbeat: "1 second" } as const
      const fiber = yield* Effect.forkChild(EventResponse.make(assistant.stream("go"), options))
      yield* settle
      yield* TestClock.adjust("1 second")
      const response = yield* Fiber.join(fiber)
      assert.strictEqual(response.status, 200)
      yield* Effect.promise(() => response.body!.cancel())
    }).pipe(Effect.provide(TestModel.layer([TestModel.stream([Effect.never, "never"])]))))

  it.effect("waits as long as it takes where there are no heartbeats", () =>
    Effect.gen(function*() {
      const says = yield* Latch.make()
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(EventResponse.make(assistant.stream("go"), { heartbeat: false }))
        yield* settle
        yield* TestClock.adjust("1 hour")
        assert.isUndefined(fiber.pollUnsafe())
        yield* says.open
        assert.strictEqual((yield* Fiber.join(fiber)).status, 500)
      }).pipe(Effect.provide(TestModel.layer([[TestModel.stream([says.await]), TestModel.fail(refused)]])))
    }))

  it.effect("does not begin for an encoding that has said nothing yet", () =>
    Effect.gen(function*() {
      const goesOn = yield* Latch.make()
      const wait = Task.make("wait", { payload: {}, success: Schema.String, run: () => Effect.as(goesOn.await, "x") })
      yield* Effect.gen(function*() {
        const stream = assistant.with({ tools: [wait] }).stream("go")
        const fiber = yield* Effect.forkChild(EventResponse.make(stream, { encoder: Text.make() }))
        yield* settle
        yield* goesOn.open
        assert.strictEqual((yield* Fiber.join(fiber)).status, 500)
      }).pipe(Effect.provide(TestModel.layer([TestModel.toolCall("wait", {}), TestModel.fail(refused)])))
    }))
})

describe("a run that fails after something was sent", () => {
  const halfway = TestModel.layer([[TestModel.text("half an "), TestModel.fail(overloaded)]])

  it.effect("is an event for those who read events", () =>
    Effect.gen(function*() {
      const response = yield* EventResponse.make(assistant.stream("go"))
      assert.strictEqual(response.status, 200)
      const body = yield* text(response)
      assert.deepStrictEqual(tagsOf(body), ["RunStarted", "TurnStarted", "TextDelta", "RunFailed"])
      assert.deepInclude(Clients.data(body).at(-1).problem, { status: 502, reason: "ModelFailed", retryable: true })
      assert.notInclude(body, "private")
    }).pipe(Effect.provide(halfway)))

  it.effect("breaks off plain text, which could not say it", () =>
    Effect.gen(function*() {
      const response = yield* EventResponse.make(assistant.stream("go"), { encoder: Text.make() })
      const { error, text } = yield* Effect.promise(() => Clients.readAll(response))
      assert.strictEqual(text, "half an ")
      assert.strictEqual(error instanceof Error && error.message, "the model failed")
    }).pipe(Effect.provide(halfway)))

  it.effect("says nothing of a bug, in an encoder too", () =>
    Effect.gen(function*() {
      const logs = Logs.make()
      const encoder: Encoder.Factory = () => ({
        contentType: "text/plain",
        encode: (event) => {
          if (event._tag === "ResponseReceived") throw new Error("boom")
          return `${event._tag} `
        },
        failed: ({ detail }) => `! ${detail}`
      })
      const stream = Stream.rechunk(assistant.stream("go"), 1)
      const response = yield* logs.watch(EventResponse.make(stream, { encoder }))
      assert.strictEqual(
        yield* text(response),
        `RunStarted TurnStarted TextDelta ! ${Problem.unexpected.detail}`
      )
      assert.isTrue(logs.lines.some(({ level, message }) => level === "Error" && message.includes("boom")))
    }).pipe(Effect.provide(TestModel.layer([TestModel.text("hello")]))))
})

describe("heartbeats", () => {
  const begun: Event = { _tag: "TextDelta", path: "a", turn: 1, delta: "a" }

  /** Events that come when the test says so. */
  const byHand = (options: EventResponse.Options) =>
    Effect.gen(function*() {
      const latches = [yield* Latch.make(), yield* Latch.make()]
      const stream = Stream.concat(
        Stream.make(begun),
        Stream.mapEffect(Stream.fromIterable(latches), (latch) => Effect.as(latch.await, begun))
      )
      const response = yield* EventResponse.make(stream, options)
      const body = reader(response)
      yield* body.next
      return { body, latches }
    })

  for (const [name, encoder] of [["Sse", Sse.make()], ["UiMessages", UiMessages.make()]] as const) {
    it.effect(`of ${name} are comments, whenever nothing was sent for 15 seconds`, () =>
      Effect.gen(function*() {
        const { body, latches: [first, second] } = yield* byHand({ encoder })
        const beat = yield* Effect.forkChild(body.next)
        yield* settle
        yield* TestClock.adjust("14 seconds")
        yield* settle
        assert.isUndefined(beat.pollUnsafe())
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* Fiber.join(beat), ": keep-alive\n\n")
        // an event in between begins the wait anew
        const event = yield* Effect.forkChild(body.next)
        yield* TestClock.adjust("10 seconds")
        yield* first!.open
        assert.include(yield* Fiber.join(event), "a")
        const next = yield* Effect.forkChild(body.next)
        yield* settle
        yield* TestClock.adjust("14 seconds")
        yield* settle
        assert.isUndefined(next.pollUnsafe())
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* Fiber.join(next), ": keep-alive\n\n")
        yield* second!.open
        assert.notInclude(yield* body.next, "keep-alive")
      }))
  }

  it.effect("come as often as is said, never to a reader who is behind, and not where an encoding has none", () =>
    Effect.gen(function*() {
      const often = yield* byHand({ heartbeat: "1 second" })
      yield* TestClock.adjust("1 minute") // nobody reads
      const beat = yield* Effect.forkChild(often.body.next)
      yield* settle
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(beat), ": keep-alive\n\n")
      for (const options of [{ heartbeat: false }, { encoder: Text.make() }] as const) {
        const { body, latches } = yield* byHand(options)
        const next = yield* Effect.forkChild(body.next)
        yield* settle
        yield* TestClock.adjust("10 minutes")
        yield* settle
        assert.isUndefined(next.pollUnsafe())
        yield* latches[0]!.open
        assert.include(yield* Fiber.join(next), "a")
      }
    }))
})

describe("the reader's pace", () => {
  it.effect("is the run's: while nobody reads, hardly anything is pulled; everything is read in the end", () => {
    let pulled = 0
    const words = function*() {
      for (; pulled < 5000; pulled++) yield `w${pulled} `
    }
    const model = Scripted.layer(() => Scripted.parts(Scripted.say(words())))
    return Effect.gen(function*() {
      const response = yield* EventResponse.make(assistant.stream("go"), { encoder: Text.make() })
      yield* settle
      assert.isAtMost(pulled, 200)
      const body = reader(response)
      let seen = (yield* body.next)!
      yield* settle
      assert.isAtMost(pulled, 300)
      for (let piece = yield* body.next; piece !== undefined; piece = yield* body.next) seen += piece
      assert.strictEqual(pulled, 5000)
      assert.strictEqual(seen, Array.from({ length: 5000 }, (_, index) => `w${index} `).join(""))
    }).pipe(Effect.provide(model))
  })
})

describe("a client that goes away", () => {
  /** Ways to go, once the response is there. */
  const ways: {
    readonly [title: string]: (
      body: ReturnType<typeof reader>,
      client: AbortController
    ) => Effect.Effect<unknown>
  } = {
    "cancels the body": (body) => body.cancel,
    "aborts the request": (_, client) => Effect.sync(() => client.abort())
  }

  for (const [title, go] of Object.entries(ways)) {
    it.effect(`and ${title} interrupts the run: clean-up runs once, and the log says who it was`, () =>
      Effect.gen(function*() {
        const { agent, cleaned, isRunning } = yield* hanging
        const log = RunLog.make()
        const client = new AbortController()
        const response = yield* log.watch(EventResponse.make(agent.stream("go"), { signal: client.signal }))
        const body = reader(response)
        yield* body.next
        yield* isRunning
        assert.deepStrictEqual(cleaned, [])
        yield* go(body, client)
        yield* Effect.andThen(settle, settle)
        assert.deepStrictEqual(cleaned, ["interrupted"])
        assert.deepStrictEqual(log.lines.map(({ end, level, path }) => [level, path, end]), [
          ["Info", "assistant", "client-gone"]
        ])
      }).pipe(Effect.provide(callsIt)))
  }

  it.effect("is waited for by whoever cancels: the clean-up is over then", () =>
    Effect.gen(function*() {
      const { agent, cleaned, isRunning } = yield* hanging
      const response = yield* EventResponse.make(agent.stream("go"))
      yield* isRunning
      yield* Effect.promise(() => response.body!.cancel()).pipe(promptly(2000, "it was not over"))
      assert.deepStrictEqual(cleaned, ["interrupted"])
    }).pipe(Effect.provide(callsIt)))

  it.effect("leaves a body that does not look whole", () =>
    Effect.gen(function*() {
      const { agent, isRunning } = yield* hanging
      const client = new AbortController()
      const response = yield* EventResponse.make(agent.stream("go"), { signal: client.signal })
      yield* isRunning
      const reading = Clients.readAll(response)
      client.abort()
      const { error } = yield* Effect.promise(() => reading)
      assert.strictEqual(error instanceof DOMException && error.name, "AbortError")
    }).pipe(Effect.provide(callsIt)))

  it.effect("before there is a response, gets none: 499, and the run is interrupted", () =>
    Effect.gen(function*() {
      const says = yield* Latch.make()
      yield* Effect.gen(function*() {
        const log = RunLog.make()
        const client = new AbortController()
        const making = log.watch(EventResponse.make(assistant.stream("go"), { signal: client.signal }))
        const fiber = yield* Effect.forkChild(making)
        yield* settle
        client.abort()
        assert.strictEqual((yield* Fiber.join(fiber)).status, 499)
        assert.deepStrictEqual(log.lines.map(({ end }) => end), ["client-gone"])
      }).pipe(Effect.provide(TestModel.layer([TestModel.stream([says.await, "never"])])))
    }))

  it.effect("before the run began, costs nothing", () =>
    Effect.gen(function*() {
      const response = yield* EventResponse.make(assistant.stream("go"), { signal: AbortSignal.abort() })
      assert.strictEqual(response.status, 499)
      assert.deepStrictEqual(yield* TestModel.requests, [])
    }).pipe(Effect.provide(TestModel.layer([]))))

  it.effect("after the end changes nothing", () =>
    Effect.gen(function*() {
      const log = RunLog.make()
      const client = new AbortController()
      const response = yield* log.watch(EventResponse.make(assistant.stream("go"), { signal: client.signal }))
      assert.include(yield* text(response), "RunCompleted")
      client.abort()
      yield* settle
      assert.deepStrictEqual(log.lines, [])
    }).pipe(Effect.provide(TestModel.layer([TestModel.text("done")]))))

  it.effect("and never read the response leaves nothing behind", () =>
    Effect.gen(function*() {
      V8.setFlagsFromString("--expose-gc")
      const collect = Vm.runInNewContext("gc") as () => void
      const { agent, cleaned, isRunning } = yield* hanging
      const log = RunLog.make()
      yield* Effect.asVoid(log.watch(EventResponse.make(agent.stream("go"))))
      yield* isRunning
      yield* Effect.gen(function*() {
        while (cleaned.length === 0) {
          collect()
          yield* settle
        }
      }).pipe(promptly(5000, "the run was not ended"))
      assert.deepStrictEqual(log.lines.map(({ end }) => end), ["client-gone"])
    }).pipe(Effect.provide(callsIt)))

  it.effect("is kept, while somebody may read it", () =>
    Effect.gen(function*() {
      const collect = Vm.runInNewContext("gc") as () => void
      const goesOn = yield* Latch.make()
      yield* Effect.gen(function*() {
        const response = yield* EventResponse.make(assistant.stream("go"), { encoder: Text.make() })
        for (let i = 0; i < 5; i++) {
          collect()
          yield* settle
        }
        yield* goesOn.open
        assert.strictEqual(yield* text(response), "one two")
      }).pipe(Effect.provide(TestModel.layer([TestModel.stream(["one ", goesOn.await, "two"])])))
    }))
})

describe("who waits for the response and is interrupted", () => {
  const says = Effect.never
  const silent = TestModel.layer([TestModel.stream([says, "never"])])

  for (
    const [title, annotation, end] of [
      ["by somebody", undefined, "interrupted"],
      ["by a server, whose client went away", ClientAbort.annotation, "client-gone"]
    ] as const
  ) {
    it.effect(`${title} takes the run along, for that reason`, () =>
      Effect.gen(function*() {
        const log = RunLog.make()
        const fiber = yield* Effect.forkChild(log.watch(EventResponse.make(assistant.stream("go"))))
        yield* settle
        fiber.interruptUnsafe(undefined, annotation)
        yield* Fiber.await(fiber)
        assert.deepStrictEqual(log.lines.map((line) => line.end), [end])
      }).pipe(Effect.provide(silent)))
  }
})

describe("a run that lives in a scope", () => {
  it.effect("ends with it, and tells the client", () =>
    Effect.gen(function*() {
      const cases: ReadonlyArray<readonly [Encoder.Factory, (text: string) => unknown, unknown]> = [
        [Sse.make(), (text) => Clients.data(text).at(-1).end, "interrupted"],
        [UiMessages.make(), (text) => /"type":"abort".*\n\ndata: \[DONE\]\n\n$/.test(text), true]
      ]
      for (const [encoder, read, expected] of cases) {
        const { agent, cleaned, isRunning } = yield* hanging
        const log = RunLog.make()
        const scope = yield* Scope.make()
        yield* Effect.gen(function*() {
          const response = yield* log.watch(EventResponse.make(agent.stream("go"), { encoder, scope }))
          yield* isRunning
          yield* Scope.close(scope, Exit.void)
          assert.deepStrictEqual(cleaned, ["interrupted"])
          assert.deepStrictEqual(read(yield* text(response)), expected)
          assert.deepStrictEqual(log.lines.map(({ end }) => end), ["interrupted"])
        }).pipe(Effect.provide(callsIt))
      }
    }))

  it.effect("that is closed already does not hang", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      yield* Scope.close(scope, Exit.void)
      const response = yield* EventResponse.make(assistant.stream("go"), { scope })
      assert.strictEqual(response.status, 503)
    }).pipe(Effect.provide(TestModel.layer([]))))

  it.effect("that closes before there is a response is a problem", () =>
    Effect.gen(function*() {
      const logs = Logs.make()
      const scope = yield* Scope.make()
      const fiber = yield* Effect.forkChild(logs.watch(EventResponse.make(assistant.stream("go"), { scope })))
      yield* settle
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* Fiber.join(fiber)).status, 503)
      assert.deepStrictEqual(logs.lines, [{ level: "Info", message: "agent assistant: the run was interrupted" }])
    }).pipe(Effect.provide(TestModel.layer([TestModel.stream([Effect.never, "never"])]))))
})

describe("secrets", () => {
  it.effect("that are known are not sent, whoever says them", () =>
    Effect.gen(function*() {
      Secrets.register("sk-\"known\"-1")
      const said = `the key is sk-"known"-1`
      const tool = Task.make("tell", { payload: {}, success: Schema.String, run: () => said })
      for (const encoder of [Sse.make({ whole: true }), Text.make(), UiMessages.make()]) {
        const response = yield* EventResponse.make(assistant.with({ tools: [tool] }).stream("go"), { encoder }).pipe(
          Effect.provide(TestModel.layer([TestModel.toolCall("tell", {}), TestModel.text(said)]))
        )
        const body = yield* text(response)
        assert.notMatch(body, /sk-\\?"known/)
        assert.include(body, "the key is <redacted>")
      }
      const failed = yield* EventResponse.make(Stream.fail(new Error(said)))
      assert.include(yield* text(failed), "the key is <redacted>")
    }))
})

describe("a watched run", () => {
  const words = Array.from({ length: 600 }, (_, index) => `w${index} `)
  const events = (response: Response) => Effect.map(text(response), (text) => Clients.parse([text]))
  const watching = Effect.gen(function*() {
    const watch = yield* assistant.watch("go")
    yield* watch.result
    return watch
  })
  const talkative: Parameters<typeof TestModel.layer>[0] = [TestModel.stream(words)]

  it.effect("has ids; who comes back with the last one gets what is after it, gaps as they are", () =>
    Effect.gen(function*() {
      const watch = yield* watching
      const all = yield* events(yield* EventResponse.watch(watch))
      assert.deepStrictEqual([all[0]?.event, all.at(-1)?.event], ["RunStarted", "RunCompleted"])
      const gap = all.findIndex(({ event }) => event === "Gap")
      assert.isAbove(gap, 0)
      for (const from of [0, gap - 1, gap, gap + 1, all.length - 2]) {
        const rest = yield* events(yield* EventResponse.watch(watch, { lastEventId: all[from]!.id }))
        assert.deepStrictEqual(rest.map(({ id }) => id), all.slice(from + 1).map(({ id }) => id))
      }
      for (const lastEventId of [undefined, null, "", "x", "-1", "99999"]) {
        const again = yield* events(yield* EventResponse.watch(watch, { lastEventId }))
        assert.strictEqual(again.length, all.length, String(lastEventId))
      }
    }).pipe(Effect.provide(TestModel.layer(talkative))))

  it.effect("that is over, for who has seen its end, is 204: an EventSource stops there", () =>
    Effect.gen(function*() {
      const watch = yield* watching
      const all = yield* events(yield* EventResponse.watch(watch))
      const headers = { vary: "origin" }
      const response = yield* EventResponse.watch(watch, { lastEventId: all.at(-1)!.id, headers })
      assert.strictEqual(response.status, 204)
      assert.isNull(response.body)
      assert.strictEqual(response.headers.get("vary"), "origin")
    }).pipe(Effect.provide(TestModel.layer(talkative))))

  it.effect("shows at once that it runs", () =>
    Effect.gen(function*() {
      const watch = yield* assistant.watch("go")
      yield* settle
      const body = reader(yield* EventResponse.watch(watch))
      assert.deepStrictEqual(tagsOf((yield* body.next)!), ["RunStarted", "TurnStarted"])
      yield* body.cancel
    }).pipe(Effect.provide(TestModel.layer([TestModel.stream([Effect.never, "never"])]))))

  it.effect("answers at once when nothing is new, and goes on when a watcher leaves", () =>
    Effect.gen(function*() {
      const goesOn = yield* Latch.make()
      yield* Effect.gen(function*() {
        const watch = yield* assistant.watch("go")
        yield* settle
        const first = yield* EventResponse.watch(watch)
        assert.strictEqual(first.status, 200)
        const body = reader(first)
        const last = Clients.parse([(yield* body.next)!]).at(-1)!
        assert.strictEqual(last.event, "TextDelta")
        const second = yield* EventResponse.watch(watch, { lastEventId: last.id })
        assert.strictEqual(second.status, 200)
        yield* body.cancel
        yield* goesOn.open
        const rest = yield* events(second)
        assert.deepStrictEqual(rest.map(({ event }) => event), ["TextDelta", "ResponseReceived", "RunCompleted"])
        assert.strictEqual((yield* watch.result).output, "one two")
      }).pipe(Effect.provide(TestModel.layer([TestModel.stream(["one ", goesOn.await, "two"])])))
    }))

  it.effect("that fails is an event, as it is for a run's own reader", () =>
    Effect.gen(function*() {
      const watch = yield* assistant.watch("go")
      yield* Effect.exit(watch.result)
      const response = yield* EventResponse.watch(watch)
      assert.strictEqual(response.status, 200)
      const body = yield* text(response)
      assert.deepInclude(Clients.data(body).at(-1), { _tag: "RunFailed", message: "the model refused the server" })
      assert.notInclude(body, "private")
    }).pipe(Effect.provide(TestModel.layer([TestModel.fail(refused)]))))
})

it("a response needs what its run needs, and cannot fail", () => {
  expectTypeOf(EventResponse.make(assistant.stream("go")))
    .toEqualTypeOf<Effect.Effect<Response, never, LanguageModel.LanguageModel>>()
})
