/**
 * The tables that come with the providers, against what the vendors' pages say of one model of each family.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Driver, Models } from "fluxion"
import { all, idOf } from "./Families.ts"
import { models } from "./WireApis.ts"

describe("what models can do", () => {
  for (const family of all) {
    it.effect(`${idOf(family)} is known for what it can do`, () =>
      Effect.gen(function*() {
        const driver = Driver.of(yield* (yield* Models.Models).get(idOf(family)))
        const can = driver!.capabilities
        assert.strictEqual(can.tools, family.tools, "tools")
        assert.strictEqual(can.reasoning, family.reasons, "reasoning")
        assert.strictEqual(can.vision, family.sees, "vision")
        assert.strictEqual(can.structuredOutput, family.schema !== "never", "structuredOutput")
        if (can.structuredOutput) assert.strictEqual(can.outputWithTools, family.schema === "always", "outputWithTools")
        assert.strictEqual(can.forcedToolChoice, family.forced !== "never", "forcedToolChoice")
        if (can.forcedToolChoice && can.reasoning) {
          assert.strictEqual(can.reasoningWithForcedChoice, family.forced === "always", "reasoningWithForcedChoice")
        }
      }).pipe(Effect.provide(models("http://127.0.0.1:9"))))
  }

  it("the models that examples and guides elsewhere name are among them", () => {
    for (
      const id of [
        "ollama/llama3",
        "ollama/llama3.2",
        "openai/gpt-4o",
        "anthropic/claude-sonnet-4-20250514",
        "google/gemini-2.5-flash"
      ]
    ) assert.include(all.map(idOf), id)
  })
})
