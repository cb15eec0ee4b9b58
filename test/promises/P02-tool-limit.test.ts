import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import { Agent, Capabilities, type Driver, Task } from "fluxion"
import { TestModel } from "fluxion/testing"
import * as AnthropicRequest from "../../src/provider/anthropic/AnthropicRequest.ts"
import * as GoogleRequest from "../../src/provider/google/GoogleRequest.ts"
import * as OllamaRequest from "../../src/provider/ollama/OllamaRequest.ts"
import * as OpenAiRequest from "../../src/provider/openai/OpenAiRequest.ts"
import { collect, only } from "../support/Events.ts"
import { assertLegal, told } from "../support/Messages.ts"

const counting = () => {
  const ran: Array<number> = []
  const step = Task.make("step", {
    payload: { n: Schema.Finite },
    success: Schema.String,
    run: ({ n }) => {
      ran.push(n)
      return Effect.succeed(`ran ${n}`)
    }
  })
  return { ran, agent: Agent.make("a", { instructions: "i", tools: [step], maxToolCalls: 3 }) }
}

/** What a vendor's request says of calls: that no more may be made, and which were made and answered. */
interface Check {
  readonly forbids: boolean
  readonly calls: ReadonlyArray<unknown>
  readonly results: ReadonlyArray<unknown>
}

const ok = <A, E>(result: Result.Result<A, E>): A =>
  Result.isSuccess(result) ? result.success : assert.fail("no request")

/** The vendors' types are unions of dozens: a test looks at them as data. */
const items = (list: unknown): ReadonlyArray<any> => Array.isArray(list) ? list : []

const calls = (...ns: ReadonlyArray<number>) => ns.map((n) => TestModel.toolCall("step", { n }))

describe("P02 at its limit of tool calls a run says so for each further call, and asks once more for an answer", () => {
  it.effect("of 5 calls in one turn exactly 3 run, 2 are told the limit, and the last request allows no call", () => {
    const { agent, ran } = counting()
    return Effect.gen(function*() {
      const { events } = yield* collect(agent.stream("go"))
      assert.deepStrictEqual(ran, [1, 2, 3])
      const [first, last, ...more] = yield* TestModel.requests
      assert.deepStrictEqual(more, [])
      assert.strictEqual(first!.toolChoice, "auto")
      assert.strictEqual(last!.toolChoice, "none")
      assert.deepStrictEqual(last!.tools.map((tool) => tool.name), ["step"], "tools stay declared")
      assertLegal(last!.prompt.content)
      const results = told(last!.prompt.content).map(([, result]) => String(result))
      assert.deepStrictEqual(results.slice(0, 3), ["ran 1", "ran 2", "ran 3"])
      for (const result of results.slice(3)) assert.match(result, /Limit reached.* 3 tool calls/)
      assert.strictEqual(results.length, 5)
      assert.deepStrictEqual(only(events, "ToolFailed").map((event) => event.reason), ["limit", "limit"])
      const { result } = only(events, "RunCompleted")[0]!
      assert.strictEqual(result.output, "enough")
      assert.strictEqual(result.finish, "tool-limit")
    }).pipe(Effect.provide(TestModel.layer([calls(1, 2, 3, 4, 5), TestModel.text("enough")])))
  })

  it.effect("single calls are counted over all turns of the run", () => {
    const { agent, ran } = counting()
    return Effect.gen(function*() {
      const result = yield* agent.result("go")
      assert.deepStrictEqual(ran, [1, 2, 3])
      assert.strictEqual(result.finish, "tool-limit")
      const choices = (yield* TestModel.requests).map((request) => request.toolChoice)
      assert.deepStrictEqual(choices, ["auto", "auto", "none"])
    }).pipe(Effect.provide(TestModel.layer([calls(1, 2), calls(3, 4), TestModel.text("enough")])))
  })

  it.effect("a call that comes all the same is not run, and what was said beside it is the answer", () => {
    const { agent, ran } = counting()
    return Effect.gen(function*() {
      const result = yield* agent.result("go")
      assert.deepStrictEqual(ran, [1, 2, 3])
      assert.strictEqual(result.output, "so far")
      assert.strictEqual(result.finish, "tool-limit")
      assert.match(String(told(result.messages).at(-1)![1]), /Limit reached/)
      assertLegal(result.messages)
    }).pipe(Effect.provide(TestModel.layer([calls(1, 2, 3), [TestModel.text("so far"), ...calls(4)]])))
  })

  for (
    const [what, turn] of [
      ["says nothing", TestModel.text("")],
      ["only calls again", calls(4)]
    ] as const
  ) {
    it.effect(`a final answer that ${what} fails with EmptyAnswer`, () => {
      const { agent, ran } = counting()
      return Effect.gen(function*() {
        const error = yield* Effect.flip(agent("go"))
        assert.strictEqual(error.reason._tag, "EmptyAnswer")
        assert.deepStrictEqual(ran, [1, 2, 3])
        assert.deepStrictEqual(error.usage.inputTokens, { total: 20 })
        assertLegal(error.messages)
      }).pipe(Effect.provide(TestModel.layer([calls(1, 2, 3), turn])))
    })
  }

  it.effect("an empty answer without any tool call fails with EmptyAnswer too, never with \"\"", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(counting().agent("go"))
      assert.strictEqual(error.reason._tag, "EmptyAnswer")
      assert.include(error.message, "length")
      assert.isTrue(error.isRetryable)
    }).pipe(Effect.provide(TestModel.layer([TestModel.text("", { finish: "length" })]))))

  it.effect("a run may set another limit", () => {
    const { agent, ran } = counting()
    return Effect.gen(function*() {
      const result = yield* agent.result("go", { maxToolCalls: 1 })
      assert.deepStrictEqual(ran, [1])
      assert.strictEqual(result.finish, "tool-limit")
    }).pipe(Effect.provide(TestModel.layer([calls(1, 2), TestModel.text("enough")])))
  })

  describe("the last request is legal for every provider: no call is allowed, every call has its result", () => {
    const vendors: { readonly [name: string]: (request: Driver.ModelRequest) => Check } = {
      openai: (request) => {
        const { input, tool_choice, tools } = ok(OpenAiRequest.make("gpt-5", Capabilities.all, request))
        const ids = (type: string) => items(input).filter((item) => item.type === type).map((item) => item.call_id)
        return {
          forbids: tools?.length === 1 && tool_choice === "none",
          calls: ids("function_call"),
          results: ids("function_call_output")
        }
      },
      anthropic: (request) => {
        const { messages, tool_choice, tools } = ok(
          AnthropicRequest.make("claude-sonnet-4-5", Capabilities.all, request)
        )
        const blocks = (type: string) =>
          messages.flatMap((message) => items(message.content).filter((block) => block.type === type))
        return {
          forbids: tools?.length === 1 && tool_choice?.type === "none",
          calls: blocks("tool_use").map((block) => block.id),
          results: blocks("tool_result").map((block) => block.tool_use_id)
        }
      },
      google: (request) => {
        const { config, contents } = ok(GoogleRequest.make("gemini-2.5-flash", Capabilities.all, request))
        const parts = items(contents).flatMap((content) => items(content.parts))
        const names = (key: string) => parts.flatMap((part) => part[key] === undefined ? [] : [part[key].name])
        return {
          forbids: config?.tools?.length === 1 && String(config.toolConfig?.functionCallingConfig?.mode) === "NONE",
          calls: names("functionCall"),
          results: names("functionResponse")
        }
      },
      // it has no tool choice
      ollama: (request) => {
        const { messages, tools } = ok(OllamaRequest.make(request, { model: "llama3.2", vision: true }))
        return {
          forbids: tools === undefined,
          calls: messages.flatMap((message) => items(message.tool_calls).map((call) => call.function.name)),
          results: messages.filter((message) => message.role === "tool").map((message) => items([message])[0].tool_name)
        }
      }
    }
    for (const [name, check] of Object.entries(vendors)) {
      it.effect(name, () =>
        Effect.gen(function*() {
          yield* counting().agent("go")
          const { calls, forbids, results } = check((yield* TestModel.requests).at(-1)!)
          assert.isTrue(forbids)
          assert.strictEqual(calls.length, 5)
          assert.notInclude(calls, undefined)
          assert.deepStrictEqual(results, calls)
        }).pipe(
          Effect.provide(
            TestModel.layer([[TestModel.text("let me"), ...calls(1, 2, 3, 4, 5)], TestModel.text("enough")])
          )
        ))
    }
  })
})
