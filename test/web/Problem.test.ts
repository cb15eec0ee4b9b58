import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration, Schema } from "effect"
import { AiError } from "effect/ai"
import { AgentError, Usage } from "fluxion"
import { Problem } from "fluxion/web"

const failed = (reason: AiError.AiErrorReason) =>
  new AgentError.ModelFailed({
    model: "openai/gpt-5",
    error: AiError.make({ module: "OpenAi", method: "stream", reason })
  })

const inner = "org-4711 of key sk-…42"

/** Every reason that there is, with what a client is told. */
const table: ReadonlyArray<readonly [AgentError.AgentErrorReason, status: number, detail: RegExp, retryable: boolean]> =
  [
    [
      failed(new AiError.InvalidUserInputError({ description: "the instruction is empty" })),
      400,
      /instruction is empty/,
      false
    ],
    [failed(new AiError.ContentPolicyError({ description: inner })), 422, /content filter/, false],
    [failed(new AiError.RateLimitError({})), 503, /busy/, true],
    [failed(new AiError.QuotaExhaustedError({})), 503, /at present/, false],
    [
      failed(new AiError.AuthenticationError({ kind: "InvalidKey", description: inner })),
      500,
      /refused the server/,
      false
    ],
    [failed(new AiError.InvalidRequestError({ description: inner })), 500, /refused the request/, false],
    [
      failed(new AiError.InvalidRequestError({ metadata: { fluxion: { contextLengthExceeded: true } } })),
      413,
      /too long/,
      false
    ],
    [failed(new AiError.InternalProviderError({ description: inner })), 502, /the model failed/, true],
    [
      failed(new AiError.NetworkError({ reason: "TransportError", method: "POST", url: inner, description: inner })),
      502,
      /the model failed/,
      true
    ],
    [failed(new AiError.UnknownError({ description: inner })), 502, /the model failed/, false],
    [new AgentError.OutputInvalid({ issues: ["day: missing"], text: "{}" }), 502, /day: missing/, true],
    [new AgentError.EmptyAnswer({ model: "m", finish: "stop" }), 502, /empty answer/, true],
    [new AgentError.BudgetExceeded({ limit: 10, spent: 12 }), 429, /budget of 10 tokens/, false],
    [new AgentError.ApprovalRejected({ tool: "pay", comment: "no" }), 403, /pay was rejected: no/, false],
    [new AgentError.NoApprover({ tool: "pay" }), 403, /pay needs an approval/, false],
    [new AgentError.Unsupported({ model: "m", feature: "images", advice: inner }), 501, /support images/, false],
    [
      new AgentError.ModelUnresolved({ model: "openai/gpt-5", problem: "missing-key", detail: "set OPENAI_API_KEY" }),
      500,
      /not set up/,
      false
    ],
    [new AgentError.TimedOut({ after: Duration.seconds(5) }), 504, /timeout of 5s/, true],
    [new AgentError.ConversationBusy({ conversation: "chat-42" }), 409, /"chat-42"/, true],
    [
      new AgentError.ConversationFailed({ conversation: "chat-42", detail: "no database", isRetryable: true }),
      503,
      /try again later/,
      true
    ],
    [
      new AgentError.ConversationFailed({ conversation: "", detail: "it is empty", isRetryable: false }),
      400,
      /it is empty/,
      false
    ],
    [new AgentError.OwnerMissing({ memory: "notes" }), 500, /owner/, false]
  ]

const toError = (reason: AgentError.AgentErrorReason) =>
  new AgentError.AgentError({ agent: "assistant", reason, usage: Usage.empty, messages: [] })

describe("what a client is told of a failed run", () => {
  for (const [reason, status, detail, retryable] of table) {
    const name = reason._tag === "ModelFailed" ? `ModelFailed, ${reason.error.reason._tag}` : reason._tag
    it(`${name}: ${status}, and nothing of what is the server's own`, () => {
      const problem = Problem.of(toError(reason))
      assert.deepStrictEqual([problem.status, problem.retryable, problem.reason], [status, retryable, reason._tag])
      assert.match(problem.detail, detail)
      assert.notMatch(Problem.toJson(problem), /org-4711|OPENAI_API_KEY|gpt-5/)
      assert.strictEqual(Problem.statusOf(toError(reason)), status)
      assert.deepStrictEqual(JSON.parse(Problem.toJson(problem)), {
        type: "about:blank",
        title: JSON.parse(Problem.toJson(problem)).title,
        ...problem
      })
      assert.isString(JSON.parse(Problem.toJson(problem)).title)
    })
  }

  it("no reason is left out of the table", () => {
    const known = new Set(table.map(([{ _tag }]) => _tag))
    for (const { fields } of AgentError.AgentErrorReason.members) {
      assert.isTrue(known.has(fields._tag.schema.literal), fields._tag.schema.literal)
    }
  })

  it("a vendor's wait is the client's, in whole seconds", () => {
    const problem = Problem.of(toError(failed(new AiError.RateLimitError({ retryAfter: Duration.millis(1200) }))))
    assert.strictEqual(problem.retryAfter, 2)
  })

  it("a typed error of somebody else keeps its message, and tells whether it is worth another try", () => {
    class SoldOut extends Schema.TaggedError<SoldOut>()("SoldOut", { item: Schema.String }) {
      readonly isRetryable = true
      override get message() {
        return `${this.item} is sold out`
      }
    }
    assert.deepStrictEqual(Problem.of(new SoldOut({ item: "lamp" })), {
      status: 500,
      reason: "SoldOut",
      detail: "lamp is sold out",
      retryable: true
    })
    assert.strictEqual(Problem.of("no way").detail, "no way")
    assert.strictEqual(Problem.of({ _tag: "Odd" }).reason, "Odd")
    assert.strictEqual(Problem.of(undefined).detail, "the run failed")
  })

  it("a bug says nothing, an interrupt that it was one, and a failure beside them what it is", () => {
    assert.deepStrictEqual(Problem.ofCause(Cause.die(new Error(inner))), Problem.unexpected)
    assert.deepStrictEqual(Problem.ofCause(Cause.interrupt()), Problem.interrupted)
    assert.deepStrictEqual(Problem.ofCause(Cause.combine(Cause.interrupt(), Cause.die(inner))), Problem.unexpected)
    const both = Cause.combine(Cause.die(inner), Cause.fail("no way"))
    assert.strictEqual(Problem.ofCause(both).detail, "no way")
    assert.strictEqual(Problem.ofCause(both, (error) => ({ ...Problem.of(error), status: 418 })).status, 418)
  })

  it("the event that watchers get says the same", () => {
    const event = { _tag: "RunFailed", path: "a", message: inner, usage: Usage.empty, messages: [] } as const
    for (const [reason] of table) {
      assert.deepStrictEqual(Problem.ofEvent({ ...event, end: "failed", reason }), Problem.of(toError(reason)))
    }
    assert.deepStrictEqual(Problem.ofEvent({ ...event, end: "defect" }), Problem.unexpected)
    assert.deepStrictEqual(Problem.ofEvent({ ...event, end: "interrupted" }), Problem.interrupted)
    assert.deepStrictEqual(Problem.ofEvent({ ...event, end: "client-gone" }), Problem.interrupted)
  })
})
