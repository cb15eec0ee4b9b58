/**
 * Tokens of OpenAI's models are counted by their own tokenizer.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { LanguageModel } from "effect/ai"
import { Driver, Tokens } from "fluxion"
import { OpenAi } from "fluxion/openai"

const tokenizerOf = (model: string) =>
  Effect.map(LanguageModel.LanguageModel, (service) => Driver.of(service)?.tokenizer).pipe(
    Effect.provide(OpenAi.layer({ model, apiKey: Redacted.make("sk-not-a-key-at-all") }))
  )

const words = (text: string) => text.split(" ").length

describe("the tokens of OpenAI's models", () => {
  it.effect("are those of the encoding that the model has", () =>
    Effect.gen(function*() {
      const count = Effect.fnUntraced(function*(model: string, text: string) {
        const counter = yield* Tokens.counterOf(`openai/${model}`, yield* tokenizerOf(model))
        return counter.ofText(text)
      })
      assert.strictEqual(yield* count("gpt-5", "hello world"), 2)
      // o200k has more words of other languages than cl100k
      const hindi = "नमस्ते दुनिया"
      for (const model of ["gpt-4o", "gpt-4.1-mini", "o3", "gpt-5"]) {
        assert.strictEqual(yield* count(model, hindi), 5, model)
      }
      for (const model of ["gpt-4", "gpt-4-turbo", "gpt-3.5-turbo"]) {
        assert.strictEqual(yield* count(model, hindi), 13, model)
      }
      assert.isAbove(yield* count("gpt-5", "<|endoftext|>"), 1, "what a user writes is text")
    }))

  it.effect("are counted by whom the program gives, then by the model's own tokenizer, then by the estimate", () =>
    Effect.gen(function*() {
      const own = yield* tokenizerOf("gpt-5")
      const given = yield* Effect.provide(Tokens.counterOf("openai/gpt-5", own), Tokens.layer({ "openai/": words }))
      assert.strictEqual(given.ofText("antidisestablishmentarianism it is"), 3)
      assert.strictEqual((yield* Tokens.counterOf("a/b", Effect.succeed(words))).ofText("one two"), 2)
      assert.strictEqual(yield* Tokens.counterOf("a/b", Effect.succeed(undefined)), Tokens.estimate)
      assert.strictEqual(yield* Tokens.counterOf("a/b", undefined), Tokens.estimate)
      const again = yield* tokenizerOf("gpt-5")
      assert.strictEqual(
        yield* Tokens.counterOf("x/y", again),
        yield* Tokens.counterOf("x/y", own),
        "messages are counted once"
      )
    }))
})
