/**
 * Cassettes of real providers: their SDKs are recorded over a local server, and replayed when it is gone and no key is
 * set.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Schema, Stream } from "effect"
import { type LanguageModel, Prompt } from "effect/ai"
import { TestClock } from "effect/testing"
import { Agent, type Models, Task } from "fluxion"
import { Anthropic } from "fluxion/anthropic"
import { Google } from "fluxion/google"
import { Ollama } from "fluxion/ollama"
import { OpenAi } from "fluxion/openai"
import { Providers } from "fluxion/providers"
import { Cassette } from "fluxion/testing"
import { execFileSync } from "node:child_process"
import * as Module from "node:module"
import * as AnthropicWire from "../provider/anthropic/fixtures/Wire.ts"
import * as OpenAiWire from "../provider/openai/fixtures/Wire.ts"
import * as VendorServer from "../provider/support/VendorServer.ts"
import * as Tapes from "./support/Tapes.ts"

const sse = { "content-type": "text/event-stream" }
const json = { "content-type": "application/json" }

const openai = (
  items: Parameters<typeof OpenAiWire.events>[0]["items"],
  request?: VendorServer.Received
): VendorServer.Reply =>
  request?.json.stream === true || request === undefined
    ? { headers: sse, body: OpenAiWire.sse(OpenAiWire.events({ items, end: {} })) }
    : { headers: json, body: JSON.stringify(OpenAiWire.whole({ items, end: {} })) }

const anthropic = (blocks: ReadonlyArray<AnthropicWire.Block>, stop_reason = "end_turn"): VendorServer.Reply => ({
  headers: sse,
  body: AnthropicWire.sse(AnthropicWire.events({ blocks, end: { stop_reason } }))
})

const key = "sk-test-0123456789abcdef"

const environment = (server: VendorServer.VendorServer) => ({
  OPENAI_API_KEY: key,
  OPENAI_BASE_URL: `${server.url}/v1`,
  ANTHROPIC_API_KEY: key,
  ANTHROPIC_BASE_URL: server.url
})

type Replies = Parameters<typeof VendorServer.make>[0]

/** Runs twice: recorded over a server with these replies, and replayed without server and key. */
const twice = <A, E, R>(
  replies: Replies,
  cassette: (file: string, mode: Cassette.Mode) => Layer.Layer<R, unknown>,
  program: Effect.Effect<A, E, R>
) =>
  Effect.gen(function*() {
    const file = yield* Tapes.fresh
    const { recorded, requests } = yield* Effect.scoped(Effect.gen(function*() {
      const server = yield* VendorServer.make(replies)
      const layer = cassette(file, "record").pipe(Tapes.within(environment(server)))
      return { recorded: yield* Effect.provide(program, layer, { local: true }), requests: server.requests }
    }))
    const layer = cassette(file, "replay").pipe(Tapes.within())
    const replayed = yield* Effect.provide(program, layer, { local: true })
    assert.notInclude(Tapes.text(file), key)
    return { recorded, replayed, requests, file }
  })

const of = (model: Layer.Layer<LanguageModel.LanguageModel, unknown>) => (file: string, mode: Cassette.Mode) =>
  Cassette.layer(file, { mode, model })

const weather = Task.make("get_weather", {
  description: "Current weather for a city.",
  payload: { city: Schema.String },
  success: Schema.String,
  run: ({ city }) => Effect.succeed(`Sunny in ${city}`)
})

describe("OpenAI", () => {
  const encrypted = "gAAAAAB".padEnd(900, "x_-9")
  const turns = [
    [
      OpenAiWire.reasoning(["Which city?", "Bern."], { encrypted }),
      OpenAiWire.call("call_a", "get_weather", `{"city":"Bern"}`)
    ],
    [OpenAiWire.message("It is sunny in Bern, as it is so often.")]
  ]
  const agent = Agent.make("agent", { instructions: "Be brief.", tools: [weather], reasoning: "low" })

  for (const stream of [true, false]) {
    it.effect(`an agent with tools and reasoning is the same again, to the last message (stream: ${stream})`, () =>
      Effect.gen(function*() {
        const events = Effect.map(Stream.runCollect(agent.stream("How is Bern?", { stream })), (all) => ({
          result: all.flatMap((event) => event._tag === "RunCompleted" ? [event.result] : [])[0]!,
          deltas: all.flatMap((event) => event._tag === "TextDelta" ? [event.delta] : []),
          input: all.flatMap((event) => event._tag === "ToolInputDelta" ? [event.delta] : []).join(""),
          reasoning: all.flatMap((event) => event._tag === "ReasoningDelta" ? [event.delta] : []).join("")
        }))
        const { file, recorded, replayed } = yield* twice(
          (request, index) => openai(turns[index]!, request),
          of(OpenAi.model("gpt-5")),
          events
        )
        assert.strictEqual(recorded.result.output, "It is sunny in Bern, as it is so often.")
        assert.deepStrictEqual(replayed.result, recorded.result)
        assert.include(JSON.stringify(replayed.result.messages), encrypted)
        assert.strictEqual(replayed.deltas.join(""), recorded.deltas.join(""))
        assert.strictEqual(replayed.input, recorded.input)
        assert.strictEqual(replayed.reasoning, recorded.reasoning)
        if (stream) assert.isAbove(replayed.deltas.length, 3)
        else assert.strictEqual(replayed.deltas.length, 1)
        // once, where it was answered; the request after it names it
        assert.strictEqual(Tapes.text(file).split(encrypted).length, 2)
        assert.include(Tapes.text(file), "900 characters")
      }))
  }

  it.effect("a typed answer is decoded as OpenAI encodes it: no field is left out, and tuples are objects", () =>
    Effect.gen(function*() {
      const output = Schema.Struct({
        name: Schema.String,
        nick: Schema.optionalKey(Schema.String),
        range: Schema.Tuple([Schema.Finite, Schema.Finite])
      })
      const typed = Agent.make("typed", { instructions: "i", output })
      const answer = { name: "Ada", nick: null, range: { "0": 1, "1": 2 } }
      const { recorded, replayed, requests } = yield* twice(
        [openai([OpenAiWire.message(JSON.stringify(answer))])],
        of(OpenAi.model("gpt-5")),
        typed("Who?")
      )
      assert.deepStrictEqual(recorded, { name: "Ada", range: [1, 2] })
      assert.deepStrictEqual(replayed, recorded)
      assert.strictEqual(requests.length, 1)
    }))

  it.effect("a typed answer that does not fit is corrected again in the same words", () =>
    Effect.gen(function*() {
      const typed = Agent.make("typed", { instructions: "i", output: Schema.Struct({ n: Schema.Finite }) })
      const { recorded, replayed, requests } = yield* twice(
        [openai([OpenAiWire.message(`{"n":"one"}`)]), openai([OpenAiWire.message(`{"n":1}`)])],
        of(OpenAi.model("gpt-5")),
        typed.result("How many?")
      )
      assert.deepStrictEqual(replayed, recorded)
      assert.strictEqual(recorded.turns, 2)
      assert.strictEqual(requests.length, 2)
    }))

  it.effect("an image is in the recording as its length and hash, and another one is another request", () =>
    Effect.gen(function*() {
      const ask = (data: Uint8Array | string) =>
        Agent.make("seer", { instructions: "i" })([
          "What is it?",
          Prompt.makePart("file", { mediaType: "image/png", data })
        ])
      const bytes = new Uint8Array(3000).fill(7)
      const { file, replayed } = yield* twice(
        [openai([OpenAiWire.message("A seven.")])],
        of(OpenAi.model("gpt-5")),
        ask(bytes)
      )
      assert.strictEqual(replayed, "A seven.")
      const { content } = Tapes.read(file).calls[0].request.messages[1]
      assert.deepInclude(content[1], { type: "file", mediaType: "image/png" })
      assert.match(content[1].data, /^sha256 [0-9a-f]{64}, 3000 bytes$/)
      const replaying = <A, E>(program: Effect.Effect<A, E, LanguageModel.LanguageModel>) =>
        Effect.provide(program, of(OpenAi.model("gpt-5"))(file, "replay").pipe(Tapes.within()), { local: true })
      const base64 = Buffer.from(bytes).toString("base64")
      assert.strictEqual(yield* replaying(ask(base64)), "A seven.")
      assert.strictEqual(yield* replaying(ask(`data:image/png;base64,${base64}`)), "A seven.")
      const error = yield* Effect.flip(replaying(ask(bytes.with(0, 8))))
      assert.include(String(error), "3000 bytes")
    }))

  it.effect("a 429 and the answer after it: the retry waits as long as OpenAI said", () =>
    Effect.gen(function*() {
      const run = Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(Stream.runCollect(agent.stream("How is Bern?")))
        // the answers come over a socket, whatever this clock says
        yield* Effect.yieldNow
        while (fiber.pollUnsafe() === undefined) {
          yield* TestClock.adjust("1 second")
          yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
        }
        const events = yield* Fiber.join(fiber)
        return events.flatMap((event) =>
          event._tag === "ModelRetried" ? [[event.reason, event.delay, event.message]] : []
        )
      })
      const limited: VendorServer.Reply = {
        status: 429,
        headers: { ...json, "retry-after": "7" },
        body: JSON.stringify({ error: { message: "slow down", type: "requests", code: "rate_limit_exceeded" } })
      }
      const { recorded, replayed } = yield* twice([limited, openai(turns[1]!)], of(OpenAi.model("gpt-5")), run)
      assert.strictEqual(recorded[0]![1], 7000)
      assert.deepStrictEqual(replayed, recorded)
    }))
})

describe("Anthropic", () => {
  it.effect("an agent with thinking, its signature and tools is the same again, and so is a typed answer", () =>
    Effect.gen(function*() {
      const agent = Agent.make("agent", {
        instructions: "Be brief.",
        tools: [weather],
        reasoning: "low",
        output: Schema.Struct({ sunny: Schema.Boolean, note: Schema.optionalKey(Schema.String) })
      })
      const { recorded, replayed, requests } = yield* twice(
        [
          anthropic([
            AnthropicWire.thinking("Bern, then.", "EqQBsig+/="),
            AnthropicWire.text("Let me look."),
            AnthropicWire.call("toolu_a", "get_weather", `{"city":"Bern"}`)
          ], "tool_use"),
          anthropic([AnthropicWire.text(`{"sunny":true}`)])
        ],
        of(Anthropic.model("claude-sonnet-4-6")),
        agent.result("How is Bern?")
      )
      assert.deepStrictEqual(recorded.output, { sunny: true })
      assert.deepStrictEqual(replayed, recorded)
      assert.include(JSON.stringify(replayed.messages), "EqQBsig+/=")
      assert.strictEqual(requests.length, 2)
    }))
})

describe("Providers.layer", () => {
  it.effect("several vendors by name are in one cassette", () =>
    Effect.gen(function*() {
      const ask = (model: string) => Agent.make("agent", { instructions: "i", model })("Who are you?")
      const { file, recorded, replayed } = yield* twice(
        (request) =>
          request.path.startsWith("/v1/responses")
            ? openai([OpenAiWire.message("GPT")])
            : anthropic([AnthropicWire.text("Claude")]),
        (file, mode): Layer.Layer<Models.Models, unknown> => Cassette.layer(file, { mode, models: Providers.layer }),
        Effect.all([ask("openai/gpt-5"), ask("anthropic/claude-sonnet-4-6")])
      )
      assert.deepStrictEqual(recorded, ["GPT", "Claude"])
      assert.deepStrictEqual(replayed, recorded)
      const { models } = Tapes.read(file)
      assert.deepStrictEqual(Object.keys(models), ["anthropic/claude-sonnet-4-6", "openai/gpt-5"])
      assert.strictEqual(models["openai/gpt-5"].driver.codec, "openai")
      assert.strictEqual(models["anthropic/claude-sonnet-4-6"].driver.codec, "anthropic")
    }))

  it.effect("a missing key is the error of the Layer, or of who asks for the Model", () =>
    Effect.gen(function*() {
      const file = yield* Tapes.fresh
      for (
        const model of [
          OpenAi.model("gpt-5"),
          Anthropic.model("claude-sonnet-4-6"),
          Google.model("gemini-2.5-flash"),
          Ollama.layer({ model: "m", host: "not a host" })
        ]
      ) {
        const layer = Cassette.layer(file, { model }).pipe(Tapes.within())
        assert.strictEqual((yield* Effect.flip(Layer.build(layer)))._tag, "ModelUnresolved")
      }
      const models = Cassette.layer(file, { models: Providers.layer }).pipe(Tapes.within())
      const agent = Agent.make("agent", { instructions: "i", model: "openai/gpt-5" })
      const error = yield* Effect.flip(Effect.provide(agent("hi"), models))
      assert.include(error.message, "OPENAI_API_KEY")
    }))
})

const script = (file: string) => `
import { registerHooks } from "node:module"
const loaded = []
registerHooks({ load: (url, context, next) => { loaded.push(url); return next(url, context) } })
const has = (pattern) => loaded.some((url) => pattern.test(url))
const { Cassette } = await import("fluxion/testing")
const disk = /CassetteDisk/
const before = has(disk)
const { Effect } = await import("effect")
const { Agent } = await import("fluxion")
const { OpenAi } = await import("fluxion/openai")
const agent = Agent.make("agent", { instructions: "i" })
const answer = await Effect.runPromise(agent("Who are you?").pipe(
  Effect.provide(Cassette.layer(${JSON.stringify(file)}, { mode: "replay", model: OpenAi.model("gpt-5") }))
))
console.log(JSON.stringify({ answer, before, after: has(disk), sdk: has(/node_modules\\/openai\\//) }))
`

describe.skipIf(!("registerHooks" in Module))("what is loaded", () => {
  it.effect("no SDK for a replay, and no file system before a cassette is opened", () =>
    Effect.gen(function*() {
      const agent = Agent.make("agent", { instructions: "i" })
      const { file } = yield* twice(
        [openai([OpenAiWire.message("GPT")])],
        of(OpenAi.model("gpt-5")),
        agent("Who are you?")
      )
      const { OPENAI_API_KEY: _, ...env } = process.env
      const args = ["--conditions=fluxion-source", "--input-type=module", "-e", script(file)]
      const out = execFileSync(process.execPath, args, { cwd: import.meta.dirname, env, encoding: "utf8" })
      assert.deepStrictEqual(JSON.parse(out), { answer: "GPT", before: false, after: true, sdk: false })
    }))
})
