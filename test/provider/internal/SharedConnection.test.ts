import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Redacted } from "effect"
import { Agent, Models } from "fluxion"
import { Anthropic } from "fluxion/anthropic"
import { Google } from "fluxion/google"
import { Ollama } from "fluxion/ollama"
import { OpenAi } from "fluxion/openai"
import { OpenAiCompatible } from "fluxion/openai-compatible"
import * as SharedConnection from "../../../src/provider/internal/SharedConnection.ts"

describe("SharedConnection", () => {
  it.effect("is made once, by the first who needs it, while the others wait", () =>
    Effect.gen(function*() {
      const made: Array<string> = []
      const connect = SharedConnection.make((model) =>
        Effect.as(Effect.yieldNow, model).pipe(Effect.tap((model) => Effect.sync(() => made.push(model))))
      )
      const given = yield* Effect.forEach(["a", "b", "c"], connect, { concurrency: "unbounded" })
      assert.deepStrictEqual([given, made], [["a", "a", "a"], ["a"]])
    }))

  it.effect("that could not be made is tried again by the next", () =>
    Effect.gen(function*() {
      let calls = 0
      const connect = SharedConnection.make(() => ++calls === 1 ? Effect.fail("no key") : Effect.succeed(calls))
      assert.strictEqual(yield* Effect.flip(connect("a")), "no key")
      assert.strictEqual(yield* connect("b"), 2)
      assert.strictEqual(yield* connect("c"), 2)
    }))

  const apiKey = Redacted.make("key-1234567890")
  const providers = {
    openai: (fetch: typeof globalThis.fetch) => OpenAi.provider({ apiKey, fetch, maxConcurrentRequests: 1 }),
    anthropic: (fetch: typeof globalThis.fetch) => Anthropic.provider({ apiKey, fetch, maxConcurrentRequests: 1 }),
    google: (fetch: typeof globalThis.fetch) => Google.provider({ apiKey, fetch, maxConcurrentRequests: 1 }),
    ollama: (fetch: typeof globalThis.fetch) => Ollama.provider({ fetch, maxConcurrentRequests: 1 }),
    vllm: (fetch: typeof globalThis.fetch) =>
      OpenAiCompatible.provider("vllm", { apiKey, fetch, maxConcurrentRequests: 1 })
  }
  for (const [name, make] of Object.entries(providers)) {
    it.effect(`keeps maxConcurrentRequests over models of ${name} that are first asked for at once`, () =>
      Effect.gen(function*() {
        let now = 0
        let most = 0
        let calls = 0
        const fetch = async () => {
          calls++
          most = Math.max(most, ++now)
          await new Promise((resolve) => setImmediate(resolve))
          now--
          return new Response("{}", { status: 400, headers: { "content-type": "application/json" } })
        }
        const ask = (model: string) =>
          Effect.exit(
            Agent.make("agent", { instructions: "i", model: `${name}/${model}`, modelRetry: { times: 0 } })("?")
          )
        const exits = yield* Effect.forEach(["m1", "m2", "m3"], ask, { concurrency: "unbounded" }).pipe(
          Effect.provide(Models.layer([make(fetch as typeof globalThis.fetch)]))
        )
        assert.isTrue(exits.every(Exit.isFailure))
        assert.deepStrictEqual([calls, most], [3, 1])
      }))
  }
})
