import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Logger, Schema } from "effect"
import { AiError, Prompt } from "effect/ai"
import { AgentError } from "fluxion"

const usage = { inputTokens: { total: 7 }, outputTokens: {} }

const { content: messages } = Prompt.make([
  { role: "user", content: "a private question" },
  { role: "assistant", content: "a private answer ".repeat(10_000) }
])

const failed = (reason: AgentError.AgentErrorReason) =>
  new AgentError.AgentError({ agent: "guide", reason, usage, messages })

const refused = failed(
  new AgentError.ModelFailed({
    model: "openai/gpt-5",
    error: AiError.make({
      module: "OpenAi",
      method: "stream",
      reason: new AiError.RateLimitError({
        metadata: { openai: { message: "slow down", status: 429, requestId: "req_1" } },
        retryAfter: Duration.seconds(7)
      })
    })
  })
)

describe("an AgentError as JSON", () => {
  it("says who failed, why and at what cost, and counts the messages", () => {
    assert.deepStrictEqual(JSON.parse(JSON.stringify(refused)), {
      _tag: "AgentError",
      agent: "guide",
      message: refused.message,
      isRetryable: true,
      reason: {
        _tag: "ModelFailed",
        model: "openai/gpt-5",
        error: {
          _tag: "RateLimitError",
          metadata: { openai: { message: "slow down", status: 429, requestId: "req_1" } },
          retryAfter: "7s"
        }
      },
      usage,
      messages: 2
    })
  })

  it("holds nothing of what was said, also not the answer that did not fit", () => {
    const unfit = failed(new AgentError.OutputInvalid({ issues: ["total is missing"], text: "a private answer" }))
    const { reason } = JSON.parse(JSON.stringify(unfit))
    assert.deepStrictEqual(reason, { _tag: "OutputInvalid", issues: ["total is missing"] })
    for (const error of [refused, unfit]) assert.notInclude(JSON.stringify({ error }), "private")
  })

  it("names each reason with its own fields", () => {
    const reasons = [
      new AgentError.EmptyAnswer({ model: "a/b", finish: "length" }),
      new AgentError.BudgetExceeded({ limit: 10, spent: 11 }),
      new AgentError.NoApprover({ tool: "pay" }),
      new AgentError.ModelUnresolved({ model: "a/b", problem: "missing-key", detail: "set KEY" })
    ]
    for (const reason of reasons) {
      const json = JSON.parse(JSON.stringify(failed(reason)))
      const { isRetryable, ...fields } = JSON.parse(JSON.stringify(reason))
      assert.deepStrictEqual(json.reason, fields)
      assert.strictEqual(json.isRetryable, isRetryable)
      assert.include(json.message, reason.message)
    }
  })

  it.effect("is what a logger of JSON writes", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const logger = Logger.map(Logger.formatJson, (line) => lines.push(line))
      yield* Effect.logError(refused).pipe(Effect.provide(Logger.layer([logger])))
      assert.deepStrictEqual(JSON.parse(lines[0]!).message, JSON.parse(JSON.stringify(refused)))
      assert.isBelow(lines[0]!.length, 1000)
    }))

  it("is not what goes across a journal: that has the messages", () => {
    const codec = Schema.fromJsonString(Schema.toCodecJson(AgentError.AgentError))
    const back = Schema.decodeSync(codec)(Schema.encodeSync(codec)(refused))
    assert.deepStrictEqual(back.messages, refused.messages)
    assert.strictEqual(back.message, refused.message)
  })
})
