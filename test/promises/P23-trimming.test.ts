/**
 * P23: a history that is trimmed keeps calls with their results and the newest user turn, counts instructions and tools,
 * and is legal for every provider.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Prompt } from "effect/ai"
import { Agent, Tokens, WorkingMemory } from "fluxion"
import { TestModel } from "fluxion/testing"
import { can, getTime, getWeather, isSummary, type Kind, run } from "../provider/legality/Conversation.ts"
import { all, type Family, idOf } from "../provider/legality/Families.ts"
import { ofRequest, violationsOf } from "../provider/legality/WireApis.ts"

const kinds: ReadonlyArray<Kind> = ["text", "tools", "typed", "hosted", "cut off", "tools"]

/** What a user, a model and tools said in runs of all kinds. */
const conversation = (family: Family) =>
  Effect.gen(function*() {
    let history: ReadonlyArray<Prompt.Message> = []
    for (const kind of kinds.filter((kind) => can(family, kind))) {
      history = (yield* run(family, kind, { history })).messages.filter(({ role }) => role !== "system")
    }
    return history
  })

const tokensOf = (messages: ReadonlyArray<Prompt.Message>) =>
  messages.reduce((sum, message) => sum + Tokens.ofMessage(message), 0)

describe("P23: a history that is trimmed", () => {
  for (const family of all) {
    it.effect(`is legal for ${idOf(family)}, however small the window or the cap, also in the middle of a loop`, () =>
      Effect.gen(function*() {
        const history = yield* conversation(family)
        const cap = tokensOf(history)
        const memories = [
          ...Array.from({ length: history.length + 2 }, (_, index) => ({ window: index + 1 })),
          ...[0.05, 0.2, 0.4, 0.6, 0.8, 1.2].map((part) => ({ maxTokens: Math.ceil(cap * part) }))
        ]
        const kind = can(family, "tools") ? "tools" : "text"
        let shortest = Infinity
        for (const options of memories) {
          const where = `${idOf(family)}: ${JSON.stringify(options)}`
          const { error, requests } = yield* Effect.scoped(
            run(family, kind, { history, memory: WorkingMemory.make(options) })
          )
          assert.isUndefined(error, where)
          for (const [index, request] of requests.entries()) {
            assert.deepStrictEqual(violationsOf(request), [], `${where}, request ${index + 1}`)
            assert.include(request.text, "Tokyo?", `${where}: what was asked`)
            assert.include(request.text, "You tell the weather.", `${where}: the instructions`)
          }
          const last = requests.at(-1)!
          const results = ofRequest(last).read(last).results.length
          if (kind === "tools") assert.isAtLeast(results, 1, `${where}: the latest results`)
          shortest = Math.min(shortest, last.text.length)
        }
        const whole = yield* Effect.scoped(run(family, kind, { history }))
        assert.isBelow(shortest, whole.requests.at(-1)!.text.length, "something was left out")
      }))
  }

  for (const family of all) {
    it.effect(`is legal for ${idOf(family)} with a summary in the place of what was left out, also in the middle of a loop`, () =>
      Effect.gen(function*() {
        const history = yield* conversation(family)
        const cap = tokensOf(history)
        const kind = can(family, "tools") ? "tools" : "text"
        let summaries = 0
        let since = 0
        for (const part of [0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1]) {
          const maxTokens = Math.ceil(cap * part) + 1
          const where = `${idOf(family)}: ${maxTokens} tokens`
          const memory = WorkingMemory.make({ maxTokens, compact: true })
          const { error, requests } = yield* Effect.scoped(run(family, kind, { history, memory }))
          assert.isUndefined(error, where)
          for (const [index, request] of requests.entries()) {
            assert.deepStrictEqual(violationsOf(request), [], `${where}, request ${index + 1}`)
            if (isSummary(request)) summaries++
            else assert.include(request.text, "Tokyo?", `${where}: what was asked`)
            if (!isSummary(request) && request.text.includes("They spoke of the weather.")) since++
          }
        }
        if (history.length > 0) assert.isAbove(summaries, 0, idOf(family))
        if (history.length > 0) assert.isAbove(since, 0, idOf(family))
      }))
  }

  it.effect("counts the instructions and the tools", () =>
    Effect.gen(function*() {
      const question = Prompt.userMessage({ content: [Prompt.textPart({ text: "x".repeat(400) })] })
      const history = Prompt.fromMessages(Array.from({ length: 10 }, () => question))
      const bare = Agent.make("a", { instructions: "", memory: WorkingMemory.make({ maxTokens: 780 }) })
      const instructed = bare.with({ instructions: "y".repeat(800) })
      yield* bare("Now?", { history })
      yield* instructed("Now?", { history })
      yield* instructed.with({ tools: [getWeather, getTime] })("Now?", { history })
      const sent = (yield* TestModel.requests).map(({ prompt, tools }) => {
        assert.isAtMost(tokensOf(prompt.content) + Tokens.ofTools(tools), 780)
        return prompt.content.filter(({ role }) => role === "user").length
      })
      assert.deepStrictEqual(sent, [8, 6, 5])
    }).pipe(Effect.provide(TestModel.layer([1, 2, 3].map(() => TestModel.text("Yes."))))))
})
