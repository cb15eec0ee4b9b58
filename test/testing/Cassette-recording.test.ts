/**
 * What gets into a cassette, and comes out of it again: order, streams, failures, secrets; and the file.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Option, Redacted, Schema, Stream } from "effect"
import { AiError, LanguageModel, Prompt } from "effect/ai"
import { TestClock } from "effect/testing"
import { Agent, AgentError, Secrets, Task } from "fluxion"
import { Cassette, TestModel } from "fluxion/testing"
import { execFile } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { promisify } from "node:util"
import * as Scripted from "../support/Scripted.ts"
import * as Tapes from "./support/Tapes.ts"

const assistant = Agent.make("assistant", { instructions: "You help." })

describe("calls at once", () => {
  it.effect("are written in the order in which they were asked, and the interrupted one not at all", () =>
    Effect.gen(function*() {
      const file = yield* Tapes.fresh
      const gates = yield* Effect.all([1, 2, 3].map(() => Deferred.make<void>()))
      const model = Scripted.layer((request) => {
        const content = request.prompt.content.at(-1)!.content as ReadonlyArray<Prompt.TextPart>
        const number = Number(content[0]!.text)
        return Stream.unwrap(
          Effect.as(Deferred.await(gates[number - 1]!), Scripted.parts(Scripted.say([`${number}!`])))
        )
      })
      yield* Effect.gen(function*() {
        const fibers = yield* Effect.forEach(["1", "2", "3"], (text) => Effect.forkChild(assistant(text)))
        yield* Effect.yieldNow
        yield* Deferred.succeed(gates[2]!, undefined)
        assert.strictEqual(yield* Fiber.join(fibers[2]!), "3!")
        // the first may still come before it
        assert.isFalse(Fs.existsSync(file))
        yield* Fiber.interrupt(fibers[1]!)
        yield* Deferred.succeed(gates[0]!, undefined)
        yield* Fiber.join(fibers[0]!)
      }).pipe(Effect.provide(Cassette.layer(file, { model }).pipe(Tapes.within())))
      assert.deepStrictEqual(Tapes.requestsOf(file), ["1", "3"])
      assert.include((yield* Tapes.failureOf(Tapes.replay(file, assistant("2")))).message, "No answer is recorded")
    }))

  it.effect("of one request get one recording each", () =>
    Effect.gen(function*() {
      const file = yield* Tapes.fresh
      const many = Effect.all([assistant("go"), assistant("go"), assistant("go")], { concurrency: "unbounded" })
      const answers = yield* Tapes.record(file, many, Tapes.say("1", "2", "3"))
      assert.deepStrictEqual([...answers].sort(), ["1", "2", "3"])
      assert.deepStrictEqual([...(yield* Tapes.replay(file, many))].sort(), ["1", "2", "3"])
    }))

  it.effect("a reader who stops in the middle leaves nothing, and takes nothing away", () =>
    Effect.gen(function*() {
      const file = yield* Tapes.fresh
      const peek = LanguageModel.streamText({ prompt: "go" }).pipe(Stream.take(2), Stream.runDrain)
      const whole = Effect.map(LanguageModel.generateText({ prompt: "go" }), ({ text }) => text)
      const model = TestModel.layer([TestModel.stream(["a", "b"]), TestModel.text("whole")])
      assert.strictEqual(yield* Tapes.record(file, Effect.andThen(peek, whole), model), "whole")
      assert.strictEqual(Tapes.read(file).calls.length, 1)
      assert.strictEqual(yield* Tapes.replay(file, Effect.andThen(peek, whole)), "whole")
    }))

  it.effect("a reader who stops at the end of an answer has had it", () =>
    Effect.gen(function*() {
      const file = yield* Tapes.fresh
      const untilFinish = Effect.suspend(() =>
        LanguageModel.streamText({ prompt: "go" }).pipe(
          Stream.takeUntil(({ type }) => type === "finish"),
          Stream.runCollect
        )
      ).pipe(Effect.map((parts) => parts.map((part) => part.type === "text-delta" ? part.delta : "").join("")))
      const twice = Effect.all([untilFinish, untilFinish])
      assert.deepStrictEqual(yield* Tapes.record(file, twice, Tapes.say("one", "two")), ["one", "two"])
      assert.deepStrictEqual(yield* Tapes.replay(file, twice), ["one", "two"])
    }))

  it.effect("several processes lose nothing of each other in one file", () =>
    Effect.gen(function*() {
      const file = yield* Tapes.fresh
      const script = (name: string) => `
        import { Effect } from "effect"
        import { Agent } from "fluxion"
        import { Cassette, TestModel } from "fluxion/testing"
        const agent = Agent.make("agent", { instructions: "i" })
        const questions = Array.from({ length: 10 }, (_, index) => "${name}" + index)
        const model = TestModel.layer({ agent: questions.map((text) => TestModel.text(text)) })
        const layer = Cassette.layer(${JSON.stringify(file)}, { model })
        await Effect.runPromise(Effect.forEach(questions, (text) => agent(text)).pipe(Effect.provide(layer)))
      `
      const run = promisify(execFile)
      const flags = ["--conditions=fluxion-source", "--input-type=module", "-e"]
      const options = { cwd: import.meta.dirname, env: { ...process.env, CI: "" } }
      yield* Effect.promise(() =>
        Promise.all(["a", "b", "c"].map((name) => run(process.execPath, [...flags, script(name)], options)))
      )
      assert.strictEqual(new Set(Tapes.requestsOf(file)).size, 30)
      assert.deepStrictEqual(Fs.readdirSync(Path.dirname(file)), ["test.json"])
    }), 60_000)

  it.effect("a lock that a killed process left is taken over", () =>
    Effect.gen(function*() {
      const file = yield* Tapes.fresh
      Fs.mkdirSync(`${file}.lock`, { recursive: true })
      Fs.utimesSync(`${file}.lock`, 1, 1)
      yield* Tapes.record(file, assistant("one"), Tapes.say("1"))
      assert.deepStrictEqual(Fs.readdirSync(Path.dirname(file)), ["test.json"])
    }))

  it.effect("several Layers lose nothing of each other in one file", () =>
    Effect.gen(function*() {
      const file = yield* Tapes.fresh
      const numbers = Array.from({ length: 12 }, (_, index) => `${index}`)
      const answers = yield* Effect.forEach(numbers, (number) =>
        Tapes.record(file, assistant(number), Tapes.say(`${number}!`)), {
        concurrency: "unbounded"
      })
      assert.strictEqual(Tapes.read(file).calls.length, 12)
      const replayed = yield* Tapes.replay(
        file,
        Effect.forEach(numbers, (number) =>
          assistant(number))
      )
      assert.deepStrictEqual(replayed, answers)
      assert.deepStrictEqual(Fs.readdirSync(Path.dirname(file)), ["test.json"])
    }))
})

describe("streams", () => {
  const parts: ReadonlyArray<Scripted.Part> = [
    { type: "reasoning-start", id: "r" },
    { type: "reasoning-delta", id: "r", delta: "Let me " },
    { type: "reasoning-delta", id: "r", delta: "think.", metadata: { acme: { signature: "s1" } } },
    { type: "reasoning-end", id: "r", metadata: { acme: { signature: "s2" } } },
    { type: "text-start", id: "t" },
    { type: "text-delta", id: "t", delta: "Half 👩‍🚀 of " },
    { type: "text-delta", id: "t", delta: "it." },
    { type: "text-end", id: "t" },
    { type: "tool-params-start", id: "c1", name: "get" },
    { type: "tool-params-start", id: "c2", name: "get" },
    { type: "tool-params-delta", id: "c1", delta: `{"id":` },
    { type: "tool-params-delta", id: "c2", delta: `{"id":` },
    { type: "tool-params-delta", id: "c1", delta: `"a"}` },
    { type: "tool-params-delta", id: "c2", delta: `"b"}` },
    { type: "tool-params-end", id: "c1" },
    { type: "tool-params-end", id: "c2" },
    { type: "tool-call", id: "c1", name: "get", params: { id: "a" } },
    { type: "tool-call", id: "c2", name: "get", params: { id: "b" } },
    { ...Scripted.finish, reason: "tool-calls" } as Scripted.Part
  ]
  const get = Task.make("get", { payload: { id: Schema.String }, success: Schema.String, run: ({ id }) => `${id}!` })
  const agent = Agent.make("agent", { instructions: "i", tools: [get] })
  const model = Scripted.layer(({ prompt }) =>
    Scripted.parts(prompt.content.at(-1)!.role === "tool" ? Scripted.say(["It ", "is done."]) : parts)
  )

  it.effect("are replayed with the same events, texts in several pieces, and the same messages", () =>
    Effect.gen(function*() {
      const file = yield* Tapes.fresh
      const events = Stream.runCollect(agent.stream("go"))
      /** The events with the deltas of one block joined, and how many there were. */
      const summary = (all: Effect.Success<typeof events>) => {
        const joined = new Map<string, string>()
        const rest: Array<unknown> = []
        let deltas = 0
        for (const event of all) {
          if (!("delta" in event)) {
            rest.push(event)
            continue
          }
          const key = `${event._tag} ${event.turn} ${"id" in event ? event.id : ""}`
          joined.set(key, (joined.get(key) ?? "") + event.delta)
          deltas++
        }
        return { rest, joined, deltas }
      }
      const first = summary(yield* Tapes.record(file, events, model))
      const again = summary(yield* Tapes.replay(file, events))
      assert.deepStrictEqual(again.joined, first.joined)
      assert.deepStrictEqual(again.rest, first.rest)
      assert.isAbove(again.deltas, 12)
      assert.include(again.joined.get("TextDelta 1 "), "👩‍🚀")
    }))

  it.effect("as a whole they come in one piece, and mean the same", () =>
    Effect.gen(function*() {
      const file = yield* Tapes.fresh
      const first = yield* Tapes.record(file, agent.result("go"), model)
      const deltas: Array<string> = []
      const again = yield* Tapes.replay(
        file,
        agent.stream("go", { stream: false }).pipe(
          Stream.tap((event) => Effect.sync(() => event._tag === "TextDelta" && deltas.push(event.delta))),
          Stream.runLast
        )
      )
      assert.deepStrictEqual(again, Option.some({ _tag: "RunCompleted", path: "agent", result: first }))
      assert.deepStrictEqual(deltas, ["Half 👩‍🚀 of it.", "It is done."])
    }))
})

describe("failures", () => {
  const rateLimit = new AiError.RateLimitError({})
  const refusal = new AiError.ContentPolicyError({ description: "no" })

  it.effect("that were followed by an answer are replayed before it, so that retries are tested", () =>
    Effect.gen(function*() {
      const file = yield* Tapes.fresh
      const events = Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(Stream.runCollect(assistant.stream("go")))
        yield* TestClock.adjust("1 minute")
        const all = yield* Fiber.join(fiber)
        return all.flatMap((event) =>
          event._tag === "TextDelta" ? [] : event._tag === "ModelRetried" ? [`retried ${event.reason}`] : [event._tag]
        )
      })
      const model = TestModel.layer([TestModel.fail(rateLimit), TestModel.fail(rateLimit), TestModel.text("done")])
      const first = yield* Tapes.record(file, events, model)
      assert.strictEqual(first.filter((tag) => tag === "retried RateLimitError").length, 2)
      assert.deepStrictEqual(yield* Tapes.replay(file, events), first)
    }))

  it.effect("that may pass leave nothing when the run ended in them; a refusal is the model's answer", () =>
    Effect.gen(function*() {
      const file = yield* Tapes.fresh
      const impatient = assistant.with({ modelRetry: { times: 0 } })
      const passing = [
        rateLimit,
        new AiError.AuthenticationError({ kind: "InvalidKey" }),
        new AiError.QuotaExhaustedError({}),
        new AiError.NetworkError({ reason: "TransportError", method: "POST", url: "https://example.org/v1" })
      ]
      for (const reason of passing) {
        yield* Tapes.failureOf(Tapes.record(file, impatient("go"), TestModel.layer([TestModel.fail(reason)])))
        assert.isFalse(Fs.existsSync(file), reason._tag)
      }
      yield* Tapes.failureOf(Tapes.record(file, impatient("go"), TestModel.layer([TestModel.fail(refusal)])))
      const error = yield* Tapes.failureOf(Tapes.replay(file, impatient("go")))
      assert.strictEqual(error.reason._tag, "ContentPolicyError")
      assert.strictEqual(error.message, "TestModel.stream: Content policy violation: no")
    }))

  it.effect("in the middle of an answer come after its parts", () =>
    Effect.gen(function*() {
      const file = yield* Tapes.fresh
      const texts = Effect.gen(function*() {
        const seen: Array<string> = []
        const exit = yield* Effect.exit(Stream.runForEach(assistant.stream("go"), (event) =>
          Effect.sync(() => {
            if (event._tag === "TextDelta") seen.push(event.delta)
          })))
        return { text: seen.join(""), failed: Exit.isFailure(exit) }
      })
      const half = TestModel.layer([[TestModel.text("half an "), TestModel.fail(refusal)]])
      assert.deepStrictEqual(yield* Tapes.record(file, texts, half), { text: "half an ", failed: true })
      assert.deepStrictEqual(yield* Tapes.replay(file, texts), { text: "half an ", failed: true })
    }))

  it.effect("keep what a retry decides by, and no path of the machine, no cookie and no stack", () =>
    Effect.gen(function*() {
      const file = yield* Tapes.fresh
      const cause = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" })
      const broken = new AiError.NetworkError({
        reason: "TransportError",
        method: "POST",
        url: "http://127.0.0.1:1/v1",
        cause: new Error("fetch failed", { cause })
      })
      const limited = new AiError.RateLimitError({
        http: {
          response: { status: 429, headers: { "set-cookie": "id=1", "x-id": Redacted.make("hidden"), plain: "p" } }
        }
      })
      const ask = (text: string) => Effect.flip(assistant.with({ modelRetry: { times: 0 } })(text))
      const errors = Effect.gen(function*() {
        const found = [yield* ask("one"), yield* ask("two")]
        yield* assistant("three")
        return found.map(({ reason }) => (reason as AgentError.ModelFailed).error)
      })
      yield* Tapes.record(
        file,
        errors,
        TestModel.layer([TestModel.fail(broken), TestModel.fail(limited), TestModel.text("ok")])
      )
      const [first, second] = yield* Tapes.replay(file, errors)
      assert.deepInclude(first!.reason, { _tag: "NetworkError", url: "http://127.0.0.1:1/v1" })
      const { cause: kept } = first!.reason as { cause: any }
      assert.deepStrictEqual(kept, {
        name: "Error",
        text: "fetch failed",
        cause: { name: "Error", code: "ECONNREFUSED", text: "connect ECONNREFUSED" }
      })
      assert.deepStrictEqual((second!.reason as AiError.RateLimitError).http?.response?.headers, {
        "set-cookie": "<redacted>",
        "x-id": "<redacted>",
        plain: "p"
      })
      assert.notInclude(Tapes.text(file), "hidden")
      assert.notInclude(Tapes.text(file), import.meta.dirname)
    }))
})

describe("secrets", () => {
  const key = "sk-proj-abcdefghijklmnop"
  const login = Task.make("login", {
    payload: { user: Schema.String, password: Schema.Redacted(Schema.String) },
    success: Schema.String,
    run: ({ password, user }) => `${user} is in with ${Redacted.value(password)}`
  })
  const agent = Agent.make("agent", { instructions: `Use the key ${key}.`, tools: [login] })

  it.effect("are removed wherever they stand, and what was recorded is found again", () =>
    Effect.gen(function*() {
      const file = yield* Tapes.fresh
      const registered = Secrets.register("hunter22-of-cassettes")
      const options = {
        providerOptions: {
          acme: {
            headers: { "x-api-key": "plain-key-1", "x-team": "blue" },
            jwt: "eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.c2ln"
          }
        }
      }
      const run = agent.result(`My token is ${registered}, and ghp_abcdefghijklmnopqrstuvwx.`, options)
      const model = TestModel.layer([
        [
          TestModel.stream(["it is ", key.slice(0, 9), key.slice(9), " then"]),
          TestModel.toolCall("login", { user: "ada", password: "pass-of-ada-1" })
        ],
        TestModel.text(`Bearer ${key} for ${registered}`)
      ])
      const first = yield* Tapes.record(file, run, model)
      assert.include(first.output, registered)
      const written = Tapes.text(file)
      for (const secret of [key, "abcdefghijkl", registered, "pass-of-ada-1", "ghp_", "plain-key-1", "eyJ"]) {
        assert.notInclude(written, secret)
      }
      assert.include(written, `"x-team": "blue"`)
      const again = yield* Tapes.replay(file, run)
      assert.strictEqual(again.output, "<redacted> for <redacted>")
      assert.strictEqual(again.toolCalls, 1)
    }))

  it.effect("a recording fits whatever stands where a secret was, and nothing else", () =>
    Effect.gen(function*() {
      const file = yield* Tapes.fresh
      const secret = Secrets.register("only-known-while-recording")
      yield* Tapes.record(file, assistant(`Use ${secret} for A, and ${secret} for B.`), Tapes.say("used"))
      assert.strictEqual(yield* Tapes.replay(file, assistant("Use dummy for A, and dummy for B.")), "used")
      assert.strictEqual(yield* Tapes.replay(file, assistant("Use  for A, and  for B.")), "used")
      for (
        const text of ["Use dummy for A, and dummy for C.", "Use dummy for A.", "Please use x for A, and x for B."]
      ) {
        yield* Tapes.failureOf(Tapes.replay(file, assistant(text)))
      }
    }))

  it.effect("are not shown by what a miss says", () =>
    Effect.gen(function*() {
      const file = yield* Tapes.fresh
      yield* Tapes.record(file, assistant("one"), Tapes.say("1"))
      const { message } = yield* Tapes.failureOf(Tapes.replay(file, assistant(`with ${key}`)))
      assert.include(message, "with <redacted>")
      assert.notInclude(message, key)
    }))
})

describe("files", () => {
  const bad: ReadonlyArray<readonly [title: string, text: string, problem: string, says: string]> = [
    ["cut", `{ "format": "fluxion/cassette", "version": 1, "mod`, "not-json", "was cut"],
    ["empty", "", "not-json", "was cut"],
    ["no JSON", "hello", "not-json", "no JSON"],
    ["something else", `{ "name": "fluxion" }`, "not-a-cassette", "another kind of file"],
    ["a list", `[1, 2]`, "not-a-cassette", "another kind of file"],
    ["null", `null`, "not-a-cassette", "another kind of file"],
    ["newer", `{ "format": "fluxion/cassette", "version": 2 }`, "newer", "update fluxion"],
    [
      "broken by hand",
      `{ "format": "fluxion/cassette", "version": 1, "models": {}, "calls": [{ "request": { "model": "m" } }] }`,
      "not-a-cassette",
      `["calls"][0]["request"]["messages"]`
    ],
    [
      "of parts that are none",
      `{ "format": "fluxion/cassette", "version": 1, "models": {}, "calls": [{ "request": { "model": "m", "messages": [] }, "answer": { "parts": [{ "type": "text-delta" }] } }] }`,
      "not-a-cassette",
      `["calls"][0]["answer"]["parts"][0]`
    ]
  ]
  for (const [title, text, problem, says] of bad) {
    it.effect(`that are ${title} are named, in every mode, and left as they are`, () =>
      Effect.gen(function*() {
        const file = Path.join(yield* Tapes.folder, "bad.json")
        Fs.writeFileSync(file, text)
        for (const mode of ["auto", "record", "replay"] as const) {
          const error = yield* Tapes.problemOf(
            Cassette.layer(file, { mode, model: Tapes.unreachable }).pipe(Tapes.within())
          )
          assert.strictEqual(error.problem, problem)
          assert.include(error.message, file)
          assert.include(error.message, says)
          assert.isFalse(error.isRetryable)
        }
        assert.strictEqual(Fs.readFileSync(file, "utf8"), text)
      }))
  }

  it.effect("that are not there fail a replay, which says how to record", () =>
    Effect.gen(function*() {
      const file = yield* Tapes.fresh
      const error = yield* Tapes.problemOf(
        Cassette.layer(file, { mode: "replay", model: Tapes.unreachable }).pipe(Tapes.within())
      )
      assert.strictEqual(error.problem, "missing")
      assert.include(error.message, `run it once in mode "auto" and commit the file`)
      assert.isFalse(Fs.existsSync(Path.dirname(file)))
    }))

  it.effect("that are a folder cannot be read", () =>
    Effect.gen(function*() {
      const error = yield* Tapes.problemOf(
        Cassette.layer(yield* Tapes.folder, { mode: "replay", model: Tapes.unreachable })
      )
      assert.strictEqual(error.problem, "unreachable")
    }))

  it.effect("that were spoilt meanwhile are left as they are, and the call says so", () =>
    Effect.gen(function*() {
      const file = yield* Tapes.fresh
      yield* Tapes.record(file, assistant("one"), Tapes.say("1"))
      const spoilt = Effect.gen(function*() {
        yield* assistant("one")
        Fs.writeFileSync(file, "mine now")
        return yield* assistant("two")
      })
      const error = yield* Tapes.failureOf(Tapes.record(file, spoilt, Tapes.say("2")))
      assert.include(error.message, "it is no JSON")
      assert.strictEqual(Tapes.text(file), "mine now")
    }))

  it.effect("that cannot be written fail the call", () =>
    Effect.gen(function*() {
      const file = yield* Tapes.fresh
      const inTheWay = Effect.sync(() => Fs.writeFileSync(Path.dirname(file), ""))
      const error = yield* Tapes.failureOf(
        Tapes.record(file, Effect.andThen(inTheWay, assistant("one")), Tapes.say("1"))
      )
      assert.include(error.message, "it cannot be written")
    }))

  it.effect("whose keys somebody ordered anew are the same", () =>
    Effect.gen(function*() {
      const file = yield* Tapes.fresh
      yield* Tapes.record(file, assistant("one", { temperature: 0.5, seed: 1 }), Tapes.say("1"))
      const turned = (value: any): any =>
        Array.isArray(value)
          ? value.map(turned)
          : typeof value === "object" && value !== null
          ? Object.fromEntries(Object.entries(value).reverse().map(([key, item]) => [key, turned(item)]))
          : value
      Fs.writeFileSync(file, JSON.stringify(turned(Tapes.read(file))))
      assert.strictEqual(yield* Tapes.replay(file, assistant("one", { seed: 1, temperature: 0.5 })), "1")
    }))

  it.effect("show a call as a reviewer reads it", () =>
    Effect.gen(function*() {
      const file = yield* Tapes.fresh
      yield* Tapes.record(file, assistant("one?"), Tapes.say("1"))
      assert.strictEqual(Tapes.text(file), layout)
    }))
})

const layout = `{
  "format": "fluxion/cassette",
  "version": 1,
  "model": "test/test",
  "models": {
    "test/test": {
      "provider": "test",
      "model": "test",
      "driver": { "codec": "json", "capabilities": {} }
    }
  },
  "calls": [
    {
      "request": {
        "model": "test/test",
        "messages": [{ "role": "system", "content": "You help." }, { "role": "user", "content": "one?" }],
        "options": { "maxTokens": 4096 }
      },
      "answer": {
        "parts": [
          { "type": "text-start", "id": "call_1" },
          { "type": "text-delta", "id": "call_1", "delta": "1" },
          { "type": "text-end", "id": "call_1" },
          {
            "type": "finish",
            "reason": "stop",
            "usage": { "inputTokens": { "total": 10 }, "outputTokens": { "total": 5 } }
          }
        ]
      }
    }
  ]
}
`
