/**
 * What every provider makes of odd answers, through a real agent: what a user gets, and that nothing is lost.
 *
 * Errors of the vendors and of the network, an error inside of a 200 and a 529 among them: `P11-errors-of-providers`.
 * Schemas: `output-schemas.test.ts`. What only the loop makes of them: `test/agent/bad-input.test.ts`.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Schema, type Scope, Stream } from "effect"
import type { AiError, LanguageModel } from "effect/ai"
import { Agent, type AgentError, Task } from "fluxion"
import { assertLegal, texts } from "../support/Messages.ts"
import { of as faultsOf } from "./support/Faults.ts"
import * as Recut from "./support/Recut.ts"
import { reply, usage, type Vendor, vendors } from "./support/Vendors.ts"
import * as VendorServer from "./support/VendorServer.ts"

const assistant = Agent.make("assistant", { instructions: "i", modelRetry: { times: 0 } })

const Count = Schema.Struct({ count: Schema.Int })
const counter = Agent.make("counter", { instructions: "Count.", output: Count, modelRetry: { times: 0 } })

const reasonOf = ({ reason }: AgentError.AgentError): AiError.AiErrorReason => {
  assert(reason._tag === "ModelFailed", reason._tag)
  return reason.error.reason
}

const ways = [true, false]
const wayOf = (stream: boolean) => stream ? "streamed" : "whole"

for (const vendor of vendors) {
  describe(`${vendor.name}: bad input ends well:`, () => {
    /** Runs against a server with these replies. */
    const against = <A, E>(
      replies: Parameters<typeof VendorServer.make>[0],
      run: Effect.Effect<A, E, LanguageModel.LanguageModel | Scope.Scope>,
      options?: Parameters<Vendor["layer"]>[1]
    ) =>
      Effect.gen(function*() {
        const server = yield* VendorServer.make(replies)
        const exit = yield* Effect.exit(run).pipe(Effect.provide(vendor.layer(server.url, options)))
        return { server, exit }
      })

    const value = <A>(exit: Exit.Exit<A, unknown>): A => {
      assert(Exit.isSuccess(exit), String(exit))
      return exit.value
    }

    const failure = <E>(exit: Exit.Exit<unknown, E>): E => {
      const error = Exit.findErrorOption(exit)
      assert(error._tag === "Some", String(exit))
      return error.value
    }

    for (const stream of ways) {
      const replyWith = (saying: Parameters<Vendor["answer"]>[0]) => reply(vendor, vendor.answer(saying), stream)

      it.effect(`a refusal where an object was asked for says so, and what was said and paid is kept (${wayOf(stream)})`, () =>
        Effect.gen(function*() {
          const { exit, server } = yield* against(
            [replyWith({ text: "I can't help with that.", refuses: true })],
            counter("go", { stream })
          )
          const error = failure(exit) as AgentError.AgentError
          assertLegal(error.messages)
          if (vendor.name === "ollama") {
            // it has no way to say so: it is an answer that does not fit
            assert(error.reason._tag === "OutputInvalid")
            assert.strictEqual(error.reason.text, "I can't help with that.")
            assert.strictEqual(server.requests.length, 3)
            assert.strictEqual(error.usage.inputTokens.total, 3 * usage.input)
            return
          }
          const reason = reasonOf(error)
          assert.strictEqual(reason._tag, "ContentPolicyError")
          assert.include(error.message, "I can't help with that.")
          assert.isFalse(error.isRetryable)
          assert.strictEqual(server.requests.length, 1, "asking again does not help")
          assert.deepStrictEqual(texts(error.messages), ["go", "I can't help with that."])
          assert.isAbove(error.usage.inputTokens.total ?? 0, 0)
        }))

      it.effect(`JSON with prose around it is taken (${wayOf(stream)})`, () =>
        Effect.gen(function*() {
          const { exit, server } = yield* against(
            [replyWith({ text: "Sure {as you like}! Here it is:\n```json\n{\"count\": 3}\n```\nAnything else?" })],
            counter("go", { stream })
          )
          assert.deepStrictEqual(value(exit), { count: 3 })
          assert.strictEqual(server.requests.length, 1)
        }))

      const numbers = Task.make("double", {
        payload: { n: Schema.Finite, label: Schema.optionalKey(Schema.String) },
        success: Schema.String,
        run: ({ label, n }) => Effect.succeed(`${label ?? "twice"} ${n} is ${2 * n}`)
      })
      const doubler = assistant.with({ tools: [numbers] })
      const calls = (ids: ReadonlyArray<string | undefined>) =>
        ids.map((id, index) => ({ id, name: "double", json: JSON.stringify({ n: index + 1 }) }))

      for (
        const [title, ids] of [
          ["a call without an id", [undefined]],
          ["two calls without ids", [undefined, undefined]],
          ["two calls with one id", ["call_1", "call_1"]]
        ] as const
      ) {
        it.effect(`${title} is run, and answered under an id of its own (${wayOf(stream)})`, () =>
          Effect.gen(function*() {
            const { exit, server } = yield* against(
              [replyWith({ calls: calls(ids) }), replyWith({ text: "done" })],
              doubler.result("go", { stream })
            )
            const { messages, output, toolCalls } = value(exit)
            assert.strictEqual(output, "done")
            assert.strictEqual(toolCalls, ids.length)
            assertLegal(messages)
            const given = vendor.given(server.requests[1]!.json)
            assert.deepStrictEqual(given.results.map(([id]) => id), given.calls)
            assert.deepStrictEqual(
              given.results.map(([, text]) => JSON.parse(text.startsWith("\"") ? text : JSON.stringify(text))),
              ids.map((_, index) => `twice ${index + 1} is ${2 * (index + 1)}`)
            )
            const known = given.calls.filter((id) => id !== undefined)
            assert.strictEqual(new Set(known).size, known.length, "ids are told apart")
            for (const id of known) assert.match(id, /^[A-Za-z0-9_-]{1,64}$/)
          }))
      }

      it.effect(`arguments split inside of a character arrive whole (${wayOf(stream)})`, () =>
        Effect.gen(function*() {
          const label = "Zürich 世界 👩‍👩‍👧"
          const call = { id: "call_1", name: "double", json: JSON.stringify({ n: 1, label }) }
          const { exit, server } = yield* against(
            [replyWith({ calls: [call] }), replyWith({ text: label })],
            doubler("go", { stream }),
            { fetch: Recut.fetch(Recut.bytes) }
          )
          assert.strictEqual(value(exit), label)
          assert.include(JSON.stringify(vendor.given(server.requests[1]!.json).results), `${label} 1 is 2`)
        }))

      it.effect(
        `an output of 10 MB arrives whole, as text and as an object (${wayOf(stream)})`,
        () =>
          Effect.gen(function*() {
            const text = "0123456789 äöü ".repeat(700_000)
            const said = yield* against([replyWith({ text, size: 4096 })], assistant("go", { stream }))
            assert.isTrue(value(said.exit) === text)
            const Long = Schema.Struct({ text: Schema.String })
            const json = JSON.stringify({ text })
            const typed = Agent.make("typed", { instructions: "i", output: Long })
            const read = yield* against([replyWith({ text: json, size: 4096 })], typed("go", { stream }))
            assert.isTrue(value(read.exit).text === text)
          }),
        60_000
      )

      it.effect(`a finish without content is an error that says so, with what it cost (${wayOf(stream)})`, () =>
        Effect.gen(function*() {
          const { exit } = yield* against([replyWith({})], assistant("go", { stream }))
          const error = failure(exit) as AgentError.AgentError
          assert.strictEqual(error.reason._tag, "EmptyAnswer")
          assert.include(error.message, "ask again")
          assert.strictEqual(error.usage.outputTokens.total, usage.output)
          assert.deepStrictEqual(texts(error.messages), ["go"])
        }))

      it.effect(`usage that is missing is left out, and no NaN (${wayOf(stream)})`, () =>
        Effect.gen(function*() {
          const { exit } = yield* against(
            [replyWith({ calls: calls(["call_1"]), uncounted: true }), replyWith({ text: "done" })],
            doubler.result("go", { stream })
          )
          const { output, usage: counted } = value(exit)
          assert.strictEqual(output, "done")
          assert.strictEqual(counted.inputTokens.total, usage.input + (vendor.name === "anthropic" ? 4 : 0))
          assert.strictEqual(counted.outputTokens.total, usage.output)
        }))

      it.effect(`an address that is a web page says what came, and from where (${wayOf(stream)})`, () =>
        Effect.gen(function*() {
          const body = "<!DOCTYPE html>\n<html><body><h1>Sign in</h1></body></html>"
          for (const status of [200, 404, 502]) {
            const page = { status, headers: { "content-type": "text/html; charset=utf-8" }, body }
            const { exit, server } = yield* against([page], assistant("go", { stream }))
            const error = failure(exit) as AgentError.AgentError
            const reason = reasonOf(error)
            assert.strictEqual(
              reason._tag,
              status === 200 ? "InvalidResponseError" : status === 404 ? "InvalidRequestError" : "InternalProviderError"
            )
            assert.strictEqual(error.isRetryable, status === 502)
            assert.match(error.message, /a web page came/)
            assert.include(error.message, "<h1>Sign in</h1>")
            if (status !== 502) assert.match(error.message, new RegExp(`check .*${server.url}`))
            assert.strictEqual(server.requests.length, 1)
          }
        }))

      const { signature } = faultsOf[vendor.name]
      if (signature !== undefined) {
        it.effect(`reasoning that the vendor does not take back: what to do with the history (${wayOf(stream)})`, () =>
          Effect.gen(function*() {
            const { exit, server } = yield* against([signature], assistant("go", { stream }))
            const error = failure(exit) as AgentError.AgentError
            assert.strictEqual(reasonOf(error)._tag, "InvalidRequestError")
            assert.isFalse(error.isRetryable)
            assert.match(error.message, /begin a new one, or leave its parts of type "reasoning" out/)
            assert.strictEqual(server.requests.length, 1)
          }))
      }
    }

    it.effect("events that nobody knows are passed over, wherever they come", () =>
      Effect.gen(function*() {
        const answer = vendor.answer({ text: "Hello there", calls: [] })
        for (let at = 0; at < answer.streamed.length; at++) {
          const streamed = [...answer.streamed.slice(0, at), ...vendor.unknown, ...answer.streamed.slice(at)]
          const { exit } = yield* against([reply(vendor, { ...answer, streamed }, true)], assistant.result("go"))
          const { messages, output } = value(exit)
          assert.strictEqual(output, "Hello there", `before event ${at}`)
          assert.deepStrictEqual(texts(messages), ["go", "Hello there"])
        }
      }))

    it.effect("an event that is none fails the call, and what was said before it is kept", () =>
      Effect.gen(function*() {
        const { streamed } = vendor.answer({ text: "Hello there" })
        const body = [...streamed.slice(0, vendor.opening + 2), vendor.broken]
        const { exit } = yield* against(
          [{ headers: { "content-type": vendor.streamType }, body }],
          Stream.runDrain(assistant.stream("go"))
        )
        const error = failure(exit) as AgentError.AgentError
        assert.strictEqual(reasonOf(error)._tag, "InvalidResponseError")
        assert.include(error.message, "not valid JSON")
        assert.deepStrictEqual(texts(error.messages), ["go", "Hello th"])
        assertLegal(error.messages)
      }))

    for (const other of vendors.filter(({ name }) => name !== vendor.name && name !== "ollama")) {
      it.effect(`a key of ${other.title}'s is not sent to ${vendor.title}, and told from its own elsewhere`, () =>
        Effect.gen(function*() {
          let sent = 0
          const fetch = () => {
            sent++
            return Promise.reject(new Error("no network"))
          }
          const home = vendor.layer(vendor.home, { apiKey: other.key, fetch })
          const unresolved = failure(yield* Effect.exit(assistant("go").pipe(Effect.provide(home))))
          assert(unresolved._tag === "ModelUnresolved")
          assert.strictEqual(unresolved.problem, "wrong-key")
          assert.strictEqual(sent, 0)
          // a server in between may have keys of its own, so there the vendor's word is waited for
          const { exit, server } = yield* against([faultsOf[vendor.name].auth(other.key)], assistant("go"), {
            apiKey: other.key
          })
          const refused = failure(exit) as AgentError.AgentError
          assert.strictEqual(reasonOf(refused)._tag, "AuthenticationError")
          assert.strictEqual(server.requests.length, 1)
          for (const { message } of [unresolved, refused]) {
            assert.include(message, `looks like one of ${other.title}'s, where one of ${vendor.title}'s is needed`)
            assert.notInclude(message, other.key)
          }
        }))
    }
  })
}
