import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { AgentError, AgentEvent, Usage } from "fluxion"

const Count = Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1e9 })))
const Counted = Schema.Struct({
  inputTokens: Schema.Struct({ total: Count, uncached: Count, cacheRead: Count, cacheWrite: Count }),
  outputTokens: Schema.Struct({ total: Count, text: Count, reasoning: Count })
})

describe("Usage", () => {
  it.prop("adding is associative, and nothing is its zero", { a: Counted, b: Counted, c: Counted }, ({ a, b, c }) => {
    assert.deepStrictEqual(Usage.add(Usage.add(a, b), c), Usage.add(a, Usage.add(b, c)))
    assert.deepStrictEqual(Usage.add(a, Usage.empty), a)
    assert.deepStrictEqual(Usage.add(Usage.empty, a), a)
  })

  it.prop("a number is known in the sum exactly when one side knows it", { a: Counted, b: Counted }, ({ a, b }) => {
    const { inputTokens } = Usage.add(a, b)
    for (const key of ["total", "uncached", "cacheRead", "cacheWrite"] as const) {
      const [left, right] = [a.inputTokens[key], b.inputTokens[key]]
      assert.strictEqual(inputTokens[key], left === undefined ? right : right === undefined ? left : left + right)
    }
  })

  it("undefined counts of a response are left out", () => {
    assert.deepStrictEqual(
      Usage.fromResponse({ inputTokens: { total: 3, cacheRead: undefined }, outputTokens: { total: undefined } }),
      { inputTokens: { total: 3 }, outputTokens: {} }
    )
  })
})

describe("AgentEvent", () => {
  it.prop(
    "every event crosses a boundary as JSON and comes back equal",
    { event: AgentEvent.AgentEvent },
    ({ event }) => {
      const codec = Schema.toCodecJson(AgentEvent.AgentEvent)
      const json = JSON.stringify(Schema.encodeSync(codec)(event))
      assert.deepEqual(Schema.encodeSync(codec)(Schema.decodeUnknownSync(codec)(JSON.parse(json))), JSON.parse(json))
    }
  )

  it.prop(
    "an event is progress or durable, and a terminal one is durable",
    { event: AgentEvent.AgentEvent },
    ({ event }) => {
      assert.isFalse(AgentEvent.isProgress(event) && AgentEvent.isTerminal(event))
    }
  )
})

describe("AgentError", () => {
  it.prop("every reason has words for whoever must act, and says whether trying again may help", {
    reason: AgentError.AgentErrorReason
  }, ({ reason }) => {
    const error = new AgentError.AgentError({ agent: "a", reason, usage: Usage.empty, messages: [] })
    assert.strictEqual(error.message, `agent a: ${reason.message}`)
    assert.isAbove(reason.message.length, 10)
    assert.strictEqual(error.isRetryable, reason.isRetryable)
    assert.isBoolean(error.isRetryable)
  })
})
