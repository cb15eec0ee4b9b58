/**
 * Requests of runs, taken by a fake server that others made: every family, with tools, an answer's schema and reasoning,
 * and again after the turn of calls.
 */
import { LLMock } from "@copilotkit/aimock"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Agent } from "fluxion"
import { getTime, getWeather } from "./Conversation.ts"
import { families, idOf } from "./Families.ts"
import { models, wireApis } from "./WireApis.ts"

const server = Effect.acquireRelease(
  Effect.promise(async () => {
    const mock = new LLMock({ port: 0, logLevel: "silent" })
    mock.on({ hasToolResult: true }, { content: "Sunny in Tokyo, no clock in Oslo." })
    mock.onMessage("Tokyo", {
      toolCalls: [
        { name: "get_weather", arguments: `{"city":"Tokyo"}` },
        { name: "get_time", arguments: `{"city":"Oslo"}` }
      ]
    })
    mock.onMessage("object", { content: `{"n":1}` })
    await mock.start()
    return mock
  }),
  (mock) => Effect.promise(() => mock.stop())
)

describe("@copilotkit/aimock takes the requests of every family", () => {
  for (const { name } of wireApis) {
    for (const stream of [true, false]) {
      it.effect(`${name}, ${stream ? "streaming" : "whole"}`, () =>
        Effect.gen(function*() {
          const mock = yield* server
          for (const family of families[name]!) {
            const about = {
              instructions: "You tell the weather.",
              model: idOf(family),
              reasoning: "low",
              maxTokens: 3000,
              stream
            } as const
            if (family.tools) {
              const agent = Agent.make("a", { ...about, tools: [getWeather, getTime] })
              const result = yield* Effect.provide(agent.result("Tokyo?"), models(mock.url))
              assert.strictEqual(result.output, "Sunny in Tokyo, no clock in Oslo.", family.model)
              assert.strictEqual(result.toolCalls, 2, family.model)
            }
            if (family.schema !== "never") {
              const typed = Agent.make("a", { ...about, output: Schema.Struct({ n: Schema.Finite }) })
              assert.deepStrictEqual(yield* Effect.provide(typed("object"), models(mock.url)), { n: 1 }, family.model)
            }
          }
        }))
    }
  }
})
