import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Agent } from "fluxion"
import { TestModel } from "fluxion/testing"

const counter = Agent.make("counter", { instructions: "Count.", output: Schema.Struct({ count: Schema.Int }) })

describe("P08 answers that fail every corrective turn fail the run with field-level errors and the raw text", () => {
  it.effect("after two corrections the reason is OutputInvalid, with issues and text, and what it cost", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(counter("How many?"))
      assert.strictEqual(error.reason._tag, "OutputInvalid")
      if (error.reason._tag !== "OutputInvalid") return
      assert.match(error.reason.issues.join(), /count/)
      assert.strictEqual(error.reason.text, `{"count":"three"}`)
      assert.strictEqual(error.usage.inputTokens.total, 30)
    }).pipe(Effect.provide(TestModel.layer([
      TestModel.text("no JSON at all"),
      TestModel.text("{}"),
      TestModel.text(`{"count":"three"}`)
    ]))))

  it.effect("`corrections: 0` fails at the first, and a provider's failure is told apart", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(counter.with({ corrections: 0 })("How many?"))
      assert.strictEqual(error.reason._tag, "OutputInvalid")
      assert.isTrue(error.isRetryable)
    }).pipe(Effect.provide(TestModel.layer([TestModel.text("{}")]))))
})
